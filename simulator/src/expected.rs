//! The independent truth: what must be known of a call after a provider has told of it.

use switchboard_telephony::{Direction, Outcome, PartyKind};

use crate::{Call, Dialect, Endpoint, Story};

/// What a format says about how long people talked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// Exactly, for each agent's leg: the length of the call's talk is that of the longest one.
    Legs,
    /// Exactly, from the first answer to the end of the call, through transfers.
    Call,
    /// Nothing, or not exactly.
    Unsaid,
}

/// What a format can say at all. Nobody is expected to know more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of things that a format says or does not")]
pub struct Tells {
    /// The stories that it can tell. One that it would tell wrongly, or not at all, is not in the list; one that it tells
    /// with less (a hold that is not mentioned) is.
    pub stories: &'static [Story],
    /// Who calls.
    pub from: bool,
    /// Who is called.
    pub to: bool,
    /// Whether the call came in or went out.
    pub direction: bool,
    /// How long people talked.
    pub talk: Talk,
    /// That a line was busy (else it looks like no answer).
    pub busy: bool,
    /// Recordings and messages with their ids. (A format may tell that a message was left without this.)
    pub recordings: bool,
    /// That it rings, or waits, before it is over: `false` for formats that report finished calls only.
    pub live: bool,
}

/// One side of a call, as it must be known.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen {
    /// What kind of address it is.
    pub kind: PartyKind,
    /// E.164, `sip:user@host` or the digits of an extension; `None` when it is hidden.
    pub value: Option<String>,
}

/// A recording, as it must be known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedRecording {
    /// The provider's id.
    pub id: String,
    /// Whether it is a message that the caller of a missed call left.
    pub voicemail: bool,
}

/// What must be known of a call. `None`: the format does not say, and nothing is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What ties the call to what is known: [`Dialect::keys`].
    pub keys: Vec<String>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Who called.
    pub from: Option<Seen>,
    /// Who was called.
    pub to: Option<Seen>,
    /// Seconds that people talked; 0 when they did not (an absent number is as good).
    pub talk_seconds: Option<u32>,
    /// The recordings, all of them ready, by id.
    pub recordings: Option<Vec<ExpectedRecording>>,
}

impl Expected {
    /// What must be known of a call that was told in this dialect.
    pub fn of(call: &Call, dialect: &dyn Dialect) -> Self {
        let tells = dialect.tells();
        let recordings = call.recording().into_iter().filter_map(|recording| {
            Some(ExpectedRecording { id: dialect.recording_id(call)?, voicemail: recording.voicemail })
        });
        let mut expected = Self {
            keys: dialect.keys(call),
            direction: tells.direction.then(|| call.direction()),
            outcome: Some(outcome(call, tells)),
            from: tells.from.then(|| Seen::of(&call.from())),
            to: tells.to.then(|| Seen::of(&call.to())),
            talk_seconds: talk(call, tells),
            recordings: tells.recordings.then(|| recordings.collect()),
        };
        dialect.narrow(call, &mut expected);
        expected
    }
}

/// How a call of this story ends for whoever looks at it: inbound calls that nobody answered are missed, whatever ended
/// them, unless a message was left or every line was busy.
fn outcome(call: &Call, tells: Tells) -> Outcome {
    match call.story() {
        story if story.is_talked() => Outcome::Completed,
        Story::Voicemail => Outcome::Voicemail,
        Story::BusyAgent | Story::OutboundBusy if tells.busy => Outcome::Busy,
        _ => Outcome::NoAnswer,
    }
}

fn talk(call: &Call, tells: Tells) -> Option<u32> {
    let longest = call.legs().map(crate::Leg::talk_seconds).max().unwrap_or_default();
    match tells.talk {
        Talk::Unsaid => None,
        Talk::Legs => Some(longest),
        Talk::Call => Some(call.answered_at().map_or(0, |answered| crate::call::seconds(answered, call.ended_at()))),
    }
}

impl Seen {
    /// How an address is known.
    pub fn of(endpoint: &Endpoint) -> Self {
        let (kind, value) = match endpoint {
            Endpoint::Phone(number) => (PartyKind::Pstn, Some(number.clone())),
            Endpoint::Sip(address) => (PartyKind::Sip, Some(format!("sip:{address}"))),
            Endpoint::Extension(digits) => (PartyKind::Extension, Some(digits.clone())),
            Endpoint::Withheld => (PartyKind::Withheld, None),
        };
        Self { kind, value }
    }
}

impl std::fmt::Debug for Seen {
    /// The kind alone: logs stay free of numbers, also invented ones.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").field("kind", &self.kind).finish_non_exhaustive()
    }
}
