//! What a worker does with a batch: settle, then acknowledge.
//!
//! | settling | then |
//! | --- | --- |
//! | is done | acknowledge; when the queue cannot be reached, try until it can: the entries stay in hand meanwhile |
//! | cannot reach the database | keep the entries, wait with back-off, try the same batch again; no attempt is counted, intake goes on |
//! | panics or fails otherwise | each entry by itself, so that the others are settled; what fails alone is left to its lease and comes again, counted, until the rules make it a dead letter |
//! | waits while the process stops | hand back at once, uncounted |

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::{counter, histogram};
use switchboard_core::clock::Clock;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, error, info, warn};

use crate::{
    backend::{Entry, Store, hold::Batch},
    backoff::Backoff,
    measures,
    settle::{Incoming, Settle, Settled},
};

/// Settles the batches of one queue.
pub struct Deliveries<S: Store> {
    /// The queue, for acknowledging.
    pub store: Arc<S>,
    /// The rules.
    pub settle: Arc<dyn Settle>,
    /// For how long deliveries waited.
    pub clock: Arc<dyn Clock>,
    /// For waiting while the database or the queue is away.
    pub backoff: Backoff,
    /// How long one settling may take. Then the database counts as away: a connection that is half open never answers.
    pub settle_within: Duration,
    /// Ends the waiting.
    pub shutdown: CancellationToken,
}

impl<S: Store> std::fmt::Debug for Deliveries<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliveries").field("queue", &S::NAME).finish_non_exhaustive()
    }
}

enum Outcome {
    /// For good.
    Settled,
    /// It panicked or failed in a way that waiting does not mend.
    Broken,
    /// The process stops before it was settled.
    Stopped,
}

impl<S: Store> Deliveries<S> {
    /// Works on a batch to its end.
    pub async fn work(&self, batch: Batch<S>) {
        let entries = batch.entries();
        self.observe(entries);
        match self.settle(entries).await {
            Outcome::Settled => self.acknowledge(entries).await,
            Outcome::Stopped => self.hand_back(entries).await,
            Outcome::Broken if entries.len() > 1 => self.settle_one_by_one(entries).await,
            Outcome::Broken => {
                for entry in entries {
                    error!(queue = S::NAME, ?entry, "a delivery could not be settled; it comes again");
                }
            }
        }
    }

    async fn settle_one_by_one(&self, entries: &[Entry<S::Key>]) {
        for (index, entry) in entries.iter().enumerate() {
            let alone = std::slice::from_ref(entry);
            match self.settle(alone).await {
                // At once: the process may be about to die of a later one.
                Outcome::Settled => self.acknowledge(alone).await,
                Outcome::Broken => error!(queue = S::NAME, ?entry, "a delivery could not be settled; it comes again"),
                Outcome::Stopped => {
                    self.hand_back(entries.get(index..).unwrap_or_default()).await;
                    return;
                }
            }
        }
    }

    async fn settle(&self, entries: &[Entry<S::Key>]) -> Outcome {
        let mut backoff = self.backoff.clone();
        let mut waited = false;
        loop {
            let batch = entries.iter().map(Entry::incoming).collect();
            let begun = Instant::now();
            let (outcome, reason) = match self.settle_once(batch).await {
                Ok(Ok(settled)) => {
                    histogram!(measures::SETTLE, "queue" => S::NAME).record(begun.elapsed());
                    count(settled);
                    if waited {
                        info!(queue = S::NAME, "settling goes on");
                    }
                    return Outcome::Settled;
                }
                Ok(Err(fault)) if fault.is_transient() => {
                    if !std::mem::replace(&mut waited, true) {
                        warn!(queue = S::NAME, code = fault.code(), "settling waits: something it needs is away");
                    }
                    (None, "unavailable")
                }
                Ok(Err(fault)) => {
                    let cause = std::error::Error::source(&fault).map(ToString::to_string);
                    error!(queue = S::NAME, code = fault.code(), cause, "settling failed");
                    (Some(Outcome::Broken), "failed")
                }
                Err(Panicked) => (Some(Outcome::Broken), "panicked"),
            };
            counter!(measures::RETRIES, "queue" => S::NAME, "reason" => reason).increment(1);
            if let Some(outcome) = outcome {
                return outcome;
            }
            if self.pause(&mut backoff).await.is_err() {
                return Outcome::Stopped;
            }
        }
    }

    /// In a task of its own: a panic stays there, batches use more than one core, and whoever drops this ends it.
    async fn settle_once(&self, batch: Vec<Incoming>) -> Result<switchboard_core::Result<Settled>, Panicked> {
        let settle = Arc::clone(&self.settle);
        let task = AbortOnDropHandle::new(tokio::spawn(async move { settle.settle(batch).await }));
        match tokio::time::timeout(self.settle_within, task).await {
            Ok(Ok(result)) => Ok(result),
            // The panic's text may quote the delivery. It has gone to standard error; it does not go to the log as well.
            Ok(Err(_)) => Err(Panicked),
            Err(_) => Ok(Err(switchboard_core::Error::Unavailable("database"))),
        }
    }

    async fn acknowledge(&self, entries: &[Entry<S::Key>]) {
        let keys: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
        let mut backoff = self.backoff.clone();
        while let Err(fault) = self.store.acknowledge(&keys).await {
            debug!(queue = S::NAME, %fault, "settled deliveries could not be acknowledged yet");
            if self.pause(&mut backoff).await.is_err() {
                // They come again and are recognised as duplicates.
                return;
            }
        }
    }

    async fn hand_back(&self, entries: &[Entry<S::Key>]) {
        info!(queue = S::NAME, count = entries.len(), "handing deliveries back");
        if let Err(fault) = self.store.hand_back(entries).await {
            warn!(queue = S::NAME, %fault, "deliveries could not be handed back; others take them over");
        }
    }

    /// Waits, unless the process stops.
    async fn pause(&self, backoff: &mut Backoff) -> Result<(), Stopping> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(Stopping),
            () = tokio::time::sleep(backoff.next_wait()) => Ok(()),
        }
    }

    fn observe(&self, entries: &[Entry<S::Key>]) {
        #[expect(clippy::cast_precision_loss, reason = "at most a hundred")]
        histogram!(measures::BATCH, "queue" => S::NAME).record(entries.len() as f64);
        let now = self.clock.now();
        for envelope in
            entries.iter().filter(|entry| entry.attempt == 1).filter_map(|entry| entry.incoming().entry.ok())
        {
            let waited = (now - envelope.received_at).to_std().unwrap_or_default();
            histogram!(measures::QUEUE_WAIT, "queue" => S::NAME).record(waited);
        }
    }
}

struct Panicked;
struct Stopping;

fn count(settled: Settled) {
    let Settled { applied, duplicates, ignored, dead } = settled;
    for (result, number) in [("applied", applied), ("duplicate", duplicates), ("ignored", ignored), ("dead", dead)] {
        counter!(measures::SETTLED, "result" => result).increment(number.into());
    }
}
