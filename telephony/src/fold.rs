//! The fold from the events of a call to the call.
//!
//! A pure function of the *set* of events: any order and any repetition give the same call, because everything inside
//! is a maximum, a minimum or a choice by a total order. Webhooks come late, twice and out of order, and with this the
//! worker never has to care.

mod call;
mod leg;
mod tree;

use chrono::{DateTime, Utc};

pub use call::fold;

use crate::{Attestation, Direction, LegState, Outcome, Party, Recording};

/// A call, from all that is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallState {
    /// The leg on which the call began; may change while late events arrive, so it is derived, never stored as truth.
    /// `None`: no event is about a leg.
    pub root_leg: Option<String>,
    /// Who called whom. `None` until an event of the root leg tells.
    pub direction: Option<Direction>,
    /// How far the call came. [`LegState::Answered`] means that a person of our side (on an outbound call: the called
    /// party) answered.
    pub state: LegState,
    /// How it ended; only when [`CallState::state`] is [`LegState::Ended`]. May still go up afterwards (missed to
    /// voicemail or completed, by a late event), never down.
    pub outcome: Option<Outcome>,
    /// Who calls.
    pub from: Option<Party>,
    /// Who is called.
    pub to: Option<Party>,
    /// Who forwarded the call to us.
    pub forwarded_from: Option<Party>,
    /// What the network says about the caller's right to the number.
    pub attestation: Option<Attestation>,
    /// When it began. `None` only when no event tells of a call (only of a recording, say).
    pub started_at: Option<DateTime<Utc>>,
    /// When a person answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Seconds that people talked.
    pub talk_seconds: Option<u32>,
    /// Seconds from start to end.
    pub duration_seconds: Option<u32>,
    /// The provider's reference of the agent who answered (or who called).
    pub agent_ref: Option<String>,
    /// The queue it came through.
    pub queue: Option<String>,
    /// The legs: the root first, then by their start.
    pub legs: Vec<Leg>,
    /// The recordings, by their id.
    pub recordings: Vec<Recording>,
}

impl CallState {
    /// The person outside: who calls on an inbound call, who is called on an outbound one. Only parties that can be a
    /// caller's record (public numbers and SIP addresses): `None` for withheld, unknown and internal ones.
    pub fn remote_party(&self) -> Option<&Party> {
        let party = match self.direction? {
            Direction::Inbound => self.from.as_ref(),
            Direction::Outbound => self.to.as_ref(),
            Direction::Internal => None,
        };
        party.filter(|party| party.identifies_caller())
    }
}

/// One leg of a call: one connection between the provider and one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// The provider's id.
    pub id: String,
    /// The leg that dialled it.
    pub parent_id: Option<String>,
    /// How far it came.
    pub state: LegState,
    /// How it ended, as reported for this leg alone.
    pub outcome: Option<Outcome>,
    /// Direction of the leg (a leg that a call dials is outbound, also within an inbound call).
    pub direction: Option<Direction>,
    /// Who calls on this leg.
    pub from: Option<Party>,
    /// Who is called on this leg.
    pub to: Option<Party>,
    /// The provider's reference of the agent on this leg.
    pub agent_ref: Option<String>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Seconds of talk, by the provider or from answer to end.
    pub talk_seconds: Option<u32>,
    /// Seconds of the leg, by the provider or from start to end.
    pub duration_seconds: Option<u32>,
}
