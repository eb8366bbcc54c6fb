//! What every rule starts from: the database, the ports, the installation key.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use uuid::Uuid;

use crate::{
    Result,
    access::{Actor, Permission},
    clock::Clock,
    entropy::{self, Entropy},
    keyring::Keyring,
    ports::{EventBus, PracticeLine, Queue},
    unit::Unit,
};

/// The parts, chosen by the composition root.
pub struct Parts {
    /// `SQLite` or `PostgreSQL`, migrated.
    pub db: DatabaseConnection,
    /// Where accepted webhooks go.
    pub queue: Arc<dyn Queue>,
    /// How live subscribers are told.
    pub bus: Arc<dyn EventBus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The installation key.
    pub keyring: Keyring,
    /// Scheme, host and port under which providers and people reach this installation; no trailing slash.
    pub public_url: String,
}

struct Inner {
    parts: Parts,
    practice_line: OnceLock<Arc<dyn PracticeLine>>,
}

/// Handle on the running application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, practice_line: OnceLock::new() }))
    }

    /// Begins writing. Refused before the transaction starts when the actor lacks the permission. `cause` says why it
    /// happens (a request id, a command) and stands in the audit record.
    pub async fn begin(&self, actor: &Actor, needs: Permission, cause: &str) -> Result<Unit> {
        actor.require(needs)?;
        Unit::begin(self, actor.clone(), cause.to_owned()).await
    }

    /// Begins writing without a permission: only for ingestion and for what every user may do to themselves (sign in and
    /// out). Not public: other crates must name a permission.
    pub(crate) async fn begin_internal(&self, actor: Actor, cause: &str) -> Result<Unit> {
        Unit::begin(self, actor, cause.to_owned()).await
    }

    /// For reading.
    pub fn db(&self) -> &DatabaseConnection {
        &self.0.parts.db
    }

    /// Where accepted webhooks go.
    pub fn queue(&self) -> &Arc<dyn Queue> {
        &self.0.parts.queue
    }

    /// How live subscribers are told.
    pub fn bus(&self) -> &Arc<dyn EventBus> {
        &self.0.parts.bus
    }

    /// Opens the line for practice calls. It is not one of the [`Parts`] because it plays against this very server, whose
    /// address is known only once it listens. The first one stays.
    pub fn open_practice_line(&self, line: Arc<dyn PracticeLine>) {
        let _ = self.0.practice_line.set(line);
    }

    /// The line for practice calls; `None` in a process that serves no webhooks.
    pub fn practice_line(&self) -> Option<&Arc<dyn PracticeLine>> {
        self.0.practice_line.get()
    }

    /// Now, in whole microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.parts.clock.now()
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        entropy::new_id(self.entropy(), self.now())
    }

    /// Randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.0.parts.entropy
    }

    /// The installation key.
    pub fn keyring(&self) -> &Keyring {
        &self.0.parts.keyring
    }

    /// Scheme, host and port of this installation; no trailing slash.
    pub fn public_url(&self) -> &str {
        &self.0.parts.public_url
    }
}
