//! From a Call Control event to ours. The type alone decides what it is: the payloads of the types overlap.

use super::RECORDING_SECONDS;
use super::payload::{Found, read};
use crate::json::Fields;
use crate::keys::bounded;
use crate::signature::sha256_hex;
use crate::{
    Address, Attestation, CallEvent, Dialect, Direction, EventKind, HookRequest, LegState, Outcome, ParseContext,
    ParseError, Party, RecordingFact, RecordingStatus,
};
use chrono::{DateTime, TimeDelta, Utc};

pub(super) fn parse(
    request: &HookRequest<'_>,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<CallEvent, ParseError> {
    let value = read(request)?;
    let found = Found::find(&value)?;
    let sort = found.event_type().ok_or(ParseError::Missing { field: "event_type" })?;
    Reader { found, region: context.default_region.as_deref(), received_at }.read(&sort)
}

struct Reader<'a> {
    found: Found<'a>,
    region: Option<&'a str>,
    received_at: DateTime<Utc>,
}

impl Reader<'_> {
    fn read(&self, sort: &str) -> Result<CallEvent, ParseError> {
        let kind = match sort {
            "call.initiated" if self.direction() == Some(Direction::Inbound) => EventKind::CallRinging,
            "call.initiated" => EventKind::CallInitiated,
            "call.answered" => EventKind::CallAnswered,
            "call.bridged" => EventKind::CallBridged,
            "call.enqueued" => EventKind::CallQueued,
            "call.hold" => EventKind::CallHeld,
            "call.unhold" => EventKind::CallUnheld,
            "call.hangup" => EventKind::CallEnded,
            "call.recording.saved" => EventKind::RecordingReady,
            "call.recording.error" if self.found.text("recording_id").is_some() => EventKind::RecordingFailed,
            "calls.voicemail.completed" | "call.voicemail.completed" => EventKind::VoicemailReady,
            other if other.starts_with("call.") => EventKind::CallAnnotation,
            _ => EventKind::Ignored,
        };
        let mut event = self.event(sort, kind)?;
        match kind {
            EventKind::CallRinging => {
                event.state = Some(LegState::Ringing);
                // A parked call waits for the application, which answers it; a call that is put through to a connection is
                // answered there.
                let bridging = self.found.payload.text("state").as_deref() == Some("bridging");
                event.answered_by_platform = !bridging;
            }
            EventKind::CallInitiated => event.state = Some(LegState::Initiated),
            EventKind::CallAnswered | EventKind::CallBridged => event.state = Some(LegState::Answered),
            EventKind::CallQueued => {
                event.state = Some(LegState::Queued);
                event.queue = self.found.payload.text("queue").or_else(|| self.found.payload.text("queue_id"));
            }
            EventKind::CallEnded => self.add_end(&mut event),
            EventKind::RecordingReady => event.recording = Some(self.recording(&event)),
            EventKind::RecordingFailed => {
                let id = self.recording_id(&event);
                event.recording = Some(RecordingFact::new(id, RecordingStatus::Failed));
            }
            EventKind::VoicemailReady => self.add_voicemail(&mut event),
            _ => {}
        }
        Ok(event)
    }

    /// The event with what all types have in common.
    fn event(&self, sort: &str, kind: EventKind) -> Result<CallEvent, ParseError> {
        let mut event = CallEvent::new(self.key(sort), kind, self.received_at);
        event.leg_id = self.found.text("call_leg_id").or_else(|| self.found.text("call_control_id")).map(bounded);
        event.session_id = self.found.text("call_session_id").map(bounded);
        let effective = !matches!(kind, EventKind::Ignored | EventKind::CallAnnotation);
        if effective && event.leg_id.is_none() && event.session_id.is_none() {
            return Err(ParseError::Missing { field: "call_leg_id" });
        }
        event.occurred_at = self.occurred_at();
        event.provider_status = Some(sort.to_owned());
        event.direction_raw = self.found.payload.text("direction");
        event.direction = self.direction();
        event.started_at = self.time("start_time");
        self.add_parties(&mut event);
        Ok(event)
    }

    /// The id of the event: the same on every attempt, while everything around it changes.
    fn key(&self, sort: &str) -> String {
        if let Some(id) = self.found.event.text("id") {
            return bounded(id);
        }
        // Without one only an equal event is the same.
        let at = self.occurred_at().map(|time| time.to_rfc3339()).unwrap_or_default();
        bounded(format!("{sort}:{}", sha256_hex(format!("{at}|{}", self.found.payload_value).as_bytes())))
    }

    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        let of = |fields: Fields<'_>| ["occurred_at", "created_at"].iter().find_map(|name| fields.time(name));
        of(self.found.event).or_else(|| self.found.outer.time("event_timestamp"))
    }

    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        self.found.payload.time(name)
    }

    fn direction(&self) -> Option<Direction> {
        match self.found.payload.text("direction")?.to_ascii_lowercase().as_str() {
            "incoming" | "inbound" => Some(Direction::Inbound),
            "outgoing" | "outbound" => Some(Direction::Outbound),
            _ => None,
        }
    }

    fn add_parties(&self, event: &mut CallEvent) {
        let party = |raw: &str| Party::parse(raw, Dialect::Public, self.region);
        let from = self.found.payload.sent("from");
        let name = self.found.payload.text("caller_id_name");
        // A number in the place of the name is none.
        let name = name.filter(|name| name.chars().any(char::is_alphabetic));
        event.from = from.map(|raw| party(&raw).named(name.as_deref()));
        event.to = self.found.payload.text("to").map(|raw| party(&raw));
        event.forwarded_from = self.diversion().map(|raw| party(&raw));
        event.attestation = self.attestation();
        event.agent_ref = event.to.as_ref().and_then(registered_user);
    }

    /// Who forwarded the call, from its `Diversion` header (RFC 5806): `"Name" <sip:+12025550100@host>;reason=busy`.
    fn diversion(&self) -> Option<String> {
        let header = self
            .found
            .payload
            .list("sip_headers")
            .iter()
            .filter_map(Fields::new)
            .find(|header| header.text("name").is_some_and(|name| name.eq_ignore_ascii_case("Diversion")))?;
        let value = header.text("value")?;
        let address =
            value.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(value.as_str(), |(uri, _)| uri);
        let user =
            address.split_once(':').map_or(address, |(_, rest)| rest).split(['@', ';']).next().unwrap_or_default();
        let digits = user.trim_start_matches('+');
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(if is_number { user.to_owned() } else { address.to_owned() })
    }

    fn attestation(&self) -> Option<Attestation> {
        let level = self.found.payload.text("shaken_stir_attestation")?;
        if self.found.payload.flag("shaken_stir_validated") == Some(false) {
            return Some(Attestation::Failed);
        }
        match level.to_ascii_uppercase().as_str() {
            "A" => Some(Attestation::A),
            "B" => Some(Attestation::B),
            "C" => Some(Attestation::C),
            _ => None,
        }
    }

    fn add_end(&self, event: &mut CallEvent) {
        event.state = Some(LegState::Ended);
        event.ended_at = self.time("end_time");
        let span = event.started_at.zip(event.ended_at).map(|(start, end)| (end - start).num_seconds());
        event.duration_seconds = span.and_then(|seconds| u32::try_from(seconds).ok());
        event.provider_reason = self.found.payload.text("hangup_cause");
        event.hangup_source = self.found.payload.text("hangup_source").filter(|source| source != "unknown");
        event.sip_code = self.found.payload.integer("sip_hangup_cause").and_then(|code| u16::try_from(code).ok());
        let outbound = event.direction == Some(Direction::Outbound);
        let cause = event.provider_reason.as_deref().unwrap_or_default().to_ascii_lowercase();
        // Two causes mean different things for different legs: the fold knows the direction and whether there was an answer.
        event.outcome_in_context = matches!(cause.as_str(), "normal_clearing" | "time_limit" | "originator_cancel");
        event.outcome = Some(match cause.as_str() {
            "normal_clearing" | "time_limit" => Outcome::Completed,
            "originator_cancel" if outbound => Outcome::Canceled,
            "originator_cancel" | "timeout" | "no_answer" => Outcome::NoAnswer,
            "user_busy" => Outcome::Busy,
            "call_rejected" => Outcome::Rejected,
            _ => Outcome::Failed,
        });
    }

    fn recording(&self, event: &CallEvent) -> RecordingFact {
        let payload = self.found.payload;
        let of = |name: &str| {
            let urls = payload.object(name)?;
            urls.text("mp3").or_else(|| urls.text("wav"))
        };
        // Public addresses stay; the others can be used for ten minutes.
        let (url, lasts) = of("public_recording_urls").map_or((of("recording_urls"), false), |url| (Some(url), true));
        let url_is_short_lived = url.is_some() && !lasts;
        let started_at = self.time("recording_started_at");
        let span = started_at.zip(self.time("recording_ended_at")).map(|(start, end)| (end - start).num_seconds());
        RecordingFact {
            url,
            duration_seconds: span.and_then(|seconds| u32::try_from(seconds).ok()),
            channels: match payload.text("channels").as_deref() {
                Some("single" | "1") => Some(1),
                Some("dual" | "2") => Some(2),
                _ => None,
            },
            started_at,
            expires_at: expiry(event).filter(|_| url_is_short_lived),
            ..RecordingFact::new(self.recording_id(event), RecordingStatus::Ready)
        }
    }

    fn add_voicemail(&self, event: &mut CallEvent) {
        // Nothing else may ever tell of this call: with the message left, it is over.
        event.state = Some(LegState::Ended);
        event.outcome = Some(Outcome::Voicemail);
        event.direction = event.direction.or(Some(Direction::Inbound));
        let url = self.found.payload.text("recording_url");
        let presigned = url.as_deref().is_some_and(|url| url.contains("X-Amz-"));
        event.recording = Some(RecordingFact {
            voicemail: true,
            duration_seconds: self.found.payload.seconds("duration"),
            expires_at: expiry(event).filter(|_| presigned),
            url,
            ..RecordingFact::new(self.recording_id(event), RecordingStatus::Ready)
        });
    }

    /// The recording's id, else the id of the event that tells of it.
    fn recording_id(&self, event: &CallEvent) -> String {
        self.found.text("recording_id").map_or_else(|| event.dedupe_key.clone(), bounded)
    }
}

/// Until when a presigned address can be used.
fn expiry(event: &CallEvent) -> Option<DateTime<Utc>> {
    event.time().checked_add_signed(TimeDelta::seconds(RECORDING_SECONDS))
}

/// The user of a SIP address that is registered at Telnyx: a telephone of our own.
fn registered_user(party: &Party) -> Option<String> {
    let Some(Address::Sip(uri)) = &party.value else { return None };
    let (user, host) = uri.split_once(':')?.1.split_once('@')?;
    host.ends_with("telnyx.com").then(|| user.to_owned())
}
