//! The `sequence` extension as a number.

/// Characters of a digits-only sequence that take part in the order.
const DIGITS: usize = 18;

/// A number that orders as the texts do.
///
/// Sequences are compared as texts, byte by byte, so `10` comes before `9` and `009` before `01`, unless `sequencetype` says
/// `Integer`, which makes them whole numbers. Texts of digits keep their whole order up to 18 characters (each is a digit
/// to the base of eleven, the end being the smallest), other texts that of their first eight bytes; texts that agree so far
/// are equal, and then time decides.
pub(super) fn number(text: &str, kind: Option<&str>) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("integer"))
        && let Ok(number) = text.parse()
    {
        return Some(number);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let digit = |at: usize| text.as_bytes().get(at).map_or(0, |byte| i64::from(byte - b'0') + 1);
        return Some((0..DIGITS).fold(0, |sum, at| sum * 11 + digit(at)));
    }
    let mut first = [0; 8];
    for (place, byte) in first.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    // Half of the number: the order stays, and it fits.
    i64::try_from(u64::from_be_bytes(first) / 2).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_order_as_the_texts_do() {
        let sorted = ["0", "00000007", "009", "01", "1", "10", "100", "11", "2", "9", "999999999999999999"];
        let ascends = |texts: &[&str]| texts.iter().map(|text| number(text, None)).is_sorted_by(|a, b| a < b);
        assert!(ascends(&sorted));
        let words = ["A", "B", "a", "ab", "abc", "b", "é"];
        assert!(ascends(&words));
        assert_eq!((number("", None), number(" ", Some("Integer"))), (None, None));
        assert_eq!((number("10", Some("Integer")), number("-3", Some("integer"))), (Some(10), Some(-3)));
        assert!(number("9", Some("Integer")) < number("10", Some("Integer")));
        assert_eq!(number("12345678901234567890", None), number("123456789012345678", None));
        assert_eq!(number("abcdefgh1", None), number("abcdefgh2", None));
        assert!(number("zzzzzzzz", None).is_some() && number("\u{ff}\u{ff}\u{ff}\u{ff}", None).is_some());
    }
}
