//! What only a provider has, for the connections that `--setup` made: a file in the data folder, for this user alone.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{BufRead, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use switchboard_telephony::Secrets;

/// By a connection's part of the URL.
pub type Keys = BTreeMap<String, Secrets>;

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("simulation-keys.json")
}

/// The keys; none when there is no file.
pub fn read(data_dir: &Path) -> Result<Keys> {
    let path = path(data_dir);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .ok()
            .with_context(|| format!("{} is damaged: remove it, and run simulate --setup again", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Keys::new()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Writes the keys, whole or not at all.
pub fn write(data_dir: &Path, keys: &Keys) -> Result<()> {
    let path = path(data_dir);
    let new = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        // A file that is left over may be readable by others: it must not be written into.
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(keys)?)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Reads the `NAME=VALUE` pairs of the command line; `-` as the value stands for the next line of standard input, because
/// arguments show in the list of processes.
pub fn given(pairs: &[String]) -> Result<Secrets> {
    let mut lines = std::io::stdin().lock().lines();
    let read = pairs.iter().map(|pair| {
        let (name, value) = pair.split_once('=').context("--sign-with takes NAME=VALUE, e.g. private_key=-")?;
        let value = match value {
            "-" => lines.next().context("standard input has no line for this secret")??.trim_end().to_owned(),
            value => value.to_owned(),
        };
        Ok((name.to_owned(), value))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), Keys::new());
        let keys = Keys::from([("telnyx.simulation".to_owned(), Secrets::new().with("private_key", "x"))]);
        std::fs::write(path(folder.path()).with_extension("new"), "left over").unwrap();
        write(folder.path(), &keys).unwrap();
        assert_eq!(read(folder.path()).unwrap(), keys);
        let mode = std::fs::metadata(path(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(path(folder.path()), "{").unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains("damaged"));
    }
}
