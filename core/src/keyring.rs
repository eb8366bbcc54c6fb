//! The installation key, and sealing with it: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), 24 random bytes of nonce in
//! front of the ciphertext. What is sealed is bound to a context, so that a value cannot be moved to another row.

use std::{fmt, fs, io::Write, path::Path, sync::Arc};

use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{Error, Result, entropy::Entropy};

const NONCE: usize = 24;

/// The installation key. Everything sealed is lost without it.
#[derive(Clone)]
pub struct Keyring {
    key: Arc<[u8; 32]>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    /// A key of 32 random bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: Arc::new(key) }
    }

    /// Reads 64 hexadecimal digits, as in `SWITCHBOARD_SECRET_KEY`.
    pub fn from_hex(text: &str) -> Result<Self> {
        let mut key = [0; 32];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| {
            Error::internal(
                "the secret key must be 64 hexadecimal digits (32 bytes); make one with: openssl rand -hex 32",
            )
        })?;
        Ok(Self::new(key))
    }

    /// Reads the key file, or makes it with mode 0600 when there is none. Two processes that start at once: the file is
    /// linked into place whole, and whoever comes second reads the other's.
    pub fn from_file(path: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let broken =
            |what: &str, e: &std::io::Error| Error::internal(format!("{what} the key file {}: {e}", path.display()));
        if !path.exists() {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|e| broken("cannot make the folder of", &e))?;
            }
            let mut key = [0; 32];
            entropy.fill(&mut key);
            let mut suffix = [0; 8];
            entropy.fill(&mut suffix);
            let temporary = path.with_extension(format!("new-{}", hex::encode(suffix)));
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&temporary).map_err(|e| broken("cannot make", &e))?;
            file.write_all(hex::encode(key).as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(|e| broken("cannot write", &e))?;
            match fs::hard_link(&temporary, path) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(broken("cannot place", &e)),
            }
            fs::remove_file(&temporary).map_err(|e| broken("cannot tidy up beside", &e))?;
        }
        Self::from_hex(&fs::read_to_string(path).map_err(|e| broken("cannot read", &e))?)
    }

    /// Seals `plain` for one `context` (e.g. the row's id).
    pub fn seal(&self, context: &[u8], plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let sealed = XChaCha20Poly1305::new(self.key.as_ref().into())
            .encrypt(&nonce.into(), Payload { msg: plain, aad: context })
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what [`Keyring::seal`] made for the same context with the same key.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let opened = sealed.split_at_checked(NONCE).and_then(|(nonce, text)| {
            let nonce: [u8; NONCE] = nonce.try_into().ok()?;
            XChaCha20Poly1305::new(self.key.as_ref().into())
                .decrypt(&nonce.into(), Payload { msg: text, aad: context })
                .ok()
        });
        opened.ok_or_else(|| {
            Error::internal("a sealed value cannot be opened: the secret key is not the one it was sealed with (SWITCHBOARD_SECRET_KEY or the key file)")
        })
    }

    /// A value that only the holder of the key can derive (HMAC-SHA-256).
    pub fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        let mut mac = match <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.key.as_ref()) {
            Ok(mac) => mac,
            Err(never) => unreachable!("HMAC takes keys of any length: {never}"),
        };
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(input);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn sealed_values_open_only_with_their_key_and_context() {
        let entropy = SeededEntropy::new(1);
        let ring = Keyring::new([7; 32]);
        let sealed = ring.seal(b"row 1", b"token", &entropy).unwrap();
        assert_eq!(ring.open(b"row 1", &sealed).unwrap(), b"token");
        assert!(ring.open(b"row 2", &sealed).is_err());
        assert!(Keyring::new([8; 32]).open(b"row 1", &sealed).is_err());
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert!(ring.open(b"row 1", &bad).is_err(), "byte {i}");
        }
        assert!(ring.open(b"row 1", b"short").is_err());
    }

    #[test]
    fn the_key_file_is_private_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/secret.key");
        let first = Keyring::from_file(&path, &SeededEntropy::new(1)).unwrap();
        let second = Keyring::from_file(&path, &SeededEntropy::new(2)).unwrap();
        assert_eq!(first.key, second.key);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    }
}
