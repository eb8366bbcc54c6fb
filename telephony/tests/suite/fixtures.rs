//! Every shared fixture: verdict, answer, events and their keys.

use serde_json::{Value, json};
use switchboard_telephony::{Answer, CallEvent, Party, providers};

use crate::support::{Fixture, read_json};

#[test]
fn every_provider_has_fixtures() {
    let all = Fixture::all();
    for provider in providers() {
        assert!(all.iter().any(|fixture| fixture.provider.key() == provider.key()), "{}", provider.key());
    }
}

#[test]
fn every_fixture_gets_its_verdict_and_its_answer() {
    for fixture in Fixture::all() {
        fixture.provider.check_secrets(&fixture.secrets).unwrap();
        let verdict = fixture.request.verify(fixture.provider, &fixture.secrets, fixture.now);
        let purpose = fixture.request.purpose();
        if let Some(answer) = fixture.request.handshake(fixture.provider, &fixture.secrets, fixture.now) {
            // It is answered before anything is checked, and would not be accepted.
            assert!(verdict.is_err(), "{}", fixture.name);
            is_handshake(&fixture, &answer);
            continue;
        }
        assert_eq!(verdict.is_ok(), fixture.should_verify, "{}: {verdict:?}", fixture.name);
        assert!(purpose.is_none_or(|purpose| fixture.provider.purposes().contains(&purpose)), "{}", fixture.name);
        let ack = &fixture.expect["ack"];
        match verdict {
            Ok(()) => {
                let answer = fixture.provider.answer(&fixture.request.hook(), purpose);
                let expected = (ack["status"].as_u64(), ack["content_type"].as_str(), ack["body"].as_str());
                let got = (Some(u64::from(answer.status)), answer.content_type, Some(answer.body.as_ref()));
                assert_eq!(got, expected, "{}", fixture.name);
            }
            Err(rejection) => {
                assert_eq!(Some(u64::from(rejection.http_status())), ack["status"].as_u64(), "{}", fixture.name);
            }
        }
    }
}

/// A handshake is answered with the headers that the fixture names and needs no signature; it holds no event.
fn is_handshake(fixture: &Fixture, answer: &Answer) {
    let ack = &fixture.expect["ack"];
    assert_eq!(Some(u64::from(answer.status)), ack["status"].as_u64(), "{}", fixture.name);
    for (name, value) in ack["headers"].as_object().unwrap() {
        let got =
            answer.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        assert_eq!(got, value.as_str(), "{}: {name}", fixture.name);
    }
    assert_eq!(fixture.expect["events"].as_array().map(Vec::len), Some(0), "{}", fixture.name);
}

#[test]
fn every_fixture_gives_its_events_with_every_expected_key() {
    for fixture in Fixture::all() {
        let expected = fixture.expect["events"].as_array().unwrap();
        if !fixture.should_verify || expected.is_empty() {
            continue;
        }
        let events = fixture.events();
        assert_eq!(events.len(), expected.len(), "{}", fixture.name);
        for (event, expected) in events.iter().zip(expected) {
            let shown = show(event);
            for (key, value) in expected.as_object().unwrap() {
                let got = shown.get(key).unwrap_or_else(|| panic!("{}: nothing shows {key}", fixture.name));
                compare(&fixture.name, key, got, value);
            }
        }
    }
}

#[test]
fn a_signed_body_that_is_not_ours_is_a_readable_error() {
    let fixture = Fixture::load("standard-webhooks/v1_official_vector");
    let error = fixture.request.parse(fixture.provider).unwrap_err();
    assert_eq!(error.to_string(), "the field type is missing");
}

#[test]
fn retries_have_the_key_of_the_first_attempt_and_nothing_else_has() {
    let mut first_by_key = std::collections::BTreeMap::new();
    for fixture in Fixture::all() {
        if !fixture.should_verify || fixture.expect["events"].as_array().unwrap().is_empty() {
            continue;
        }
        for event in fixture.events() {
            let key = (fixture.provider.key(), event.dedupe_key.clone());
            let said = read_json(&format!("{}.json", fixture.name))["notes"].to_string();
            let may_repeat = fixture.name.contains("retry") || said.contains("same dedupe key");
            if let Some((first, other)) = first_by_key.insert(key, (fixture.name.clone(), event.clone())) {
                assert!(may_repeat, "{} has the key of {first}", fixture.name);
                assert_eq!(event, other, "{} is not {first}", fixture.name);
            }
        }
    }
}

/// An event in the words of the fixtures.
fn show(event: &CallEvent) -> Value {
    let party = |party: &Option<Party>| {
        party.as_ref().map(|party| {
            let value = party.value.as_ref().map(switchboard_telephony::Address::clear);
            json!({ "kind": party.kind, "value": value, "raw": party.raw, "name": party.name })
        })
    };
    let recording = event.recording.as_ref().map(|recording| {
        json!({
            "id": recording.id,
            "status": event.provider_status,
            "duration_seconds": recording.duration_seconds,
            "channels": recording.channels,
            "source": recording.source,
            "needs_auth": recording.needs_auth,
            "url_expires_in_seconds": url_expires_in(event),
        })
    });
    let forwarded_from =
        event.forwarded_from.as_ref().and_then(|party| party.value.as_ref()).map(switchboard_telephony::Address::clear);
    json!({
        "kind": event.kind,
        "dedupe_key": event.dedupe_key,
        "leg_id": event.leg_id,
        "parent_leg_id": event.parent_leg_id,
        "child_leg_id": event.child_leg_id,
        "session_id": event.session_id,
        "bridged_leg_id": event.bridged_leg_id,
        "linked_session_id": event.linked_session_id,
        "provider_reason": event.provider_reason,
        "q850": event.q850,
        "hangup_source": event.hangup_source,
        "started_at": event.started_at,
        "answered_at": event.answered_at,
        "ended_at": event.ended_at,
        "agent_ref": event.agent_ref,
        "queue": event.queue,
        "seq": event.seq,
        "occurred_at": event.occurred_at,
        "direction": event.direction,
        "direction_raw": event.direction_raw,
        "from": party(&event.from),
        "to": party(&event.to),
        "forwarded_from": forwarded_from,
        "attestation": event.attestation.map(|attestation| attestation.as_str().to_uppercase()),
        "state": event.state,
        "outcome": event.outcome,
        "dial_outcome": event.dial_outcome,
        "sip_code": event.sip_code,
        "duration_seconds": event.duration_seconds,
        "talk_seconds": event.talk_seconds,
        "recording": recording,
    })
}

/// Seconds from the event to the end of the recording's URL.
fn url_expires_in(event: &CallEvent) -> Option<i64> {
    let expires_at = event.recording.as_ref()?.expires_at?;
    Some((expires_at - event.time()).num_seconds())
}

/// Objects are compared by the keys that the fixture gives, times as times.
fn compare(fixture: &str, key: &str, got: &Value, expected: &Value) {
    match expected {
        Value::Object(fields) => {
            for (name, value) in fields {
                compare(fixture, &format!("{key}.{name}"), &got[name], value);
            }
        }
        Value::String(text) if key.ends_with("_at") => {
            let parse = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
            assert_eq!(parse(got.as_str().unwrap()), parse(text), "{fixture}: {key}");
        }
        _ => assert_eq!(got, expected, "{fixture}: {key}"),
    }
}
