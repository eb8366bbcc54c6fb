//! Where the files come from.

use std::borrow::Cow;

use rust_embed::Embed;

/// One file: its bytes, its media type, and the SHA-256 of its bytes.
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    pub media_type: String,
    pub sha256: [u8; 32],
}

/// Files by path, without a leading slash. A trait, so that the serving rules can be tested without a web build.
pub trait Assets {
    /// The file at `path`, if there is one.
    fn get(&self, path: &str) -> Option<Asset>;
}

#[derive(Embed)]
#[folder = "$SWITCHBOARD_WEB_DIR_AT_BUILD"]
struct Folder;

/// The files compiled into this binary.
pub struct Embedded;

impl Assets for Embedded {
    fn get(&self, path: &str) -> Option<Asset> {
        let file = Folder::get(path)?;
        Some(Asset {
            media_type: file.metadata.mimetype().to_owned(),
            sha256: file.metadata.sha256_hash(),
            bytes: file.data,
        })
    }
}
