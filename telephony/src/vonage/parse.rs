//! From Vonage's fields to an event.
//!
//! What a request is follows from its fields. A GET has the fields of the JSON in its query.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::form::Params;
use crate::json::{self, Fields};
use crate::{
    Address, CallEvent, Direction, EventKind, HookRequest, LegState, Method, Outcome, ParseContext, ParseError, Party,
    RecordingFact, RecordingStatus, keys,
};

pub(super) fn parse(
    request: &HookRequest<'_>,
    purpose: Option<&str>,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<CallEvent, ParseError> {
    let value = content(request)?;
    let fields = Fields::of_object(&value)?;
    let reader = Reader { fields, purpose, received_at, region: context.default_region.as_deref() };
    let mut event = match topic(fields) {
        Topic::Status(word) => reader.status(&word)?,
        Topic::Transfer => reader.transfer()?,
        Topic::Recording => reader.recording()?,
        Topic::About(what) => reader.annotation(what),
        Topic::Call if matches!(purpose, None | Some("answer" | "fallback")) => reader.arrival()?,
        Topic::Call | Topic::Unknown => reader.event(keys::of_content(raw(request)), EventKind::Ignored),
    };
    reader.add_ids(&mut event);
    Ok(event)
}

/// The steering purpose of a request whose URL names none.
pub(super) fn asks(request: &HookRequest<'_>) -> Option<&'static str> {
    let value = content(request).ok()?;
    let fields = Fields::new(&value)?;
    match topic(fields) {
        Topic::Call if is_fallback(fields) => Some("fallback"),
        Topic::Call => Some("answer"),
        _ => None,
    }
}

/// What a request is about.
enum Topic {
    /// A leg changed, or something was found out about it: the word in lower case.
    Status(String),
    /// A leg goes on in another conversation.
    Transfer,
    /// A recording is finished.
    Recording,
    /// Something about the call that does not change it.
    About(&'static str),
    /// A call asks what to do.
    Call,
    /// A kind that we do not know.
    Unknown,
}

fn topic(fields: Fields<'_>) -> Topic {
    let has = |name: &str| fields.value(name).is_some();
    if let Some(word) = fields.text("status") {
        return Topic::Status(word.to_ascii_lowercase());
    }
    match () {
        () if fields.text("type").is_some_and(|kind| kind.eq_ignore_ascii_case("transfer")) => Topic::Transfer,
        () if has("conversation_uuid_to") => Topic::Transfer,
        () if has("recording_uuid") || has("recording_url") => Topic::Recording,
        () if has("dtmf") || has("speech") => Topic::About("input"),
        () if has("payload") => Topic::About("notify"),
        () if has("reason") && !is_fallback(fields) => Topic::About("error"),
        () if has("uuid") && ["from", "to", "from_user"].into_iter().any(has) => Topic::Call,
        () => Topic::Unknown,
    }
}

/// The fallback URL gets the fields of the request that failed, and that request beside them.
fn is_fallback(fields: Fields<'_>) -> bool {
    fields.value("original_request").is_some()
}

fn raw<'a>(request: &HookRequest<'a>) -> &'a [u8] {
    match request.method {
        Method::Get => request.query().as_bytes(),
        Method::Post | Method::Options => request.body,
    }
}

fn content(request: &HookRequest<'_>) -> Result<Value, ParseError> {
    if request.method != Method::Get {
        return json::read(request.body);
    }
    let mut fields = Map::new();
    let params = Params::read(raw(request));
    for (name, value) in params.sorted() {
        fields.entry(name).or_insert_with(|| value.as_str().into());
    }
    Ok(Value::Object(fields))
}

struct Reader<'a> {
    fields: Fields<'a>,
    purpose: Option<&'a str>,
    received_at: DateTime<Utc>,
    region: Option<&'a str>,
}

impl Reader<'_> {
    fn event(&self, key: String, kind: EventKind) -> CallEvent {
        CallEvent::new(keys::bounded(key), kind, self.received_at)
    }

    /// Vonage has no id for an event. What it is about and its own time tell it from others; a retry has the same time.
    fn key(&self, subject: &str, what: &str) -> String {
        match self.fields.sent("timestamp") {
            Some(timestamp) => format!("{subject}:{what}:{timestamp}"),
            None => format!("{subject}:{what}"),
        }
    }

    /// Machine detection names the leg in a field of its own.
    fn leg_id(&self) -> Option<String> {
        self.fields.text("uuid").or_else(|| self.fields.text("call_uuid"))
    }

    /// What every request about a call may say.
    fn add_ids(&self, event: &mut CallEvent) {
        if event.session_id.is_none() {
            event.session_id = self.fields.text("conversation_uuid");
        }
        if event.leg_id.is_none() {
            event.leg_id = self.leg_id();
        }
        event.occurred_at = self.fields.time("timestamp");
    }

    fn status(&self, word: &str) -> Result<CallEvent, ParseError> {
        let (kind, state, outcome) = match word {
            "started" => (EventKind::CallInitiated, Some(LegState::Initiated), None),
            "ringing" => (EventKind::CallRinging, Some(LegState::Ringing), None),
            "answered" => (EventKind::CallAnswered, Some(LegState::Answered), None),
            "completed" => (EventKind::CallEnded, Some(LegState::Ended), self.completed()),
            "busy" => (EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::Busy)),
            "cancelled" | "canceled" => (EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::Canceled)),
            "unanswered" | "timeout" => (EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::NoAnswer)),
            "rejected" => (EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::Rejected)),
            "failed" => (EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::Failed)),
            "human" | "machine" | "disconnected" => (EventKind::CallAnnotation, None, None),
            _ => (EventKind::Ignored, None, None),
        };
        let leg_id = match (self.leg_id(), state) {
            (Some(leg_id), _) => leg_id,
            (None, Some(_)) => return Err(ParseError::Missing { field: "uuid" }),
            (None, None) => self.fields.text("conversation_uuid").unwrap_or_default(),
        };
        // Machine detection reports the same word twice: at first, and when the machine is ready to record.
        let detail = self.fields.text("detail").or_else(|| self.fields.text("sub_state"));
        let what = match self.fields.text("sub_state") {
            Some(sub_state) => format!("{word}:{sub_state}"),
            None => word.to_owned(),
        };
        let mut event = self.event(self.key(&leg_id, &what), kind);
        event.provider_status = self.fields.text("status");
        event.provider_reason = detail.or_else(|| self.fields.text("reason"));
        event.hangup_source = self.fields.text("disconnected_by");
        event.sip_code = self.fields.integer("sip_code").and_then(|code| u16::try_from(code).ok());
        event.state = state;
        event.outcome = outcome;
        self.add_parties(&mut event);
        if state.is_some() {
            self.add_answer(&mut event);
        }
        Ok(event)
    }

    /// Vonage ends a call that nobody took with the same word: without a start and with no second on the line it only says
    /// that the leg is over.
    fn completed(&self) -> Option<Outcome> {
        let never = self.fields.time("start_time").is_none() && self.fields.seconds("duration") == Some(0);
        (!never).then_some(Outcome::Completed)
    }

    /// Who answered, when and for how long. The billing times are whole seconds, so `end_time` is later than the event that
    /// reports it and `start_time` earlier than the answer.
    fn add_answer(&self, event: &mut CallEvent) {
        // The NCCO answers every inbound leg, and a leg to a websocket is a program.
        event.answered_by_platform_to_dial = event.direction == Some(Direction::Inbound);
        let called = self.fields.text("to").unwrap_or_default().to_ascii_lowercase();
        event.answered_by_platform = called.starts_with("ws://") || called.starts_with("wss://");
        if matches!(event.kind, EventKind::CallAnswered | EventKind::CallEnded) {
            event.answered_at = self.fields.time("start_time");
        }
        if event.kind == EventKind::CallEnded {
            event.ended_at = self.fields.time("end_time");
            event.talk_seconds = self.fields.seconds("duration");
        }
    }

    fn add_parties(&self, event: &mut CallEvent) {
        event.direction_raw = self.fields.text("direction");
        event.direction = match event.direction_raw.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("inbound") => Some(Direction::Inbound),
            Some("outbound") => Some(Direction::Outbound),
            _ => None,
        };
        let user = |side: &str| self.fields.text(&format!("{side}_user"));
        event.agent_ref = user("to").or_else(|| user("from"));
        event.from = self.party("from", "to");
        event.to = self.party("to", "from");
    }

    /// One side. An app user's name comes in a field of its own.
    fn party(&self, side: &str, other: &str) -> Option<Party> {
        if let Some(user) = self.fields.text(&format!("{side}_user")) {
            return Some(Party::from(Address::Client(user)));
        }
        let other = self.fields.text(other);
        Some(Party::parse_without_plus(&self.fields.sent(side)?, other.as_deref(), self.region))
    }

    /// The answer URL or its fallback. It is also asked when a call of ours is answered: then the events of the call say
    /// that it is an outbound one.
    fn arrival(&self) -> Result<CallEvent, ParseError> {
        let leg_id = self.fields.required("uuid")?;
        let url = if is_fallback(self.fields) { "fallback_url" } else { "answer_url" };
        let mut event = self.event(format!("{leg_id}:{url}"), EventKind::CallRinging);
        self.add_parties(&mut event);
        event.direction = event.direction.or(Some(Direction::Inbound));
        event.state = Some(LegState::Ringing);
        event.provider_reason = self.fields.text("reason");
        Ok(event)
    }

    /// Both conversations are one call from here on.
    fn transfer(&self) -> Result<CallEvent, ParseError> {
        let to = self.fields.required("conversation_uuid_to")?;
        let subject = self.leg_id().unwrap_or_else(|| to.clone());
        let mut event = self.event(self.key(&subject, "transfer"), EventKind::CallTransferred);
        event.linked_session_id = self.fields.text("conversation_uuid_from").filter(|from| *from != to);
        event.session_id = Some(to);
        event.provider_status = Some("transfer".to_owned());
        Ok(event)
    }

    /// A recording names the conversation alone, neither leg nor numbers. Its file needs a token of the application.
    fn recording(&self) -> Result<CallEvent, ParseError> {
        let url = self.fields.text("recording_url");
        let last_part = || url.as_deref()?.rsplit('/').next().map(ToOwned::to_owned).filter(|part| !part.is_empty());
        let id = self.fields.text("recording_uuid").or_else(last_part);
        let id = id.ok_or(ParseError::Missing { field: "recording_uuid" })?;
        let mut event = self.event(id.clone(), EventKind::RecordingReady);
        let (start, end) = (self.fields.time("start_time"), self.fields.time("end_time"));
        let seconds = start.zip(end).and_then(|(start, end)| u32::try_from((end - start).num_seconds()).ok());
        event.recording = Some(RecordingFact {
            url,
            duration_seconds: seconds,
            channels: self.fields.integer("channels").and_then(|channels| u8::try_from(channels).ok()),
            needs_auth: true,
            started_at: start,
            voicemail: self.purpose == Some("voicemail"),
            ..RecordingFact::new(id, RecordingStatus::Ready)
        });
        Ok(event)
    }

    fn annotation(&self, what: &str) -> CallEvent {
        let subject = self.leg_id().or_else(|| self.fields.text("conversation_uuid")).unwrap_or_default();
        let mut event = self.event(self.key(&subject, what), EventKind::CallAnnotation);
        event.provider_status = Some(what.to_owned());
        event.provider_reason = self.fields.text("reason");
        event
    }
}
