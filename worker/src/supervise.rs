//! Starting, watching and stopping the workers.
//!
//! One apalis worker a queue, all under one monitor. In distributed mode there are two queues: the stream with two batches
//! in work, and the spool beside it with one, so that what was spooled during an outage is worked off without keeping fresh
//! calls waiting.
//!
//! Stopping: nothing more is fetched, batches that wait for a database go back at once, batches in work may end within
//! [`Tunables::stop_within`]; then everything that is left is given back and the consumer signs off.

use std::{fmt, sync::Arc, time::Duration};

use apalis::prelude::{Monitor, WorkerBuilder};
use metrics::gauge;
use switchboard_core::{
    App,
    entropy::{self, Entropy},
};
use tokio::sync::{RwLock, Semaphore};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::{
    backend::{
        Store,
        hold::{Batch, Held, keep_fresh},
        inbox::{Inbox, InboxStore},
        redis_stream::RedisStream,
        source::{self, Fetching},
    },
    backoff::Backoff,
    deliveries::Deliveries,
    measures,
    settle::Settle,
};

/// Where deliveries come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Distributed mode: the Redis stream, and the inbox as its spool.
    Redis(RedisConfig),
    /// Embedded mode: the inbox alone.
    InboxOnly,
}

/// The Redis of the stream.
#[derive(Clone)]
pub struct RedisConfig {
    /// The server.
    pub client: redis::Client,
    /// First part of all keys; the producers' must be the same. Default `switchboard`.
    pub prefix: String,
}

/// The client's address may hold a password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Times. The defaults are the promises of the documentation: a killed worker's deliveries are taken over within 5 s.
#[derive(Clone, Copy, Debug)]
pub struct Tunables {
    /// How long an entry may go without being kept fresh before others take it over. Three times
    /// [`Tunables::keep_every`], so that a missed beat is no loss.
    pub lease: Duration,
    /// How often entries in work are kept fresh.
    pub keep_every: Duration,
    /// How often to look for abandoned entries.
    pub look_every: Duration,
    /// First and longest pause while something is away.
    pub backoff: (Duration, Duration),
    /// How long settling one batch may take before it is given up and tried again.
    pub settle_within: Duration,
    /// How long batches in work may take to end when the process stops.
    pub stop_within: Duration,
    /// How often the number of waiting deliveries is measured.
    pub measure_every: Duration,
}

impl Default for Tunables {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(3),
            keep_every: Duration::from_secs(1),
            look_every: Duration::from_secs(1),
            backoff: (Duration::from_millis(100), Duration::from_secs(5)),
            settle_within: Duration::from_secs(30),
            stop_within: Duration::from_secs(20),
            measure_every: Duration::from_secs(5),
        }
    }
}

/// What the workers work with.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Where deliveries come from.
    pub source: Source,
    /// Batches in work at the same time; `None` chooses by the database: one for `SQLite`, two for `PostgreSQL`.
    pub concurrency: Option<usize>,
    /// Times.
    pub tunables: Tunables,
}

impl WorkerConfig {
    /// The defaults for a source.
    pub fn new(source: Source) -> Self {
        Self { source, concurrency: None, tunables: Tunables::default() }
    }
}

/// The workers ended although nobody stopped them.
#[derive(Debug, thiserror::Error)]
#[error("the workers ended unexpectedly: {0}")]
pub struct WorkersError(#[from] apalis::prelude::MonitorError);

/// Runs the workers with the rules of `settle` until `shutdown`. Needs no server to be reachable, then or later: it waits
/// for them. `inbox` must be the one that the producers of this process were made from.
pub async fn run_with(
    settle: Arc<dyn Settle>,
    inbox: Inbox,
    config: WorkerConfig,
    shutdown: CancellationToken,
) -> Result<(), WorkersError> {
    let WorkerConfig { source, concurrency, tunables } = config;
    let concurrency = concurrency.unwrap_or_else(|| inbox.concurrency()).max(1);
    let entropy = Arc::clone(inbox.entropy());
    let consumer = entropy::new_id(&*entropy, inbox.clock().now());
    let common = Common {
        settle,
        inbox: inbox.clone(),
        entropy,
        tunables,
        company: Arc::default(),
        shutdown: shutdown.clone(),
        consumer,
    };

    let spool = InboxStore::new(inbox, consumer.to_string(), tunables.lease);
    let mut stores = Vec::new();
    let monitor = match source {
        Source::Redis(RedisConfig { client, prefix }) => {
            let stream = RedisStream::new(client, &prefix, consumer.to_string(), tunables.lease);
            let monitor = common.register(Monitor::new(), &mut stores, stream, concurrency);
            common.register(monitor, &mut stores, spool, 1)
        }
        Source::InboxOnly => common.register(Monitor::new(), &mut stores, spool, concurrency),
    };
    let limit = tunables.stop_within;
    let monitor = monitor
        // Backends do not fail and the handler catches panics; what remains is a bug, which must not end the service.
        .should_restart(|worker, error| {
            warn!(worker = worker.name(), %error, "a worker ended and is started again");
            true
        })
        // The sleep is made when it is awaited: its time begins with the shutdown, not with the start.
        .with_terminator(async move { tokio::time::sleep(limit).await });

    info!(%consumer, concurrency, "workers run");
    let stopped = shutdown.clone();
    let ended = monitor
        .run_with_signal(async move {
            stopped.cancelled().await;
            Ok(())
        })
        .await;
    // Fetching and the batches are gone now, ended or dropped; what they left is given back.
    for store in stores {
        store.close().await;
    }
    info!(%consumer, "workers stopped");
    Ok(ended?)
}

/// Runs the workers with the rules of the application, see [`run_with`].
pub async fn run(
    app: &App,
    inbox: Inbox,
    config: WorkerConfig,
    shutdown: CancellationToken,
) -> Result<(), WorkersError> {
    run_with(Arc::new(app.clone()), inbox, config, shutdown).await
}

struct Common {
    settle: Arc<dyn Settle>,
    inbox: Inbox,
    entropy: Arc<dyn Entropy>,
    tunables: Tunables,
    company: Arc<RwLock<()>>,
    shutdown: CancellationToken,
    consumer: Uuid,
}

impl Common {
    fn backoff(&self) -> Backoff {
        let (first, limit) = self.tunables.backoff;
        Backoff::new(first, limit, Arc::clone(&self.entropy))
    }

    fn register<S: Store>(
        &self,
        monitor: Monitor,
        running: &mut Vec<Box<dyn Running>>,
        store: S,
        concurrency: usize,
    ) -> Monitor {
        let (store, held) = (Arc::new(store), Arc::<Held<S::Key>>::default());
        let keeping = keep_fresh(Arc::clone(&store), Arc::clone(&held), self.tunables.keep_every);
        let measuring = measure(Arc::clone(&store), self.tunables.measure_every);
        running.push(Box::new(Queue {
            store: Arc::clone(&store),
            _beside: [AbortOnDropHandle::new(tokio::spawn(keeping)), AbortOnDropHandle::new(tokio::spawn(measuring))],
        }));

        let fetching = Fetching {
            store: Arc::clone(&store),
            held,
            slots: Arc::new(Semaphore::new(concurrency)),
            company: Arc::clone(&self.company),
            lease: self.tunables.lease,
            look_every: self.tunables.look_every,
            backoff: self.backoff(),
        };
        let deliveries = Arc::new(Deliveries {
            store,
            settle: Arc::clone(&self.settle),
            clock: Arc::clone(self.inbox.clock()),
            backoff: self.backoff(),
            settle_within: self.tunables.settle_within,
            shutdown: self.shutdown.clone(),
        });
        let (consumer, limit) = (self.consumer, self.tunables.backoff.1);
        monitor.register(move |restarts| {
            let pause = if restarts == 0 { Duration::ZERO } else { limit };
            let deliveries = Arc::clone(&deliveries);
            WorkerBuilder::new(format!("{}-{consumer}-{restarts}", S::NAME))
                .backend(source::Source::new(fetching.clone(), pause))
                .build(move |batch: Batch<S>| {
                    let deliveries = Arc::clone(&deliveries);
                    async move { deliveries.work(batch).await }
                })
        })
    }
}

/// How long giving back may take when the process stops.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

struct Queue<S: Store> {
    store: Arc<S>,
    /// Keeping fresh and measuring, until the end.
    _beside: [AbortOnDropHandle<()>; 2],
}

#[async_trait::async_trait]
trait Running: Send + Sync {
    async fn close(&self);
}

#[async_trait::async_trait]
impl<S: Store> Running for Queue<S> {
    async fn close(&self) {
        match tokio::time::timeout(CLOSE_WITHIN, self.store.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => warn!(queue = S::NAME, %fault, "could not sign off; others take over after the lease"),
            Err(_) => warn!(queue = S::NAME, "signing off took too long; others take over after the lease"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
async fn measure<S: Store>(store: Arc<S>, every: Duration) {
    loop {
        match store.waiting().await {
            Ok(waiting) => gauge!(measures::WAITING, "queue" => S::NAME).set(waiting as f64),
            Err(fault) => debug!(queue = S::NAME, %fault, "the queue could not be measured"),
        }
        tokio::time::sleep(every).await;
    }
}
