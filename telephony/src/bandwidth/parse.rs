//! From Bandwidth's fields to an event.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::duration;
use crate::form::Params;
use crate::json::{self, Fields};
use crate::keys::bounded;
use crate::signature::sha256_hex;
use crate::{
    Attestation, CallEvent, Dialect, Direction, EventKind, HookRequest, LegState, Method, Outcome, ParseContext,
    ParseError, Party, RecordingFact, RecordingStatus, times,
};

/// Whether Bandwidth waits for BXML as the answer to an event of this type.
pub(super) fn is_synchronous(event_type: &str) -> bool {
    let types = [
        "initiate",
        "answer",
        "transferAnswer",
        "transferComplete",
        "bridgeComplete",
        "bridgeTargetComplete",
        "gather",
        "redirect",
        "recordComplete",
        "recordingComplete",
        "conferenceCreated",
        "conferenceMemberJoin",
        "conferenceMemberExit",
        "conferenceRedirect",
    ];
    types.contains(&event_type)
}

/// Whether an event of this type only reports something, and its answer is not read.
pub(super) fn is_report(event_type: &str) -> bool {
    let types = [
        "disconnect",
        "transferDisconnect",
        "recordingAvailable",
        "machineDetectionComplete",
        "transcriptionAvailable",
        "dtmf",
        "conferenceCompleted",
        "conferenceRecordingAvailable",
    ];
    let families = ["stream", "mediaStream", "realTimeTranscription"];
    types.contains(&event_type) || families.iter().any(|family| event_type.starts_with(family))
}

/// The `eventType` of a request, if it has one.
pub(super) fn event_type(request: &HookRequest<'_>) -> Option<String> {
    let body = read(request).ok()?;
    Fields::new(&body)?.text("eventType")
}

/// The fields of a request: the JSON body, or for GET the query.
fn read(request: &HookRequest<'_>) -> Result<Value, ParseError> {
    if request.method != Method::Get {
        // Some of the documented examples end their last field with a comma.
        return json::read(request.body)
            .or_else(|error| json::read(&without_last_commas(request.body)).map_err(|_| error));
    }
    let query = Params::read(request.query().as_bytes());
    let fields = query.sorted().into_iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    Ok(Value::Object(fields.collect::<Map<_, _>>()))
}

/// JSON without the commas that stand directly before a closing brace or bracket.
fn without_last_commas(json: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    // Where in `kept` the last comma is, while only white space followed it.
    let mut comma = None;
    for byte in json {
        match byte {
            b'"' if !escaped => in_text = !in_text,
            b'}' | b']' if !in_text => {
                if let Some(at) = comma {
                    kept.truncate(at);
                }
            }
            _ => {}
        }
        escaped = in_text && *byte == b'\\' && !escaped;
        if *byte == b',' && !in_text {
            comma = Some(kept.len());
        } else if !byte.is_ascii_whitespace() {
            comma = None;
        }
        kept.push(*byte);
    }
    kept
}

pub(super) fn parse(
    request: &HookRequest<'_>,
    takes_messages: bool,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<CallEvent, ParseError> {
    let body = read(request)?;
    let fields = Fields::of_object(&body)?;
    let event_type = fields.required("eventType")?;
    let reader = Reader {
        fields,
        event_type: &event_type,
        takes_messages,
        received_at,
        region: context.default_region.as_deref(),
    };
    let sent = if request.method == Method::Get { request.query().as_bytes() } else { request.body };
    match event_type.as_str() {
        "recordingAvailable" | "conferenceRecordingAvailable" => reader.recording(sent),
        _ => reader.call(sent),
    }
}

struct Reader<'a> {
    fields: Fields<'a>,
    event_type: &'a str,
    takes_messages: bool,
    received_at: DateTime<Utc>,
    region: Option<&'a str>,
}

impl Reader<'_> {
    fn call(&self, sent: &[u8]) -> Result<CallEvent, ParseError> {
        let call_id = self.fields.text("callId");
        let (kind, state) = self.kind();
        let mut event = CallEvent::new(self.key(call_id.as_deref(), sent), kind, self.received_at);
        if call_id.is_none() && !matches!(kind, EventKind::CallAnnotation | EventKind::Ignored) {
            return Err(ParseError::Missing { field: "callId" });
        }
        event.leg_id = call_id;
        event.state = state;
        event.provider_status = Some(self.event_type.to_owned());
        self.add_leg(&mut event);
        self.add_times(&mut event);
        self.add_end(&mut event);
        if matches!(self.event_type, "recordComplete" | "recordingComplete") {
            // A conversation is recorded by <StartRecording>, which sends no such event.
            event.recording = self.recording_fact(RecordingStatus::InProgress);
            set_message(&mut event);
        }
        Ok(event)
    }

    fn kind(&self) -> (EventKind, Option<LegState>) {
        let failed = self.fields.text("cause").is_some_and(|cause| cause != "hangup");
        match self.event_type {
            "initiate" if self.direction() == Some(Direction::Outbound) => {
                (EventKind::CallInitiated, Some(LegState::Initiated))
            }
            "initiate" => (EventKind::CallRinging, Some(LegState::Ringing)),
            "answer" | "transferAnswer" => (EventKind::CallAnswered, Some(LegState::Answered)),
            // The transferred leg is over, this one goes on.
            "transferComplete" => (EventKind::DialResult, self.fields.text("answerTime").map(|_| LegState::Answered)),
            "transferDisconnect" | "disconnect" => (EventKind::CallEnded, Some(LegState::Ended)),
            "bridgeComplete" | "bridgeTargetComplete" if !failed => (EventKind::CallBridged, Some(LegState::Answered)),
            "recordComplete" | "recordingComplete" => (EventKind::RecordingProvisional, None),
            known if is_synchronous(known) || is_report(known) => (EventKind::CallAnnotation, None),
            _ => (EventKind::Ignored, None),
        }
    }

    /// The leg, the type and the time as it was written; without a time, which never was documented, the hash of the
    /// whole request, so that two events of one kind stay apart.
    fn key(&self, call_id: Option<&str>, sent: &[u8]) -> String {
        let conference_id = || self.fields.text("conferenceId");
        let subject = call_id.map(ToOwned::to_owned).or_else(conference_id).unwrap_or_default();
        let time = self.fields.text("eventTime").filter(|_| !subject.is_empty());
        let time = time.unwrap_or_else(|| sha256_hex(sent));
        bounded(format!("{subject}:{}:{time}", self.event_type))
    }

    fn direction(&self) -> Option<Direction> {
        match self.fields.text("direction")?.to_ascii_lowercase().as_str() {
            "inbound" => Some(Direction::Inbound),
            "outbound" => Some(Direction::Outbound),
            _ => None,
        }
    }

    /// Whether the event is about the leg that a transfer dials.
    fn is_transferred_leg(&self) -> bool {
        self.fields.text("parentCallId").is_some() || matches!(self.event_type, "transferAnswer" | "transferDisconnect")
    }

    fn add_leg(&self, event: &mut CallEvent) {
        event.parent_leg_id = self.fields.text("parentCallId");
        event.session_id.clone_from(&event.parent_leg_id);
        event.direction_raw = self.fields.text("direction");
        event.direction = self.direction();
        let party = |raw: &str| Party::parse(raw, Dialect::Public, self.region);
        let transferred = self.is_transferred_leg();
        let (from, to) = if transferred { ("transferCallerId", "transferTo") } else { ("from", "to") };
        let from = self.fields.sent(from).or_else(|| self.fields.sent("from"));
        event.from = from.map(|raw| party(&raw));
        event.to = self.fields.text(to).or_else(|| self.fields.text("to")).map(|raw| party(&raw));
        event.sip_code = self.fields.integer("sipResponseCode").and_then(|code| u16::try_from(code).ok());
        if transferred {
            return;
        }
        // The application answers an inbound call; if it transfers it, the legs of the transfer tell who talked.
        event.answered_by_platform_to_dial = event.direction == Some(Direction::Inbound);
        event.attestation = self.attestation();
        let diversion = self.fields.object("diversion");
        event.forwarded_from = diversion.and_then(|diversion| diversion.text("origTo")).map(|raw| party(&raw));
    }

    fn attestation(&self) -> Option<Attestation> {
        let stir = self.fields.object("stirShaken")?;
        // Without a verdict the indicator is only what the sender claims.
        let verdict = stir.text("verstat")?.to_ascii_lowercase();
        if verdict.starts_with("tn-verification-failed") || verdict.starts_with("tn-validation-failed") {
            return Some(Attestation::Failed);
        }
        if !verdict.starts_with("tn-verification-passed") && !verdict.starts_with("tn-validation-passed") {
            return None;
        }
        match stir.text("attestationIndicator")?.to_ascii_uppercase().as_str() {
            "A" => Some(Attestation::A),
            "B" => Some(Attestation::B),
            "C" => Some(Attestation::C),
            _ => None,
        }
    }

    fn add_times(&self, event: &mut CallEvent) {
        event.occurred_at = self.time("eventTime");
        if matches!(event.kind, EventKind::RecordingProvisional | EventKind::Ignored | EventKind::CallAnnotation) {
            // Their times are those of the recording, the conference, the prompt.
            return;
        }
        event.started_at = self.time("startTime").or_else(|| self.time("enqueuedTime"));
        // A transfer's answer is documented with the times of the leg that was transferred: the event's own is right.
        event.answered_at = self.time("answerTime").filter(|_| self.event_type != "transferAnswer");
        if event.kind == EventKind::CallEnded {
            event.ended_at = self.time("endTime");
        }
    }

    fn add_end(&self, event: &mut CallEvent) {
        event.provider_reason = self.fields.text("cause");
        let Some(cause) = event.provider_reason.as_deref() else {
            return;
        };
        match event.kind {
            EventKind::DialResult => event.dial_outcome = Some(outcome(cause).unwrap_or(Outcome::Completed)),
            EventKind::CallEnded => {
                let ordinary = match (event.answered_at, event.direction) {
                    (Some(_), _) => Outcome::Completed,
                    (None, Some(Direction::Outbound)) => Outcome::Canceled,
                    (None, _) => Outcome::NoAnswer,
                };
                event.outcome = Some(outcome(cause).unwrap_or(ordinary));
            }
            _ => {}
        }
        // A transferred leg was answered by a person, however it ended.
        if (event.outcome == Some(Outcome::Completed) || (event.outcome.is_some() && self.is_transferred_leg()))
            && let (Some(answer), Some(end)) = (event.answered_at, event.ended_at)
        {
            event.talk_seconds = u32::try_from((end - answer).num_seconds()).ok();
        }
    }

    /// A recording whose file can be fetched, with the account's credentials.
    fn recording(&self, sent: &[u8]) -> Result<CallEvent, ParseError> {
        let id = self.fields.required("recordingId")?;
        let word = self.fields.text("status").unwrap_or_default();
        let (kind, status) = match word.to_ascii_lowercase().as_str() {
            "complete" | "partial" => (EventKind::RecordingReady, Some(RecordingStatus::Ready)),
            "error" => (EventKind::RecordingFailed, Some(RecordingStatus::Failed)),
            _ => (EventKind::Ignored, None),
        };
        let key = if word.is_empty() { format!("{id}:{}", sha256_hex(sent)) } else { format!("{id}:{word}") };
        let mut event = CallEvent::new(bounded(key), kind, self.received_at);
        event.leg_id = self.fields.text("callId");
        self.add_leg(&mut event);
        event.occurred_at = self.time("eventTime");
        event.provider_status = Some(word);
        event.recording = status.and_then(|status| self.recording_fact(status));
        if self.takes_messages {
            set_message(&mut event);
        }
        Ok(event)
    }

    fn recording_fact(&self, status: RecordingStatus) -> Option<RecordingFact> {
        Some(RecordingFact {
            url: self.fields.text("mediaUrl").filter(|_| status == RecordingStatus::Ready),
            duration_seconds: self.fields.text("duration").and_then(|text| duration::seconds(&text)),
            channels: self.fields.integer("channels").and_then(|channels| u8::try_from(channels).ok()),
            source: Some(self.event_type.to_owned()),
            needs_auth: true,
            started_at: self.time("startTime"),
            ..RecordingFact::new(self.fields.text("recordingId")?, status)
        })
    }

    /// A time, also as Bandwidth's documentation prints it: without a zone, or with `-` in place of the `T`.
    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.fields.text(name)?;
        times::read(&text).or_else(|| {
            let (date, time) = text.split_at_checked(10)?;
            times::read(&format!("{date}T{}", time.strip_prefix('-')?))
        })
    }
}

/// What is recorded is a message: nobody but the application answered an inbound call that leaves one.
fn set_message(event: &mut CallEvent) {
    if let Some(recording) = &mut event.recording {
        recording.voicemail = true;
        event.answered_by_platform = event.direction == Some(Direction::Inbound);
    }
}

/// What a cause says by itself; `None` for `hangup`, the ordinary end. The list is open: what is new is a failure.
fn outcome(cause: &str) -> Option<Outcome> {
    match cause {
        "hangup" => None,
        "busy" => Some(Outcome::Busy),
        "timeout" => Some(Outcome::NoAnswer),
        "cancel" => Some(Outcome::Canceled),
        "rejected" => Some(Outcome::Rejected),
        _ => Some(Outcome::Failed),
    }
}
