//! A connection from the side of its provider: requests of the simulated network, signed and sent over HTTP as the provider
//! would, to this server or another one.

mod lost;

pub use lost::hang_up;

use std::{fmt, time::Duration};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use reqwest::{Client, StatusCode, redirect};
use switchboard_core::{
    App,
    connections::{self, DEFAULT_SLUG, Directory},
};
use switchboard_entities::provider_connection;
use switchboard_simulator::{Dialect, Wire};
use switchboard_telephony::{Method, Provider, Secrets};
use tokio::time::Instant;
use uuid::Uuid;

/// Servers look their connections up every two seconds: until then a new one is unknown to them.
const LEARNING: Duration = Duration::from_secs(5);
/// Time between two tries while the server learns.
const LEARNING_PAUSE: Duration = Duration::from_millis(250);
/// The longest time that any provider waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection from the side of its provider.
#[derive(Clone)]
pub struct Line {
    connection: Uuid,
    name: String,
    provider: &'static dyn Provider,
    /// Without purpose; what is signed.
    url: String,
    /// Without purpose; where it is sent to.
    address: String,
    secrets: Secrets,
    client: Client,
    opened: Instant,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("connection", &self.connection).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What became of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status of the last answer; `None` when nothing answered.
    pub status: Option<u16>,
    /// How often it was sent.
    pub tries: u32,
}

impl Answer {
    /// Whether it was accepted.
    pub fn is_accepted(self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// An HTTP client for lines: providers follow no redirects to other hosts, and wait fifteen seconds at most.
pub fn client() -> Result<Client> {
    Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .build()
        .context("the HTTP client could not be made")
}

/// A connection's part of the URL: `twilio`, or `twilio.berlin`.
pub fn name(row: &provider_connection::Model) -> String {
    if row.slug == DEFAULT_SLUG { row.provider.clone() } else { format!("{}.{}", row.provider, row.slug) }
}

impl Line {
    /// The line of a connection, with its secrets and with what only the provider has (`private`). `origin` is where the
    /// server is reached (`http://127.0.0.1:8080`); signed is the address that is registered at the provider.
    pub async fn open(
        app: &App,
        client: &Client,
        row: &provider_connection::Model,
        private: &Secrets,
        origin: &str,
    ) -> Result<Self> {
        let open = Directory::new(app.clone()).find(&row.provider, &row.slug).await.map_err(|error| {
            anyhow::anyhow!("{error}").context(format!("the secrets of {} cannot be opened", name(row)))
        })?;
        let open = open.with_context(|| format!("there is no connection {}", name(row)))?;
        let mut secrets = open.secrets.clone();
        for key in private.names() {
            secrets.set(key, private.get(key).unwrap_or_default());
        }
        let hook = connections::hook_urls(app, row).into_iter().next().context("the connection has no URL")?;
        let url = hook.url.split('#').next().unwrap_or_default();
        let url = url.strip_suffix(&format!("/{}", hook.purpose)).unwrap_or(url).to_owned();
        // The path is the same wherever the server is reached.
        let path =
            url.find("/hooks/").and_then(|at| url.get(at..)).context("the connection's URL is not one of ours")?;
        Ok(Self {
            connection: row.id,
            name: name(row),
            provider: open.provider,
            address: format!("{}{path}", origin.trim_end_matches('/')),
            url,
            secrets,
            client: client.clone(),
            opened: Instant::now(),
        })
    }

    /// Id of the connection.
    pub const fn connection(&self) -> Uuid {
        self.connection
    }

    /// Its part of the URL: `twilio`, `twilio.berlin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Key of the provider.
    pub fn provider(&self) -> &'static str {
        self.provider.key()
    }

    /// Whether requests can be signed with the secrets at hand; else what is missing. (Who holds a public key can verify,
    /// but not sign.)
    pub fn check(&self, now: DateTime<Utc>) -> Result<()> {
        let json = [("content-type".to_owned(), "application/json".to_owned())];
        self.provider.sign(Method::Post, &self.url, &json, b"{}", &self.secrets, now)?;
        Ok(())
    }

    /// Sends a request once. `None`: nothing answered.
    pub async fn send(&self, wire: &Wire, now: DateTime<Utc>) -> Result<Option<StatusCode>> {
        let url = wire.url(&self.url);
        let signed = self.provider.sign(wire.method, &url, &wire.headers, &wire.body, &self.secrets, now)?;
        let method = match wire.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Options => reqwest::Method::OPTIONS,
        };
        let mut request = self.client.request(method, wire.url(&self.address)).body(wire.body.clone());
        // Where the signer gives a header back with its own value, that one is sent, once.
        let is_signed = |name: &str| signed.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        for (name, value) in wire.headers.iter().filter(|(name, _)| !is_signed(name)).chain(&signed) {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                // The connection can only be used again once the answer was read.
                let _ = answer.bytes().await;
                Ok(Some(status))
            }
            Err(error) if error.is_builder() => Err(error.without_url()).context("the request cannot be built"),
            Err(_) => Ok(None),
        }
    }

    /// Sends a request as the provider does, with its repetitions. `earlier`: how often it was sent before.
    pub async fn deliver(&self, app: &App, dialect: &dyn Dialect, wire: &Wire, earlier: u32) -> Result<Answer> {
        let retries = dialect.retries();
        let mut pause = retries.pause.to_std().unwrap_or_default();
        let mut answer = Answer::default();
        loop {
            let before = earlier + answer.tries;
            let again = (before > 0).then(|| dialect.again(wire, before));
            let status = self.send(again.as_ref().unwrap_or(wire), app.now()).await?;
            answer.status = status.map(|status| status.as_u16());
            if status == Some(StatusCode::NOT_FOUND) && self.opened.elapsed() < LEARNING {
                tokio::time::sleep(LEARNING_PAUSE).await;
                continue;
            }
            answer.tries += 1;
            let failed = match status {
                None => true,
                Some(status) => {
                    retries.on_server_errors && (status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS)
                }
            };
            if !failed || answer.tries >= retries.attempts {
                return Ok(answer);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}
