//! The delivery sequences of `scenarios.json`: one final call in every order and with every repetition.

use std::collections::BTreeSet;

use serde_json::Value;
use switchboard_telephony::{Address, CallEvent, CallState, Party, fold};

use crate::support::{Fixture, has_provider, read_json};

/// Orders that are tried: all of up to seven deliveries.
const MOST_ORDERS: usize = 5040;

fn scenarios() -> Vec<(String, Vec<CallEvent>, Value)> {
    let json = read_json("scenarios.json");
    let known = |scenario: &&Value| {
        let mut deliveries = scenario["deliver"].as_array().unwrap().iter();
        deliveries.all(|name| has_provider(name.as_str().unwrap()))
    };
    let scenarios = json["scenarios"].as_array().unwrap().iter().filter(known).map(|scenario| {
        let deliveries = scenario["deliver"].as_array().unwrap();
        let events = deliveries.iter().flat_map(|name| Fixture::load(name.as_str().unwrap()).events()).collect();
        (scenario["name"].as_str().unwrap().to_owned(), events, scenario["final"].clone())
    });
    scenarios.collect()
}

#[test]
fn every_scenario_ends_as_it_must() {
    assert_eq!(scenarios().len(), 11);
    for (name, events, expected) in scenarios() {
        let call = fold(&events);
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&show(&events, &call, key), value, "{name}: {key}");
        }
    }
}

#[test]
fn every_order_gives_the_same_call() {
    for (name, events, _) in scenarios() {
        let expected = fold(&events);
        let mut tried = 0;
        permute(&mut events.clone(), 0, &mut |order| {
            tried += 1;
            assert_eq!(fold(order), expected, "{name}: order {tried}");
        });
        assert_eq!(tried, (1..=events.len()).product::<usize>().min(MOST_ORDERS), "{name}");
    }
}

#[test]
fn every_delivery_may_come_twice_at_any_place() {
    for (name, events, _) in scenarios() {
        let expected = fold(&events);
        for (index, event) in events.iter().enumerate() {
            let later = CallEvent { received_at: event.received_at + chrono::TimeDelta::seconds(305), ..event.clone() };
            for at in 0..=events.len() {
                let mut again = events.clone();
                again.insert(at, later.clone());
                assert_eq!(fold(&again), expected, "{name}: {index} again at {at}");
            }
        }
    }
}

#[test]
fn the_events_of_a_scenario_find_each_other_in_any_order() {
    for (name, events, _) in scenarios() {
        permute(&mut events.clone(), 0, &mut |order| assert_eq!(groups(order), 1, "{name}"));
    }
}

#[test]
fn different_scenarios_stay_different_calls() {
    let all: Vec<CallEvent> = scenarios().into_iter().flat_map(|(_, events, _)| events).collect();
    assert_eq!(groups(&all), scenarios().len());
}

/// How many calls the events are, merging calls whenever an event ties two of them together.
fn groups(events: &[CallEvent]) -> usize {
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    for event in events {
        let mut keys: BTreeSet<String> = event.correlation_keys().into_iter().collect();
        assert!(!keys.is_empty());
        groups.retain(|group| {
            let same = !group.is_disjoint(&keys);
            if same {
                keys.extend(group.iter().cloned());
            }
            !same
        });
        groups.push(keys);
    }
    groups.len()
}

fn permute(events: &mut Vec<CallEvent>, at: usize, visit: &mut impl FnMut(&[CallEvent])) {
    if at == events.len() {
        return visit(events);
    }
    for other in at..events.len() {
        events.swap(at, other);
        permute(events, at + 1, visit);
        events.swap(at, other);
    }
}

fn show(events: &[CallEvent], call: &CallState, key: &str) -> Value {
    let number = |party: &Option<Party>| party.as_ref().and_then(|party| party.value.as_ref()).map(Address::clear);
    match key {
        "interactions" => groups(events).into(),
        "events_stored" => events.iter().map(|event| &event.dedupe_key).collect::<BTreeSet<_>>().len().into(),
        "legs" => call.legs.len().into(),
        "recordings" => call.recordings.len().into(),
        "state" => call.state.as_str().into(),
        "outcome" => call.outcome.map(switchboard_telephony::Outcome::as_str).into(),
        "direction" => call.direction.map(switchboard_telephony::Direction::as_str).into(),
        "from" => number(&call.from).into(),
        "to" => number(&call.to).into(),
        "talk_seconds" => call.talk_seconds.into(),
        "duration_seconds" => call.duration_seconds.into(),
        other => panic!("nothing shows {other}"),
    }
}
