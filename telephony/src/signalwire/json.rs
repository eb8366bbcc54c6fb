//! The JSON callbacks of SWML and RELAY: `{"event_type": "calling.call.state", "params": {"call_id", "call_state", …}}`.
//!
//! SWML's own methods, the RELAY protocol and the examples of the SDKs spell the same things differently; all are read.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::json::{self, Fields};
use crate::keys::bounded;
use crate::signature::sha256_hex;
use crate::times;
use crate::{
    Address, CallEvent, Dialect, Direction, EventKind, LegState, Outcome, ParseContext, ParseError, Party,
    RecordingFact, RecordingStatus,
};

pub(super) fn parse(
    body: &[u8],
    purpose: Option<&str>,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<CallEvent, ParseError> {
    let value = json::read(body)?;
    let mut event = Fields::of_object(&value)?;
    // RELAY wraps its events into a JSON-RPC notification.
    if let Some(inner) = event.object("params").filter(|inner| type_of(*inner).is_some()) {
        event = inner;
    }
    let call = event.object("params").filter(|params| params.value("call_id").is_some());
    let call = call.or_else(|| event.object("call")).or_else(|| event.object("params")).unwrap_or(event);
    let reader = Reader { event, call, value: &value, purpose, received_at, region: context.default_region.as_deref() };
    reader.read()
}

fn type_of(event: Fields<'_>) -> Option<String> {
    event.text("event_type").or_else(|| event.text("event"))
}

struct Reader<'a> {
    event: Fields<'a>,
    /// What is said about the call.
    call: Fields<'a>,
    value: &'a Value,
    purpose: Option<&'a str>,
    received_at: DateTime<Utc>,
    region: Option<&'a str>,
}

impl Reader<'_> {
    fn read(&self) -> Result<CallEvent, ParseError> {
        // A request for an SWML document has no type, and the call in place of the parameters.
        let sort = type_of(self.event).unwrap_or_else(|| "calling.call.state".to_owned()).to_ascii_lowercase();
        let mut event = match sort.strip_prefix("calling.").unwrap_or(&sort) {
            "call.state" | "call.receive" | "call" => self.state()?,
            "call.record" => self.record()?,
            "call.connect" => self.connect()?,
            "call.queue" => self.queue()?,
            "call.hold" => self.hold()?,
            word if word.starts_with("call.") => self.other(&sort, EventKind::CallAnnotation),
            _ => self.other(&sort, EventKind::Ignored),
        };
        event.occurred_at = time(self.event, "timestamp").or_else(|| time(self.call, "timestamp"));
        Ok(event)
    }

    fn call_id(&self) -> Result<String, ParseError> {
        self.call.text("call_id").map(bounded).ok_or(ParseError::Missing { field: "params.call_id" })
    }

    /// An event about the call, with what every one says of it.
    fn about(&self, call_id: &str, key: String, kind: EventKind) -> CallEvent {
        let mut event = CallEvent::new(bounded(key), kind, self.received_at);
        event.leg_id = Some(call_id.to_owned());
        event.parent_leg_id = id_in(self.call, "parent");
        event.direction_raw = self.call.text("direction");
        event.direction = match event.direction_raw.as_deref() {
            Some("inbound") => Some(Direction::Inbound),
            Some("outbound" | "outbound-api" | "outbound-dial") => Some(Direction::Outbound),
            _ => None,
        };
        self.add_parties(&mut event, self.call);
        event
    }

    /// The two sides, from the device or from the call itself.
    fn add_parties(&self, event: &mut CallEvent, call: Fields<'_>) {
        let device = call.object("device").and_then(|device| device.object("params"));
        let side = |names: [&str; 2]| {
            let of = |fields: Fields<'_>| names.iter().find_map(|name| fields.sent(name));
            device.and_then(of).or_else(|| of(call))
        };
        let party = |raw: String| Party::parse(&raw, Dialect::Public, self.region);
        let name = call.text("from_name").or_else(|| call.text("caller_id_name"));
        event.from = side(["from_number", "from"]).map(|raw| party(raw).named(name.as_deref()));
        event.to = side(["to_number", "to"]).filter(|to| !to.trim().is_empty()).map(party);
        event.agent_ref = match event.to.as_ref().and_then(|to| to.value.as_ref()) {
            Some(Address::Client(identity)) => Some(identity.clone()),
            _ => None,
        };
    }

    fn state(&self) -> Result<CallEvent, ParseError> {
        let call_id = self.call_id()?;
        let word = self.call.text("call_state").or_else(|| self.call.text("state"));
        let word = word.ok_or(ParseError::Missing { field: "params.call_state" })?.to_ascii_lowercase();
        let (kind, state) = match word.as_str() {
            "created" => (EventKind::CallInitiated, Some(LegState::Initiated)),
            "ringing" => (EventKind::CallRinging, Some(LegState::Ringing)),
            "answered" => (EventKind::CallAnswered, Some(LegState::Answered)),
            "ended" => (EventKind::CallEnded, Some(LegState::Ended)),
            // About to end: the end itself is still to come.
            "ending" => (EventKind::CallAnnotation, None),
            _ => (EventKind::Ignored, None),
        };
        let mut event = self.about(&call_id, format!("{call_id}:state:{word}"), kind);
        event.state = state;
        event.started_at = time(self.call, "start_time");
        event.answered_at = time(self.call, "answer_time");
        event.ended_at = time(self.call, "end_time");
        // An inbound leg is answered by the script; whether a person came is told by the legs that it connects.
        event.answered_by_platform = event.direction == Some(Direction::Inbound) && event.parent_leg_id.is_none();
        if state == Some(LegState::Ended) {
            event.provider_reason = self.call.text("end_reason");
            event.outcome = Some(end(event.provider_reason.as_deref()));
        }
        event.provider_status = Some(word);
        Ok(event)
    }

    fn record(&self) -> Result<CallEvent, ParseError> {
        let call_id = self.call_id()?;
        let word = self.call.text("state").unwrap_or_default().to_ascii_lowercase();
        let (kind, status) = match word.as_str() {
            "recording" | "paused" => (EventKind::RecordingProvisional, RecordingStatus::InProgress),
            "finished" => (EventKind::RecordingReady, RecordingStatus::Ready),
            "no_input" => (EventKind::RecordingFailed, RecordingStatus::Absent),
            "error" => (EventKind::RecordingFailed, RecordingStatus::Failed),
            _ => return Ok(self.other("calling.call.record", EventKind::Ignored)),
        };
        // Scripts may name their recordings as they like, so only the call makes the name unique.
        let name = self.call.text("control_id").unwrap_or_else(|| "record".to_owned());
        let id = bounded(format!("{call_id}:{name}"));
        let record = self.call.object("record").unwrap_or(self.call);
        let text = |name: &str| record.text(name).or_else(|| self.call.text(name));
        let voicemail = self.purpose == Some("voicemail-done") && status == RecordingStatus::Ready;
        let stereo = record.flag("stereo").or_else(|| record.object("audio").and_then(|audio| audio.flag("stereo")));
        let mut event = self.about(&call_id, format!("{id}:{word}"), kind);
        event.recording = Some(RecordingFact {
            url: text("url"),
            duration_seconds: record.seconds("duration").or_else(|| self.call.seconds("duration")),
            channels: stereo.map(|stereo| if stereo { 2 } else { 1 }),
            voicemail,
            ..RecordingFact::new(id, status)
        });
        event.provider_status = Some(word);
        Ok(event)
    }

    /// Two legs were connected, or could not be: told about the leg that connects.
    fn connect(&self) -> Result<CallEvent, ParseError> {
        let call_id = self.call_id()?;
        let word = self.call.text("connect_state").unwrap_or_default().to_ascii_lowercase();
        let peer = self.call.object("peer");
        let peer_id = id_in(self.call, "peer");
        let key = format!("{call_id}:connect:{word}:{}", peer_id.as_deref().unwrap_or_default());
        let mut event = match (word.as_str(), peer_id) {
            // That they are connected shows that the other leg was answered, also when nothing else tells.
            ("connected", Some(peer_id)) => {
                let mut event = CallEvent::new(bounded(key), EventKind::CallBridged, self.received_at);
                event.leg_id = Some(peer_id);
                event.parent_leg_id = Some(call_id);
                event.state = Some(LegState::Answered);
                event.queue = peer.and_then(|peer| peer.text("queue_name").or_else(|| peer.text("queue_id")));
                if let Some(peer) = peer {
                    self.add_parties(&mut event, peer);
                }
                event
            }
            ("failed", _) => {
                let reason = self.call.text("failed_reason");
                // Connecting may be tried again: the hash of the request tells the attempts apart.
                let key = format!("{key}:{}", self.hash());
                let mut event = self.about(&call_id, key, EventKind::DialResult);
                event.dial_outcome = Some(dial_failure(reason.as_deref()));
                event.provider_reason = reason;
                event
            }
            _ => self.other("calling.call.connect", EventKind::CallAnnotation),
        };
        event.provider_status = Some(word);
        Ok(event)
    }

    fn queue(&self) -> Result<CallEvent, ParseError> {
        let call_id = self.call_id()?;
        let word = self.call.text("status").unwrap_or_default().to_ascii_lowercase();
        let queue = self.call.text("queue_name").or_else(|| self.call.text("queue_id"));
        let waits = word.starts_with("enqueue");
        let kind = if waits { EventKind::CallQueued } else { EventKind::CallAnnotation };
        let key = format!("{call_id}:queue:{word}:{}", self.hash());
        let mut event = self.about(&call_id, key, kind);
        event.state = waits.then_some(LegState::Queued);
        event.answered_by_platform = event.direction == Some(Direction::Inbound) && event.parent_leg_id.is_none();
        event.queue = queue;
        event.provider_status = Some(word);
        Ok(event)
    }

    fn hold(&self) -> Result<CallEvent, ParseError> {
        let call_id = self.call_id()?;
        let word = self.call.text("state").unwrap_or_default().to_ascii_lowercase();
        let kind = match word.as_str() {
            "hold" | "held" => EventKind::CallHeld,
            "unhold" | "unheld" | "resumed" => EventKind::CallUnheld,
            _ => EventKind::CallAnnotation,
        };
        let mut event = self.about(&call_id, format!("{call_id}:hold:{word}:{}", self.hash()), kind);
        event.provider_status = Some(word);
        Ok(event)
    }

    /// An event without effect. It need not be about a call.
    fn other(&self, sort: &str, kind: EventKind) -> CallEvent {
        let mut event = CallEvent::new(bounded(format!("{sort}:{}", self.hash())), kind, self.received_at);
        event.leg_id = self.call.text("call_id").map(bounded);
        event.provider_status = Some(sort.to_owned());
        event
    }

    /// Nothing but its contents tells one such event from another.
    fn hash(&self) -> String {
        sha256_hex(self.value.to_string().as_bytes())
    }
}

/// Seconds or milliseconds since 1970, or a text.
#[expect(clippy::cast_possible_truncation, reason = "a time that does not fit is refused by its range")]
fn time(fields: Fields<'_>, name: &str) -> Option<DateTime<Utc>> {
    /// Seconds of the year 5138, milliseconds of 1973.
    const MILLIS: f64 = 1e11;
    match fields.value(name)? {
        Value::Number(number) => {
            let number = number.as_f64()?;
            let micros = if number < MILLIS { number * 1e6 } else { number * 1e3 };
            times::from_micros(micros.round() as i64)
        }
        _ => fields.time(name),
    }
}

/// The id of the other call in a nested object.
fn id_in(call: Fields<'_>, name: &str) -> Option<String> {
    call.object(name)?.text("call_id").map(bounded)
}

/// How a leg ended. `hangup` is the end of an answered leg: those that nobody answered have words of their own.
fn end(reason: Option<&str>) -> Outcome {
    match word(reason).as_str() {
        "" | "hangup" | "maxduration" => Outcome::Completed,
        "busy" => Outcome::Busy,
        "noanswer" | "abandoned" => Outcome::NoAnswer,
        "cancel" | "canceled" | "cancelled" => Outcome::Canceled,
        "decline" | "declined" => Outcome::Rejected,
        _ => Outcome::Failed,
    }
}

/// Why a leg could not be connected.
fn dial_failure(reason: Option<&str>) -> Outcome {
    match word(reason).as_str() {
        "" | "hangup" | "timeout" => Outcome::NoAnswer,
        _ => end(reason),
    }
}

/// `noAnswer`, `no_answer` and `No Answer` are one word.
fn word(text: Option<&str>) -> String {
    text.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}
