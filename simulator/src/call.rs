//! A call as it truly was.

use chrono::{DateTime, Utc};
use switchboard_telephony::Direction;

use crate::{Agent, Endpoint, Plan, Random, Story};

/// What happens at one moment of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeatKind {
    /// The call exists. Inbound: it reached the platform and rings there. Outbound: it is being set up. Always the first
    /// beat, always of the root leg.
    Arrived,
    /// The caller waits in the queue [`Plan::queue`]. Of the root leg.
    Queued,
    /// The platform begins to call an agent: the leg exists.
    Dialled,
    /// The phone of the leg's callee rings. Of an agent's leg; of the root leg on outbound calls.
    Rings,
    /// The leg's callee answers. Of an agent's leg; of the root leg on outbound calls.
    Answered,
    /// The agent puts the call on hold.
    Held,
    /// The agent takes the call back from hold.
    Resumed,
    /// The agent of the leg passes the call on; the leg with this number goes on with it. For a blind transfer it is dialled
    /// after this beat, for an attended one it was answered before.
    Transferred {
        /// Number of the leg that the call goes on with.
        to: usize,
    },
    /// The agent's leg is over, as [`Leg::end`] says.
    LegEnded,
    /// The mailbox takes the caller. Of the root leg.
    VoicemailStarted,
    /// The call is over: the root leg has ended. Recordings may still follow.
    Ended,
    /// The recording of the call ([`Call::recording`]) can be fetched; for a message as for a talk. Of the root leg.
    RecordingReady,
}

/// One moment of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// When. All times of one call have the same fraction of a second: lengths are whole seconds, however a format cuts
    /// times.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: BeatKind,
    /// Number of the leg it happens to; 0 is the root.
    pub leg: usize,
}

/// How a leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was answered.
    Completed,
    /// It rang until the platform gave up.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The side that dialled it gave up.
    Canceled,
}

/// One connection between the platform and one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Its number: 0 is the root (on which the call began), then in the order in which they are dialled.
    pub number: usize,
    /// Who is on it. The root of an inbound call: nobody of ours; of an outbound or internal one: the agent who calls.
    pub agent: Option<Agent>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was answered by a person. The root of an inbound call: `None`, the platform takes that.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How it ended. The root of an inbound call: [`End::Completed`] when people talked, [`End::Canceled`] when the caller
    /// gave up, else what became of the last agent's leg.
    pub end: End,
}

impl Leg {
    /// Whether it is the root leg.
    pub const fn is_root(&self) -> bool {
        self.number == 0
    }

    /// Seconds from answer to end; 0 when nobody answered.
    pub fn talk_seconds(&self) -> u32 {
        self.answered_at.map_or(0, |answered| seconds(answered, self.ended_at))
    }

    /// Seconds from start to end.
    pub fn duration_seconds(&self) -> u32 {
        seconds(self.started_at, self.ended_at)
    }
}

/// The recording of a call: of the talk, or the caller's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recording {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Its length.
    pub seconds: u32,
    /// Whether it is a message.
    pub voicemail: bool,
}

/// A call as it truly was: legs, moments, and ids that follow from its seed.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) root: Leg,
    pub(crate) agents: Vec<Leg>,
    pub(crate) beats: Vec<Beat>,
    pub(crate) recording: Option<Recording>,
}

impl Call {
    /// The call of a plan. Calls with different seeds have different ids.
    pub fn new(seed: u64, plan: Plan, started_at: DateTime<Utc>) -> Self {
        crate::timeline::play(seed, plan, started_at)
    }

    /// What happens.
    pub const fn story(&self) -> Story {
        self.plan.story
    }

    /// What was planned.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who called whom.
    pub const fn direction(&self) -> Direction {
        match self.plan.story {
            Story::Internal => Direction::Internal,
            story if story.is_outbound() => Direction::Outbound,
            _ => Direction::Inbound,
        }
    }

    /// Whether it came from outside.
    pub fn is_inbound(&self) -> bool {
        self.direction() == Direction::Inbound
    }

    /// Who calls: somebody outside, one of our lines, or an extension.
    pub fn from(&self) -> Endpoint {
        match self.direction() {
            Direction::Inbound => self.plan.person.address.clone(),
            Direction::Outbound => Endpoint::Phone(self.plan.line.clone()),
            Direction::Internal => Endpoint::Extension(self.plan.agents[0].extension.to_owned()),
        }
    }

    /// Who is called: one of our lines, somebody outside, or an extension.
    pub fn to(&self) -> Endpoint {
        match self.direction() {
            Direction::Inbound => Endpoint::Phone(self.plan.line.clone()),
            Direction::Outbound => self.plan.person.address.clone(),
            Direction::Internal => Endpoint::Extension(self.plan.agents[1].extension.to_owned()),
        }
    }

    /// The name that comes with an inbound call.
    pub fn caller_name(&self) -> Option<&str> {
        self.plan.person.name.as_deref().filter(|_| self.is_inbound())
    }

    /// The leg on which the call began.
    pub const fn root(&self) -> &Leg {
        &self.root
    }

    /// The legs to agents, in the order in which they were dialled. None on outbound calls: there the root leg is the one
    /// that is answered.
    pub fn agent_legs(&self) -> &[Leg] {
        &self.agents
    }

    /// All legs, the root first.
    pub fn legs(&self) -> impl Iterator<Item = &Leg> {
        std::iter::once(&self.root).chain(&self.agents)
    }

    /// The leg with this number.
    pub fn leg(&self, number: usize) -> Option<&Leg> {
        self.legs().nth(number)
    }

    /// What happens, each moment with the leg it happens to, in the order of time.
    pub fn scenes(&self) -> impl Iterator<Item = (&Beat, &Leg)> {
        self.beats.iter().map(|beat| (beat, self.leg(beat.leg).unwrap_or(&self.root)))
    }

    /// What was recorded. At most one per call, so its id may be drawn with the number 0.
    pub const fn recording(&self) -> Option<Recording> {
        self.recording
    }

    /// When the first person answered who had not placed the call.
    pub fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.legs().filter_map(|leg| leg.answered_at).min()
    }

    /// When it began.
    pub const fn started_at(&self) -> DateTime<Utc> {
        self.root.started_at
    }

    /// When it ended.
    pub const fn ended_at(&self) -> DateTime<Utc> {
        self.root.ended_at
    }

    /// The last moment, which may be that of a recording.
    pub fn last_at(&self) -> DateTime<Utc> {
        self.beats.iter().map(|beat| beat.at).max().unwrap_or(self.root.ended_at)
    }

    /// Numbers for one thing of this call: the same for the same label and number.
    pub fn random(&self, label: &str, number: usize) -> Random {
        Random::keyed(self.seed, label, u64::try_from(number).unwrap_or(u64::MAX))
    }

    /// An id of lower-case hexadecimal digits, e.g. `call.hex("leg", leg.number, 32)`.
    pub fn hex(&self, label: &str, number: usize, digits: usize) -> String {
        self.text(label, number, digits, b"0123456789abcdef")
    }

    /// An id of letters and digits.
    pub fn token(&self, label: &str, number: usize, length: usize) -> String {
        self.text(label, number, length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    }

    /// A random UUID (version 4), with hyphens, lower case.
    pub fn uuid(&self, label: &str, number: usize) -> String {
        let mut bytes = [0; 16];
        self.random(label, number).fill(&mut bytes);
        let value = u128::from_be_bytes(bytes);
        let value = value & !(0xf000 << 64) & !(0xc000 << 48) | (0x4000 << 64) | (0x8000 << 48);
        let part = |shift: u32, digits: usize| format!("{:0digits$x}", (value >> shift) & ((1 << (digits * 4)) - 1));
        [part(96, 8), part(80, 4), part(64, 4), part(48, 4), part(0, 12)].join("-")
    }

    fn text(&self, label: &str, number: usize, length: usize, alphabet: &[u8]) -> String {
        let mut random = self.random(label, number);
        (0..length).map(|_| char::from(random.pick(alphabet))).collect()
    }
}

pub(crate) fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> u32 {
    u32::try_from((to - from).num_seconds()).unwrap_or_default()
}

impl std::fmt::Debug for Call {
    /// Without parties: logs stay free of numbers, also invented ones.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("seed", &self.seed).field("story", &self.plan.story).finish_non_exhaustive()
    }
}
