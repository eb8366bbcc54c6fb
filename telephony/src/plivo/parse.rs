//! From Plivo's parameters to an event.
//!
//! Which kind of request it is follows from its parameters. `StartTime`, `AnswerTime` and `EndTime` have no zone and were
//! seen in local time beside a `SessionStart` in UTC, so they are not read: a length is told by `Duration`, the times of a
//! call by when we heard of it.

use chrono::{DateTime, TimeDelta, Utc};

use super::STEERING;
use super::cause::{ended, q850, refused};
use crate::form::Params;
use crate::{
    Address, Attestation, CallEvent, Direction, EventKind, HookRequest, LegState, Method, Outcome, ParseContext,
    ParseError, Party, RecordingFact, RecordingStatus, keys, times,
};

pub(super) fn parse(
    request: &HookRequest<'_>,
    purpose: Option<&str>,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<CallEvent, ParseError> {
    let params = params(request);
    let reader = Reader { params: &params, purpose, received_at, region: context.default_region.as_deref() };
    match topic(&params) {
        Topic::Recording => reader.recording(),
        Topic::DialledLeg => reader.dialled_leg(),
        Topic::DialResult => reader.dial_result(),
        Topic::Status => reader.status(),
        Topic::Unknown => reader.unknown(),
    }
}

/// The steering purpose of a request whose URL names none.
pub(super) fn asks(request: &HookRequest<'_>) -> Option<&'static str> {
    let params = params(request);
    let wanted = match topic(&params) {
        Topic::DialResult => "dial",
        Topic::Status if !reports_only(&params) => "answer",
        _ => return None,
    };
    STEERING.iter().find(|purpose| **purpose == wanted).copied()
}

/// What a request is about.
enum Topic {
    Recording,
    /// The callback URL of `<Dial>`: what a dialled leg does.
    DialledLeg,
    /// The action of `<Dial>`: how it ended.
    DialResult,
    /// The state of a leg.
    Status,
    Unknown,
}

fn params(request: &HookRequest<'_>) -> Params {
    Params::read(match request.method {
        Method::Get => request.query().as_bytes(),
        Method::Post | Method::Options => request.body,
    })
}

fn topic(params: &Params) -> Topic {
    let has = |name: &str| params.get(name).is_some();
    match () {
        () if has("RecordingID") || has("RecordUrl") => Topic::Recording,
        () if has("DialAction") => Topic::DialledLeg,
        () if has("DialStatus") => Topic::DialResult,
        () if has("CallStatus") => Topic::Status,
        () => Topic::Unknown,
    }
}

/// A ringing of the ring URL or an end.
fn reports_only(params: &Params) -> bool {
    let event = params.get("Event").unwrap_or_default();
    event.eq_ignore_ascii_case("Ring")
        || event.eq_ignore_ascii_case("Hangup")
        || ended(params.get("CallStatus")).is_some()
}

struct Reader<'a> {
    params: &'a Params,
    purpose: Option<&'a str>,
    received_at: DateTime<Utc>,
    region: Option<&'a str>,
}

impl Reader<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.params.get(name).map(ToOwned::to_owned)
    }

    fn event(&self, leg_id: &str, key: String, kind: EventKind) -> CallEvent {
        let mut event = CallEvent::new(keys::bounded(key), kind, self.received_at);
        event.leg_id = Some(leg_id.to_owned());
        event
    }

    fn call_uuid(&self) -> Result<&str, ParseError> {
        let leg_id = self.params.get("CallUUID").or_else(|| self.params.get("DialALegUUID"));
        leg_id.ok_or(ParseError::Missing { field: "CallUUID" })
    }

    fn status(&self) -> Result<CallEvent, ParseError> {
        let leg_id = self.call_uuid()?;
        let word = self.params.get("CallStatus").unwrap_or_default().to_ascii_lowercase();
        let kind = match word.as_str() {
            "queued" | "initiated" => EventKind::CallInitiated,
            "ringing" => EventKind::CallRinging,
            "in-progress" | "answered" => EventKind::CallAnswered,
            word if ended(Some(word)).is_some() => EventKind::CallEnded,
            _ => EventKind::Ignored,
        };
        let what = self.params.get("Event").or(self.purpose).unwrap_or("status");
        let mut event = self.event(leg_id, format!("{leg_id}:{what}:{word}"), kind);
        self.add_leg(&mut event, leg_id);
        Ok(event)
    }

    /// The request is about the leg that dialled and tells how the dial ended. The dialled leg is named only when somebody
    /// answered.
    fn dial_result(&self) -> Result<CallEvent, ParseError> {
        let leg_id = self.call_uuid()?;
        let child = self.params.get("DialBLegUUID");
        let status = self.params.get("DialStatus").unwrap_or_default().to_ascii_lowercase();
        let outcome = ended(Some(&status));
        let kind = if outcome.is_some() { EventKind::DialResult } else { EventKind::Ignored };
        let key = format!("{leg_id}:dial:{}:{status}", child.unwrap_or_default());
        let mut event = self.event(leg_id, key, kind);
        self.add_leg(&mut event, leg_id);
        let cause = self.params.get("DialHangupCause");
        event.child_leg_id = child.filter(|child| *child != leg_id).map(ToOwned::to_owned);
        event.dial_outcome = match outcome {
            Some(Outcome::Completed) | None => outcome,
            Some(_) => refused(None, cause).or(outcome),
        };
        event.provider_status = Some(status);
        event.provider_reason = cause.map(ToOwned::to_owned);
        event.q850 = cause.and_then(q850);
        event.talk_seconds = self.params.number("DialBLegDuration");
        Ok(event)
    }

    /// What happened on a dialled leg. It names that leg and the one that dialled it.
    fn dialled_leg(&self) -> Result<CallEvent, ParseError> {
        let Some(leg_id) = self.params.get("DialBLegUUID") else { return self.unknown() };
        let action = self.params.get("DialAction").unwrap_or_default().to_ascii_lowercase();
        let kind = match action.as_str() {
            "answer" => EventKind::CallAnswered,
            "connected" => EventKind::CallBridged,
            "hangup" => EventKind::CallEnded,
            "digits" => EventKind::CallAnnotation,
            _ => EventKind::Ignored,
        };
        let parent = self.params.get("DialALegUUID").or_else(|| self.params.get("CallUUID"));
        let parent = parent.filter(|parent| *parent != leg_id);
        let key = match kind {
            // Pressed several times; which digits is nobody's business.
            EventKind::CallAnnotation => format!("{leg_id}:{action}:{}", keys::of_content(self.content().as_bytes())),
            _ => format!("{}:dial-events:{leg_id}:{action}", parent.unwrap_or_default()),
        };
        let mut event = self.event(leg_id, key, kind);
        event.parent_leg_id = parent.map(ToOwned::to_owned);
        event.provider_status = Some(action);
        event.direction = Some(Direction::Outbound);
        let (from, to) = (self.params.sent("DialBLegFrom"), self.params.sent("DialBLegTo"));
        event.from = from.map(|raw| Party::parse_without_plus(raw, to, self.region));
        event.to = to.map(|raw| Party::parse_without_plus(raw, from, self.region));
        event.agent_ref = event.to.as_ref().and_then(endpoint);
        match kind {
            EventKind::CallAnswered | EventKind::CallBridged => event.state = Some(LegState::Answered),
            EventKind::CallEnded => self.add_dialled_end(&mut event),
            _ => {}
        }
        Ok(event)
    }

    /// The handset may have been picked up (by a mailbox, say) without ever being connected: then it has no second of talk.
    fn add_dialled_end(&self, event: &mut CallEvent) {
        let cause = self.params.get("DialBLegHangupCause");
        event.state = Some(LegState::Ended);
        event.talk_seconds = self.params.number("DialBLegDuration");
        event.outcome = match (event.talk_seconds, cause) {
            (Some(1..), _) => Some(Outcome::Completed),
            (None, Some("NORMAL_CLEARING") | None) => None,
            (_, cause) => Some(self.unanswered(cause)),
        };
        self.add_hangup(event, "DialBLeg");
    }

    fn unanswered(&self, cause: Option<&str>) -> Outcome {
        refused(self.params.get("DialBLegHangupCauseCode"), cause).unwrap_or(match cause {
            Some("ORIGINATOR_CANCEL" | "LOSE_RACE") => Outcome::Canceled,
            Some("NORMAL_CLEARING" | "NO_ANSWER" | "NO_USER_RESPONSE" | "ALLOTTED_TIMEOUT" | "SUBSCRIBER_ABSENT")
            | None => Outcome::NoAnswer,
            Some(_) => Outcome::Failed,
        })
    }

    /// A recording that is not finished yet has the length -1.
    fn recording(&self) -> Result<CallEvent, ParseError> {
        let url = self.params.get("RecordUrl");
        let name = || url?.split(['?', '#']).next()?.rsplit('/').next()?.split('.').next();
        let id = self.params.get("RecordingID").or_else(|| name().filter(|id| !id.is_empty()));
        let id = id.ok_or(ParseError::Missing { field: "RecordingID" })?;
        let seconds: Option<i64> = self.params.number("RecordingDuration");
        let millis: Option<u32> = self.params.number("RecordingDurationMs");
        let is_message = self.purpose == Some("voicemail-done");
        let (kind, status, key) = match seconds {
            _ if is_message => (EventKind::RecordingProvisional, RecordingStatus::InProgress, format!("{id}:action")),
            Some(..0) => (EventKind::RecordingProvisional, RecordingStatus::InProgress, format!("{id}:provisional")),
            _ => (EventKind::RecordingReady, RecordingStatus::Ready, id.to_owned()),
        };
        let mut event = CallEvent::new(keys::bounded(key), kind, self.received_at);
        event.recording = Some(RecordingFact {
            url: url.map(ToOwned::to_owned),
            duration_seconds: seconds.and_then(|seconds| u32::try_from(seconds).ok()).or(millis.map(|ms| ms / 1000)),
            started_at: self.params.number("RecordingStartMs").and_then(times::from_millis),
            voicemail: is_message,
            ..RecordingFact::new(id, status)
        });
        // A recording comes when its file is there, so it says nothing about when the call was how far.
        event.leg_id = self.get("CallUUID");
        event.provider_status = self.get("Event");
        self.add_parties(&mut event);
        Ok(event)
    }

    /// Nothing says what it is, so only an equal request is the same event.
    fn unknown(&self) -> Result<CallEvent, ParseError> {
        let leg_id = self.call_uuid()?;
        let mut event = self.event(leg_id, keys::of_content(self.content().as_bytes()), EventKind::Ignored);
        event.provider_status = self.get("Event");
        Ok(event)
    }

    fn content(&self) -> String {
        format!("{:?}", self.params.sorted())
    }

    /// What every request about a call says of its leg.
    fn add_leg(&self, event: &mut CallEvent, leg_id: &str) {
        event.parent_leg_id = self.get("ALegUUID").filter(|parent| parent != leg_id);
        self.add_parties(event);
        event.provider_status = self.get("CallStatus").or_else(|| self.get("Event"));
        if event.kind != EventKind::Ignored {
            self.add_state(event);
        }
    }

    fn add_parties(&self, event: &mut CallEvent) {
        event.direction_raw = self.get("Direction");
        event.direction = match event.direction_raw.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("inbound") => Some(Direction::Inbound),
            Some("outbound") => Some(Direction::Outbound),
            _ => None,
        };
        let (from, to) = (self.params.sent("From"), self.params.sent("To"));
        let digits = |text: &str| text.trim().trim_start_matches('+').to_owned();
        // Callers without a name have their number in its place.
        let name = self.params.get("CallerName").filter(|name| from.is_none_or(|from| digits(from) != digits(name)));
        event.from = from.map(|raw| Party::parse_without_plus(raw, to, self.region).named(name));
        event.to = self.params.get("To").map(|raw| Party::parse_without_plus(raw, from, self.region));
        let forwarded = self.params.get("ForwardedFrom");
        event.forwarded_from = forwarded.map(|raw| Party::parse_without_plus(raw, to, self.region));
        event.agent_ref = event.to.as_ref().and_then(endpoint).or_else(|| event.from.as_ref().and_then(endpoint));
        event.attestation = self.attestation();
    }

    fn add_state(&self, event: &mut CallEvent) {
        let word = self.params.get("CallStatus").unwrap_or_default().to_ascii_lowercase();
        let outcome = ended(Some(&word));
        event.state = match word.as_str() {
            "queued" | "initiated" => Some(LegState::Initiated),
            "ringing" => Some(LegState::Ringing),
            "in-progress" | "answered" => Some(LegState::Answered),
            _ => outcome.map(|_| LegState::Ended),
        };
        if event.state.is_none() {
            return;
        }
        // An inbound leg is answered by XML; whether a person came is told by what it dials.
        event.answered_by_platform = event.direction == Some(Direction::Inbound) && event.parent_leg_id.is_none();
        // The session is that of the first leg, in UTC. A clone that writes local time would begin the call in the future.
        let begun = self.params.get("SessionStart").and_then(times::read);
        let begun =
            begun.filter(|begun| event.parent_leg_id.is_none() && *begun - self.received_at < TimeDelta::minutes(5));
        event.started_at = begun;
        if let Some(outcome) = outcome {
            event.outcome = match outcome {
                Outcome::Completed => Some(outcome),
                _ => refused(self.params.get("HangupCauseCode"), self.params.get("HangupCause")).or(Some(outcome)),
            };
            self.add_end(event);
        }
    }

    /// `Duration` counts from the answer, in seconds; `BillDuration` is rounded up to what is billed. An inbound leg is
    /// answered at once, so there it is the length of the leg as well.
    fn add_end(&self, event: &mut CallEvent) {
        let seconds = self.params.number("Duration").or_else(|| self.params.number("BillDuration"));
        if event.kind != EventKind::DialResult {
            event.talk_seconds = seconds;
        }
        if event.answered_by_platform {
            event.duration_seconds = seconds;
        }
        self.add_hangup(event, "");
    }

    fn add_hangup(&self, event: &mut CallEvent, prefix: &str) {
        let cause = self.get(&format!("{prefix}HangupCause"));
        event.q850 = cause.as_deref().and_then(q850);
        event.hangup_source = self.get(&format!("{prefix}HangupSource"));
        event.provider_reason = match (cause, self.get(&format!("{prefix}HangupCauseCode"))) {
            (Some(cause), Some(code)) => Some(format!("{cause}/{code}")),
            (cause, code) => cause.or(code),
        };
    }

    /// The spellings are not documented: a failed check is anything that says so.
    fn attestation(&self) -> Option<Attestation> {
        let verification = self.params.get("STIRVerification").unwrap_or_default().to_ascii_lowercase();
        if ["not verified", "not-verified", "unverified", "fail"].iter().any(|word| verification.contains(word)) {
            return Some(Attestation::Failed);
        }
        match self.params.get("STIRAttestation")?.to_ascii_uppercase().as_str() {
            "A" => Some(Attestation::A),
            "B" => Some(Attestation::B),
            "C" => Some(Attestation::C),
            _ => None,
        }
    }
}

/// The user name of an endpoint of Plivo: `sip:ann@phone.plivo.com`.
fn endpoint(party: &Party) -> Option<String> {
    let Some(Address::Sip(uri)) = &party.value else { return None };
    let (user, host) = uri.split_once(':')?.1.rsplit_once('@')?;
    (host == "plivo.com" || host.ends_with(".plivo.com")).then(|| user.to_owned())
}
