//! Plivo: signatures V3 that are and are not valid, and requests beyond the fixtures.

use chrono::TimeDelta;
use proptest::prelude::*;
use switchboard_telephony::{
    Address, Answer, Attestation, CallEvent, Direction, EventKind, LegState, Method, Options, Outcome, ParseContext,
    ParseError, PartyKind, Provider, RecordingStatus, Rejection, SecretError, Secrets, fold, provider,
};

use crate::support::{Fixture, Request, read_json, received_at};

const BASE: &str = "https://crm.example.com/hooks/plivo";
const NONCE: &str = "31627761595286130198";

fn plivo() -> &'static dyn Provider {
    provider("plivo").unwrap()
}

fn secrets() -> Secrets {
    Secrets::new().with("auth_token", "s3cret")
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn get(purpose: &str, pairs: &[(&str, &str)]) -> Request {
    let url = format!("{BASE}{purpose}?{}", encoded(pairs));
    Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new() }
}

fn post(purpose: &str, pairs: &[(&str, &str)]) -> Request {
    Request::form(&format!("{BASE}{purpose}"), pairs)
}

fn event(purpose: &str, pairs: &[(&str, &str)]) -> CallEvent {
    let mut events = post(purpose, pairs).parse(plivo()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn signed(request: Request) -> Request {
    request.signed(plivo(), &secrets(), received_at())
}

fn verdict(request: &Request) -> Result<(), Rejection> {
    request.verify(plivo(), &secrets(), received_at())
}

/// The same request with another value of a header.
fn with_header(request: &Request, name: &str, value: &str) -> Request {
    let mut changed = request.clone();
    value.clone_into(&mut changed.headers.iter_mut().find(|(key, _)| key == name).unwrap().1);
    changed
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap()
}

#[test]
fn the_vendors_vectors_are_valid() {
    let vectors = read_json("plivo/signature_vectors.json");
    let secrets = Secrets::new().with("auth_token", vectors["auth_token"].as_str().unwrap());
    let all = vectors["v3"].as_array().unwrap();
    assert_eq!(all.len(), 4);
    for vector in all {
        let text = |name: &str| vector[name].as_str().unwrap();
        let params = vector["params"].as_object().unwrap();
        let pairs: Vec<(&str, &str)> =
            params.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let request = if text("method") == "GET" {
            // The vendor's tests give the parameters beside the URL; a request has all of them in its query.
            let url =
                format!("{}{}{}", text("url"), if text("url").contains('?') { "&" } else { "?" }, encoded(&pairs));
            Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new() }
        } else {
            Request::form(text("url"), &pairs)
        };
        let request =
            request.with("x-plivo-signature-v3", text("signature")).with("x-plivo-signature-v3-nonce", text("nonce"));
        assert_eq!(request.verify(plivo(), &secrets, received_at()), Ok(()), "{}", text("name"));
        let other = with_header(&request, "x-plivo-signature-v3-nonce", "31627761595286130199");
        assert_eq!(other.verify(plivo(), &secrets, received_at()), Err(Rejection::BadSignature), "{}", text("name"));
        let other = Secrets::new().with("auth_token", "Y2Q2ZDgxZmY5YWRiOTI5YmQ1Njg0MTAxZWIyOTc5");
        assert_eq!(request.verify(plivo(), &other, received_at()), Err(Rejection::BadSignature), "{}", text("name"));
    }
}

#[test]
fn signature_v2_proves_nothing() {
    let vectors = read_json("plivo/signature_vectors.json");
    for vector in vectors["v2_deprecated"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let secrets = Secrets::new().with("auth_token", text("auth_token"));
        let request = Request::post(text("url"), "application/x-www-form-urlencoded", "");
        for version in ["V2", "V3"] {
            let request = request.clone().with(&format!("X-Plivo-Signature-{version}"), text("signature"));
            let request = request.with(&format!("X-Plivo-Signature-{version}-Nonce"), text("nonce"));
            assert!(request.verify(plivo(), &secrets, received_at()).is_err(), "{version}");
        }
    }
}

/// Signatures that Plivo's own Python package 4.63.0 computes for the token `s3cret` and the nonce of the vectors.
#[test]
fn queries_repetitions_and_other_letters_are_signed_as_the_vendor_does() {
    let form = "CallUUID=1&To=b&To=a&From=&CallerName=%C3%9Cmit+%26+Co";
    let rows = [
        (Method::Post, "https://crm.example.com/hooks/plivo/answer?b=2&a=1&a=0", form, VENDOR[0]),
        (Method::Post, "https://crm.example.com:8443/hooks/plivo/answer", form, VENDOR[1]),
        (Method::Post, "https://crm.example.com/hooks/plivo/answer?b=x%20y&a=", "", VENDOR[2]),
        (Method::Post, "https://crm.example.com/hooks/plivo/answer", "", VENDOR[3]),
        (Method::Get, "https://crm.example.com/hooks/plivo/answer?To=b&To=a&From=&CallUUID=1+2", "", VENDOR[4]),
        (Method::Get, "https://crm.example.com/hooks/plivo/answer", "", VENDOR[3]),
    ];
    for (method, url, body, signature) in rows {
        let headers = vec![
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("X-Plivo-Signature-V3".to_owned(), signature.to_owned()),
            ("X-Plivo-Signature-V3-Nonce".to_owned(), NONCE.to_owned()),
        ];
        let request = Request { method, url: url.to_owned(), headers, body: body.as_bytes().to_vec() };
        assert_eq!(verdict(&request), Ok(()), "{url} {body}");
        // A fragment is ours, for Plivo's retries; it is not signed.
        let request = Request { url: format!("{url}#rc=5&rp=all"), ..request };
        assert_eq!(verdict(&request), Ok(()), "{url}");
    }
}

const VENDOR: [&str; 5] = [
    "R7yOKbnZ61ZgUKNvtjE4LYlTjCQ89ERyFhN0G1QdvYs=",
    "RwD5nghkTuWyEI5LBdRNtv88ALDCevYUdKHnvp9TVXI=",
    "d0T7m3PbqUJocmcUJlIT/6UCQng3AlOs0VAYBPpT56I=",
    "cywR8NfsdZx6OpHrAKCgUpoCo62bxk006aLLkqHh898=",
    "tKb2lH8wVGNQYqUoHZyhiXZqfNAw/+h2L1FukmwEzVM=",
];

#[test]
fn one_signature_of_a_list_or_of_the_main_account_is_enough() {
    let request = signed(post("/hangup", &[("CallUUID", "1"), ("CallStatus", "completed")]));
    let right = header(&request, "X-Plivo-Signature-V3").to_owned();
    let wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(verdict(&request), Ok(()));
    let list = |value: &str| verdict(&with_header(&request, "X-Plivo-Signature-V3", value));
    assert_eq!(list(&format!("{wrong},{right}")), Ok(()));
    assert_eq!(list(&format!(" {right} , {wrong}")), Ok(()));
    assert_eq!(list(&format!("{wrong},,")), Err(Rejection::BadSignature));
    assert_eq!(list(&format!("{right}{right}")), Err(Rejection::BadSignature));
    assert_eq!(list(&right.to_lowercase()), Err(Rejection::BadSignature));
    assert_eq!(list(right.trim_end_matches('=')), Err(Rejection::BadSignature));
    for nothing in ["", " ", ",", " , ,"] {
        assert_eq!(list(nothing), Err(Rejection::MissingSignature), "{nothing:?}");
    }
    // So many that nobody sends them.
    assert_eq!(list(&format!("{}{right}", format!("{wrong},").repeat(1000))), Err(Rejection::BadSignature));
    let main = with_header(&request, "X-Plivo-Signature-V3", wrong).with("X-Plivo-Signature-Ma-V3", &right);
    assert_eq!(verdict(&main), Ok(()));
    let mut alone = request.clone();
    alone.headers.retain(|(name, _)| name != "X-Plivo-Signature-V3");
    assert_eq!(verdict(&alone), Err(Rejection::MissingSignature));
    assert_eq!(verdict(&alone.with("x-plivo-signature-ma-v3", &right)), Ok(()));
    let mut without_nonce = request.clone();
    without_nonce.headers.retain(|(name, _)| !name.ends_with("Nonce"));
    assert_eq!(verdict(&without_nonce), Err(Rejection::MissingSignature));
    assert_eq!(request.verify(plivo(), &Secrets::new(), received_at()), Err(Rejection::UnknownKey));
}

#[test]
fn the_headers_may_have_the_name_of_a_clone() {
    let mut request = signed(post("/hangup", &[("CallUUID", "1"), ("CallStatus", "completed")]));
    for (name, _) in &mut request.headers {
        *name = name.replace("Plivo", "Vobiz").to_lowercase();
    }
    let clone = Options::new().with("header_prefix", "Vobiz");
    assert_eq!(clone.check(plivo().options()), Ok(()));
    assert_eq!(request.verify_with(plivo(), &secrets(), &clone, received_at()), Ok(()));
    assert_eq!(verdict(&request), Err(Rejection::MissingSignature));
    let plivos = signed(post("/hangup", &[("CallUUID", "1")]));
    let refused = plivos.verify_with(plivo(), &secrets(), &clone, received_at());
    assert_eq!(refused, Err(Rejection::MissingSignature));
}

#[test]
fn the_previous_token_is_valid_until_it_is_retired() {
    let fields = plivo().secret_fields();
    let mut rotated = secrets();
    let old = signed(post("/ring", &[("CallUUID", "1")]));
    rotated.rotate(fields, "auth_token", "the new one");
    let new = post("/ring", &[("CallUUID", "1")]).signed(plivo(), &rotated, received_at());
    assert_ne!(header(&old, "X-Plivo-Signature-V3"), header(&new, "X-Plivo-Signature-V3"));
    for request in [&old, &new] {
        assert_eq!(request.verify(plivo(), &rotated, received_at()), Ok(()));
    }
    assert_eq!(rotated.retire_previous(fields), ["auth_token_previous"]);
    assert_eq!(old.verify(plivo(), &rotated, received_at()), Err(Rejection::BadSignature));
    // The signature has no time: it is valid at any.
    assert_eq!(new.verify(plivo(), &rotated, received_at() + TimeDelta::days(400)), Ok(()));
    assert_eq!(plivo().check_secrets(&rotated), Ok(()));
    assert!(matches!(plivo().check_secrets(&Secrets::new()), Err(SecretError::Missing { name: "auth_token", .. })));
    assert!(matches!(plivo().check_secrets(&secrets().with("auth_id", "x")), Err(SecretError::Unknown { .. })));
    let unsigned = plivo().sign(Method::Post, BASE, &[], b"", &Secrets::new(), received_at());
    assert!(matches!(unsigned, Err(SecretError::Missing { .. })));
}

#[test]
fn what_no_signature_covers_is_refused() {
    let request = signed(Request::post(&format!("{BASE}/answer"), "application/json", ""));
    assert_eq!(verdict(&request), Ok(()));
    let body = Request { body: b"{\"CallUUID\":\"1\"}".to_vec(), ..request };
    assert_eq!(verdict(&body), Err(Rejection::BadSignature));
    let request = signed(get("/answer", &[("CallUUID", "1"), ("CallStatus", "ringing")]));
    assert_eq!(verdict(&request), Ok(()));
    let body = Request { body: b"CallUUID=1".to_vec(), ..request.clone() };
    assert_eq!(verdict(&body), Err(Rejection::BadSignature));
    assert_eq!(verdict(&Request { method: Method::Options, ..request }), Err(Rejection::BadSignature));
}

#[test]
fn a_signed_request_cannot_be_cut_into_another_one() {
    let request = signed(post("/hangup", &[("BillRate", "0.0085"), ("CallStatus", "completed"), ("CallUUID", "1")]));
    assert_eq!(verdict(&request), Ok(()));
    // The end of the parameters moves into the nonce: the text that is signed stays the same.
    let nonce = format!("0085CallStatuscompletedCallUUID1.{}", header(&request, "X-Plivo-Signature-V3-Nonce"));
    let moved = with_header(&request, "X-Plivo-Signature-V3-Nonce", &nonce);
    let moved = Request { body: b"BillRate=0".to_vec(), ..moved };
    assert_eq!(verdict(&moved), Err(Rejection::BadSignature));
    // The border of name and value.
    let body = String::from_utf8(request.body.clone()).unwrap().replacen('=', "", 1).into_bytes();
    assert_eq!(verdict(&Request { body, ..request }), Err(Rejection::BadSignature));
    // The form moves into the query, whole or up to a dot of its own.
    let form = [("CallUUID", "1"), ("To", "sip:a@b.example")];
    let mut queried = post("/hangup", &form);
    queried.url.push_str("?k=v");
    let queried = signed(queried);
    assert_eq!(verdict(&queried), Ok(()));
    for (query, body) in [("?k=v.CallUUID1Tosip:a@b.example", ""), ("?k=v.CallUUID1Tosip:a@b", "example=")] {
        let moved = Request { url: queried.url.replace("?k=v", query), body: body.into(), ..queried.clone() };
        assert_eq!(verdict(&moved), Err(Rejection::BadSignature), "{query}");
    }
    // One parameter that reads as two, and two that read as one.
    let two = signed(get("/answer", &[("CallUUID", "1"), ("CallerName", "x"), ("Event", "Hangup")]));
    assert_eq!(verdict(&two), Ok(()));
    let one = Request { url: two.url.replace("&Event=", "%26Event%3D"), ..two };
    assert_eq!(verdict(&one), Err(Rejection::BadSignature));
    let one = signed(get("/answer", &[("CallUUID", "1"), ("CallerName", "x&Event=Hangup")]));
    assert_eq!(verdict(&one), Err(Rejection::BadSignature));
    for harmless in ["Smith & Sons", "a=b", "<sip:a@b;transport=udp>;tag=1"] {
        assert_eq!(
            verdict(&signed(get("/answer", &[("CallUUID", "1"), ("CallerName", harmless)]))),
            Ok(()),
            "{harmless}"
        );
    }
}

/// What a form or query says: its pairs, of which the order does not matter.
fn meaning(form: &[u8]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = form_urlencoded::parse(form).into_owned().collect();
    pairs.sort();
    pairs
}

#[test]
fn no_bit_of_a_signed_request_can_be_changed() {
    let by_get =
        signed(get("/answer", &[("CallUUID", "70ce9e67"), ("From", "12025550143"), ("CallStatus", "ringing")]));
    let fixture = Fixture::load("plivo/a3_hangup");
    for (request, secrets) in [(fixture.request, fixture.secrets), (by_get, secrets())] {
        let refused = |changed: &Request| changed.verify(plivo(), &secrets, received_at()).is_err();
        assert!(!refused(&request));
        for bit in 0..8 {
            for at in 0..request.body.len() {
                let mut changed = request.clone();
                changed.body[at] ^= 1 << bit;
                assert!(refused(&changed) || meaning(&changed.body) == meaning(&request.body), "body {at}");
            }
            for at in 0..request.url.len() {
                let mut url = request.url.clone().into_bytes();
                url[at] ^= 1 << bit;
                let Ok(url) = String::from_utf8(url) else { continue };
                assert!(refused(&Request { url: url.clone(), ..request.clone() }), "{url}");
            }
            for index in 0..request.headers.len() {
                if !request.headers[index].0.contains("Signature") {
                    continue;
                }
                for at in 0..request.headers[index].1.len() {
                    let mut value = request.headers[index].1.clone().into_bytes();
                    value[at] ^= 1 << bit;
                    let Ok(value) = String::from_utf8(value) else { continue };
                    let mut changed = request.clone();
                    changed.headers[index].1.clone_from(&value);
                    assert!(refused(&changed), "{value}");
                }
            }
        }
    }
}

#[test]
fn every_status_has_its_state_and_outcome() {
    let ended = |outcome| (EventKind::CallEnded, Some(LegState::Ended), Some(outcome));
    let rows = [
        ("queued", (EventKind::CallInitiated, Some(LegState::Initiated), None)),
        ("ringing", (EventKind::CallRinging, Some(LegState::Ringing), None)),
        ("in-progress", (EventKind::CallAnswered, Some(LegState::Answered), None)),
        ("completed", ended(Outcome::Completed)),
        ("busy", ended(Outcome::Busy)),
        ("failed", ended(Outcome::Failed)),
        ("timeout", ended(Outcome::NoAnswer)),
        ("no-answer", ended(Outcome::NoAnswer)),
        ("cancel", ended(Outcome::Canceled)),
        ("canceled", ended(Outcome::Canceled)),
        ("teleported", (EventKind::Ignored, None, None)),
    ];
    for (status, expected) in rows {
        let got = event(
            "/hangup",
            &[("CallUUID", "a"), ("CallStatus", status), ("Event", "Some"), ("Direction", "outbound")],
        );
        assert_eq!((got.kind, got.state, got.outcome), expected, "{status}");
        assert_eq!(got.dedupe_key, format!("a:Some:{status}"));
        assert_eq!((got.provider_status.as_deref(), got.answered_by_platform), (Some(status), false));
        let upper = event("/hangup", &[("CallUUID", "a"), ("CallStatus", &status.to_uppercase()), ("Event", "Some")]);
        assert_eq!((upper.kind, upper.dedupe_key), (got.kind, got.dedupe_key), "{status}");
    }
}

#[test]
fn codes_of_a_hangup_tell_busy_and_rejected() {
    let end = |status: &str, cause: &str, code: &str| {
        event(
            "/hangup",
            &[
                ("CallUUID", "a"),
                ("CallStatus", status),
                ("Event", "Hangup"),
                ("HangupCause", cause),
                ("HangupCauseCode", code),
                ("HangupSource", "Callee"),
            ],
        )
    };
    let rows = [
        ("failed", "UNKNOWN", "3010", Outcome::Busy, None),
        ("failed", "UNKNOWN", "3020", Outcome::Rejected, None),
        ("busy", "CALL_REJECTED", "3020", Outcome::Rejected, Some(21)),
        ("busy", "USER_BUSY", "3010", Outcome::Busy, Some(17)),
        ("failed", "CALL_REJECTED", "", Outcome::Rejected, Some(21)),
        ("completed", "NORMAL_CLEARING", "4000", Outcome::Completed, Some(16)),
        ("completed", "NORMAL_CLEARING", "4010", Outcome::Completed, Some(16)),
        ("failed", "NORMAL_TEMPORARY_FAILURE", "7011", Outcome::Failed, Some(41)),
        ("failed", "Error", "8011", Outcome::Failed, None),
        ("no-answer", "NO_ANSWER", "3000", Outcome::NoAnswer, Some(19)),
    ];
    for (status, cause, code, outcome, q850) in rows {
        let got = end(status, cause, code);
        assert_eq!((got.outcome, got.q850), (Some(outcome), q850), "{status} {cause} {code}");
        assert_eq!(got.hangup_source.as_deref(), Some("Callee"));
        let reason = if code.is_empty() { cause.to_owned() } else { format!("{cause}/{code}") };
        assert_eq!(got.provider_reason, Some(reason));
    }
    assert_eq!(end("failed", "", "3010").provider_reason.as_deref(), Some("3010"));
}

#[test]
fn naive_times_are_never_taken_for_utc() {
    let times = [
        ("StartTime", "2026-02-12 17:29:00"),
        ("AnswerTime", "2026-02-12 17:29:01"),
        ("EndTime", "2026-02-12 17:30:00"),
    ];
    let mut pairs = vec![
        ("CallUUID", "a"),
        ("CallStatus", "completed"),
        ("Event", "Hangup"),
        ("Direction", "inbound"),
        ("Duration", "59"),
        ("BillDuration", "60"),
    ];
    pairs.extend(times);
    pairs.push(("SessionStart", "2026-02-12 11:59:00.870618"));
    let got = event("/hangup", &pairs);
    assert_eq!((got.occurred_at, got.answered_at, got.ended_at), (None, None, None));
    assert_eq!(got.started_at, Some("2026-02-12T11:59:00.870618Z".parse().unwrap()));
    assert_eq!((got.talk_seconds, got.duration_seconds), (Some(59), Some(59)));
    // A session that begins hours after we heard of it is in local time.
    pairs.pop();
    pairs.push(("SessionStart", "2026-02-12 17:29:00.870618"));
    assert_eq!(event("/hangup", &pairs).started_at, None);
    // On an outbound leg the length counts from the answer, and the billed one is the last resort.
    let outbound = [("CallUUID", "a"), ("CallStatus", "completed"), ("Direction", "outbound"), ("BillDuration", "60")];
    let got = event("/hangup", &outbound);
    assert_eq!((got.talk_seconds, got.duration_seconds), (Some(60), None));
}

#[test]
fn addresses_names_and_attestation_are_read() {
    let ringing = |more: &[(&str, &str)]| {
        let base = [("CallUUID", "a"), ("CallStatus", "ringing"), ("Event", "StartApp"), ("Direction", "inbound")];
        event("/answer", &[&base[..], more].concat())
    };
    let got = ringing(&[
        ("From", "12025550143"),
        ("To", "14155550100"),
        ("CallerName", "+12025550143"),
        ("ForwardedFrom", "442079460000"),
    ]);
    assert_eq!(got.from.as_ref().unwrap().value.as_ref().unwrap().clear(), "+12025550143");
    assert_eq!(got.from.unwrap().name, None);
    assert_eq!(got.forwarded_from.unwrap().value.unwrap().clear(), "+442079460000");
    let named = ringing(&[("From", "12025550143"), ("CallerName", "Ann Example")]).from.unwrap();
    assert_eq!(named.name.as_deref(), Some("Ann Example"));
    let sip = ringing(&[("From", "sip:ann123@phone.plivo.com"), ("To", "14155550100")]);
    assert_eq!((sip.from.unwrap().kind, sip.agent_ref.as_deref()), (PartyKind::Sip, Some("ann123")));
    assert_eq!(ringing(&[("From", "sip:ann@evilplivo.com")]).agent_ref, None);
    for hidden in ["", "anonymous", "Restricted", "sip:anonymous@anonymous.invalid"] {
        assert_eq!(ringing(&[("From", hidden)]).from.unwrap().kind, PartyKind::Withheld, "{hidden}");
    }
    let attestation = |verification: &str, level: &str| {
        ringing(&[("STIRVerification", verification), ("STIRAttestation", level)]).attestation
    };
    assert_eq!(attestation("Verified", "A"), Some(Attestation::A));
    assert_eq!(attestation("Verified", "b"), Some(Attestation::B));
    assert_eq!(attestation("", "C"), Some(Attestation::C));
    assert_eq!(attestation("Not Verified", "A"), Some(Attestation::Failed));
    assert_eq!(attestation("Not Applicable", "Not Applicable"), None);
    let context = ParseContext { default_region: Some("GB".to_owned()), ..ParseContext::default() };
    let national = post(
        "/answer",
        &[("CallUUID", "a"), ("CallStatus", "ringing"), ("From", "02079460000"), ("To", "442079460999")],
    );
    let event = national.parse_with(plivo(), &context).unwrap().remove(0);
    assert_eq!(
        event.from.unwrap().value,
        Address::Phone(switchboard_telephony::PhoneNumber::parse("+442079460000", None).unwrap()).into()
    );
}

fn inbound_call(end: &str) -> Vec<CallEvent> {
    let base = [("CallUUID", "a"), ("Direction", "inbound"), ("From", "12025550143"), ("To", "14155550100")];
    let with = |more: &[(&str, &str)]| event("", &[&base[..], more].concat());
    vec![
        with(&[("Event", "StartApp"), ("CallStatus", "ringing")]),
        with(&[("Event", "Hangup"), ("CallStatus", end), ("Duration", "26")]),
    ]
}

fn dial(status: &str, child: &str) -> CallEvent {
    let base = [
        ("CallUUID", "a"),
        ("CallStatus", "in-progress"),
        ("Direction", "inbound"),
        ("DialALegUUID", "a"),
        ("Event", "Redirect"),
    ];
    event("/dial", &[&base[..], &[("DialStatus", status), ("DialBLegUUID", child)]].concat())
}

fn dialled(action: &str, more: &[(&str, &str)]) -> CallEvent {
    let base = [
        ("CallUUID", "a"),
        ("DialALegUUID", "a"),
        ("DialBLegUUID", "b"),
        ("DialBLegTo", "14155550111"),
        ("DialBLegFrom", "14155550100"),
    ];
    event("/dial-events", &[&base[..], &[("DialAction", action)], more].concat())
}

#[test]
fn a_call_that_only_the_xml_answered_is_missed() {
    let told = |more: &[CallEvent]| {
        let call = fold(&[inbound_call("completed"), more.to_vec()].concat());
        (call.outcome.unwrap(), call.talk_seconds)
    };
    assert_eq!(told(&[]), (Outcome::NoAnswer, None));
    for (status, outcome) in [
        ("no-answer", Outcome::NoAnswer),
        ("timeout", Outcome::NoAnswer),
        ("cancel", Outcome::NoAnswer),
        ("failed", Outcome::NoAnswer),
        ("busy", Outcome::Busy),
    ] {
        let dial = dial(status, "");
        assert_eq!((dial.kind, dial.child_leg_id.as_deref()), (EventKind::DialResult, None));
        assert_eq!(dial.dedupe_key, format!("a:dial::{status}"));
        assert_eq!(told(&[dial]), (outcome, None), "{status}");
    }
    assert_eq!(told(&[dial("completed", "b")]), (Outcome::Completed, Some(26)));
    let unknown = dial("teleported", "b");
    assert_eq!((unknown.kind, unknown.dial_outcome), (EventKind::Ignored, None));
    assert_eq!(told(&[unknown]), (Outcome::NoAnswer, None));
    assert_eq!(fold(&inbound_call("cancel")).outcome, Some(Outcome::NoAnswer));
}

#[test]
fn a_dialled_leg_tells_its_own_story() {
    let answer = dialled("answer", &[("DialBLegStatus", "answer")]);
    assert_eq!((answer.kind, answer.state), (EventKind::CallAnswered, Some(LegState::Answered)));
    assert_eq!((answer.leg_id.as_deref(), answer.parent_leg_id.as_deref()), (Some("b"), Some("a")));
    assert_eq!(answer.dedupe_key, "a:dial-events:b:answer");
    assert_eq!((answer.direction, answer.to.clone().unwrap().kind), (Some(Direction::Outbound), PartyKind::Pstn));
    let connected = dialled("connected", &[]);
    assert_eq!((connected.kind, connected.state), (EventKind::CallBridged, Some(LegState::Answered)));
    let end = dialled(
        "hangup",
        &[
            ("DialBLegDuration", "11"),
            ("DialBLegBillDuration", "60"),
            ("DialBLegHangupCause", "NORMAL_CLEARING"),
            ("DialBLegHangupCauseCode", "4000"),
            ("DialBLegHangupSource", "Callee"),
        ],
    );
    assert_eq!((end.outcome, end.talk_seconds, end.q850), (Some(Outcome::Completed), Some(11), Some(16)));
    assert_eq!(
        (end.provider_reason.as_deref(), end.hangup_source.as_deref()),
        (Some("NORMAL_CLEARING/4000"), Some("Callee"))
    );
    let call = fold(&[inbound_call("completed"), vec![answer.clone(), connected, end]].concat());
    assert_eq!((call.outcome, call.talk_seconds, call.legs.len()), (Some(Outcome::Completed), Some(11), 2));
    // Picked up by a mailbox and never connected.
    let unconnected = dialled("hangup", &[("DialBLegDuration", "0"), ("DialBLegHangupCause", "NORMAL_CLEARING")]);
    let call = fold(&[inbound_call("completed"), vec![answer, unconnected, dial("no-answer", "")]].concat());
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::NoAnswer), None));
    let outcome = |cause: &str, code: &str| {
        dialled(
            "hangup",
            &[("DialBLegDuration", "0"), ("DialBLegHangupCause", cause), ("DialBLegHangupCauseCode", code)],
        )
        .outcome
        .unwrap()
    };
    assert_eq!(outcome("USER_BUSY", "3010"), Outcome::Busy);
    assert_eq!(outcome("CALL_REJECTED", "3020"), Outcome::Rejected);
    assert_eq!(outcome("ORIGINATOR_CANCEL", ""), Outcome::Canceled);
    assert_eq!(outcome("NO_ANSWER", ""), Outcome::NoAnswer);
    assert_eq!(outcome("DESTINATION_OUT_OF_ORDER", ""), Outcome::Failed);
    assert_eq!(dialled("hangup", &[]).outcome, None);
    let busy = dialled("hangup", &[("DialBLegDuration", "0"), ("DialBLegHangupCause", "USER_BUSY")]);
    let call = fold(&[inbound_call("completed"), vec![busy, dial("busy", "")]].concat());
    assert_eq!(call.outcome, Some(Outcome::Busy));
    // Digits are an annotation, and their key does not show them.
    let [first, second] = ["1234", "99"].map(|digits| dialled("digits", &[("DialDigitsMatch", digits)]));
    assert_eq!((first.kind, first.state), (EventKind::CallAnnotation, None));
    assert!(first.dedupe_key != second.dedupe_key && !first.dedupe_key.contains("1234:"));
    assert_eq!(dialled("dances", &[]).kind, EventKind::Ignored);
}

#[test]
fn a_leg_names_the_one_that_dialled_it() {
    let pairs = [
        ("CallUUID", "b"),
        ("ALegUUID", "a"),
        ("CallStatus", "completed"),
        ("Direction", "outbound"),
        ("Event", "Hangup"),
        ("Duration", "9"),
        ("SessionStart", "2026-02-12 11:59:00"),
    ];
    let got = event("/hangup", &pairs);
    assert_eq!((got.parent_leg_id.as_deref(), got.answered_by_platform, got.started_at), (Some("a"), false, None));
    let own =
        event("/answer", &[("CallUUID", "a"), ("ALegUUID", "a"), ("CallStatus", "ringing"), ("Direction", "inbound")]);
    assert_eq!((own.parent_leg_id.as_deref(), own.answered_by_platform), (None, true));
    assert_eq!(own.dedupe_key, "a:answer:ringing");
}

#[test]
fn an_outbound_call_ends_as_its_leg_does() {
    let base = [("CallUUID", "a"), ("Direction", "outbound"), ("From", "14155550100"), ("To", "12025550143")];
    let with = |more: &[(&str, &str)]| event("", &[&base[..], more].concat());
    let ring = with(&[("Event", "Ring"), ("CallStatus", "ringing")]);
    let again = with(&[("Event", "Ring"), ("CallStatus", "ringing")]);
    assert_eq!(ring.dedupe_key, again.dedupe_key);
    let answer = with(&[("Event", "StartApp"), ("CallStatus", "in-progress")]);
    let end = with(&[("Event", "Hangup"), ("CallStatus", "completed"), ("Duration", "15")]);
    let call = fold(&[ring.clone(), answer, end]);
    assert_eq!(
        (call.direction, call.outcome, call.talk_seconds),
        (Some(Direction::Outbound), Some(Outcome::Completed), Some(15))
    );
    let missed = with(&[("Event", "Hangup"), ("CallStatus", "no-answer"), ("Duration", "0")]);
    assert_eq!(fold(&[ring, missed]).outcome, Some(Outcome::NoAnswer));
}

#[test]
fn recordings_are_ready_when_they_have_a_length() {
    let recording = |purpose: &str, more: &[(&str, &str)]| {
        let base = [
            ("CallUUID", "a"),
            ("RecordUrl", "https://media.plivo.com/v1/Recording/r-1.mp3?x=1"),
            ("From", "12025550143"),
            ("CallStatus", "in-progress"),
        ];
        event(purpose, &[&base[..], more].concat())
    };
    let pending =
        recording("/recording", &[("RecordingID", "r-1"), ("RecordingDuration", "-1"), ("RecordingDurationMs", "-1")]);
    let ready = recording(
        "/recording",
        &[("RecordingID", "r-1"), ("RecordingDuration", "12"), ("RecordingStartMs", "1780918475000")],
    );
    assert_eq!((pending.kind, pending.dedupe_key.as_str()), (EventKind::RecordingProvisional, "r-1:provisional"));
    assert_eq!((ready.kind, ready.dedupe_key.as_str(), ready.state), (EventKind::RecordingReady, "r-1", None));
    let fact = ready.recording.clone().unwrap();
    assert_eq!((fact.status, fact.duration_seconds), (RecordingStatus::Ready, Some(12)));
    assert_eq!(fact.started_at, Some("2026-06-08T11:34:35Z".parse().unwrap()));
    assert_eq!(pending.recording.as_ref().unwrap().duration_seconds, None);
    let by_url = recording("/recording", &[("RecordingDurationMs", "12040")]).recording.unwrap();
    assert_eq!((by_url.id.as_str(), by_url.duration_seconds), ("r-1", Some(12)));
    // The message of a caller whom nobody answered, in any order.
    let message = recording("/voicemail-done", &[("RecordingID", "r-1"), ("RecordingDuration", "12")]);
    assert_eq!((message.kind, message.dedupe_key.as_str()), (EventKind::RecordingProvisional, "r-1:action"));
    let call = fold(&[vec![ready.clone(), message, pending], inbound_call("completed")].concat());
    assert_eq!((call.outcome, call.recordings.len()), (Some(Outcome::Voicemail), 1));
    assert!(call.recordings[0].voicemail && call.recordings[0].status == RecordingStatus::Ready);
    assert_eq!(fold(&[vec![ready], inbound_call("completed")].concat()).outcome, Some(Outcome::NoAnswer));
}

#[test]
fn other_requests_are_kept_without_an_effect() {
    let conference =
        event("/answer", &[("CallUUID", "a"), ("ConferenceAction", "enter"), ("Event", "ConferenceEnter")]);
    assert_eq!((conference.kind, conference.leg_id.as_deref()), (EventKind::Ignored, Some("a")));
    let other = event("/answer", &[("ConferenceAction", "exit"), ("CallUUID", "a"), ("Event", "ConferenceEnter")]);
    assert_ne!(conference.dedupe_key, other.dedupe_key);
    let same = event("/answer", &[("Event", "ConferenceEnter"), ("ConferenceAction", "enter"), ("CallUUID", "a")]);
    assert_eq!(conference.dedupe_key, same.dedupe_key);
    // A dialled leg without an id cannot be told from others.
    let nameless = event("/dial-events", &[("DialAction", "hangup"), ("DialALegUUID", "a"), ("DialBLegUUID", "")]);
    assert_eq!((nameless.kind, nameless.leg_id.as_deref()), (EventKind::Ignored, Some("a")));
    for pairs in
        [&[("CallStatus", "ringing"), ("From", "12025550143")][..], &[("DialStatus", "busy")], &[], &[("x", "")]]
    {
        let error = post("/answer", pairs).parse(plivo()).unwrap_err();
        assert_eq!(error, ParseError::Missing { field: "CallUUID" });
    }
    let error =
        post("/recording", &[("RecordUrl", "https://x.example/"), ("CallUUID", "a")]).parse(plivo()).unwrap_err();
    assert_eq!(error, ParseError::Missing { field: "RecordingID" });
    let long = "x".repeat(100_000);
    assert!(event("/answer", &[("CallUUID", &long), ("CallStatus", "ringing")]).dedupe_key.len() < 100);
}

#[test]
fn a_get_says_the_same_as_a_post() {
    let pairs = [
        ("CallUUID", "a"),
        ("CallStatus", "ringing"),
        ("Event", "StartApp"),
        ("Direction", "inbound"),
        ("From", "12025550143"),
    ];
    assert_eq!(get("/answer", &pairs).parse(plivo()).unwrap(), vec![event("/answer", &pairs)]);
    // The parameters of a POST are in its body alone.
    let request = Request { url: format!("{BASE}/answer?CallUUID=b"), ..post("/answer", &pairs) };
    assert_eq!(request.parse(plivo()).unwrap()[0].leg_id.as_deref(), Some("a"));
}

#[test]
fn only_questions_are_answered_with_xml() {
    let xml = Answer::document("application/xml", "<Response/>");
    let steers = |purpose: Option<&str>, pairs: &[(&str, &str)]| {
        let request = post("", pairs);
        let steers = plivo().steers(&request.hook(), purpose);
        let expected = if steers.is_some() { xml.clone() } else { Answer::OK };
        assert_eq!(plivo().answer(&request.hook(), purpose), expected);
        steers
    };
    for purpose in ["answer", "fallback", "dial", "voicemail-done"] {
        assert_eq!(steers(Some(purpose), &[]), Some(purpose));
    }
    for purpose in ["hangup", "ring", "recording", "dial-events"] {
        assert_eq!(steers(Some(purpose), &[("CallUUID", "a"), ("CallStatus", "ringing")]), None);
    }
    let call = ("CallUUID", "a");
    assert_eq!(steers(None, &[call, ("CallStatus", "ringing"), ("Event", "StartApp")]), Some("answer"));
    assert_eq!(steers(None, &[call, ("CallStatus", "in-progress"), ("DialStatus", "busy")]), Some("dial"));
    assert_eq!(steers(None, &[call, ("CallStatus", "ringing"), ("Event", "Ring")]), None);
    assert_eq!(steers(None, &[call, ("CallStatus", "completed"), ("Event", "Hangup")]), None);
    assert_eq!(steers(None, &[call, ("CallStatus", "in-progress"), ("DialAction", "answer")]), None);
    assert_eq!(steers(None, &[call, ("CallStatus", "in-progress"), ("RecordingID", "r")]), None);
    assert_eq!(steers(None, &[]), None);
    let control = plivo().call_control().unwrap();
    assert_eq!(control.check("<Response/>"), Ok(()));
    assert!(control.purposes.iter().all(|purpose| plivo().purposes().contains(purpose)));
}

const FIELDS: &[&str] = &[
    "CallUUID",
    "CallStatus",
    "Event",
    "Direction",
    "From",
    "To",
    "CallerName",
    "ALegUUID",
    "DialStatus",
    "DialAction",
    "DialBLegUUID",
    "DialALegUUID",
    "DialBLegDuration",
    "DialBLegHangupCause",
    "HangupCause",
    "HangupCauseCode",
    "Duration",
    "SessionStart",
    "RecordingID",
    "RecordUrl",
    "RecordingDuration",
    "RecordingStartMs",
    "STIRAttestation",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_sent_makes_it_panic(
        pairs in prop::collection::vec((prop::sample::select(FIELDS), prop_oneof![
            ".{0,16}",
            prop::sample::select(vec!["completed", "hangup", "inbound", "-1", "99999999999999999999", "12025550143", "2026-02-12 12:00:00"])
                .prop_map(ToOwned::to_owned),
        ]), 0..10),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        purpose in prop::sample::select(vec!["", "/answer", "/hangup", "/dial", "/dial-events", "/voicemail-done"]),
        signature in "[A-Za-z0-9+/=, ]{0,60}",
        nonce in ".{0,40}",
        by_get in any::<bool>(),
    ) {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = if by_get { get(purpose, &pairs) } else { post(purpose, &pairs) };
        if let Ok(events) = request.parse(plivo()) {
            prop_assert!(events.iter().all(|event| event.dedupe_key.len() <= 200));
            fold(&events);
        }
        plivo().answer(&request.hook(), request.purpose());
        let raw = Request { body: bytes, ..request };
        let _ = raw.parse(plivo());
        let raw = raw.with("X-Plivo-Signature-V3", &signature).with("X-Plivo-Signature-V3-Nonce", &nonce);
        prop_assert!(verdict(&raw).is_err());
    }

    #[test]
    fn any_form_round_trips_and_any_changed_byte_is_refused(
        pairs in prop::collection::vec(("[A-Za-z]{1,8}", "[^&=]{0,12}"), 1..8),
        by_get in any::<bool>(),
        at in any::<prop::sample::Index>(),
        byte in 0..128_u8,
    ) {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = signed(if by_get { get("/answer", &pairs) } else { post("/answer?tenant=1&a=b", &pairs) });
        prop_assert_eq!(verdict(&request), Ok(()));
        let mut changed = request.clone();
        if by_get {
            let mut query = request.url.split_once('?').unwrap().1.as_bytes().to_vec();
            let at = at.index(query.len());
            query[at] = if byte == b'#' { b'!' } else { byte };
            changed.url = format!("{BASE}/answer?{}", String::from_utf8(query.clone()).unwrap());
            if meaning(&query) != meaning(request.url.split_once('?').unwrap().1.as_bytes()) {
                prop_assert_eq!(verdict(&changed), Err(Rejection::BadSignature));
            }
        } else {
            let at = at.index(changed.body.len());
            changed.body[at] = byte;
            if meaning(&changed.body) != meaning(&request.body) {
                prop_assert_eq!(verdict(&changed), Err(Rejection::BadSignature));
            }
        }
    }
}
