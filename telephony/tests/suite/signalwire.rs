//! SignalWire: both signature schemes, the forms where they differ from Twilio's, and the JSON callbacks.

use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard_telephony::{
    CallEvent, Direction, EventKind, LegState, Method, Outcome, ParseError, PartyKind, Provider, RecordingStatus,
    Rejection, SecretError, Secrets, fold, provider,
};

use crate::support::{Fixture, Request, received_at, time, twilio};

const URL: &str = "https://crm.example.com/hooks/signalwire/status";
const FORM: &str = "application/x-www-form-urlencoded";
const KEY: &str = "PSKtest1234567890abcdef";
const HEADER: &str = "X-SignalWire-Signature";

fn signalwire() -> &'static dyn Provider {
    provider("signalwire").unwrap()
}

fn key() -> Secrets {
    Secrets::new().with("signing_key", KEY)
}

fn verify(request: &Request, secrets: &Secrets) -> Result<(), Rejection> {
    request.verify(signalwire(), secrets, received_at())
}

fn form(body: &str) -> Request {
    Request::post(URL, FORM, body)
}

fn events(request: &Request) -> Vec<CallEvent> {
    request.parse(signalwire()).unwrap()
}

fn event(request: &Request) -> CallEvent {
    let mut events = events(request);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn status(pairs: &[(&str, &str)]) -> CallEvent {
    event(&Request::form(URL, &[&[("CallSid", "c1"), ("SequenceNumber", "3")], pairs].concat()))
}

fn json_request(body: &Value) -> Request {
    Request::post(URL, "application/json", body.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "every caller makes it on the spot")]
fn call(sort: &str, params: Value) -> CallEvent {
    event(&json_request(&json!({ "event_type": sort, "timestamp": 1_770_896_905.25, "params": params })))
}

#[test]
fn the_vendors_vectors_are_accepted_and_reproduced() {
    // tests/unit/security/test_webhook_validator.py of signalwire-python: vectors A, B and C.
    let a = Request::post(
        "https://example.ngrok.io/webhook",
        "application/json",
        r#"{"event":"call.state","params":{"call_id":"abc-123","state":"answered"}}"#,
    );
    let b = Request::post(
        "https://mycompany.com/myapp.php?foo=1&bar=2",
        FORM,
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212",
    );
    let c = Request::post(
        "https://example.ngrok.io/webhook?bodySHA256=69f3cbfc18e386ef8236cb7008cd5a54b7fed637a8cb3373b5a1591d7f0fd5f4",
        "application/json",
        r#"{"event":"call.state"}"#,
    );
    let token = Secrets::new().with("signing_key", "12345");
    for (request, secrets, signature, reproduced) in [
        (a, key(), "c3c08c1fefaf9ee198a100d5906765a6f394bf0f", true),
        (b, token, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", true),
        // JSON is signed with scheme A by us; this one is scheme B.
        (c, key(), "dfO9ek8mxyFtn2nMz24plPmPfIY=", false),
    ] {
        let signed = request.clone().with(HEADER, signature);
        assert_eq!(verify(&signed, &secrets), Ok(()), "{signature}");
        assert_eq!(verify(&request.clone().with("x-twilio-signature", signature), &secrets), Ok(()), "{signature}");
        let ours = request.clone().signed(signalwire(), &secrets, received_at());
        assert_eq!(verify(&ours, &secrets), Ok(()));
        assert_eq!(ours.hook().header(HEADER) == Some(signature), reproduced, "{signature}");
        let mut body = request.body.clone();
        body.push(b' ');
        let changed = Request { body, ..signed.clone() };
        assert_eq!(verify(&changed, &secrets), Err(Rejection::BadSignature), "{signature}");
        let url = signed.url.replace("https", "http");
        assert_eq!(verify(&Request { url, ..signed }, &secrets), Err(Rejection::BadSignature), "{signature}");
    }
}

#[test]
fn repeated_names_are_signed_as_they_were_sent() {
    // Computed with Python's hmac over URL + CallSidc1 + Digitsb + Digitsa + Digitsb.
    let request = form("Digits=b&CallSid=c1&Digits=a&Digits=b").with(HEADER, "FLZVfjtvYAcgw4RuLhQJqqqaDT0=");
    assert_eq!(verify(&request, &key()), Ok(()));
    let reordered = Request { body: b"Digits=a&CallSid=c1&Digits=b&Digits=b".to_vec(), ..request.clone() };
    assert_eq!(verify(&reordered, &key()), Err(Rejection::BadSignature));
    // Over URL + CallSidc1 + Digitsa + Digitsb, as Twilio signs it.
    let as_twilio = "v04sS6REEZGhTCG3xaBOYK00rAc=";
    let body = "Digits=b&CallSid=c1&Digits=a&Digits=b";
    assert_eq!(verify(&form(body).with(HEADER, as_twilio), &key()), Err(Rejection::BadSignature));
    let secrets = Secrets::new().with("auth_token", KEY);
    let request = form(body).with("X-Twilio-Signature", as_twilio);
    assert_eq!(request.verify(twilio(), &secrets, received_at()), Ok(()));
}

#[test]
fn only_the_standard_port_may_be_there_or_not() {
    let accepted = |url: &str, signature: &str| {
        let request = Request { url: url.to_owned(), ..form("CallSid=c1") }.with(HEADER, signature);
        verify(&request, &key()).is_ok()
    };
    let (without, with, other) =
        ("BtAGrWGb6gKVbltw9HZSgSx8F2E=", "+W7nEvslZ0cnw4Psw1PeuBWsRLg=", "z9GbD3ne33D6lwHz5VVqvYR/yrQ=");
    let port = |port: &str| URL.replace("example.com/", &format!("example.com:{port}/"));
    assert!(accepted(URL, without) && accepted(URL, with) && !accepted(URL, other));
    assert!(accepted(&port("443"), without) && accepted(&port("443"), with));
    assert!(accepted(&port("8443"), other) && !accepted(&port("8443"), without));
    assert!(accepted(&format!("{URL}#ot=1"), without));
}

#[test]
fn a_signature_over_the_url_alone_proves_no_body() {
    // SignalWire's validator accepts this one: it tries scheme B without any parameters.
    let request = json_request(&json!({ "event": "call.state" })).with(HEADER, "FII5slTiBfKmvKhiwRI3KGAU/RQ=");
    assert_eq!(verify(&request, &key()), Err(Rejection::BadSignature));
    // An honest empty form is signed so, and JSON does not become a form by its header.
    let empty = Request { headers: Vec::new(), body: Vec::new(), ..request.clone() };
    assert_eq!(verify(&empty.with(HEADER, "FII5slTiBfKmvKhiwRI3KGAU/RQ="), &key()), Ok(()));
    let json = Request { body: b"{}=".to_vec(), ..form("") }.signed(twilio(), &twilio_key(), received_at());
    assert_eq!(verify(&json, &key()), Err(Rejection::BadSignature));
}

fn twilio_key() -> Secrets {
    Secrets::new().with("auth_token", KEY)
}

#[test]
fn get_is_signed_by_its_url_and_has_no_body() {
    let url = format!("{URL}?CallSid=c1&CallStatus=ringing");
    let get = Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new() };
    for signature in ["Hs3jNE8r9aciXwSFiLi1SB3ptmk=", "1ecde3344f2bf5a7225f048588b8b5481de9b669"] {
        let signed = get.clone().with(HEADER, signature);
        assert_eq!(verify(&signed, &key()), Ok(()));
        assert_eq!(event(&signed).kind, EventKind::CallRinging);
        let with_body = Request { body: b"CallSid=c2".to_vec(), ..signed };
        assert_eq!(verify(&with_body, &key()), Err(Rejection::BadSignature));
    }
    // Scheme A over the body of a POST says nothing about the same text in a URL.
    let post = form("CallSid=c1&CallStatus=ringing").with(HEADER, "fe4200443c99579d85a1eaa56dbdea5815bff684");
    assert_eq!(verify(&post, &key()), Ok(()));
    let moved = Request { url: get.url, method: Method::Get, body: Vec::new(), ..post };
    assert_eq!(verify(&moved, &key()), Err(Rejection::BadSignature));
}

#[test]
fn missing_wrong_and_previous_keys_are_told_apart() {
    let request = form("CallSid=c1");
    assert_eq!(verify(&request, &key()), Err(Rejection::MissingSignature));
    assert_eq!(verify(&request.clone().with(HEADER, ""), &key()), Err(Rejection::MissingSignature));
    assert_eq!(verify(&request.clone().with(HEADER, "AAAA"), &key()), Err(Rejection::BadSignature));
    let signed = request.signed(signalwire(), &key(), received_at());
    assert_eq!(verify(&signed, &Secrets::new()), Err(Rejection::UnknownKey));
    let mut rotated = key();
    rotated.rotate(signalwire().secret_fields(), "signing_key", "PSKnew");
    assert_eq!(verify(&signed, &rotated), Ok(()));
    assert_eq!(verify(&form("CallSid=c1").signed(signalwire(), &rotated, received_at()), &rotated), Ok(()));
    rotated.retire_previous(signalwire().secret_fields());
    assert_eq!(verify(&signed, &rotated), Err(Rejection::BadSignature));
    let check = |secrets: &Secrets| signalwire().check_secrets(secrets);
    assert_eq!(check(&key()), Ok(()));
    assert!(matches!(check(&Secrets::new()), Err(SecretError::Missing { name: "signing_key", .. })));
    assert!(matches!(check(&key().with("auth_token", "x")), Err(SecretError::Unknown { .. })));
}

#[test]
fn json_is_only_acknowledged_and_forms_may_steer() {
    let provider = signalwire();
    let json = json_request(&json!({ "event": "call.state" }));
    let form = form("CallSid=c1&CallStatus=ringing");
    let answer = |request: &Request, purpose| provider.answer(&request.hook(), purpose).status;
    assert_eq!((answer(&json, None), answer(&json, Some("voice"))), (204, 204));
    assert_eq!((answer(&form, None), answer(&form, Some("dial")), answer(&form, Some("status"))), (200, 200, 204));
    assert_eq!(provider.steers(&json.hook(), Some("voice")), None);
    assert_eq!(provider.steers(&form.hook(), None), Some("voice"));
    assert_eq!(provider.steers(&form.hook(), Some("voicemail-done")), Some("voicemail-done"));
    assert_eq!(provider.steers(&form.hook(), Some("recording")), None);
    let control = provider.call_control().unwrap();
    assert_eq!((control.check("<Response/>"), control.language), (Ok(()), "cXML"));
}

#[test]
fn every_status_has_its_state_and_outcome() {
    for (word, state, outcome) in [
        ("queued", LegState::Initiated, None),
        ("initiated", LegState::Initiated, None),
        ("ringing", LegState::Ringing, None),
        ("in-progress", LegState::Answered, None),
        ("completed", LegState::Ended, Some(Outcome::Completed)),
        ("busy", LegState::Ended, Some(Outcome::Busy)),
        ("no-answer", LegState::Ended, Some(Outcome::NoAnswer)),
        ("canceled", LegState::Ended, Some(Outcome::Canceled)),
        ("failed", LegState::Ended, Some(Outcome::Failed)),
    ] {
        let event = status(&[("CallStatus", word)]);
        assert_eq!((event.state, event.outcome), (Some(state), outcome), "{word}");
        assert_eq!(event.dedupe_key, format!("c1:seq:3:{word}"));
    }
}

#[test]
fn who_hung_up_is_a_side_and_never_a_number() {
    let side = |by: &str| {
        let pairs =
            [("CallStatus", "completed"), ("From", "+12025550143"), ("To", "sip:a@b.example"), ("HangupBy", by)];
        status(&pairs).hangup_source
    };
    assert_eq!(side("+12025550143").as_deref(), Some("caller"));
    assert_eq!(side("+1 202 555 0143").as_deref(), Some("caller"));
    assert_eq!(side("sip:a@b.example").as_deref(), Some("callee"));
    assert_eq!((side("+12025550199"), side("anonymous"), side("")), (None, None, None));
    let event = status(&[("CallStatus", "busy"), ("SipResultCode", "486"), ("SipInviteResultPhrase", "Busy Here")]);
    assert_eq!((event.sip_code, event.provider_reason.as_deref()), (Some(486), Some("Busy Here")));
}

#[test]
fn recordings_are_public_and_named_by_their_uuid() {
    let url =
        "https://example.signalwire.com/api/laml/2010-04-01/Accounts/a/Recordings/b3877c40-da60-4998-90ad-b792e984ae01";
    let form = |pairs: &[(&str, &str)]| event(&Request::form(URL, pairs));
    let ready = form(&[("CallSid", "c1"), ("RecordingStatus", "completed"), ("RecordingUrl", url)]);
    let fact = ready.recording.unwrap();
    assert_eq!((fact.id.as_str(), fact.needs_auth, fact.expires_at), (&url[url.len() - 36..], false, None));
    // The name of a file is no id.
    let unnamed = [("CallSid", "c1"), ("RecordingStatus", "completed"), ("RecordingUrl", "https://s.example/call.wav")];
    let error = Request::form(URL, &unnamed).parse(signalwire()).unwrap_err();
    assert_eq!(error, ParseError::Missing { field: "RecordingSid" });
}

#[test]
fn an_inbound_call_without_an_agent_is_missed_and_with_one_is_not() {
    let root = |status: &str, seq: &str| {
        let body = [("CallSid", "c1"), ("CallStatus", status), ("SequenceNumber", seq), ("Direction", "inbound")];
        event(&Request::form(URL, &[&body[..], &[("From", "+12025550143"), ("To", "+14155550100")]].concat()))
    };
    let child = |status: &str| {
        let body = [("CallSid", "c2"), ("ParentCallSid", "c1"), ("CallStatus", status), ("SequenceNumber", "3")];
        let more = [("Direction", "outbound-dial"), ("CallDuration", "26"), ("From", "+12025550143")];
        event(&Request::form(URL, &[&body[..], &more].concat()))
    };
    let alone = [root("in-progress", "1"), root("completed", "2")];
    assert_eq!(fold(&alone).outcome, Some(Outcome::NoAnswer));
    let missed = [alone[0].clone(), child("no-answer"), alone[1].clone()];
    assert_eq!(fold(&missed).outcome, Some(Outcome::NoAnswer));
    let talked = fold(&[alone[0].clone(), child("completed"), alone[1].clone()]);
    assert_eq!((talked.outcome, talked.talk_seconds), (Some(Outcome::Completed), Some(26)));
}

#[test]
fn every_call_state_is_read_in_every_spelling() {
    let fixture = Fixture::load("signalwire/d1_swml_json_scheme_a");
    let vector = &fixture.events()[0];
    assert_eq!((vector.kind, vector.state), (EventKind::CallAnswered, Some(LegState::Answered)));
    assert_eq!(vector.dedupe_key, "abc-123:state:answered");
    for (word, kind, state) in [
        ("created", EventKind::CallInitiated, Some(LegState::Initiated)),
        ("ringing", EventKind::CallRinging, Some(LegState::Ringing)),
        ("answered", EventKind::CallAnswered, Some(LegState::Answered)),
        ("ended", EventKind::CallEnded, Some(LegState::Ended)),
        ("ending", EventKind::CallAnnotation, None),
        ("dreaming", EventKind::Ignored, None),
    ] {
        let swml = call("calling.call.state", json!({ "call_id": "c1", "call_state": word }));
        let sdk = call("call.state", json!({ "call_id": "c1", "state": word.to_uppercase() }));
        assert_eq!((swml.kind, swml.state, &swml.dedupe_key), (kind, state, &sdk.dedupe_key), "{word}");
        assert_eq!(swml.occurred_at, Some(time("2026-02-12T11:48:25.25Z")));
    }
}

#[test]
fn the_sides_come_from_the_device_or_the_call() {
    let device = json!({ "type": "phone", "params": { "from_number": "+12025550143", "to_number": "+14155550100" } });
    let params = json!({ "call_id": "c1", "call_state": "created", "direction": "inbound", "device": device,
        "start_time": 1_770_896_905_250_i64, "answer_time": 0, "end_time": null });
    let event_of_device = call("calling.call.state", params.clone());
    assert_eq!(event_of_device.direction, Some(Direction::Inbound));
    assert!(event_of_device.answered_by_platform);
    assert_eq!(event_of_device.started_at, Some(time("2026-02-12T11:48:25.25Z")));
    assert_eq!((event_of_device.answered_at, event_of_device.ended_at), (None, None));
    let number = |event: &CallEvent| event.from.as_ref().unwrap().phone().unwrap().e164().to_owned();
    assert_eq!(number(&event_of_device), "+12025550143");
    // The request for an SWML document.
    let call = json!({ "call": { "call_id": "c1", "call_state": "created", "direction": "inbound", "type": "phone",
        "from": "+12025550143", "to": "+14155550100" }, "vars": {}, "params": { "where": "marketing" } });
    let document = event(&json_request(&call));
    assert_eq!((number(&document), document.dedupe_key), ("+12025550143".to_owned(), "c1:state:created".to_owned()));
    // A notification of RELAY.
    let rpc = json!({ "jsonrpc": "2.0", "method": "signalwire.event",
        "params": { "event_type": "calling.call.receive", "params": params } });
    assert_eq!(event(&json_request(&rpc)).leg_id.as_deref(), Some("c1"));
    let sip = json!({ "call_id": "c1", "call_state": "created",
        "device": { "type": "sip", "params": { "from": "sip:anonymous@anonymous.invalid", "to": "sip:a@b.example" } } });
    let sip = event(&json_request(&json!({ "event_type": "calling.call.state", "params": sip })));
    assert_eq!((sip.from.unwrap().kind, sip.to.unwrap().kind), (PartyKind::Withheld, PartyKind::Sip));
}

#[test]
fn every_reason_of_an_end_has_its_outcome() {
    for (reason, outcome) in [
        (json!("hangup"), Outcome::Completed),
        (json!("max_duration"), Outcome::Completed),
        (Value::Null, Outcome::Completed),
        (json!("busy"), Outcome::Busy),
        (json!("noAnswer"), Outcome::NoAnswer),
        (json!("no_answer"), Outcome::NoAnswer),
        (json!("abandoned"), Outcome::NoAnswer),
        (json!("cancel"), Outcome::Canceled),
        (json!("decline"), Outcome::Rejected),
        (json!("declined"), Outcome::Rejected),
        (json!("error"), Outcome::Failed),
        (json!("not_found"), Outcome::Failed),
        (json!("gremlins"), Outcome::Failed),
    ] {
        let event = call("calling.call.state", json!({ "call_id": "c1", "call_state": "ended", "end_reason": reason }));
        assert_eq!((event.outcome, event.provider_reason.as_deref()), (Some(outcome), reason.as_str()), "{reason}");
    }
}

#[test]
fn every_state_of_a_recording_has_its_status() {
    for (word, kind, status) in [
        ("recording", EventKind::RecordingProvisional, RecordingStatus::InProgress),
        ("paused", EventKind::RecordingProvisional, RecordingStatus::InProgress),
        ("finished", EventKind::RecordingReady, RecordingStatus::Ready),
        ("no_input", EventKind::RecordingFailed, RecordingStatus::Absent),
        ("error", EventKind::RecordingFailed, RecordingStatus::Failed),
    ] {
        let event = call("calling.call.record", json!({ "call_id": "c1", "control_id": "r", "state": word }));
        let fact = event.recording.unwrap();
        assert_eq!((event.kind, fact.status, fact.id.as_str()), (kind, status, "c1:r"), "{word}");
    }
    assert_eq!(call("calling.call.record", json!({ "call_id": "c1", "state": "x" })).kind, EventKind::Ignored);
    let record = json!({ "url": "https://space.example/api/v1/recordings/1/download", "duration": 15.5 });
    let params = json!({ "call_id": "c1", "control_id": "r", "state": "finished", "record": record });
    let body = json!({ "event_type": "calling.call.record", "params": params });
    let done = |purpose: &str| {
        let url = URL.replace("status", purpose);
        event(&Request::post(&url, "application/json", body.to_string())).recording.unwrap()
    };
    let fact = done("recording");
    assert_eq!((fact.duration_seconds, fact.voicemail, fact.url.as_deref()), (Some(15), false, record["url"].as_str()));
    assert!(done("voicemail-done").voicemail);
}

#[test]
fn connecting_ties_the_legs_and_shows_that_somebody_answered() {
    let inbound = call(
        "calling.call.state",
        json!({ "call_id": "a", "call_state": "answered", "direction": "inbound",
        "device": { "params": { "from_number": "+12025550143", "to_number": "+14155550100" } } }),
    );
    let peer =
        json!({ "call_id": "b", "queue_name": "support", "device": { "params": { "to_number": "+14155550177" } } });
    let connected = call("calling.call.connect", json!({ "call_id": "a", "connect_state": "connected", "peer": peer }));
    assert_eq!((connected.leg_id.as_deref(), connected.parent_leg_id.as_deref()), (Some("b"), Some("a")));
    let mut end = call(
        "calling.call.state",
        json!({ "call_id": "a", "call_state": "ended", "direction": "inbound",
        "end_reason": "hangup" }),
    );
    end.occurred_at = Some(time("2026-02-12T11:49:25Z"));
    let talked = fold(&[inbound.clone(), connected, end.clone()]);
    assert_eq!((talked.outcome, talked.legs.len()), (Some(Outcome::Completed), 2));
    assert_eq!(fold(&[inbound.clone(), end.clone()]).outcome, Some(Outcome::NoAnswer));
    for (reason, outcome) in [("busy", Outcome::Busy), ("decline", Outcome::Rejected), ("noAnswer", Outcome::NoAnswer)]
    {
        let params = json!({ "call_id": "a", "connect_state": "failed", "failed_reason": reason });
        let failed = call("calling.call.connect", params);
        assert_eq!((failed.kind, failed.dial_outcome), (EventKind::DialResult, Some(outcome)), "{reason}");
        assert_eq!(fold(&[inbound.clone(), failed, end.clone()]).outcome, Some(outcome), "{reason}");
    }
    let connecting = call("calling.call.connect", json!({ "call_id": "a", "connect_state": "connecting" }));
    assert_eq!(connecting.kind, EventKind::CallAnnotation);
}

#[test]
fn queues_and_holds_are_told() {
    let queued = call("calling.call.queue", json!({ "call_id": "a", "status": "enqueue", "queue_name": "support" }));
    assert_eq!(
        (queued.kind, queued.state, queued.queue.as_deref()),
        (EventKind::CallQueued, Some(LegState::Queued), Some("support"))
    );
    let left = call("calling.call.queue", json!({ "call_id": "a", "status": "dequeue", "queue_name": "support" }));
    assert_eq!((left.kind, left.state), (EventKind::CallAnnotation, None));
    assert_eq!(call("calling.call.hold", json!({ "call_id": "a", "state": "hold" })).kind, EventKind::CallHeld);
    assert_eq!(call("calling.call.hold", json!({ "call_id": "a", "state": "unhold" })).kind, EventKind::CallUnheld);
}

#[test]
fn what_is_not_known_is_kept_and_what_is_impossible_is_an_error() {
    let play = call("calling.call.play", json!({ "call_id": "c1", "state": "playing" }));
    assert_eq!((play.kind, play.leg_id.as_deref()), (EventKind::CallAnnotation, Some("c1")));
    let message = call("messaging.receive", json!({ "from_number": "+12025550143", "body": "hello" }));
    assert_eq!((message.kind, message.leg_id.as_deref()), (EventKind::Ignored, None));
    assert!(!message.dedupe_key.contains("202"));
    assert_eq!(
        message.dedupe_key,
        call("messaging.receive", json!({ "body": "hello", "from_number": "+12025550143" })).dedupe_key
    );
    let error = |body: &str| Request::post(URL, "application/json", body.to_owned()).parse(signalwire()).unwrap_err();
    assert_eq!(
        error(r#"{"event":"call.state","params":{"state":"ended"}}"#),
        ParseError::Missing { field: "params.call_id" }
    );
    assert_eq!(
        error(r#"{"event":"call.state","params":{"call_id":"c1"}}"#),
        ParseError::Missing { field: "params.call_state" }
    );
    assert_eq!(error("{"), ParseError::Body { expected: "JSON" });
    assert_eq!(error("[]"), ParseError::Body { expected: "a JSON object" });
    let long = call("call.state", json!({ "call_id": "c".repeat(5000), "state": "ringing" }));
    assert!(long.dedupe_key.len() <= 200 && long.leg_id.unwrap().len() <= 200);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,16}".prop_map(Value::from),
        prop::sample::select(vec!["answered", "ended", "finished", "connected", "inbound", "+12025550143"])
            .prop_map(Value::from),
    ];
    let names = vec![
        "call_id",
        "params",
        "device",
        "peer",
        "call_state",
        "state",
        "direction",
        "record",
        "url",
        "duration",
        "start_time",
        "from_number",
        "connect_state",
        "call",
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop::collection::btree_map(prop::sample::select(names.clone()), inner, 0..6).prop_map(|map| json!(map))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_json_makes_it_panic(
        sort in prop::sample::select(vec!["call.state", "calling.call.record", "calling.call.connect", "calling.call.queue", "x"]),
        params in json_value(),
    ) {
        if let Ok(events) = json_request(&json!({ "event_type": sort, "params": params })).parse(signalwire()) {
            fold(&events);
        }
    }

    #[test]
    fn any_changed_byte_of_json_or_url_is_refused(
        body in "\\{[a-z\":,0-9]{0,40}",
        at in any::<prop::sample::Index>(),
        other in 1..=255_u8,
        in_url in any::<bool>(),
    ) {
        let signed = Request::post(URL, "application/json", body).signed(signalwire(), &key(), received_at());
        prop_assert_eq!(verify(&signed, &key()), Ok(()));
        let mut changed = signed.clone();
        let bytes = if in_url { changed.url.clone().into_bytes() } else { changed.body.clone() };
        let mut bytes = bytes;
        let at = at.index(bytes.len());
        bytes[at] = bytes[at].wrapping_add(other);
        if in_url {
            let Ok(url) = String::from_utf8(bytes) else { return Ok(()) };
            // A fragment is cut off by whoever sends a request.
            prop_assume!(!url.contains('#'));
            changed.url = url;
        } else {
            changed.body = bytes;
        }
        prop_assert_eq!(verify(&changed, &key()), Err(Rejection::BadSignature));
    }

    #[test]
    fn any_form_round_trips_and_any_changed_value_is_refused(
        pairs in prop::collection::vec(("[A-Za-z]{1,4}", "[ -~]{0,8}"), 1..6),
        at in any::<prop::sample::Index>(),
        value in "[ -~]{9,12}",
    ) {
        let mut pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let signed = Request::form(URL, &pairs).signed(signalwire(), &key(), received_at());
        prop_assert_eq!(verify(&signed, &key()), Ok(()));
        let at = at.index(pairs.len());
        pairs[at].1 = &value;
        let changed = Request { body: Request::form(URL, &pairs).body, ..signed };
        prop_assert_eq!(verify(&changed, &key()), Err(Rejection::BadSignature));
    }
}
