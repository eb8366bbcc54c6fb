//! Where the webhook secret comes from.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use async_trait::async_trait;

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The secret of a file, or whatever else it is asked from. Asked at the start, and again when the CRM refuses a signature:
/// so a secret can be replaced without a restart.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// The secret, or in plain words why there is none.
    async fn read(&self) -> Result<Hidden, String>;
}

/// A secret that does not change, such as one from the environment.
#[async_trait]
impl SecretSource for Hidden {
    async fn read(&self) -> Result<Hidden, String> {
        Ok(self.clone())
    }
}

/// A secret in a file: its first line.
#[derive(Clone, Debug)]
pub struct SecretFile(PathBuf);

impl SecretFile {
    /// The secret in this file.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Whether others than the owner and the group can read the file.
    pub fn is_public(&self) -> bool {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(&self.0).is_ok_and(|file| file.permissions().mode() & 0o007 != 0)
    }

    /// Reads the first line, without what surrounds it.
    pub fn first_line(&self) -> Result<Hidden, String> {
        let path = self.0.display();
        let text = fs::read_to_string(&self.0).map_err(|error| format!("the file {path} cannot be read: {error}"))?;
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() { Err(format!("the first line of {path} is empty")) } else { Ok(Hidden::new(line)) }
    }
}

#[async_trait]
impl SecretSource for SecretFile {
    async fn read(&self) -> Result<Hidden, String> {
        self.first_line()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_line_of_a_file_is_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let file = SecretFile::new(&path);
        assert!(file.first_line().unwrap_err().contains("cannot be read"));
        fs::write(&path, "\nx").unwrap();
        assert!(file.first_line().unwrap_err().contains("empty"));
        fs::write(&path, " whsec_x \r\nmore").unwrap();
        let secret = file.first_line().unwrap();
        assert_eq!(secret.reveal(), "whsec_x");
        assert!(!format!("{secret:?}").contains("whsec"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(!file.is_public());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(file.is_public());
    }
}
