//! An application over a fresh database, with a clock and randomness that tests decide.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, StreamExt, stream::BoxStream};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, Database, EntityTrait, QueryFilter, QueryOrder,
};
use switchboard_core::{
    App,
    access::{Actor, UserActor},
    app::Parts,
    audit,
    clock::ManualClock,
    db,
    entropy::{SeededEntropy, SystemEntropy, new_id},
    envelope::Envelope,
    events::{BusMessage, Event, LocalBus},
    keyring::Keyring,
    ports::{Queue, QueueHealth, QueueUnavailable},
    roles,
    sessions::{self, Tokens},
    users::{self, NewUser},
};
use switchboard_entities::{
    audit_entry,
    user::{self, UserStatus},
};
use switchboard_migration::{Migrator, MigratorTrait};

pub const PASSWORD: &str = "three blue horses";
pub const CAUSE: &str = "test";
pub const SYSTEM: Actor = Actor::System("test");

struct NoQueue;

#[async_trait::async_trait]
impl Queue for NoQueue {
    async fn push(&self, _: Envelope) -> Result<(), QueueUnavailable> {
        Err(QueueUnavailable)
    }

    async fn health(&self) -> QueueHealth {
        QueueHealth { reachable: false, spooled: 0, waiting: None }
    }
}

pub struct World {
    pub app: App,
    clock: Arc<ManualClock>,
    bus: BoxStream<'static, BusMessage>,
    _storage: Storage,
}

/// A database of its own for each test, gone with it.
enum Storage {
    File(tempfile::TempDir),
    Server { server: String, name: String },
}

impl Storage {
    async fn new() -> Self {
        let Some(server) = crate::server() else { return Self::File(tempfile::tempdir().unwrap()) };
        let name = format!("auth_{}", new_id(&SystemEntropy, Utc::now()).simple());
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        Self::Server { server, name }
    }

    fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite://{}", folder.path().join("test.db").display()),
            Self::Server { server, name } => format!("{}/{name}", server.rsplit_once('/').unwrap().0),
        }
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        if let Self::Server { server, name } = self {
            let (server, name) = (server.clone(), name.clone());
            // A destructor cannot wait in the runtime of the test.
            let dropping = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(execute(&server, &format!("DROP DATABASE {name} WITH (FORCE)")));
            });
            assert!(dropping.join().is_ok() || std::thread::panicking(), "a test database was not dropped");
        }
    }
}

async fn execute(server: &str, statement: &str) {
    let db = Database::connect(server).await.unwrap();
    db.execute_unprepared(statement).await.unwrap();
    db.close().await.unwrap();
}

impl World {
    pub async fn new() -> Self {
        let world = Self::without_roles().await;
        roles::seed(&world.app).await.unwrap();
        world
    }

    pub async fn without_roles() -> Self {
        // A key of its own: what is remembered about strangers in this process is kept per key.
        static WORLDS: AtomicU8 = AtomicU8::new(1);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let storage = Storage::new().await;
        // By a connection of its own: see the migration crate.
        let schema = db::connect(&storage.url(), 1).await.unwrap();
        Migrator::up(&schema, None).await.unwrap();
        schema.close().await.unwrap();
        let db = db::connect(&storage.url(), 8).await.unwrap();
        let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(1_795_000_000, 0).unwrap()));
        let bus = Arc::new(LocalBus::default());
        let events = switchboard_core::ports::EventBus::subscribe(&*bus);
        let app = App::new(Parts {
            db,
            queue: Arc::new(NoQueue),
            bus,
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(number.into())),
            keyring: Keyring::new([number; 32]),
            public_url: "https://crm.example.com".to_owned(),
        });
        Self { app, clock, bus: events, _storage: storage }
    }

    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    pub async fn role(&self, key: &str) -> uuid::Uuid {
        roles::find_by_key(&self.app, key).await.unwrap().unwrap().id
    }

    pub async fn new_user(&self, email: &str, role: &str) -> NewUser {
        NewUser {
            email: email.to_owned(),
            name: format!("Name of {email}"),
            role_id: self.role(role).await,
            password: PASSWORD.to_owned(),
        }
    }

    pub async fn user(&self, email: &str, role: &str) -> user::Model {
        users::create(&self.app, &SYSTEM, self.new_user(email, role).await, CAUSE).await.unwrap()
    }

    pub async fn login(&self, email: &str) -> Tokens {
        sessions::login(&self.app, email, PASSWORD, CAUSE).await.unwrap()
    }

    /// A signed-in person with a role.
    pub async fn actor(&self, email: &str, role: &str) -> UserActor {
        self.user(email, role).await;
        self.login(email).await.actor
    }

    pub async fn deactivate(&self, user: &user::Model) {
        user::ActiveModel { id: Set(user.id), status: Set(UserStatus::Deactivated), ..Default::default() }
            .update(self.app.db())
            .await
            .unwrap();
    }

    /// Every audit entry of an action so far, each checked to be genuine.
    pub async fn audited(&self, action: &str) -> Vec<audit_entry::Model> {
        let rows = audit_entry::Entity::find()
            .filter(audit_entry::Column::Action.eq(action))
            .order_by_asc(audit_entry::Column::Seq)
            .all(self.app.db())
            .await
            .unwrap();
        for row in &rows {
            assert!(audit::is_genuine(row));
            assert_eq!(row.cause, CAUSE);
        }
        rows
    }

    /// The events published since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(Some(message)) = self.bus.next().now_or_never() {
            match message {
                BusMessage::Event(event) => events.push(event),
                BusMessage::Resync => panic!("events were lost"),
            }
        }
        events
    }
}
