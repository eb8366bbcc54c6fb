//! What this process has in work.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit},
    time::Instant,
};
use tracing::debug;

use super::{Entry, Store};

/// The keys in work here, each with the instant at which it was last fresh.
#[derive(Debug)]
pub struct Held<K>(Mutex<BTreeMap<K, Instant>>);

impl<K> Default for Held<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone> Held<K> {
    fn map<T>(&self, with: impl FnOnce(&mut BTreeMap<K, Instant>) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All keys.
    pub fn keys(&self) -> Vec<K> {
        self.map(|held| held.keys().cloned().collect())
    }

    fn add<'a>(&self, keys: impl Iterator<Item = &'a K>)
    where
        K: 'a,
    {
        let now = Instant::now();
        self.map(|held| held.extend(keys.cloned().map(|key| (key, now))));
    }

    fn remove<'a>(&self, keys: impl Iterator<Item = &'a K>)
    where
        K: 'a,
    {
        self.map(|held| {
            for key in keys {
                held.remove(key);
            }
        });
    }

    /// Keys that were last fresh `age` ago or earlier.
    fn stale(&self, age: Duration) -> Vec<K> {
        self.map(|held| held.iter().filter(|(_, at)| at.elapsed() >= age).map(|(key, _)| key.clone()).collect())
    }

    /// Sets keys fresh that are still here.
    fn refresh(&self, keys: &[K]) {
        let now = Instant::now();
        self.map(|held| {
            for key in keys {
                if let Some(at) = held.get_mut(key) {
                    *at = now;
                }
            }
        });
    }
}

/// Whom a batch may be worked on beside: nobody, when it holds a suspect. The lock is the process's, for both queues.
#[derive(Debug)]
pub enum Company {
    /// Beside others.
    Welcome(OwnedRwLockReadGuard<()>),
    /// Alone in this process.
    Alone(OwnedRwLockWriteGuard<()>),
}

/// Entries in work: kept fresh until dropped.
pub struct Batch<S: Store> {
    entries: Vec<Entry<S::Key>>,
    held: Arc<Held<S::Key>>,
    _company: Company,
    _slot: OwnedSemaphorePermit,
}

impl<S: Store> fmt::Debug for Batch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl<S: Store> Batch<S> {
    /// Entries that have just been handed out.
    pub fn new(
        entries: Vec<Entry<S::Key>>,
        held: Arc<Held<S::Key>>,
        company: Company,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        held.add(entries.iter().map(|entry| &entry.key));
        Self { entries, held, _company: company, _slot: slot }
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry<S::Key>] {
        &self.entries
    }
}

impl<S: Store> Drop for Batch<S> {
    fn drop(&mut self) {
        self.held.remove(self.entries.iter().map(|entry| &entry.key));
    }
}

/// Keeps fresh what has been in work for longer than `every`, for ever. Runs in a task of its own, so that a settling that
/// computes for long does not lose its entries.
pub async fn keep_fresh<S: Store>(store: Arc<S>, held: Arc<Held<S::Key>>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let keys = held.stale(every / 2);
        if keys.is_empty() {
            continue;
        }
        match store.keep(&keys).await {
            Ok(()) => held.refresh(&keys),
            // The next tick tries again; if the store stays away, nobody else can take the entries either.
            Err(fault) => debug!(queue = S::NAME, %fault, "entries in work could not be kept fresh"),
        }
    }
}
