//! From the parameters of a request to its events.
//!
//! Which kind of request it is follows from its parameters, not from the URL: the same URL is often used for several
//! callbacks. The purpose of the URL only decides between a voice URL and an old status callback without a number.

use chrono::{DateTime, Utc};

use super::Dialect;
use super::reader::{Reader, talk};
use crate::form::Params;
use crate::keys::bounded;
use crate::signature::sha256_hex;
use crate::{
    CallEvent, EventKind, HookRequest, LegState, Method, Outcome, ParseContext, ParseError, RecordingFact,
    RecordingStatus,
};

/// Reads the events of a request. Most requests have one; a second one tells what a dial did when the same request also
/// reports a status.
pub(crate) fn parse(
    request: &HookRequest<'_>,
    purpose: Option<&str>,
    received_at: DateTime<Utc>,
    context: &ParseContext,
    dialect: Dialect,
) -> Result<Vec<CallEvent>, ParseError> {
    let form = match request.method {
        Method::Get => request.query().as_bytes(),
        Method::Post | Method::Options => request.body,
    };
    let params = Params::read(form);
    let region = context.default_region.as_deref();
    Reader { params: &params, purpose, received_at, region, dialect }.events()
}

impl Reader<'_> {
    fn events(&self) -> Result<Vec<CallEvent>, ParseError> {
        if self.params.get("RecordingStatus").is_some() {
            return self.recording_status().map(|event| vec![event]);
        }
        let call_sid = &bounded(self.params.get("CallSid").ok_or(ParseError::Missing { field: "CallSid" })?);
        let mut events = if self.params.get("DialCallStatus").is_some() {
            self.dial_events(call_sid)
        } else if let Some(sid) = self.params.get("TranscriptionSid") {
            vec![self.annotation(call_sid, sid, "TranscriptionStatus")]
        } else if self.recording_sid().is_some() && !self.is_status_callback() {
            vec![self.record_action(call_sid)]
        } else if self.params.get("CallStatus").is_some() {
            vec![self.call_status(call_sid)]
        } else {
            vec![self.without_status(call_sid)]
        };
        for event in &mut events {
            if event.leg_id.as_ref() == Some(call_sid) {
                self.add_leg(event);
            }
        }
        Ok(events)
    }

    fn event(&self, call_sid: &str, key: String, kind: EventKind) -> CallEvent {
        let mut event = CallEvent::new(bounded(key), kind, self.received_at);
        event.leg_id = Some(call_sid.to_owned());
        event
    }

    /// The result of a `<Dial>`, alone or with the status callback that it came with.
    fn dial_events(&self, call_sid: &str) -> Vec<CallEvent> {
        let mut events = vec![self.dial_result(call_sid)];
        // The dial's action may come as well, with the same key as this result: the status must have its own.
        if self.is_marked_callback() && self.params.get("CallStatus").is_some() {
            events.insert(0, self.call_status(call_sid));
        }
        if self.was_screened()
            && let Some(child) = self.params.get("DialCallSid")
        {
            let mut unbridged = self.event(child, format!("{call_sid}:unbridged:{child}"), EventKind::DialResult);
            unbridged.parent_leg_id = Some(call_sid.to_owned());
            unbridged.answered_by_platform = true;
            events.push(unbridged);
        }
        events
    }

    /// The dialled side picked up and was never put through: a mailbox, or a person who did not accept the call when asked.
    fn was_screened(&self) -> bool {
        let bridged = self.params.get("DialBridged").is_some_and(|word| word.eq_ignore_ascii_case("false"));
        bridged && self.params.get("DialCallStatus") == Some("completed")
    }

    /// The action of `<Dial>`: the request is about the parent leg and tells how the dialled one ended.
    fn dial_result(&self, call_sid: &str) -> CallEvent {
        let child = self.params.get("DialCallSid").map(bounded);
        let status = self.params.get("DialCallStatus").unwrap_or_default();
        let outcome = match status {
            "completed" if self.was_screened() => Some(Outcome::NoAnswer),
            "completed" | "answered" => Some(Outcome::Completed),
            "busy" => Some(Outcome::Busy),
            "no-answer" => Some(Outcome::NoAnswer),
            "canceled" => Some(Outcome::Canceled),
            "failed" => Some(Outcome::Failed),
            _ => None,
        };
        let key = format!("{call_sid}:dial:{}:{status}", child.as_deref().unwrap_or_default());
        let kind = if outcome.is_some() { EventKind::DialResult } else { EventKind::Ignored };
        let mut event = self.event(call_sid, key, kind);
        event.child_leg_id = child;
        event.dial_outcome = outcome;
        event.provider_status = Some(status.to_owned());
        event.talk_seconds = talk(self.params.number("DialCallDuration"), outcome);
        event.recording = self.recording(RecordingStatus::InProgress);
        event
    }

    /// The action of `<Record>`: the caller has left a message, its file may not be there yet.
    fn record_action(&self, call_sid: &str) -> CallEvent {
        let sid = self.recording_sid().unwrap_or_default();
        let mut event = self.event(call_sid, format!("{sid}:action"), EventKind::RecordingProvisional);
        event.recording = self.recording(RecordingStatus::InProgress).map(|fact| RecordingFact {
            voicemail: true,
            source: fact.source.or_else(|| Some("RecordVerb".to_owned())),
            ..fact
        });
        event
    }

    /// A recording status callback. It has no From, To, Direction or Timestamp; a conference's has no call either.
    fn recording_status(&self) -> Result<CallEvent, ParseError> {
        let sid = self.recording_sid().ok_or(ParseError::Missing { field: "RecordingSid" })?;
        let word = self.params.get("RecordingStatus").unwrap_or_default();
        let (kind, status) = match word {
            "in-progress" | "paused" | "stopped" | "processing" => {
                (EventKind::RecordingProvisional, Some(RecordingStatus::InProgress))
            }
            "completed" => (EventKind::RecordingReady, Some(RecordingStatus::Ready)),
            "absent" => (EventKind::RecordingFailed, Some(RecordingStatus::Absent)),
            "failed" => (EventKind::RecordingFailed, Some(RecordingStatus::Failed)),
            _ => (EventKind::Ignored, None),
        };
        let mut event = CallEvent::new(bounded(format!("{sid}:{word}")), kind, self.received_at);
        event.leg_id = self.params.get("CallSid").map(bounded);
        event.provider_status = Some(word.to_owned());
        event.provider_reason = self.params.get("ErrorCode").filter(|code| *code != "0").map(ToOwned::to_owned);
        event.recording = status.and_then(|status| self.recording(status));
        Ok(event)
    }

    /// A voice URL request or a status callback.
    fn call_status(&self, call_sid: &str) -> CallEvent {
        let word = self.params.get("CallStatus").unwrap_or_default();
        let key = match self.params.get("SequenceNumber") {
            Some(number) => format!("{call_sid}:seq:{number}:{word}"),
            None if self.is_status_callback() => format!("{call_sid}:status:{word}"),
            None => format!("{call_sid}:voice:{word}"),
        };
        let kind = match word {
            "queued" | "initiated" => EventKind::CallInitiated,
            "ringing" => EventKind::CallRinging,
            "in-progress" | "answered" => EventKind::CallAnswered,
            "completed" | "busy" | "no-answer" | "canceled" | "failed" => EventKind::CallEnded,
            _ => EventKind::Ignored,
        };
        let mut event = self.event(call_sid, key, kind);
        event.provider_status = Some(word.to_owned());
        // With Record=true the last callback of a call also tells of the finished recording.
        event.recording = self.recording(RecordingStatus::Ready);
        event
    }

    /// Requests about a call that report no status: machine detection, `TeXML`'s for instructions, and kinds we do not know.
    fn without_status(&self, call_sid: &str) -> CallEvent {
        if self.params.get("AnsweredBy").is_some() {
            return self.annotation(call_sid, &format!("{call_sid}:amd"), "AnsweredBy");
        }
        if self.asks_for_instructions() {
            let mut event = self.event(call_sid, format!("{call_sid}:voice:"), EventKind::CallRinging);
            event.state = Some(LegState::Ringing);
            return event;
        }
        // Nothing says what it is, so only an equal request is the same event.
        let pairs = format!("{:?}", self.params.sorted());
        let hash = sha256_hex(pairs.as_bytes());
        self.event(call_sid, format!("{call_sid}:other:{hash}"), EventKind::Ignored)
    }

    /// Something about the call that does not change it (a transcription, machine detection).
    fn annotation(&self, call_sid: &str, subject: &str, status: &str) -> CallEvent {
        let word = self.params.get(status).unwrap_or_default();
        let mut event = self.event(call_sid, format!("{subject}:{word}"), EventKind::CallAnnotation);
        event.provider_status = Some(word.to_owned());
        event
    }
}
