//! Telnyx Call Control: signatures, the shapes of events, and what they do to a call.

use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard_telephony::{
    Attestation, CallEvent, Direction, EventKind, LegState, Method, Options, Outcome, ParseError, PartyKind, Provider,
    RecordingStatus, Rejection, SecretError, Secrets, VerifyContext, fold, provider,
};

use crate::support::{Fixture, Request, time};

pub const URL: &str = "https://crm.example.com/hooks/telnyx";
const PUBLIC: &str = "Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=";
/// 32 bytes of 0x0b.
const SEED: &str = "CwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCws=";
const NOW: &str = "2026-02-12T11:48:25Z";

pub fn telnyx() -> &'static dyn Provider {
    provider("telnyx").unwrap()
}

pub fn public() -> Secrets {
    Secrets::new().with("public_key", PUBLIC)
}

fn private() -> Secrets {
    Secrets::new().with("private_key", SEED)
}

pub fn verify(request: &Request, secrets: &Secrets) -> Result<(), Rejection> {
    request.verify(telnyx(), secrets, time(NOW))
}

pub fn signed(request: Request) -> Request {
    request.signed(telnyx(), &private(), time(NOW))
}

fn json_request(body: &Value) -> Request {
    Request::post(URL, "application/json", body.to_string())
}

fn event_of(body: &Value) -> CallEvent {
    let mut events = json_request(body).parse(telnyx()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// An event of leg `l` in session `s`, at a second of a minute.
fn enveloped(sort: &str, leg: &str, second: u32, more: &Value) -> Value {
    let mut payload = json!({ "call_leg_id": leg, "call_control_id": format!("v3:{leg}"), "call_session_id": "s",
        "from": "+12025550143", "to": "+14155550100" });
    for (name, value) in more.as_object().unwrap() {
        payload[name] = value.clone();
    }
    let at = format!("2026-02-12T12:00:{second:02}.000000Z");
    json!({ "data": { "record_type": "event", "event_type": sort, "id": format!("{sort}-{leg}-{second}"),
        "occurred_at": at, "payload": payload }, "meta": { "attempt": 1 } })
}

fn event(sort: &str, leg: &str, second: u32, more: &Value) -> CallEvent {
    event_of(&enveloped(sort, leg, second, more))
}

fn parked(second: u32) -> CallEvent {
    event("call.initiated", "l", second, &json!({ "direction": "incoming", "state": "parked" }))
}

fn hangup(leg: &str, second: u32, cause: &str) -> CallEvent {
    event("call.hangup", leg, second, &json!({ "hangup_cause": cause }))
}

fn outcome(events: &[CallEvent]) -> Option<Outcome> {
    fold(events).outcome
}

#[test]
fn no_byte_of_a_signed_request_can_be_changed() {
    let fixture = Fixture::load("telnyx/b3_user_busy");
    let refused = |request: &Request| request.verify(fixture.provider, &fixture.secrets, fixture.now).is_err();
    assert!(!refused(&fixture.request));
    for at in (0..fixture.request.body.len()).step_by(7) {
        let mut changed = fixture.request.clone();
        changed.body[at] ^= 1;
        assert!(refused(&changed), "{at}");
    }
    for (index, (name, value)) in fixture.request.headers.iter().enumerate() {
        if !name.starts_with("telnyx-") {
            continue;
        }
        for at in 0..value.len() {
            let mut bytes = value.clone().into_bytes();
            bytes[at] ^= 1;
            let mut changed = fixture.request.clone();
            changed.headers[index].1 = String::from_utf8(bytes).unwrap();
            assert!(refused(&changed), "{name} {at}");
        }
    }
    let pretty: Value = serde_json::from_slice(&fixture.request.body).unwrap();
    assert!(refused(&Request { body: serde_json::to_vec_pretty(&pretty).unwrap(), ..fixture.request.clone() }));
}

#[test]
fn our_signatures_are_those_of_the_fixtures() {
    for name in ["telnyx/a1_call_initiated", "telnyx/a5_recording_saved", "telnyx/c3_anonymous"] {
        let fixture = Fixture::load(name);
        let given = |header: &str| fixture.request.hook().header(header).unwrap().to_owned();
        let sent_at = chrono::DateTime::from_timestamp(given("telnyx-timestamp").parse().unwrap(), 0).unwrap();
        let bare = Request { headers: Vec::new(), ..fixture.request.clone() };
        let ours = bare.signed(telnyx(), &private(), sent_at);
        for header in ["telnyx-timestamp", "telnyx-signature-ed25519"] {
            assert_eq!(ours.hook().header(header), Some(given(header).as_str()), "{name}");
        }
    }
}

#[test]
fn missing_wrong_and_previous_keys_are_told_apart() {
    let request = json_request(&json!({ "event_type": "x" }));
    assert_eq!(verify(&request, &public()), Err(Rejection::MissingSignature));
    let signed = signed(request);
    assert_eq!(verify(&signed, &public()), Ok(()));
    for header in ["Telnyx-Timestamp", "Telnyx-Signature-Ed25519"] {
        let mut without = signed.clone();
        without.headers.retain(|(name, _)| name != header);
        assert_eq!(verify(&without, &public()), Err(Rejection::MissingSignature), "{header}");
        let mut odd = signed.clone();
        odd.headers.retain(|(name, _)| name != header);
        assert_eq!(verify(&odd.with(header, "x"), &public()), Err(Rejection::BadSignature), "{header}");
    }
    // RFC 8032, test 1: another key.
    let other = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    assert_eq!(verify(&signed, &Secrets::new().with("public_key", other)), Err(Rejection::BadSignature));
    let mut rotated = public();
    rotated.rotate(telnyx().secret_fields(), "public_key", other);
    assert_eq!(verify(&signed, &rotated), Ok(()));
    rotated.retire_previous(telnyx().secret_fields());
    assert_eq!(verify(&signed, &rotated), Err(Rejection::BadSignature));
    assert_eq!(verify(&signed, &Secrets::new()), Err(Rejection::UnknownKey));
}

#[test]
fn secrets_are_checked_before_they_are_stored() {
    let check = |secrets: &Secrets| telnyx().check_secrets(secrets);
    assert_eq!(check(&public()), Ok(()));
    assert!(matches!(check(&Secrets::new()), Err(SecretError::Missing { name: "public_key", .. })));
    let short = Secrets::new().with("public_key", "AAAA");
    assert!(matches!(check(&short), Err(SecretError::Malformed { name: "public_key", .. })));
    // The neutral element: every signature could be made valid for it.
    let weak = Secrets::new().with("public_key", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert!(matches!(check(&weak), Err(SecretError::Malformed { name: "public_key", .. })));
    let previous = public().with("public_key_previous", "?");
    assert!(matches!(check(&previous), Err(SecretError::Malformed { name: "public_key_previous", .. })));
    // A connection never holds the private key.
    assert!(matches!(check(&public().with("private_key", SEED)), Err(SecretError::Unknown { .. })));
    let unsigned = telnyx().sign(Method::Post, URL, &[], b"{}", &public(), time(NOW));
    assert!(matches!(unsigned, Err(SecretError::Missing { name: "private_key", .. })));
}

#[test]
fn a_signature_is_valid_for_the_clock_skew_and_no_longer() {
    let request = signed(json_request(&json!({ "event_type": "x" })));
    let (secrets, options) = (public(), Options::new());
    let at = |seconds: i64, skew: i64| {
        let now = time(NOW) + TimeDelta::seconds(seconds);
        let context =
            VerifyContext { clock_skew: TimeDelta::seconds(skew), ..VerifyContext::new(&secrets, &options, now) };
        telnyx().verify(&request.hook(), &context)
    };
    assert_eq!((at(300, 300), at(-300, 300)), (Ok(()), Ok(())));
    assert_eq!((at(301, 300), at(-301, 300)), (Err(Rejection::Stale), Err(Rejection::Stale)));
    assert_eq!((at(10, 10), at(11, 10), at(900, 900)), (Ok(()), Err(Rejection::Stale), Ok(())));
    for odd in ["1e9", "", "-9223372036854775808", "9223372036854775807", "99999999999999999999"] {
        let mut changed = request.clone();
        changed.headers.retain(|(name, _)| name != "Telnyx-Timestamp");
        assert!(verify(&changed.with("Telnyx-Timestamp", odd), &secrets).is_err(), "{odd}");
    }
}

#[test]
fn the_query_of_a_get_must_be_signed() {
    // Made with OpenSSL and the key of the fixtures, over "1770896905|" and the query or nothing.
    let over_query = "xd3d9OvtSwJKwpbywWjkEi8NdIbfD/HozKom+HY32EEHrrmc6wtkZ8eX7+Gsir4rgNJrjAvw0SX3I78uxwE+BA==";
    let over_nothing = "wVF+gDWqgBFwknuDKsA4JIDkKR8FLAAENaBgigiuJQ9N0LslDA8l+lZ03oIzy1TJ4V9/65toco6JZ7o+0Z0xBQ==";
    let url = format!("{URL}/voice?CallSid=v3:c1&CallStatus=ringing&From=%2B12025550143&To=%2B14155550100");
    let get = |url: &str, signature: &str| {
        let get = Request { method: Method::Get, url: url.to_owned(), headers: Vec::new(), body: Vec::new() };
        get.with("telnyx-timestamp", "1770896905").with("telnyx-signature-ed25519", signature)
    };
    assert_eq!(verify(&get(&url, over_query), &public()), Ok(()));
    assert_eq!(verify(&get(&url, over_nothing), &public()), Err(Rejection::BadSignature));
    assert_eq!(verify(&get(URL, over_nothing), &public()), Err(Rejection::BadSignature));
    let changed = url.replace("0143", "0144");
    assert_eq!(verify(&get(&changed, over_query), &public()), Err(Rejection::BadSignature));
    let with_body = Request { body: b"CallSid=v3:c2".to_vec(), ..get(&url, over_query) };
    assert_eq!(verify(&with_body, &public()), Err(Rejection::BadSignature));
    // A query beside a signed body is not looked at.
    let post = Request { url: format!("{URL}?CallSid=v3:c9&event_type=call.hangup"), ..json_request(&json!({})) };
    assert_eq!(verify(&signed(post.clone()), &public()), Ok(()));
    assert_eq!(post.parse(telnyx()), Err(ParseError::Missing { field: "event_type" }));
}

#[test]
fn the_payload_may_come_as_a_query() {
    let expected = parked(0);
    let parse = |query: &str| {
        let url = format!("{URL}?{query}");
        let get = Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new() };
        get.parse(telnyx()).map(|mut events| events.remove(0))
    };
    let common = "event_type=call.initiated&id=call.initiated-l-0&occurred_at=2026-02-12T12:00:00.000000Z";
    let leg = "call_leg_id=l&call_control_id=v3:l&call_session_id=s&from=%2B12025550143&to=%2B14155550100";
    let flat = format!("{common}&{leg}&direction=incoming&state=parked");
    let nested = format!("{common}&{leg}&direction=incoming&state=parked");
    let nested = nested.split('&').map(|pair| match pair.split_once('=') {
        Some((name @ ("event_type" | "id" | "occurred_at"), value)) => format!("data[{name}]={value}"),
        Some((name, value)) => format!("data[payload][{name}]={value}"),
        None => panic!("{pair}"),
    });
    let nested = nested.collect::<Vec<_>>().join("&");
    let payload = "%7B%22call_leg_id%22:%22l%22,%22call_session_id%22:%22s%22,%22from%22:%22%2B12025550143%22,\
                   %22to%22:%22%2B14155550100%22,%22direction%22:%22incoming%22,%22state%22:%22parked%22%7D";
    for query in [flat, nested, format!("{common}&payload={payload}")] {
        assert_eq!(parse(&query), Ok(expected.clone()), "{query}");
    }
    assert_eq!(parse("x=1"), Err(ParseError::Missing { field: "event_type" }));
}

#[test]
fn every_shape_of_an_event_is_read() {
    let envelope = enveloped("call.hangup", "l", 5, &json!({ "hangup_cause": "user_busy" }));
    let expected = event_of(&envelope);
    let bare = envelope["data"].clone();
    assert_eq!(event_of(&bare), expected);
    let log = json!({ "call_leg_id": "l", "call_session_id": "s", "event_timestamp": "2026-02-12T12:00:05Z",
        "name": "call.hangup", "type": "webhook", "metadata": { "attempt": 2, "event": bare } });
    assert_eq!(event_of(&log), expected);
    let twice = json!({ "metadata": { "event": envelope } });
    assert_eq!(event_of(&twice), expected);
    // A delivery log whose event leaves out what stands around it.
    let mut thin = log.clone();
    thin["metadata"]["event"] = json!({ "id": "e1", "payload": { "hangup_cause": "user_busy" } });
    let thin = event_of(&thin);
    assert_eq!(
        (thin.kind, thin.leg_id.as_deref(), thin.session_id.as_deref()),
        (EventKind::CallEnded, Some("l"), Some("s"))
    );
    assert_eq!((thin.dedupe_key.as_str(), thin.occurred_at), ("e1", expected.occurred_at));
    // API v1.
    let v1 = event_of(&json!({ "record_type": "event", "id": "e2", "event_type": "call_initiated",
        "created_at": "2019-09-13T16:48:27.198000Z", "payload": { "call_control_id": "v2:x", "direction": "incoming",
        "from": "+12025550143", "to": "+14155550100", "state": "parked" } }));
    assert_eq!((v1.kind, v1.leg_id.as_deref()), (EventKind::CallRinging, Some("v2:x")));
    assert_eq!(v1.occurred_at, Some(time("2019-09-13T16:48:27.198Z")));
    let v1 = event_of(&json!({ "id": "e3", "event_type": "call_hangup", "payload": { "call_control_id": "v2:x",
        "hangup_cause": "timeout" } }));
    assert_eq!((v1.kind, v1.outcome), (EventKind::CallEnded, Some(Outcome::NoAnswer)));
}

#[test]
fn every_type_has_its_kind() {
    for (sort, kind, state) in [
        ("call.initiated", EventKind::CallInitiated, Some(LegState::Initiated)),
        ("call.answered", EventKind::CallAnswered, Some(LegState::Answered)),
        ("call.bridged", EventKind::CallBridged, Some(LegState::Answered)),
        ("call.enqueued", EventKind::CallQueued, Some(LegState::Queued)),
        ("call.dequeued", EventKind::CallAnnotation, None),
        ("call.hold", EventKind::CallHeld, None),
        ("call.unhold", EventKind::CallUnheld, None),
        ("call.hangup", EventKind::CallEnded, Some(LegState::Ended)),
        ("call.recording.saved", EventKind::RecordingReady, None),
        ("call.recording.error", EventKind::CallAnnotation, None),
        ("call.machine.detection.ended", EventKind::CallAnnotation, None),
        ("call.cost", EventKind::CallAnnotation, None),
        ("call.dtmf.received", EventKind::CallAnnotation, None),
        ("call.playback.started", EventKind::CallAnnotation, None),
        ("call.speak.ended", EventKind::CallAnnotation, None),
        ("call.transcription", EventKind::CallAnnotation, None),
        ("call.refer.completed", EventKind::CallAnnotation, None),
        ("streaming.started", EventKind::Ignored, None),
        ("conference.participant.joined", EventKind::Ignored, None),
        ("message.received", EventKind::Ignored, None),
        ("CALL.HANGUP", EventKind::CallEnded, Some(LegState::Ended)),
    ] {
        let event = event(sort, "l", 1, &json!({}));
        assert_eq!((event.kind, event.state), (kind, state), "{sort}");
        assert_eq!(event.dedupe_key, format!("{sort}-l-1"));
    }
    let queued = event("call.enqueued", "l", 1, &json!({ "queue": "support" }));
    assert_eq!(queued.queue.as_deref(), Some("support"));
    let failed = event("call.recording.error", "l", 1, &json!({ "recording_id": "r1" }));
    assert_eq!((failed.kind, failed.recording.unwrap().status), (EventKind::RecordingFailed, RecordingStatus::Failed));
    // Not about a call at all.
    let message =
        event_of(&json!({ "data": { "event_type": "message.received", "payload": { "text": "+12025550143" } } }));
    assert_eq!(message.correlation_keys(), Vec::<String>::new());
    assert!(!message.dedupe_key.contains("202"));
}

#[test]
fn every_cause_has_its_outcome_by_direction_and_answer() {
    // cause, inbound unanswered, inbound answered by a person, outbound unanswered, outbound answered
    use Outcome::{Busy, Canceled, Completed, Failed, NoAnswer, Rejected};
    for (cause, event_outcome, missed, talked, not_reached, reached) in [
        ("normal_clearing", Completed, NoAnswer, Completed, Canceled, Completed),
        ("time_limit", Completed, NoAnswer, Completed, Canceled, Completed),
        ("originator_cancel", NoAnswer, NoAnswer, NoAnswer, Canceled, Canceled),
        ("timeout", NoAnswer, NoAnswer, NoAnswer, NoAnswer, NoAnswer),
        ("no_answer", NoAnswer, NoAnswer, NoAnswer, NoAnswer, NoAnswer),
        ("user_busy", Busy, Busy, Busy, Busy, Busy),
        ("call_rejected", Rejected, Rejected, Rejected, Rejected, Rejected),
        ("not_found", Failed, Failed, Failed, Failed, Failed),
        ("unspecified", Failed, Failed, Failed, Failed, Failed),
        ("gremlins", Failed, Failed, Failed, Failed, Failed),
    ] {
        let end = hangup("l", 30, cause);
        assert_eq!((end.outcome, end.provider_reason.as_deref()), (Some(event_outcome), Some(cause)), "{cause}");
        let leg = |events: &[CallEvent]| fold(events).legs[0].outcome;
        let answered = event("call.answered", "l", 3, &json!({}));
        let bridging = event("call.initiated", "l", 0, &json!({ "direction": "incoming", "state": "bridging" }));
        let outgoing = event("call.initiated", "l", 0, &json!({ "direction": "outgoing", "state": "bridging" }));
        assert_eq!(leg(&[bridging.clone(), end.clone()]), Some(missed), "{cause}");
        assert_eq!(leg(&[bridging, answered.clone(), end.clone()]), Some(talked), "{cause}");
        assert_eq!(outcome(&[outgoing.clone(), end.clone()]), Some(not_reached), "{cause}");
        assert_eq!(outcome(&[outgoing, answered, end.clone()]), Some(reached), "{cause}");
        // Nothing but the end is known: nobody is known to have talked.
        assert_ne!(outcome(&[end]), Some(Completed), "{cause}");
    }
    assert_eq!(
        event("call.hangup", "l", 1, &json!({ "hangup_cause": "originator_cancel", "direction": "outgoing" })).outcome,
        Some(Canceled)
    );
}

#[test]
fn a_call_that_only_the_application_answered_is_missed() {
    let answered = event("call.answered", "l", 2, &json!({}));
    let end = hangup("l", 40, "normal_clearing");
    let missed = [parked(0), answered.clone(), end.clone()];
    assert_eq!(outcome(&missed), Some(Outcome::NoAnswer));
    assert_eq!(fold(&missed[..2]).state, LegState::Ringing);
    // Put through to another leg: people talk.
    let bridged = event("call.bridged", "l", 10, &json!({}));
    let talked = [parked(0), answered.clone(), bridged, end.clone()];
    assert_eq!((fold(&talked[..3]).state, outcome(&talked)), (LegState::Answered, Some(Outcome::Completed)));
    // Or the agent's leg was answered; then that is when a person answered.
    let agent = event(
        "call.initiated",
        "m",
        4,
        &json!({ "direction": "outgoing", "state": "bridging", "to": "sip:ann@sip.telnyx.com" }),
    );
    let picked_up = event("call.answered", "m", 9, &json!({}));
    let hung_up = hangup("m", 39, "normal_clearing");
    let bridged = event("call.bridged", "l", 10, &json!({}));
    let call = fold(&[parked(0), answered.clone(), agent.clone(), picked_up, bridged, hung_up, end.clone()]);
    assert_eq!(
        (call.outcome, call.direction, call.legs.len()),
        (Some(Outcome::Completed), Some(Direction::Inbound), 2)
    );
    assert_eq!((call.answered_at, call.talk_seconds), (Some(time("2026-02-12T12:00:09Z")), Some(30)));
    assert_eq!(agent.agent_ref.as_deref(), Some("ann"));
    // The agent did not come: busy legs make a busy call, given up ones a missed one.
    let with =
        |cause: &str| outcome(&[parked(0), answered.clone(), agent.clone(), hangup("m", 20, cause), end.clone()]);
    assert_eq!((with("user_busy"), with("timeout")), (Some(Outcome::Busy), Some(Outcome::NoAnswer)));
    assert_eq!(
        (with("normal_clearing"), with("originator_cancel")),
        (Some(Outcome::NoAnswer), Some(Outcome::NoAnswer))
    );
}

#[test]
fn a_call_put_straight_through_to_a_connection_is_answered_there() {
    let initiated = event("call.initiated", "l", 0, &json!({ "direction": "incoming", "state": "bridging" }));
    let answered = event("call.answered", "l", 5, &json!({}));
    let call = fold(&[initiated, answered, hangup("l", 25, "normal_clearing")]);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(20)));
}

#[test]
fn what_the_network_says_of_the_caller_is_read() {
    let initiated = |more: Value| event("call.initiated", "l", 0, &more);
    let attestation = |level: &str, validated: Value| {
        initiated(json!({ "shaken_stir_attestation": level, "shaken_stir_validated": validated })).attestation
    };
    assert_eq!(attestation("A", json!(true)), Some(Attestation::A));
    assert_eq!(attestation("b", Value::Null), Some(Attestation::B));
    assert_eq!(attestation("C", json!("true")), Some(Attestation::C));
    assert_eq!(attestation("A", json!(false)), Some(Attestation::Failed));
    assert_eq!(attestation("", json!(true)), None);
    let name = |name: &str| initiated(json!({ "caller_id_name": name })).from.unwrap().name;
    assert_eq!(name("ALICE EXAMPLE").as_deref(), Some("ALICE EXAMPLE"));
    assert_eq!((name("+12025550143"), name("")), (None, None));
    for (value, number) in [
        ("<sip:+14155550199@198.51.100.1>;reason=user-busy", "+14155550199"),
        ("\"Front desk\" <tel:+14155550199>", "+14155550199"),
        ("sip:+14155550199@host;privacy=off", "+14155550199"),
    ] {
        let headers = json!([{ "name": "X-Other", "value": "1" }, { "name": "diversion", "value": value }]);
        let party = initiated(json!({ "sip_headers": headers })).forwarded_from.unwrap();
        assert_eq!(party.phone().unwrap().e164(), number, "{value}");
    }
    let odd = initiated(json!({ "from": "+1-202-555-0143", "to": "sip:Desk@PBX.example.net:5060" }));
    assert_eq!(odd.from.unwrap().phone().unwrap().e164(), "+12025550143");
    assert_eq!(odd.to.unwrap().value.unwrap().clear(), "sip:Desk@pbx.example.net");
    for hidden in
        ["anonymous", "Restricted", "UNAVAILABLE", "unknown", "private", "", "sip:anonymous@anonymous.invalid"]
    {
        let party = initiated(json!({ "from": hidden })).from.unwrap();
        assert_eq!((party.kind, party.value), (PartyKind::Withheld, None), "{hidden}");
    }
}

#[test]
fn recordings_end_after_ten_minutes_unless_they_are_public() {
    let saved = |more: Value| event("call.recording.saved", "l", 30, &more).recording.unwrap();
    let presigned = saved(
        json!({ "recording_id": "r1", "channels": "single", "recording_urls": { "wav": "https://s.example/1.wav?X-Amz-Expires=600" } }),
    );
    assert_eq!((presigned.id.as_str(), presigned.channels), ("r1", Some(1)));
    assert_eq!(presigned.expires_at, Some(time("2026-02-12T12:10:30Z")));
    let public = saved(json!({ "recording_urls": { "mp3": "https://s.example/1.mp3" },
        "public_recording_urls": { "mp3": "https://public.example/1.mp3", "wav": null } }));
    assert_eq!((public.url.as_deref(), public.expires_at), (Some("https://public.example/1.mp3"), None));
    // The published schema has no id: the event's stands in.
    assert_eq!(public.id, "call.recording.saved-l-30");
    let bare = saved(json!({}));
    assert_eq!((bare.url, bare.expires_at, bare.channels, bare.needs_auth), (None, None, None, false));
    // A recording says nothing about the call.
    assert_eq!(fold(&[event("call.recording.saved", "l", 1, &json!({}))]).state, LegState::Initiated);
}

#[test]
fn a_voicemail_needs_no_leg() {
    let voicemail = event_of(&json!({ "data": { "event_type": "calls.voicemail.completed", "id": "v1",
        "occurred_at": "2026-02-12T12:00:00Z", "payload": { "call_session_id": "s", "connection_id": "1",
        "from": "+12025550143", "to": "+14155550100", "recording_url": "https://s.example/v.mp3" } } }));
    assert_eq!((voicemail.kind, voicemail.leg_id.as_deref()), (EventKind::VoicemailReady, None));
    let call = fold(std::slice::from_ref(&voicemail));
    assert_eq!(
        (call.state, call.outcome, call.direction),
        (LegState::Ended, Some(Outcome::Voicemail), Some(Direction::Inbound))
    );
    assert!(call.recordings[0].voicemail);
    assert_eq!(call.remote_party().unwrap().phone().unwrap().e164(), "+12025550143");
    // Somebody talked after all.
    let events = [voicemail, parked(0), event("call.bridged", "l", 3, &json!({})), hangup("l", 9, "normal_clearing")];
    assert_eq!(outcome(&events), Some(Outcome::Completed));
}

#[test]
fn retries_have_one_key_also_without_an_id() {
    let mut first = enveloped("call.hangup", "l", 5, &json!({ "hangup_cause": "timeout" }));
    first["data"].as_object_mut().unwrap().remove("id");
    let mut retry = first.clone();
    retry["meta"]["attempt"] = json!(2);
    let mut other = first.clone();
    other["data"]["payload"]["hangup_cause"] = json!("user_busy");
    let key = |body: &Value| event_of(body).dedupe_key;
    assert_eq!(key(&first), key(&retry));
    assert_ne!(key(&first), key(&other));
    let long = enveloped("call.hangup", &"l".repeat(4000), 5, &json!({}));
    let event = event_of(&long);
    assert!(event.dedupe_key.len() <= 200 && event.leg_id.unwrap().len() <= 200);
}

#[test]
fn what_is_impossible_is_a_readable_error() {
    let error = |body: &str| Request::post(URL, "application/json", body.to_owned()).parse(telnyx()).unwrap_err();
    assert_eq!(error("{"), ParseError::Body { expected: "JSON" });
    assert_eq!(error("[]"), ParseError::Body { expected: "a JSON object" });
    assert_eq!(error("{}"), ParseError::Missing { field: "event_type" });
    let unknown = r#"{"data":{"event_type":"call.hangup","payload":{"from":"+12025550143"}}}"#;
    assert_eq!(error(unknown), ParseError::Missing { field: "call_leg_id" });
    let deep = format!("{}{}", r#"{"data":"#.repeat(3000), "}".repeat(3000));
    assert_eq!(error(&deep), ParseError::Body { expected: "JSON" });
}

#[test]
fn events_are_acknowledged_without_a_body_and_steer_nothing() {
    let request = json_request(&json!({ "event_type": "call.initiated" }));
    for purpose in [None, Some("voice"), Some("status")] {
        assert_eq!(telnyx().answer(&request.hook(), purpose), switchboard_telephony::Answer::OK);
        assert_eq!(telnyx().steers(&request.hook(), purpose), None);
    }
}

const SORTS: &[&str] =
    &["call.initiated", "call.answered", "call.bridged", "call.hangup", "call.enqueued", "call.recording.saved"];
const CAUSES: &[&str] =
    &["normal_clearing", "time_limit", "originator_cancel", "timeout", "user_busy", "call_rejected"];

prop_compose! {
    fn any_event()(
        sort in prop::sample::select(SORTS),
        leg in prop::sample::select(vec!["l", "m", "n"]),
        second in 0..60_u32,
        direction in prop::sample::select(vec!["incoming", "outgoing", ""]),
        state in prop::sample::select(vec!["parked", "bridging", ""]),
        cause in prop::sample::select(CAUSES),
    ) -> CallEvent {
        event(sort, leg, second, &json!({ "direction": direction, "state": state, "hangup_cause": cause }))
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,16}".prop_map(Value::from),
        prop::sample::select(vec![
            "call.hangup",
            "call.recording.saved",
            "incoming",
            "parked",
            "2026-02-12T12:00:00Z",
            "dual"
        ])
        .prop_map(Value::from),
    ];
    let names = vec![
        "data",
        "payload",
        "event_type",
        "id",
        "metadata",
        "event",
        "call_leg_id",
        "call_session_id",
        "from",
        "to",
        "direction",
        "recording_urls",
        "wav",
        "channels",
        "sip_headers",
        "start_time",
        "end_time",
        "occurred_at",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(names.clone()), inner, 0..7).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_do_not_matter(
        (events, shuffled) in prop::collection::vec(any_event(), 0..10).prop_flat_map(|events| {
            (Just(events.clone()), Just([events.clone(), events].concat()).prop_shuffle())
        })
    ) {
        prop_assert_eq!(fold(&shuffled), fold(&events));
    }

    #[test]
    fn nobody_talked_without_an_answer(events in prop::collection::vec(any_event(), 0..10)) {
        let answered = events.iter().any(|event| event.state == Some(LegState::Answered));
        let call = fold(&events);
        prop_assert!(answered || (call.outcome != Some(Outcome::Completed) && call.talk_seconds.is_none()));
    }

    #[test]
    fn no_json_makes_it_panic(body in json_value()) {
        if let Ok(events) = json_request(&body).parse(telnyx()) {
            fold(&events);
        }
    }

    #[test]
    fn no_query_makes_it_panic(query in "[a-z_\\[\\]\\.=&%0-9{}\"]{0,80}") {
        let url = format!("{URL}?event_type=call.hangup&call_leg_id=l&{query}");
        let get = Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new() };
        if let Ok(events) = get.parse(telnyx()) {
            fold(&events);
        }
    }

    #[test]
    fn any_body_round_trips_and_any_changed_byte_is_refused(
        body in prop::collection::vec(any::<u8>(), 1..64),
        at in any::<prop::sample::Index>(),
        other in 1..=255_u8,
    ) {
        let signed = signed(Request::post(URL, "application/json", body));
        prop_assert_eq!(verify(&signed, &public()), Ok(()));
        let mut changed = signed;
        let at = at.index(changed.body.len());
        changed.body[at] = changed.body[at].wrapping_add(other);
        prop_assert_eq!(verify(&changed, &public()), Err(Rejection::BadSignature));
    }
}
