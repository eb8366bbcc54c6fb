//! The rules of the fold one by one.

use chrono::{DateTime, TimeDelta, Utc};
use switchboard_telephony::{
    Address, CallEvent, Direction, EventKind, LegState, Outcome, Party, PhoneNumber, RecordingFact, RecordingStatus,
    fold,
};

use crate::support::time;

fn at(second: i64) -> DateTime<Utc> {
    time("2026-02-12T12:00:00Z") + TimeDelta::seconds(second)
}

fn phone(number: &str) -> Option<Party> {
    PhoneNumber::parse(number, None).map(|number| Party::from(Address::Phone(number)))
}

/// An event of a leg: state and second at which it occurred.
fn event(leg: &str, state: LegState, second: i64) -> CallEvent {
    let kind = match state {
        LegState::Initiated => EventKind::CallInitiated,
        LegState::Ringing => EventKind::CallRinging,
        LegState::Queued => EventKind::CallQueued,
        LegState::Answered => EventKind::CallAnswered,
        LegState::Ended => EventKind::CallEnded,
    };
    CallEvent {
        leg_id: Some(leg.to_owned()),
        state: Some(state),
        occurred_at: Some(at(second)),
        ..CallEvent::new(format!("{leg}:{state}:{second}"), kind, at(second + 1))
    }
}

fn inbound(second: i64) -> CallEvent {
    CallEvent {
        direction: Some(Direction::Inbound),
        answered_by_platform: true,
        from: phone("+12025550143"),
        to: phone("+14155550100"),
        ..event("root", LegState::Ringing, second)
    }
}

fn child(leg: &str, state: LegState, second: i64) -> CallEvent {
    CallEvent {
        parent_leg_id: Some("root".to_owned()),
        direction: Some(Direction::Outbound),
        ..event(leg, state, second)
    }
}

fn ended(event: CallEvent, outcome: Outcome) -> CallEvent {
    CallEvent { outcome: Some(outcome), ..event }
}

fn root_ended(second: i64) -> CallEvent {
    ended(event("root", LegState::Ended, second), Outcome::Completed)
}

fn outcome(events: &[CallEvent]) -> Option<Outcome> {
    fold(events).outcome
}

#[test]
fn no_events_are_a_call_of_which_nothing_is_known() {
    let call = fold(&[]);
    assert!(call.legs.is_empty() && call.remote_party().is_none());
    assert_eq!((call.state, call.root_leg, call.direction, call.outcome), (LegState::Initiated, None, None, None));
}

#[test]
fn a_late_ringing_does_not_wake_an_ended_call_but_fills_what_is_missing() {
    let end = ended(event("root", LegState::Ended, 9), Outcome::NoAnswer);
    let call = fold(&[end, inbound(0)]);
    assert_eq!((call.state, call.outcome), (LegState::Ended, Some(Outcome::NoAnswer)));
    assert_eq!((call.started_at, call.ended_at), (Some(at(0)), Some(at(9))));
    assert!(call.remote_party().is_some());
}

#[test]
fn a_childs_event_alone_knows_its_root_and_leaves_the_direction_open() {
    let call = fold(&[child("agent", LegState::Ringing, 1)]);
    assert_eq!((call.root_leg.as_deref(), call.state, call.direction), (Some("root"), LegState::Ringing, None));
    assert_eq!(call.legs.len(), 2);
    // All that is known has ended, and so has the call, until the root is heard of.
    let gone = ended(child("agent", LegState::Ended, 2), Outcome::Busy);
    assert_eq!(fold(std::slice::from_ref(&gone)).state, LegState::Ended);
    assert_eq!(fold(&[gone, inbound(0)]).state, LegState::Ringing);
}

#[test]
fn only_a_person_makes_an_inbound_call_answered() {
    let twiml = event("root", LegState::Answered, 1);
    assert_eq!(fold(&[inbound(0), twiml.clone()]).state, LegState::Ringing);
    let agent = CallEvent { agent_ref: Some("ann".to_owned()), ..child("agent", LegState::Answered, 5) };
    let call = fold(&[inbound(0), twiml, agent]);
    assert_eq!(
        (call.state, call.answered_at, call.agent_ref.as_deref()),
        (LegState::Answered, Some(at(5)), Some("ann"))
    );
}

#[test]
fn completed_on_the_root_alone_is_a_missed_call() {
    assert_eq!(outcome(&[inbound(0), root_ended(9)]), Some(Outcome::NoAnswer));
}

#[test]
fn busy_and_rejected_need_every_dialled_leg() {
    let busy = ended(child("a", LegState::Ended, 3), Outcome::Busy);
    let rejected = ended(child("b", LegState::Ended, 3), Outcome::Rejected);
    let silent = ended(child("c", LegState::Ended, 3), Outcome::NoAnswer);
    let root = [inbound(0), root_ended(9)];
    let with = |legs: &[&CallEvent]| {
        outcome(&[&root[..], &legs.iter().map(|leg| (*leg).clone()).collect::<Vec<_>>()].concat())
    };
    assert_eq!(with(&[&busy]), Some(Outcome::Busy));
    assert_eq!(with(&[&rejected]), Some(Outcome::Rejected));
    assert_eq!(with(&[&busy, &rejected]), Some(Outcome::Busy));
    assert_eq!(with(&[&busy, &silent]), Some(Outcome::NoAnswer));
}

#[test]
fn a_dial_result_tells_of_a_leg_that_reports_nothing() {
    let dial = |result: Outcome, child: Option<&str>| CallEvent {
        leg_id: Some("root".to_owned()),
        child_leg_id: child.map(ToOwned::to_owned),
        dial_outcome: Some(result),
        talk_seconds: (result == Outcome::Completed).then_some(31),
        ..CallEvent::new("dial", EventKind::DialResult, at(40))
    };
    let root = [inbound(0), root_ended(41)];
    for child in [None, Some("agent")] {
        let call = fold(&[root[0].clone(), root[1].clone(), dial(Outcome::Completed, child)]);
        assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(31)), "{child:?}");
        assert_eq!(call.legs.len(), 1 + usize::from(child.is_some()));
        assert_eq!(outcome(&[root[0].clone(), root[1].clone(), dial(Outcome::Busy, child)]), Some(Outcome::Busy));
    }
    // While the call goes on, the connected leg shows that it is answered.
    assert_eq!(fold(&[inbound(0), dial(Outcome::Completed, None)]).state, LegState::Answered);
}

#[test]
fn late_news_lift_a_missed_call_and_never_lower_it() {
    let missed = vec![inbound(0), root_ended(9)];
    let message = CallEvent {
        leg_id: Some("root".to_owned()),
        recording: Some(RecordingFact { voicemail: true, ..RecordingFact::new("r", RecordingStatus::Ready) }),
        ..CallEvent::new("r:ready", EventKind::RecordingReady, at(20))
    };
    let voicemail = [missed.clone(), vec![message.clone()]].concat();
    let call = fold(&voicemail);
    assert_eq!(call.outcome, Some(Outcome::Voicemail));
    assert!(call.recordings[0].voicemail);
    let failed = CallEvent {
        recording: Some(RecordingFact::new("r", RecordingStatus::Failed)),
        ..CallEvent::new("r:failed", EventKind::RecordingFailed, at(21))
    };
    let call = fold(&[voicemail.clone(), vec![failed]].concat());
    assert_eq!((call.outcome, call.recordings[0].status), (Some(Outcome::Voicemail), RecordingStatus::Ready));
    let answered = [voicemail, vec![child("agent", LegState::Answered, 4)]].concat();
    let call = fold(&answered);
    assert_eq!(call.outcome, Some(Outcome::Completed));
    assert!(!call.recordings[0].voicemail);
}

#[test]
fn a_stale_end_gives_way_to_any_report() {
    let stale =
        CallEvent { occurred_at: None, outcome: Some(Outcome::Stale), ..event("root", LegState::Ended, 14_400) };
    let call = fold(&[inbound(0), stale.clone()]);
    assert_eq!((call.state, call.outcome, call.ended_at), (LegState::Ended, Some(Outcome::Stale), Some(at(14_401))));
    let call = fold(&[inbound(0), stale.clone(), root_ended(9)]);
    assert_eq!((call.outcome, call.ended_at), (Some(Outcome::NoAnswer), Some(at(9))));
    let talked = ended(child("agent", LegState::Ended, 8), Outcome::Completed);
    assert_eq!(outcome(&[inbound(0), stale, talked]), Some(Outcome::Completed));
}

#[test]
fn of_two_ends_the_stronger_stands() {
    let outbound = |result| {
        let end = ended(event("root", LegState::Ended, 5), result);
        CallEvent { direction: Some(Direction::Outbound), dedupe_key: result.to_string(), ..end }
    };
    let order = [
        Outcome::Stale,
        Outcome::Failed,
        Outcome::Canceled,
        Outcome::NoAnswer,
        Outcome::Rejected,
        Outcome::Busy,
        Outcome::Voicemail,
        Outcome::Completed,
    ];
    for pair in order.windows(2) {
        assert_eq!(outcome(&[outbound(pair[0]), outbound(pair[1])]), Some(pair[1]));
        assert_eq!(outcome(&[outbound(pair[1]), outbound(pair[0])]), Some(pair[1]));
    }
}

#[test]
fn a_better_time_replaces_a_worse_one() {
    let received_only = CallEvent { occurred_at: None, ..inbound(5) };
    assert_eq!(fold(std::slice::from_ref(&received_only)).started_at, Some(at(6)));
    let occurred = CallEvent { dedupe_key: "o".to_owned(), ..inbound(7) };
    assert_eq!(fold(&[received_only.clone(), occurred.clone()]).started_at, Some(at(7)));
    let explicit = CallEvent { dedupe_key: "e".to_owned(), started_at: Some(at(8)), ..inbound(9) };
    assert_eq!(fold(&[received_only, occurred, explicit]).started_at, Some(at(8)));
}

#[test]
fn a_lone_end_with_a_length_knows_its_start() {
    let end = CallEvent { duration_seconds: Some(58), direction: Some(Direction::Inbound), ..root_ended(60) };
    let call = fold(&[end]);
    assert_eq!((call.started_at, call.duration_seconds), (Some(at(2)), Some(58)));
}

#[test]
fn a_number_beats_a_hidden_one_on_the_same_side_of_the_same_leg_only() {
    let hidden = Some(Party::parse("anonymous", switchboard_telephony::Dialect::Public, None));
    let first = CallEvent { from: hidden, ..inbound(0) };
    let agent = CallEvent { from: phone("+14155550199"), ..child("agent", LegState::Ringing, 2) };
    assert_eq!(fold(&[first.clone(), agent]).remote_party(), None);
    let later = CallEvent { from: phone("+12025550143"), ..event("root", LegState::Answered, 3) };
    assert_eq!(fold(&[first, later]).remote_party().unwrap().phone().unwrap().e164(), "+12025550143");
}

#[test]
fn the_remote_party_is_the_one_outside() {
    let outbound = CallEvent { direction: Some(Direction::Outbound), answered_by_platform: false, ..inbound(0) };
    assert_eq!(fold(&[outbound]).remote_party().unwrap().phone().unwrap().e164(), "+14155550100");
    let extension = |digits: &str| Some(Party::from(Address::Extension(digits.to_owned())));
    let internal = CallEvent { from: extension("201"), to: extension("202"), ..inbound(0) };
    let call = fold(&[internal]);
    assert_eq!((call.direction, call.remote_party()), (Some(Direction::Internal), None));
    let undirected = CallEvent { direction: None, ..inbound(0) };
    assert_eq!(fold(&[undirected]).direction, Some(Direction::Inbound));
    let from_desk = CallEvent { from: extension("201"), direction: None, ..inbound(0) };
    assert_eq!(fold(&[from_desk]).direction, Some(Direction::Outbound));
}

#[test]
fn a_recording_alone_does_not_become_the_root_of_a_call_with_legs() {
    let session = |event: CallEvent| CallEvent { session_id: Some("c-1".to_owned()), ..event };
    let customer = session(event("l-1", LegState::Answered, 1));
    let end = session(event("l-1", LegState::Ended, 9));
    let agent = session(event("l-2", LegState::Answered, 2));
    let recording = session(CallEvent {
        leg_id: Some("c-1".to_owned()),
        recording: Some(RecordingFact::new("r", RecordingStatus::Ready)),
        ..CallEvent::new("r", EventKind::RecordingReady, at(0))
    });
    let call = fold(&[recording, agent, end, customer]);
    assert_eq!((call.root_leg.as_deref(), call.state), (Some("l-1"), LegState::Ended));
}

#[test]
fn contradictory_parents_do_not_hang_or_hide_the_call() {
    let parent = |leg: &str, parent: &str| CallEvent {
        parent_leg_id: Some(parent.to_owned()),
        ..event(leg, LegState::Ringing, 1)
    };
    let circle = fold(&[parent("a", "b"), parent("b", "a"), parent("c", "c")]);
    assert_eq!((circle.root_leg.as_deref(), circle.legs.len()), (Some("c"), 3));
    assert_eq!(fold(&[parent("a", "b"), parent("b", "a")]).legs.len(), 2);
}

#[test]
fn an_answer_of_a_machine_is_taken_back_by_a_reported_end() {
    let ringing = CallEvent { answered_by_platform: false, ..inbound(0) };
    let answered = event("root", LegState::Answered, 1);
    let with = |result, talk| {
        let end = CallEvent { talk_seconds: talk, ..ended(event("root", LegState::Ended, 9), result) };
        outcome(&[ringing.clone(), answered.clone(), end])
    };
    assert_eq!(with(Outcome::NoAnswer, None), Some(Outcome::NoAnswer));
    assert_eq!(with(Outcome::Voicemail, Some(12)), Some(Outcome::Voicemail));
    assert_eq!(with(Outcome::Failed, Some(30)), Some(Outcome::Completed));
    assert_eq!(with(Outcome::Completed, None), Some(Outcome::Completed));
}

#[test]
fn annotations_and_unknown_kinds_do_not_touch_the_call() {
    let base = [inbound(0)];
    for kind in [EventKind::CallAnnotation, EventKind::Ignored] {
        let noise = CallEvent { kind, ..ended(event("root", LegState::Ended, 9), Outcome::Failed) };
        assert_eq!(fold(&[base[0].clone(), noise]), fold(&base));
    }
}

#[test]
fn recordings_are_joined_by_their_id() {
    let fact = |key: &str, status, url: Option<&str>, seconds| CallEvent {
        leg_id: Some("root".to_owned()),
        recording: Some(RecordingFact {
            url: url.map(ToOwned::to_owned),
            duration_seconds: seconds,
            ..RecordingFact::new("r", status)
        }),
        ..CallEvent::new(key, EventKind::RecordingReady, at(9))
    };
    let early = fact("a", RecordingStatus::InProgress, Some("https://x/early"), Some(3));
    let ready = fact("b", RecordingStatus::Ready, Some("https://x/ready"), None);
    for order in [[inbound(0), early.clone(), ready.clone()], [ready, inbound(0), early]] {
        let call = fold(&order);
        assert_eq!(call.recordings.len(), 1);
        let recording = &call.recordings[0];
        assert_eq!((recording.status, recording.duration_seconds), (RecordingStatus::Ready, Some(3)));
        assert_eq!(recording.url.as_deref(), Some("https://x/ready"));
        assert_eq!(recording.leg_id.as_deref(), Some("root"));
    }
}

/// An inbound leg of a provider that does not say whether a person or the platform answered it.
fn taken(state: LegState, second: i64) -> CallEvent {
    CallEvent {
        direction: Some(Direction::Inbound),
        answered_by_platform_to_dial: true,
        from: phone("+12025550143"),
        session_id: Some("talk".to_owned()),
        ..event("root", state, second)
    }
}

/// Another leg of the same session, of which nothing says who dialled it.
fn other(state: LegState, second: i64) -> CallEvent {
    CallEvent {
        direction: Some(Direction::Outbound),
        session_id: Some("talk".to_owned()),
        ..event("other", state, second)
    }
}

#[test]
fn a_lone_leg_that_may_be_answered_by_a_person_is() {
    let end = CallEvent { talk_seconds: Some(7), ..ended(taken(LegState::Ended, 9), Outcome::Completed) };
    let call = fold(&[taken(LegState::Ringing, 0), taken(LegState::Answered, 1)]);
    assert_eq!((call.state, call.answered_at), (LegState::Answered, Some(at(1))));
    let call = fold(&[taken(LegState::Ringing, 0), taken(LegState::Answered, 1), end.clone()]);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(7)));
    // A recording of a leg that nobody heard of is no leg that was dialled.
    let recording = CallEvent {
        leg_id: Some("other".to_owned()),
        session_id: Some("talk".to_owned()),
        recording: Some(RecordingFact::new("r", RecordingStatus::Ready)),
        ..CallEvent::new("r", EventKind::RecordingReady, at(20))
    };
    assert_eq!(outcome(&[end, recording]), Some(Outcome::Completed));
}

#[test]
fn a_leg_that_was_taken_to_dial_another_is_answered_when_the_other_is() {
    let root = [
        taken(LegState::Ringing, 0),
        taken(LegState::Answered, 1),
        CallEvent { talk_seconds: Some(40), ..ended(taken(LegState::Ended, 41), Outcome::Completed) },
    ];
    let with = |others: &[CallEvent]| fold(&[&root[..], others].concat());
    assert_eq!(fold(&[root[1].clone(), other(LegState::Ringing, 2)]).state, LegState::Ringing);
    for (reported, expected) in [
        (Outcome::NoAnswer, Outcome::NoAnswer),
        (Outcome::Canceled, Outcome::NoAnswer),
        (Outcome::Failed, Outcome::NoAnswer),
        (Outcome::Busy, Outcome::Busy),
        (Outcome::Rejected, Outcome::Rejected),
    ] {
        let call = with(&[other(LegState::Ringing, 2), ended(other(LegState::Ended, 30), reported)]);
        assert_eq!((call.outcome, call.talk_seconds, call.answered_at), (Some(expected), None, None), "{reported}");
    }
    let end = CallEvent { talk_seconds: Some(25), ..ended(other(LegState::Ended, 40), Outcome::Completed) };
    let call = with(&[other(LegState::Ringing, 2), other(LegState::Answered, 15), end]);
    let told = (call.outcome, call.talk_seconds, call.answered_at);
    assert_eq!(told, (Some(Outcome::Completed), Some(25), Some(at(15))));
    // A dial whose leg has no id decides as well.
    let dial = |outcome| CallEvent {
        dial_outcome: Some(outcome),
        session_id: Some("talk".to_owned()),
        leg_id: Some("root".to_owned()),
        ..CallEvent::new("dial", EventKind::DialResult, at(30))
    };
    assert_eq!(with(&[dial(Outcome::NoAnswer)]).outcome, Some(Outcome::NoAnswer));
    assert_eq!(with(&[dial(Outcome::Completed)]).outcome, Some(Outcome::Completed));
}

#[test]
fn the_platforms_own_talk_counts_only_when_a_person_talked_and_nothing_better_is_known() {
    let end = CallEvent { talk_seconds: Some(11), ..root_ended(11) };
    let dial = |outcome| CallEvent {
        leg_id: Some("root".to_owned()),
        child_leg_id: Some("agent".to_owned()),
        dial_outcome: Some(outcome),
        ..CallEvent::new("dial", EventKind::DialResult, at(11))
    };
    let talk = |dial: CallEvent| fold(&[inbound(0), end.clone(), dial]).talk_seconds;
    assert_eq!(fold(&[inbound(0), end.clone()]).talk_seconds, None);
    assert_eq!(talk(dial(Outcome::NoAnswer)), None);
    assert_eq!(talk(dial(Outcome::Completed)), Some(11));
    assert_eq!(talk(CallEvent { talk_seconds: Some(6), ..dial(Outcome::Completed) }), Some(6));
}
