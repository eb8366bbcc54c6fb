//! What the parameters of a request say about the leg and its recording.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Dialect, Hangup, Recordings};
use crate::form::Params;
use crate::keys::bounded;
use crate::{
    Address, Attestation, CallEvent, Dialect as Numbers, Direction, EventKind, LegState, Outcome, Party, RecordingFact,
    RecordingStatus, times,
};

/// A request with what is needed to read it.
pub(super) struct Reader<'a> {
    pub(super) params: &'a Params,
    pub(super) purpose: Option<&'a str>,
    pub(super) received_at: DateTime<Utc>,
    pub(super) region: Option<&'a str>,
    pub(super) dialect: Dialect,
}

impl Reader<'_> {
    /// The id of the recording: its own parameter, else the last part of its address (older accounts).
    pub(super) fn recording_sid(&self) -> Option<&str> {
        self.params.get("RecordingSid").or_else(|| id_in_url(self.params.get("RecordingUrl")?))
    }

    /// Status callbacks have a number, a time or a source; very old ones have none and are told by their URL.
    pub(super) fn is_status_callback(&self) -> bool {
        self.is_marked_callback() || self.purpose == Some("status")
    }

    /// Whether the parameters alone say that it is a status callback.
    pub(super) fn is_marked_callback(&self) -> bool {
        ["SequenceNumber", "Timestamp", "CallbackSource"].iter().any(|name| self.params.get(name).is_some())
    }

    /// Whether the provider asks what to do with a call, without a word about its status.
    pub(super) fn asks_for_instructions(&self) -> bool {
        self.dialect.voice_without_status
            && !self.is_status_callback()
            && self.params.sent("From").is_some()
            && self.params.sent("To").is_some()
    }

    pub(super) fn recording(&self, status: RecordingStatus) -> Option<RecordingFact> {
        let source = self.params.get("RecordingSource").map(ToOwned::to_owned);
        let url = self.params.get("RecordingUrl").map(ToOwned::to_owned);
        let expires_at = match self.dialect.recordings {
            Recordings::Expiring(seconds) if url.is_some() => {
                let made_at = self.time("Timestamp").unwrap_or(self.received_at);
                made_at.checked_add_signed(TimeDelta::seconds(seconds))
            }
            _ => None,
        };
        Some(RecordingFact {
            url,
            duration_seconds: self.params.number("RecordingDuration"),
            channels: self.params.number("RecordingChannels"),
            needs_auth: matches!(self.dialect.recordings, Recordings::Authenticated),
            started_at: self.time("RecordingStartTime"),
            voicemail: source.as_deref() == Some("RecordVerb") && status == RecordingStatus::Ready,
            source,
            expires_at,
            ..RecordingFact::new(bounded(self.recording_sid()?), status)
        })
    }

    /// What every request about a call says of its leg.
    pub(super) fn add_leg(&self, event: &mut CallEvent) {
        event.parent_leg_id = self.params.get("ParentCallSid").map(bounded);
        let session = self.dialect.session.and_then(|name| self.params.get(name)).map(bounded);
        event.session_id = session.or_else(|| event.parent_leg_id.clone());
        event.seq = self.params.number("SequenceNumber");
        event.occurred_at = self.time("Timestamp");
        event.sip_code = self.dialect.sip_code.iter().find_map(|name| self.params.number(name));
        event.provider_reason = self.dialect.reason.and_then(|name| self.params.get(name)).map(ToOwned::to_owned);
        self.add_parties(event);
        event.hangup_source = self.hangup_source(event);
        if event.kind == EventKind::Ignored {
            return;
        }
        if self.dialect.explicit_times {
            event.started_at = self.time("CallInitiatedAt").or_else(|| self.time("StartTime"));
            event.answered_at = self.time("AnsweredTime");
            event.ended_at = self.time("EndTime");
        }
        self.add_state(event);
    }

    fn add_parties(&self, event: &mut CallEvent) {
        event.direction_raw = self.params.get("Direction").map(ToOwned::to_owned);
        event.direction = match event.direction_raw.as_deref() {
            Some("inbound" | "trunking-originating") => Some(Direction::Inbound),
            Some("outbound" | "outbound-api" | "outbound-dial" | "trunking-terminating") => Some(Direction::Outbound),
            Some(_) => None,
            // Whoever sets the direction of first legs knows that dialled ones are outbound.
            None => self.dialect.first_leg.map(|first| match &event.parent_leg_id {
                Some(_) => Direction::Outbound,
                None => first,
            }),
        };
        // An empty From is a hidden caller; an empty To is a browser that calls the application itself.
        let from = self.params.sent("From").or_else(|| self.params.sent("Caller"));
        event.from = from.map(|raw| self.party(raw).named(self.caller_name(raw)));
        event.to = self.params.get("To").or_else(|| self.params.get("Called")).map(|raw| self.party(raw));
        event.forwarded_from = self.params.get("ForwardedFrom").map(|raw| self.party(raw));
        event.attestation = self.attestation();
        let client = |party: &Option<Party>| match party.as_ref().and_then(|party| party.value.as_ref()) {
            Some(Address::Client(identity)) => Some(identity.clone()),
            _ => None,
        };
        event.agent_ref = client(&event.to).or_else(|| client(&event.from));
    }

    fn party(&self, raw: &str) -> Party {
        Party::parse(raw, Numbers::Public, self.region)
    }

    /// The caller's name; a number in its place is none.
    fn caller_name(&self, from: &str) -> Option<&str> {
        let name = self.params.get(self.dialect.caller_name)?;
        (name != from.trim() && name.chars().any(char::is_alphabetic)).then_some(name)
    }

    fn hangup_source(&self, event: &CallEvent) -> Option<String> {
        let word = match self.dialect.hangup {
            Hangup::Untold => None,
            Hangup::Word(name) => self.params.get(name).filter(|word| *word != "unknown"),
            // The address of a person is not kept here: only which side it is.
            Hangup::Address(name) => {
                let by = self.party(self.params.get(name)?).value?;
                let is = |side: &Option<Party>| side.as_ref().and_then(|party| party.value.as_ref()) == Some(&by);
                match (is(&event.from), is(&event.to)) {
                    (true, false) => Some("caller"),
                    (false, true) => Some("callee"),
                    _ => None,
                }
            }
        };
        word.map(ToOwned::to_owned)
    }

    fn add_state(&self, event: &mut CallEvent) {
        // An inbound leg is answered by the document; whether a person came is told by the legs that it dials.
        event.answered_by_platform = event.direction == Some(Direction::Inbound) && event.parent_leg_id.is_none();
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
        event.outcome = match event.provider_reason.as_deref() {
            Some("call_rejected") if outcome != Some(Outcome::Completed) => outcome.map(|_| Outcome::Rejected),
            _ => outcome,
        };
        if event.kind != EventKind::DialResult && state == LegState::Ended {
            self.add_lengths(event);
        }
    }

    /// `CallDuration` is in seconds (`Duration` in started minutes). Outside an inbound leg that was answered it is talk;
    /// where the answer is told, talk begins with it.
    fn add_lengths(&self, event: &mut CallEvent) {
        let seconds = self.params.number("CallDuration");
        if event.parent_leg_id.is_none() {
            event.duration_seconds = seconds;
        }
        if event.answered_by_platform {
            return;
        }
        if let (Some(answered), Some(ended)) = (event.answered_at, event.ended_at) {
            event.talk_seconds = u32::try_from((ended - answered).num_seconds()).ok();
        } else {
            event.talk_seconds = talk(seconds, event.outcome);
        }
    }

    fn attestation(&self) -> Option<Attestation> {
        let names = ["StirVerstat", "StirStatus", "ShakenStirAttestation"];
        let word = names.iter().find_map(|name| self.params.get(name))?;
        let refused = self.params.get("ShakenStirValidated").is_some_and(|word| word.eq_ignore_ascii_case("false"));
        if refused || word.starts_with("TN-Validation-Failed") {
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

    pub(super) fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        times::read(self.params.get(name)?)
    }
}

/// The length of a leg as talk: none when nobody answered, however long it rang.
pub(super) fn talk(seconds: Option<u32>, outcome: Option<Outcome>) -> Option<u32> {
    if outcome == Some(Outcome::Completed) { seconds } else { seconds.map(|_| 0) }
}

/// Characters of a UUID.
const UUID: usize = 36;

/// The id at the end of a recording's address: `RE…` of Twilio, UUIDs of the others. Names of files that are not ids
/// would give all recordings the same one.
fn id_in_url(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let name = path.rsplit('/').next()?;
    let stem = name.split('.').next()?;
    let is_uuid = stem.len() == UUID
        && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && stem.contains('-');
    (stem.starts_with("RE") || is_uuid).then_some(stem)
}
