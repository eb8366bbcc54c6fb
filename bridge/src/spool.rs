//! Events on disk, between the moment Asterisk said them and the moment the CRM has them.
//!
//! Segments (`<first number>.events`) hold one JSON object a line: first the channels that are open at its beginning, then
//! events, numbered through all segments. Beside each lies a list of the numbers that are done (`….done`). A segment is
//! removed when all its events are done and a newer one exists: so the newest always tells which channels are open.
//!
//! What the power or `kill -9` can do: an event that was written but not yet flushed may be torn, and is then the last line
//! of the newest segment: it is dropped, nothing else. A number that is missing in a list of done ones makes an event go
//! out twice, under the same id: the CRM takes it once.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{channels::Channels, event::Event};

mod recover;
mod segments;
mod writer;

pub use writer::{Inlet, Writer};

use segments::Segments;

/// Smallest bound that leaves room for segments.
pub const SMALLEST: u64 = 64 << 10;

/// The spool cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process has it.
    #[error("another bridge already works in {0}: give each its own --app or --data-dir")]
    Taken(String),
    /// The file system refuses.
    #[error("the folder {0} cannot be used: {1}")]
    Folder(String, io::Error),
}

/// The first line of a segment.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Version of the format.
    v: u32,
    /// Open channels.
    channels: Channels,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
struct Line {
    n: u64,
    id: String,
    lane: String,
    body: String,
}

/// An event that waits in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; events are numbered in the order in which they came.
    pub n: u64,
    /// The lane it belongs to.
    pub lane: Arc<str>,
    segment: u64,
    at: u64,
    length: usize,
}

#[cfg(test)]
impl Entry {
    /// For tests of what only looks at the number and the lane.
    pub(crate) fn made_up(n: u64, lane: &str) -> Self {
        Self { n, lane: Arc::from(lane), segment: 0, at: 0, length: 0 }
    }
}

/// The spool, seen by whoever delivers. Cheap to clone.
#[derive(Clone)]
pub struct Spool {
    dir: PathBuf,
    segments: Arc<Mutex<Segments>>,
    roomy: watch::Receiver<bool>,
    // Held until the end: the lock goes with the file.
    _lock: Arc<File>,
}

/// A spool, just opened.
pub struct Opened {
    /// For whoever delivers.
    pub spool: Spool,
    /// For the thread that writes.
    pub writer: Writer,
    /// What waits since the last time, in order.
    pub waiting: Vec<Entry>,
}

impl Spool {
    /// Opens the spool in the folder, which is made if need be. It takes in events until it has `limit` bytes (at least
    /// [`SMALLEST`]).
    pub fn open(dir: &Path, limit: u64) -> Result<Opened, SpoolError> {
        let refused = |error| SpoolError::Folder(dir.display().to_string(), error);
        // Callers' numbers are for this user alone.
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused)?;
        let lock = create(&dir.join("lock")).map_err(refused)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::Taken(dir.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
        let recovered = recover::recover(dir).map_err(refused)?;
        let (mut segments, roomy) = Segments::new(dir.to_owned(), limit.max(SMALLEST));
        for old in recovered.segments {
            segments.adopt(old).map_err(refused)?;
        }
        segments.begin(recovered.next, &recovered.channels).map_err(refused)?;
        let segments = Arc::new(Mutex::new(segments));
        let spool = Self { dir: dir.to_owned(), segments: Arc::clone(&segments), roomy, _lock: Arc::new(lock) };
        let writer = Writer::new(segments, recovered.next, recovered.channels);
        Ok(Opened { spool, writer, waiting: recovered.waiting })
    }

    /// Reads an event back.
    pub fn read(&self, entry: &Entry) -> io::Result<Event> {
        let file = self.segments().log(entry.segment)?;
        let mut bytes = vec![0; entry.length];
        file.read_exact_at(&mut bytes, entry.at)?;
        let line: Line = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        if line.n != entry.n {
            return Err(io::Error::other("the spool holds another event at this place"));
        }
        Ok(Event { id: line.id, lane: line.lane, body: line.body })
    }

    /// The event need not be kept any longer.
    pub fn done(&self, entry: &Entry) -> io::Result<()> {
        self.segments().done(entry.segment, entry.n)
    }

    /// Writes an event that the CRM does not want to the file `refused.jsonl`, with the reason, and returns its path.
    pub fn put_aside(&self, event: &Event, at: &str, status: u16, answer: &str) -> io::Result<PathBuf> {
        let path = self.dir.join(REFUSED);
        let line = serde_json::json!({
            "at": at, "status": status, "answer": answer, "id": event.id, "lane": event.lane, "body": event.body,
        });
        let mut file = create(&path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()?;
        Ok(path)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments().bytes()
    }

    /// Whether there is room for more. `false` from the limit on, until a quarter of it is free again, and while the disk
    /// refuses to write.
    pub fn roomy(&self) -> watch::Receiver<bool> {
        self.roomy.clone()
    }

    fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events the CRM does not want.
pub const REFUSED: &str = "refused.jsonl";

/// Opens a file for appending, readable by this user alone.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests;
