//! The edge over a fresh `SQLite` file, with a clock that tests decide and a queue that remembers.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use switchboard_api::{ApiConfig, AppState, http::server};
use switchboard_core::{
    App,
    access::Actor,
    app::Parts,
    clock::ManualClock,
    connections::{self, NewConnection, UpdateConnection},
    db,
    entropy::SeededEntropy,
    envelope::Envelope,
    events::LocalBus,
    keyring::Keyring,
    ports::{Queue, QueueHealth, QueueUnavailable},
    roles,
    users::{self, NewUser},
};
use switchboard_entities::provider_connection;
use switchboard_migration::{Migrator, MigratorTrait};
use switchboard_telephony::Secrets;
use tokio::sync::Notify;
use tower::ServiceExt;

pub const PUBLIC_URL: &str = "https://crm.example.com";
pub const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "three blue horses";
pub const AUTH_TOKEN: &str = "12345";

/// What the queue does with the next envelope.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Takes,
    Refuses,
    Hangs,
    Panics,
    /// Takes it when [`Recorder::gate`] opens.
    Waits,
}

#[derive(Default)]
pub struct Recorder {
    pushed: Mutex<Vec<Envelope>>,
    mood: Mutex<Mood>,
    /// Told when an envelope waits.
    pub arrived: Notify,
    pub gate: Notify,
}

impl Recorder {
    pub fn pushed(&self) -> MutexGuard<'_, Vec<Envelope>> {
        self.pushed.lock().unwrap()
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

#[async_trait::async_trait]
impl Queue for Recorder {
    async fn push(&self, envelope: Envelope) -> Result<(), QueueUnavailable> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Takes => {}
            Mood::Refuses => return Err(QueueUnavailable),
            Mood::Hangs => std::future::pending().await,
            Mood::Panics => panic!("the queue panics with +12025550143"),
            Mood::Waits => {
                self.arrived.notify_one();
                self.gate.notified().await;
            }
        }
        self.pushed().push(envelope);
        Ok(())
    }

    async fn health(&self) -> QueueHealth {
        QueueHealth { reachable: *self.mood.lock().unwrap() == Mood::Takes, spooled: 0, waiting: Some(0) }
    }
}

pub struct World {
    pub state: AppState,
    pub router: Router,
    pub queue: Arc<Recorder>,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

pub fn received_at() -> DateTime<Utc> {
    "2026-02-12T12:00:00Z".parse().unwrap()
}

impl World {
    pub async fn new() -> Self {
        Self::at(received_at(), ApiConfig::new(PUBLIC_URL)).await
    }

    /// With a connection to Twilio whose token is [`AUTH_TOKEN`].
    pub async fn with_twilio() -> Self {
        let world = Self::new().await;
        world.connect("twilio", None, Secrets::new().with("auth_token", AUTH_TOKEN)).await;
        world
    }

    pub async fn at(now: DateTime<Utc>, config: ApiConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        // By a connection of its own: see the migration crate.
        let schema = db::connect(&url, 1).await.unwrap();
        Migrator::up(&schema, None).await.unwrap();
        schema.close().await.unwrap();
        let db = db::connect(&url, 4).await.unwrap();
        let queue = Arc::new(Recorder::default());
        let clock = Arc::new(ManualClock::new(now));
        let app = App::new(Parts {
            db,
            queue: queue.clone(),
            bus: Arc::new(LocalBus::default()),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(7)),
            keyring: Keyring::new([7; 32]),
            public_url: config.public_url.clone(),
        });
        roles::seed(&app).await.unwrap();
        let state = AppState::new(app, config, None);
        Self { router: server::router(state.clone()), state, queue, clock, _folder: folder }
    }

    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    pub async fn connect(&self, provider: &str, slug: Option<&str>, secrets: Secrets) -> provider_connection::Model {
        let new = NewConnection {
            provider: provider.to_owned(),
            name: None,
            slug: slug.map(str::to_owned),
            secrets,
            default_region: None,
        };
        connections::add(&self.state.app, &Actor::System("test"), new, "test").await.unwrap()
    }

    /// Changes the only connection, and lets the time pass until webhooks go by it.
    pub async fn set(&self, change: impl FnOnce(&mut UpdateConnection)) -> provider_connection::Model {
        let row = self.connection().await;
        let mut input = UpdateConnection { id: row.id, version: row.version, ..UpdateConnection::default() };
        change(&mut input);
        let row = connections::update(&self.state.app, &Actor::System("test"), input, "test").await.unwrap();
        self.advance(TimeDelta::seconds(2));
        row
    }

    /// The only connection.
    pub async fn connection(&self) -> provider_connection::Model {
        connections::list(&self.state.app, &Actor::System("test")).await.unwrap().remove(0)
    }

    pub async fn user(&self) {
        let role_id = roles::find_by_key(&self.state.app, "agent").await.unwrap().unwrap().id;
        let new = NewUser { email: EMAIL.to_owned(), name: "Ada".to_owned(), role_id, password: PASSWORD.to_owned() };
        users::create(&self.state.app, &Actor::System("test"), new, "test").await.unwrap();
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, 1 << 24).await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a fixture's request as it came to the server: the path and query of its URL, under whatever host.
    pub async fn deliver(&self, fixture: &Fixture) -> Answer {
        self.send(fixture.request().body(Body::from(fixture.body.clone())).unwrap()).await
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One request of `tests/fixtures`.
#[derive(Clone)]
pub struct Fixture {
    pub name: String,
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub secrets: Secrets,
    pub now: DateTime<Utc>,
    pub verifies: bool,
    pub ack: Value,
}

impl Fixture {
    pub fn load(name: &str) -> Self {
        let path = format!("{}/../tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (request, signing) = (&json["request"], &json["signing"]);
        let secrets = match signing["scheme"].as_str().unwrap() {
            "twilio-hmac-sha1" => Secrets::new().with("auth_token", text(&signing["auth_token"])),
            "twilio-hmac-sha256-sharedkey" => Secrets::new()
                .with("shared_key_id", "webhooks_sharedkey_test0001")
                .with("shared_key_secret", text(&signing["auth_token"])),
            "standard-webhooks-v1" => Secrets::new().with("secret", text(&signing["secret"])),
            "standard-webhooks-v1a" => Secrets::new().with("public_key", text(&signing["public_key"])),
            other => panic!("{name}: {other}"),
        };
        let url = text(&request["url"]);
        let headers = request["headers"].as_object().unwrap();
        Self {
            name: name.to_owned(),
            method: text(&request["method"]),
            path: url.strip_prefix(PUBLIC_URL).unwrap().to_owned(),
            headers: headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            body: text(&request["body"]).into_bytes(),
            secrets,
            now: signing["now"].as_i64().map_or(received_at(), |now| DateTime::from_timestamp(now, 0).unwrap()),
            verifies: signing["should_verify"].as_bool().unwrap(),
            ack: json["expect"]["ack"].clone(),
        }
    }

    /// Every fixture of the two providers.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for folder in ["twilio", "standard-webhooks"] {
            let path = format!("{}/../tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"));
            for file in std::fs::read_dir(path).unwrap() {
                let file = file.unwrap().file_name().into_string().unwrap();
                match file.strip_suffix(".json") {
                    Some("signature_vectors") | None => {}
                    Some(name) => all.push(Self::load(&format!("{folder}/{name}"))),
                }
            }
        }
        assert!(all.len() >= 25, "{} fixtures", all.len());
        all
    }

    pub fn provider(&self) -> &'static str {
        if self.name.starts_with("twilio/") { "twilio" } else { "generic" }
    }

    pub fn without(mut self, header: &str) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(header));
        self
    }

    pub fn request(&self) -> axum::http::request::Builder {
        let mut builder = Request::builder().method(self.method.as_str()).uri(&self.path);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        builder
    }
}
