//! Puts the parts together. The only file that decides between SQLite and PostgreSQL, inbox and Redis, in-process and
//! Redis events.

use std::{os::unix::fs::DirBuilderExt, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use metrics_exporter_prometheus::PrometheusHandle;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sea_orm::DatabaseConnection;
use switchboard_core::{
    App,
    app::Parts,
    clock::{Clock, SystemClock},
    db, dispositions,
    entropy::{Entropy, SystemEntropy},
    events::LocalBus,
    keyring::Keyring,
    ports::{EventBus, Queue},
    roles,
};
use switchboard_migration::{Migrator, MigratorTrait};
use switchboard_worker::{Inbox, RedisConfig, RedisQueue, Source, SpoolingQueue};
use tokio_util::sync::CancellationToken;

use crate::{
    redis_bus::RedisBus,
    settings::{Mode, Settings},
};

/// A running application and what its workers need.
pub struct Wired {
    /// The rules with their ports.
    pub app: App,
    /// Where the workers take deliveries from.
    pub source: Source,
    /// The inbox: the embedded queue, or the spool.
    pub inbox: Inbox,
}

/// Opens the database of the settings.
pub async fn database(settings: &Settings) -> Result<DatabaseConnection> {
    open(settings, settings.database_connections).await
}

/// Opens it for migrating: with one connection, to be closed before others are opened (the migration crate says why).
async fn database_alone(settings: &Settings) -> Result<DatabaseConnection> {
    open(settings, 1).await
}

async fn open(settings: &Settings, connections: u32) -> Result<DatabaseConnection> {
    let (url, what) = match settings.mode()? {
        Mode::Embedded { database } => {
            // Callers' data is for this user alone.
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&settings.data_dir)
                .with_context(|| format!("the data folder {} cannot be made", settings.data_dir.display()))?;
            (database, "the SQLite database cannot be opened")
        }
        Mode::Distributed { database, .. } => (database, "PostgreSQL (DATABASE_URL) cannot be reached"),
    };
    // The text of a driver may hold the address with its password: only the class of the error is shown.
    db::connect(&url, connections).await.map_err(|error| anyhow::anyhow!("{}", db::describe(&error))).context(what)
}

/// Opens Redis: a client, and a connection that reconnects by itself.
pub async fn redis(url: &str) -> Result<(redis::Client, ConnectionManager)> {
    let client =
        redis::Client::open(url).ok().context("REDIS_URL is not an address; it looks like redis://host:6379")?;
    let manager = ConnectionManager::new_with_config(client.clone(), manager_config())
        .await
        .map_err(|error| anyhow::anyhow!("{:?}", error.kind()))
        .context("Redis (REDIS_URL) cannot be reached")?;
    Ok((client, manager))
}

fn manager_config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(2)))
        .set_response_timeout(Some(Duration::from_secs(2)))
        .set_number_of_retries(1)
}

/// The same without waiting for Redis to be there: it may come later, and the spool takes what arrives until then.
fn lazy_redis(url: &str) -> Result<(redis::Client, ConnectionManager)> {
    let client =
        redis::Client::open(url).ok().context("REDIS_URL is not an address; it looks like redis://host:6379")?;
    let manager = ConnectionManager::new_lazy_with_config(client.clone(), manager_config())
        .ok()
        .context("the Redis connection cannot be prepared")?;
    Ok((client, manager))
}

/// Brings the schema up to date. Returns how many migrations were applied.
pub async fn migrate(settings: &Settings) -> Result<usize> {
    let db = database_alone(settings).await?;
    let pending = Migrator::get_pending_migrations(&db).await.context("the state of the schema cannot be read")?.len();
    up(&db).await?;
    Ok(pending)
}

async fn up(db: &DatabaseConnection) -> Result<()> {
    Migrator::up(db, None)
        .await
        .map_err(|error| anyhow::anyhow!("{}", db::describe(&error)))
        .context("a migration failed")
}

/// What to do when the schema is older than the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Apply the migrations.
    Apply,
    /// Apply them when the database is empty or embedded; otherwise refuse, because other programs are running on it.
    Refuse,
}

async fn prepare(settings: &Settings, policy: Pending) -> Result<()> {
    let db = database_alone(settings).await?;
    let all = Migrator::migrations().len();
    let pending = Migrator::get_pending_migrations(&db).await.context("the state of the schema cannot be read")?.len();
    if pending == 0 {
        return Ok(());
    }
    let embedded = matches!(settings.mode()?, Mode::Embedded { .. });
    if policy == Pending::Refuse && !embedded && pending < all {
        bail!(
            "The database is older than this program: run `switchboard migrate` first ({pending} migrations are missing)."
        );
    }
    up(&db).await?;
    db.close().await.ok().context("the connection that migrated cannot be closed")
}

fn keyring(settings: &Settings, entropy: &dyn Entropy) -> Result<Keyring> {
    let ring = match settings.secret_key.as_deref().filter(|key| !key.trim().is_empty()) {
        Some(key) => Keyring::from_hex(key),
        None => Keyring::from_file(&settings.data_dir.join("secret.key"), entropy),
    };
    ring.map_err(|error| match error {
        switchboard_core::Error::Internal(source) => anyhow::anyhow!("{source}"),
        other => anyhow::anyhow!("{other}"),
    })
}

/// Puts a serving application together. Redis need not be there.
pub async fn wire(settings: &Settings, public_url: String, policy: Pending, stop: &CancellationToken) -> Result<Wired> {
    prepare(settings, policy).await?;
    let db = database(settings).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let inbox = Inbox::new(db.clone(), Arc::clone(&clock), Arc::clone(&entropy));
    let (queue, bus, source): (Arc<dyn Queue>, Arc<dyn EventBus>, Source) = match settings.mode()? {
        Mode::Embedded { .. } => (Arc::new(inbox.queue()), Arc::new(LocalBus::default()), Source::InboxOnly),
        Mode::Distributed { redis, .. } => {
            let (client, manager) = lazy_redis(&redis)?;
            let prefix = settings.redis_prefix.as_str();
            let queue = SpoolingQueue::new(RedisQueue::new(&client, prefix), inbox.queue(), Arc::clone(&entropy));
            let bus = RedisBus::start(client.clone(), manager, prefix, stop.clone());
            (Arc::new(queue), Arc::new(bus), Source::Redis(RedisConfig { client, prefix: prefix.to_owned() }))
        }
    };
    let keyring = keyring(settings, &*entropy)?;
    let app = App::new(Parts { db, queue, bus, clock, entropy, keyring, public_url });
    seed(&app).await?;
    Ok(Wired { app, source, inbox })
}

/// An application for one command, without queue consumers. Running servers see what it changed when they next read: they
/// look for new connections every two seconds.
pub async fn offline(settings: &Settings) -> Result<App> {
    let stop = CancellationToken::new();
    Ok(wire(settings, settings.public_url(settings.listen)?, Pending::Refuse, &stop).await?.app)
}

/// Roles and dispositions that the program brings along.
async fn seed(app: &App) -> Result<()> {
    roles::seed(app)
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the built-in roles could not be written")?;
    dispositions::seed(app)
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the default outcomes could not be written")
}

/// Starts measuring. Once a process.
pub fn metrics() -> Result<PrometheusHandle> {
    let handle = switchboard_api::http::metrics::install().context("measuring could not be started")?;
    switchboard_worker::measures::describe();
    Ok(handle)
}
