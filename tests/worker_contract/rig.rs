//! A queue on servers of its own, and workers on it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use sea_orm::EntityTrait;
use switchboard_core::{
    clock::SystemClock,
    db,
    entropy::SystemEntropy,
    envelope::Envelope,
    ports::{Queue, QueueUnavailable},
};
use switchboard_entities::inbox;
use switchboard_migration::{Migrator, MigratorTrait};
use switchboard_telephony::Method;
use switchboard_worker::{
    Inbox, RedisConfig, RedisQueue, Settle, Source, Tunables, WorkerConfig, WorkersError, backend::redis_stream,
    run_with,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::postgres::PostgresDatabase;
use crate::support::proxy::FaultProxy;
use crate::support::redis::RedisServer;
use crate::support::wait::{SOON, eventually};

/// First part of the keys: not the default, so that it is seen to be used.
pub const PREFIX: &str = "contract";

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The Redis stream; its spool is an inbox on `SQLite`.
    Stream,
    /// The inbox on `SQLite`.
    Sqlite,
    /// The inbox on `PostgreSQL`.
    Postgres,
}

/// The servers, and a proxy in front of the one that holds the queue.
pub struct Rig {
    pub redis: Option<RedisServer>,
    postgres: Option<PostgresDatabase>,
    proxy: Option<FaultProxy>,
    pub folder: TempDir,
}

/// What one process has: its own connections.
pub struct Node {
    pub inbox: Inbox,
    pub queue: Arc<dyn Queue>,
    pub source: Source,
}

/// Times for tests that wait for leases.
pub fn quick() -> Tunables {
    Tunables {
        lease: Duration::from_millis(1500),
        keep_every: Duration::from_millis(300),
        look_every: Duration::from_millis(300),
        backoff: (Duration::from_millis(20), Duration::from_millis(300)),
        ..Tunables::default()
    }
}

impl Rig {
    pub async fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut redis, mut postgres, mut address) = (None, None, None);
        match kind {
            Kind::Stream => {
                let server = RedisServer::start().await;
                address = Some(server.address());
                redis = Some(server);
            }
            Kind::Postgres => {
                let database = PostgresDatabase::create().await;
                address = Some(database.address());
                postgres = Some(database);
            }
            Kind::Sqlite => {}
        }
        let proxy = match address {
            Some(address) => Some(FaultProxy::start(address).await),
            None => None,
        };
        let rig = Self { redis, postgres, proxy, folder };
        let db = db::connect(&rig.database(None), 2).await.expect("the database is there");
        Migrator::up(&db, None).await.expect("the schema is made");
        rig
    }

    /// The proxy between everything of a [`Node`] and the queue.
    pub fn proxy(&self) -> &FaultProxy {
        self.proxy.as_ref().expect("this queue is on a server")
    }

    /// The database's URL.
    pub fn database(&self, through: Option<SocketAddr>) -> String {
        match (&self.postgres, through) {
            (Some(postgres), None) => postgres.url(),
            (Some(postgres), Some(proxy)) => postgres.url_through(proxy),
            (None, _) => format!("sqlite://{}", self.folder.path().join("test.db").display()),
        }
    }

    /// The URL of Redis, if there is one.
    pub fn redis_url(&self, through: Option<SocketAddr>) -> Option<String> {
        let redis = self.redis.as_ref()?;
        Some(format!("redis://{}", through.unwrap_or(redis.address())))
    }

    /// A process, by way of the proxy.
    pub async fn node(&self) -> Node {
        let through = self.proxy.as_ref().map(FaultProxy::address);
        Node::new(&self.database(through), self.redis_url(through).as_deref()).await
    }

    /// How many entries the queue still holds, in work or not. Asked directly.
    pub async fn left(&self) -> u64 {
        let Some(url) = self.redis_url(None) else {
            return self.rows().await.len() as u64;
        };
        let mut connection = redis(&url).await;
        redis::cmd("XLEN").arg(redis_stream::key(PREFIX)).query_async(&mut connection).await.expect("redis answers")
    }

    /// What the inbox holds.
    pub async fn rows(&self) -> Vec<inbox::Model> {
        let db = db::connect(&self.database(None), 1).await.expect("the database is there");
        inbox::Entity::find().all(&db).await.expect("the inbox can be read")
    }

    /// Waits until the queue is empty.
    pub async fn drained(&self) {
        eventually("everything is acknowledged", SOON, async || self.left().await == 0).await;
    }
}

/// A connection of the test's own.
pub async fn redis(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).expect("a URL");
    client.get_multiplexed_async_connection().await.expect("redis is there")
}

impl Node {
    pub async fn new(database: &str, redis: Option<&str>) -> Self {
        let db = db::connect(database, 4).await.expect("the database is there");
        let inbox = Inbox::new(db, Arc::new(SystemClock), Arc::new(SystemEntropy));
        match redis {
            None => Self { queue: Arc::new(inbox.queue()), inbox, source: Source::InboxOnly },
            Some(url) => {
                let client = redis::Client::open(url).expect("a URL");
                let queue = Arc::new(RedisQueue::new(&client, PREFIX));
                Self { inbox, queue, source: Source::Redis(RedisConfig { client, prefix: PREFIX.to_owned() }) }
            }
        }
    }

    /// Starts workers with the usual times.
    pub fn work(&self, settle: &Arc<impl Settle>) -> Workers {
        self.work_with(settle, None, Tunables::default())
    }

    /// Starts workers.
    pub fn work_with(&self, settle: &Arc<impl Settle>, concurrency: Option<usize>, tunables: Tunables) -> Workers {
        let config = WorkerConfig { source: self.source.clone(), concurrency, tunables };
        let stop = CancellationToken::new();
        let settle: Arc<dyn Settle> = Arc::clone(settle) as _;
        let running = tokio::spawn(run_with(settle, self.inbox.clone(), config, stop.clone()));
        Workers { running, stop }
    }

    /// Pushes one after the other; all must be accepted.
    pub async fn push(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.queue.push(envelope(number)).await.expect("the queue takes it");
        }
    }

    /// Pushes many at the same time; returns which were accepted.
    pub async fn push_together(&self, numbers: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let pushes = stream::iter(numbers).map(async |number| {
            let pushed: Result<(), QueueUnavailable> = self.queue.push(envelope(number)).await;
            pushed.is_ok().then_some(number)
        });
        pushes.buffer_unordered(64).filter_map(async |number| number).collect().await
    }
}

/// Running workers. Dropped, they vanish without any clean-up.
pub struct Workers {
    running: JoinHandle<Result<(), WorkersError>>,
    stop: CancellationToken,
}

impl Workers {
    /// Asks them to stop.
    pub fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    pub fn stopped(&self) -> bool {
        self.running.is_finished()
    }

    /// Stops them and waits for it.
    pub async fn stop(mut self) {
        self.ask_to_stop();
        let ended = tokio::time::timeout(SOON, &mut self.running).await.expect("the workers stop in time");
        ended.expect("no panic").expect("no error");
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A delivery whose body is its number.
pub fn envelope(number: u32) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        connection_id: Uuid::nil(),
        provider: "contract".to_owned(),
        purpose: None,
        method: Method::Post,
        url: "https://switchboard.example/hooks/contract".to_owned(),
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        received_at: chrono::Utc::now(),
        unverified: None,
        body: number.to_string().into_bytes().into(),
    }
}
