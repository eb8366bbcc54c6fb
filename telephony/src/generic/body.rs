//! The call-event JSON of `docs/generic-webhook.md`.
//!
//! Strict about what would lose a call (no `call_id`, a time that cannot be read), forgiving about words that are new:
//! an unknown type or outcome is kept and changes nothing.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    Attestation, CallEvent, Dialect, Direction, EventKind, LegState, Outcome, ParseContext, ParseError, Party,
    RecordingFact, RecordingStatus,
};

pub(super) fn parse(
    body: &[u8],
    dedupe_key: String,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<CallEvent, ParseError> {
    let expected = "a JSON object with \"type\" and \"data\"";
    let body: Value = serde_json::from_slice(body).map_err(|_| ParseError::Body { expected })?;
    let body = body.as_object().ok_or(ParseError::Body { expected })?;
    let kind = match body.get("type") {
        Some(Value::String(kind)) if !kind.is_empty() => kind.as_str(),
        Some(Value::Null) | None => return Err(ParseError::Missing { field: "type" }),
        Some(_) => return Err(ParseError::Field { field: "type", expected: "a text" }),
    };
    let nothing = Map::new();
    let data = body.get("data").and_then(Value::as_object).unwrap_or(&nothing);
    let envelope = Envelope { dedupe_key, call_id: None, received_at };
    let Some(known) = known(kind) else { return Ok(envelope.ignored(kind, data)) };
    let mut event = envelope.event(known, data, context)?;
    if event.occurred_at.is_none() {
        event.occurred_at = Fields(body).time("timestamp", "timestamp")?;
    }
    Ok(event)
}

/// What is known of a message beside its type and its data.
pub(crate) struct Envelope {
    /// The key of the event.
    pub(crate) dedupe_key: String,
    /// The call, for data that does not name it.
    pub(crate) call_id: Option<String>,
    /// When the request reached us.
    pub(crate) received_at: DateTime<Utc>,
}

impl Envelope {
    /// The event of a type that is not known.
    pub(crate) fn ignored(self, kind: &str, data: &Map<String, Value>) -> CallEvent {
        let mut event = CallEvent::new(self.dedupe_key, EventKind::Ignored, self.received_at);
        event.provider_status = Some(kind.to_owned());
        event.session_id = Fields(data).id("call_id", "data.call_id").ok().flatten().or(self.call_id);
        event
    }

    /// The event of a known type with its data.
    pub(crate) fn event(
        self,
        (kind, state): (EventKind, Option<LegState>),
        data: &Map<String, Value>,
        context: &ParseContext,
    ) -> Result<CallEvent, ParseError> {
        let data = Fields(data);
        let mut event = CallEvent::new(self.dedupe_key, kind, self.received_at);
        event.state = state;
        let call_id = data.id("call_id", "data.call_id")?.or(self.call_id);
        let call_id = call_id.ok_or(ParseError::Missing { field: "data.call_id" })?;
        event.leg_id = data.id("leg_id", "data.leg_id")?.or_else(|| Some(call_id.clone()));
        event.parent_leg_id = data.id("parent_leg_id", "data.parent_leg_id")?;
        event.session_id = Some(call_id);
        event.occurred_at = data.time("occurred_at", "data.occurred_at")?;
        event.started_at = data.time("started_at", "data.started_at")?;
        event.answered_at = data.time("answered_at", "data.answered_at")?;
        event.ended_at = data.time("ended_at", "data.ended_at")?;
        event.duration_seconds = data.seconds("duration_seconds", "data.duration_seconds")?;
        event.talk_seconds = data.seconds("talk_seconds", "data.talk_seconds")?;
        event.agent_ref = data.id("agent", "data.agent")?;
        event.queue = data.id("queue", "data.queue")?;
        add_parties(&mut event, &data, context)?;
        add_outcome(&mut event, &data)?;
        event.recording = recording(&event, &data)?;
        Ok(event)
    }
}

/// The types of the format, with the state that each means for its leg.
pub(crate) fn known(kind: &str) -> Option<(EventKind, Option<LegState>)> {
    let kind: EventKind = kind.parse().ok()?;
    let state = match kind {
        EventKind::CallInitiated => Some(LegState::Initiated),
        EventKind::CallRinging => Some(LegState::Ringing),
        EventKind::CallQueued => Some(LegState::Queued),
        EventKind::CallAnswered | EventKind::CallBridged | EventKind::CallHeld | EventKind::CallUnheld => {
            Some(LegState::Answered)
        }
        EventKind::CallEnded => Some(LegState::Ended),
        EventKind::CallTransferred
        | EventKind::RecordingProvisional
        | EventKind::RecordingReady
        | EventKind::RecordingFailed
        | EventKind::VoicemailStarted
        | EventKind::VoicemailReady
        | EventKind::CallAnnotation => None,
        EventKind::DialResult | EventKind::Ignored => return None,
    };
    Some((kind, state))
}

fn add_parties(event: &mut CallEvent, data: &Fields<'_>, context: &ParseContext) -> Result<(), ParseError> {
    let party = |raw: &str| Party::parse(raw, Dialect::PhoneSystem, context.default_region.as_deref());
    let from = data.text("from", "data.from")?;
    event.from = from.map(|raw| party(&raw)).map(|party| party.named(data.get_str("from_name")));
    // Nobody hides who is called: an empty text says nothing.
    let to = data.text("to", "data.to")?.filter(|raw| !raw.trim().is_empty());
    event.to = to.map(|raw| party(&raw)).map(|party| party.named(data.get_str("to_name")));
    let forwarded_from = data.text("forwarded_from", "data.forwarded_from")?;
    event.forwarded_from = forwarded_from.filter(|raw| !raw.trim().is_empty()).map(|raw| party(&raw));
    event.direction_raw = data.get_str("direction").map(ToOwned::to_owned);
    event.direction = match word(event.direction_raw.as_deref()).as_str() {
        "inbound" | "incoming" | "in" => Some(Direction::Inbound),
        "outbound" | "outgoing" | "out" => Some(Direction::Outbound),
        "internal" => Some(Direction::Internal),
        _ => None,
    };
    event.attestation = match word(data.get_str("attestation")).as_str() {
        "a" => Some(Attestation::A),
        "b" => Some(Attestation::B),
        "c" => Some(Attestation::C),
        "failed" => Some(Attestation::Failed),
        _ => None,
    };
    Ok(())
}

fn add_outcome(event: &mut CallEvent, data: &Fields<'_>) -> Result<(), ParseError> {
    event.provider_status = data.text("outcome", "data.outcome")?;
    if event.kind == EventKind::CallEnded {
        event.outcome = match word(event.provider_status.as_deref()).as_str() {
            "completed" | "answered" => Some(Outcome::Completed),
            "no_answer" | "noanswer" | "missed" | "unanswered" | "timeout" => Some(Outcome::NoAnswer),
            "busy" => Some(Outcome::Busy),
            "rejected" | "declined" => Some(Outcome::Rejected),
            "canceled" | "cancelled" | "abandoned" => Some(Outcome::Canceled),
            "failed" => Some(Outcome::Failed),
            "voicemail" => Some(Outcome::Voicemail),
            _ => None,
        };
    }
    Ok(())
}

fn recording(event: &CallEvent, data: &Fields<'_>) -> Result<Option<RecordingFact>, ParseError> {
    let status = match event.kind {
        EventKind::RecordingProvisional | EventKind::VoicemailStarted => RecordingStatus::InProgress,
        EventKind::RecordingFailed => RecordingStatus::Failed,
        _ => RecordingStatus::Ready,
    };
    let fields = match data.0.get("recording") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(fields)) => Fields(fields),
        Some(_) => return Err(ParseError::Field { field: "data.recording", expected: "an object" }),
    };
    // Without an id of its own a leg has one recording, and reports about it are joined.
    let id = fields.id("id", "data.recording.id")?.or_else(|| event.leg_id.clone()).unwrap_or_default();
    Ok(Some(RecordingFact {
        url: fields.text("url", "data.recording.url")?,
        duration_seconds: fields.seconds("duration_seconds", "data.recording.duration_seconds")?,
        voicemail: event.kind == EventKind::VoicemailReady,
        ..RecordingFact::new(id, status)
    }))
}

/// A word without regard to case and to how its parts are joined.
fn word(text: Option<&str>) -> String {
    text.unwrap_or_default().trim().to_ascii_lowercase().replace(['-', ' '], "_")
}

/// The fields of an object. `null` counts as absent.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn get_str(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A text; numbers are taken for one, because ids and extensions often are.
    fn text(&self, name: &str, field: &'static str) -> Result<Option<String>, ParseError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(ParseError::Field { field, expected: "a text" }),
        }
    }

    /// A text of which an empty one counts as absent.
    fn id(&self, name: &str, field: &'static str) -> Result<Option<String>, ParseError> {
        Ok(self.text(name, field)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    fn time(&self, name: &str, field: &'static str) -> Result<Option<DateTime<Utc>>, ParseError> {
        let expected = "a time like 2026-02-12T12:00:47Z (RFC 3339)";
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let time = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
                time.map(|time| Some(time.with_timezone(&Utc))).ok_or(ParseError::Field { field, expected })
            }
        }
    }

    /// Whole seconds; fractions are cut off.
    fn seconds(&self, name: &str, field: &'static str) -> Result<Option<u32>, ParseError> {
        let expected = "a number of seconds from 0 to 4294967295";
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let whole = value.as_u64().or_else(|| whole(value.as_f64()?));
                let seconds = whole.and_then(|whole| u32::try_from(whole).ok());
                seconds.map(Some).ok_or(ParseError::Field { field, expected })
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn whole(seconds: f64) -> Option<u64> {
    (0.0..=f64::from(u32::MAX)).contains(&seconds).then_some(seconds as u64)
}
