//! RingCentral's notifications beyond the fixtures: the handshake, both token headers, every status and reason, parties.

use serde_json::{Value, json};
use switchboard_telephony::{
    CallEvent, Direction, EventKind, LegState, Method, Outcome, ParseError, PartyKind, Provider, RecordingStatus,
    Rejection, SecretError, Secrets, fold, provider,
};

use crate::support::{Fixture, Request, received_at, time};

const URL: &str = "https://crm.example.com/hooks/ringcentral";

fn ringcentral() -> &'static dyn Provider {
    provider("ringcentral").unwrap()
}

fn secrets() -> Secrets {
    Secrets::new().with("verification_token", "rc-token")
}

fn empty() -> Request {
    Request::post(URL, "application/json", "")
}

/// A party of the caller +12025550143 at the extension `1001`.
fn party(id: &str, code: &str, more: &Value) -> Value {
    let mut party = json!({
        "id": id,
        "extensionId": "1001",
        "direction": "Inbound",
        "from": { "phoneNumber": "+12025550143", "name": "Jerry" },
        "to": { "phoneNumber": "+14155550100", "name": "Tom", "extensionId": "1001" },
        "status": { "code": code },
        "missedCall": false,
    });
    for (name, value) in more.as_object().unwrap() {
        party[name] = value.clone();
    }
    party
}

fn ended(id: &str, reason: &str) -> Value {
    party(id, "Disconnected", &json!({ "status": { "code": "Disconnected", "reason": reason } }))
}

fn notification(sequence: u32, parties: &[Value]) -> Value {
    json!({
        "uuid": format!("u-{sequence}"),
        "event": "/restapi/v1.0/account/1/telephony/sessions",
        "timestamp": "2026-02-12T12:00:59Z",
        "body": {
            "sequence": sequence,
            "telephonySessionId": "s-1",
            "sessionId": "4711",
            "eventTime": format!("2026-02-12T12:00:{sequence:02}Z"),
            "parties": parties,
        },
    })
}

fn events(body: &Value) -> Vec<CallEvent> {
    Request::post(URL, "application/json", body.to_string()).parse(ringcentral()).unwrap()
}

fn event(sequence: u32, party: Value) -> CallEvent {
    let mut events = events(&notification(sequence, &[party]));
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn the_handshake_echoes_a_token_that_can_be_a_header() {
    let answer = |request: &Request| request.handshake(ringcentral(), &secrets(), received_at());
    let shaken = answer(&empty().with("validation-token", " 79a5b9c1-handshake ")).unwrap();
    assert_eq!((shaken.status, shaken.body.as_ref()), (200, ""));
    assert_eq!(shaken.headers, [("validation-token", "79a5b9c1-handshake".to_owned())]);
    assert!(answer(&empty().with("Validation-Token", &"a".repeat(256))).is_some());
    for token in ["", "   ", "two words", "line\r\nSet-Cookie: a=b", "ü", "\u{7f}", &"a".repeat(257)] {
        let request = empty().with("Validation-Token", token);
        assert_eq!(answer(&request), None, "{token:?}");
        assert!(request.verify(ringcentral(), &secrets(), received_at()).is_err(), "{token:?}");
    }
    assert_eq!(answer(&empty()), None);
    assert_eq!(answer(&empty().with("Verification-Token", "79a5b9c1")), None);
    let get = Request { method: Method::Get, ..empty().with("Validation-Token", "79a5b9c1") };
    assert_eq!(answer(&get), None);
}

#[test]
fn a_payload_is_never_a_handshake() {
    for body in [" ", "{}", "{\"uuid\":\"1\"}"] {
        let request = Request::post(URL, "application/json", body).with("Validation-Token", "foreign");
        assert_eq!(request.handshake(ringcentral(), &secrets(), received_at()), None, "{body}");
        assert_eq!(request.verify(ringcentral(), &secrets(), received_at()), Err(Rejection::BadCredentials), "{body}");
    }
    // The old guide's notifications carry our own token in the header of the handshake.
    let old = Request::post(URL, "application/json", "{}").with("Validation-Token", "rc-token");
    assert_eq!(old.handshake(ringcentral(), &secrets(), received_at()), None);
    assert_eq!(old.verify(ringcentral(), &secrets(), received_at()), Ok(()));
    // A handshake proves nothing: it is answered, and never accepted.
    let shake = empty().with("Validation-Token", "foreign");
    assert!(shake.handshake(ringcentral(), &secrets(), received_at()).is_some());
    assert_eq!(shake.verify(ringcentral(), &secrets(), received_at()), Err(Rejection::BadCredentials));
    assert_eq!(
        empty().with("Validation-Token", "foreign").parse(ringcentral()),
        Err(ParseError::Body { expected: "JSON" })
    );
}

#[test]
fn either_header_may_carry_either_token() {
    let mut rotated = secrets();
    rotated.rotate(ringcentral().secret_fields(), "verification_token", "rc-new");
    assert_eq!(ringcentral().check_secrets(&rotated), Ok(()));
    let request = || Request::post(URL, "application/json", "{}");
    let verify = |request: &Request| request.verify(ringcentral(), &rotated, received_at());
    for header in ["Verification-Token", "VALIDATION-TOKEN"] {
        for token in ["rc-token", "rc-new"] {
            assert_eq!(verify(&request().with(header, token)), Ok(()), "{header} {token}");
        }
        for token in ["rc-toke", "rc-token2", "RC-TOKEN", "rc-tokem"] {
            assert_eq!(verify(&request().with(header, token)), Err(Rejection::BadCredentials), "{header} {token}");
        }
        assert_eq!(verify(&request().with(header, "")), Err(Rejection::MissingSignature));
    }
    assert_eq!(verify(&request()), Err(Rejection::MissingSignature));
    let both = request().with("Verification-Token", "rc-token").with("Validation-Token", "of the subscription");
    assert_eq!(verify(&both), Ok(()));
    let signed = request().signed(ringcentral(), &rotated, received_at());
    assert_eq!(verify(&signed), Ok(()));
    rotated.retire_previous(ringcentral().secret_fields());
    let old = request().with("Verification-Token", "rc-token");
    assert_eq!(old.verify(ringcentral(), &rotated, received_at()), Err(Rejection::BadCredentials));
    let unset = Secrets::new();
    assert!(matches!(ringcentral().check_secrets(&unset), Err(SecretError::Missing { .. })));
    assert_eq!(old.verify(ringcentral(), &unset, received_at()), Err(Rejection::UnknownKey));
}

#[test]
fn no_bit_of_the_token_can_be_changed() {
    let fixture = Fixture::load("ringcentral/a3_answered");
    let index = fixture.request.headers.iter().position(|(name, _)| name == "Verification-Token").unwrap();
    for at in 0..fixture.request.headers[index].1.len() {
        for bit in 0..7 {
            let mut changed = fixture.request.clone();
            let mut bytes = changed.headers[index].1.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            changed.headers[index].1 = String::from_utf8(bytes).unwrap();
            assert!(changed.verify(ringcentral(), &fixture.secrets, fixture.now).is_err());
        }
    }
}

#[test]
fn every_code_has_its_meaning() {
    let codes = [
        ("Setup", EventKind::CallInitiated, Some(LegState::Initiated)),
        ("Proceeding", EventKind::CallRinging, Some(LegState::Ringing)),
        ("Answered", EventKind::CallAnswered, Some(LegState::Answered)),
        ("Hold", EventKind::CallHeld, Some(LegState::Answered)),
        ("Parked", EventKind::CallHeld, Some(LegState::Answered)),
        ("VoiceMail", EventKind::VoicemailStarted, None),
        ("VoiceMailScreening", EventKind::VoicemailStarted, None),
        ("Voicemail", EventKind::VoicemailStarted, None),
        ("VMScreening", EventKind::VoicemailStarted, None),
        ("Gone", EventKind::CallTransferred, Some(LegState::Ended)),
        ("Disconnected", EventKind::CallEnded, Some(LegState::Ended)),
        ("FaxReceive", EventKind::Ignored, None),
        ("OfNextYear", EventKind::Ignored, None),
        ("", EventKind::Ignored, None),
    ];
    for (code, kind, state) in codes {
        let event = event(1, party("p-1", code, &json!({})));
        assert_eq!((event.kind, event.state), (kind, state), "{code}");
        assert_eq!(event.provider_status.unwrap_or_default(), code);
    }
    let missed = event(1, party("p-1", "Disconnected", &json!({ "missedCall": true })));
    assert_eq!((missed.outcome, missed.outcome_in_context), (Some(Outcome::NoAnswer), false));
}

#[test]
fn every_reason_has_its_outcome_with_and_without_an_answer() {
    let failed = ["InvalidNumber", "NoSuchUser", "DestinationBlocked", "InternationalDisabled", "NotEnoughFunds"]
        .map(|it| (it, Outcome::Failed));
    let plain = [
        ("NoAnswer", Outcome::NoAnswer),
        ("Timeout", Outcome::NoAnswer),
        ("TargetBusy", Outcome::Busy),
        ("Rejected", Outcome::Rejected),
        ("Cancelled", Outcome::Canceled),
    ];
    for (reason, outcome) in plain.into_iter().chain(failed) {
        let event = event(9, ended("p-1", reason));
        assert_eq!((event.kind, event.outcome), (EventKind::CallEnded, Some(outcome)), "{reason}");
        assert_eq!((event.outcome_in_context, event.provider_reason.as_deref()), (false, Some(reason)));
    }
    let answer = event(5, party("p-1", "Answered", &json!({})));
    for (reason, outcome) in [
        ("CallFinished", Outcome::Completed),
        ("OfNextYear", Outcome::Completed),
        ("InternalError", Outcome::Failed),
        ("CallDropped", Outcome::Failed),
    ] {
        let end = event(9, ended("p-1", reason));
        assert_eq!((end.outcome, end.outcome_in_context), (Some(outcome), true), "{reason}");
        assert_eq!(fold(&[answer.clone(), end.clone()]).outcome, Some(Outcome::Completed), "{reason}");
        assert_eq!(fold(&[end]).outcome, Some(Outcome::NoAnswer), "{reason}");
    }
}

#[test]
fn a_party_that_moved_on_does_not_end_the_call() {
    let reasons = [
        "Pickup",
        "TakeOver",
        "BlindTransfer",
        "RccTransfer",
        "AttendedTransfer",
        "CallerInputRedirect",
        "CallFlip",
        "ParkLocation",
        "DtmfTransfer",
        "CallPark",
        "CallRedirected",
        "CallReplied",
        "CallSwitch",
        "Supervising",
        "AgentAnswered",
        "AgentDropped",
    ];
    for reason in reasons {
        let moved = event(9, ended("p-1", reason));
        assert_eq!((moved.kind, moved.outcome), (EventKind::CallTransferred, None), "{reason}");
        let next = event(10, party("p-2", "Proceeding", &json!({})));
        let mut events = vec![event(1, party("p-1", "Proceeding", &json!({}))), moved, next];
        assert_eq!(fold(&events).state, LegState::Ringing, "{reason}");
        events.push(event(12, party("p-2", "Answered", &json!({}))));
        assert_eq!(fold(&events).state, LegState::Answered, "{reason}");
        events.push(event(20, ended("p-2", "CallFinished")));
        let call = fold(&events);
        assert_eq!((call.state, call.outcome), (LegState::Ended, Some(Outcome::Completed)), "{reason}");
        assert_eq!((call.direction, call.talk_seconds), (Some(Direction::Inbound), Some(8)), "{reason}");
    }
}

#[test]
fn a_menu_or_a_queue_that_answered_is_nobody_who_talked() {
    for reason in ["CallerInputRedirect", "AgentAnswered"] {
        let events = [
            event(1, party("p-1", "Answered", &json!({}))),
            event(9, ended("p-1", reason)),
            event(10, party("p-2", "Proceeding", &json!({}))),
            event(30, party("p-2", "Disconnected", &json!({ "missedCall": true }))),
        ];
        let call = fold(&events);
        assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::NoAnswer), None), "{reason}");
    }
    // An agent who passes the caller on did talk.
    let events = [
        event(1, party("p-1", "Answered", &json!({}))),
        event(9, ended("p-1", "BlindTransfer")),
        event(30, party("p-2", "Disconnected", &json!({ "missedCall": true }))),
    ];
    let call = fold(&events);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(8)));
}

#[test]
fn a_message_makes_a_missed_call_a_voicemail() {
    let events = [
        event(1, party("p-1", "Proceeding", &json!({}))),
        event(10, party("p-1", "VoiceMail", &json!({}))),
        event(20, ended("p-1", "CallFinished")),
    ];
    assert_eq!(fold(&events).outcome, Some(Outcome::Voicemail));
}

#[test]
fn every_party_is_an_event_of_its_own() {
    let parties =
        [party("p-1", "Answered", &json!({})), party("p-2", "Proceeding", &json!({})), json!({ "status": 1 })];
    let events = events(&notification(7, &parties));
    let keys: Vec<&str> = events.iter().map(|event| event.dedupe_key.as_str()).collect();
    assert_eq!(keys, ["u-7", "u-7:p-2", "u-7:2"]);
    assert_eq!(events[1].leg_id.as_deref(), Some("p-2"));
    assert!(events.iter().all(|event| event.session_id.as_deref() == Some("s-1") && event.seq == Some(7)));
    assert!(events.iter().all(|event| event.occurred_at == Some(time("2026-02-12T12:00:07Z"))));
    assert_eq!((events[2].kind, &events[2].leg_id), (EventKind::Ignored, &None));
    let many = notification(7, &vec![party("p", "Setup", &json!({})); 1001]);
    let error = Request::post(URL, "application/json", many.to_string()).parse(ringcentral()).unwrap_err();
    assert_eq!(error.to_string(), "the field body.parties is not a list of at most 1000 parties");
}

#[test]
fn the_nested_shape_of_push_notifications_is_read_too() {
    let flat = notification(5, &[party("p-1", "Proceeding", &json!({}))]);
    let mut inner = flat.clone();
    inner["aps"] = json!({ "content-available": 1 });
    assert_eq!(events(&json!({ "pn_apns": inner })), events(&flat));
    assert_eq!(events(&json!({ "uuid": "u-5", "ownerId": "1", "pn_apns": inner })), events(&flat));
}

#[test]
fn extensions_call_each_other_inside() {
    let side = |number: &str| json!({ "phoneNumber": number, "name": "Tom", "extensionId": "1002" });
    for direction in ["Inbound", "Outbound"] {
        let sides = json!({ "direction": direction, "from": side("103"), "to": side("102") });
        let event = event(1, party("p-1", "Answered", &sides));
        assert_eq!((event.direction, event.direction_raw.as_deref()), (Some(Direction::Internal), Some(direction)));
        assert_eq!(event.from.as_ref().unwrap().kind, PartyKind::Extension);
        assert_eq!(fold(&[event]).remote_party(), None);
    }
    let outbound = json!({
        "direction": "Outbound", "extensionId": null,
        "from": { "extensionNumber": "103", "extensionId": "1003" }, "to": { "phoneNumber": "+12025550143" },
    });
    let event = event(1, party("p-1", "Proceeding", &outbound));
    assert_eq!((event.direction, event.agent_ref.as_deref()), (Some(Direction::Outbound), Some("1003")));
    let call = fold(&[event]);
    assert_eq!(call.remote_party().unwrap().value.as_ref().unwrap().clear(), "+12025550143");
}

#[test]
fn the_rules_of_a_called_extension_are_nobody_who_answered() {
    let sides = json!({
        "direction": "Outbound", "from": { "phoneNumber": "101", "extensionId": "1003" },
        "to": { "phoneNumber": "102", "extensionId": "1001" },
    });
    let called = |more: Value| {
        let mut fields = json!({ "from": sides["from"], "to": sides["to"] });
        for (name, value) in more.as_object().unwrap() {
            fields[name] = value.clone();
        }
        fields
    };
    let mut calling_end = sides.clone();
    calling_end["status"] = json!({ "code": "Disconnected", "reason": "CallFinished" });
    let calling = [event(1, party("p-1", "Answered", &sides)), event(30, party("p-1", "Disconnected", &calling_end))];
    let missed = [
        event(2, party("p-2", "Proceeding", &called(json!({})))),
        event(29, party("p-2", "Disconnected", &called(json!({ "missedCall": true })))),
    ];
    let call = fold(&[calling.to_vec(), missed.to_vec()].concat());
    assert_eq!((call.direction, call.outcome), (Some(Direction::Internal), Some(Outcome::NoAnswer)));
    assert_eq!(call.talk_seconds, None);
    let answered = [
        event(5, party("p-2", "Answered", &called(json!({})))),
        event(25, party("p-2", "Disconnected", &called(json!({})))),
    ];
    let call = fold(&[calling.to_vec(), answered.to_vec()].concat());
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(20)));
    // A subscription for one extension tells of its own party only.
    assert_eq!(fold(&calling).outcome, Some(Outcome::Completed));
}

#[test]
fn callers_without_a_number_are_not_made_up() {
    let from = |from: Value| event(1, party("p-1", "Proceeding", &json!({ "from": from }))).from;
    assert_eq!(from(json!({ "phoneNumber": "anonymous", "name": "Anonymous" })).unwrap().kind, PartyKind::Withheld);
    let hidden = from(json!({ "name": "Anonymous" })).unwrap();
    assert_eq!((hidden.kind, hidden.name), (PartyKind::Withheld, None));
    let named = from(json!({ "name": "Jerry" })).unwrap();
    assert_eq!((named.kind, named.value, named.name.as_deref()), (PartyKind::Unknown, None, Some("Jerry")));
    let colleague = from(json!({ "extensionId": "400144457008", "name": "Jerry" })).unwrap();
    assert_eq!((colleague.kind, colleague.value), (PartyKind::Extension, None));
    assert_eq!(from(Value::Null), None);
}

#[test]
fn a_peer_ties_sessions_and_recordings_are_kept() {
    let more = json!({
        "status": { "code": "Gone", "peerId": { "telephonySessionId": "s-2", "partyId": "p-9", "sessionId": "4712" } },
        "recordings": [{ "id": "r-1", "active": false }, { "id": "r-2", "active": true }],
    });
    let gone = event(3, party("p-1", "Gone", &more));
    assert_eq!((gone.linked_session_id.as_deref(), gone.bridged_leg_id.as_deref()), (Some("s-2"), Some("p-9")));
    assert_eq!(gone.correlation_keys(), ["leg:p-1", "leg:p-9", "session:s-1", "session:s-2"]);
    let recording = gone.recording.unwrap();
    assert_eq!((recording.id.as_str(), recording.status), ("r-2", RecordingStatus::InProgress));
    assert!(recording.needs_auth && recording.url.is_none());
    let same = json!({ "status": { "code": "Gone", "peerId": { "telephonySessionId": "s-1", "partyId": "p-1" } } });
    let same = event(3, party("p-1", "Gone", &same));
    assert_eq!((same.linked_session_id, same.bridged_leg_id), (None, None));
}

#[test]
fn other_notifications_are_kept_without_an_effect() {
    let ignored = |body: &Value| {
        let mut events = events(body);
        assert_eq!((events.len(), events[0].kind), (1, EventKind::Ignored));
        events.remove(0).dedupe_key
    };
    assert_eq!(ignored(&json!({ "uuid": "u-1", "event": "/message-store", "body": { "changes": [] } })), "u-1");
    assert_eq!(ignored(&json!({ "uuid": "u-2" })), "u-2");
    assert_eq!(ignored(&notification(4, &[])), "u-4");
    assert_eq!(ignored(&json!({ "event": "a" })), ignored(&json!({ "event": "a" })));
    assert_ne!(ignored(&json!({ "event": "a" })), ignored(&json!({ "event": "b" })));
    assert_eq!(ignored(&json!({ "uuid": "u".repeat(4000) })).len(), 71);
    let error = |body: &str| Request::post(URL, "application/json", body).parse(ringcentral()).unwrap_err().to_string();
    assert_eq!(error("[]"), "the body is not a JSON object");
    let homeless = json!({ "uuid": "u-1", "body": { "parties": [party("p-1", "Setup", &json!({}))] } });
    assert_eq!(error(&homeless.to_string()), "the field body.telephonySessionId is missing");
    let legacy =
        json!({ "uuid": "u-1", "body": { "sessionId": "4711", "parties": [party("p-1", "Setup", &json!({}))] } });
    assert_eq!(events(&legacy)[0].session_id.as_deref(), Some("4711"));
}
