//! Properties over generated calls: order, repetition and interleaving are without effect, and nothing panics.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard_telephony::{
    Address, CallEvent, CallState, Direction, EventKind, LegState, Method, Outcome, ParseContext, Party, PhoneNumber,
    RecordingFact, RecordingStatus, fold, providers,
};

use crate::support::{Request, generic, time, twilio};

fn at(second: u32) -> DateTime<Utc> {
    time("2026-02-12T12:00:00Z") + TimeDelta::seconds(i64::from(second))
}

/// What the callbacks of one dialled leg report, in turn.
fn child_reports(index: usize, fate: usize) -> Vec<(&'static str, u32)> {
    let start = 5 + u32::try_from(index).unwrap() * 40;
    let end = [("completed", 30), ("busy", 3), ("no-answer", 20), ("canceled", 9), ("failed", 2)][fate];
    let mut reports = vec![("initiated", start), ("ringing", start + 1)];
    if fate == 0 {
        reports.push(("in-progress", start + 4));
    }
    reports.push((end.0, start + end.1));
    reports
}

/// The requests of one Twilio call: Voice URL, dialled legs, dial actions, voicemail, status callback, parsed for real.
fn twilio_call(number: u32, outbound: bool, fates: &[usize], voicemail: bool, dial_actions: bool) -> Vec<CallEvent> {
    let base = "https://crm.example.com/hooks/twilio";
    let root = format!("CA{number}");
    let caller = format!("+1202555{:04}", number % 10_000);
    let direction = if outbound { "outbound-api" } else { "inbound" };
    let mut forms: Vec<(&str, Vec<(&str, String)>)> = Vec::new();
    let leg = |sid: &str, status: &str, direction: &str| {
        let [sid, status, direction] = [sid, status, direction].map(ToOwned::to_owned);
        vec![
            ("CallSid", sid),
            ("CallStatus", status),
            ("Direction", direction),
            ("From", caller.clone()),
            ("To", "+14155550100".to_owned()),
        ]
    };
    let stamp = |second: u32| ("Timestamp", at(second).to_rfc2822());
    forms.push(("/voice", leg(&root, if outbound { "initiated" } else { "ringing" }, direction)));
    for (index, fate) in fates.iter().enumerate() {
        let sid = format!("CA{number}c{index}");
        for (seq, (status, second)) in child_reports(index, *fate).into_iter().enumerate() {
            let mut form = leg(&sid, status, "outbound-dial");
            form.extend([("ParentCallSid", root.clone()), ("SequenceNumber", seq.to_string()), stamp(second)]);
            if status == "completed" {
                form.push(("CallDuration", "26".to_owned()));
            }
            forms.push(("/status", form));
        }
        if dial_actions {
            let status = ["completed", "busy", "no-answer", "canceled", "failed"][*fate];
            let mut form = leg(&root, "in-progress", direction);
            form.extend([("DialCallSid", sid), ("DialCallStatus", status.to_owned())]);
            forms.push(("/dial", form));
        }
    }
    if voicemail {
        let recording = ("RecordingSid", format!("RE{number}"));
        let mut action = leg(&root, "in-progress", direction);
        action.push(recording.clone());
        forms.push(("/voicemail-done", action));
        let ready = ("RecordingStatus", "completed".to_owned());
        forms.push((
            "/recording",
            vec![("CallSid", root.clone()), recording, ready, ("RecordingSource", "RecordVerb".to_owned())],
        ));
    }
    let mut end = leg(&root, "completed", direction);
    end.extend([("SequenceNumber", "0".to_owned()), ("CallDuration", "200".to_owned()), stamp(205)]);
    forms.push(("/status", end));
    forms
        .iter()
        .flat_map(|(purpose, pairs)| {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Request::form(&format!("{base}{purpose}"), &pairs).parse(twilio()).unwrap()
        })
        .collect()
}

/// The messages of one call of a phone system, with or without legs.
fn generic_call(number: u32, with_legs: bool, answered: bool, outcome: Option<&str>, times: bool) -> Vec<CallEvent> {
    let mut messages = vec![("call.ringing", "a", 0), ("call.queued", "a", 2)];
    if answered {
        messages.extend([("call.answered", "b", 9), ("call.held", "b", 12), ("call.unheld", "b", 15)]);
    }
    messages.extend([("call.ended", "b", 40), ("recording.ready", "a", 60), ("call.ended", "a", 41)]);
    let mut events = Vec::new();
    for (index, (kind, leg, second)) in messages.into_iter().enumerate() {
        let mut data = json!({ "call_id": format!("c-{number}"), "direction": "inbound", "from": "+12025550143" });
        if with_legs {
            data["leg_id"] = json!(format!("c-{number}-{leg}"));
        }
        if times {
            data["occurred_at"] = json!(at(second).to_rfc3339());
        }
        if let Some(outcome) = outcome.filter(|_| kind == "call.ended") {
            data["outcome"] = json!(outcome);
        }
        if kind == "recording.ready" {
            data["recording"] = json!({ "id": format!("r-{number}") });
        }
        let body = json!({ "type": kind, "data": data }).to_string();
        let request = Request::post("https://crm.example.com/hooks/generic", "application/json", body);
        events.extend(request.with("webhook-id", &format!("m-{number}-{index}")).parse(generic()).unwrap());
    }
    events
}

prop_compose! {
    /// A call of either provider; the events are received in another order than they happened.
    fn call(number: u32)(
        provider in any::<bool>(),
        flags in any::<[bool; 4]>(),
        fates in prop::collection::vec(0..5_usize, 0..4),
        outcome in prop::sample::select(vec![None, Some("completed"), Some("no_answer"), Some("busy"), Some("voicemail")]),
        delays in prop::collection::vec(0..400_u32, 32),
    ) -> Vec<CallEvent> {
        let mut events = if provider {
            twilio_call(number, flags[0], &fates, flags[1], flags[2])
        } else {
            generic_call(number, flags[0], flags[1], outcome, flags[2])
        };
        for (event, delay) in events.iter_mut().zip(delays) {
            event.received_at = at(delay);
        }
        events
    }
}

/// Events with repetitions (received later) in any order.
fn delivered(events: Vec<CallEvent>) -> impl Strategy<Value = (Vec<CallEvent>, Vec<CallEvent>)> {
    let copies = prop::collection::vec((any::<prop::sample::Index>(), 1..600_i64), 0..6);
    (Just(events), copies).prop_flat_map(|(events, copies)| {
        let copies = copies.into_iter().map(|(index, later)| {
            let event = index.get(&events);
            CallEvent { received_at: event.received_at + TimeDelta::seconds(later), ..event.clone() }
        });
        let all: Vec<CallEvent> = events.iter().cloned().chain(copies).collect();
        (Just(events), Just(all).prop_shuffle())
    })
}

/// Calls from a stream of events: those that share a correlation key, folded.
fn calls(events: &[CallEvent]) -> Vec<CallState> {
    let mut groups: Vec<(Vec<String>, Vec<CallEvent>)> = Vec::new();
    for event in events {
        let (mut keys, mut members) = (event.correlation_keys(), vec![event.clone()]);
        groups.retain(|(other_keys, others)| {
            let same = other_keys.iter().any(|key| keys.contains(key));
            if same {
                keys.extend(other_keys.iter().cloned());
                members.extend(others.iter().cloned());
            }
            !same
        });
        groups.push((keys, members));
    }
    let folded = groups.iter().map(|(_, events)| fold(events)).map(|call| (call.root_leg.clone(), call));
    folded.collect::<BTreeMap<_, _>>().into_values().collect()
}

prop_compose! {
    /// Anything a confused provider could say, over few ids, so that it contradicts itself.
    fn wild_event()(
        ids in prop::array::uniform4(prop::option::of(prop::sample::select(vec!["a", "b", "c", "d"]))),
        kind in prop::sample::select(EventKind::ALL),
        state in prop::option::of(prop::sample::select(LegState::ALL)),
        outcomes in prop::array::uniform2(prop::option::of(prop::sample::select(Outcome::ALL))),
        direction in prop::option::of(prop::sample::select(Direction::ALL)),
        from in prop::option::of(prop::sample::select(vec!["+12025550143", "", "client:ann", "201", "?", "sip:a@b"])),
        seconds in prop::array::uniform5(prop::option::of(0..500_u32)),
        numbers in prop::array::uniform2(prop::option::of(prop_oneof![0..100_u32, Just(u32::MAX)])),
        recording in prop::option::of((0..3_u8, prop::sample::select(RecordingStatus::ALL), any::<bool>())),
        seq in prop::option::of(-1..4_i64),
        [platform, platform_to_dial, outcome_in_context] in any::<[bool; 3]>(),
        key in 0..40_u8,
    ) -> CallEvent {
        let [leg_id, parent_leg_id, child_leg_id, session_id] = ids.map(|id| id.map(ToOwned::to_owned));
        let [received, occurred, started_at, answered_at, ended_at] = seconds.map(|second| second.map(at));
        let party = from.map(|raw| Party::parse(raw, switchboard_telephony::Dialect::PhoneSystem, None));
        CallEvent {
            leg_id, parent_leg_id, child_leg_id, session_id, state, direction, seq, started_at, answered_at, ended_at,
            answered_by_platform: platform,
            answered_by_platform_to_dial: platform_to_dial,
            outcome_in_context,
            outcome: outcomes[0],
            dial_outcome: outcomes[1],
            from: party.clone(),
            to: party,
            occurred_at: occurred,
            duration_seconds: numbers[0],
            talk_seconds: numbers[1],
            recording: recording.map(|(id, status, voicemail)| RecordingFact {
                voicemail, ..RecordingFact::new(id.to_string(), status)
            }),
            ..CallEvent::new(key.to_string(), kind, received.unwrap_or(at(0)))
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
        Just(json!("2026-02-12T12:00:00Z")),
        Just(json!("+12025550143")),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(vec!["id", "url", "duration_seconds"]), inner, 0..3)
                .prop_map(|map| Value::from(
                    map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Map<_, _>>()
                )),
        ]
    })
}

const TWILIO_FIELDS: &[&str] = &[
    "CallSid",
    "CallStatus",
    "From",
    "To",
    "Direction",
    "ParentCallSid",
    "SequenceNumber",
    "Timestamp",
    "CallDuration",
    "DialCallSid",
    "DialCallStatus",
    "DialCallDuration",
    "RecordingSid",
    "RecordingUrl",
    "RecordingStatus",
    "RecordingStartTime",
    "StirVerstat",
    "ForwardedFrom",
    "CallerName",
    "SipResponseCode",
    "AnsweredBy",
];
const GENERIC_FIELDS: &[&str] = &[
    "call_id",
    "leg_id",
    "parent_leg_id",
    "from",
    "to",
    "direction",
    "outcome",
    "occurred_at",
    "started_at",
    "answered_at",
    "ended_at",
    "duration_seconds",
    "talk_seconds",
    "recording",
    "agent",
    "queue",
    "forwarded_from",
    "attestation",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_do_not_matter((events, delivered) in call(7).prop_flat_map(delivered)) {
        prop_assert_eq!(fold(&delivered), fold(&events));
    }

    #[test]
    fn interleaved_calls_stay_apart(
        (first, second, mixed) in (call(1), call(2)).prop_flat_map(|(first, second)| {
            let both = [first.clone(), second.clone()].concat();
            delivered(both).prop_map(move |(_, mixed)| (first.clone(), second.clone(), mixed))
        })
    ) {
        let mut expected = vec![fold(&first), fold(&second)];
        expected.sort_by(|a, b| a.root_leg.cmp(&b.root_leg));
        prop_assert_eq!(calls(&mixed), expected);
    }

    #[test]
    fn a_whole_call_always_ends_with_an_outcome(events in call(7)) {
        let call = fold(&events);
        prop_assert_eq!(call.state, LegState::Ended);
        prop_assert!(call.outcome.is_some() && call.direction.is_some());
        prop_assert!(call.started_at.is_some() && call.ended_at.is_some());
        prop_assert!(call.root_leg.as_ref() == call.legs.first().map(|leg| &leg.id));
    }

    #[test]
    fn late_news_only_lift_an_ended_call(
        events in (any::<bool>(), prop::collection::vec(0..5_usize, 0..4), any::<[bool; 2]>())
            .prop_map(|(outbound, fates, [voicemail, dial])| twilio_call(7, outbound, &fates, voicemail, dial))
            .prop_shuffle()
    ) {
        let lift = |outcome: Option<Outcome>| match outcome {
            Some(Outcome::Completed) => 2,
            Some(Outcome::Voicemail) => 1,
            _ => 0,
        };
        let mut before = 0;
        for taken in 1..=events.len() {
            let call = fold(&events[..taken]);
            let root = call.legs.iter().find(|leg| leg.id == "CA7");
            if root.is_some_and(|root| root.state == LegState::Ended && root.direction.is_some()) {
                prop_assert_eq!(call.state, LegState::Ended);
                prop_assert!(lift(call.outcome) >= before);
                before = lift(call.outcome);
            }
        }
    }

    #[test]
    fn contradictions_are_folded_the_same_in_any_order(
        (events, shuffled) in prop::collection::vec(wild_event(), 0..14).prop_flat_map(|events| {
            (Just(events.clone()), Just([events.clone(), events].concat()).prop_shuffle())
        })
    ) {
        prop_assert_eq!(fold(&shuffled), fold(&events));
    }

    #[test]
    fn stored_events_come_back(event in wild_event()) {
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<CallEvent>(&text).unwrap(), event);
    }

    #[test]
    fn no_bytes_make_a_provider_panic(
        body in prop::collection::vec(any::<u8>(), 0..300),
        url in ".{0,60}",
        purpose in prop::option::of("[a-z-]{0,8}"),
        get in any::<bool>(),
        header in ".{0,30}",
    ) {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-twilio-signature",
            "x-twilio-webhooks-signature-settings", "content-type"];
        let headers: Vec<_> = names.iter().map(|name| ((*name).to_owned(), header.clone())).collect();
        let method = if get { Method::Get } else { Method::Post };
        let request = Request { method, url, headers, body };
        for provider in providers() {
            let context = ParseContext { default_region: Some("DE".to_owned()), ..ParseContext::default() };
            let _ = provider.parse(&request.hook(), purpose.as_deref(), at(0), &context);
            let secrets = switchboard_telephony::Secrets::new().with("auth_token", "t")
                .with("secret", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
            prop_assert!(request.verify(*provider, &secrets, at(0)).is_err());
        }
    }

    #[test]
    fn no_form_makes_twilio_panic(
        pairs in prop::collection::vec((prop::sample::select(TWILIO_FIELDS), prop_oneof![".{0,20}", "[0-9+]{0,20}", "RE1|completed|ringing|inbound"]), 0..12),
    ) {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let events = Request::form("https://crm.example.com/hooks/twilio/voice", &pairs).parse(twilio());
        if let Ok(events) = events {
            fold(&events);
        }
    }

    #[test]
    fn no_json_makes_generic_panic(
        kind in prop::sample::select(vec!["call.ringing", "call.ended", "recording.ready", "voicemail.ready", "x"]),
        data in prop::collection::btree_map(prop::sample::select(GENERIC_FIELDS), json_value(), 0..8),
    ) {
        let data: serde_json::Map<_, _> = data.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let body = json!({ "type": kind, "data": data }).to_string();
        let request = Request::post("https://crm.example.com/hooks/generic", "application/json", body);
        if let Ok(events) = request.with("webhook-id", "m").parse(generic()) {
            fold(&events);
        }
    }

    #[test]
    fn no_text_makes_a_number_panic(text in ".{0,40}", region in prop::option::of(".{0,3}")) {
        let _ = PhoneNumber::parse(&text, region.as_deref());
        let _ = Party::parse(&text, switchboard_telephony::Dialect::PhoneSystem, region.as_deref());
    }

    #[test]
    fn every_number_survives_storage_and_never_shows_itself(digits in "\\+[1-9][0-9]{6,14}(x[0-9]{1,5})?") {
        if let Some(number) = PhoneNumber::parse(&digits, None) {
            let again = PhoneNumber::parse(number.e164(), None).unwrap();
            prop_assert_eq!(again.e164(), number.e164());
            let party = Party::from(Address::Phone(number.clone()));
            let stored: Party = serde_json::from_str(&serde_json::to_string(&party).unwrap()).unwrap();
            prop_assert_eq!(&stored, &party);
            let tail = &number.e164()[number.e164().len() - 4..];
            let masked = format!("{party:?} {number}");
            prop_assert!(!masked.contains(tail));
        }
    }
}
