//! Message authentication codes and their comparison.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// HMAC-SHA1 in base64.
pub(crate) fn hmac_sha1(key: &[u8], message: &[u8]) -> String {
    // HMAC takes keys of any length, so the error cannot happen; an empty text would match no signature.
    let mac = Hmac::<Sha1>::new_from_slice(key).map(|mac| mac.chain_update(message).finalize().into_bytes());
    mac.map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()
}

/// HMAC-SHA1 in lower-case hexadecimal digits.
pub(crate) fn hmac_sha1_hex(key: &[u8], message: &[u8]) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(key).map(|mac| mac.chain_update(message).finalize().into_bytes());
    mac.map(hex::encode).unwrap_or_default()
}

/// HMAC-SHA256 in base64.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(message).finalize().into_bytes());
    mac.map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()
}

/// SHA-256 in lower-case hexadecimal digits.
pub(crate) fn sha256_hex(message: &[u8]) -> String {
    hex::encode(Sha256::digest(message))
}

/// Whether two texts are equal, in a time that depends on their lengths alone. Two empty texts are not: an empty
/// signature proves nothing.
pub(crate) fn equal(expected: &str, given: &str) -> bool {
    !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
}
