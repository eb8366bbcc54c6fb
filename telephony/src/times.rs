//! Times as providers write them.

use chrono::{DateTime, NaiveDateTime, Utc};

/// Reads a time: RFC 3339 (also with a space in place of the `T`, with an offset without colon as Asterisk writes it, and
/// without any offset, which counts as UTC), and RFC 2822 as Twilio writes it. `None` when it is none of these: a provider's
/// odd time must not lose the event.
pub(crate) fn read(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let with_offset = || {
        let formats = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z"];
        formats.into_iter().find_map(|format| DateTime::parse_from_str(text, format).ok())
    };
    let zulu = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let naive = || {
        let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
        formats.into_iter().find_map(|format| NaiveDateTime::parse_from_str(zulu, format).ok())
    };
    DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| DateTime::parse_from_rfc2822(text).ok())
        .or_else(with_offset)
        .map(|time| time.with_timezone(&Utc))
        .or_else(|| naive().map(|time| time.and_utc()))
        .filter(is_plausible)
}

/// A time from microseconds since 1970; `None` for zero, which stands for "never".
pub(crate) fn from_micros(micros: i64) -> Option<DateTime<Utc>> {
    (micros > 0).then(|| DateTime::from_timestamp_micros(micros)).flatten().filter(is_plausible)
}

/// A time from milliseconds since 1970; `None` for zero, which stands for "never".
pub(crate) fn from_millis(millis: i64) -> Option<DateTime<Utc>> {
    (millis > 0).then(|| DateTime::from_timestamp_millis(millis)).flatten().filter(is_plausible)
}

/// Years 1970 to 9999: what both databases and every reader can hold.
fn is_plausible(time: &DateTime<Utc>) -> bool {
    (0..=253_402_300_799).contains(&time.timestamp())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_provider_is_read() {
        let expected: DateTime<Utc> = "2026-02-12T11:48:25Z".parse().unwrap();
        for text in [
            "2026-02-12T11:48:25Z",
            "2026-02-12T11:48:25.000000Z",
            "2026-02-12T13:48:25.000+0200",
            "2026-02-12T13:48:25+02:00",
            "2026-02-12 11:48:25.000000Z",
            "2026-02-12 11:48:25",
            "2026-02-12T11:48:25.000",
            "Thu, 12 Feb 2026 11:48:25 +0000",
            " 2026-02-12 13:48:25 +0200 ",
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in
            ["", "yesterday", "2019-09-13-16:48:27.198Z", "0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "1770896905"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(from_micros(1_770_896_905_000_000), Some(expected));
        assert_eq!(from_millis(1_770_896_905_000), Some(expected));
        assert_eq!((from_micros(0), from_millis(-1), from_micros(i64::MAX)), (None, None, None));
    }
}
