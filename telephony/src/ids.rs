//! Ids and keys of providers as they are kept.

use crate::signature::sha256_hex;

/// Bytes of the longest id or key that is kept as it is: longer than those of any provider, and short enough for every
/// index of both databases.
const LONGEST: usize = 200;

/// The id itself, or in place of one that is too long its hash: equal ids stay equal, different ones different.
pub(crate) fn bounded(id: impl Into<String>) -> String {
    let id = id.into();
    if id.len() <= LONGEST { id } else { format!("sha256:{}", sha256_hex(id.as_bytes())) }
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
}
