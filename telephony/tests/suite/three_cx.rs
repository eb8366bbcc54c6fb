//! 3CX's reports beyond the fixture: the token, every type of call, variables that were not filled, the template.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use switchboard_telephony::{
    CallControl, CallEvent, Direction, EventKind, LegState, Outcome, ParseContext, ParseError, PartyKind, Provider,
    RecordingStatus, Rejection, SecretError, Secrets, Syntax, fold, provider,
};

use crate::support::{Request, fixtures_dir, received_at, time};

const URL: &str = "https://crm.example.com/hooks/3cx";

fn three_cx() -> &'static dyn Provider {
    provider("3cx").unwrap()
}

fn report(more: &Value) -> Value {
    let mut report = json!({
        "callType": "Inbound",
        "callDirection": "Inbound",
        "number": "+12025550143",
        "name": "Alice Example",
        "agent": "101",
        "queueExtension": "800",
        "duration": "00:01:05",
        "startUtc": "2026-02-12T12:00:00Z",
        "establishedUtc": "2026-02-12T12:00:06Z",
        "endUtc": "2026-02-12T12:01:11Z",
        "recordingUrl": "",
    });
    for (name, value) in more.as_object().unwrap() {
        report[name] = value.clone();
    }
    report
}

fn parse_in(body: &Value, region: Option<&str>) -> Result<CallEvent, ParseError> {
    let context = ParseContext { default_region: region.map(ToOwned::to_owned), ..ParseContext::default() };
    let events = Request::post(URL, "application/json", body.to_string()).parse_with(three_cx(), &context)?;
    assert_eq!(events.len(), 1);
    Ok(events[0].clone())
}

fn event(more: &Value) -> CallEvent {
    parse_in(&report(more), None).unwrap()
}

#[test]
fn the_token_is_compared_whole_and_rotated() {
    let old = Secrets::new().with("token", "t0ken");
    let mut secrets = old.clone();
    secrets.rotate(three_cx().secret_fields(), "token", "n3w");
    assert_eq!(three_cx().check_secrets(&secrets), Ok(()));
    let request = || Request::post(URL, "application/json", "{}");
    let verify = |value: &str| request().with("Authorization", value).verify(three_cx(), &secrets, received_at());
    for value in ["Bearer t0ken", "bearer n3w", "BEARER   n3w "] {
        assert_eq!(verify(value), Ok(()), "{value}");
    }
    for value in ["Bearer t0ke", "Bearer t0kenn", "Bearer T0KEN", "Bearer [Token]", "Bearer t0ken n3w"] {
        assert_eq!(verify(value), Err(Rejection::BadCredentials), "{value}");
    }
    for value in ["", "Bearer", "Bearer ", "Basic dDBrZW4=", "t0ken"] {
        assert_eq!(verify(value), Err(Rejection::MissingSignature), "{value}");
    }
    assert_eq!(request().verify(three_cx(), &secrets, received_at()), Err(Rejection::MissingSignature));
    let signed = request().signed(three_cx(), &old, received_at());
    assert_eq!(signed.verify(three_cx(), &secrets, received_at()), Ok(()));
    for at in 0.."t0ken".len() {
        for bit in 0..7 {
            let mut token = b"t0ken".to_vec();
            token[at] ^= 1 << bit;
            let value = format!("Bearer {}", String::from_utf8(token).unwrap());
            assert!(verify(&value).is_err(), "{value:?}");
        }
    }
    secrets.retire_previous(three_cx().secret_fields());
    assert_eq!(signed.verify(three_cx(), &secrets, received_at()), Err(Rejection::BadCredentials));
    assert!(matches!(three_cx().check_secrets(&Secrets::new()), Err(SecretError::Missing { name: "token", .. })));
    let spaced = Secrets::new().with("token", "two words");
    assert!(matches!(three_cx().check_secrets(&spaced), Err(SecretError::Malformed { name: "token", .. })));
}

#[test]
fn every_type_has_its_outcome() {
    let unanswered = json!({ "callType": "Missed", "establishedUtc": "", "duration": "00:00:00" });
    let call = fold(&[event(&unanswered)]);
    assert_eq!(
        (call.outcome, call.direction, call.talk_seconds),
        (Some(Outcome::NoAnswer), Some(Direction::Inbound), None)
    );
    let outbound = |call_type: &str| event(&json!({ "callType": call_type, "callDirection": "Outbound" }));
    let call = fold(&[outbound("Outbound")]);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(65)));
    assert_eq!((call.direction, call.agent_ref.as_deref()), (Some(Direction::Outbound), Some("101")));
    assert_eq!(call.remote_party().unwrap().value.as_ref().unwrap().clear(), "+12025550143");
    assert_eq!(fold(&[outbound("Notanswered")]).outcome, Some(Outcome::NoAnswer));
    // A missed call that waited in a queue has times of an answer: the queue's.
    let queued = fold(&[event(&json!({ "callType": "Missed" }))]);
    assert_eq!((queued.outcome, queued.talk_seconds, queued.answered_at), (Some(Outcome::NoAnswer), None, None));
    let new = event(&json!({ "callType": "OfNextYear" }));
    assert_eq!((new.kind, new.state, new.outcome), (EventKind::Ignored, None, None));
    let call = fold(&[event(&json!({}))]);
    assert_eq!((call.state, call.queue.as_deref()), (LegState::Ended, Some("800")));
    assert_eq!(
        (call.started_at, call.ended_at),
        (Some(time("2026-02-12T12:00:00Z")), Some(time("2026-02-12T12:01:11Z")))
    );
}

#[test]
fn the_direction_is_told_by_the_type_where_it_is_missing() {
    let types = [
        ("Inbound", Direction::Inbound),
        ("Missed", Direction::Inbound),
        ("Outbound", Direction::Outbound),
        ("Notanswered", Direction::Outbound),
        ("notanswered", Direction::Outbound),
    ];
    for (call_type, direction) in types {
        for missing in ["", "[CallDirection]"] {
            let event = event(&json!({ "callType": call_type, "callDirection": missing }));
            assert_eq!((event.direction, event.kind), (Some(direction), EventKind::CallEnded), "{call_type}");
        }
    }
    let typeless =
        |established: &str| event(&json!({ "callType": "[CallType]", "establishedUtc": established })).outcome;
    assert_eq!(typeless("2026-02-12T12:00:06Z"), Some(Outcome::Completed));
    // What .NET makes of a time that is not set.
    assert_eq!(typeless("0001-01-01T00:00:00Z"), Some(Outcome::NoAnswer));
}

#[test]
fn variables_that_were_not_filled_are_absent() {
    let unfilled = json!({
        "name": "[Name]", "agent": "[Agent]", "queueExtension": "[QueueExtension]", "duration": "[Duration]",
        "recordingUrl": "[RecordingUrl]", "number": "[Number]",
        "establishedUtc": "[[CallEstablishedTimeUTC].ToString(\"yyyy-MM-ddTHH:mm:ssZ\")]",
    });
    let event = event(&unfilled);
    assert_eq!((&event.from, &event.to, &event.agent_ref, &event.queue), (&None, &None, &None, &None));
    assert_eq!((event.recording, event.answered_at, event.talk_seconds), (None, None, None));
    let named = self::event(&json!({ "name": "[VIP] Alice" }));
    assert_eq!(named.from.unwrap().name.as_deref(), Some("[VIP] Alice"));
}

#[test]
fn numbers_come_as_the_trunk_writes_them() {
    let from = |number: &str, region: Option<&str>| {
        let party = parse_in(&report(&json!({ "number": number })), region).unwrap().from.unwrap();
        (party.kind, party.value.map(|value| value.clear()))
    };
    let pstn = |number: &str| (PartyKind::Pstn, Some(number.to_owned()));
    assert_eq!(from("+12025550143", None), pstn("+12025550143"));
    assert_eq!(from("12025550143", None), pstn("+12025550143"));
    assert_eq!(from("0012025550143", None), pstn("+12025550143"));
    assert_eq!(from("(202) 456-1414", Some("US")), pstn("+12024561414"));
    assert_eq!(from("2024561414", Some("US")), pstn("+12024561414"));
    assert_eq!(from("030 901820", Some("DE")), pstn("+4930901820"));
    assert_eq!(from("030901820", None), (PartyKind::Unknown, Some("030901820".to_owned())));
    assert_eq!(from("102", Some("US")), (PartyKind::Extension, Some("102".to_owned())));
    for hidden in ["", "anonymous", "Private"] {
        assert_eq!(from(hidden, None).0, PartyKind::Withheld, "{hidden}");
    }
}

#[test]
fn a_call_inside_is_nobody_s_record() {
    let call = fold(&[event(&json!({ "number": "102" }))]);
    assert_eq!((call.direction, call.remote_party()), (Some(Direction::Internal), None));
}

#[test]
fn the_key_holds_no_number_and_is_one_for_each_call() {
    let key = |more: &Value| event(more).dedupe_key;
    let first = key(&json!({ "number": "12025550143" }));
    // echo -n '2026-02-12T12:00:00Z|101|12025550143|Inbound' | sha256sum
    let digest = "764054e9bdf782c5ce447ed5960bc564f110d59980dd3c0e7608761a655551da";
    assert_eq!(first, format!("sha256(start|agent|number|direction)={digest}"));
    // The same second, the same call: fractions and what is not part of the key change nothing.
    let again = json!({ "number": "12025550143", "startUtc": "2026-02-12T12:00:00.9000000Z", "duration": "00:01:06" });
    assert_eq!(key(&again), first);
    assert_eq!(key(&json!({ "number": "12025550143", "startUtc": "2026-02-12T13:00:00+01:00" })), first);
    let others = [
        json!({ "number": "12025550144" }),
        json!({ "number": "12025550143", "agent": "102" }),
        json!({ "number": "12025550143", "startUtc": "2026-02-12T12:00:01Z" }),
        json!({ "number": "12025550143", "callDirection": "Outbound" }),
        json!({ "number": "12025550143", "startUtc": "12.02.2026 12:00" }),
    ];
    let keys: std::collections::BTreeSet<String> = others.iter().map(key).collect();
    assert_eq!((keys.len(), keys.contains(&first)), (others.len(), false));
    let event = event(&json!({ "number": "12025550143" }));
    assert_eq!(event.correlation_keys(), [format!("session:{digest}")]);
    assert_eq!(fold(&[event]).legs.len(), 1);
}

#[test]
fn a_recording_belongs_to_its_call() {
    let event = event(&json!({ "recordingUrl": "https://pbx.example.com/rec/1.wav" }));
    let recording = event.recording.clone().unwrap();
    assert_eq!((recording.status, Some(recording.id)), (RecordingStatus::Ready, event.session_id.clone()));
    assert!(recording.needs_auth);
    assert_eq!(fold(&[event]).recordings[0].url.as_deref(), Some("https://pbx.example.com/rec/1.wav"));
}

#[test]
fn what_makes_a_report_impossible_is_named() {
    let error = |body: &str| Request::post(URL, "application/json", body).parse(three_cx()).unwrap_err().to_string();
    assert_eq!(error("callType=Inbound"), "the body is not JSON");
    assert_eq!(error("[]"), "the body is not a JSON object");
    assert_eq!(error("{\"number\": \"+12025550143\"}"), "the field startUtc is missing");
    let timeless = parse_in(&report(&json!({ "startUtc": "[CallStartTimeUTC]" })), None).unwrap();
    assert_eq!((timeless.started_at, timeless.ended_at), (None, Some(time("2026-02-12T12:01:11Z"))));
}

/// The JSON that 3CX makes of the template, with these values for its variables.
fn filled_template(variables: &BTreeMap<&str, &str>) -> Value {
    let template = template();
    let (_, values) = template.split_once("<PostValues>").unwrap();
    let (values, _) = values.split_once("</PostValues>").unwrap();
    let mut body = serde_json::Map::new();
    for value in values.split("<Value ").skip(1) {
        let key = value.split('"').nth(1).unwrap();
        let text = value.split_once('>').unwrap().1.split_once("</Value>").unwrap().0;
        let text = text.replace(".ToString(\"yyyy-MM-ddTHH:mm:ssZ\")", "").replace("[[", "[").replace("]]", "]");
        let filled = variables.iter().fold(text, |text, (name, value)| text.replace(&format!("[{name}]"), value));
        body.insert(key.to_owned(), Value::from(filled));
    }
    Value::Object(body)
}

fn template() -> String {
    std::fs::read_to_string(fixtures_dir().join("../../docs/providers/3cx-template.xml")).unwrap()
}

#[test]
fn the_template_is_xml_and_posts_what_is_read() {
    let crm = CallControl {
        language: "3CX CRM template",
        content_type: "text/xml",
        purposes: &[],
        syntax: Syntax::Xml { root: "Crm" },
        default_effect: "",
    };
    assert_eq!(crm.check(&template()), Ok(()));
    let variables = BTreeMap::from([
        ("CallType", "Inbound"),
        ("CallDirection", "Inbound"),
        ("Number", "+12025550143"),
        ("Name", "Alice Example"),
        ("Agent", "101"),
        ("QueueExtension", "800"),
        ("Duration", "00:01:05"),
        ("CallStartTimeUTC", "2026-02-12T12:00:00Z"),
        ("CallEstablishedTimeUTC", "2026-02-12T12:00:06Z"),
        ("CallEndTimeUTC", "2026-02-12T12:01:11Z"),
        ("RecordingUrl", ""),
    ]);
    let body = filled_template(&variables);
    assert_eq!(body, report(&json!({})));
    // A 3CX that fills none of the optional variables still reports its calls.
    let only_start = BTreeMap::from([("CallStartTimeUTC", "2026-02-12T12:00:00Z"), ("CallType", "Missed")]);
    let event = parse_in(&filled_template(&only_start), None).unwrap();
    assert_eq!((event.kind, event.outcome, &event.from), (EventKind::CallEnded, Some(Outcome::NoAnswer), &None));
    assert_eq!(event.direction, Some(Direction::Inbound));
}
