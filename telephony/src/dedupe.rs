//! Keys that tell equal events from different ones.

use crate::signature::sha256_hex;

/// Characters of the longest key that stays readable.
const MAX_KEY: usize = 200;

/// The key itself, or its hash when it is longer than a column or an index should hold: its parts are texts of the
/// provider, of any length.
pub(crate) fn bounded(key: String) -> String {
    if key.len() <= MAX_KEY { key } else { format!("sha256:{}", sha256_hex(key.as_bytes())) }
}

/// The key of a request of which nothing says what it is: only an equal one is the same event.
pub(crate) fn of_content(content: &[u8]) -> String {
    format!("other:{}", sha256_hex(content))
}
