//! A CRM as far as the bridge can tell: checks signatures, keeps what it takes, and misbehaves when told to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::{Router, routing::any};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::hooks::standard_signature;
use crate::support::wait::{SOON, eventually};

/// What the CRM does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Take,
    Answer(u16),
    /// Never answer.
    Hang,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: String,
    pub path: String,
    pub body: Value,
    pub raw: Vec<u8>,
    pub taken: bool,
}

impl Delivery {
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    pub fn channel(&self) -> &str {
        self.body["channel"]["id"].as_str().unwrap_or_default()
    }
}

type Rule = Box<dyn Fn(&Value) -> Plan + Send + Sync>;

struct State {
    secret: Mutex<String>,
    deliveries: Mutex<Vec<Delivery>>,
    badly_signed: Mutex<usize>,
    rule: Mutex<Rule>,
}

/// Ends on drop.
pub struct Crm {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl Crm {
    pub async fn start(secret: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a loopback port");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State {
            secret: Mutex::new(secret.to_owned()),
            deliveries: Mutex::default(),
            badly_signed: Mutex::default(),
            rule: Mutex::new(Box::new(|_| Plan::Take)),
        });
        let router = Router::new().fallback(any(take)).with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("the CRM serves") });
        Self { address, state, serving }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it does this with each event.
    pub fn rule(&self, rule: impl Fn(&Value) -> Plan + Send + Sync + 'static) {
        *self.state.rule.lock().unwrap() = Box::new(rule);
    }

    pub fn set_secret(&self, secret: &str) {
        secret.clone_into(&mut self.state.secret.lock().unwrap());
    }

    /// Requests with a wrong signature. They are answered 401 and not kept.
    pub fn badly_signed(&self) -> usize {
        *self.state.badly_signed.lock().unwrap()
    }

    /// Every request with a right signature, taken or not.
    pub fn attempts(&self) -> Vec<Delivery> {
        self.state.deliveries.lock().unwrap().clone()
    }

    /// What it has answered with 2xx, in the order of arrival.
    pub fn taken(&self) -> Vec<Delivery> {
        self.attempts().into_iter().filter(|delivery| delivery.taken).collect()
    }

    /// Waits until this many different events were taken, and returns all that were.
    pub async fn has(&self, different: usize) -> Vec<Delivery> {
        let count = || {
            let mut ids: Vec<_> = self.taken().into_iter().map(|delivery| delivery.id).collect();
            ids.sort();
            ids.dedup();
            ids.len()
        };
        eventually(&format!("the CRM has {different} events"), SOON, async || count() >= different).await;
        assert_eq!(count(), different);
        self.taken()
    }
}

impl Drop for Crm {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(Shared(state): Shared<Arc<State>>, uri: Uri, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let fresh = timestamp.parse::<u64>().is_ok_and(|signed| signed.abs_diff(now) < 60);
    let right = standard_signature(&state.secret.lock().unwrap(), &id, &timestamp, &raw);
    if !fresh || header("webhook-signature") != right || header("content-type") != "application/json" {
        *state.badly_signed.lock().unwrap() += 1;
        return StatusCode::UNAUTHORIZED;
    }
    let body: Value = serde_json::from_slice(&raw).expect("bodies are JSON");
    let plan = (state.rule.lock().unwrap())(&body);
    let path = uri.path().to_owned();
    let taken = plan == Plan::Take;
    state.deliveries.lock().unwrap().push(Delivery { id, path, body, raw: raw.to_vec(), taken });
    match plan {
        Plan::Take => StatusCode::NO_CONTENT,
        Plan::Answer(status) => StatusCode::from_u16(status).expect("a status"),
        Plan::Hang => std::future::pending().await,
    }
}
