//! The rules on a database of their own, without a server around them.

use std::sync::{Arc, Mutex};

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use switchboard_core::{
    App,
    app::Parts,
    clock::{Clock, SystemClock},
    db,
    entropy::SystemEntropy,
    envelope::Envelope,
    events::LocalBus,
    ingest::{self, Incoming, Settled},
    keyring::Keyring,
    ports::{Queue, QueueHealth, QueueUnavailable},
};
use switchboard_entities::{caller, interaction, provider_connection};
use switchboard_migration::{Migrator, MigratorTrait};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{postgres::PostgresDatabase, server::Mode};

/// What keeps the database alive.
enum Place {
    File { _folder: TempDir },
    Server { _database: PostgresDatabase },
}

/// An application and its database.
pub struct Stage {
    pub app: App,
    _place: Place,
}

/// Remembers what was pushed; these tests hand deliveries to the rules themselves.
#[derive(Default)]
struct NoQueue(Mutex<Vec<Envelope>>);

#[async_trait::async_trait]
impl Queue for NoQueue {
    async fn push(&self, envelope: Envelope) -> Result<(), QueueUnavailable> {
        self.0.lock().unwrap().push(envelope);
        Ok(())
    }

    async fn health(&self) -> QueueHealth {
        QueueHealth { reachable: true, spooled: 0, waiting: Some(0) }
    }
}

impl Stage {
    pub async fn set(mode: Mode) -> Self {
        let (url, place) = match mode {
            Mode::Embedded => {
                let folder = tempfile::tempdir().unwrap();
                (format!("sqlite://{}/test.sqlite?mode=rwc", folder.path().display()), Place::File { _folder: folder })
            }
            Mode::Distributed => {
                let database = PostgresDatabase::create().await;
                (database.url(), Place::Server { _database: database })
            }
        };
        // By a connection of its own: see the migration crate.
        let schema = db::connect(&url, 1).await.unwrap();
        Migrator::up(&schema, None).await.unwrap();
        schema.close().await.unwrap();
        let db = db::connect(&url, 8).await.unwrap();
        let app = App::new(Parts {
            db,
            queue: Arc::new(NoQueue::default()),
            bus: Arc::new(LocalBus::default()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            keyring: Keyring::new([3; 32]),
            public_url: "https://crm.example.com".to_owned(),
        });
        Self { app, _place: place }
    }

    /// A new connection: calls of different connections never meet, so every run of a scenario takes its own.
    pub async fn connection(&self, provider: &str) -> Uuid {
        let id = self.app.new_id();
        let now = SystemClock.now();
        provider_connection::ActiveModel {
            id: Set(id),
            provider: Set(provider.to_owned()),
            slug: Set(id.simple().to_string()),
            name: Set("Test".to_owned()),
            secrets: Set(Vec::new()),
            default_region: Set(None),
            last_delivery_at: Set(None),
            removed_at: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        }
        .insert(self.app.db())
        .await
        .unwrap();
        id
    }

    pub async fn settle(&self, envelopes: Vec<Envelope>) -> Settled {
        let batch = envelopes.into_iter().map(|envelope| incoming(&envelope, 1)).collect();
        ingest::settle(&self.app, batch).await.unwrap()
    }

    /// The calls of a connection, oldest first.
    pub async fn calls(&self, connection: Uuid) -> Vec<interaction::Model> {
        interaction::Entity::find()
            .filter(interaction::Column::ConnectionId.eq(connection))
            .filter(interaction::Column::MergedInto.is_null())
            .order_by_asc(interaction::Column::StartedAt)
            .all(self.app.db())
            .await
            .unwrap()
    }

    pub async fn callers(&self) -> Vec<caller::Model> {
        caller::Entity::find().order_by_asc(caller::Column::Id).all(self.app.db()).await.unwrap()
    }
}

/// An envelope as it comes out of the queue.
pub fn incoming(envelope: &Envelope, attempt: u32) -> Incoming {
    Incoming::new(envelope.encode_meta().into(), envelope.body.clone(), attempt)
}

/// Same request, new intake: what a provider's retry is. Received at the same instant, because where a provider gives no
/// time of its own the time of receipt is all there is, and then the copy that comes first does make a difference.
pub fn again(envelope: &Envelope) -> Envelope {
    Envelope { id: Uuid::now_v7(), ..envelope.clone() }
}
