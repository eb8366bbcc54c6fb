//! What the phone systems that people run themselves (Asterisk, `FreeSWITCH`) have in common: bare digits as addresses, and
//! causes of the end after ITU-T Q.850.

use crate::{Dialect, Outcome, Party, PartyKind};

/// Digits of the shortest bare number that can be an international one.
const SHORTEST_INTERNATIONAL: usize = 8;

/// Reads an address. Trunks deliver international numbers with or without `+`: digits that are neither an extension nor a
/// number of the region are tried as an international number.
pub(crate) fn party(raw: &str, region: Option<&str>) -> Party {
    let text = raw.trim();
    let party = Party::parse(text, Dialect::PhoneSystem, region);
    let bare = text.len() >= SHORTEST_INTERNATIONAL && text.bytes().all(|byte| byte.is_ascii_digit());
    if party.kind != PartyKind::Unknown || !bare {
        return party;
    }
    // `00` is how most of the world dials `+`.
    let digits = text.strip_prefix("00").unwrap_or(text);
    let international = Party::parse(&format!("+{digits}"), Dialect::Public, None);
    if international.kind == PartyKind::Pstn { international } else { party }
}

/// The digits of an extension, if that is what the party is.
pub(crate) fn extension(party: Option<&Party>) -> Option<String> {
    let party = party.filter(|party| party.kind == PartyKind::Extension)?;
    party.value.as_ref().map(crate::Address::clear)
}

/// How a leg ended, by its cause after ITU-T Q.850 (0: not told). `answered`: whether there is evidence that the leg was
/// answered. Where it was, causes of a broken connection still end a talk; those that tell how a dialled party refused
/// stand, because phone systems hand them up to the leg that dialled.
pub(crate) fn outcome_of_cause(cause: u8, answered: bool) -> Option<Outcome> {
    match cause {
        17 => Some(Outcome::Busy),
        18 | 19 => Some(Outcome::NoAnswer),
        21 => Some(Outcome::Rejected),
        26 => Some(Outcome::Canceled),
        _ if answered => Some(Outcome::Completed),
        0 => None,
        16 => Some(Outcome::NoAnswer),
        _ => Some(Outcome::Failed),
    }
}

/// A cause that ITU-T Q.850 knows: 1 to 127.
pub(crate) fn q850(cause: i64) -> Option<u8> {
    u8::try_from(cause).ok().filter(|cause| (1..=127).contains(cause))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use super::*;

    #[test]
    fn bare_digits_are_extensions_national_or_international() {
        let clear = |raw: &str, region| party(raw, region).value.unwrap().clear();
        assert_eq!(clear("12025550143", None), "+12025550143");
        assert_eq!(clear("0012025550143", None), "+12025550143");
        assert_eq!(clear("+12025550143", Some("DE")), "+12025550143");
        assert_eq!(clear("030901820", Some("DE")), "+4930901820");
        assert_eq!(clear("4930901820", Some("US")), "+4930901820");
        assert_eq!(party("1002", None).kind, PartyKind::Extension);
        assert_eq!(party("anonymous", None).kind, PartyKind::Withheld);
        assert_eq!(party("", None).kind, PartyKind::Withheld);
        for unknown in ["0000000000", "99999999999999999999", "*97", "park"] {
            assert_eq!(party(unknown, None).kind, PartyKind::Unknown, "{unknown}");
        }
        assert_eq!(extension(Some(&party("1002", None))).as_deref(), Some("1002"));
        assert_eq!(extension(Some(&party("12025550143", None))), None);
    }

    #[test]
    fn every_cause_has_its_outcome_with_and_without_an_answer() {
        let rows = [
            (0, None, Some(Outcome::Completed)),
            (1, Some(Outcome::Failed), Some(Outcome::Completed)),
            (3, Some(Outcome::Failed), Some(Outcome::Completed)),
            (16, Some(Outcome::NoAnswer), Some(Outcome::Completed)),
            (17, Some(Outcome::Busy), Some(Outcome::Busy)),
            (18, Some(Outcome::NoAnswer), Some(Outcome::NoAnswer)),
            (19, Some(Outcome::NoAnswer), Some(Outcome::NoAnswer)),
            (21, Some(Outcome::Rejected), Some(Outcome::Rejected)),
            (26, Some(Outcome::Canceled), Some(Outcome::Canceled)),
            (27, Some(Outcome::Failed), Some(Outcome::Completed)),
            (28, Some(Outcome::Failed), Some(Outcome::Completed)),
            (31, Some(Outcome::Failed), Some(Outcome::Completed)),
            (34, Some(Outcome::Failed), Some(Outcome::Completed)),
            (38, Some(Outcome::Failed), Some(Outcome::Completed)),
            (41, Some(Outcome::Failed), Some(Outcome::Completed)),
            (42, Some(Outcome::Failed), Some(Outcome::Completed)),
            (127, Some(Outcome::Failed), Some(Outcome::Completed)),
        ];
        for (cause, silent, answered) in rows {
            assert_eq!((outcome_of_cause(cause, false), outcome_of_cause(cause, true)), (silent, answered), "{cause}");
        }
        assert_eq!((q850(16), q850(0), q850(128), q850(-1), q850(1 << 40)), (Some(16), None, None, None, None));
    }
}
