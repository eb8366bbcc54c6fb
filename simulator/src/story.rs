//! What happens to a call.

use crate::Random;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Story {
    /// Inbound: the first agent answers.
    #[default]
    Answered,
    /// Inbound: the first agent lets it ring, the second one answers.
    Overflow,
    /// Inbound: the agent lets it ring until the platform gives up, which ends the call.
    Missed,
    /// Inbound: the caller hangs up while it rings.
    GaveUp,
    /// Inbound: the agent lets it ring, and the caller leaves a message.
    Voicemail,
    /// Inbound: the agent's line is busy, which ends the call.
    BusyAgent,
    /// Inbound: answered, and passed to a second agent who was not asked before.
    BlindTransfer,
    /// Inbound: answered, and passed to a second agent who had agreed on the phone.
    AttendedTransfer,
    /// Inbound: answered, put on hold for a while, and taken back.
    Held,
    /// Inbound: the caller waits in a queue before an agent is tried.
    Queued,
    /// Inbound: answered; the caller hides the number.
    Withheld,
    /// Inbound: answered; the caller has a SIP address in place of a number.
    SipCaller,
    /// One extension calls another one, who answers.
    Internal,
    /// An agent calls somebody outside, who answers.
    OutboundAnswered,
    /// An agent calls somebody outside whose line is busy.
    OutboundBusy,
    /// An agent calls somebody outside, who does not answer.
    OutboundNoAnswer,
}

impl Story {
    /// Every story.
    pub const ALL: &[Self] = &[
        Self::Answered,
        Self::Overflow,
        Self::Missed,
        Self::GaveUp,
        Self::Voicemail,
        Self::BusyAgent,
        Self::BlindTransfer,
        Self::AttendedTransfer,
        Self::Held,
        Self::Queued,
        Self::Withheld,
        Self::SipCaller,
        Self::Internal,
        Self::OutboundAnswered,
        Self::OutboundBusy,
        Self::OutboundNoAnswer,
    ];

    /// Whether an agent places the call to somebody outside.
    pub const fn is_outbound(self) -> bool {
        matches!(self, Self::OutboundAnswered | Self::OutboundBusy | Self::OutboundNoAnswer)
    }

    /// Whether people talk.
    pub const fn is_talked(self) -> bool {
        !matches!(
            self,
            Self::Missed
                | Self::GaveUp
                | Self::Voicemail
                | Self::BusyAgent
                | Self::OutboundBusy
                | Self::OutboundNoAnswer
        )
    }
}

/// How often each story is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix(Vec<(Story, f64)>);

impl Mix {
    /// Only these stories, each equally often: for tests that want all of them.
    pub fn even(stories: &[Story]) -> Self {
        Self(stories.iter().map(|story| (*story, 1.0)).collect())
    }

    /// One of the stories that are in both, by weight. `None` when there is none.
    pub fn draw(&self, random: &mut Random, among: &[Story]) -> Option<Story> {
        let candidates = || self.0.iter().filter(|(story, weight)| *weight > 0.0 && among.contains(story));
        let total: f64 = candidates().map(|(_, weight)| weight).sum();
        let mut left = random.fraction() * total;
        for (story, weight) in candidates() {
            left -= weight;
            if left < 0.0 {
                return Some(*story);
            }
        }
        candidates().next_back().map(|(story, _)| *story)
    }
}

impl Default for Mix {
    /// A small office: most calls are answered, one in six is missed in one way or another, one in seven goes out.
    fn default() -> Self {
        Self(vec![
            (Story::Answered, 40.0),
            (Story::Overflow, 6.0),
            (Story::Missed, 6.0),
            (Story::GaveUp, 5.0),
            (Story::Voicemail, 5.0),
            (Story::BusyAgent, 2.0),
            (Story::BlindTransfer, 3.0),
            (Story::AttendedTransfer, 3.0),
            (Story::Held, 5.0),
            (Story::Queued, 4.0),
            (Story::Withheld, 3.0),
            (Story::SipCaller, 2.0),
            (Story::Internal, 3.0),
            (Story::OutboundAnswered, 9.0),
            (Story::OutboundBusy, 2.0),
            (Story::OutboundNoAnswer, 3.0),
        ])
    }
}
