//! The connections with their secrets opened, for the webhooks: a request must not wait for the database.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use switchboard_entities::provider_connection;
use switchboard_telephony::{Provider, Secrets, provider};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{ConnectionSettings, active, secrets};
use crate::{App, Error, Result};

/// How old the snapshot may be. A connection that another process adds works this much later; whatever is asked for, the
/// database is read no more often.
const FRESH: TimeDelta = TimeDelta::seconds(2);
/// How long a request waits for a new snapshot while there is an old one to go by.
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection, ready to verify requests.
pub struct OpenConnection {
    /// The row.
    pub id: Uuid,
    /// Its adapter.
    pub provider: &'static dyn Provider,
    /// What its requests are signed with.
    pub secrets: Secrets,
    /// What else is set for it.
    pub settings: ConnectionSettings,
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenConnection")
            .field("id", &self.id)
            .field("provider", &self.provider.key())
            .finish_non_exhaustive()
    }
}

/// A connection whose secrets cannot be opened (another installation key) or whose settings cannot be read is `None`: it
/// exists, but nothing can be verified.
type Slugs = HashMap<String, Option<Arc<OpenConnection>>>;

#[derive(Default)]
struct Cache {
    /// By provider key, then slug: looked up without making a key.
    connections: Option<Arc<HashMap<&'static str, Slugs>>>,
    /// When the database was last asked, successfully or not.
    asked_at: Option<DateTime<Utc>>,
}

/// Snapshot of all connections, made new when it is asked and more than two seconds old. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    app: App,
    cache: Arc<RwLock<Cache>>,
    refreshing: Arc<Mutex<()>>,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory")
    }
}

impl Directory {
    /// An empty directory; the first question fills it.
    pub fn new(app: App) -> Self {
        Self { app, cache: Arc::default(), refreshing: Arc::default() }
    }

    /// The connection at a URL. While the database is away the last snapshot goes on, so that deliveries are still verified
    /// and accepted. [`Error::Unavailable`] when there is none yet; [`Error::Internal`] when the secrets or settings of this
    /// connection cannot be read.
    pub async fn find(&self, provider: &str, slug: &str) -> Result<Option<Arc<OpenConnection>>> {
        self.refresh_if_old().await?;
        let connections = self.read(|cache| cache.connections.clone()).ok_or(Error::Unavailable("database"))?;
        match connections.get(provider).and_then(|slugs| slugs.get(slug)) {
            None => Ok(None),
            Some(Some(connection)) => Ok(Some(Arc::clone(connection))),
            Some(None) => Err(Error::internal("the secrets or settings of a connection cannot be read")),
        }
    }

    async fn refresh_if_old(&self) -> Result<()> {
        if !self.is_old() {
            return Ok(());
        }
        let has_snapshot = self.read(|cache| cache.connections.is_some());
        // One request reads for all. The others go by the old snapshot, or wait for the first one.
        let _one = if has_snapshot {
            match self.refreshing.try_lock() {
                Ok(guard) => guard,
                Err(_) => return Ok(()),
            }
        } else {
            self.refreshing.lock().await
        };
        if !self.is_old() {
            return Ok(());
        }
        let result = if has_snapshot {
            // A database that hangs must not make webhooks hang with it.
            tokio::time::timeout(PATIENCE, self.load()).await.unwrap_or(Err(Error::Unavailable("database")))
        } else {
            self.load().await
        };
        let now = self.app.now();
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.asked_at = Some(now);
        match result {
            Ok(connections) => cache.connections = Some(Arc::new(connections)),
            Err(error) if has_snapshot => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "connections could not be read again; the last state goes on"
                );
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn is_old(&self) -> bool {
        let now = self.app.now();
        // A clock that was set back must not freeze the snapshot.
        self.read(|cache| cache.asked_at).is_none_or(|at| (now - at).abs() >= FRESH)
    }

    fn read<T>(&self, with: impl FnOnce(&Cache) -> T) -> T {
        with(&self.cache.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn load(&self) -> Result<HashMap<&'static str, Slugs>> {
        let mut connections: HashMap<&'static str, Slugs> = HashMap::new();
        for row in active().all(self.app.db()).await? {
            // A newer version added a provider that this one does not know: its URL stays unknown here.
            let Some(provider) = provider(&row.provider) else { continue };
            let opened = self.open(provider, &row);
            if let Err(error) = &opened {
                tracing::error!(connection_id = %row.id, error = error as &dyn std::error::Error, "a connection cannot be used");
            }
            connections.entry(provider.key()).or_default().insert(row.slug, opened.ok().map(Arc::new));
        }
        Ok(connections)
    }

    fn open(&self, provider: &'static dyn Provider, row: &provider_connection::Model) -> Result<OpenConnection> {
        let secrets = secrets::open(&self.app, row)?;
        Ok(OpenConnection { id: row.id, provider, secrets, settings: ConnectionSettings::of(row)? })
    }
}
