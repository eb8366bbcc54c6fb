//! A token in the clear, and what is stored of it.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::App;

/// Prefix of access tokens. Prefixes let scanners for leaked secrets find them, and keep the two kinds apart.
pub(super) const ACCESS: &str = "sba_";
/// Prefix of refresh tokens.
pub(super) const REFRESH: &str = "sbr_";

/// A token in the clear: a prefix and 32 bytes in base64url. Never stored, never printed.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token itself, for the client alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// From given bytes.
    pub(super) fn new(prefix: &str, bytes: [u8; 32]) -> Self {
        Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// From 256 random bits.
    pub(super) fn random(app: &App, prefix: &str) -> Self {
        let mut bytes = [0; 32];
        app.entropy().fill(&mut bytes);
        Self::new(prefix, bytes)
    }

    /// Reads what a client sent; `None` when it cannot be a token of this kind.
    pub(super) fn read(text: &str, prefix: &str) -> Option<Self> {
        let body = text.strip_prefix(prefix)?;
        let plausible = body.len() == 43 && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        plausible.then(|| Self(text.to_owned()))
    }

    /// What is stored: SHA-256, hexadecimal. Looked up by equality in an index, which tells an attacker with a stop-watch
    /// at most something about a hash.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn tokens_are_read_back_and_nothing_else_is() {
        let token = Token::new(ACCESS, [0xfb; 32]);
        assert_eq!(Token::read(token.expose(), ACCESS).unwrap().hash(), token.hash());
        assert!(Token::read(token.expose(), REFRESH).is_none());
        let long = "x".repeat(1 << 20);
        for text in ["", "sba_", "sba_short", long.as_str(), &format!("{}=", token.expose()), &token.expose()[4..]] {
            assert!(Token::read(text, ACCESS).is_none());
        }
        assert!(!format!("{token:?}").contains(&token.expose()[4..]));
    }
}
