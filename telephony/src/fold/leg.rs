//! Everything that was said about one leg, joined.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Attestation, CallEvent, Direction, EventKind, Leg, LegState, Outcome, Party};

/// How much a time is worth. A better one replaces a worse one; among equals the rule of the field decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Quality {
    /// Only that an event was seen then, or a guess of the clock.
    Seen,
    /// Computed from an end and a length.
    Computed,
    /// The time we received the event.
    Received,
    /// The time the provider gives to the event.
    Occurred,
    /// A field of the provider for exactly this time.
    Explicit,
}

/// A time with its worth.
#[derive(Debug, Clone, Copy, Default)]
struct Moment(Option<(Quality, DateTime<Utc>)>);

impl Moment {
    fn earliest(&mut self, quality: Quality, time: DateTime<Utc>) {
        self.keep(quality, time, |new, old| new < old);
    }

    fn latest(&mut self, quality: Quality, time: DateTime<Utc>) {
        self.keep(quality, time, |new, old| new > old);
    }

    fn keep(&mut self, quality: Quality, time: DateTime<Utc>, wins: impl Fn(DateTime<Utc>, DateTime<Utc>) -> bool) {
        let replace = match self.0 {
            None => true,
            Some((old_quality, old)) => quality > old_quality || (quality == old_quality && wins(time, old)),
        };
        if replace {
            self.0 = Some((quality, time));
        }
    }

    fn time(self) -> Option<DateTime<Utc>> {
        self.0.map(|(_, time)| time)
    }
}

/// Which of several values stands: the one of the event that comes first in a total order which does not depend on the
/// order of arrival.
type Key<'a> = (bool, u8, Option<i64>, DateTime<Utc>, &'a str);

/// The value with the smallest key.
pub(super) struct Choice<'a, T: ?Sized>(Option<(Key<'a>, &'a T)>);

impl<T: ?Sized> Default for Choice<'_, T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'a, T: ?Sized> Choice<'a, T> {
    fn offer(&mut self, event: &'a CallEvent, second_rate: bool, value: &'a T) {
        let rank = event.state.map_or(u8::MAX, |state| state as u8);
        let key = (second_rate, rank, event.seq, event.time(), event.dedupe_key.as_str());
        if self.0.as_ref().is_none_or(|(old, _)| key < *old) {
            self.0 = Some((key, value));
        }
    }

    pub(super) fn get(&self) -> Option<&'a T> {
        self.0.as_ref().map(|(_, value)| *value)
    }
}

/// One side of a leg: the party, and the name that any event gave it.
#[derive(Default)]
struct Side<'a> {
    party: Choice<'a, Party>,
    name: Choice<'a, str>,
}

impl<'a> Side<'a> {
    fn offer(&mut self, event: &'a CallEvent, party: Option<&'a Party>) {
        let Some(party) = party else { return };
        self.party.offer(event, !party.is_known(), party);
        if let Some(name) = &party.name {
            self.name.offer(event, false, name);
        }
    }

    fn get(&self) -> Option<Party> {
        self.party.get().cloned().map(|party| match self.name.get() {
            Some(name) => party.named(Some(name)),
            None => party,
        })
    }
}

/// Everything that was said about one leg.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that were seen or not, joined with or: not the states of a machine"
)]
pub(super) struct LegFacts<'a> {
    pub(super) parent: Option<&'a str>,
    pub(super) state: Option<LegState>,
    /// The strongest end that needs no context.
    reported: Option<Outcome>,
    /// The leg ended in the normal way, whether it was answered or not.
    cleared: bool,
    /// The leg ended because the calling side gave up.
    given_up: bool,
    /// How the leg ended if it was not answered.
    broken_off: Option<Outcome>,
    /// The clock gave the leg up.
    pub(super) stale: bool,
    /// The leg is one of several equals, none of which dials the others.
    pub(super) equal: bool,
    /// The leg was put through to another one.
    bridged: bool,
    /// Outcomes of dials whose leg has no id, by the key of their event.
    pub(super) nameless_dials: BTreeMap<&'a str, Outcome>,
    /// Longest talk that a dial result of this leg reports.
    pub(super) dial_talk: Option<u32>,
    pub(super) platform: bool,
    /// The platform took this leg if the call has another one.
    platform_to_dial: bool,
    pub(super) queue: Choice<'a, str>,
    pub(super) forwarded_from: Choice<'a, Party>,
    pub(super) attestation: Choice<'a, Attestation>,
    pub(super) agent_ref: Choice<'a, str>,
    answer_seen: bool,
    direction: Choice<'a, Direction>,
    from: Side<'a>,
    to: Side<'a>,
    started: Moment,
    answered: Moment,
    ended: Moment,
    talk: Option<u32>,
    duration: Option<u32>,
}

impl<'a> LegFacts<'a> {
    /// Adds an event of this very leg.
    pub(super) fn add(&mut self, event: &'a CallEvent) {
        self.set_parent(event.parent_leg_id.as_deref().filter(|parent| Some(*parent) != event.leg_id.as_deref()));
        self.state = self.state.max(event.state);
        match event.outcome {
            Some(Outcome::Completed) if event.outcome_in_context => self.cleared = true,
            Some(Outcome::NoAnswer | Outcome::Canceled) if event.outcome_in_context => self.given_up = true,
            outcome if event.outcome_in_context => self.broken_off = stronger(self.broken_off, outcome),
            outcome => self.join_outcome(outcome),
        }
        self.stale |= event.outcome == Some(Outcome::Stale);
        self.equal |= event.equal_leg;
        self.bridged |= event.kind == EventKind::CallBridged;
        self.platform |= event.answered_by_platform;
        self.platform_to_dial |= event.answered_by_platform_to_dial;
        self.duration = self.duration.max(event.duration_seconds);
        if event.kind == EventKind::DialResult {
            self.dial_talk = self.dial_talk.max(event.talk_seconds);
        } else {
            self.talk = self.talk.max(event.talk_seconds);
        }
        self.add_parties(event);
        self.add_times(event);
    }

    /// Adds what the result of a dial on the parent leg says about this dialled leg.
    pub(super) fn add_dial_result(&mut self, event: &'a CallEvent, outcome: Outcome) {
        self.set_parent(event.leg_id.as_deref());
        self.state = self.state.max(Some(LegState::Ended));
        self.join_outcome(Some(outcome));
        let (quality, time) = event_time(event);
        self.ended.latest(quality, time);
        self.started.earliest(Quality::Seen, time);
        if outcome == Outcome::Completed
            && let Some(answered) = before(time, event.talk_seconds)
        {
            self.answered.earliest(Quality::Computed, answered);
        }
    }

    pub(super) fn set_parent(&mut self, parent: Option<&'a str>) {
        // Two different parents would be a contradiction of the provider; the smaller id wins so that order does not.
        self.parent = match (self.parent, parent) {
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        };
    }

    /// Says that the call has another leg, or had a dial: it decides who answered this one.
    pub(super) fn set_dialled(&mut self) {
        self.platform |= self.platform_to_dial;
    }

    /// Whether someone answered on this leg: not the platform of the provider, unless it put the leg through to another
    /// one afterwards.
    pub(super) fn person_answered(&self) -> bool {
        (!self.platform || self.bridged) && self.was_answered()
    }

    fn was_answered(&self) -> bool {
        self.answer_seen || self.talk.is_some_and(|talk| talk > 0)
    }

    /// How the leg ended: the strongest report, those that depend on the context read in the light of all that is known.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        let outbound = self.direction() == Some(Direction::Outbound);
        let unanswered = if outbound { Outcome::Canceled } else { Outcome::NoAnswer };
        let cleared = if self.was_answered() { Outcome::Completed } else { unanswered };
        let given_up = self.given_up.then_some(unanswered);
        let broken_off = self.broken_off.map(|end| if self.was_answered() { Outcome::Completed } else { end });
        let outcomes = [self.reported, self.cleared.then_some(cleared), given_up, broken_off];
        outcomes.into_iter().fold(None, stronger)
    }

    /// Whether someone answered, in the light of how the leg is reported to have ended: an "answered" of a machine in
    /// front (an announcement, a mailbox) is taken back by a reported end that says nobody talked.
    pub(super) fn person_talked(&self) -> bool {
        self.person_answered()
            && match self.outcome() {
                None | Some(Outcome::Completed | Outcome::Stale) => true,
                Some(Outcome::Voicemail) => false,
                Some(_) => self.talk.is_some_and(|talk| talk > 0),
            }
    }

    pub(super) fn from(&self) -> Option<Party> {
        self.from.get()
    }

    pub(super) fn to(&self) -> Option<Party> {
        self.to.get()
    }

    pub(super) fn direction(&self) -> Option<Direction> {
        self.direction.get().copied()
    }

    /// The start, never behind the answer or the end: our clock and the provider's differ, and theirs often counts
    /// whole seconds only.
    pub(super) fn started_at(&self) -> Option<DateTime<Utc>> {
        let started = self.started.time()?;
        Some([self.answered_at(), self.ended_at()].into_iter().flatten().fold(started, DateTime::min))
    }

    pub(super) fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.answered.time()
    }

    pub(super) fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.ended.time()
    }

    /// Seconds of talk as the provider reports them.
    pub(super) fn reported_talk(&self) -> Option<u32> {
        self.talk
    }

    /// Seconds of talk: the provider's number, else from answer to end.
    pub(super) fn talk_seconds(&self) -> Option<u32> {
        self.talk.or_else(|| seconds(self.answered_at()?, self.ended_at()?))
    }

    /// Seconds of the leg: the provider's number, else from start to end.
    pub(super) fn duration_seconds(&self) -> Option<u32> {
        self.duration.or_else(|| seconds(self.started_at()?, self.ended_at()?))
    }

    pub(super) fn to_leg(&self, id: &str) -> Leg {
        Leg {
            id: id.to_owned(),
            parent_id: self.parent.map(ToOwned::to_owned),
            state: self.state.unwrap_or(LegState::Initiated),
            outcome: self.outcome(),
            direction: self.direction(),
            from: self.from(),
            to: self.to(),
            agent_ref: self.agent_ref.get().map(ToOwned::to_owned),
            started_at: self.started_at(),
            answered_at: self.answered_at(),
            ended_at: self.ended_at(),
            talk_seconds: self.talk_seconds(),
            duration_seconds: self.duration_seconds(),
        }
    }

    fn join_outcome(&mut self, outcome: Option<Outcome>) {
        self.reported = stronger(self.reported, outcome);
        self.answer_seen |= outcome == Some(Outcome::Completed);
    }

    fn add_parties(&mut self, event: &'a CallEvent) {
        self.from.offer(event, event.from.as_ref());
        self.to.offer(event, event.to.as_ref());
        if let Some(direction) = &event.direction {
            self.direction.offer(event, false, direction);
        }
        if let Some(party) = &event.forwarded_from {
            self.forwarded_from.offer(event, !party.is_known(), party);
        }
        if let Some(attestation) = &event.attestation {
            self.attestation.offer(event, false, attestation);
        }
        if let Some(agent_ref) = &event.agent_ref {
            self.agent_ref.offer(event, false, agent_ref);
        }
        if let Some(queue) = &event.queue {
            self.queue.offer(event, false, queue);
        }
    }

    fn add_times(&mut self, event: &'a CallEvent) {
        if let Some(time) = event.started_at {
            self.started.earliest(Quality::Explicit, time);
        }
        if let Some(time) = event.answered_at {
            self.answered.earliest(Quality::Explicit, time);
            self.answer_seen = true;
        }
        if let Some(time) = event.ended_at {
            self.ended.latest(Quality::Explicit, time);
        }
        let Some(state) = event.state else { return };
        let (quality, time) = event_time(event);
        self.started.earliest(Quality::Seen, time);
        match state {
            LegState::Initiated | LegState::Ringing | LegState::Queued => self.started.earliest(quality, time),
            LegState::Answered => {
                self.answered.earliest(quality, time);
                self.answer_seen = true;
            }
            LegState::Ended => self.add_end(event, quality, time),
        }
    }

    fn add_end(&mut self, event: &CallEvent, quality: Quality, time: DateTime<Utc>) {
        if event.outcome == Some(Outcome::Stale) {
            // The clock's guess gives way to every report, whenever it comes.
            self.ended.latest(Quality::Seen, time);
            return;
        }
        self.ended.latest(quality, time);
        let end = event.ended_at.unwrap_or(time);
        if let Some(start) = before(end, event.duration_seconds) {
            self.started.earliest(Quality::Computed, start);
        }
        // The talk of a dial result is that of the dialled leg.
        let own_talk = event.talk_seconds.filter(|talk| *talk > 0 && event.kind != EventKind::DialResult);
        if let Some(answer) = before(end, own_talk) {
            self.answered.earliest(Quality::Computed, answer);
        }
    }
}

/// The outcome that stands when two are reported.
fn stronger(old: Option<Outcome>, new: Option<Outcome>) -> Option<Outcome> {
    [old, new].into_iter().flatten().max_by_key(|outcome| outcome.precedence())
}

fn event_time(event: &CallEvent) -> (Quality, DateTime<Utc>) {
    match event.occurred_at {
        Some(time) => (Quality::Occurred, time),
        None => (Quality::Received, event.received_at),
    }
}

fn before(time: DateTime<Utc>, seconds: Option<u32>) -> Option<DateTime<Utc>> {
    time.checked_sub_signed(TimeDelta::seconds(i64::from(seconds?)))
}

/// Whole seconds between two times; `None` when they are the wrong way round.
pub(super) fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> Option<u32> {
    u32::try_from((to - from).num_seconds()).ok()
}
