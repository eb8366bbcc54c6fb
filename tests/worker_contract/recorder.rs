//! Rules that remember what they were given, and can misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use switchboard_core::{Error, Result};
use switchboard_worker::{
    Settle,
    settle::{Incoming, Settled},
};
use tokio::sync::watch;

use crate::support::wait::{SOON, eventually};

/// Hand-outs after which the real rules put a delivery aside.
pub const LAST_ATTEMPT: u32 = 5;

/// The hand-out from which on a delivery is worked on alone: it was lost twice.
const SUSPECT: u32 = 3;

/// What happened.
#[derive(Debug, Default)]
pub struct Log {
    /// Numbers in the order in which settling them began.
    pub begun: Vec<u32>,
    /// How often each was settled.
    pub settled: BTreeMap<u32, u32>,
    /// The attempts with which each came.
    pub attempts: BTreeMap<u32, Vec<u32>>,
    /// Sizes of the batches.
    pub batches: Vec<usize>,
    /// Put aside after too many attempts.
    pub dead: BTreeSet<u32>,
    /// Entries that were no envelopes.
    pub undecodable: usize,
    /// Settled while being settled.
    pub overlaps: usize,
    /// Batches that were settled beside one that may kill the process.
    pub beside_a_suspect: usize,
    in_work: BTreeSet<u32>,
    suspects: BTreeSet<u32>,
}

/// See the module.
pub struct Recorder {
    log: Mutex<Log>,
    poison: Option<u32>,
    away: AtomicBool,
    held: watch::Sender<bool>,
}

impl Recorder {
    pub fn new() -> Arc<Self> {
        Self::with(None)
    }

    /// Panics at this number until its last attempt is over.
    pub fn panics_at(number: u32) -> Arc<Self> {
        Self::with(Some(number))
    }

    fn with(poison: Option<u32>) -> Arc<Self> {
        let held = watch::Sender::new(false);
        Arc::new(Self { log: Mutex::default(), poison, away: AtomicBool::new(false), held })
    }

    /// Settling waits, or goes on.
    pub fn hold(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    /// The database is away, or back.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// What happened so far. Not to be kept across an await.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all of them are settled.
    pub async fn settles(&self, numbers: impl IntoIterator<Item = u32>) {
        self.settles_within(SOON, numbers).await;
    }

    /// Waits until all of them are settled.
    pub async fn settles_within(&self, time: Duration, numbers: impl IntoIterator<Item = u32>) {
        let numbers: Vec<_> = numbers.into_iter().collect();
        eventually("all deliveries are settled", time, async || {
            let log = self.log();
            numbers.iter().all(|number| log.settled.contains_key(number))
        })
        .await;
    }

    /// Waits until it has begun to settle so many deliveries.
    pub async fn begins(&self, count: usize) {
        eventually("settling begins", SOON, async || self.log().begun.len() >= count).await;
    }
}

/// The numbers of a batch.
pub fn numbers(batch: &[Incoming]) -> Vec<(u32, u32)> {
    let envelopes = batch.iter().filter_map(|incoming| Some((incoming.entry.as_ref().ok()?, incoming.attempt)));
    envelopes
        .map(|(envelope, attempt)| {
            let text = std::str::from_utf8(&envelope.body).expect("a number");
            (text.parse().expect("a number"), attempt)
        })
        .collect()
}

/// Takes numbers out of the log's work, also when the settling panics or is dropped.
struct InWork<'a>(&'a Recorder, Vec<u32>);

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        let mut log = self.0.log();
        for number in &self.1 {
            log.in_work.remove(number);
            log.suspects.remove(number);
        }
    }
}

#[async_trait::async_trait]
impl Settle for Recorder {
    async fn settle(&self, batch: Vec<Incoming>) -> Result<Settled> {
        let numbers = numbers(&batch);
        let working = {
            let mut log = self.log();
            log.batches.push(batch.len());
            log.overlaps += numbers.iter().filter(|(number, _)| log.in_work.contains(number)).count();
            let suspects = numbers.iter().filter(|(_, attempt)| *attempt >= SUSPECT);
            let suspects: Vec<_> = suspects.map(|(number, _)| *number).collect();
            if !(log.in_work.is_empty() || suspects.is_empty() && log.suspects.is_empty()) {
                log.beside_a_suspect += 1;
            }
            log.suspects.extend(suspects);
            for (number, attempt) in &numbers {
                log.begun.push(*number);
                log.in_work.insert(*number);
                log.attempts.entry(*number).or_default().push(*attempt);
            }
            InWork(self, numbers.iter().map(|(number, _)| *number).collect())
        };
        // The sender lives as long as the recorder.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("database"));
        }
        let gone = |attempt| attempt > LAST_ATTEMPT;
        let poisoned = numbers.iter().any(|(number, attempt)| Some(*number) == self.poison && !gone(*attempt));
        assert!(!poisoned, "poison, as a bug would have it");
        let mut log = self.log();
        for (number, attempt) in &numbers {
            if gone(*attempt) {
                log.dead.insert(*number);
            }
            *log.settled.entry(*number).or_default() += 1;
        }
        log.undecodable += batch.len() - numbers.len();
        drop(log);
        drop(working);
        Ok(Settled { applied: u32::try_from(batch.len()).expect("small"), ..Settled::default() })
    }
}
