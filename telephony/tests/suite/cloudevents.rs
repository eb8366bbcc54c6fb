//! CloudEvents: tokens, the handshake, three modes, batches, keys, order, our own types and those of Twilio.

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard_telephony::{
    CallEvent, Direction, EventKind, LegState, Method, Outcome, ParseError, Provider, Rejection, SecretError, Secrets,
    fold, provider,
};

use crate::support::{Request, received_at, time, twilio};

const URL: &str = "https://crm.example.com/hooks/cloudevents";
const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";
const BATCH: &str = "application/cloudevents-batch+json";

fn cloudevents() -> &'static dyn Provider {
    provider("cloudevents").unwrap()
}

fn secrets() -> Secrets {
    Secrets::new().with("token", "test-token")
}

fn verify(request: &Request, secrets: &Secrets) -> Result<(), Rejection> {
    request.verify(cloudevents(), secrets, received_at())
}

fn event(kind: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": "e-1", "source": "/pbx/1", "type": kind, "time": "2026-02-12T12:00:47Z", "subject": "c-1",
        "data": data,
    })
}

fn parse_all(content_type: &str, body: &Value) -> Result<Vec<CallEvent>, ParseError> {
    Request::post(URL, content_type, body.to_string()).parse(cloudevents())
}

fn parse(body: &Value) -> CallEvent {
    let mut events = parse_all(STRUCTURED, body).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn error(body: &Value) -> String {
    parse_all(STRUCTURED, body).unwrap_err().to_string()
}

#[test]
fn a_token_in_the_header_or_the_query_is_needed() {
    let plain = Request::post(URL, STRUCTURED, "{}");
    let header = |value: &str| plain.clone().with("Authorization", value);
    assert_eq!(verify(&header("Bearer test-token"), &secrets()), Ok(()));
    assert_eq!(verify(&header("bearer test-token"), &secrets()), Ok(()));
    assert_eq!(verify(&plain, &secrets()), Err(Rejection::MissingSignature));
    assert_eq!(verify(&header("Basic dGVzdC10b2tlbg=="), &secrets()), Err(Rejection::MissingSignature));
    for wrong in ["Bearer test-tokem", "Bearer test-token2", "Bearer Test-Token"] {
        assert_eq!(verify(&header(wrong), &secrets()), Err(Rejection::BadCredentials), "{wrong}");
    }
    let query = |query: &str| Request::post(&format!("{URL}?{query}"), STRUCTURED, "{}");
    assert_eq!(verify(&query("access_token=test-token"), &secrets()), Ok(()));
    assert_eq!(verify(&query("a=1&access_token=test%2Dtoken#f"), &secrets()), Ok(()));
    assert_eq!(verify(&query("access_token=wrong"), &secrets()), Err(Rejection::BadCredentials));
    assert_eq!(verify(&query("access_token="), &secrets()), Err(Rejection::MissingSignature));
    assert_eq!(verify(&query("token=test-token"), &secrets()), Err(Rejection::MissingSignature));
    // A wrong header is not helped by a right query.
    let both = query("access_token=test-token").with("Authorization", "Bearer wrong");
    assert_eq!(verify(&both, &secrets()), Err(Rejection::BadCredentials));

    let rotated = Secrets::new().with("token", "new-token").with("token_previous", "test-token");
    assert_eq!(verify(&header("Bearer test-token"), &rotated), Ok(()));
    assert_eq!(verify(&query("access_token=test-token"), &rotated), Ok(()));
    let signed = plain.clone().signed(cloudevents(), &rotated, received_at());
    assert_eq!(verify(&signed, &rotated), Ok(()));
    assert_eq!(verify(&signed, &secrets()), Err(Rejection::BadCredentials));
    assert_eq!(verify(&header("Bearer x"), &Secrets::new()), Err(Rejection::UnknownKey));
    assert!(matches!(cloudevents().check_secrets(&Secrets::new()), Err(SecretError::Missing { name: "token", .. })));
}

#[test]
fn only_a_question_is_answered_without_a_token() {
    let options = |headers: &[(&str, &str)], body: &str| {
        let mut request = Request::post(URL, "", body);
        request.method = Method::Options;
        request.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        request
    };
    let answer = |request: &Request| request.handshake(cloudevents(), &secrets(), received_at());
    let header = |request: &Request, name: &str| {
        let headers = answer(request).unwrap().headers;
        headers.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    };
    let origin = ("WebHook-Request-Origin", "emitter.example.com");
    let asked = options(&[origin, ("WebHook-Request-Rate", "120"), ("WebHook-Request-Callback", "https://x/")], "");
    assert_eq!(answer(&asked).unwrap().status, 200);
    assert_eq!(header(&asked, "webhook-allowed-origin").as_deref(), Some("emitter.example.com"));
    assert_eq!(header(&asked, "webhook-allowed-rate").as_deref(), Some("120"));
    assert_eq!(header(&asked, "allow").as_deref(), Some("POST, OPTIONS"));
    // It is answered, and never accepted.
    assert_eq!(verify(&asked, &secrets()), Err(Rejection::MissingSignature));
    assert_eq!(header(&options(&[origin], ""), "webhook-allowed-rate"), None);
    assert_eq!(
        header(&options(&[origin, ("webhook-request-rate", "-1\r\n")], ""), "webhook-allowed-rate").as_deref(),
        Some("*")
    );
    for odd in ["", "a\r\nset-cookie: x", &"a".repeat(256), "<script>"] {
        assert_eq!(answer(&options(&[("webhook-request-origin", odd)], "")).unwrap().status, 400, "{odd}");
    }
    assert_eq!(answer(&options(&[], "")).unwrap().status, 204);
    // A payload is no question, and neither is another method.
    let smuggled = options(&[origin], "{}");
    assert_eq!((answer(&smuggled), verify(&smuggled, &secrets())), (None, Err(Rejection::MissingSignature)));
    let mut post = asked.clone();
    post.method = Method::Post;
    assert_eq!((answer(&post), verify(&post, &secrets())), (None, Err(Rejection::MissingSignature)));
}

#[test]
fn the_modes_give_the_same_event() {
    let data = json!({ "call_id": "c-1", "from": "+12025550143", "outcome": "no_answer" });
    let mut structured = event("com.example.call.ended", &data);
    structured["source"] = json!("/büro 1");
    structured["subject"] = json!("c 1");
    let expected = parse(&structured);
    assert_eq!((expected.kind, expected.outcome), (EventKind::CallEnded, Some(Outcome::NoAnswer)));
    assert_eq!(expected.occurred_at, Some(time("2026-02-12T12:00:47Z")));
    let binary = |quote: bool| {
        let quoted = |text: &str| if quote { format!("\"{}\"", text.replace('%', "\\%")) } else { text.to_owned() };
        Request::post(URL, "application/json; charset=utf-8", data.to_string())
            .with("CE-SpecVersion", "1.0")
            .with("ce-id", &quoted("e-1"))
            .with("ce-source", &quoted("/b%C3%BCro%201"))
            .with("ce-type", "com.example.call.ended")
            .with("ce-time", "2026-02-12T12:00:47Z")
            .with("ce-subject", "c%201")
            .with("ce-unknown", "x")
    };
    let mut packed = structured.clone();
    packed.as_object_mut().unwrap().remove("data");
    packed["data_base64"] = json!(STANDARD.encode(data.to_string()));
    let mut text = structured.clone();
    text["data"] = json!(data.to_string());
    let one = std::slice::from_ref(&expected);
    assert_eq!(binary(false).parse(cloudevents()).unwrap(), one);
    assert_eq!(binary(true).parse(cloudevents()).unwrap(), one);
    assert_eq!(parse(&packed), expected);
    assert_eq!(parse(&text), expected);
    assert_eq!(parse_all(BATCH, &json!([structured])).unwrap(), one);
    // Senders that name plain JSON are understood by what they send.
    assert_eq!(parse_all("application/json", &json!([structured])).unwrap(), one);
    assert_eq!(parse_all("application/json", &structured).unwrap(), one);
    assert_eq!(parse_all("", &structured).unwrap(), one);
}

#[test]
fn percent_encoding_is_taken_away_once() {
    let request = Request::post(URL, "application/json", "{}")
        .with("ce-specversion", "1.0")
        .with("ce-id", "100%2525+1")
        .with("ce-source", "/s")
        .with("ce-type", "x.y");
    let structured = json!({ "specversion": "1.0", "id": "100%25+1", "source": "/s", "type": "x.y", "data": {} });
    assert_eq!(request.parse(cloudevents()).unwrap(), [parse(&structured)]);
}

#[test]
fn batches_are_bounded_and_one_bad_event_does_not_cost_the_others() {
    assert_eq!(parse_all(BATCH, &json!([])), Ok(Vec::new()));
    let numbered = |count: usize| -> Value {
        (0..count)
            .map(|number| {
                let mut event = event("call.ringing", &json!({ "call_id": number }));
                event["id"] = json!(number.to_string());
                event
            })
            .collect()
    };
    assert_eq!(parse_all(BATCH, &numbered(1000)).unwrap().len(), 1000);
    assert_eq!(
        parse_all(BATCH, &numbered(1001)).unwrap_err().to_string(),
        "the body is not a batch of at most 1000 events"
    );
    assert_eq!(parse_all(BATCH, &json!({})).unwrap_err().to_string(), "the body is not a JSON array of CloudEvents");
    let mixed = json!([event("call.ringing", &json!({})), { "id": "x" }, event("call.ended", &json!({ "from": [] }))]);
    let events = parse_all(BATCH, &mixed).unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::CallRinging, EventKind::Ignored, EventKind::Ignored]);
    assert_eq!(events[1].provider_reason.as_deref(), Some("the field specversion is missing"));
    assert_eq!(events[2].provider_reason.as_deref(), Some("the field data.from is not a text"));
    let bad = parse_all(BATCH, &json!([{ "id": "x" }, 7])).unwrap_err();
    assert_eq!(bad, ParseError::Missing { field: "specversion" });
}

#[test]
fn keys_are_source_and_id() {
    let key = |source: &str, id: &str| {
        let mut event = event("x.y", &json!({}));
        event["source"] = json!(source);
        event["id"] = json!(id);
        parse(&event).dedupe_key
    };
    assert_eq!(key("/pbx/1", "e-1"), "/pbx/1|e-1");
    assert_ne!(key("a|b", "c"), key("a", "b|c"));
    assert_eq!(key(&"s".repeat(500), "1").len(), 64);
    assert_ne!(key(&"s".repeat(500), "1"), key(&"s".repeat(500), "2"));
    for personal in ["tel:12025550143", "sip:ann@example.com", "/calls/+12025550143"] {
        let key = key(personal, "1");
        assert!(key.len() == 64 && !key.contains("555"), "{personal}");
    }
    let number = json!({ "specversion": "1.0", "id": 7, "source": "/s", "type": "x.y" });
    assert_eq!(parse(&number).dedupe_key, "/s|7");
}

#[test]
fn types_that_end_like_ours_are_ours() {
    let kind = |kind: &str| parse(&event(kind, &json!({}))).kind;
    assert_eq!(kind("com.example.call.ended"), EventKind::CallEnded);
    assert_eq!(kind("call.ringing"), EventKind::CallRinging);
    assert_eq!(kind("com.example.call.answered.v2"), EventKind::CallAnswered);
    assert_eq!(kind("org.pbx.recording.ready"), EventKind::RecordingReady);
    for other in ["com.example.order.paid", "call", "ended", "com.examplecall.ended", "dial.result", "ignored", "x.v1"]
    {
        assert_eq!(kind(other), EventKind::Ignored, "{other}");
    }
    for twilio in ["com.twilio.voice.insights.call.ended", "com.twilio.voice.status-callback.amd.detected"] {
        assert_eq!(kind(twilio), EventKind::Ignored, "{twilio}");
    }
}

#[test]
fn data_is_read_as_the_generic_format() {
    let event = parse(&event(
        "com.example.call.ended",
        &json!({
            "call_id": "c-2", "leg_id": "l-1", "direction": "inbound", "from": "anonymous", "outcome": "voicemail",
            "occurred_at": "2026-02-12T12:00:40Z", "talk_seconds": 3,
        }),
    ));
    assert_eq!((event.session_id.as_deref(), event.leg_id.as_deref()), (Some("c-2"), Some("l-1")));
    assert_eq!((event.outcome, event.direction), (Some(Outcome::Voicemail), Some(Direction::Inbound)));
    assert_eq!(event.occurred_at, Some(time("2026-02-12T12:00:40Z")));
    // Without data the subject is the call.
    let mut bare = json!({ "specversion": "1.0", "id": "1", "source": "/s", "type": "call.ringing", "subject": "c-9" });
    assert_eq!(parse(&bare).leg_id.as_deref(), Some("c-9"));
    bare.as_object_mut().unwrap().remove("subject");
    assert_eq!(error(&bare), "the field data.call_id is missing");
    bare["data"] = json!([1]);
    assert_eq!(error(&bare), "the field data is not a JSON object");
    bare["time"] = json!("yesterday");
    bare["data"] = json!({ "call_id": 7 });
    assert_eq!((parse(&bare).leg_id.as_deref(), parse(&bare).occurred_at), (Some("7"), None));
}

#[test]
fn sequences_decide_between_events_of_one_time() {
    let named = |id: &str, sequence: Value, kind: Option<&str>, name: &str| {
        let mut event = event("call.ringing", &json!({ "from": "+12025550143", "from_name": name }));
        event["id"] = json!(id);
        event["sequence"] = sequence;
        if let Some(kind) = kind {
            event["sequencetype"] = json!(kind);
        }
        parse(&event)
    };
    let first_name = |events: &[CallEvent]| fold(events).from.unwrap().name;
    let texts = [named("a", json!("9"), None, "nine"), named("b", json!("10"), None, "ten")];
    assert_eq!(first_name(&texts).as_deref(), Some("ten"));
    let numbers = [named("a", json!("9"), Some("Integer"), "nine"), named("b", json!("10"), Some("Integer"), "ten")];
    assert_eq!(first_name(&numbers).as_deref(), Some("nine"));
    assert_eq!(named("a", json!(""), None, "x").seq, None);
}

/// The parameters of a status callback in an event of Event Streams.
fn stream_event(status: &str, parameters: &Value) -> Value {
    let mut event = event(
        &format!("com.twilio.voice.status-callback.call.{status}"),
        &json!({
            "sid": "CA1", "timestamp": "2026-02-12T12:00:09Z", "eventSid": "VW1",
            "request": { "method": "POST", "url": "https://x/", "parameters": parameters },
            "response": { "responseCode": 200 },
        }),
    );
    event["id"] = json!(format!("NO-{status}"));
    event["datacontenttype"] = json!("2025-10-08T07:17:02.363Z");
    event
}

#[test]
fn event_streams_give_the_events_of_status_callbacks() {
    let parameters = [
        ("CallSid", "CA1"),
        ("ParentCallSid", "CA0"),
        ("CallStatus", "no-answer"),
        ("Direction", "outbound-dial"),
        ("From", "+12025550143"),
        ("To", "client:ann ä&="),
        ("SequenceNumber", "2"),
        ("Timestamp", "Thu, 12 Feb 2026 12:00:10 +0000"),
        ("SipResponseCode", "480"),
        ("CallDuration", "0"),
    ];
    let expected = Request::form("https://crm.example.com/hooks/twilio/status", &parameters).parse(twilio()).unwrap();
    let object: Value = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let event = parse(&stream_event("completed", &object));
    assert_eq!(event.dedupe_key, "/pbx/1|NO-completed");
    assert_eq!(CallEvent { dedupe_key: expected[0].dedupe_key.clone(), ..event.clone() }, expected[0]);
    assert_eq!((event.outcome, event.parent_leg_id.as_deref()), (Some(Outcome::NoAnswer), Some("CA0")));
    // The same with the names of the event log, and under the type of before 2024.
    let snake: Value = json!({
        "call_sid": "CA1", "parent_call_sid": "CA0", "call_status": "no-answer", "direction": "outbound-dial",
        "from": "+12025550143", "to": "client:ann ä&=", "sequence_number": 2, "timestamp": "Thu, 12 Feb 2026 12:00:10 +0000",
        "sip_response_code": "480", "call_duration": "0", "nested": {},
    });
    let mut old = stream_event("completed", &snake);
    old["type"] = json!("com.twilio.voice.webhook.status-callback.call.completed");
    assert_eq!(parse(&old), event);
}

#[test]
fn event_streams_without_parameters_still_tell_how_far_the_call_is() {
    let of = |status: &str| parse(&stream_event(status, &json!({})));
    let rows = [
        ("initiated", EventKind::CallInitiated, Some(LegState::Initiated)),
        ("ringing", EventKind::CallRinging, Some(LegState::Ringing)),
        ("answered", EventKind::CallAnswered, Some(LegState::Answered)),
        ("completed", EventKind::CallEnded, Some(LegState::Ended)),
        ("something", EventKind::Ignored, None),
    ];
    for (status, kind, state) in rows {
        let event = of(status);
        assert_eq!((event.kind, event.state, event.leg_id.as_deref()), (kind, state, Some("CA1")), "{status}");
        assert_eq!(event.occurred_at, Some(time("2026-02-12T12:00:09Z")));
        // "completed" is said of every end.
        assert_eq!(event.outcome, None);
    }
    let mut nameless = stream_event("ringing", &json!({}));
    nameless["data"] = json!({});
    assert_eq!(error(&nameless), "the field data.sid is missing");
}

#[test]
fn what_is_no_event_is_a_readable_error() {
    let good = event("x.y", &json!({}));
    for field in ["specversion", "id", "source", "type"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        assert_eq!(error(&body), format!("the field {field} is missing"));
        body[field] = json!("");
        assert_eq!(error(&body), format!("the field {field} is missing"));
    }
    let mut old = good.clone();
    old["specversion"] = json!("0.3");
    assert_eq!(error(&old), "the field specversion is not 1.0");
    let mut packed = good.clone();
    packed.as_object_mut().unwrap().remove("data");
    packed["data_base64"] = json!("***");
    assert_eq!(error(&packed), "the field data_base64 is not base64");
    assert_eq!(error(&json!("x")), "the body is not a CloudEvent (a JSON object)");
    let other = |content_type: &str, body: &str| {
        Request::post(URL, content_type, body).parse(cloudevents()).unwrap_err().to_string()
    };
    assert_eq!(other("application/cloudevents+xml", "<x/>"), "the body is not application/cloudevents+json");
    assert_eq!(other("application/cloudevents-batch+avro", ""), "the body is not application/cloudevents-batch+json");
    assert!(other("text/plain", "+12025550143").starts_with("the body is not a CloudEvent"));
    let binary = Request::post(URL, "text/plain", "hello")
        .with("ce-id", "1")
        .with("ce-source", "/s")
        .with("ce-specversion", "1.0");
    assert_eq!(binary.clone().with("ce-type", "x.y").parse(cloudevents()).unwrap()[0].kind, EventKind::Ignored);
    assert_eq!(binary.parse(cloudevents()).unwrap_err(), ParseError::Missing { field: "type" });
}

proptest! {
    #[test]
    fn odd_events_never_panic(
        words in prop::collection::vec("\\PC{0,12}|1\\.0|call\\.ended|com\\.twilio\\.voice\\.status-callback\\.call\\.[a-z]{0,9}|[0-9]{0,30}", 8),
        mode in 0..4_usize,
    ) {
        let event = json!({ "specversion": "1.0", "id": words[0], "source": words[1], "type": words[2], "time": words[3],
            "sequence": words[4], "subject": words[5], "data": { words[6].clone(): words[7], "sid": words[0],
            "request": { "parameters": { words[6].clone(): words[5] } } } });
        let content_type = ["application/json", STRUCTURED, BATCH, ""][mode];
        let _ = parse_all(content_type, &event);
        let _ = parse_all(content_type, &json!([event, words]));
        let mut binary = Request::post(URL, content_type, words[7].clone());
        for (name, word) in ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-subject"].into_iter().zip(&words) {
            binary = binary.with(name, word);
        }
        let _ = binary.parse(cloudevents());
    }

    #[test]
    fn any_other_token_is_refused(token in "[!-~]{1,20}") {
        prop_assume!(token != "test-token");
        let header = Request::post(URL, STRUCTURED, "{}").with("Authorization", &format!("Bearer {token}"));
        prop_assert_eq!(verify(&header, &secrets()), Err(Rejection::BadCredentials));
        let encoded: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
        let query = Request::post(&format!("{URL}?access_token={encoded}"), STRUCTURED, "{}");
        prop_assert_eq!(verify(&query, &secrets()), Err(Rejection::BadCredentials));
    }
}
