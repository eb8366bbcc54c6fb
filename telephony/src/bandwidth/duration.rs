//! Lengths of time after ISO 8601.

/// Whole seconds of a duration such as `PT20.056S` or `P1DT2H3M4.5S`; a fraction of the seconds is cut off. `None` for
/// years and months, whose length nobody knows, and for everything else that is no duration.
pub(super) fn seconds(text: &str) -> Option<u32> {
    let (days, time) = text.trim().strip_prefix('P')?.split_once('T')?;
    let days = if days.is_empty() { 0 } else { days.strip_suffix('D')?.parse().ok()? };
    let mut total = 86_400_u64.checked_mul(days)?;
    let mut rest = time;
    for (unit, length) in [('H', 3600_u64), ('M', 60), ('S', 1)] {
        let Some((number, after)) = rest.split_once(unit) else { continue };
        let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || (unit != 'S' && whole != number) {
            return None;
        }
        total = total.checked_add(whole.parse::<u64>().ok()?.checked_mul(length)?)?;
        rest = after;
    }
    (rest.is_empty() && !time.is_empty()).then(|| u32::try_from(total).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_seconds() {
        let examples = [("PT20.056S", 20), ("PT0S", 0), ("PT2M", 120), ("PT1H1M1.999S", 3661), ("P1DT1S", 86_401)];
        for (text, expected) in examples {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_durations() {
        let texts =
            ["", "P", "PT", "20", "PT20", "PTS", "PT-1S", "PT1.5M", "PT1S1M", "P1MT1S", "PT1.S", "pt1s", "PT1e3S"];
        for text in texts {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(seconds("PT99999999999999999999S"), None);
        assert_eq!(seconds("P99999999999999999DT1S"), None);
        assert_eq!(seconds("PT4294967295S"), Some(u32::MAX));
        assert_eq!(seconds("PT4294967296S"), None);
    }
}
