//! A connection to a phone provider.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use switchboard_core::{App, connections};
use switchboard_entities::provider_connection;
use switchboard_telephony::{Provider, provider};
use uuid::Uuid;

/// One connection to a phone provider, without its secrets.
#[derive(Clone, Debug, SimpleObject)]
pub struct ProviderConnection {
    /// Id of the connection.
    id: Uuid,
    /// Key of the provider, e.g. `twilio`.
    provider: String,
    /// What people read.
    name: String,
    /// Its part of the webhook addresses; the one called `default` has none.
    slug: String,
    /// Where the provider must send what, to be entered at the provider.
    hook_urls: Vec<HookUrl>,
    /// What whoever registers the addresses must know, in English; null when they speak for themselves.
    advice: Option<&'static str>,
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

impl ProviderConnection {
    pub(in crate::graphql) fn new(app: &App, row: provider_connection::Model) -> Self {
        let hook_urls = connections::hook_urls(app, &row)
            .into_iter()
            .map(|hook| HookUrl { purpose: hook.purpose.to_owned(), url: hook.url })
            .collect();
        Self {
            advice: provider(&row.provider).and_then(Provider::advice),
            id: row.id,
            provider: row.provider,
            name: row.name,
            slug: row.slug,
            hook_urls,
            last_delivery_at: row.last_delivery_at,
            created_at: row.created_at,
        }
    }
}
