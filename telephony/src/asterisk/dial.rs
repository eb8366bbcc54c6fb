//! `Dial` events: one channel dials another.
//!
//! They tie the dialled leg to the leg that dials, and show that a person is looked for: from then on the dialled legs tell
//! whether one answered, not the leg that dials.

use super::ari::{Channel, Event};
use crate::phone_system::{extension, party};
use crate::{CallEvent, Direction, EventKind, LegState, Outcome, ParseError, Party};

pub(super) fn parse(event: &Event<'_>) -> Result<Vec<CallEvent>, ParseError> {
    let peer = event.channel("peer", "peer.id")?;
    let status = event.fields.text("dialstatus").unwrap_or_default().to_ascii_uppercase();
    let dial = Dial {
        event,
        caller: event.fields.object("caller").and_then(Channel::read).filter(|caller| caller.id != peer.id),
        peer,
        status,
    };
    let mut events = match dial.status.as_str() {
        "" | "PROGRESS" | "PROCEEDING" => dial.begun(EventKind::CallInitiated, LegState::Initiated),
        "RINGING" => dial.begun(EventKind::CallRinging, LegState::Ringing),
        "ANSWER" => dial.answered(),
        status => match failure(status) {
            Some(outcome) => vec![dial.failed(outcome)],
            None => vec![dial.of_peer(EventKind::Ignored, None)],
        },
    };
    events.extend(dial.forwarded());
    Ok(events)
}

/// How the dialled leg ended without an answer.
fn failure(status: &str) -> Option<Outcome> {
    match status {
        "BUSY" => Some(Outcome::Busy),
        "NOANSWER" => Some(Outcome::NoAnswer),
        "CANCEL" => Some(Outcome::Canceled),
        "DONTCALL" | "TORTURE" => Some(Outcome::Rejected),
        "CONGESTION" | "CHANUNAVAIL" | "INVALIDARGS" => Some(Outcome::Failed),
        _ => None,
    }
}

struct Dial<'a> {
    event: &'a Event<'a>,
    /// The channel that dials; none when an application does.
    caller: Option<Channel<'a>>,
    peer: Channel<'a>,
    status: String,
}

impl Dial<'_> {
    /// The dialled leg rings, or soon will.
    fn begun(&self, kind: EventKind, state: LegState) -> Vec<CallEvent> {
        let peer = self.of_peer(kind, Some(state));
        std::iter::once(peer).chain(self.of_caller()).collect()
    }

    /// A person answered: the dialled leg goes on, so this is no end of it.
    fn answered(&self) -> Vec<CallEvent> {
        let peer = self.of_peer(EventKind::CallAnswered, Some(LegState::Answered));
        let result = self.of_caller().map(|caller| CallEvent {
            // Naming the leg would say that it is over.
            child_leg_id: None,
            dial_outcome: Some(Outcome::Completed),
            ..caller
        });
        result.into_iter().chain([peer]).collect()
    }

    fn failed(&self, outcome: Outcome) -> CallEvent {
        match self.of_caller() {
            Some(caller) => CallEvent { dial_outcome: Some(outcome), ..caller },
            None => CallEvent { outcome: Some(outcome), ..self.of_peer(EventKind::DialResult, Some(LegState::Ended)) },
        }
    }

    /// What the event says of the leg that dials.
    fn of_caller(&self) -> Option<CallEvent> {
        let caller = self.caller.as_ref()?;
        let detail = format!("{}:{}", self.peer.id, self.status);
        let mut event = self.event.about(caller, EventKind::DialResult, &detail);
        event.child_leg_id = Some(self.peer.id.clone());
        event.answered_by_platform = true;
        event.provider_status = Some(self.status.clone());
        Some(event)
    }

    /// What the event says of the dialled leg.
    fn of_peer(&self, kind: EventKind, state: Option<LegState>) -> CallEvent {
        let mut event = self.of_dialled(&self.peer, kind, state);
        event.provider_status = Some(self.status.clone());
        event
    }

    fn of_dialled(&self, channel: &Channel<'_>, kind: EventKind, state: Option<LegState>) -> CallEvent {
        let region = self.event.message.region;
        let mut event = self.event.about(channel, kind, &self.status);
        event.state = state;
        event.parent_leg_id = self.caller.as_ref().map(|caller| caller.id.clone());
        event.direction = Some(Direction::Outbound);
        event.answered_by_platform = false;
        event.from = self.caller.as_ref().and_then(|caller| caller.own_party(region)).or(event.from);
        event.to = channel.own_party(region).filter(Party::is_known).or_else(|| self.dialled_party());
        event.agent_ref = extension(event.to.as_ref());
        event
    }

    /// The number of the dial string, when it is nothing but a number.
    fn dialled_party(&self) -> Option<Party> {
        let text = self.event.fields.text("dialstring")?;
        let number = text.strip_prefix('+').unwrap_or(&text);
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| party(&text, self.event.message.region))
    }

    /// The leg that the dialled phone forwards to takes its place.
    fn forwarded(&self) -> Option<CallEvent> {
        let channel = self.event.fields.object("forwarded").and_then(Channel::read)?;
        Some(self.of_dialled(&channel, EventKind::CallInitiated, Some(LegState::Initiated)))
    }
}
