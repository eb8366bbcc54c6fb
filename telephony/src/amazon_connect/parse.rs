//! From a contact event to an event of the call.

use chrono::{DateTime, Utc};

use super::numbers;
use crate::json::{self, Fields};
use crate::keys::bounded;
use crate::signature::sha256_hex;
use crate::{CallEvent, Direction, EventKind, LegState, Outcome, ParseContext, ParseError};

pub(super) fn parse(body: &[u8], received_at: DateTime<Utc>, context: &ParseContext) -> Result<CallEvent, ParseError> {
    let value = json::read(body)?;
    let envelope = Fields::of_object(&value)?;
    // A rule may pass on the inner part alone (input path $.detail).
    let detail = envelope.object("detail").unwrap_or(envelope);
    let event_type = detail.text("eventType").unwrap_or_default().to_ascii_uppercase();
    let contact_id = detail.text("contactId");
    let derived = || Some(format!("{}:{event_type}", contact_id.as_deref().filter(|_| !event_type.is_empty())?));
    let key = bounded(envelope.text("id").or_else(derived).unwrap_or_else(|| sha256_hex(body)));
    let other_type = envelope.text("detail-type").is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        !name.starts_with("amazon connect contact event")
    });
    // Chats, tasks and e-mails are no calls.
    let other_channel = detail.text("channel").is_some_and(|channel| !channel.eq_ignore_ascii_case("voice"));
    let kind = if other_type || other_channel { EventKind::Ignored } else { kind(&event_type) };
    let mut event = CallEvent::new(key, kind, received_at);
    event.provider_status = Some(event_type).filter(|word| !word.is_empty());
    if kind == EventKind::Ignored {
        return Ok(event);
    }
    let contact = Contact { detail, region: context.default_region.as_deref() };
    let contact_id = contact_id.ok_or(ParseError::Missing { field: "detail.contactId" })?;
    event.session_id = Some(detail.text("initialContactId").unwrap_or_else(|| contact_id.clone()));
    event.leg_id = Some(contact_id);
    // A transfer makes a new contact, and either may outlive the other.
    event.equal_leg = true;
    contact.add(&mut event);
    event.occurred_at = contact.time_of(kind).or_else(|| envelope.time("time"));
    Ok(event)
}

/// New types appear without notice; they are kept and change nothing.
fn kind(event_type: &str) -> EventKind {
    match event_type {
        "INITIATED" => EventKind::CallInitiated,
        "CONNECTED_TO_SYSTEM" | "CONNECTED_TO_AGENT" => EventKind::CallAnswered,
        "QUEUED" => EventKind::CallQueued,
        "DISCONNECTED" => EventKind::CallEnded,
        // The agent's work after the call is done.
        "COMPLETED" => EventKind::CallAnnotation,
        _ => EventKind::Ignored,
    }
}

struct Contact<'a> {
    detail: Fields<'a>,
    region: Option<&'a str>,
}

impl Contact<'_> {
    fn add(&self, event: &mut CallEvent) {
        event.direction_raw = self.detail.text("initiationMethod");
        let method = event.direction_raw.as_deref().unwrap_or_default().to_ascii_uppercase();
        if method == "MONITOR" {
            // A supervisor listens: no party of the call.
            event.kind = EventKind::CallAnnotation;
            return;
        }
        // A transferred contact (TRANSFER, QUEUE_TRANSFER, DISCONNECT) goes on in the direction of the first one.
        event.direction = match method.as_str() {
            "INBOUND" | "WEBRTC_API" => Some(Direction::Inbound),
            "OUTBOUND" | "CALLBACK" | "API" | "EXTERNAL_OUTBOUND" => Some(Direction::Outbound),
            _ => None,
        };
        self.add_parties(event);
        event.started_at = self.detail.time("initiationTimestamp");
        event.queue = self.detail.object("queueInfo").and_then(|queue| queue.text("queueArn"));
        event.agent_ref = self.agent().and_then(|agent| agent.text("agentArn"));
        self.add_state(event);
    }

    fn add_parties(&self, event: &mut CallEvent) {
        let customer = Some(numbers::customer(self.detail, self.region));
        let system = numbers::system(self.detail, self.region);
        (event.from, event.to) =
            if event.direction == Some(Direction::Outbound) { (system, customer) } else { (customer, system) };
    }

    fn agent(&self) -> Option<Fields<'_>> {
        self.detail.object("agentInfo")
    }

    /// When the called party answered: for calls to the outside `connectedToSystemTimestamp` is when the customer's
    /// endpoint connected; for others a person answers when the agent does.
    fn answered_at(&self, direction: Option<Direction>) -> Option<DateTime<Utc>> {
        match direction {
            Some(Direction::Outbound) => self.detail.time("connectedToSystemTimestamp"),
            _ => self.agent()?.time("connectedToAgentTimestamp"),
        }
    }

    fn add_state(&self, event: &mut CallEvent) {
        let outbound = event.direction == Some(Direction::Outbound);
        if matches!(event.kind, EventKind::CallAnswered | EventKind::CallEnded) {
            event.answered_at = self.answered_at(event.direction);
        }
        let by_system = event.provider_status.as_deref() == Some("CONNECTED_TO_SYSTEM");
        let (kind, state) = match event.kind {
            EventKind::CallInitiated if event.direction == Some(Direction::Inbound) => {
                (EventKind::CallRinging, Some(LegState::Ringing))
            }
            EventKind::CallInitiated => (EventKind::CallInitiated, Some(LegState::Initiated)),
            EventKind::CallQueued => (EventKind::CallQueued, Some(LegState::Queued)),
            // Media to a caller are the platform's greeting.
            EventKind::CallAnswered if by_system && !outbound => (EventKind::CallAnnotation, None),
            // The agent is there before the customer, whose line still rings.
            EventKind::CallAnswered if !by_system && outbound && event.answered_at.is_none() => {
                (EventKind::CallRinging, Some(LegState::Ringing))
            }
            EventKind::CallAnswered => (EventKind::CallAnswered, Some(LegState::Answered)),
            EventKind::CallEnded => (EventKind::CallEnded, Some(LegState::Ended)),
            other => (other, None),
        };
        (event.kind, event.state) = (kind, state);
        if kind == EventKind::CallEnded {
            self.add_end(event);
        }
    }

    fn add_end(&self, event: &mut CallEvent) {
        event.ended_at = self.detail.time("disconnectTimestamp");
        event.provider_reason = self.detail.text("disconnectReason");
        let reason = event.provider_reason.as_deref().unwrap_or_default().to_ascii_uppercase();
        event.hangup_source = match reason.as_str() {
            "CUSTOMER_DISCONNECT" => Some("customer".to_owned()),
            "AGENT_DISCONNECT" => Some("agent".to_owned()),
            _ => None,
        };
        let talked = match event.direction {
            Some(Direction::Outbound) => event.answered_at.is_some(),
            _ => self.agent().is_some(),
        };
        event.outcome = match event.direction {
            _ if talked => Some(Outcome::Completed),
            Some(Direction::Inbound) => Some(Outcome::NoAnswer),
            Some(Direction::Outbound) => Some(unanswered(&reason)),
            _ => None,
        };
        // People talk from when both are connected. The documentation's example has an answer after the end.
        let agent = self.agent().and_then(|agent| agent.time("connectedToAgentTimestamp"));
        let both = agent.max(event.answered_at);
        let whole = |answer: DateTime<Utc>| u32::try_from((event.ended_at? - answer).num_seconds()).ok();
        event.talk_seconds = both.filter(|_| talked).and_then(whole);
        event.answered_at = event.answered_at.filter(|answer| event.ended_at.is_none_or(|end| *answer <= end));
    }

    /// The time of the state itself: the envelope's is when the event was made.
    fn time_of(&self, kind: EventKind) -> Option<DateTime<Utc>> {
        let agent = |name: &str| self.agent()?.time(name);
        match kind {
            EventKind::CallInitiated => self.detail.time("initiationTimestamp"),
            EventKind::CallQueued => self.detail.object("queueInfo")?.time("enqueueTimestamp"),
            EventKind::CallAnswered if self.detail.text("eventType")?.eq_ignore_ascii_case("CONNECTED_TO_SYSTEM") => {
                self.detail.time("connectedToSystemTimestamp")
            }
            EventKind::CallAnswered => agent("connectedToAgentTimestamp"),
            EventKind::CallEnded => self.detail.time("disconnectTimestamp"),
            EventKind::CallAnnotation => agent("afterContactWorkEndTimestamp"),
            _ => None,
        }
    }
}

/// How a call to the outside ended that nobody answered.
fn unanswered(reason: &str) -> Outcome {
    match reason {
        "TELECOM_BUSY" => Outcome::Busy,
        "TELECOM_ORIGINATOR_CANCEL" | "AGENT_DISCONNECT" => Outcome::Canceled,
        "TELECOM_NUMBER_INVALID"
        | "TELECOM_POTENTIAL_BLOCKING"
        | "TELECOM_PROBLEM"
        | "THROTTLED"
        | "OUTBOUND_DESTINATION_ENDPOINT_ERROR"
        | "OUTBOUND_RESOURCE_ERROR"
        | "OUTBOUND_ATTEMPT_FAILED" => Outcome::Failed,
        _ => Outcome::NoAnswer,
    }
}
