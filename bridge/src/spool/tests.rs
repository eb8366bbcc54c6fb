#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "tests")]
use std::{collections::BTreeSet, fs};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;

fn event(n: u64, lane: &str) -> Event {
    let body = format!(r#"{{"type":"ChannelStateChange","channel":{{"id":"{lane}","state":"Up"}},"n":{n}}}"#);
    Event { id: format!("{lane}:{n}"), lane: lane.to_owned(), body }
}

/// Puts the events through a writer of the spool, and returns what came out and what waited before.
fn fill(dir: &Path, limit: u64, events: Vec<Event>) -> (Spool, Vec<Entry>, Vec<Entry>) {
    let Opened { spool, writer, waiting } = Spool::open(dir, limit).unwrap();
    let inlet = writer.inlet();
    let (stored, mut arrivals) = mpsc::unbounded_channel();
    let feeding = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for event in events {
                assert!(inlet.store(event).await);
            }
        });
    });
    writer.run(&stored, &CancellationToken::new());
    feeding.join().unwrap();
    drop(stored);
    (spool, std::iter::from_fn(|| arrivals.try_recv().ok()).collect(), waiting)
}

fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    found.retain(|path| path.to_str().unwrap().ends_with(end));
    found.sort();
    found
}

#[test]
fn events_come_back_in_order_until_they_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let events: Vec<_> = (1..=20).map(|n| event(n, if n % 2 == 0 { "a" } else { "b" })).collect();
    let (spool, stored, waiting) = fill(dir.path(), 0, events.clone());
    assert_eq!((stored.len(), waiting.len()), (20, 0));
    for (entry, event) in stored.iter().zip(&events) {
        assert_eq!(&spool.read(entry).unwrap(), event);
    }
    for entry in stored.iter().filter(|entry| entry.n % 3 == 0) {
        spool.done(entry).unwrap();
    }
    drop(spool);

    let (spool, stored, waiting) = fill(dir.path(), 0, vec![event(21, "c")]);
    let left: Vec<_> = (1..=20).filter(|n| n % 3 != 0).collect();
    assert_eq!(waiting.iter().map(|entry| entry.n).collect::<Vec<_>>(), left);
    assert_eq!(stored[0].n, 21, "numbers go on after a restart");
    for entry in waiting.iter().chain(&stored) {
        assert_eq!(
            spool.read(entry).unwrap(),
            events.get(entry.n as usize - 1).cloned().unwrap_or_else(|| event(21, "c"))
        );
        spool.done(entry).unwrap();
    }
    drop(spool);
    let (_spool, _, waiting) = fill(dir.path(), 0, Vec::new());
    assert!(waiting.is_empty());
    assert_eq!(files(dir.path(), ".events").len(), 1, "only the newest segment stays");
    assert_eq!(files(dir.path(), ".done").len(), 1);
}

#[test]
fn only_one_process_may_use_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = Spool::open(dir.path(), 0).unwrap();
    assert!(matches!(Spool::open(dir.path(), 0), Err(SpoolError::Taken(_))));
    drop(first);
    assert!(Spool::open(dir.path(), 0).is_ok());
}

#[test]
fn callers_data_is_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new").join("folder");
    let (spool, stored, _) = fill(&folder, 0, vec![event(1, "a")]);
    let path = spool.put_aside(&spool.read(&stored[0]).unwrap(), "now", 422, "no").unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(&folder).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let line: serde_json::Value = serde_json::from_str(fs::read_to_string(path).unwrap().trim()).unwrap();
    assert_eq!((line["status"].as_u64(), line["id"].as_str()), (Some(422), Some("a:1")));
}

/// Wherever a kill tears the newest segment, everything before the torn line is there, and nothing else.
#[test]
fn a_torn_end_costs_the_torn_event_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let events: Vec<_> = (1..=3).map(|n| event(n, "ä\n\"x")).collect();
    let (spool, stored, _) = fill(dir.path(), 0, events.clone());
    drop(spool);
    let log = files(dir.path(), ".events").remove(0);
    let whole = fs::read(&log).unwrap();
    let ends: Vec<u64> = stored.iter().map(|entry| entry.at + entry.length as u64).collect();
    let before_the_last = stored[2].at as usize;
    for cut in before_the_last - 1..=whole.len() {
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join(log.file_name().unwrap()), &whole[..cut]).unwrap();
        let (spool, new, waiting) = fill(copy.path(), 0, vec![event(9, "b")]);
        let expected = ends.iter().filter(|end| **end <= cut as u64).count();
        assert_eq!(waiting.len(), expected, "cut at {cut}");
        for (entry, event) in waiting.iter().zip(&events) {
            assert_eq!(&spool.read(entry).unwrap(), event);
        }
        assert_eq!(spool.read(&new[0]).unwrap(), event(9, "b"));
        assert_eq!(files(copy.path(), "damaged.jsonl").len(), 0);
    }
}

#[test]
fn a_damaged_line_is_put_aside_and_the_rest_read() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, stored, _) = fill(dir.path(), 0, (1..=3).map(|n| event(n, "a")).collect());
    drop(spool);
    let log = files(dir.path(), ".events").remove(0);
    let mut bytes = fs::read(&log).unwrap();
    bytes[stored[1].at as usize] = 0;
    fs::write(&log, bytes).unwrap();
    let (_spool, _, waiting) = fill(dir.path(), 0, Vec::new());
    assert_eq!(waiting.iter().map(|entry| entry.n).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(files(dir.path(), "damaged.jsonl").len(), 1);
}

#[test]
fn a_torn_list_of_done_ones_repeats_and_never_forgets() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, stored, _) = fill(dir.path(), 0, (1..=12).map(|n| event(n, "a")).collect());
    for entry in &stored {
        spool.done(entry).unwrap();
    }
    drop(spool);
    let list = files(dir.path(), ".done").remove(0);
    // "…11\n1": what is left of 12 must not count as 1, nor as done.
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, &text[..text.len() - 2]).unwrap();
    let (_spool, _, waiting) = fill(dir.path(), 0, Vec::new());
    assert_eq!(waiting.iter().map(|entry| entry.n).collect::<Vec<_>>(), [12]);
}

#[test]
fn at_the_bound_it_takes_no_more_until_a_quarter_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, stored, _) = fill(dir.path(), 0, (0..2000).map(|n| event(n, "a")).collect());
    assert!(spool.bytes() >= SMALLEST && !*spool.roomy().borrow());
    assert!(files(dir.path(), ".events").len() > 4, "the spool is in segments");
    let mut freed_at = None;
    for entry in &stored {
        spool.done(entry).unwrap();
        if *spool.roomy().borrow() {
            freed_at.get_or_insert(spool.bytes());
        }
    }
    let freed_at = freed_at.unwrap();
    assert!(freed_at < SMALLEST - SMALLEST / 4 && freed_at > 0, "{freed_at}");
    assert_eq!(files(dir.path(), ".events").len(), 1);
    assert!(!stored.iter().map(|entry| entry.segment).collect::<BTreeSet<_>>().is_empty());
}

/// The channels that are open are known after a restart, though their events are long delivered and gone.
#[tokio::test]
async fn open_channels_outlive_their_events() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let events: Vec<_> = (0..2000).map(|n| event(n, if n < 1 { "early" } else { "late" })).collect();
    tokio::task::spawn_blocking(move || {
        let (spool, stored, _) = fill(&path, 0, events);
        for entry in &stored {
            spool.done(entry).unwrap();
        }
        drop(spool);
        // Twice without a single event: the empty segment of the first is replaced by that of the second.
        for _ in 0..2 {
            fill(&path, 0, Vec::new());
        }
    })
    .await
    .unwrap();
    let Opened { writer, .. } = Spool::open(dir.path(), 0).unwrap();
    let inlet = writer.inlet();
    let (stored, _arrivals) = mpsc::unbounded_channel();
    let writing = tokio::task::spawn_blocking(move || writer.run(&stored, &CancellationToken::new()));
    assert_eq!(inlet.channels().await.unwrap().count(), 2);
    let gone = r#"{"type":"ChannelDestroyed","channel":{"id":"early"}}"#;
    inlet.store(Event { id: "x".to_owned(), lane: "early".to_owned(), body: gone.to_owned() }).await;
    assert_eq!(inlet.channels().await.unwrap().count(), 1);
    drop(inlet);
    writing.await.unwrap();
}
