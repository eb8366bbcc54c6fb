//! Amazon Connect's events beyond the fixtures: both credentials, every type, transfers, numbers, other channels.

use serde_json::{Value, json};
use switchboard_telephony::{
    Address, CallEvent, Direction, EventKind, LegState, Options, Outcome, ParseError, PartyKind, Provider, Rejection,
    SecretError, Secrets, fold, provider,
};

use crate::support::{Fixture, Request, received_at, time};

const URL: &str = "https://crm.example.com/hooks/amazon-connect";

fn connect() -> &'static dyn Provider {
    provider("amazon-connect").unwrap()
}

fn key() -> Secrets {
    Secrets::new().with("api_key", "k3y")
}

fn basic() -> Secrets {
    Secrets::new().with("username", "events").with("password", "s3cret")
}

fn empty() -> Request {
    Request::post(URL, "application/json", "{}")
}

/// The detail of an inbound contact `c-1`, with more or other fields.
fn detail(event_type: &str, more: &Value) -> Value {
    let mut detail = json!({
        "eventType": event_type,
        "contactId": "c-1",
        "channel": "VOICE",
        "initiationMethod": "INBOUND",
        "initiationTimestamp": "2026-02-12T12:00:00.000Z",
    });
    for (name, value) in more.as_object().unwrap() {
        detail[name] = value.clone();
    }
    detail
}

fn envelope(detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": format!("e-{}-{}", detail["contactId"], detail["eventType"]),
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "time": "2026-02-12T12:30:00Z",
        "detail": detail,
    })
}

fn parse(body: &Value) -> Result<CallEvent, ParseError> {
    let events = Request::post(URL, "application/json", body.to_string()).parse(connect())?;
    assert_eq!(events.len(), 1);
    Ok(events[0].clone())
}

fn event(event_type: &str, more: &Value) -> CallEvent {
    parse(&envelope(&detail(event_type, more))).unwrap()
}

fn agent(second: u32) -> Value {
    json!({ "agentArn": "arn:agent/1", "connectedToAgentTimestamp": format!("2026-02-12T12:00:{second:02}Z") })
}

#[test]
fn the_key_is_taken_from_the_header_of_the_option() {
    let options = Options::new().with("api_key_header", "X-Switchboard-Key");
    assert_eq!(options.check(connect().options()), Ok(()));
    let verify = |request: &Request, options: &Options| request.verify_with(connect(), &key(), options, received_at());
    let default = empty().with("X-API-KEY", "k3y");
    let other = empty().with("x-switchboard-key", "k3y");
    assert_eq!(verify(&default, &Options::new()), Ok(()));
    assert_eq!(verify(&other, &options), Ok(()));
    assert_eq!(verify(&other, &Options::new()), Err(Rejection::MissingSignature));
    assert_eq!(verify(&default, &options), Err(Rejection::MissingSignature));
    assert_eq!(verify(&empty().with("x-api-key", ""), &Options::new()), Err(Rejection::MissingSignature));
    for wrong in ["k3", "k3yy", "K3Y", "k3y,k3y"] {
        let request = empty().with("x-api-key", wrong);
        assert_eq!(verify(&request, &Options::new()), Err(Rejection::BadCredentials), "{wrong}");
    }
}

#[test]
fn either_credential_is_enough_and_only_what_is_configured() {
    let verify = |request: &Request, secrets: &Secrets| request.verify(connect(), secrets, received_at());
    let by_key = empty().signed(connect(), &key(), received_at());
    let by_password = empty().signed(connect(), &basic(), received_at());
    assert_eq!(by_key.headers[1], ("x-api-key".to_owned(), "k3y".to_owned()));
    // events:s3cret in base64.
    assert_eq!(by_password.headers[1], ("Authorization".to_owned(), "Basic ZXZlbnRzOnMzY3JldA==".to_owned()));
    let both = basic().with("api_key", "k3y");
    for secrets in [key(), basic(), both.clone()] {
        assert_eq!(connect().check_secrets(&secrets), Ok(()));
        assert_eq!(verify(&empty(), &secrets).unwrap_err().http_status(), 401);
    }
    assert_eq!((verify(&by_key, &both), verify(&by_password, &both)), (Ok(()), Ok(())));
    assert_eq!(verify(&by_key, &basic()), Err(Rejection::UnknownKey));
    assert_eq!(verify(&by_password, &key()), Err(Rejection::UnknownKey));
    let wrong_password = empty().signed(connect(), &basic().with("password", "guess"), received_at());
    assert_eq!(verify(&wrong_password, &both), Err(Rejection::BadCredentials));
    assert_eq!(verify(&by_password.with("x-api-key", "guess"), &both), Ok(()));
    assert!(matches!(connect().check_secrets(&Secrets::new()), Err(SecretError::Missing { name: "api_key", .. })));
    let half = Secrets::new().with("username", "events");
    assert!(matches!(connect().check_secrets(&half), Err(SecretError::Missing { .. })));
}

#[test]
fn previous_secrets_are_accepted_until_they_are_retired() {
    for (secrets, name) in [(key(), "api_key"), (basic(), "password")] {
        let old = empty().signed(connect(), &secrets, received_at());
        let mut rotated = secrets;
        rotated.rotate(connect().secret_fields(), name, "n3w");
        let new = empty().signed(connect(), &rotated, received_at());
        assert_ne!(old.headers, new.headers);
        assert_eq!(old.verify(connect(), &rotated, received_at()), Ok(()));
        assert_eq!(new.verify(connect(), &rotated, received_at()), Ok(()));
        rotated.retire_previous(connect().secret_fields());
        assert_eq!(old.verify(connect(), &rotated, received_at()), Err(Rejection::BadCredentials));
    }
}

#[test]
fn no_bit_of_the_key_can_be_changed() {
    let fixture = Fixture::load("amazon-connect/a1_initiated");
    let index = fixture.request.headers.iter().position(|(name, _)| name == "X-Api-Key").unwrap();
    for at in 0..fixture.request.headers[index].1.len() {
        for bit in 0..7 {
            let mut changed = fixture.request.clone();
            let mut bytes = changed.headers[index].1.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            changed.headers[index].1 = String::from_utf8(bytes).unwrap();
            assert!(changed.verify(connect(), &fixture.secrets, fixture.now).is_err());
        }
    }
}

#[test]
fn an_inbound_contact_is_answered_by_an_agent_only() {
    let ringing = event("INITIATED", &json!({}));
    assert_eq!((ringing.kind, ringing.state), (EventKind::CallRinging, Some(LegState::Ringing)));
    let system = event("CONNECTED_TO_SYSTEM", &json!({ "connectedToSystemTimestamp": "2026-02-12T12:00:01Z" }));
    assert_eq!((system.kind, system.state, system.answered_at), (EventKind::CallAnnotation, None, None));
    let queued =
        event("QUEUED", &json!({ "queueInfo": { "queueArn": "arn:q", "enqueueTimestamp": "2026-02-12T12:00:05Z" } }));
    assert_eq!((queued.kind, queued.state), (EventKind::CallQueued, Some(LegState::Queued)));
    assert_eq!((queued.occurred_at, queued.queue.as_deref()), (Some(time("2026-02-12T12:00:05Z")), Some("arn:q")));
    let end = json!({ "disconnectTimestamp": "2026-02-12T12:00:40Z", "disconnectReason": "CUSTOMER_DISCONNECT" });
    let missed = event("DISCONNECTED", &end);
    assert_eq!((missed.outcome, missed.hangup_source.as_deref()), (Some(Outcome::NoAnswer), Some("customer")));
    let call = fold(&[missed, system, queued.clone(), ringing.clone()]);
    assert_eq!((call.outcome, call.duration_seconds), (Some(Outcome::NoAnswer), Some(40)));
    let answered = event("CONNECTED_TO_AGENT", &json!({ "AgentInfo": agent(10) }));
    assert_eq!((answered.kind, answered.answered_at), (EventKind::CallAnswered, Some(time("2026-02-12T12:00:10Z"))));
    let done = event("DISCONNECTED", &json!({ "agentInfo": agent(10), "disconnectTimestamp": "2026-02-12T12:00:40Z" }));
    let call = fold(&[done, ringing, queued, answered]);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(30)));
    assert_eq!((call.agent_ref.as_deref(), call.queue.as_deref()), (Some("arn:agent/1"), Some("arn:q")));
    assert_eq!(call.direction, Some(Direction::Inbound));
}

#[test]
fn a_call_to_the_outside_is_answered_when_the_customer_connects() {
    for method in ["OUTBOUND", "CALLBACK", "API"] {
        let event = |event_type: &str, more: &Value| {
            let mut fields = json!({ "initiationMethod": method });
            for (name, value) in more.as_object().unwrap() {
                fields[name] = value.clone();
            }
            event(event_type, &fields)
        };
        let initiated = event("INITIATED", &json!({}));
        assert_eq!((initiated.kind, initiated.direction), (EventKind::CallInitiated, Some(Direction::Outbound)));
        let agent_first = event("CONNECTED_TO_AGENT", &json!({ "agentInfo": agent(2) }));
        assert_eq!((agent_first.kind, agent_first.state), (EventKind::CallRinging, Some(LegState::Ringing)));
        let customer = json!({ "connectedToSystemTimestamp": "2026-02-12T12:00:09Z", "agentInfo": agent(2) });
        assert_eq!(event("CONNECTED_TO_AGENT", &customer).state, Some(LegState::Answered));
        let answered = event("CONNECTED_TO_SYSTEM", &customer);
        assert_eq!(
            (answered.state, answered.answered_at),
            (Some(LegState::Answered), Some(time("2026-02-12T12:00:09Z")))
        );
        let end = |more: &Value| {
            let mut fields = json!({ "disconnectTimestamp": "2026-02-12T12:00:40Z", "agentInfo": agent(2) });
            for (name, value) in more.as_object().unwrap() {
                fields[name] = value.clone();
            }
            event("DISCONNECTED", &fields)
        };
        let call = fold(&[initiated.clone(), agent_first.clone(), answered, end(&customer)]);
        assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(31)), "{method}");
        let reasons = [
            ("TELECOM_BUSY", Outcome::Busy),
            ("TELECOM_UNANSWERED", Outcome::NoAnswer),
            ("TELECOM_TIMEOUT", Outcome::NoAnswer),
            ("TELECOM_ORIGINATOR_CANCEL", Outcome::Canceled),
            ("AGENT_DISCONNECT", Outcome::Canceled),
            ("TELECOM_NUMBER_INVALID", Outcome::Failed),
            ("TELECOM_POTENTIAL_BLOCKING", Outcome::Failed),
            ("TELECOM_PROBLEM", Outcome::Failed),
            ("OUTBOUND_ATTEMPT_FAILED", Outcome::Failed),
            ("OF_NEXT_YEAR", Outcome::NoAnswer),
        ];
        for (reason, outcome) in reasons {
            let end = end(&json!({ "disconnectReason": reason }));
            assert_eq!((end.outcome, end.provider_reason.as_deref()), (Some(outcome), Some(reason)));
            let call = fold(&[initiated.clone(), agent_first.clone(), end]);
            assert_eq!((call.outcome, call.answered_at), (Some(outcome), None), "{method} {reason}");
        }
    }
}

#[test]
fn a_transferred_contact_outlives_the_first_one() {
    let second = |event_type: &str, more: &Value| {
        let mut fields = json!({
            "contactId": "c-2", "initialContactId": "c-1", "previousContactId": "c-1", "initiationMethod": "TRANSFER",
            "initiationTimestamp": "2026-02-12T12:00:30Z",
        });
        for (name, value) in more.as_object().unwrap() {
            fields[name] = value.clone();
        }
        event(event_type, &fields)
    };
    let mut events = vec![
        event("INITIATED", &json!({})),
        event("CONNECTED_TO_AGENT", &json!({ "agentInfo": agent(5) })),
        second("INITIATED", &json!({})),
        event("DISCONNECTED", &json!({ "agentInfo": agent(5), "disconnectTimestamp": "2026-02-12T12:00:35Z" })),
        second("CONNECTED_TO_AGENT", &json!({ "agentInfo": agent(36) })),
    ];
    assert_eq!(fold(&events).state, LegState::Answered);
    events.push(second(
        "DISCONNECTED",
        &json!({ "agentInfo": agent(36), "disconnectTimestamp": "2026-02-12T12:00:50Z" }),
    ));
    let call = fold(&events);
    assert_eq!((call.state, call.outcome, call.talk_seconds), (LegState::Ended, Some(Outcome::Completed), Some(30)));
    assert_eq!((call.direction, call.root_leg.as_deref()), (Some(Direction::Inbound), Some("c-1")));
    assert_eq!(call.ended_at, Some(time("2026-02-12T12:00:50Z")));
    let keys: Vec<Vec<String>> = events.iter().map(CallEvent::correlation_keys).collect();
    assert!(keys.iter().all(|keys| keys.contains(&"session:c-1".to_owned())));
}

#[test]
fn other_channels_types_and_listeners_change_nothing() {
    for channel in ["CHAT", "TASK", "EMAIL", "Chat", "of-next-year"] {
        let event = event("INITIATED", &json!({ "channel": channel }));
        assert_eq!((event.kind, event.state), (EventKind::Ignored, None), "{channel}");
    }
    for channel in [json!("voice"), json!("Voice"), Value::Null] {
        assert_eq!(event("INITIATED", &json!({ "channel": channel })).kind, EventKind::CallRinging);
    }
    for event_type in ["CONTACT_DATA_UPDATED", "AMD_DISABLED", "PAUSED", "OF_NEXT_YEAR", ""] {
        let event = event(event_type, &json!({}));
        assert_eq!((event.kind, event.dedupe_key), (EventKind::Ignored, format!("e-\"c-1\"-\"{event_type}\"")));
    }
    let mut other = envelope(&detail("INITIATED", &json!({})));
    other["detail-type"] = json!("Amazon Connect Voice Analysis");
    assert_eq!(parse(&other).unwrap().kind, EventKind::Ignored);
    let monitor = event("CONNECTED_TO_AGENT", &json!({ "initiationMethod": "MONITOR", "agentInfo": agent(5) }));
    assert_eq!((monitor.kind, monitor.state, monitor.agent_ref), (EventKind::CallAnnotation, None, None));
    let work = event("COMPLETED", &json!({ "agentInfo": { "afterContactWorkEndTimestamp": "2026-02-12T12:01:00Z" } }));
    assert_eq!((work.kind, work.state, work.outcome), (EventKind::CallAnnotation, None, None));
    assert_eq!(work.occurred_at, Some(time("2026-02-12T12:01:00Z")));
}

#[test]
fn numbers_are_taken_from_where_somebody_put_them() {
    let sides = |more: &Value| {
        let event = event("INITIATED", more);
        let clear = |party: Option<switchboard_telephony::Party>| party.and_then(|party| Some(party.value?.clear()));
        let name = event.from.as_ref().and_then(|party| party.name.clone());
        (clear(event.from), name, clear(event.to))
    };
    let expected = (Some("+12025550143".to_owned()), Some("Alice".to_owned()), Some("+14155550100".to_owned()));
    let plain = json!({ "customerNumber": "+12025550143", "customerName": "Alice", "systemNumber": "+14155550100" });
    assert_eq!(sides(&json!({ "attributes": plain })), expected);
    let spelled =
        json!({ "Customer_Number": "+1 202 555 0143", "CUSTOMER-NAME": " Alice ", "Dialed Number": "+14155550100" });
    assert_eq!(sides(&json!({ "Attributes": spelled })), expected);
    let endpoint = |address: &str| json!({ "type": "TELEPHONE_NUMBER", "address": address, "displayName": "Alice" });
    let endpoints = json!({ "customerEndpoint": endpoint("+12025550143"), "SystemEndpoint": endpoint("+14155550100") });
    assert_eq!(sides(&endpoints), expected);
    let wrapped = json!({ "segmentAttributes": {
        "customerNumber": { "valueString": "+12025550143" }, "customerName": { "valueString": "Alice" },
        "systemNumber": { "valueString": "+14155550100" },
    } });
    assert_eq!(sides(&wrapped), expected);
    assert_eq!(sides(&json!({ "attributes": { "customerNumber": "", "mood": "+12025550143" } })), (None, None, None));
    let unknown = event("INITIATED", &json!({}));
    assert_eq!(unknown.from.clone().unwrap().kind, PartyKind::Unknown);
    // The number that comes with a later event fills the caller in.
    let later = event("QUEUED", &json!({ "attributes": { "customerNumber": "+12025550143" } }));
    let call = fold(&[unknown, later]);
    assert_eq!(call.remote_party().unwrap().value.as_ref().map(Address::clear).as_deref(), Some("+12025550143"));
    let outbound = event("INITIATED", &json!({ "initiationMethod": "OUTBOUND", "attributes": plain }));
    assert_eq!(outbound.to.unwrap().value.unwrap().clear(), "+12025550143");
    assert_eq!(outbound.from.unwrap().value.unwrap().clear(), "+14155550100");
}

#[test]
fn keys_and_errors_without_an_envelope() {
    let inner = detail("QUEUED", &json!({}));
    let event = parse(&inner).unwrap();
    assert_eq!((event.dedupe_key.as_str(), event.kind), ("c-1:QUEUED", EventKind::CallQueued));
    assert_eq!(event.occurred_at, None);
    let nameless = parse(&envelope(&detail("QUEUED", &json!({ "contactId": null }))));
    assert_eq!(nameless, Err(ParseError::Missing { field: "detail.contactId" }));
    assert_eq!(parse(&json!([])).unwrap_err().to_string(), "the body is not a JSON object");
    assert_eq!(parse(&json!({})).unwrap().kind, EventKind::Ignored);
    let keys = [json!({ "a": 1 }), json!({ "a": 2 })].map(|body| parse(&body).unwrap().dedupe_key);
    assert_ne!(keys[0], keys[1]);
    let mut long = envelope(&inner);
    long["id"] = json!("e".repeat(3000));
    assert_eq!(parse(&long).unwrap().dedupe_key.len(), 71);
}

#[test]
fn times_that_contradict_each_other_give_no_talk() {
    let fixture = Fixture::load("amazon-connect/a4_disconnected");
    let event = fixture.events().remove(0);
    assert_eq!((event.outcome, event.talk_seconds), (Some(Outcome::Completed), None));
    let late = json!({ "agentInfo": agent(50), "disconnectTimestamp": "2026-02-12T12:00:40Z" });
    let event = self::event("DISCONNECTED", &late);
    assert_eq!((event.outcome, event.answered_at, event.talk_seconds), (Some(Outcome::Completed), None, None));
}
