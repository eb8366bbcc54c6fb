//! A connection to a phone provider.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use switchboard_core::{
    App,
    connections::{self, ConnectionSettings as Settings},
    practice,
};
use switchboard_entities::provider_connection;
use switchboard_telephony::{Provider, provider};
use uuid::Uuid;

use crate::graphql::error::Result;

/// One connection to a phone provider, without its secrets.
#[derive(Clone, Debug, SimpleObject)]
pub struct ProviderConnection {
    /// Id of the connection.
    id: Uuid,
    /// Goes up with every change by a person; changes want the one that was looked at.
    version: i32,
    /// Key of the provider, e.g. `twilio`.
    provider: String,
    /// What people read.
    name: String,
    /// Its part of the webhook addresses; the one called `default` has none.
    slug: String,
    /// The country whose national number format is understood, as two letters such as `DE`; null: none.
    default_region: Option<String>,
    /// Where the provider must send what, to be entered at the provider.
    hook_urls: Vec<HookUrl>,
    /// What whoever registers the addresses must know, in English; null when they speak for themselves.
    advice: Option<&'static str>,
    /// What is set beside the secrets.
    settings: ConnectionSettings,
    /// Its secrets, without their values; null when they cannot be opened, because they were sealed with another
    /// installation key.
    secrets: Option<Vec<ConnectionSecret>>,
    /// Monitor mode, and what it saw since it was last switched on.
    monitor: ConnectionMonitor,
    /// Does it only carry practice calls? It was made by the program; nothing is wrong when nothing comes.
    is_practice: bool,
    /// When the last genuine webhook arrived.
    last_delivery_at: Option<DateTime<Utc>>,
    /// When it was added.
    created_at: DateTime<Utc>,
}

/// Where a provider must send one kind of webhook.
#[derive(Clone, Debug, SimpleObject)]
pub struct HookUrl {
    /// What it is for, e.g. `status`.
    purpose: String,
    /// The address, with what steers the provider's retries behind a `#`.
    url: String,
}

/// What is set for a connection beside its secrets.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConnectionSettings {
    /// Seconds that the time of a signature may be off, either way, 30 to 3600.
    clock_skew_seconds: i64,
    /// Scheme and host under which the provider calls this connection; null: the public URL of the installation.
    base_url: Option<String>,
    /// Are scheme and host of the signed address taken from the forwarding headers of trusted proxies?
    trust_forwarded: bool,
    /// The options that are set; the others have their default.
    options: Vec<ConnectionOption>,
    /// What is answered where the answer steers the call; a purpose without a document has the provider's default.
    answers: Vec<ConnectionAnswer>,
}

/// An option of a connection that is set.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConnectionOption {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

/// A call control document of a connection.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConnectionAnswer {
    /// The purpose whose requests it answers, e.g. `voice`.
    purpose: String,
    /// The document, in the language of the provider.
    document: String,
}

/// How a secret of a connection stands. Its value is shown to nobody.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConnectionSecret {
    /// Its name, e.g. `auth_token`.
    name: &'static str,
    /// Does it have a value?
    set: bool,
    /// Is the value that it had before still accepted?
    previous_valid: bool,
}

/// Monitor mode: while it lasts, requests that fail verification are accepted and counted.
#[derive(Clone, Debug, SimpleObject)]
pub struct ConnectionMonitor {
    /// Does it last?
    active: bool,
    /// When it was last switched on; null: never.
    since: Option<DateTime<Utc>>,
    /// When it ends or ended by itself; null when it was switched off, or never on.
    until: Option<DateTime<Utc>>,
    /// Deliveries since then that would have been refused.
    would_be_refused: i64,
    /// Why the last of them would have been: `missing_signature`, `bad_signature`, `bad_credentials`, `unknown_key` or
    /// `stale`.
    last_reason: Option<String>,
    /// When the last of them came.
    last_at: Option<DateTime<Utc>>,
}

impl ProviderConnection {
    pub(in crate::graphql) fn new(app: &App, row: provider_connection::Model) -> Result<Self> {
        let hook_urls = connections::hook_urls(app, &row)
            .into_iter()
            .map(|hook| HookUrl { purpose: hook.purpose.to_owned(), url: hook.url })
            .collect();
        let settings = Settings::of(&row)?;
        let is_practice = practice::is_practice(&row);
        let secrets = connections::secret_states(app, &row)
            .map(|states| states.into_iter().map(ConnectionSecret::from).collect());
        Ok(Self {
            advice: provider(&row.provider).and_then(Provider::advice),
            monitor: ConnectionMonitor {
                active: settings.is_monitoring(app.now()),
                since: settings.monitor_since,
                until: settings.monitor_until,
                would_be_refused: row.unverified_count,
                last_reason: row.unverified_reason,
                last_at: row.unverified_at,
            },
            is_practice,
            id: row.id,
            version: row.version,
            provider: row.provider,
            name: row.name,
            slug: row.slug,
            default_region: row.default_region,
            hook_urls,
            settings: settings.into(),
            secrets,
            last_delivery_at: row.last_delivery_at,
            created_at: row.created_at,
        })
    }
}

impl From<Settings> for ConnectionSettings {
    fn from(settings: Settings) -> Self {
        let option = |(name, value): (&str, &str)| ConnectionOption { name: name.to_owned(), value: value.to_owned() };
        Self {
            clock_skew_seconds: settings.clock_skew().num_seconds(),
            base_url: settings.base_url,
            trust_forwarded: settings.trust_forwarded,
            options: settings.options.iter().map(option).collect(),
            answers: settings
                .answers
                .into_iter()
                .map(|(purpose, document)| ConnectionAnswer { purpose, document })
                .collect(),
        }
    }
}

impl From<connections::SecretState> for ConnectionSecret {
    fn from(state: connections::SecretState) -> Self {
        Self { name: state.name, set: state.set, previous_valid: state.previous_valid }
    }
}
