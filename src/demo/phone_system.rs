//! A phone system that speaks the generic webhook format and signs after Standard Webhooks.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};
use switchboard_core::App;
use switchboard_telephony::{Method, Secrets, provider};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::cast::{CALLERS, LINES, STRANGERS};

/// Where and how it sends.
#[derive(Clone, Debug)]
pub struct PhoneSystem {
    pub(super) app: App,
    /// Its row.
    pub(super) connection: Uuid,
    pub(super) client: reqwest::Client,
    /// Where the server listens.
    pub(super) send_to: String,
    /// The public URL of the connection, over which is signed.
    pub(super) url: String,
    pub(super) secrets: Secrets,
}

impl PhoneSystem {
    /// Sends one event, signed; tries for a few seconds while the server is busy.
    pub async fn send(&self, kind: &str, at: DateTime<Utc>, data: Value) -> Result<()> {
        let body = json!({ "type": kind, "timestamp": at, "data": data }).to_string();
        let provider = provider("generic").context("the generic provider is missing")?;
        let id = [("webhook-id".to_owned(), format!("msg_{}", self.app.new_id().simple()))];
        // 404 too: the server may have looked its connections up just before this one was added.
        for attempt in 1..=5_u64 {
            let signed = provider.sign(Method::Post, &self.url, &id, body.as_bytes(), &self.secrets, self.app.now())?;
            let mut request =
                self.client.post(&self.send_to).header("content-type", "application/json").body(body.clone());
            // The signer gives the id back with the signature, or leaves it to us: either way it is sent once.
            let unsigned =
                id.iter().filter(|(name, _)| !signed.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
            for (name, value) in signed.iter().chain(unsigned) {
                request = request.header(name, value);
            }
            match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) if answer.status().is_client_error() && answer.status() != 404 => {
                    bail!("the server refused a demonstration event: {}", answer.status())
                }
                _ => tokio::time::sleep(Duration::from_millis(200 * attempt)).await,
            }
        }
        bail!("the server did not take a demonstration event")
    }
}

/// How a simulated call goes.
#[derive(Clone, Debug)]
pub struct LiveCall {
    id: String,
    from: String,
    line: &'static str,
    /// Seconds that it rings.
    rings: u64,
    /// Seconds that people talk; 0: nobody answers.
    talks: u64,
    extension: u32,
}

impl LiveCall {
    /// Mostly known callers, sometimes strangers, now and then a hidden number; one in five gives up.
    pub fn invent(app: &App, random: &mut StdRng) -> Self {
        let from = match random.random_range(0..10) {
            0 => "anonymous".to_owned(),
            1 | 2 => pick(&STRANGERS, random).to_owned(),
            _ => pick(&CALLERS.map(|(_, _, number)| number), random).to_owned(),
        };
        Self {
            id: app.new_id().to_string(),
            from,
            line: pick(&LINES, random),
            rings: random.random_range(8..25),
            talks: if random.random_range(0..5) == 0 { 0 } else { random.random_range(40..240) },
            extension: random.random_range(201..206),
        }
    }

    /// Plays it in real time.
    pub async fn play(self, phone: &PhoneSystem, stop: &CancellationToken) -> Result<()> {
        let data = |more: Value| {
            merged(json!({ "call_id": self.id, "from": self.from, "to": self.line, "direction": "inbound" }), more)
        };
        let started = phone.app.now();
        phone.send("call.ringing", started, data(json!({}))).await?;
        wait(self.rings, stop).await;
        let answered = phone.app.now();
        if stop.is_cancelled() {
            return Ok(());
        }
        if self.talks > 0 {
            phone.send("call.answered", answered, data(json!({ "agent": format!("{}", self.extension) }))).await?;
            wait(self.talks, stop).await;
        }
        if stop.is_cancelled() {
            // Nobody listens any more. The next start hangs up what was left on the line.
            return Ok(());
        }
        let ended = phone.app.now();
        let outcome = if self.talks > 0 && ended > answered { "completed" } else { "no_answer" };
        let mut facts = json!({ "outcome": outcome, "duration_seconds": (ended - started).num_seconds() });
        if outcome == "completed" {
            facts = merged(facts, json!({ "talk_seconds": (ended - answered).num_seconds() }));
        }
        phone.send("call.ended", ended, data(facts)).await
    }
}

/// Hangs up a call that was left on the line when the server stopped.
pub(super) async fn hang_up(phone: &PhoneSystem, id: &str) -> Result<()> {
    phone.send("call.ended", phone.app.now(), json!({ "call_id": id, "outcome": "canceled" })).await
}

/// A call of the past, sent at once. Returns its id at the phone system.
pub(super) async fn send_past(
    phone: &PhoneSystem,
    from: &str,
    line: &str,
    started: DateTime<Utc>,
    rings: i64,
    talks: i64,
) -> Result<String> {
    let id = phone.app.new_id().to_string();
    let data = |more: Value| merged(json!({ "call_id": id, "from": from, "to": line, "direction": "inbound" }), more);
    phone.send("call.ringing", started, data(json!({}))).await?;
    let answered = started + TimeDelta::seconds(rings);
    let ended = answered + TimeDelta::seconds(talks);
    if talks > 0 {
        phone.send("call.answered", answered, data(json!({ "agent": "202" }))).await?;
        let facts = json!({ "outcome": "completed", "talk_seconds": talks, "duration_seconds": rings + talks });
        phone.send("call.ended", ended, data(facts)).await?;
    } else {
        phone.send("call.ended", ended, data(json!({ "outcome": "no_answer", "duration_seconds": rings }))).await?;
    }
    Ok(id)
}

async fn wait(seconds: u64, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
    }
}

/// One of them. The lists are constants or were just filled; an empty one would be a bug of the demonstration.
#[expect(clippy::indexing_slicing, reason = "the index is drawn from the length")]
pub(super) fn pick<T: Copy>(of: &[T], random: &mut StdRng) -> T {
    of[random.random_range(0..of.len())]
}

fn merged(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}
