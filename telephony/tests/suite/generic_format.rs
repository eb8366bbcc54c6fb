//! The generic provider: signatures of both versions, rotation, tolerance, and every field of the format.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use switchboard_telephony::{
    CallEvent, Direction, EventKind, LegState, Options, Outcome, ParseContext, ParseError, PartyKind, RecordingStatus,
    Rejection, SecretError, Secrets, VerifyContext, fold,
};

use crate::support::{Fixture, Request, generic, received_at, time};

const URL: &str = "https://crm.example.com/hooks/generic";
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const PUBLIC: &str = "whpk_6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";

/// Secrets to sign with and secrets to check with.
pub fn key_pair(private: bool) -> (Secrets, Secrets) {
    if private {
        let seed = format!("whsk_{}", STANDARD.encode([7; 32]));
        (Secrets::new().with("private_key", seed), Secrets::new().with("public_key", PUBLIC))
    } else {
        (Secrets::new().with("secret", SECRET), Secrets::new().with("secret", SECRET))
    }
}

fn signed(secrets: &Secrets) -> Request {
    Request::post(URL, "application/json", "{}").with("webhook-id", "msg_1").signed(generic(), secrets, received_at())
}

fn verify(request: &Request, secrets: &Secrets) -> Result<(), Rejection> {
    request.verify(generic(), secrets, received_at())
}

fn parse(body: &Value) -> Result<CallEvent, ParseError> {
    parse_in(body, None)
}

fn parse_in(body: &Value, region: Option<&str>) -> Result<CallEvent, ParseError> {
    let request = Request::post(URL, "application/json", body.to_string()).with("Webhook-Id", "msg_1");
    let context = ParseContext { default_region: region.map(ToOwned::to_owned), ..ParseContext::default() };
    let mut events = generic().parse(&request.hook(), None, received_at(), &context)?;
    assert_eq!(events.len(), 1);
    Ok(events.remove(0))
}

fn call(kind: &str, data: &Value) -> CallEvent {
    let mut data = data.clone();
    data["call_id"] = json!("c-1");
    parse(&json!({ "type": kind, "data": data })).unwrap()
}

#[test]
fn the_private_key_of_the_fixture_gives_its_signature() {
    let fixture = Fixture::load("standard-webhooks/a4_v1a_ed25519");
    let expected = fixture.request.hook().header("webhook-signature").unwrap().to_owned();
    let mut request = fixture.request.clone();
    request.headers.retain(|(name, _)| name == "webhook-id");
    let at = chrono::DateTime::from_timestamp(1_770_897_648, 0).unwrap();
    let signed = request.signed(generic(), &key_pair(true).0, at);
    assert_eq!(signed.hook().header("webhook-signature"), Some(expected.as_str()));
}

#[test]
fn one_good_signature_among_several_is_enough() {
    let secrets = key_pair(false).1;
    let request = signed(&secrets);
    let good = request.hook().header("webhook-signature").unwrap().to_owned();
    let with = |signatures: String| {
        let mut request = request.clone();
        request.headers.retain(|(name, _)| name != "webhook-signature");
        verify(&request.with("webhook-signature", &signatures), &secrets)
    };
    assert_eq!(with(format!("v1,{} {good}", STANDARD.encode([1; 32]))), Ok(()));
    assert_eq!(with(format!("v2,abc {good} v1a,AAAA")), Ok(()));
    assert_eq!(with(format!("v3{}", good.trim_start_matches("v1"))), Err(Rejection::BadCredentials));
    // A version must not be checked with the key of another.
    assert_eq!(with(format!("v1a{}", good.trim_start_matches("v1"))), Err(Rejection::BadCredentials));
    assert_eq!(with("v1,".to_owned()), Err(Rejection::BadCredentials));
}

#[test]
fn old_and_new_keys_are_accepted_during_rotation() {
    let old = Secrets::new().with("secret", format!("whsec_{}", STANDARD.encode([9; 32])));
    let both = Secrets::new().with("secret", SECRET).with("secret_previous", old.get("secret").unwrap());
    assert_eq!(verify(&signed(&old), &both), Ok(()));
    assert_eq!(verify(&signed(&both), &both), Ok(()));
    assert_eq!(verify(&signed(&both), &old), Err(Rejection::BadCredentials));
    let mixed = Secrets::new().with("secret", SECRET).with("public_key_previous", PUBLIC);
    assert_eq!(verify(&signed(&key_pair(true).0), &mixed), Ok(()));
}

#[test]
fn the_headers_may_have_their_other_names() {
    let secrets = key_pair(false).1;
    let mut request = signed(&secrets);
    for (name, _) in &mut request.headers {
        *name = name.replace("webhook-", "Svix-");
    }
    assert_eq!(verify(&request, &secrets), Ok(()));
    request.body = json!({ "type": "call.ringing", "data": { "call_id": "c-1" } }).to_string().into_bytes();
    assert_eq!(request.parse(generic()).unwrap()[0].dedupe_key, "msg_1");
    // A second, unsigned id must not take the place of the signed one.
    let both = request.with("webhook-id", "msg_other");
    assert_eq!(verify(&both, &secrets), Err(Rejection::MissingSignature));
}

#[test]
fn the_tolerance_is_five_minutes_either_way() {
    let secrets = key_pair(false).1;
    let request = signed(&secrets);
    let at = |seconds: i64| request.verify(generic(), &secrets, received_at() + TimeDelta::seconds(seconds));
    assert_eq!((at(300), at(-300)), (Ok(()), Ok(())));
    assert_eq!((at(301), at(-301)), (Err(Rejection::Stale), Err(Rejection::Stale)));
}

#[test]
fn the_tolerance_of_the_connection_counts() {
    let secrets = key_pair(true).1;
    let request = signed(&key_pair(true).0);
    let options = Options::new();
    let verdict = |skew: i64, seconds: i64| {
        let now = received_at() + TimeDelta::seconds(seconds);
        let context = VerifyContext::new(&secrets, &options, now);
        generic().verify(&request.hook(), &VerifyContext { clock_skew: TimeDelta::seconds(skew), ..context })
    };
    assert_eq!((verdict(30, 30), verdict(30, -30)), (Ok(()), Ok(())));
    assert_eq!((verdict(30, 31), verdict(30, -31)), (Err(Rejection::Stale), Err(Rejection::Stale)));
    assert_eq!((verdict(3600, 3600), verdict(0, 0), verdict(0, 1)), (Ok(()), Ok(()), Err(Rejection::Stale)));
}

#[test]
fn the_vector_of_the_specification_is_signed_alike() {
    let secrets = key_pair(false).0;
    let body = r#"{"email":"test@example.com","username":"test_user"}"#;
    let request = Request::post(URL, "application/json", body).with("Webhook-Id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk");
    let at = chrono::DateTime::from_timestamp(1_649_367_553, 0).unwrap();
    let signed = request.signed(generic(), &secrets, at);
    let expected = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
    assert_eq!(signed.hook().header("webhook-signature"), Some(expected));
    assert_eq!(signed.headers.len(), 4);
    // While only the old secret is known, it signs.
    let old = Secrets::new().with("secret_previous", SECRET);
    let again = Request::post(URL, "application/json", body).with("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk");
    assert_eq!(again.signed(generic(), &old, at).hook().header("webhook-signature"), Some(expected));
}

#[test]
fn long_ids_of_messages_have_short_keys() {
    let body = json!({ "type": "call.ringing", "data": { "call_id": "c-1" } }).to_string();
    let key = |id: &str| {
        let request = Request::post(URL, "application/json", body.clone()).with("webhook-id", id);
        request.parse(generic()).unwrap()[0].dedupe_key.clone()
    };
    assert_eq!(key(&"m".repeat(200)), "m".repeat(200));
    assert!(key(&"m".repeat(201)).len() < 100);
    assert_ne!(key(&"m".repeat(201)), key(&"m".repeat(202)));
}

#[test]
fn missing_headers_are_told_apart_from_wrong_ones() {
    let secrets = key_pair(false).1;
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut request = signed(&secrets);
        request.headers.retain(|(name, _)| name != missing);
        assert_eq!(verify(&request, &secrets), Err(Rejection::MissingSignature), "{missing}");
    }
    let mut request = signed(&secrets);
    request.headers.retain(|(name, _)| name != "webhook-timestamp");
    assert_eq!(verify(&request.with("webhook-timestamp", "yesterday"), &secrets), Err(Rejection::BadCredentials));
}

#[test]
fn secrets_have_the_form_of_the_specification() {
    let check = |name: &str, value: &str| generic().check_secrets(&Secrets::new().with(name, value));
    assert_eq!(check("secret", SECRET), Ok(()));
    assert_eq!(check("secret", SECRET.trim_start_matches("whsec_")), Ok(()));
    assert_eq!(check("public_key", PUBLIC), Ok(()));
    assert_eq!(check("secret", &format!("whsec_{}", STANDARD.encode([0; 64]))), Ok(()));
    for bad in ["whsec_c2hvcnQ=", "whsec_not base64!", &format!("whsec_{}", STANDARD.encode([0; 65]))] {
        assert!(matches!(check("secret", bad), Err(SecretError::Malformed { name: "secret", .. })), "{bad}");
    }
    assert!(matches!(check("public_key", SECRET), Err(SecretError::Malformed { name: "public_key", .. })));
    // A private key has no place in a connection.
    assert!(matches!(check("private_key", PUBLIC), Err(SecretError::Unknown { .. })));
    assert!(matches!(generic().check_secrets(&Secrets::new()), Err(SecretError::Missing { name: "secret", .. })));
}

#[test]
fn every_type_has_its_kind_and_state() {
    let types = [
        ("call.initiated", Some(LegState::Initiated)),
        ("call.ringing", Some(LegState::Ringing)),
        ("call.queued", Some(LegState::Queued)),
        ("call.answered", Some(LegState::Answered)),
        ("call.bridged", Some(LegState::Answered)),
        ("call.held", Some(LegState::Answered)),
        ("call.unheld", Some(LegState::Answered)),
        ("call.transferred", None),
        ("call.ended", Some(LegState::Ended)),
        ("recording.provisional", None),
        ("recording.ready", None),
        ("recording.failed", None),
        ("voicemail.started", None),
        ("voicemail.ready", None),
        ("call.annotation", None),
    ];
    for (kind, state) in types {
        let event = call(kind, &json!({}));
        assert_eq!((event.kind.as_str(), event.state), (kind, state));
    }
}

#[test]
fn every_field_is_read() {
    let event = parse(&json!({
        "type": "call.ended",
        "timestamp": "2026-02-12T12:00:50Z",
        "data": {
            "call_id": "c-1", "leg_id": "l-2", "parent_leg_id": "l-1", "direction": "inbound",
            "from": "+12025550143", "from_name": "Ann", "to": "sip:201@pbx.example.net", "to_name": "Desk",
            "forwarded_from": "+14155550100", "attestation": "B", "outcome": "completed",
            "occurred_at": "2026-02-12T13:00:47.5+01:00", "started_at": "2026-02-12T12:00:00Z",
            "answered_at": "2026-02-12T12:00:05Z", "ended_at": "2026-02-12T12:00:47Z",
            "duration_seconds": 47, "talk_seconds": 42.9, "agent": "ann@example.com", "queue": "sales",
            "recording": { "id": "r-1", "url": "https://pbx.example.net/r-1.mp3", "duration_seconds": 41 },
        },
    }))
    .unwrap();
    assert_eq!((event.dedupe_key.as_str(), event.received_at), ("msg_1", received_at()));
    let ids = [&event.leg_id, &event.parent_leg_id, &event.session_id].map(|id| id.as_deref().unwrap());
    assert_eq!(ids, ["l-2", "l-1", "c-1"]);
    assert_eq!((event.direction, event.outcome), (Some(Direction::Inbound), Some(Outcome::Completed)));
    assert_eq!(event.occurred_at, Some(time("2026-02-12T12:00:47.5Z")));
    assert_eq!(event.started_at, Some(time("2026-02-12T12:00:00Z")));
    assert_eq!(event.answered_at, Some(time("2026-02-12T12:00:05Z")));
    assert_eq!(event.ended_at, Some(time("2026-02-12T12:00:47Z")));
    assert_eq!((event.duration_seconds, event.talk_seconds), (Some(47), Some(42)));
    assert_eq!((event.agent_ref.as_deref(), event.queue.as_deref()), (Some("ann@example.com"), Some("sales")));
    let from = event.from.unwrap();
    assert_eq!((from.kind, from.name.as_deref()), (PartyKind::Pstn, Some("Ann")));
    assert_eq!(event.to.unwrap().kind, PartyKind::Sip);
    assert_eq!(event.forwarded_from.unwrap().phone().unwrap().e164(), "+14155550100");
    assert_eq!(event.attestation.unwrap().as_str(), "b");
    let recording = event.recording.unwrap();
    assert_eq!((recording.id.as_str(), recording.status), ("r-1", RecordingStatus::Ready));
    assert_eq!((recording.duration_seconds, recording.voicemail), (Some(41), false));
}

#[test]
fn without_a_leg_the_call_is_the_leg_and_both_ways_are_one_call() {
    let whole = call("call.ringing", &json!({}));
    assert_eq!((whole.leg_id.as_deref(), whole.session_id.as_deref()), (Some("c-1"), Some("c-1")));
    let leg = call("call.answered", &json!({ "leg_id": "l-2" }));
    let shared: Vec<_> =
        whole.correlation_keys().into_iter().filter(|key| leg.correlation_keys().contains(key)).collect();
    assert_eq!(shared, ["session:c-1"]);
    assert_eq!(call("call.ringing", &json!({ "leg_id": 17 })).leg_id.as_deref(), Some("17"));
}

#[test]
fn parties_are_numbers_addresses_extensions_or_hidden() {
    let from = |from: Value, region: Option<&str>| {
        let body = json!({ "type": "call.ringing", "data": { "call_id": "c-1", "from": from } });
        parse_in(&body, region).unwrap().from
    };
    let clear = |raw: &str, region| from(json!(raw), region).unwrap().value.unwrap().clear();
    assert_eq!(clear("+49 30 901820", None), "+4930901820");
    assert_eq!(clear("030 901820", Some("DE")), "+4930901820");
    assert_eq!(clear("tel:+4930901820", None), "+4930901820");
    assert_eq!(clear("client:ann", None), "client:ann");
    let kind = |raw: &str, region| from(json!(raw), region).unwrap().kind;
    assert_eq!(kind("201", Some("DE")), PartyKind::Extension);
    assert_eq!(kind("030 901820", None), PartyKind::Unknown);
    assert_eq!(kind("anonymous", None), PartyKind::Withheld);
    assert_eq!(kind("", None), PartyKind::Withheld);
    assert_eq!(from(json!(201), None).unwrap().kind, PartyKind::Extension);
    assert_eq!(from(Value::Null, None), None);
    assert_eq!(call("call.ringing", &json!({ "to": "" })).to, None);
}

#[test]
fn words_that_are_new_change_nothing() {
    let unknown = parse(&json!({ "type": "fax.received", "data": { "call_id": "c-1", "from": ["?"] } })).unwrap();
    assert_eq!((unknown.kind, unknown.provider_status.as_deref()), (EventKind::Ignored, Some("fax.received")));
    assert_eq!(parse(&json!({ "type": "order.paid" })).unwrap().kind, EventKind::Ignored);
    assert_eq!(parse(&json!({ "type": "ignored", "data": [] })).unwrap().kind, EventKind::Ignored);
    let ended = call("call.ended", &json!({ "outcome": "evaporated", "direction": "sideways" }));
    assert_eq!((ended.state, ended.outcome, ended.direction), (Some(LegState::Ended), None, None));
    assert_eq!(ended.provider_status.as_deref(), Some("evaporated"));
    for (word, outcome) in
        [("No-Answer", Outcome::NoAnswer), ("missed", Outcome::NoAnswer), ("Cancelled", Outcome::Canceled)]
    {
        assert_eq!(call("call.ended", &json!({ "outcome": word })).outcome, Some(outcome));
    }
}

#[test]
fn errors_name_the_field_and_never_its_value() {
    let error = |body: Value| parse(&body).unwrap_err().to_string();
    assert_eq!(error(json!({ "email": "ann@example.com" })), "the field type is missing");
    assert_eq!(error(json!({ "type": 7 })), "the field type is not a text");
    assert_eq!(error(json!({ "type": "call.ended" })), "the field data.call_id is missing");
    assert_eq!(error(json!({ "type": "call.ended", "data": { "call_id": "" } })), "the field data.call_id is missing");
    assert_eq!(error(json!(["+12025550143"])), "the body is not a JSON object with \"type\" and \"data\"");
    let bad =
        |field: &str, value: Value| error(json!({ "type": "call.ended", "data": { "call_id": "c", field: value } }));
    assert_eq!(bad("from", json!({ "number": "+12025550143" })), "the field data.from is not a text");
    assert!(bad("ended_at", json!("12.02.2026")).starts_with("the field data.ended_at is not a time"));
    assert!(bad("talk_seconds", json!(-1)).starts_with("the field data.talk_seconds is not a number of seconds"));
    assert!(bad("duration_seconds", json!(1e300)).starts_with("the field data.duration_seconds is not"));
    assert_eq!(bad("recording", json!("r-1")), "the field data.recording is not an object");
    let request = Request::post(URL, "application/json", "+12025550143{").with("webhook-id", "msg_1");
    assert!(!request.parse(generic()).unwrap_err().to_string().contains("202"));
    let nameless = Request::post(URL, "application/json", "{}").parse(generic()).unwrap_err();
    assert_eq!(nameless, ParseError::Missing { field: "webhook-id" });
}

#[test]
fn a_call_from_start_to_end() {
    let events = [
        (
            "call.ringing",
            json!({ "direction": "inbound", "from": "+12025550143", "occurred_at": "2026-02-12T12:00:00Z" }),
        ),
        ("call.answered", json!({ "agent": "ann@example.com", "occurred_at": "2026-02-12T12:00:04Z" })),
        ("call.ended", json!({ "occurred_at": "2026-02-12T12:01:04.9Z" })),
    ];
    let events: Vec<CallEvent> = events
        .iter()
        .enumerate()
        .map(|(index, (kind, data))| CallEvent { dedupe_key: format!("msg_{index}"), ..call(kind, data) })
        .collect();
    let ringing = fold(&events[..1]);
    assert_eq!((ringing.state, ringing.outcome), (LegState::Ringing, None));
    let answered = fold(&events[..2]);
    assert_eq!((answered.state, answered.agent_ref.as_deref()), (LegState::Answered, Some("ann@example.com")));
    let ended = fold(&events);
    assert_eq!((ended.state, ended.outcome), (LegState::Ended, Some(Outcome::Completed)));
    assert_eq!((ended.talk_seconds, ended.duration_seconds), (Some(60), Some(64)));
    let missed = fold(&[events[0].clone(), events[2].clone()]);
    assert_eq!((missed.outcome, missed.talk_seconds), (Some(Outcome::NoAnswer), None));
}

#[test]
fn every_example_of_the_documentation_is_understood() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/generic-webhook.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap());
    let command = text.split("body='").nth(1).unwrap().split('\'').next().unwrap();
    let mut events = Vec::new();
    for (index, body) in blocks.chain([command]).enumerate() {
        let body: Value = serde_json::from_str(body).unwrap();
        let event = parse(&body).unwrap_or_else(|error| panic!("example {index}: {error}"));
        assert_eq!(event.kind.as_str(), body["type"], "example {index}");
        events.push(CallEvent { dedupe_key: index.to_string(), ..event });
    }
    assert_eq!(events.len(), 6);
    let answered: Vec<_> = events.iter().filter(|event| event.leg_id.as_deref() == Some("c-1")).cloned().collect();
    let call = fold(&answered);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(312)));
    assert_eq!((call.recordings.len(), call.agent_ref.as_deref()), (1, Some("ben@example.com")));
    // Every type and every field of the tables exists: what the tables name is what the code reads.
    for kind in EventKind::ALL.iter().filter(|kind| !matches!(kind, EventKind::Ignored | EventKind::DialResult)) {
        assert!(text.contains(&format!("`{kind}`")), "{kind} is not documented");
    }
}
