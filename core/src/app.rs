//! What every rule starts from: the database, the ports, the installation key.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use uuid::Uuid;

use crate::{
    Result,
    access::{Actor, Permission},
    clock::Clock,
    entropy::{self, Entropy},
    keyring::Keyring,
    ports::{EventBus, Queue},
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

/// Handle on the running application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
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
        &self.0.db
    }

    /// Where accepted webhooks go.
    pub fn queue(&self) -> &Arc<dyn Queue> {
        &self.0.queue
    }

    /// How live subscribers are told.
    pub fn bus(&self) -> &Arc<dyn EventBus> {
        &self.0.bus
    }

    /// Now, in whole microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        entropy::new_id(self.entropy(), self.now())
    }

    /// Randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.0.entropy
    }

    /// The installation key.
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// Scheme, host and port of this installation; no trailing slash.
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }
}
