//! A delivery becomes a caller and a call, exactly once.
//!
//! The queue hands out batches and may hand out the same entry again at any time. [`settle`] answers `Ok` when every entry
//! is settled for good: applied, recognised as a duplicate, or put aside as a dead letter; then, and only then, it may be
//! acknowledged. A whole batch is one transaction; when that fails, its entries are applied one by one, so that a bad one
//! never takes the others with it.

mod apply;
mod calls;
mod identify;
mod project;
mod unverified;

use std::{collections::HashMap, panic::AssertUnwindSafe};

use bytes::Bytes;
use futures::FutureExt;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchboard_entities::provider_connection;
use switchboard_telephony::{CallEvent, HookRequest, ParseContext, provider};
use uuid::Uuid;

use crate::{
    App, Error, Result,
    access::Actor,
    connections,
    dead_letters::{self, DeadLetter, Reason},
    envelope::{Envelope, NotAnEnvelope},
};

use unverified::Unverified;

/// Hand-outs after which an entry is put aside without being looked at: it ended the worker each time.
const MAX_ATTEMPTS: u32 = 5;

/// One queue entry.
#[derive(Debug)]
pub struct Incoming {
    /// The envelope, if the entry holds one.
    pub entry: std::result::Result<Envelope, NotAnEnvelope>,
    /// The entry as it was found, for the dead letter of one that does not decode.
    pub raw_meta: Bytes,
    /// See `raw_meta`.
    pub raw_body: Bytes,
    /// How often the queue handed it out, this time included.
    pub attempt: u32,
}

impl Incoming {
    /// Decodes an entry.
    pub fn new(raw_meta: Bytes, raw_body: Bytes, attempt: u32) -> Self {
        Self { entry: Envelope::decode(&raw_meta, raw_body.clone()), raw_meta, raw_body, attempt }
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Changed a call.
    pub applied: u32,
    /// Were known already.
    pub duplicates: u32,
    /// Were kept, and have no effect on any call.
    pub ignored: u32,
    /// Were put aside.
    pub dead: u32,
}

/// A delivery that can be applied.
struct Parsed {
    envelope: Envelope,
    events: Vec<CallEvent>,
    attempt: u32,
}

/// Settles a batch. An error is always transient ([`Error::Unavailable`]): nothing may be acknowledged, and the same batch
/// is to be handed in again after a while; whatever of it was applied is recognised then.
pub async fn settle(app: &App, batch: Vec<Incoming>) -> Result<Settled> {
    let mut settled = Settled::default();
    let mut dead = Vec::new();
    let mut envelopes = Vec::new();
    for incoming in batch {
        match incoming.entry {
            Err(NotAnEnvelope) => dead.push(undecodable(app, &incoming.raw_meta, incoming.raw_body, incoming.attempt)),
            Ok(envelope) if incoming.attempt > MAX_ATTEMPTS => {
                dead.push(DeadLetter::of(
                    &envelope,
                    Reason::Internal,
                    "it ended the worker several times",
                    incoming.attempt,
                ));
            }
            Ok(envelope) => envelopes.push((envelope, incoming.attempt)),
        }
    }
    let unverified = Unverified::among(&envelopes);
    let contexts = contexts(app, &envelopes).await?;
    let mut parsed = Vec::with_capacity(envelopes.len());
    for (envelope, attempt) in envelopes {
        match parse(&contexts, &envelope) {
            Ok(events) => parsed.push(Parsed { envelope, events, attempt }),
            Err((reason, detail)) => dead.push(DeadLetter::of(&envelope, reason, detail, attempt)),
        }
    }
    // Two workers that lock several calls each must lock them in the same order.
    parsed.sort_by_cached_key(|delivery| delivery.events.iter().flat_map(CallEvent::correlation_keys).min());

    if !parsed.is_empty() {
        match guarded(app, &parsed).await {
            Ok(done) => settled = done,
            Err(Error::Unavailable(_)) if parsed.len() == 1 => return Err(Error::Unavailable("database")),
            // A deadlock is transient too, and one by one there is none: every entry locks its own call only.
            Err(_) => {
                for delivery in &parsed {
                    match guarded(app, std::slice::from_ref(delivery)).await {
                        Ok(done) => settled = settled.and(done),
                        Err(error) if error.is_transient() => return Err(error),
                        Err(error) => dead.push(DeadLetter::of(
                            &delivery.envelope,
                            Reason::Internal,
                            reason_text(&error),
                            delivery.attempt,
                        )),
                    }
                }
            }
        }
        touch_connections(app, &parsed).await;
    }
    for letter in dead {
        metrics::counter!("switchboard_dead_letters_total", "reason" => letter.reason.as_str()).increment(1);
        dead_letters::put_aside(app, letter).await.map_err(|error| match error {
            // A dead letter that cannot be stored must not be acknowledged, whatever the reason.
            Error::Unavailable(what) => Error::Unavailable(what),
            other => {
                tracing::error!(error = reason_text(&other), "a dead letter could not be stored; it is tried again");
                Error::Unavailable("database")
            }
        })?;
        settled.dead += 1;
    }
    unverified.note(app).await;
    Ok(settled)
}

impl Settled {
    fn and(self, other: Self) -> Self {
        Self {
            applied: self.applied + other.applied,
            duplicates: self.duplicates + other.duplicates,
            ignored: self.ignored + other.ignored,
            dead: self.dead + other.dead,
        }
    }
}

/// A panic is a bug in our code on this one input: it ends nothing but the attempt, and the transaction rolls back.
async fn guarded(app: &App, deliveries: &[Parsed]) -> Result<Settled> {
    AssertUnwindSafe(apply::batch(app, deliveries))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(Error::internal("applying it panicked")))
}

fn reason_text(error: &Error) -> String {
    match error {
        // The text of an internal error was written or filtered by us, see `error.rs`.
        Error::Internal(source) => source.to_string(),
        other => other.to_string(),
    }
}

/// An entry of an unknown form has no id of its own: one is derived from its bytes, so that settling it twice makes one row.
fn undecodable(app: &App, raw_meta: &[u8], raw_body: Bytes, attempts: u32) -> DeadLetter {
    let digest = Sha256::new().chain_update(raw_meta).chain_update([0]).chain_update(&raw_body).finalize();
    let mut id = [0; 16];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    DeadLetter {
        intake_id: uuid::Builder::from_custom_bytes(id).into_uuid(),
        connection_id: None,
        provider: "unknown".to_owned(),
        reason: Reason::Undecodable,
        detail: NotAnEnvelope.to_string(),
        request: serde_json::json!({ "meta": String::from_utf8_lossy(raw_meta).replace('\0', "\u{fffd}") }),
        body: raw_body,
        attempts,
        received_at: app.now(),
    }
}

/// What parsing needs to know of each connection in the batch, removed ones too; a connection that is not in the map does
/// not exist, and an error is one whose settings cannot be read.
type Contexts = HashMap<Uuid, Result<ParseContext>>;

async fn contexts(app: &App, envelopes: &[(Envelope, u32)]) -> Result<Contexts> {
    let mut ids: Vec<Uuid> = envelopes.iter().map(|(envelope, _)| envelope.connection_id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found =
        provider_connection::Entity::find().filter(provider_connection::Column::Id.is_in(ids)).all(app.db()).await;
    // Whatever is wrong with this query is wrong with the database, not with a delivery.
    let rows = found.map_err(|error| {
        tracing::warn!(error = crate::db::describe(&error), "connections could not be read");
        Error::Unavailable("database")
    })?;
    Ok(rows.into_iter().map(|row| (row.id, connections::parse_context(&row))).collect())
}

fn parse(contexts: &Contexts, envelope: &Envelope) -> std::result::Result<Vec<CallEvent>, (Reason, String)> {
    let unknown = || (Reason::UnknownConnection, "the connection it came through does not exist".to_owned());
    let context = contexts.get(&envelope.connection_id).ok_or_else(unknown)?;
    let context = context.as_ref().map_err(|error| (Reason::Internal, reason_text(error)))?;
    let provider = provider(&envelope.provider).ok_or_else(unknown)?;
    let request =
        HookRequest { method: envelope.method, url: &envelope.url, headers: &envelope.headers, body: &envelope.body };
    let parse = || provider.parse(&request, envelope.purpose.as_deref(), envelope.received_at, context);
    match std::panic::catch_unwind(AssertUnwindSafe(parse)) {
        Ok(Ok(events)) => events.into_iter().map(without_nul).collect(),
        Ok(Err(error)) => Err((Reason::Malformed, error.to_string())),
        Err(_) => Err((Reason::Internal, "reading it panicked".to_owned())),
    }
}

/// `PostgreSQL` keeps no NUL in text or JSON. A sender that puts one into a field gets U+FFFD instead, on both databases,
/// so that one odd byte neither loses a call nor makes the modes differ.
fn without_nul(event: CallEvent) -> std::result::Result<CallEvent, (Reason, String)> {
    fn clean(value: &mut Value) {
        match value {
            Value::String(text) => *text = text.replace('\0', "\u{fffd}"),
            Value::Array(values) => values.iter_mut().for_each(clean),
            Value::Object(values) => values.values_mut().for_each(clean),
            _ => {}
        }
    }
    let broken = |_| (Reason::Internal, "its event does not serialise".to_owned());
    // Looked for in the text first, where a NUL can only be this escape: nearly every event is done with that.
    if !serde_json::to_string(&event).map_err(broken)?.contains("\\u0000") {
        return Ok(event);
    }
    let mut value = serde_json::to_value(&event).map_err(broken)?;
    clean(&mut value);
    serde_json::from_value(value).map_err(broken)
}

/// Notes that the connections are alive, at most once a second each, after and apart from the transaction: two workers
/// would otherwise wait for each other on this one row. Best effort: it is only shown to admins. What monitor mode let in
/// unverified proves nothing.
async fn touch_connections(app: &App, deliveries: &[Parsed]) {
    let now = app.now();
    let genuine = deliveries.iter().map(|delivery| &delivery.envelope).filter(|envelope| envelope.unverified.is_none());
    let ids: std::collections::BTreeSet<Uuid> = genuine.map(|envelope| envelope.connection_id).collect();
    if ids.is_empty() {
        return;
    }
    let touched = provider_connection::Entity::update_many()
        .col_expr(provider_connection::Column::LastDeliveryAt, Expr::value(now))
        .filter(provider_connection::Column::Id.is_in(ids))
        .filter(
            Condition::any()
                .add(provider_connection::Column::LastDeliveryAt.is_null())
                .add(provider_connection::Column::LastDeliveryAt.lt(now - chrono::TimeDelta::seconds(1))),
        )
        .exec(app.db())
        .await;
    if let Err(error) = touched {
        tracing::debug!(error = crate::db::describe(&error), "the time of the last delivery was not noted");
    }
}

/// The actor in the audit record for what a delivery causes.
fn actor_of(envelope: &Envelope) -> Actor {
    Actor::Connection(envelope.connection_id)
}
