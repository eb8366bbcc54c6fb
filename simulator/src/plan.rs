//! What a call will be: who, whom, and how long each part lasts.

use crate::cast::{LINES, QUEUES};
use crate::{Agent, Person, Random, Story, TEAM};

/// What a call will be. Every field may be chosen by hand; [`Plan::draw`] draws a believable one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What happens.
    pub story: Story,
    /// Who is outside. Of no meaning for [`Story::Internal`]; its address must be hidden for [`Story::Withheld`].
    pub person: Person,
    /// The line of ours that is called or that calls, E.164.
    pub line: String,
    /// Who of ours takes part: the first is tried first (and the one who calls on outbound and internal calls), the second is
    /// tried second, is transferred to, or is called from extension to extension.
    pub agents: [Agent; 2],
    /// The queue, for [`Story::Queued`].
    pub queue: &'static str,
    /// Seconds in the queue, for [`Story::Queued`].
    pub waits: u32,
    /// Seconds that a phone rings until it is answered or the caller gives up.
    pub rings: u32,
    /// Seconds after which the platform stops ringing an agent who does not answer.
    pub rings_at_most: u32,
    /// Seconds of the (first) talk.
    pub talks: u32,
    /// Seconds of the talk after a transfer.
    pub talks_on: u32,
    /// Seconds on hold, for [`Story::Held`]; part of the talk.
    pub holds: u32,
    /// Seconds of the message, for [`Story::Voicemail`].
    pub message: u32,
    /// Whether the talk is recorded.
    pub recorded: bool,
    /// Whether the side outside (else the agent) ends the talk.
    pub remote_hangs_up: bool,
}

impl Plan {
    /// A believable call: talks are log-normal around two and a half minutes, phones ring for some seconds.
    pub fn draw(random: &mut Random, story: Story) -> Self {
        let first = random.below(TEAM.len());
        let second = first + 1 + random.below(TEAM.len() - 1);
        let agent = |at: usize| TEAM.get(at % TEAM.len()).copied().unwrap_or_default();
        let person = Person::draw(random, 400);
        let person = match story {
            Story::SipCaller => Person::sip(random),
            Story::Withheld => Person { address: crate::Endpoint::Withheld, name: None },
            _ => person,
        };
        Self {
            story,
            person,
            line: random.pick(&LINES).to_owned(),
            agents: [agent(first), agent(second)],
            queue: random.pick(&QUEUES),
            waits: random.seconds(35.0, 0.8, 3, 600),
            rings: random.seconds(8.0, 0.5, 2, 28),
            rings_at_most: random.pick(&[20, 25, 30]),
            talks: random.seconds(150.0, 0.9, 5, 3600),
            talks_on: random.seconds(120.0, 0.9, 5, 3600),
            holds: random.seconds(40.0, 0.7, 5, 600),
            message: random.seconds(25.0, 0.5, 3, 120),
            recorded: random.chance(0.3),
            remote_hangs_up: random.chance(0.6),
        }
    }
}
