//! From Twilio's parameters to an event.
//!
//! Which kind of request it is follows from its parameters, not from the URL: the same URL is often used for several
//! callbacks. The purpose of the URL only decides between a Voice URL and an old status callback without a number.

use chrono::{DateTime, Utc};

use crate::form::Params;
use crate::signature::sha256_hex;
use crate::{
    Address, Attestation, CallEvent, Dialect, Direction, EventKind, HookRequest, LegState, Method, Outcome,
    ParseContext, ParseError, Party, RecordingFact, RecordingStatus,
};

pub(super) fn parse(
    request: &HookRequest<'_>,
    purpose: Option<&str>,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<CallEvent, ParseError> {
    let form = match request.method {
        Method::Get => request.query().as_bytes(),
        Method::Post | Method::Options => request.body,
    };
    let params = Params::read(form);
    let reader = Reader { params: &params, purpose, received_at, region: context.default_region.as_deref() };
    if params.get("RecordingStatus").is_some() {
        return reader.recording_status();
    }
    let call_sid = params.get("CallSid").ok_or(ParseError::Missing { field: "CallSid" })?;
    let mut event = if params.get("DialCallStatus").is_some() {
        reader.dial_result(call_sid)
    } else if let Some(sid) = params.get("TranscriptionSid") {
        reader.annotation(call_sid, sid, "TranscriptionStatus")
    } else if reader.recording_sid().is_some() && !reader.is_status_callback() {
        reader.record_action(call_sid)
    } else if params.get("CallStatus").is_some() {
        reader.call_status(call_sid)
    } else {
        reader.without_status(call_sid)
    };
    reader.add_leg(&mut event);
    Ok(event)
}

struct Reader<'a> {
    params: &'a Params,
    purpose: Option<&'a str>,
    received_at: DateTime<Utc>,
    region: Option<&'a str>,
}

impl Reader<'_> {
    fn event(&self, call_sid: &str, key: &str, kind: EventKind) -> CallEvent {
        let mut event = CallEvent::new(key, kind, self.received_at);
        event.leg_id = Some(call_sid.to_owned());
        event
    }

    /// The action of `<Dial>`: the request is about the parent leg and tells how the dialled one ended.
    fn dial_result(&self, call_sid: &str) -> CallEvent {
        let child = self.params.get("DialCallSid");
        let status = self.params.get("DialCallStatus").unwrap_or_default();
        let outcome = match status {
            "completed" | "answered" => Some(Outcome::Completed),
            "busy" => Some(Outcome::Busy),
            "no-answer" => Some(Outcome::NoAnswer),
            "canceled" => Some(Outcome::Canceled),
            "failed" => Some(Outcome::Failed),
            _ => None,
        };
        let key = format!("{call_sid}:dial:{}:{status}", child.unwrap_or_default());
        let kind = if outcome.is_some() { EventKind::DialResult } else { EventKind::Ignored };
        let mut event = self.event(call_sid, &key, kind);
        event.child_leg_id = child.map(ToOwned::to_owned);
        event.dial_outcome = outcome;
        event.provider_status = Some(status.to_owned());
        event.talk_seconds = self.params.number("DialCallDuration");
        event.recording = self.recording(RecordingStatus::InProgress);
        event
    }

    /// The action of `<Record>`: the caller has left a message, its file may not be there yet.
    fn record_action(&self, call_sid: &str) -> CallEvent {
        let sid = self.recording_sid().unwrap_or_default();
        let mut event = self.event(call_sid, &format!("{sid}:action"), EventKind::RecordingProvisional);
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
        let mut event = CallEvent::new(format!("{sid}:{word}"), kind, self.received_at);
        event.leg_id = self.params.get("CallSid").map(ToOwned::to_owned);
        event.provider_status = Some(word.to_owned());
        event.recording = status.and_then(|status| self.recording(status));
        Ok(event)
    }

    /// A Voice URL request or a status callback.
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
        let mut event = self.event(call_sid, &key, kind);
        event.provider_status = Some(word.to_owned());
        // With Record=true the last callback of a call also tells of the finished recording.
        event.recording = self.recording(RecordingStatus::Ready);
        event
    }

    /// Requests about a call that report no status: machine detection, and kinds we do not know.
    fn without_status(&self, call_sid: &str) -> CallEvent {
        if self.params.get("AnsweredBy").is_some() {
            return self.annotation(call_sid, &format!("{call_sid}:amd"), "AnsweredBy");
        }
        // Nothing says what it is, so only an equal request is the same event.
        let pairs = format!("{:?}", self.params.sorted());
        let hash = sha256_hex(pairs.as_bytes());
        self.event(call_sid, &format!("{call_sid}:other:{hash}"), EventKind::Ignored)
    }

    /// Something about the call that does not change it (a transcription, machine detection).
    fn annotation(&self, call_sid: &str, subject: &str, status: &str) -> CallEvent {
        let word = self.params.get(status).unwrap_or_default();
        let mut event = self.event(call_sid, &format!("{subject}:{word}"), EventKind::CallAnnotation);
        event.provider_status = Some(word.to_owned());
        event
    }

    /// The id of the recording: its own parameter, else the last part of its address (older accounts).
    fn recording_sid(&self) -> Option<&str> {
        let of_url = || self.params.get("RecordingUrl")?.rsplit('/').next().filter(|part| part.starts_with("RE"));
        self.params.get("RecordingSid").or_else(of_url)
    }

    /// Status callbacks have a number, a time or a source; very old ones have none and are told by their URL.
    fn is_status_callback(&self) -> bool {
        let marks = ["SequenceNumber", "Timestamp", "CallbackSource"];
        marks.iter().any(|name| self.params.get(name).is_some()) || self.purpose == Some("status")
    }

    fn recording(&self, status: RecordingStatus) -> Option<RecordingFact> {
        let source = self.params.get("RecordingSource").map(ToOwned::to_owned);
        Some(RecordingFact {
            url: self.params.get("RecordingUrl").map(ToOwned::to_owned),
            duration_seconds: self.params.number("RecordingDuration"),
            channels: self.params.number("RecordingChannels"),
            // Twilio's recordings need the account's credentials unless that was switched off, which no request tells.
            needs_auth: true,
            started_at: self.time("RecordingStartTime"),
            voicemail: source.as_deref() == Some("RecordVerb") && status == RecordingStatus::Ready,
            source,
            ..RecordingFact::new(self.recording_sid()?, status)
        })
    }

    /// What every request about a call says of its leg.
    fn add_leg(&self, event: &mut CallEvent) {
        event.parent_leg_id = self.params.get("ParentCallSid").map(ToOwned::to_owned);
        event.session_id.clone_from(&event.parent_leg_id);
        event.seq = self.params.number("SequenceNumber");
        event.occurred_at = self.time("Timestamp");
        event.sip_code = self.params.number("SipResponseCode");
        self.add_parties(event);
        if event.kind != EventKind::Ignored {
            self.add_state(event);
        }
    }

    fn add_parties(&self, event: &mut CallEvent) {
        event.direction_raw = self.params.get("Direction").map(ToOwned::to_owned);
        event.direction = match event.direction_raw.as_deref() {
            Some("inbound" | "trunking-originating") => Some(Direction::Inbound),
            Some("outbound" | "outbound-api" | "outbound-dial" | "trunking-terminating") => Some(Direction::Outbound),
            _ => None,
        };
        let party = |raw: &str| Party::parse(raw, Dialect::Public, self.region);
        // An empty From is a hidden caller; an empty To is a browser that calls the application itself.
        let from = self.params.sent("From").or_else(|| self.params.sent("Caller"));
        event.from = from.map(|raw| party(raw).named(self.params.get("CallerName")));
        event.to = self.params.get("To").or_else(|| self.params.get("Called")).map(party);
        event.forwarded_from = self.params.get("ForwardedFrom").map(party);
        event.attestation = self.attestation();
        let client = |party: &Option<Party>| match party.as_ref().and_then(|party| party.value.as_ref()) {
            Some(Address::Client(identity)) => Some(identity.clone()),
            _ => None,
        };
        event.agent_ref = client(&event.to).or_else(|| client(&event.from));
    }

    fn add_state(&self, event: &mut CallEvent) {
        let (state, outcome) = match self.params.get("CallStatus").unwrap_or_default() {
            "queued" | "initiated" => (LegState::Initiated, None),
            "ringing" => (LegState::Ringing, None),
            "in-progress" | "answered" => (LegState::Answered, None),
            "completed" => (LegState::Ended, Some(Outcome::Completed)),
            "busy" => (LegState::Ended, Some(Outcome::Busy)),
            "no-answer" => (LegState::Ended, Some(Outcome::NoAnswer)),
            "canceled" => (LegState::Ended, Some(Outcome::Canceled)),
            "failed" => (LegState::Ended, Some(Outcome::Failed)),
            _ => return,
        };
        event.state = Some(state);
        event.outcome = outcome;
        // An inbound leg is answered by TwiML; whether a person came is told by the legs that it dials.
        event.answered_by_platform = event.direction == Some(Direction::Inbound) && event.parent_leg_id.is_none();
        if event.kind == EventKind::DialResult {
            return;
        }
        // CallDuration is in seconds ("Duration" in started minutes). Outside an inbound leg it is talk.
        let seconds = self.params.number("CallDuration");
        if event.parent_leg_id.is_none() {
            event.duration_seconds = seconds;
        }
        if !event.answered_by_platform {
            event.talk_seconds = seconds;
        }
    }

    fn attestation(&self) -> Option<Attestation> {
        let word = self.params.get("StirVerstat").or_else(|| self.params.get("StirStatus"))?;
        if word.starts_with("TN-Validation-Failed") {
            return Some(Attestation::Failed);
        }
        let level = word.strip_prefix("TN-Validation-Passed-").unwrap_or(word);
        match level.split('-').next() {
            Some("A") => Some(Attestation::A),
            Some("B") => Some(Attestation::B),
            Some("C") => Some(Attestation::C),
            _ => None,
        }
    }

    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        let time = DateTime::parse_from_rfc2822(self.params.get(name)?).ok()?;
        Some(time.with_timezone(&Utc))
    }
}
