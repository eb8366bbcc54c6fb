//! An application over a fresh database, with people, callers and calls: a `SQLite` file, or a database of its own on the
//! `PostgreSQL` server of `SWITCHBOARD_TEST_POSTGRES` (an address without a database's name).

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use switchboard_api::{ApiConfig, AppState, graphql};
use switchboard_core::{
    App,
    app::Parts,
    clock::SystemClock,
    db, dispositions,
    entropy::{SystemEntropy, new_id},
    envelope::Envelope,
    events::{BusMessage, Event, LocalBus},
    keyring::Keyring,
    passwords,
    ports::{EventBus, Queue, QueueHealth, QueueUnavailable},
    roles, sessions,
};
use switchboard_entities::{
    caller, caller_number, interaction, note, provider_connection,
    user::{self, UserStatus},
};
use switchboard_migration::{Migrator, MigratorTrait};
use tower::ServiceExt;
use uuid::Uuid;

pub const PASSWORD: &str = "three blue horses";
pub const ORIGIN: &str = "http://127.0.0.1:8080";

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
    pub state: AppState,
    pub bus: Arc<LocalBus>,
    pub connection: Uuid,
    statements: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: Uuid,
    pub name: String,
    pub email: String,
    pub session: Uuid,
    pub token: String,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub fn data(&self) -> Value {
        let mut json = self.json();
        assert!(json.get("errors").is_none(), "{}", self.text);
        json["data"].take()
    }

    /// Code of the first error.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }

    pub fn cookies(&self) -> Vec<String> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }
}

impl World {
    pub async fn new() -> Self {
        static WORLDS: AtomicU8 = AtomicU8::new(1);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::tempdir().unwrap();
        let url = match std::env::var("SWITCHBOARD_TEST_POSTGRES") {
            Err(_) => format!("sqlite://{}", folder.path().join("test.db").display()),
            Ok(server) => {
                let name = format!("graphql_{}", new_id(&SystemEntropy, Utc::now()).simple());
                let admin = db::connect(&format!("{server}/postgres"), 1).await.unwrap();
                admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
                format!("{server}/{name}")
            }
        };
        // By a connection of its own: see the migration crate.
        let schema = db::connect(&url, 1).await.unwrap();
        Migrator::up(&schema, None).await.unwrap();
        schema.close().await.unwrap();
        let mut db = db::connect(&url, 8).await.unwrap();
        let statements = Arc::new(AtomicUsize::new(0));
        let counter = statements.clone();
        db.set_metric_callback(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let bus = Arc::new(LocalBus::default());
        let app = App::new(Parts {
            db,
            queue: Arc::new(NoQueue),
            bus: bus.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            keyring: Keyring::new([number; 32]),
            public_url: ORIGIN.to_owned(),
        });
        roles::seed(&app).await.unwrap();
        dispositions::seed(&app).await.unwrap();
        let connection = provider_connection::ActiveModel {
            id: Set(new_id(&SystemEntropy, app.now())),
            provider: Set("twilio".to_owned()),
            slug: Set("default".to_owned()),
            name: Set("Main line".to_owned()),
            secrets: Set(Vec::new()),
            default_region: Set(None),
            last_delivery_at: Set(None),
            removed_at: Set(None),
            created_at: Set(app.now()),
            updated_at: Set(app.now()),
            ..Default::default()
        };
        let connection = connection.insert(app.db()).await.unwrap().id;
        let state = AppState::new(app.clone(), ApiConfig::new(ORIGIN), None);
        Self { app, state, bus, connection, statements, _folder: folder }
    }

    pub fn router(&self) -> Router {
        graphql::routes().with_state(self.state.clone())
    }

    /// SQL statements so far.
    pub fn statements(&self) -> usize {
        self.statements.load(Ordering::SeqCst)
    }

    pub async fn role(&self, key: &str) -> Uuid {
        roles::find_by_key(&self.app, key).await.unwrap().unwrap().id
    }

    /// A user with [`PASSWORD`]. Hashed once: it is meant to be slow.
    pub async fn user(&self, name: &str, role: &str) -> user::Model {
        static HASH: OnceLock<String> = OnceLock::new();
        if HASH.get().is_none() {
            let _ = HASH.set(passwords::hash(&self.app, PASSWORD).await.unwrap());
        }
        let now = self.app.now();
        let user = user::ActiveModel {
            id: Set(self.app.new_id()),
            email: Set(format!("{}@example.com", name.to_lowercase())),
            name: Set(name.to_owned()),
            password_hash: Set(HASH.get().unwrap().clone()),
            role_id: Set(self.role(role).await),
            status: Set(UserStatus::Active),
            failed_logins: Set(0),
            locked_until: Set(None),
            last_seen_at: Set(None),
            version: Set(1),
            created_at: Set(now),
            updated_at: Set(now),
        };
        user.insert(self.app.db()).await.unwrap()
    }

    /// A user of a role, signed in.
    pub async fn person(&self, name: &str, role: &str) -> Person {
        let user = self.user(name, role).await;
        let tokens = sessions::login(&self.app, &user.email, PASSWORD, "test").await.unwrap();
        Person {
            id: user.id,
            name: user.name,
            email: user.email,
            session: tokens.actor.session_id,
            token: tokens.access.expose().to_owned(),
        }
    }

    pub async fn caller(&self, name: Option<&str>, number: &str, owner: Option<Uuid>) -> caller::Model {
        let now = self.app.now();
        let row = caller::ActiveModel {
            id: Set(self.app.new_id()),
            name: Set(name.map(str::to_owned)),
            company: Set(None),
            email: Set(Some("anna@example.org".to_owned())),
            provisional: Set(name.is_none()),
            owner_id: Set(owner),
            call_count: Set(1),
            last_call_at: Set(Some(now)),
            sort_at: Set(now),
            version: Set(1),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let row = row.insert(self.app.db()).await.unwrap();
        let number = caller_number::ActiveModel {
            id: Set(self.app.new_id()),
            caller_id: Set(row.id),
            kind: Set(caller_number::NumberKind::E164),
            value: Set(number.to_owned()),
            digits: Set(number.trim_start_matches('+').to_owned()),
            label: Set(None),
            created_at: Set(now),
        };
        number.insert(self.app.db()).await.unwrap();
        row
    }

    /// A ringing inbound call from a number, seconds ago.
    pub async fn call(&self, number: &str, caller: Option<Uuid>, agent: Option<Uuid>) -> interaction::Model {
        self.call_at(number, caller, agent, self.app.now()).await
    }

    pub async fn call_at(
        &self,
        number: &str,
        caller: Option<Uuid>,
        agent: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> interaction::Model {
        let row = interaction::ActiveModel {
            id: Set(self.app.new_id()),
            connection_id: Set(self.connection),
            caller_id: Set(caller),
            direction: Set("inbound".to_owned()),
            state: Set("ringing".to_owned()),
            outcome: Set(None),
            from_party: Set(json!({"kind": "pstn", "value": {"phone": number}})),
            to_party: Set(json!({"kind": "pstn", "value": {"phone": "+49301234500"}})),
            match_level: Set(interaction::MatchLevel::Known),
            agent_id: Set(agent),
            taken_at: Set(agent.map(|_| at)),
            started_at: Set(at),
            answered_at: Set(None),
            ended_at: Set(None),
            talk_seconds: Set(None),
            duration_seconds: Set(None),
            legs: Set(json!([{
                "id": "CA1", "state": "ringing", "party": {"kind": "pstn", "value": {"phone": number}},
                "parent_id": null, "outcome": null, "started_at": at, "answered_at": null, "ended_at": null,
                "talk_seconds": null,
            }])),
            recordings: Set(json!([{"id": "RE1", "status": "ready", "duration_seconds": 7, "voicemail": true}])),
            disposition_id: Set(None),
            disposed_at: Set(None),
            disposed_by: Set(None),
            merged_into: Set(None),
            version: Set(1),
            created_at: Set(at),
            updated_at: Set(at),
        };
        row.insert(self.app.db()).await.unwrap()
    }

    /// Changes a call as the worker would, and tells.
    pub async fn change(&self, call: Uuid, change: impl FnOnce(&mut interaction::ActiveModel)) {
        let row = interaction::Entity::find_by_id(call).one(self.app.db()).await.unwrap().unwrap();
        let mut active =
            interaction::ActiveModel { id: Set(call), version: Set(row.version + 1), ..Default::default() };
        change(&mut active);
        active.update(self.app.db()).await.unwrap();
        self.tell(Event::CallChanged { interaction_id: call }).await;
    }

    pub async fn end(&self, call: Uuid) {
        let now = self.app.now();
        self.change(call, |row| {
            row.state = Set("ended".to_owned());
            row.outcome = Set(Some("completed".to_owned()));
            row.ended_at = Set(Some(now));
        })
        .await;
    }

    pub async fn note(&self, caller: Uuid, author: Uuid, body: &str) -> note::Model {
        let now = self.app.now();
        let row = note::ActiveModel {
            id: Set(self.app.new_id()),
            caller_id: Set(Some(caller)),
            interaction_id: Set(None),
            author_id: Set(author),
            body: Set(body.to_owned()),
            created_at: Set(now),
            updated_at: Set(now),
        };
        row.insert(self.app.db()).await.unwrap()
    }

    pub async fn tell(&self, event: Event) {
        self.bus.publish(&[event]).await;
    }

    pub fn resync(&self) {
        self.bus.send(BusMessage::Resync);
    }

    pub async fn execute(&self, sql: &str) {
        self.app.db().execute_unprepared(sql).await.unwrap();
    }

    /// Calls of one caller, a second apart, the last one now.
    pub async fn history(&self, caller: Uuid, calls: i64) {
        for i in 0..calls {
            let at = self.app.now() - TimeDelta::seconds(calls - i);
            self.call_at("+4930111111", Some(caller), None, at).await;
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 22).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// POSTs an operation with some headers.
    pub async fn post(&self, headers: &[(&str, &str)], query: &str, variables: Value) -> Answer {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = json!({"query": query, "variables": variables}).to_string();
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// POSTs an operation as somebody.
    pub async fn ask(&self, person: &Person, query: &str, variables: Value) -> Answer {
        self.post(&[("authorization", &format!("Bearer {}", person.token))], query, variables).await
    }
}
