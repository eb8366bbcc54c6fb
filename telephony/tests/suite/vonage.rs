//! Vonage: tokens that are and are not valid, and requests beyond the fixtures.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use switchboard_telephony::{
    Address, Answer, CallEvent, Direction, EventKind, LegState, Method, OptionError, Options, Outcome, ParseContext,
    ParseError, PartyKind, Provider, RecordingStatus, Rejection, SecretError, Secrets, VerifyContext, fold, provider,
};

use crate::support::{Fixture, Request, received_at, time};

const BASE: &str = "https://crm.example.com/hooks/vonage";
const SECRET: &str = "qwertyuiopasdfghjklzxcvbnm123456";

fn vonage() -> &'static dyn Provider {
    provider("vonage").unwrap()
}

fn secrets() -> Secrets {
    Secrets::new().with("signature_secret", SECRET)
}

fn post(purpose: &str, body: &Value) -> Request {
    Request::post(&format!("{BASE}{purpose}"), "application/json", body.to_string())
}

fn get(purpose: &str, query: &str) -> Request {
    let url = format!("{BASE}{purpose}?{query}");
    Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new() }
}

fn one(request: &Request) -> CallEvent {
    let mut events = request.parse(vonage()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// An event of a leg with these further fields.
fn event(status: &str, more: &Value) -> CallEvent {
    let mut body = json!({
        "uuid": "leg", "conversation_uuid": "CON-1", "status": status, "direction": "outbound",
        "from": "14155550100", "to": "12025550143", "timestamp": "2026-02-12T12:00:00.000Z",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one(&post("/event", &body))
}

fn hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// A token made by hand, without the code under test.
fn token(header: &str, claims: &str, secret: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&signed).finalize();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes()))
}

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

fn claims(body: &[u8]) -> Value {
    json!({ "iat": received_at().timestamp(), "jti": "1", "iss": "Vonage", "payload_hash": hash(body), "api_key": "a" })
}

fn bearing(request: &Request, token: &str) -> Request {
    request.clone().with("authorization", &format!("Bearer {token}"))
}

fn verdict(request: &Request) -> Result<(), Rejection> {
    request.verify(vonage(), &secrets(), received_at())
}

fn body() -> Request {
    post("/event", &json!({ "uuid": "leg", "status": "ringing" }))
}

/// The verdict about a token with these claims in place of the right ones.
fn with_claims(change: &Value) -> Result<(), Rejection> {
    let request = body();
    let mut claims = claims(&request.body);
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    verdict(&bearing(&request, &token(HEADER, &claims.to_string(), SECRET)))
}

#[test]
fn a_token_made_by_hand_is_accepted_and_no_other() {
    let request = body();
    let right = token(HEADER, &claims(&request.body).to_string(), SECRET);
    assert_eq!(verdict(&bearing(&request, &right)), Ok(()));
    assert_eq!(verdict(&request.clone().with("AUTHORIZATION", &format!("bearer  {right} "))), Ok(()));
    assert_eq!(verdict(&request), Err(Rejection::MissingSignature));
    assert_eq!(verdict(&request.clone().with("authorization", &right)), Err(Rejection::MissingSignature));
    assert_eq!(verdict(&request.clone().with("authorization", "Bearer ")), Err(Rejection::MissingSignature));
    assert_eq!(
        verdict(&request.clone().with("authorization", &format!("Basic {right}"))),
        Err(Rejection::MissingSignature)
    );
    let (signed, signature) = right.rsplit_once('.').unwrap();
    let wrong = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{right}."),
        format!(".{right}"),
        format!("{right}="),
        format!("{right}.{signature}"),
        format!("{signed}..{signature}"),
        right.replacen('.', "..", 1),
        "a".repeat(1_000_000),
        token(HEADER, &claims(&request.body).to_string(), "another secret"),
        token(HEADER, &claims(&request.body).to_string(), ""),
        token(HEADER, "[]", SECRET),
        token(HEADER, "", SECRET),
    ];
    for wrong in wrong.iter().filter(|wrong| !wrong.is_empty()) {
        assert_eq!(
            verdict(&bearing(&request, wrong)),
            Err(Rejection::BadCredentials),
            "{}",
            &wrong[..wrong.len().min(300)]
        );
    }
    let unknown = request.signed(vonage(), &secrets(), received_at());
    assert_eq!(unknown.verify(vonage(), &Secrets::new(), received_at()), Err(Rejection::UnknownKey));
}

#[test]
fn the_algorithm_is_ours_to_choose() {
    let request = body();
    let claims = claims(&request.body).to_string();
    let verdict_on = |header: &str| verdict(&bearing(&request, &token(header, &claims, SECRET)));
    for ignored in [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"../../etc/passwd","x5u":"https://evil.example","jwk":{"kty":"oct","k":""}}"#,
        r#"{"alg":"HS256","crit":null}"#,
    ] {
        assert_eq!(verdict_on(ignored), Ok(()), "{ignored}");
    }
    for refused in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":""}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":" HS256"}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":null}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        "[]",
        "",
    ] {
        assert_eq!(verdict_on(refused), Err(Rejection::BadCredentials), "{refused}");
    }
    // Without a signature at all.
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(&claims));
    assert_eq!(verdict(&bearing(&request, &unsigned)), Err(Rejection::BadCredentials));
}

#[test]
fn each_claim_is_checked() {
    let now = received_at().timestamp();
    assert_eq!(with_claims(&json!({})), Ok(()));
    for issuer in [json!(null), json!("vonage"), json!("Nexmo"), json!(""), json!(["Vonage"])] {
        assert_eq!(with_claims(&json!({ "iss": issuer })), Err(Rejection::BadCredentials), "{issuer}");
    }
    assert_eq!(with_claims(&json!({ "payload_hash": hash(&body().body).to_uppercase() })), Ok(()));
    for payload_hash in [json!(null), json!(""), json!(hash(b"")), json!(hash(b"other")), json!(1)] {
        let verdict = with_claims(&json!({ "payload_hash": payload_hash }));
        assert_eq!(verdict, Err(Rejection::BadCredentials), "{payload_hash}");
    }
    for issued in [json!(now + 300), json!(now - 300), serde_json::from_str(&format!("{now}.5")).unwrap()] {
        assert_eq!(with_claims(&json!({ "iat": issued })), Ok(()), "{issued}");
    }
    for issued in [json!(now + 301), json!(now - 301), json!(0), json!(-1), json!(now * 1000)] {
        assert_eq!(with_claims(&json!({ "iat": issued })), Err(Rejection::Stale), "{issued}");
    }
    for issued in [json!(null), json!("now"), json!(now.to_string()), json!(i64::MAX), json!(1e300), json!(u64::MAX)] {
        assert_eq!(with_claims(&json!({ "iat": issued })), Err(Rejection::BadCredentials), "{issued}");
    }
    for (end, valid) in
        [(json!(now + 60), true), (json!(now - 300), true), (json!(now - 301), false), (json!(0), false)]
    {
        assert_eq!(with_claims(&json!({ "exp": end })).is_ok(), valid, "{end}");
    }
    assert_eq!(with_claims(&json!({ "exp": 33_254_540_828_i64 })), Ok(()));
    for (start, valid) in
        [(json!(now), true), (json!(now + 300), true), (json!(now + 301), false), (json!(1e300), false)]
    {
        assert_eq!(with_claims(&json!({ "nbf": start })).is_ok(), valid, "{start}");
    }
    // A claim that stands twice is read differently by different readers.
    let request = body();
    let twice = claims(&request.body).to_string().replacen('{', r#"{"iss":"Vonage","#, 1);
    assert_eq!(verdict(&bearing(&request, &token(HEADER, &twice, SECRET))), Err(Rejection::BadCredentials));
}

#[test]
fn the_clock_skew_of_the_connection_counts() {
    let request = body().signed(vonage(), &secrets(), received_at());
    let (secrets, options) = (secrets(), Options::new());
    let verdict = |skew: i64, offset: i64| {
        let now = received_at() + TimeDelta::seconds(offset);
        let context = VerifyContext::new(&secrets, &options, now);
        vonage().verify(&request.hook(), &VerifyContext { clock_skew: TimeDelta::seconds(skew), ..context })
    };
    assert_eq!((verdict(10, 10), verdict(10, -10)), (Ok(()), Ok(())));
    assert_eq!((verdict(10, 11), verdict(10, -11)), (Err(Rejection::Stale), Err(Rejection::Stale)));
    assert_eq!((verdict(3600, 3600), verdict(3600, 3601)), (Ok(()), Err(Rejection::Stale)));
}

#[test]
fn the_previous_secret_is_valid_until_it_is_retired() {
    let fields = vonage().secret_fields();
    let mut rotated = secrets();
    let old = body().signed(vonage(), &rotated, received_at());
    rotated.rotate(fields, "signature_secret", "the new one");
    let new = body().signed(vonage(), &rotated, received_at());
    assert_ne!(old.headers, new.headers);
    for request in [&old, &new] {
        assert_eq!(request.verify(vonage(), &rotated, received_at()), Ok(()));
    }
    assert_eq!(rotated.retire_previous(fields), ["signature_secret_previous"]);
    assert_eq!(old.verify(vonage(), &rotated, received_at()), Err(Rejection::BadCredentials));
    assert_eq!(new.verify(vonage(), &rotated, received_at()), Ok(()));
}

#[test]
fn secrets_and_options_are_checked() {
    let check = |secrets: &Secrets| vonage().check_secrets(secrets);
    assert_eq!(check(&secrets()), Ok(()));
    assert!(matches!(check(&Secrets::new()), Err(SecretError::Missing { name: "signature_secret", .. })));
    let previous = Secrets::new().with("signature_secret_previous", "x");
    assert!(matches!(check(&previous), Err(SecretError::Missing { .. })));
    assert!(matches!(check(&secrets().with("api_secret", "x")), Err(SecretError::Unknown { .. })));
    assert_eq!(Options::new().with("get_requests", "refuse").check(vonage().options()), Ok(()));
    let wrong = Options::new().with("get_requests", "no").check(vonage().options());
    assert!(matches!(wrong, Err(OptionError::Value { name: "get_requests", .. })));
    let none = vonage().sign(Method::Post, BASE, &[], b"", &Secrets::new(), received_at());
    assert!(matches!(none, Err(SecretError::Missing { .. })));
}

#[test]
fn a_get_needs_no_hash_and_may_have_no_body() {
    let request = get("/answer", "uuid=leg&from=12025550143&to=14155550100");
    let mut right = claims(b"");
    assert_eq!(verdict(&bearing(&request, &token(HEADER, &right.to_string(), SECRET))), Ok(()));
    right["payload_hash"] = json!(hash(b"uuid=other"));
    let verdict_on =
        |request: &Request, claims: &Value| verdict(&bearing(request, &token(HEADER, &claims.to_string(), SECRET)));
    assert_eq!(verdict_on(&request, &right), Err(Rejection::BadCredentials));
    right.as_object_mut().unwrap().remove("payload_hash");
    assert_eq!(verdict_on(&request, &right), Ok(()));
    let with_body = Request { body: b"{}".to_vec(), ..request.clone() };
    assert_eq!(verdict_on(&with_body, &right), Err(Rejection::BadCredentials));
    assert_eq!(verdict_on(&with_body, &claims(b"{}")), Err(Rejection::BadCredentials));
    // The absence is for GET alone, also when a POST has no body.
    let post = Request { method: Method::Post, ..request.clone() };
    assert_eq!(verdict_on(&post, &right), Err(Rejection::BadCredentials));
    assert_eq!(verdict_on(&post, &claims(b"")), Ok(()));
    // Who wants the parameters covered refuses GET.
    let refuse = Options::new().with("get_requests", "refuse");
    let signed = request.signed(vonage(), &secrets(), received_at());
    assert_eq!(signed.verify_with(vonage(), &secrets(), &Options::new(), received_at()), Ok(()));
    let verdict = signed.verify_with(vonage(), &secrets(), &refuse, received_at());
    assert_eq!(verdict, Err(Rejection::MissingSignature));
    let posted = body().signed(vonage(), &secrets(), received_at());
    assert_eq!(posted.verify_with(vonage(), &secrets(), &refuse, received_at()), Ok(()));
}

#[test]
fn no_bit_of_a_signed_request_can_be_changed() {
    for name in ["vonage/a5_completed", "vonage/a1_answer_get"] {
        let fixture = Fixture::load(name);
        let refused = |changed: &Request| changed.verify(vonage(), &fixture.secrets, fixture.now).is_err();
        let index = fixture.request.headers.iter().position(|(name, _)| name == "Authorization").unwrap();
        for bit in [0, 1, 5] {
            for at in 0..fixture.request.body.len() {
                let mut changed = fixture.request.clone();
                changed.body[at] ^= 1 << bit;
                assert!(refused(&changed), "{name}: {at}");
            }
            // "Bearer" may be written in any case; from there on each bit counts.
            for at in "Bearer ".len()..fixture.request.headers[index].1.len() {
                let mut bytes = fixture.request.headers[index].1.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(value) = String::from_utf8(bytes) else { continue };
                let mut changed = fixture.request.clone();
                changed.headers[index].1 = value;
                assert!(refused(&changed), "{name}: header {at}");
            }
        }
    }
}

#[test]
fn every_status_has_its_state_and_outcome() {
    let ended = |outcome| (EventKind::CallEnded, Some(LegState::Ended), Some(outcome));
    let rows = [
        ("started", (EventKind::CallInitiated, Some(LegState::Initiated), None)),
        ("ringing", (EventKind::CallRinging, Some(LegState::Ringing), None)),
        ("answered", (EventKind::CallAnswered, Some(LegState::Answered), None)),
        ("completed", ended(Outcome::Completed)),
        ("busy", ended(Outcome::Busy)),
        ("cancelled", ended(Outcome::Canceled)),
        ("canceled", ended(Outcome::Canceled)),
        ("unanswered", ended(Outcome::NoAnswer)),
        ("timeout", ended(Outcome::NoAnswer)),
        ("rejected", ended(Outcome::Rejected)),
        ("failed", ended(Outcome::Failed)),
        ("human", (EventKind::CallAnnotation, None, None)),
        ("machine", (EventKind::CallAnnotation, None, None)),
        ("disconnected", (EventKind::CallAnnotation, None, None)),
        ("teleported", (EventKind::Ignored, None, None)),
    ];
    for (status, expected) in rows {
        let got = event(status, &json!({}));
        assert_eq!((got.kind, got.state, got.outcome), expected, "{status}");
        assert_eq!(got.dedupe_key, format!("leg:{status}:2026-02-12T12:00:00.000Z"));
        assert_eq!((got.leg_id.as_deref(), got.session_id.as_deref()), (Some("leg"), Some("CON-1")));
        assert_eq!(got.provider_status.as_deref(), Some(status));
        assert_eq!(got.occurred_at, Some(time("2026-02-12T12:00:00Z")));
        let upper = event(&status.to_uppercase(), &json!({}));
        assert_eq!((upper.kind, upper.dedupe_key), (got.kind, got.dedupe_key), "{status}");
    }
}

#[test]
fn details_are_kept() {
    let got = event(
        "rejected",
        &json!({ "detail": "declined", "sip_code": 603, "disconnected_by": "user", "network": "US-FIXED", "headers": {} }),
    );
    assert_eq!(got.provider_reason.as_deref(), Some("declined"));
    assert_eq!((got.sip_code, got.hangup_source.as_deref()), (Some(603), Some("user")));
    assert_eq!(event("failed", &json!({ "sip_code": "503" })).sip_code, Some(503));
    assert_eq!(event("failed", &json!({ "sip_code": 70_000 })).sip_code, None);
}

#[test]
fn completed_needs_a_sign_that_someone_was_there() {
    let outcome = |more: &Value| event("completed", more).outcome;
    assert_eq!(outcome(&json!({ "duration": "7", "start_time": "2026-02-12T11:59:53Z" })), Some(Outcome::Completed));
    assert_eq!(outcome(&json!({ "duration": 7 })), Some(Outcome::Completed));
    assert_eq!(outcome(&json!({ "duration": "0", "start_time": "2026-02-12T11:59:53Z" })), Some(Outcome::Completed));
    assert_eq!(outcome(&json!({ "duration": "0", "start_time": null })), None);
    // The caller hung up before anything answered.
    let never = |more: &Value| {
        let mut more = more.clone();
        more["direction"] = json!("inbound");
        more
    };
    let ringing = event("ringing", &never(&json!({})));
    let end = event("completed", &never(&json!({ "duration": "0", "start_time": null })));
    assert_eq!(fold(&[ringing.clone(), end.clone()]).outcome, Some(Outcome::NoAnswer));
    // A talk of less than half a second is one.
    let answered = event("answered", &never(&json!({ "start_time": null })));
    assert_eq!(fold(&[ringing, answered, end]).outcome, Some(Outcome::Completed));
}

/// The events of a leg of one conversation, at these seconds.
fn leg(uuid: &str, direction: &str, to: &str, words: &[(&str, i64)], duration: u32) -> Vec<CallEvent> {
    let at = |second: i64| (received_at() + TimeDelta::seconds(second)).to_rfc3339();
    let words = words.iter().map(|(word, second)| {
        let mut body = json!({
            "uuid": uuid, "conversation_uuid": "CON-1", "status": word, "direction": direction,
            "from": "12025550143", "to": to, "timestamp": at(*second),
        });
        if *word == "completed" {
            body["duration"] = json!(duration.to_string());
            body["start_time"] = json!(at(*second - i64::from(duration)));
            body["end_time"] = json!(at(*second));
        }
        one(&post("/event", &body))
    });
    words.collect()
}

#[test]
fn a_call_is_answered_when_the_dialled_leg_is() {
    let inbound = || {
        leg("a", "inbound", "14155550100", &[("started", 0), ("ringing", 0), ("answered", 1), ("completed", 31)], 30)
    };
    let call = fold(&inbound());
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(30)));
    for (word, expected) in [
        ("unanswered", Outcome::NoAnswer),
        ("timeout", Outcome::NoAnswer),
        ("cancelled", Outcome::NoAnswer),
        ("failed", Outcome::NoAnswer),
        ("busy", Outcome::Busy),
        ("rejected", Outcome::Rejected),
    ] {
        let agent = leg("b", "outbound", "14155550111", &[("started", 2), ("ringing", 3), (word, 25)], 0);
        let call = fold(&[inbound(), agent].concat());
        let told = (call.root_leg.as_deref(), call.direction, call.outcome, call.talk_seconds, call.answered_at);
        assert_eq!(told, (Some("a"), Some(Direction::Inbound), Some(expected), None, None), "{word}");
    }
    let agent =
        leg("b", "outbound", "14155550111", &[("started", 2), ("ringing", 3), ("answered", 9), ("completed", 31)], 22);
    let call = fold(&[inbound(), agent.clone()].concat());
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(22)));
    assert_eq!(call.answered_at, Some(received_at() + TimeDelta::seconds(9)));
    let ringing = fold(&[inbound()[..3].to_vec(), agent[..2].to_vec()].concat());
    assert_eq!(ringing.state, LegState::Ringing);
    assert_eq!(fold(&[inbound()[..3].to_vec(), agent[..3].to_vec()].concat()).state, LegState::Answered);
    // A program behind a websocket is no person.
    let bot =
        leg("b", "outbound", "wss://bot.example.com/socket", &[("started", 2), ("answered", 2), ("completed", 31)], 29);
    assert_eq!(fold(&[inbound(), bot].concat()).outcome, Some(Outcome::NoAnswer));
}

#[test]
fn an_outbound_call_ends_as_its_leg_does() {
    let call = fold(&leg(
        "a",
        "outbound",
        "14155550100",
        &[("started", 0), ("ringing", 1), ("answered", 5), ("completed", 20)],
        15,
    ));
    let told = (call.direction, call.outcome, call.talk_seconds);
    assert_eq!(told, (Some(Direction::Outbound), Some(Outcome::Completed), Some(15)));
    // The answer URL is asked when the called party answers, and knows no direction.
    let mut events = leg("a", "outbound", "14155550100", &[("started", 0), ("answered", 5), ("completed", 20)], 15);
    events.push(one(&get("/answer", "uuid=a&conversation_uuid=CON-1&from=12025550143&to=14155550100")));
    assert_eq!(fold(&events), {
        events.reverse();
        fold(&events)
    });
    let call = fold(&events);
    assert_eq!((call.direction, call.outcome), (Some(Direction::Outbound), Some(Outcome::Completed)));
}

#[test]
fn the_answer_url_is_a_ringing_call_by_get_and_by_post() {
    let fields = json!({ "from": "12025550143", "to": "14155550100", "uuid": "leg", "conversation_uuid": "CON-1", "endpoint_type": "phone" });
    let by_post = one(&post("/answer", &fields));
    let by_get = one(&get(
        "/answer",
        "from=12025550143&to=14155550100&uuid=leg&conversation_uuid=CON-1&uuid=other&SipHeader_X-Id=1",
    ));
    assert_eq!(by_post, by_get);
    assert_eq!((by_post.kind, by_post.dedupe_key.as_str()), (EventKind::CallRinging, "leg:answer_url"));
    // Without a purpose the content tells.
    assert_eq!(one(&post("", &fields)), by_post);
    let mut fallback = fields.clone();
    fallback["reason"] = json!("Connection closed.");
    fallback["original_request"] =
        json!({ "url": "https://crm.example.com/hooks/vonage/answer", "type": "answer_url" });
    for purpose in ["/fallback", "/answer", ""] {
        let got = one(&post(purpose, &fallback));
        assert_eq!((got.kind, got.dedupe_key.as_str()), (EventKind::CallRinging, "leg:fallback_url"));
        assert_eq!(got.provider_reason.as_deref(), Some("Connection closed."));
    }
    // Unless it is the fallback of an event.
    fallback["status"] = json!("answered");
    assert_eq!(one(&post("/fallback", &fallback)).dedupe_key, "leg:answered");
    // At the event URL such fields are no call.
    assert_eq!(one(&post("/event", &fields)).kind, EventKind::Ignored);
}

#[test]
fn parties_are_numbers_users_and_hidden_callers() {
    let from = |raw: &str| event("ringing", &json!({ "from": raw })).from.unwrap();
    assert_eq!(from("442079460000").value.unwrap().clear(), "+442079460000");
    assert_eq!(from("+442079460000").value.unwrap().clear(), "+442079460000");
    assert_eq!(from("sip:ann@PBX.example.com;transport=tls").value.unwrap().clear(), "sip:ann@pbx.example.com");
    for hidden in ["", "unknown", "Anonymous", "Restricted", "PRIVATE", "Unavailable"] {
        assert_eq!((from(hidden).kind, from(hidden).value), (PartyKind::Withheld, None), "{hidden}");
    }
    assert_eq!(event("ringing", &json!({ "from": null })).from, None);
    assert_eq!(from("2001").kind, PartyKind::Extension);
    let user = one(&post("/answer", &json!({ "uuid": "leg", "from_user": "ann", "to": "12025550143" })));
    assert_eq!(user.from.unwrap().value, Some(Address::Client("ann".to_owned())));
    assert_eq!(user.agent_ref.as_deref(), Some("ann"));
    let called = event("answered", &json!({ "to": "", "to_user": "bob" }));
    assert_eq!((called.to.unwrap().kind, called.agent_ref.as_deref()), (PartyKind::Client, Some("bob")));
    // A national number is read with the region of the connection.
    let request = post("/answer", &json!({ "uuid": "leg", "from": "02079460000", "to": "442079460999" }));
    let context = ParseContext { default_region: Some("GB".to_owned()), ..ParseContext::default() };
    let event = request.parse_with(vonage(), &context).unwrap().remove(0);
    assert_eq!(event.from.unwrap().value.unwrap().clear(), "+442079460000");
}

#[test]
fn machine_detection_names_its_leg_elsewhere_and_changes_nothing() {
    let body = json!({ "call_uuid": "leg", "conversation_uuid": "CON-1", "status": "machine", "sub_state": "beep_start", "timestamp": "2026-02-12T12:00:00Z" });
    let got = one(&post("/event", &body));
    assert_eq!((got.kind, got.leg_id.as_deref(), got.state), (EventKind::CallAnnotation, Some("leg"), None));
    assert_eq!(got.dedupe_key, "leg:machine:beep_start:2026-02-12T12:00:00Z");
    assert_eq!(got.provider_reason.as_deref(), Some("beep_start"));
    let ringing = event("ringing", &json!({}));
    assert_eq!(fold(&[ringing.clone(), got]), fold(&[ringing]));
}

#[test]
fn a_transfer_makes_two_conversations_one_call() {
    let body = json!({ "conversation_uuid_from": "CON-1", "conversation_uuid_to": "CON-2", "uuid": "leg", "type": "transfer", "timestamp": "2026-02-12T12:00:05.000Z" });
    let got = one(&post("/event", &body));
    assert_eq!(
        (got.kind, got.dedupe_key.as_str()),
        (EventKind::CallTransferred, "leg:transfer:2026-02-12T12:00:05.000Z")
    );
    assert_eq!((got.session_id.as_deref(), got.linked_session_id.as_deref()), (Some("CON-2"), Some("CON-1")));
    assert_eq!(got.correlation_keys(), ["leg:leg", "session:CON-1", "session:CON-2"]);
    let without_type = json!({ "conversation_uuid_from": "CON-1", "conversation_uuid_to": "CON-2", "uuid": "leg" });
    assert_eq!(one(&post("/event", &without_type)).kind, EventKind::CallTransferred);
    let error = post("/event", &json!({ "type": "transfer", "uuid": "leg" })).parse(vonage()).unwrap_err();
    assert_eq!(error, ParseError::Missing { field: "conversation_uuid_to" });
}

#[test]
fn recordings_belong_to_the_conversation() {
    let body = json!({
        "start_time": "2026-02-12T12:00:00Z", "end_time": "2026-02-12T12:00:09Z", "size": 12222, "channels": 2,
        "recording_url": "https://api.nexmo.com/v1/files/file-1", "recording_uuid": "rec-1",
        "conversation_uuid": "CON-1", "timestamp": "2026-02-12T12:00:10Z",
    });
    let got = one(&post("/event", &body));
    assert_eq!((got.kind, got.dedupe_key.as_str(), got.leg_id.as_deref()), (EventKind::RecordingReady, "rec-1", None));
    let fact = got.recording.clone().unwrap();
    assert_eq!((fact.status, fact.duration_seconds, fact.channels), (RecordingStatus::Ready, Some(9), Some(2)));
    assert!(fact.needs_auth && !fact.voicemail);
    assert_eq!(fact.url.as_deref(), Some("https://api.nexmo.com/v1/files/file-1"));
    // The message of a caller whom nobody answered.
    let message = one(&post("/voicemail", &body));
    let inbound = leg("a", "inbound", "14155550100", &[("started", 0), ("answered", 1), ("completed", 31)], 30);
    let agent = leg("b", "outbound", "14155550111", &[("started", 2), ("unanswered", 20)], 0);
    let missed = [inbound, agent].concat();
    let outcome = |recording: &CallEvent| fold(&[missed.clone(), vec![recording.clone()]].concat()).outcome;
    assert_eq!((outcome(&got), outcome(&message)), (Some(Outcome::NoAnswer), Some(Outcome::Voicemail)));
    // The end before the start, and an id that only the address has.
    let odd = one(&get(
        "/event",
        "recording_url=https://api.nexmo.com/v1/files/file-2&start_time=2026-02-12T12:00:00Z&end_time=2026-02-12T11:00:00Z",
    ));
    assert_eq!(odd.recording.map(|fact| (fact.id, fact.duration_seconds)), Some(("file-2".to_owned(), None)));
    let nameless = post("/event", &json!({ "recording_uuid": "", "recording_url": "https://x.example/" }));
    assert_eq!(nameless.parse(vonage()).unwrap_err(), ParseError::Missing { field: "recording_uuid" });
}

#[test]
fn other_requests_are_kept_without_an_effect() {
    let ids = json!({ "uuid": "leg", "conversation_uuid": "CON-1", "timestamp": "2026-02-12T12:00:00Z" });
    let with = |more: Value| {
        let mut body = ids.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one(&post("/event", &body))
    };
    let rows = [
        (
            json!({ "dtmf": { "digits": "1234", "timed_out": false }, "from": "1", "to": "2" }),
            "leg:input:2026-02-12T12:00:00Z",
        ),
        (json!({ "speech": { "results": [] } }), "leg:input:2026-02-12T12:00:00Z"),
        (json!({ "payload": { "foo": "bar" } }), "leg:notify:2026-02-12T12:00:00Z"),
        (json!({ "reason": "Syntax error in NCCO." }), "leg:error:2026-02-12T12:00:00Z"),
    ];
    for (more, key) in rows {
        let got = with(more);
        assert_eq!((got.kind, got.dedupe_key.as_str(), got.state), (EventKind::CallAnnotation, key, None));
    }
    let error = one(&post("/event", &json!({ "reason": "No such number.", "conversation_uuid": "CON-1" })));
    assert_eq!((error.dedupe_key.as_str(), error.session_id.as_deref()), ("CON-1:error", Some("CON-1")));
    let unknown = with(json!({ "type": "rtc:hologram", "from": "12025550143" }));
    assert_eq!((unknown.kind, unknown.leg_id.as_deref()), (EventKind::Ignored, Some("leg")));
    assert!(unknown.dedupe_key.starts_with("other:") && !unknown.dedupe_key.contains("2025550143"));
    assert_ne!(unknown.dedupe_key, with(json!({ "type": "rtc:hologram", "from": "12025550144" })).dedupe_key);
    assert_eq!(one(&post("/event", &json!({}))).kind, EventKind::Ignored);
}

#[test]
fn what_cannot_be_an_event_is_an_error_that_names_no_value() {
    let error = |request: &Request| request.parse(vonage()).unwrap_err();
    for status in ["started", "completed", "failed"] {
        let request = post("/event", &json!({ "status": status, "from": "12025550143" }));
        assert_eq!(error(&request), ParseError::Missing { field: "uuid" }, "{status}");
    }
    let unknown = post("/event", &json!({ "status": "teleported" }));
    assert_eq!(one(&unknown).kind, EventKind::Ignored);
    for body in ["", "from=12025550143", "{", "{\"status\":"] {
        let request = Request::post(&format!("{BASE}/event"), "application/json", body);
        assert_eq!(error(&request), ParseError::Body { expected: "JSON" }, "{body}");
    }
    for body in ["[]", "null", "\"12025550143\"", "7"] {
        let request = Request::post(&format!("{BASE}/event"), "application/json", body);
        assert_eq!(error(&request).to_string(), "the body is not a JSON object", "{body}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let request = Request::post(&format!("{BASE}/event"), "application/json", deep);
    assert_eq!(error(&request), ParseError::Body { expected: "JSON" });
}

#[test]
fn retries_have_the_key_of_the_first_attempt_and_keys_stay_short() {
    let body = json!({ "uuid": "leg", "status": "ringing", "timestamp": "2026-02-12T12:00:00Z" });
    let [first, again] = [0, 5].map(|second| {
        let now = received_at() + TimeDelta::seconds(second);
        one(&post("/event", &body).signed(vonage(), &secrets(), now)).dedupe_key
    });
    assert_eq!(first, again);
    let long = "x".repeat(100_000);
    let first = event("ringing", &json!({ "uuid": long, "timestamp": "1" }));
    let second = event("ringing", &json!({ "uuid": long, "timestamp": "2" }));
    assert!(first.dedupe_key.len() < 100 && first.dedupe_key != second.dedupe_key);
}

#[test]
fn only_questions_are_answered_with_an_ncco() {
    let call = json!({ "uuid": "leg", "from": "1", "to": "2" });
    let status = json!({ "uuid": "leg", "status": "ringing" });
    let ncco = Answer::document("application/json", "[]");
    let answer = |body: &Value, purpose: Option<&str>| vonage().answer(&post("", body).hook(), purpose);
    let steers = |body: &Value, purpose: Option<&str>| vonage().steers(&post("", body).hook(), purpose);
    for purpose in ["answer", "fallback", "input"] {
        assert_eq!((answer(&status, Some(purpose)), steers(&call, Some(purpose))), (ncco.clone(), Some(purpose)));
    }
    for purpose in ["event", "voicemail"] {
        assert_eq!((answer(&call, Some(purpose)), steers(&call, Some(purpose))), (Answer::OK, None));
    }
    assert_eq!((answer(&call, None), steers(&call, None)), (ncco, Some("answer")));
    assert_eq!((answer(&status, None), steers(&status, None)), (Answer::OK, None));
    let fallback = json!({ "uuid": "leg", "from": "1", "reason": "x", "original_request": {} });
    assert_eq!(steers(&fallback, None), Some("fallback"));
    let broken = Request::post(BASE, "application/json", "{");
    assert_eq!(vonage().steers(&broken.hook(), None), None);
    let control = vonage().call_control().unwrap();
    assert_eq!(control.check("[]"), Ok(()));
    assert!(control.purposes.iter().all(|purpose| vonage().purposes().contains(purpose)));
}

const FIELDS: &[&str] = &[
    "uuid",
    "call_uuid",
    "conversation_uuid",
    "conversation_uuid_from",
    "conversation_uuid_to",
    "status",
    "type",
    "from",
    "to",
    "from_user",
    "direction",
    "timestamp",
    "start_time",
    "end_time",
    "duration",
    "detail",
    "sub_state",
    "sip_code",
    "disconnected_by",
    "recording_uuid",
    "recording_url",
    "channels",
    "dtmf",
    "payload",
    "reason",
    "original_request",
];

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
        prop::sample::select(vec!["completed", "transfer", "inbound", "2026-02-12T12:00:00Z", "12025550143"])
            .prop_map(Value::from),
        Just(json!([{}])),
        Just(json!({ "a": 1 })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_sent_makes_it_panic(
        fields in prop::collection::btree_map(prop::sample::select(FIELDS), anything(), 0..10),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        token in "[A-Za-z0-9._=+ -]{0,80}",
        purpose in prop::sample::select(vec!["", "/answer", "/event", "/fallback", "/input", "/voicemail"]),
        region in prop::option::of(prop::sample::select(vec!["US", "DE", "??"])),
        by_get in any::<bool>(),
    ) {
        let object: serde_json::Map<String, Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(object.iter().map(|(name, value)| (name, value.as_str().map_or(value.to_string(), ToOwned::to_owned))))
            .finish();
        let request = if by_get { get(purpose, &query) } else { post(purpose, &Value::Object(object)) };
        let context = ParseContext { default_region: region.map(ToOwned::to_owned), ..ParseContext::default() };
        if let Ok(events) = request.parse_with(vonage(), &context) {
            prop_assert!(events.iter().all(|event| event.dedupe_key.len() <= 200));
            fold(&events);
        }
        vonage().answer(&request.hook(), request.purpose());
        let raw = Request { body: bytes, ..request };
        let _ = raw.parse_with(vonage(), &context);
        prop_assert!(verdict(&bearing(&raw, &token)).is_err());
    }

    #[test]
    fn any_body_round_trips_and_any_changed_byte_is_refused(
        body in prop::collection::vec(any::<u8>(), 1..64),
        at in any::<prop::sample::Index>(),
        other in 1..=255_u8,
        seconds in -400..400_i64,
    ) {
        let request = Request::post(BASE, "application/json", body);
        let signed_at: DateTime<Utc> = received_at() + TimeDelta::seconds(seconds);
        let signed = request.signed(vonage(), &secrets(), signed_at);
        let expected = if seconds.abs() <= 300 { Ok(()) } else { Err(Rejection::Stale) };
        prop_assert_eq!(verdict(&signed), expected);
        let mut changed = signed;
        let at = at.index(changed.body.len());
        changed.body[at] = changed.body[at].wrapping_add(other);
        prop_assert_eq!(verdict(&changed), Err(Rejection::BadCredentials));
    }
}
