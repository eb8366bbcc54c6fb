//! The fold of calls whose legs are equals, and of ends that only count without an answer.

use chrono::TimeDelta;
use proptest::prelude::*;
use switchboard_telephony::{CallEvent, Direction, EventKind, LegState, Outcome, fold};

use crate::support::time;

fn event(leg: &str, state: LegState, second: i64) -> CallEvent {
    let at = time("2026-02-12T12:00:00Z") + TimeDelta::seconds(second);
    CallEvent {
        leg_id: Some(leg.to_owned()),
        session_id: Some("session".to_owned()),
        direction: Some(Direction::Inbound),
        state: Some(state),
        occurred_at: Some(at),
        equal_leg: true,
        ..CallEvent::new(format!("{leg}:{state}:{second}"), EventKind::CallAnnotation, at)
    }
    .with_kind(state)
}

trait WithKind {
    fn with_kind(self, state: LegState) -> Self;
}

impl WithKind for CallEvent {
    fn with_kind(self, state: LegState) -> Self {
        let kind = match state {
            LegState::Initiated => EventKind::CallInitiated,
            LegState::Ringing => EventKind::CallRinging,
            LegState::Queued => EventKind::CallQueued,
            LegState::Answered => EventKind::CallAnswered,
            LegState::Ended => EventKind::CallEnded,
        };
        Self { kind, ..self }
    }
}

fn ended(leg: &str, second: i64, outcome: Option<Outcome>) -> CallEvent {
    CallEvent { outcome, ..event(leg, LegState::Ended, second) }
}

fn in_context(leg: &str, second: i64, outcome: Outcome) -> CallEvent {
    CallEvent { outcome_in_context: true, ..ended(leg, second, Some(outcome)) }
}

#[test]
fn the_call_goes_on_until_the_last_of_its_equals_is_over() {
    let mut events = vec![
        event("a", LegState::Ringing, 0),
        event("a", LegState::Answered, 5),
        ended("a", 65, None),
        event("b", LegState::Ringing, 60),
        event("b", LegState::Answered, 66),
    ];
    let call = fold(&events);
    assert_eq!((call.state, call.outcome, call.ended_at), (LegState::Answered, None, None));
    events.push(ended("b", 76, Some(Outcome::Completed)));
    let call = fold(&events);
    assert_eq!((call.state, call.outcome), (LegState::Ended, Some(Outcome::Completed)));
    assert_eq!(call.ended_at, Some(time("2026-02-12T12:01:16Z")));
    // The longest of both talks, not the one beside the first leg.
    assert_eq!(call.talk_seconds, Some(60));
    // The same legs in a tree would be over with the first of them.
    let tree: Vec<CallEvent> = events.into_iter().map(|event| CallEvent { equal_leg: false, ..event }).collect();
    assert_eq!(fold(&tree[..5]).state, LegState::Ended);
}

#[test]
fn an_equal_that_nobody_answered_hides_no_talk_and_no_talk_hides_a_miss() {
    let first_missed = [
        event("a", LegState::Ringing, 0),
        ended("a", 20, Some(Outcome::NoAnswer)),
        event("b", LegState::Ringing, 21),
        event("b", LegState::Answered, 25),
        ended("b", 35, Some(Outcome::Completed)),
    ];
    let call = fold(&first_missed);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(10)));
    let nobody = [
        event("a", LegState::Ringing, 0),
        ended("a", 20, Some(Outcome::Rejected)),
        event("b", LegState::Ringing, 0),
        ended("b", 20, Some(Outcome::NoAnswer)),
    ];
    let call = fold(&nobody);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::NoAnswer), None));
    let refused = [ended("a", 20, Some(Outcome::Rejected)), ended("b", 20, Some(Outcome::Busy))];
    assert_eq!(fold(&refused).outcome, Some(Outcome::Busy));
}

#[test]
fn an_outbound_call_that_was_passed_on_is_completed_when_anyone_talked() {
    let outbound = |event: CallEvent| CallEvent { direction: Some(Direction::Outbound), ..event };
    let events = [
        outbound(event("a", LegState::Ringing, 0)),
        outbound(ended("a", 20, Some(Outcome::Canceled))),
        event("b", LegState::Answered, 25),
        ended("b", 35, Some(Outcome::Completed)),
    ];
    assert_eq!(fold(&events).outcome, Some(Outcome::Completed));
    assert_eq!(fold(&events[..2]).outcome, Some(Outcome::Canceled));
}

#[test]
fn the_clock_ends_a_call_of_equals_although_a_leg_is_open() {
    let mut events = vec![
        event("a", LegState::Ringing, 0),
        ended("a", 20, Some(Outcome::NoAnswer)),
        event("b", LegState::Ringing, 21),
    ];
    assert_eq!(fold(&events).state, LegState::Ringing);
    events.push(ended("a", 14_400, Some(Outcome::Stale)));
    assert_eq!((fold(&events).state, fold(&events).outcome), (LegState::Ended, Some(Outcome::NoAnswer)));
}

#[test]
fn an_end_in_context_is_completed_with_an_answer_only() {
    let answer = event("a", LegState::Answered, 5);
    for (outcome, unanswered) in [(Outcome::Completed, Outcome::NoAnswer), (Outcome::Failed, Outcome::NoAnswer)] {
        let end = in_context("a", 65, outcome);
        // An inbound call that failed before anybody answered was missed.
        assert_eq!(fold(&[event("a", LegState::Ringing, 0), end.clone()]).outcome, Some(unanswered), "{outcome}");
        let call = fold(&[answer.clone(), end]);
        assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(60)), "{outcome}");
    }
    let outbound = |event: CallEvent| CallEvent { direction: Some(Direction::Outbound), ..event };
    let end = |outcome| fold(&[outbound(in_context("a", 65, outcome))]).outcome;
    assert_eq!((end(Outcome::Completed), end(Outcome::Failed)), (Some(Outcome::Canceled), Some(Outcome::Failed)));
}

fn wild() -> impl Strategy<Value = CallEvent> {
    let states =
        [LegState::Initiated, LegState::Ringing, LegState::Queued, LegState::Answered, LegState::Ended].to_vec();
    let outcomes = [
        Outcome::Completed,
        Outcome::NoAnswer,
        Outcome::Busy,
        Outcome::Failed,
        Outcome::Canceled,
        Outcome::Voicemail,
        Outcome::Stale,
    ];
    let outcome = prop::option::of(prop::sample::select(outcomes.to_vec()));
    let directions = [Direction::Inbound, Direction::Outbound, Direction::Internal].to_vec();
    let flags = any::<[bool; 4]>();
    (0..4_usize, prop::sample::select(states), 0..90_i64, outcome, prop::sample::select(directions), flags).prop_map(
        |(leg, state, second, outcome, direction, [equal, context, platform, to_dial])| CallEvent {
            dedupe_key: format!("{leg}{state}{second}{outcome:?}{direction}{equal}{context}{platform}{to_dial}"),
            outcome: outcome.filter(|_| state == LegState::Ended),
            direction: Some(direction),
            equal_leg: equal,
            outcome_in_context: context,
            answered_by_platform: platform,
            answered_by_platform_to_dial: to_dial,
            ..event(["a", "b", "c", "d"][leg], state, second)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_do_not_matter_for_equals_either(
        (events, shuffled) in prop::collection::vec(wild(), 0..14).prop_flat_map(|events| {
            (Just(events.clone()), Just([events.clone(), events].concat()).prop_shuffle())
        })
    ) {
        prop_assert_eq!(fold(&shuffled), fold(&events));
    }
}
