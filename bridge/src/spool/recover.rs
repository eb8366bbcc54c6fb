//! Reading what an earlier run left.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::Path,
    sync::Arc,
};

use super::{
    Entry, Head, Line, create,
    segments::{Old, done_path, log_path, unfinished_path},
};
use crate::channels::Channels;

/// Lines that cannot be read and are not the torn end of a segment: the disk has changed them. Kept for a person to look at.
const DAMAGED: &str = "damaged.jsonl";

pub(super) struct Recovered {
    pub(super) segments: Vec<Old>,
    pub(super) waiting: Vec<Entry>,
    pub(super) channels: Channels,
    /// The number of the next event.
    pub(super) next: u64,
}

pub(super) fn recover(dir: &Path) -> io::Result<Recovered> {
    let mut recovered = Recovered { segments: Vec::new(), waiting: Vec::new(), channels: Channels::default(), next: 1 };
    let mut firsts = Vec::new();
    for file in fs::read_dir(dir)? {
        let name = file?.file_name();
        let Some((stem, kind)) = name.to_str().and_then(|name| name.rsplit_once('.')) else { continue };
        match (stem.parse::<u64>(), kind) {
            (Ok(first), "events") => firsts.push(first),
            // The rest of a segment whose beginning or removal was cut short.
            (Ok(first), "new") => fs::remove_file(unfinished_path(dir, first))?,
            (Ok(first), "done") if !log_path(dir, first).exists() => fs::remove_file(done_path(dir, first))?,
            _ => {}
        }
    }
    firsts.sort_unstable();
    let mut lanes: BTreeMap<String, Arc<str>> = BTreeMap::new();
    for first in firsts {
        recover_segment(dir, first, &mut recovered, &mut lanes)?;
    }
    Ok(recovered)
}

fn recover_segment(
    dir: &Path,
    first: u64,
    recovered: &mut Recovered,
    lanes: &mut BTreeMap<String, Arc<str>>,
) -> io::Result<()> {
    let mut done = done_numbers(dir, first)?;
    let mut log = BufReader::new(File::open(log_path(dir, first))?);
    let mut at = 0;
    let mut segment = Old { first, bytes: 0, entries: 0, done: 0 };
    let mut bytes = Vec::new();
    recovered.next = recovered.next.max(first);
    loop {
        bytes.clear();
        let length = log.read_until(b'\n', &mut bytes)?;
        if length == 0 {
            break;
        }
        let whole = bytes.last() == Some(&b'\n');
        if at == 0 {
            match serde_json::from_slice::<Head>(&bytes) {
                Ok(head) => recovered.channels = head.channels,
                // Torn when it was made: the segment before it says which channels were open.
                Err(_) => keep_damaged(dir, &bytes, whole)?,
            }
        } else if let Ok(line) = serde_json::from_slice::<Line>(&bytes)
            && whole
        {
            recovered.next = recovered.next.max(line.n + 1);
            recovered.channels.observe(&line.body);
            segment.entries += 1;
            if done.remove(&line.n) {
                segment.done += 1;
            } else {
                let lane = Arc::clone(lanes.entry(line.lane).or_insert_with_key(|lane| Arc::from(lane.as_str())));
                recovered.waiting.push(Entry { n: line.n, lane, segment: first, at, length });
            }
        } else {
            keep_damaged(dir, &bytes, whole)?;
        }
        at += length as u64;
    }
    segment.bytes = at;
    recovered.segments.push(segment);
    Ok(())
}

/// A line without its end is what a kill leaves behind: the event had not been acknowledged to anybody. A whole line that
/// cannot be read is another matter.
fn keep_damaged(dir: &Path, bytes: &[u8], whole: bool) -> io::Result<()> {
    if !whole {
        tracing::info!("the last line of the spool was torn when the bridge ended; it is dropped");
        return Ok(());
    }
    let path = dir.join(DAMAGED);
    tracing::error!(path = %path.display(), "a line of the spool cannot be read and is put aside: the disk has damaged it");
    let mut file = create(&path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

fn done_numbers(dir: &Path, first: u64) -> io::Result<HashSet<u64>> {
    match fs::read_to_string(done_path(dir, first)) {
        // Only whole lines: "12" may be what is left of "123".
        Ok(text) => Ok(text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse().ok()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashSet::new()),
        Err(error) => Err(error),
    }
}
