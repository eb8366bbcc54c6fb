//! `FreeSWITCH`: credentials, the three encodings, values that are encoded or not, legs, causes and people.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard_telephony::{
    CallEvent, Direction, EventKind, LegState, Options, Outcome, ParseContext, ParseError, PartyKind, Provider,
    Rejection, SecretError, Secrets, fold, provider,
};

use crate::support::{Fixture, Request, received_at, time};

const URL: &str = "https://crm.example.com/hooks/freeswitch?uuid=a-leg";
const START: i64 = 1_770_897_600_000_000;

fn freeswitch() -> &'static dyn Provider {
    provider("freeswitch").unwrap()
}

fn secrets() -> Secrets {
    Secrets::new().with("username", "fs").with("password", "test-password")
}

/// A report of a leg from outside that nobody answered; `variables` are added.
fn report(id: &str, variables: &Value) -> Value {
    let mut all = json!({
        "uuid": id, "direction": "inbound", "hangup_cause": "NO_ANSWER", "hangup_cause_q850": "19",
        "start_stamp": "2026-02-12 12:00:00", "start_uepoch": START.to_string(), "answer_uepoch": "0",
        "end_uepoch": (START + 30_000_000).to_string(), "duration": "30", "billsec": "0",
    });
    for (name, value) in variables.as_object().unwrap() {
        all[name] = value.clone();
    }
    let profile = json!({ "caller_id_name": "ANN", "caller_id_number": "+12025550143", "destination_number": "+14155550100", "uuid": id });
    json!({ "variables": all, "callflow": [{ "caller_profile": profile, "times": { "hangup_time": "0" } }] })
}

fn answered(seconds: u32) -> Value {
    let answer = START + 5_000_000;
    json!({
        "answer_uepoch": answer.to_string(), "billsec": seconds.to_string(), "hangup_cause": "NORMAL_CLEARING",
        "hangup_cause_q850": "16", "end_uepoch": (answer + i64::from(seconds) * 1_000_000).to_string(),
        "duration": (seconds + 5).to_string(),
    })
}

fn with(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

fn post(body: &Value) -> Request {
    Request::post(URL, "application/json", body.to_string())
}

fn parse_all(body: &Value) -> Vec<CallEvent> {
    post(body).parse(freeswitch()).unwrap()
}

fn parse(body: &Value) -> CallEvent {
    parse_all(body).remove(0)
}

fn leg(id: &str, variables: &Value) -> CallEvent {
    parse(&report(id, variables))
}

#[test]
fn only_the_present_and_the_previous_credentials_are_accepted() {
    let request = post(&report("a-leg", &json!({})));
    let signed = |secrets: &Secrets| request.clone().signed(freeswitch(), secrets, received_at());
    let verify = |request: &Request, secrets: &Secrets| request.verify(freeswitch(), secrets, received_at());
    assert_eq!(verify(&signed(&secrets()), &secrets()), Ok(()));
    // base64("fs:test-password"), by hand.
    let by_hand = request.clone().with("AUTHORIZATION", "basic  ZnM6dGVzdC1wYXNzd29yZA==");
    assert_eq!(verify(&by_hand, &secrets()), Ok(()));
    assert_eq!(verify(&request, &secrets()), Err(Rejection::MissingSignature));
    for header in ["Bearer ZnM6dGVzdC1wYXNzd29yZA==", "Basic", "Digest username=\"fs\""] {
        let other = request.clone().with("Authorization", header);
        assert_eq!(verify(&other, &secrets()), Err(Rejection::MissingSignature), "{header}");
    }
    for wrong in ["fs:test-passwort", "fs", "fs:", ":test-password", "FS:test-password", "fs:test-password "] {
        let other = request.clone().with("Authorization", &format!("Basic {}", STANDARD.encode(wrong)));
        assert_eq!(verify(&other, &secrets()), Err(Rejection::BadCredentials), "{wrong}");
    }
    let odd = request.clone().with("Authorization", "Basic ###");
    assert_eq!(verify(&odd, &secrets()), Err(Rejection::BadCredentials));

    let rotated =
        Secrets::new().with("username", "fs").with("password", "new").with("password_previous", "test-password");
    assert_eq!(verify(&signed(&secrets()), &rotated), Ok(()));
    assert_eq!(verify(&signed(&rotated), &rotated), Ok(()));
    assert_eq!(verify(&signed(&rotated), &secrets()), Err(Rejection::BadCredentials));
    assert_eq!(verify(&signed(&secrets()), &Secrets::new()), Err(Rejection::UnknownKey));
}

#[test]
fn reports_are_accepted_days_later() {
    let signed = post(&report("a-leg", &json!({}))).signed(freeswitch(), &secrets(), received_at());
    let later = received_at() + TimeDelta::days(30);
    assert_eq!(signed.verify(freeswitch(), &secrets(), later), Ok(()));
    assert_eq!(signed.parse(freeswitch()).unwrap()[0].occurred_at, Some(time("2026-02-12T12:00:30Z")));
}

#[test]
fn secrets_are_checked() {
    let check = |secrets: &Secrets| freeswitch().check_secrets(secrets);
    assert_eq!(check(&secrets()), Ok(()));
    assert!(matches!(
        check(&Secrets::new().with("username", "fs")),
        Err(SecretError::Missing { name: "password", .. })
    ));
    assert!(matches!(check(&secrets().with("username", "f:s")), Err(SecretError::Malformed { name: "username", .. })));
    assert!(matches!(check(&secrets().with("token", "x")), Err(SecretError::Unknown { .. })));
}

#[test]
fn three_encodings_and_two_ways_of_writing_values_are_one_event() {
    let plain = report("a-leg", &json!({ "sip_hangup_disposition": "send_refuse", "cc_queue": "sales team@default" }));
    let expected = parse(&plain);
    assert_eq!(expected.queue.as_deref(), Some("sales team@default"));
    let percent = |text: &str| -> String {
        let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        text.bytes()
            .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    };
    let mut encoded = plain.clone();
    for (_, value) in encoded["variables"].as_object_mut().unwrap() {
        *value = json!(percent(value.as_str().unwrap()));
    }
    for body in [&plain, &encoded] {
        let text = body.to_string();
        let base64 = STANDARD.encode(&text);
        let broken: Vec<&str> = base64.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let requests = [
            Request::post(URL, "application/json", text.clone()),
            Request::post(URL, "application/x-www-form-urlencoded", format!("cdr={}", percent(&text))),
            Request::post(URL, "application/x-www-form-base64-encoded", format!("cdr={base64}")),
            Request::post(URL, "Application/X-WWW-Form-Base64-Encoded; x=1", format!("cdr={}\n", broken.join("\n"))),
            Request::post(
                URL,
                "application/x-www-form-base64-encoded",
                format!("cdr={}", base64.trim_end_matches('=')),
            ),
            // Whoever replays a file may give any media type.
            Request::post(URL, "application/x-www-form-urlencoded", format!("cdr={}", percent(&base64))),
            Request::post(URL, "text/plain", text.clone()),
            Request::post(URL, "", format!("cdr={base64}")),
            Request::post(URL, "", format!("cdr={}", percent(&text))),
        ];
        for request in requests {
            let events = request.parse(freeswitch()).unwrap();
            assert_eq!(events, std::slice::from_ref(&expected), "{:?}", request.headers);
        }
    }
}

#[test]
fn the_option_decides_where_values_hold_a_percent() {
    let queue = |option: Option<&str>, variables: &Value| {
        let mut options = Options::new();
        if let Some(option) = option {
            options.set("encode_values", option);
        }
        options.check(freeswitch().options()).unwrap();
        let context = ParseContext { options, ..ParseContext::default() };
        let events = post(&report("a-leg", variables)).parse_with(freeswitch(), &context).unwrap();
        events[0].queue.clone().unwrap()
    };
    // The times of every report have spaces: these values are plain.
    let plain = json!({ "cc_queue": "save%20now" });
    assert_eq!(queue(None, &plain), "save%20now");
    assert_eq!(queue(Some("off"), &plain), "save%20now");
    assert_eq!(queue(Some("on"), &plain), "save now");
    let encoded = json!({ "cc_queue": "save%20now+1", "start_stamp": "2026-02-12%2012%3A00%3A00" });
    assert_eq!(queue(None, &encoded), "save now+1");
    assert_eq!(queue(Some("auto"), &encoded), "save now+1");
    assert_eq!(queue(Some("off"), &encoded), "save%20now+1");
    // A percent sign that stands for nothing was not encoded.
    let bare = json!({ "cc_queue": "100%", "start_stamp": "x" });
    assert_eq!(queue(None, &bare), "100%");
    assert_eq!(queue(Some("on"), &bare), "100%");
    assert!(Options::new().with("encode_values", "maybe").check(freeswitch().options()).is_err());
}

#[test]
fn every_cause_has_its_outcome() {
    let unanswered = [
        ("NO_ANSWER", Outcome::NoAnswer),
        ("NO_USER_RESPONSE", Outcome::NoAnswer),
        ("ALLOTTED_TIMEOUT", Outcome::NoAnswer),
        ("ORIGINATOR_CANCEL", Outcome::NoAnswer),
        ("NORMAL_CLEARING", Outcome::NoAnswer),
        ("USER_BUSY", Outcome::Busy),
        ("CALL_REJECTED", Outcome::Rejected),
        ("LOSE_RACE", Outcome::Canceled),
        ("PICKED_OFF", Outcome::Canceled),
        ("NORMAL_TEMPORARY_FAILURE", Outcome::Failed),
        ("UNALLOCATED_NUMBER", Outcome::Failed),
        ("SOMETHING_NEW", Outcome::Failed),
        ("user_busy", Outcome::Busy),
    ];
    for (cause, outcome) in unanswered {
        let event = leg("a-leg", &json!({ "hangup_cause": cause }));
        assert_eq!((event.state, event.outcome), (Some(LegState::Ended), Some(outcome)), "{cause}");
        assert_eq!(event.provider_reason.as_deref(), Some(cause.to_uppercase().as_str()));
    }
    let dialled = leg("b-leg", &json!({ "direction": "outbound", "hangup_cause": "ORIGINATOR_CANCEL" }));
    assert_eq!(dialled.outcome, Some(Outcome::Canceled));
    // Where people talked, every cause ends a talk.
    for cause in ["NORMAL_CLEARING", "ALLOTTED_TIMEOUT", "MEDIA_TIMEOUT", "NORMAL_TEMPORARY_FAILURE"] {
        let variables = with(answered(20), &json!({ "hangup_cause": cause, "bridge_uuid": "b-leg" }));
        assert_eq!(leg("a-leg", &variables).outcome, Some(Outcome::Completed), "{cause}");
    }
    // Without a name the number tells.
    let nameless = |number: &str| leg("a-leg", &json!({ "hangup_cause": "NONE", "hangup_cause_q850": number })).outcome;
    assert_eq!((nameless("17"), nameless("0"), nameless("x")), (Some(Outcome::Busy), None, None));
}

#[test]
fn a_transfer_ends_the_leg_and_passes_the_call_on() {
    for cause in ["ATTENDED_TRANSFER", "BLIND_TRANSFER"] {
        let variables = with(answered(20), &json!({ "hangup_cause": cause, "bridge_uuid": "b-leg" }));
        let events = parse_all(&report("a-leg", &variables));
        let kinds: Vec<_> = events.iter().map(|event| (event.kind, event.outcome)).collect();
        assert_eq!(kinds, [(EventKind::CallEnded, Some(Outcome::Completed)), (EventKind::CallTransferred, None)]);
        assert_eq!((events[0].dedupe_key.as_str(), events[1].dedupe_key.as_str()), ("a-leg", "a-leg:transfer"));
        // Before an answer nobody talked.
        assert_eq!(leg("a-leg", &json!({ "hangup_cause": cause })).outcome, None);
    }
}

#[test]
fn a_menu_or_a_mailbox_is_no_person() {
    let menu = leg("a-leg", &answered(20));
    assert!(menu.answered_by_platform && menu.talk_seconds.is_none() && menu.answered_at.is_none());
    assert_eq!(fold(std::slice::from_ref(&menu)).outcome, Some(Outcome::NoAnswer));
    let mailbox = with(answered(20), &json!({ "last_app": "voicemail", "last_arg": "default pbx 1002" }));
    assert_eq!(fold(&[leg("a-leg", &mailbox)]).outcome, Some(Outcome::Voicemail));
    let left = with(answered(20), &json!({ "voicemail_message_len": "7" }));
    assert_eq!(fold(&[leg("a-leg", &left)]).outcome, Some(Outcome::Voicemail));
    for nothing in [
        json!({ "last_app": "voicemail", "last_arg": "check default pbx 1002" }),
        json!({ "last_app": "voicemail", "voicemail_message_len": "0" }),
    ] {
        assert_eq!(fold(&[leg("a-leg", &with(answered(20), &nothing))]).outcome, Some(Outcome::NoAnswer));
    }
    // Early media bridges without an answer of the dialled leg.
    let early = json!({ "bridge_uuid": "b-leg", "bridge_hangup_cause": "NO_ANSWER" });
    assert_eq!(fold(&[leg("a-leg", &with(answered(20), &early))]).outcome, Some(Outcome::NoAnswer));
}

#[test]
fn a_person_behind_a_menu_talked_from_the_bridge_on() {
    let bridged = json!({
        "bridge_uuid": "b-leg", "bridge_hangup_cause": "NORMAL_CLEARING", "dialed_user": "1002",
        "bridge_uepoch": (START + 15_000_000).to_string(),
    });
    let event = leg("a-leg", &with(answered(60), &bridged));
    assert!(!event.answered_by_platform);
    assert_eq!((event.answered_at, event.talk_seconds), (Some(time("2026-02-12T12:00:15.000000Z")), Some(50)));
    let call = fold(&[event]);
    assert_eq!((call.outcome, call.agent_ref.as_deref()), (Some(Outcome::Completed), Some("1002")));
    assert_eq!((call.talk_seconds, call.duration_seconds), (Some(50), Some(65)));
}

#[test]
fn who_clicked_on_a_number_is_not_who_was_called() {
    // The phone of the agent is called first and then dials; the number does not answer.
    let agent = with(answered(20), &json!({ "direction": "outbound", "originated_legs": "b-leg;Bob;+12025550143" }));
    let event = leg("a-leg", &agent);
    assert!(event.answered_by_platform);
    let silent = json!({ "direction": "outbound", "originator": "a-leg" });
    assert_eq!(fold(&[event, leg("b-leg", &silent)]).outcome, Some(Outcome::NoAnswer));
    // A leg that goes out by itself was answered by whoever was called.
    let plain = leg("a-leg", &with(answered(20), &json!({ "direction": "outbound" })));
    assert_eq!(fold(&[plain]).outcome, Some(Outcome::Completed));
}

#[test]
fn legs_find_each_other_by_every_link() {
    let expected = ["leg:a-leg", "leg:b-leg"];
    let keys = |body: &Value| parse(body).correlation_keys();
    let originator = |mut body: Value| {
        let profiles = json!({ "originator_caller_profiles": [{ "uuid": "a-leg" }] });
        body["callflow"][0]["caller_profile"]["originator"] = profiles;
        body
    };
    let child = originator(report("b-leg", &json!({})));
    assert_eq!(parse(&child).parent_leg_id.as_deref(), Some("a-leg"));
    assert_eq!(parse(&child).session_id.as_deref(), Some("a-leg"));
    assert_eq!(keys(&report("b-leg", &json!({ "originator": "a-leg" })))[..2], expected);
    // Without a direction anywhere: who was dialled by another leg goes out.
    let mut silent = child;
    silent["variables"].as_object_mut().unwrap().remove("direction");
    assert_eq!(parse(&silent).direction, Some(Direction::Outbound));
    silent["channel_data"] = json!({ "direction": "inbound" });
    assert_eq!(parse(&silent).direction, Some(Direction::Inbound));

    let mut parent = report("a-leg", &json!({}));
    parent["callflow"][0]["caller_profile"]["originatee"] =
        json!({ "originatee_caller_profiles": [{ "uuid": "b-leg" }, { "uuid": "a-leg" }] });
    assert_eq!(keys(&parent), expected);
    for variables in [
        json!({ "originated_legs": "ARRAY::b-leg;Outbound Call;1002|:b-leg;Outbound Call;1002" }),
        json!({ "originated_legs": "b-leg;Outbound Call;1002" }),
        json!({ "bridge_uuid": "b-leg" }),
        json!({ "last_bridge_to": "b-leg" }),
        json!({ "signal_bond": "b-leg" }),
    ] {
        assert_eq!(keys(&report("a-leg", &variables)), expected, "{variables}");
    }
}

#[test]
fn each_dialled_leg_of_a_ring_group_is_told() {
    let variables = json!({
        "originated_legs": "ARRAY::b1;A;1001|:b2;B;1002|:b3;C;1003",
        "originate_causes": "ARRAY::b1;USER_BUSY|:b2;CALL_REJECTED|:b3;NONE",
        "originate_disposition": "USER_BUSY",
    });
    let events = parse_all(&report("a-leg", &variables));
    let dials: Vec<_> =
        events.iter().map(|event| (event.child_leg_id.as_deref().unwrap(), event.dial_outcome)).collect();
    // The last leg has no cause of its own: how dialling ended is told for all.
    let expected = [("b3", Some(Outcome::Busy)), ("b1", Some(Outcome::Busy)), ("b2", Some(Outcome::Rejected))];
    assert_eq!(dials, expected);
    assert_eq!(events.iter().map(|event| &event.dedupe_key).collect::<std::collections::BTreeSet<_>>().len(), 3);
    assert_eq!(fold(&events).outcome, Some(Outcome::Busy));
    // The leg that answered is the one it was bridged with; the others lost the race.
    let won = json!({
        "originated_legs": "ARRAY::b1;A;1001|:b2;B;1002", "bridge_uuid": "b1",
        "originate_causes": "ARRAY::b1;NONE|:b2;LOSE_RACE", "originate_disposition": "SUCCESS",
    });
    let events = parse_all(&report("a-leg", &with(answered(20), &won)));
    assert_eq!((events[0].child_leg_id.as_deref(), events[0].dial_outcome), (Some("b1"), None));
    assert_eq!((events[1].child_leg_id.as_deref(), events[1].dial_outcome), (Some("b2"), Some(Outcome::Canceled)));
    assert_eq!(fold(&events).outcome, Some(Outcome::Completed));
}

#[test]
fn a_missed_call_of_two_reports_is_one_call() {
    let events =
        ["freeswitch/b1_missed_encode_values", "freeswitch/b4_bleg_no_answer"].map(|name| Fixture::load(name).events());
    let [a, b] = events.each_ref().map(|events| &events[0]);
    assert!(a.correlation_keys().iter().any(|key| b.correlation_keys().contains(key)));
    for order in [vec![a.clone(), b.clone()], vec![b.clone(), a.clone()]] {
        let call = fold(&order);
        assert_eq!(call.root_leg.as_deref(), Some("5a3a1d91-0000-4db4-af5c-000000000002"));
        assert_eq!((call.direction, call.outcome), (Some(Direction::Inbound), Some(Outcome::NoAnswer)));
        assert_eq!((call.legs.len(), call.duration_seconds), (2, Some(30)));
    }
}

#[test]
fn details_are_kept() {
    let event = leg(
        "a-leg",
        &json!({
            "sip_hangup_disposition": "recv_cancel", "proto_specific_hangup_cause": "sip:487", "cc_queue": "sales@default",
            "cc_agent": "ann@default", "endpoint_disposition": "RING",
        }),
    );
    assert_eq!((event.hangup_source.as_deref(), event.sip_code), (Some("recv_cancel"), Some(487)));
    assert_eq!((event.queue.as_deref(), event.agent_ref.as_deref()), (Some("sales@default"), Some("ann@default")));
    assert_eq!((event.q850, event.provider_status.as_deref()), (Some(19), Some("RING")));
    assert_eq!(leg("a-leg", &json!({ "sip_term_status": "486" })).sip_code, Some(486));
    assert_eq!(leg("a-leg", &json!({ "hangup_cause_q850": "0", "sip_term_status": "0" })).q850, None);

    // After a transfer the first profile names the new target, the last one what was called.
    let mut body = report("a-leg", &json!({}));
    let newer =
        json!({ "caller_profile": { "caller_id_number": "1001", "destination_number": "1003", "rdnis": "1002" } });
    body["callflow"].as_array_mut().unwrap().insert(0, newer);
    body["callflow"][1]["caller_profile"]["rdnis"] = json!("+4930901820");
    let event = parse(&body);
    let clear = |party: &Option<switchboard_telephony::Party>| party.as_ref().unwrap().value.as_ref().unwrap().clear();
    assert_eq!((clear(&event.from), clear(&event.to)), ("+12025550143".to_owned(), "+14155550100".to_owned()));
    assert_eq!(clear(&event.forwarded_from), "+4930901820");
    assert_eq!(event.from.unwrap().name.as_deref(), Some("ANN"));

    let mut hidden = report("a-leg", &json!({}));
    hidden["callflow"][0]["caller_profile"]["caller_id_number"] = json!("anonymous");
    assert_eq!(parse(&hidden).from.unwrap().kind, PartyKind::Withheld);
    hidden["callflow"][0]["caller_profile"]["caller_id_number"] = json!("");
    assert_eq!(parse(&hidden).from.unwrap().kind, PartyKind::Withheld);
    hidden["callflow"][0]["caller_profile"]["caller_id_number"] = json!("bob@sip.example.com");
    assert_eq!(parse(&hidden).from.unwrap().kind, PartyKind::Sip);
}

#[test]
fn zero_times_are_never_and_callflow_fills_in() {
    let event = leg("a-leg", &json!({ "start_uepoch": "0", "end_uepoch": "0" }));
    assert_eq!((event.started_at, event.answered_at, event.ended_at), (None, None, None));
    let seconds = json!({ "start_uepoch": "0", "start_epoch": "1770897600", "end_uepoch": "x" });
    let mut body = report("a-leg", &seconds);
    body["callflow"][0]["times"] = json!({ "created_time": "5", "hangup_time": (START + 7).to_string() });
    let event = parse(&body);
    assert_eq!(event.started_at, Some(time("2026-02-12T12:00:00Z")));
    assert_eq!(event.ended_at, Some(time("2026-02-12T12:00:00.000007Z")));
}

#[test]
fn what_is_no_report_is_a_readable_error() {
    let error = |content_type: &str, body: &str| {
        Request::post(URL, content_type, body).parse(freeswitch()).unwrap_err().to_string()
    };
    assert_eq!(error("application/json", "{"), "the body is not JSON");
    assert_eq!(error("application/json", ""), "the body is not JSON, or a form with the field cdr");
    assert_eq!(error("application/json", "+12025550143"), "the body is not JSON, or a form with the field cdr");
    assert_eq!(error("application/x-www-form-base64-encoded", "cdr=*"), "the field cdr is not JSON in base64");
    assert_eq!(error("application/x-www-form-urlencoded", "cdr=%7B"), "the body is not JSON");
    let nameless = post(&json!({ "variables": { "direction": "inbound" } })).parse(freeswitch()).unwrap_err();
    assert_eq!(nameless, ParseError::Missing { field: "variables.uuid" });
    // The address is not part of the report.
    assert!(URL.ends_with("uuid=a-leg"));
    let profile = json!({ "callflow": [{ "caller_profile": { "uuid": "x" } }] });
    assert_eq!(parse(&profile).leg_id.as_deref(), Some("x"));
    let long = leg(&"x".repeat(5000), &json!({}));
    assert_eq!(long.dedupe_key.len(), 64);
}

proptest! {
    #[test]
    fn odd_reports_never_panic(
        names in prop::collection::vec("uuid|direction|hangup_cause|billsec|originated_legs|originate_causes|call_uuid", 0..6),
        values in prop::collection::vec("\\PC{0,12}|ARRAY::[a-z;|:]{0,20}|[0-9]{1,25}|%[0-9a-fA-G]{0,3}", 6),
        packing in 0..3,
        cut in any::<prop::sample::Index>(),
    ) {
        let variables: serde_json::Map<String, Value> =
            names.iter().zip(&values).map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut body = json!({ "variables": variables, "callflow": values }).to_string();
        match packing {
            1 => body = format!("cdr={}", STANDARD.encode(body)),
            2 => body = format!("cdr={}", form_urlencoded::byte_serialize(body.as_bytes()).collect::<String>()),
            _ => {}
        }
        let cut = cut.index(body.len() + 1);
        for bytes in [body.as_bytes(), &body.as_bytes()[..cut]] {
            let _ = Request::post(URL, "application/x-www-form-urlencoded", bytes).parse(freeswitch());
        }
    }

    #[test]
    fn any_other_password_is_refused(password in "\\PC{0,20}", user in "[^:]{0,8}") {
        prop_assume!(user != "fs" || password != "test-password");
        let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let request = post(&json!({})).with("Authorization", &header);
        prop_assert_eq!(request.verify(freeswitch(), &secrets(), received_at()), Err(Rejection::BadCredentials));
    }
}
