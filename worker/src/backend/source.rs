//! An apalis backend over a [`Store`]: fetches the next batch when, and only when, there is room for it.
//!
//! *No lost wake-ups.* apalis's own poll strategies drop the result of a ready timer without registering a waker. Here
//! `poll_next` polls one stream until it is pending, which registers the task's waker wherever the stream waits.
//!
//! *It never fails.* A fault of the store is waited out inside the stream, with back-off, for ever: an error would end the
//! worker, and apalis restarts workers without delay.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, builder::TaskBuilder},
    worker::context::WorkerContext,
};
use futures::{Stream, StreamExt, stream};
use metrics::counter;
use tokio::{
    sync::{RwLock, Semaphore},
    time::Instant,
};
use tower_layer::Identity;
use tracing::{info, warn};

use super::{
    Abandoned, BATCH, Fault, Store, WAIT,
    hold::{Batch, Company, Held},
};
use crate::{backoff::Backoff, measures};

/// For how many lease times after an outage nothing is taken over. More than one, because the others have to get their
/// connections back first.
const PATIENCE: u32 = 2;

/// What a source fetches with. Cheap to clone: a restarted worker goes on with the same.
pub struct Fetching<S: Store> {
    /// The queue.
    pub store: Arc<S>,
    /// What is in work here.
    pub held: Arc<Held<S::Key>>,
    /// One permit for each batch that may be in work.
    pub slots: Arc<Semaphore>,
    /// Suspects are worked on alone in the process: the lock is shared by both queues.
    pub company: Arc<RwLock<()>>,
    /// How long entries may go without being kept fresh.
    pub lease: Duration,
    /// How often to look for abandoned entries.
    pub look_every: Duration,
    /// For faults of the store.
    pub backoff: Backoff,
}

impl<S: Store> Clone for Fetching<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            held: Arc::clone(&self.held),
            slots: Arc::clone(&self.slots),
            company: Arc::clone(&self.company),
            lease: self.lease,
            look_every: self.look_every,
            backoff: self.backoff.clone(),
        }
    }
}

/// The backend. See the module.
pub struct Source<S: Store> {
    batches: Pin<Box<dyn Stream<Item = Batch<S>> + Send>>,
}

impl<S: Store> fmt::Debug for Source<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("queue", &S::NAME).finish_non_exhaustive()
    }
}

impl<S: Store> Source<S> {
    /// Fetches after `pause`: a worker that is restarted again and again must not be a busy loop.
    pub fn new(fetching: Fetching<S>, pause: Duration) -> Self {
        let fetcher =
            Fetcher { fetching, pause, looked: None, patient_until: None, just_took_over: false, faulty: false };
        let batches = stream::unfold(fetcher, |mut fetcher| async move {
            let batch = fetcher.next().await;
            Some((batch, fetcher))
        });
        Self { batches: Box::pin(batches) }
    }
}

struct Fetcher<S: Store> {
    fetching: Fetching<S>,
    pause: Duration,
    /// When nothing abandoned was found the last time.
    looked: Option<Instant>,
    /// After an outage: nothing is taken over before.
    patient_until: Option<Instant>,
    /// Then fresh entries are next: many abandoned ones must not keep new calls waiting.
    just_took_over: bool,
    faulty: bool,
}

impl<S: Store> Fetcher<S> {
    async fn next(&mut self) -> Batch<S> {
        tokio::time::sleep(std::mem::take(&mut self.pause)).await;
        // Room first, then a fetch: what is fetched is in work, and only a batch in work is kept fresh for good reason.
        let Ok(slot) = Arc::clone(&self.fetching.slots).acquire_owned().await else {
            // Nobody closes the semaphore.
            return std::future::pending().await;
        };
        loop {
            match self.step().await {
                Ok(found) => {
                    if std::mem::take(&mut self.faulty) {
                        counter!(measures::RECONNECTS, "queue" => S::NAME).increment(1);
                        self.be_patient();
                        info!(queue = S::NAME, "the queue is back");
                        self.fetching.backoff.reset();
                    }
                    if let Some((entries, company)) = found {
                        return Batch::new(entries, Arc::clone(&self.fetching.held), company, slot);
                    }
                }
                Err(fault) => {
                    if !std::mem::replace(&mut self.faulty, true) {
                        warn!(queue = S::NAME, %fault, "the queue cannot be read; trying again until it can");
                    }
                    tokio::time::sleep(self.fetching.backoff.next_wait()).await;
                }
            }
        }
    }

    fn be_patient(&mut self) {
        self.patient_until = Some(Instant::now() + self.fetching.lease * PATIENCE);
    }

    async fn step(&mut self) -> Result<Option<Found<S>>, Fault> {
        let store = &self.fetching.store;
        let due = self.looked.is_none_or(|at| at.elapsed() >= self.fetching.look_every);
        let patient = self.faulty || self.patient_until.is_some_and(|until| Instant::now() < until);
        if due && !patient && !self.just_took_over {
            let mine = self.fetching.held.keys();
            let asked = Instant::now();
            let found = store.look(&mine).await?;
            // The store's client may have sat out an outage by itself.
            if asked.elapsed() > self.fetching.lease / 2 {
                self.be_patient();
                return Ok(None);
            }
            if let Some(kind) = found {
                // Before it is taken over: while it waits for the others to end, they may still be its undoing, and that
                // must not count as its attempt.
                let lock = Arc::clone(&self.fetching.company);
                let company = match kind {
                    Abandoned::Once => Company::Welcome(lock.read_owned().await),
                    Abandoned::Suspect => Company::Alone(lock.write_owned().await),
                };
                let entries = store.take_over(kind, BATCH, &mine).await?;
                if !entries.is_empty() {
                    self.just_took_over = true;
                    let count = entries.len();
                    info!(queue = S::NAME, count, ?kind, "took over entries that nobody works on any more");
                    counter!(measures::TAKEN_OVER, "queue" => S::NAME).increment(count as u64);
                    return Ok(Some((entries, company)));
                }
                // Somebody else was quicker.
            }
            self.looked = Some(Instant::now());
        }
        let company = Company::Welcome(Arc::clone(&self.fetching.company).read_owned().await);
        // After a takeover there may be more: no waiting then.
        let wait = !std::mem::take(&mut self.just_took_over);
        let asked = Instant::now();
        let entries = store.fresh(BATCH, wait).await?;
        if asked.elapsed() > WAIT + self.fetching.lease / 4 {
            self.be_patient();
        }
        Ok(if entries.is_empty() { None } else { Some((entries, company)) })
    }
}

type Found<S> = (Vec<super::Entry<<S as Store>::Key>>, Company);

impl<S: Store> Backend for Source<S> {
    type Task = Task<Batch<S>>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        self.batches.poll_next_unpin(cx).map(|batch| batch.map(|batch| Ok(TaskBuilder::new(batch).build())))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Self::Error>> {
        // A fetch that is under way is dropped; [`Store::close`] gives back what it may have got.
        self.batches = Box::pin(stream::pending());
        Poll::Ready(Ok(()))
    }
}

impl<S: Store> BackendConfig for Source<S> {
    type Args = Batch<S>;
    type Id = S::Key;
    /// Tasks hold guards of this process, so they are never encoded.
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &Self::Config {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Self::Layer {
        Identity::new()
    }
}
