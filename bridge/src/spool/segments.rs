//! The segments of a spool, and what is done of each.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::watch;

use super::{Head, create};
use crate::channels::Channels;

/// Largest segment.
const LARGEST: u64 = 8 << 20;

/// A segment from an earlier run.
#[derive(Clone, Copy)]
pub(super) struct Old {
    pub(super) first: u64,
    pub(super) bytes: u64,
    pub(super) entries: u64,
    pub(super) done: u64,
}

struct Segment {
    log: Arc<File>,
    done_list: File,
    bytes: u64,
    entries: u64,
    done: u64,
}

/// All segments. The newest is the one that grows.
pub(super) struct Segments {
    dir: PathBuf,
    limit: u64,
    /// By the number of the first event.
    all: BTreeMap<u64, Segment>,
    disk_works: bool,
    roomy: watch::Sender<bool>,
}

pub(super) fn log_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.events"))
}

pub(super) fn done_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.done"))
}

pub(super) fn unfinished_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.new"))
}

impl Segments {
    pub(super) fn new(dir: PathBuf, limit: u64) -> (Self, watch::Receiver<bool>) {
        let (roomy, receiver) = watch::channel(true);
        (Self { dir, limit, all: BTreeMap::new(), disk_works: true, roomy }, receiver)
    }

    pub(super) fn adopt(&mut self, old: Old) -> io::Result<()> {
        let log = Arc::new(File::open(log_path(&self.dir, old.first))?);
        let done_list = create(&done_path(&self.dir, old.first))?;
        let Old { bytes, entries, done, .. } = old;
        self.all.insert(old.first, Segment { log, done_list, bytes, entries, done });
        Ok(())
    }

    /// Begins a segment with the event number `first`. The ones before it will not grow any more.
    pub(super) fn begin(&mut self, first: u64, channels: &Channels) -> io::Result<()> {
        let mut head = serde_json::to_vec(&Head { v: 1, channels: channels.clone() }).map_err(io::Error::other)?;
        head.push(b'\n');
        // Under another name until it is whole: it may replace an empty segment of the same number, the only one that tells
        // which channels are open.
        let unfinished = unfinished_path(&self.dir, first);
        let mut log =
            OpenOptions::new().create(true).truncate(true).read(true).write(true).mode(0o600).open(&unfinished)?;
        log.write_all(&head)?;
        log.sync_data()?;
        fs::rename(&unfinished, log_path(&self.dir, first))?;
        let done_list = create(&done_path(&self.dir, first))?;
        // The name of the file must survive a power cut too.
        File::open(&self.dir)?.sync_all()?;
        let bytes = head.len() as u64;
        self.all.insert(first, Segment { log: Arc::new(log), done_list, bytes, entries: 0, done: 0 });
        let finished: Vec<u64> =
            self.all.iter().filter(|(_, segment)| segment.is_done()).map(|(first, _)| *first).collect();
        for old in finished {
            self.remove_if_done(old);
        }
        self.look_for_room();
        Ok(())
    }

    /// The newest segment: its number, its file, and where its end is.
    pub(super) fn newest(&self) -> io::Result<(u64, Arc<File>, u64)> {
        let (first, segment) = self.all.last_key_value().ok_or_else(|| io::Error::other("there is no segment"))?;
        Ok((*first, Arc::clone(&segment.log), segment.bytes))
    }

    /// Whether the newest segment is large enough to begin another.
    pub(super) fn newest_is_full(&self) -> bool {
        let most = (self.limit / 16).clamp(4 << 10, LARGEST);
        self.all.last_key_value().is_some_and(|(_, segment)| segment.entries > 0 && segment.bytes >= most)
    }

    /// The newest segment has grown.
    pub(super) fn grown(&mut self, first: u64, bytes: u64, entries: u64) {
        if let Some(segment) = self.all.get_mut(&first) {
            segment.bytes += bytes;
            segment.entries += entries;
        }
        self.disk_works = true;
        self.look_for_room();
    }

    /// The disk refused to write.
    pub(super) fn disk_failed(&mut self) {
        self.disk_works = false;
        self.look_for_room();
    }

    pub(super) fn log(&self, first: u64) -> io::Result<Arc<File>> {
        self.all.get(&first).map(|segment| Arc::clone(&segment.log)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// An event is done. Its segment goes when it was the last.
    pub(super) fn done(&mut self, first: u64, n: u64) -> io::Result<()> {
        let Some(segment) = self.all.get_mut(&first) else { return Ok(()) };
        segment.done += 1;
        // Not flushed to the disk: what a power cut takes from this list goes out twice, and is taken once.
        let written = segment.done_list.write_all(format!("{n}\n").as_bytes());
        self.remove_if_done(first);
        self.look_for_room();
        written
    }

    fn remove_if_done(&mut self, first: u64) {
        let newest = self.all.last_key_value().map(|(newest, _)| *newest);
        if newest == Some(first) || !self.all.get(&first).is_some_and(Segment::is_done) {
            return;
        }
        self.all.remove(&first);
        // The events first: a list of done numbers without events is nothing, the other way round all would go out again.
        for path in [log_path(&self.dir, first), done_path(&self.dir, first)] {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a file of the spool that is no longer needed cannot be removed");
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.all.values().map(|segment| segment.bytes).sum()
    }

    fn look_for_room(&self) {
        let bytes = self.bytes();
        let enough = if *self.roomy.borrow() { self.limit } else { self.limit - self.limit / 4 };
        let roomy = self.disk_works && bytes < enough;
        self.roomy.send_if_modified(|old| std::mem::replace(old, roomy) != roomy);
    }

    /// Writes at the end of the newest segment and flushes it. At a position, not appended: a second attempt after a
    /// failure writes over the first.
    pub(super) fn write(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, at)?;
        file.sync_data()
    }
}

impl Segment {
    fn is_done(&self) -> bool {
        self.done >= self.entries
    }
}
