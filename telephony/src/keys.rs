//! Ids and keys of providers as they are kept: bounded, and without anything that names a person.

use crate::signature::sha256_hex;

/// Bytes of the longest id or key that is kept as it is: longer than those of any provider, and short enough for every
/// index of both databases.
const LONGEST: usize = 200;

/// The id itself, or in place of one that is too long its hash: equal ids stay equal, different ones different.
pub(crate) fn bounded(id: impl Into<String>) -> String {
    let id = id.into();
    if id.len() <= LONGEST { id } else { format!("sha256:{}", sha256_hex(id.as_bytes())) }
}

/// The key of a request of which nothing says what it is: only an equal one is the same event.
pub(crate) fn of_content(content: &[u8]) -> String {
    format!("other:{}", sha256_hex(content))
}

/// Bytes up to which a part is kept as it is.
const LONGEST_PART: usize = 96;

/// A text as a part of a dedupe key: as it is while it is short and cannot hold an address of a person, else its hash.
/// Keys are logged and shown, so they hold no personal data, and they are part of an index, so they have a bounded length.
pub(crate) fn part(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let addressed = lower.contains(['+', '@']) || ["tel:", "sip:", "sips:"].iter().any(|scheme| lower.contains(scheme));
    if text.len() > LONGEST_PART || addressed || text.chars().any(char::is_control) {
        sha256_hex(text.as_bytes())
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_long_is_hashed() {
        assert_eq!(bounded("CA1:seq:0:ringing"), "CA1:seq:0:ringing");
        assert_eq!(bounded("x".repeat(LONGEST)), "x".repeat(LONGEST));
        let long = bounded("x".repeat(LONGEST + 1));
        assert_eq!((long.len(), long.starts_with("sha256:")), (71, true));
        assert_ne!(long, bounded("x".repeat(LONGEST + 2)));
    }

    #[test]
    fn what_could_name_a_person_or_is_long_is_hashed() {
        for plain in ["1714719181.4", "/pbx/1", "5a3a1d91-90d3-4db4-af5c-cc3ae15d93a4", ""] {
            assert_eq!(part(plain), plain);
        }
        for text in ["tel:12025550143", "+12025550143", "ann@example.com", "SIP:201", "a\nb", &"x".repeat(97)] {
            let hash = part(text);
            assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        }
        assert_ne!(part("+12025550143"), part("+12025550144"));
    }
}
