//! The call as a pure function of its legs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::leg::{LegFacts, seconds};
use super::tree::Tree;
use super::{CallState, Leg};
use crate::recording::Joined;
use crate::{CallEvent, Direction, EventKind, LegState, Outcome, Party};

/// Folds the events of one call into the call.
///
/// Pure and independent of order; events with the same `dedupe_key` count once. Without events: an initiated call of
/// which nothing is known.
pub fn fold(events: &[CallEvent]) -> CallState {
    // Copies of an event differ at most in when they were received: the first one stands.
    let mut unique: BTreeMap<&str, &CallEvent> = BTreeMap::new();
    for event in events {
        let kept = unique.entry(&event.dedupe_key).or_insert(event);
        *kept = (*kept).min(event);
    }
    let mut tree = Tree::default();
    let mut recordings: BTreeMap<&str, Joined<'_>> = BTreeMap::new();
    for event in unique.values() {
        tree.add(event);
        if let Some(fact) = &event.recording {
            recordings.entry(&fact.id).or_default().add(event, fact);
        }
    }
    tree.settle();
    let root = tree.root();
    let mailbox = unique.values().any(|event| reached_mailbox(event));
    let call = Call {
        root_id: root,
        root: root.and_then(|id| tree.legs.get(id)),
        others: tree.legs.iter().filter(|(id, _)| Some(**id) != root).map(|(id, leg)| (*id, leg)).collect(),
        mailbox,
    };
    call.state(&recordings)
}

/// Whether the event shows that the caller came to a voicemail box or left a message.
fn reached_mailbox(event: &CallEvent) -> bool {
    matches!(event.kind, EventKind::VoicemailStarted | EventKind::VoicemailReady)
        || event.outcome == Some(Outcome::Voicemail)
        || event.dial_outcome == Some(Outcome::Voicemail)
        || event.recording.as_ref().is_some_and(|recording| recording.voicemail)
}

/// The joined facts of a call, ready to be read.
struct Call<'a> {
    root_id: Option<&'a str>,
    root: Option<&'a LegFacts<'a>>,
    others: Vec<(&'a str, &'a LegFacts<'a>)>,
    mailbox: bool,
}

impl<'a> Call<'a> {
    fn state(&self, recordings: &BTreeMap<&str, Joined<'_>>) -> CallState {
        let from = self.root.and_then(LegFacts::from);
        let to = self.to(from.as_ref());
        let direction = self.direction(from.as_ref(), to.as_ref());
        let ended = self.ended();
        let talked = self.person_talked();
        let ended_at = ended.then(|| self.ended_at()).flatten();
        let answered_at = self.answered_at();
        let started_at = self.root.and_then(LegFacts::started_at);
        let started_at = started_at.or_else(|| self.others.iter().filter_map(|(_, leg)| leg.started_at()).min());
        let started_at =
            started_at.map(|start| [answered_at, ended_at].into_iter().flatten().fold(start, DateTime::min));
        let outcome = ended.then(|| self.outcome(direction));
        let missed_inbound = direction == Some(Direction::Inbound) && !talked;
        CallState {
            root_leg: self.root_id.map(ToOwned::to_owned),
            direction,
            state: self.progress(ended),
            outcome,
            from,
            to,
            forwarded_from: self.root.and_then(|root| root.forwarded_from.get()).cloned(),
            attestation: self.root.and_then(|root| root.attestation.get()).copied(),
            started_at,
            answered_at,
            ended_at,
            talk_seconds: self.talk_seconds(),
            duration_seconds: ended
                .then(|| self.root.and_then(LegFacts::duration_seconds))
                .flatten()
                .or_else(|| seconds(started_at?, ended_at?)),
            agent_ref: self.agent_ref(direction),
            queue: self.all().find_map(|(_, leg)| leg.queue.get()).map(ToOwned::to_owned),
            legs: self.legs(),
            recordings: recordings.iter().map(|(id, joined)| joined.recording(id, missed_inbound)).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = (&'a str, &'a LegFacts<'a>)> {
        self.root_id.zip(self.root).into_iter().chain(self.others.iter().copied())
    }

    /// Whether the legs are equals: then the root is only the first of them.
    fn equals(&self) -> bool {
        self.root.is_some_and(|root| root.equal)
    }

    fn answered_legs(&self) -> impl Iterator<Item = (&'a str, &'a LegFacts<'a>)> {
        self.all().filter(|(_, leg)| leg.person_answered())
    }

    /// Over when the root leg is; among equals, or while nothing is known of the root itself, when all legs that are
    /// known are.
    fn ended(&self) -> bool {
        if let Some(state) = self.root.and_then(|root| root.state)
            && !self.equals()
        {
            return state == LegState::Ended;
        }
        // The clock gives up a call, not one of its equal legs: no other end would ever come.
        let stale = self.equals() && self.all().any(|(_, leg)| leg.stale);
        let mut known = self.all().filter_map(|(_, leg)| leg.state).peekable();
        known.peek().is_some() && (stale || known.all(|state| state == LegState::Ended))
    }

    fn progress(&self, ended: bool) -> LegState {
        if ended {
            return LegState::Ended;
        }
        if self.answered_legs().next().is_some() || self.nameless_dials().any(|dial| dial == Outcome::Completed) {
            return LegState::Answered;
        }
        // To the caller it still rings while only the platform has answered, or after a dialled leg gave up.
        let rings = |state| if state > LegState::Queued { LegState::Ringing } else { state };
        self.all().filter_map(|(_, leg)| leg.state).map(rings).max().unwrap_or(LegState::Initiated)
    }

    fn nameless_dials(&self) -> impl Iterator<Item = Outcome> {
        self.all().flat_map(|(_, leg)| leg.nameless_dials.values().copied())
    }

    /// Whether people talked.
    fn person_talked(&self) -> bool {
        self.all().any(|(_, leg)| leg.person_talked()) || self.nameless_dials().any(|dial| dial == Outcome::Completed)
    }

    fn outcome(&self, direction: Option<Direction>) -> Outcome {
        let reported = self.root.and_then(LegFacts::outcome);
        let platform = self.root.is_some_and(|root| root.platform);
        let inbound = matches!(direction, None | Some(Direction::Inbound));
        let equal = self.root.filter(|root| root.equal && !platform && !self.others.is_empty()).map(LegFacts::outcome);
        let others = self.others.iter().map(|(_, leg)| leg.outcome()).chain(equal);
        let dialled: Vec<Option<Outcome>> = others.chain(self.nameless_dials().map(Some)).collect();
        if reported == Some(Outcome::Stale) {
            return match () {
                () if dialled.contains(&Some(Outcome::Completed)) => Outcome::Completed,
                () if inbound && self.mailbox => Outcome::Voicemail,
                () => Outcome::Stale,
            };
        }
        if !inbound && !platform {
            let talked = self.person_talked();
            let guess = if talked { Outcome::Completed } else { Outcome::NoAnswer };
            return reported.filter(|_| !(talked && self.equals())).unwrap_or(guess);
        }
        if self.person_talked() {
            return Outcome::Completed;
        }
        if inbound && self.mailbox {
            return Outcome::Voicemail;
        }
        let refused = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Busy | Outcome::Rejected));
        let strongest = || dialled.iter().flatten().copied().max_by_key(|outcome| outcome.precedence());
        let own = reported.filter(|outcome| !platform || *outcome != Outcome::Completed);
        match (inbound, dialled.is_empty()) {
            (true, true) => own.filter(|outcome| refused(&Some(*outcome))),
            (true, false) if dialled.iter().all(refused) => strongest(),
            (true, false) => None,
            (false, true) => own,
            (false, false) => strongest(),
        }
        .unwrap_or(Outcome::NoAnswer)
    }

    /// An agent who calls from a software client may name nobody: then the leg that was dialled tells who is called.
    fn to(&self, from: Option<&Party>) -> Option<Party> {
        let to = self.root.and_then(LegFacts::to);
        if to.is_some() || !from.is_some_and(Party::is_ours) {
            return to;
        }
        let dialled = self.others.iter().filter_map(|(id, leg)| Some((leg.started_at(), *id, leg.to()?)));
        dialled.min_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1))).map(|(.., to)| to)
    }

    /// The direction of the root leg. A call that one of ours begins is inbound to the platform, not to us.
    fn direction(&self, from: Option<&Party>, to: Option<&Party>) -> Option<Direction> {
        let from_ours = from.is_some_and(Party::is_ours);
        let to_ours = to.is_some_and(Party::is_ours);
        match self.root.and_then(LegFacts::direction) {
            Some(Direction::Inbound) | None if from_ours && to_ours => Some(Direction::Internal),
            Some(Direction::Inbound) | None if from_ours => Some(Direction::Outbound),
            None if from.is_some() => Some(Direction::Inbound),
            reported => reported,
        }
    }

    /// When the first person answered. A leg that the platform answered and put through later tells it only when no other
    /// one does.
    fn answered_at(&self) -> Option<DateTime<Utc>> {
        let first = |platform: bool| {
            let legs = self.answered_legs().filter(|(_, leg)| leg.platform == platform);
            legs.filter_map(|(_, leg)| leg.answered_at()).min()
        };
        first(false).or_else(|| first(true))
    }

    fn ended_at(&self) -> Option<DateTime<Utc>> {
        let root = self.root.and_then(LegFacts::ended_at).filter(|_| !self.equals());
        root.or_else(|| self.all().filter_map(|(_, leg)| leg.ended_at()).max())
    }

    /// The longest answered leg beside the root, else what a dial reports, else the root; a number of the provider
    /// before a computed one. On a root that the platform answered, the provider's number is the best there is when nothing
    /// says how long the dialled leg talked (Plivo).
    fn talk_seconds(&self) -> Option<u32> {
        let legs = || self.all().filter(|(id, _)| self.equals() || Some(*id) != self.root_id);
        let talked = || legs().map(|(_, leg)| leg).filter(|leg| leg.person_talked());
        let dialled = self.others.iter().filter_map(|(_, leg)| leg.outcome()).chain(self.nameless_dials());
        let dial_completed = dialled.into_iter().any(|outcome| outcome == Outcome::Completed);
        let dial = || self.all().filter_map(|(_, leg)| leg.dial_talk).max().filter(|_| dial_completed);
        let root = || self.root.filter(|root| root.person_talked()).and_then(LegFacts::talk_seconds);
        let of_platform = || self.root.filter(|_| self.person_talked()).and_then(LegFacts::reported_talk);
        let reported = talked().filter_map(LegFacts::reported_talk).max();
        reported
            .or_else(dial)
            .or_else(|| talked().filter_map(LegFacts::talk_seconds).max())
            .or_else(root)
            .or_else(of_platform)
    }

    fn agent_ref(&self, direction: Option<Direction>) -> Option<String> {
        let of_root = self.root.and_then(|root| root.agent_ref.get());
        let calls = matches!(direction, Some(Direction::Outbound | Direction::Internal));
        let answered = self.answered_legs().filter_map(|(id, leg)| Some((leg.answered_at(), id, leg.agent_ref.get()?)));
        let first = answered.min().map(|(.., agent)| agent);
        of_root.filter(|_| calls).or(first).map(ToOwned::to_owned)
    }

    fn legs(&self) -> Vec<Leg> {
        let mut others: Vec<Leg> = self.others.iter().map(|(id, leg)| leg.to_leg(id)).collect();
        others.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        self.root_id.zip(self.root).map(|(id, leg)| leg.to_leg(id)).into_iter().chain(others).collect()
    }
}
