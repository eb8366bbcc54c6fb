//! Asterisk: signatures of the bridge, every kind of ARI event, causes, dials, and call detail records.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard_telephony::{
    Address, CallEvent, Direction, EventKind, LegState, Options, Outcome, ParseContext, ParseError, Party, PartyKind,
    Provider, RecordingStatus, Rejection, SecretError, Secrets, VerifyContext, fold, provider,
};

use crate::support::{Request, received_at, time};

const URL: &str = "https://crm.example.com/hooks/asterisk";
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn asterisk() -> &'static dyn Provider {
    provider("asterisk").unwrap()
}

fn secrets() -> Secrets {
    Secrets::new().with("secret", SECRET)
}

fn channel(id: &str, state: &str) -> Value {
    json!({
        "id": id, "name": "PJSIP/trunk-00000001", "state": state,
        "caller": { "name": "ANN", "number": "12025550143" }, "connected": { "name": "", "number": "" },
        "dialplan": { "context": "from-trunk", "exten": "14155550100", "priority": 1 },
        "creationtime": "2026-02-12T13:00:00.000+0100",
    })
}

fn peer(id: &str, state: &str) -> Value {
    json!({
        "id": id, "name": "PJSIP/1002-00000002", "state": state, "caller": { "name": "Ben", "number": "1002" },
        "connected": { "name": "ANN", "number": "12025550143" }, "dialplan": { "exten": "14155550100" },
        "creationtime": "2026-02-12T13:00:01.000+0100",
    })
}

fn event(kind: &str, second: u32, fields: &Value) -> Value {
    let mut event = json!({ "type": kind, "application": "crm", "asterisk_id": "00:11" });
    event["timestamp"] = json!(format!("2026-02-12T13:00:{second:02}.500+0100"));
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn request(body: &Value) -> Request {
    Request::post(URL, "application/json", body.to_string()).with("webhook-id", "m-1")
}

fn parse_in(body: &Value, context: &ParseContext) -> Vec<CallEvent> {
    request(body).parse_with(asterisk(), context).unwrap()
}

fn parse_all(body: &Value) -> Vec<CallEvent> {
    parse_in(body, &ParseContext::default())
}

fn parse(body: &Value) -> CallEvent {
    let mut events = parse_all(body);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn clear(party: Option<&Party>) -> Option<String> {
    party.and_then(|party| party.value.as_ref()).map(Address::clear)
}

fn destroyed(channel: &Value, cause: i64, second: u32) -> Value {
    event("ChannelDestroyed", second, &json!({ "cause": cause, "cause_txt": "?", "channel": channel }))
}

fn dial(status: &str, second: u32, caller: Option<&Value>, peer: &Value) -> Value {
    let mut event = event("Dial", second, &json!({ "dialstatus": status, "dialstring": "1002", "peer": peer }));
    if let Some(caller) = caller {
        event["caller"] = caller.clone();
    }
    event
}

#[test]
fn the_bridge_signs_as_standard_webhooks_do() {
    let body = event("StasisStart", 0, &json!({ "channel": channel("1.1", "Ring") })).to_string();
    let plain = Request::post(URL, "application/json", body).with("webhook-id", "1.1:StasisStart:x");
    let signed = plain.clone().signed(asterisk(), &secrets(), received_at());
    let verify = |request: &Request, secrets: &Secrets| request.verify(asterisk(), secrets, received_at());
    assert_eq!(verify(&signed, &secrets()), Ok(()));
    assert_eq!(verify(&plain, &secrets()), Err(Rejection::MissingSignature));
    let other = Secrets::new().with("secret", format!("whsec_{}", STANDARD.encode([9; 32])));
    assert_eq!(verify(&signed, &other), Err(Rejection::BadCredentials));
    let rotated = other.with("secret_previous", SECRET);
    assert_eq!(verify(&signed, &rotated), Ok(()));
    assert_eq!(verify(&signed, &Secrets::new()), Err(Rejection::BadCredentials));
    // Id and time are signed too.
    let second = (received_at().timestamp() + 1).to_string();
    for (changed, value) in [("webhook-id", "1.2:StasisStart:x"), ("webhook-timestamp", second.as_str())] {
        let mut request = signed.clone();
        request.headers.retain(|(name, _)| name != changed);
        assert_eq!(verify(&request, &secrets()), Err(Rejection::MissingSignature), "{changed}");
        assert_eq!(verify(&request.with(changed, value), &secrets()), Err(Rejection::BadCredentials), "{changed}");
    }
    assert!(matches!(asterisk().check_secrets(&Secrets::new()), Err(SecretError::Missing { name: "secret", .. })));
    let malformed = asterisk().check_secrets(&Secrets::new().with("secret", "short"));
    assert!(matches!(malformed, Err(SecretError::Malformed { name: "secret", .. })));
}

#[test]
fn the_clock_skew_of_the_connection_counts() {
    let body = Request::post(URL, "application/json", "{}").with("webhook-id", "m");
    let signed = body.signed(asterisk(), &secrets(), received_at());
    let verdict = |skew: i64, late: i64| {
        let (secrets, options) = (secrets(), Options::new());
        let now = received_at() + TimeDelta::seconds(late);
        let context = VerifyContext::new(&secrets, &options, now);
        asterisk().verify(&signed.hook(), &VerifyContext { clock_skew: TimeDelta::seconds(skew), ..context })
    };
    assert_eq!((verdict(300, 300), verdict(300, 301)), (Ok(()), Err(Rejection::Stale)));
    assert_eq!((verdict(10, 10), verdict(10, -11)), (Ok(()), Err(Rejection::Stale)));
    assert_eq!((verdict(3600, 3600), verdict(0, 1)), (Ok(()), Err(Rejection::Stale)));
}

#[test]
fn the_state_of_a_channel_tells_how_far_it_is_and_which_way_it_goes() {
    for kind in ["StasisStart", "ChannelCreated", "ChannelStateChange"] {
        let of = |state: &str| parse(&event(kind, 0, &json!({ "channel": channel("1.1", state) })));
        let rows = [
            ("Ring", EventKind::CallRinging, Some(LegState::Ringing), Some(Direction::Inbound)),
            ("Ringing", EventKind::CallRinging, Some(LegState::Ringing), Some(Direction::Outbound)),
            ("Down", EventKind::CallInitiated, Some(LegState::Initiated), Some(Direction::Outbound)),
            ("Dialing", EventKind::CallInitiated, Some(LegState::Initiated), Some(Direction::Outbound)),
            ("Up", EventKind::CallAnswered, Some(LegState::Answered), None),
            ("Unknown", EventKind::CallAnnotation, None, None),
        ];
        for (state, expected, leg, direction) in rows {
            let event = of(state);
            assert_eq!((event.kind, event.state, event.direction), (expected, leg, direction), "{kind} {state}");
        }
    }
    let incoming = parse(&event("StasisStart", 0, &json!({ "channel": channel("1.1", "Ring") })));
    assert_eq!(clear(incoming.from.as_ref()).as_deref(), Some("+12025550143"));
    assert_eq!(clear(incoming.to.as_ref()).as_deref(), Some("+14155550100"));
    assert_eq!(incoming.from.unwrap().name.as_deref(), Some("ANN"));
    assert_eq!(incoming.occurred_at, Some(time("2026-02-12T12:00:00.5Z")));
    assert_eq!(incoming.started_at, Some(time("2026-02-12T12:00:00Z")));
    let dialled = parse(&event("ChannelCreated", 0, &json!({ "channel": peer("1.2", "Down") })));
    assert_eq!(clear(dialled.from.as_ref()).as_deref(), Some("+12025550143"));
    assert_eq!((clear(dialled.to.as_ref()).as_deref(), dialled.agent_ref.as_deref()), (Some("1002"), Some("1002")));
    // The pseudo application of a dialled channel tells its direction in every state.
    let mut up = peer("1.2", "Up");
    up["dialplan"]["app_name"] = json!("AppDial");
    let up = parse(&event("ChannelStateChange", 0, &json!({ "channel": up })));
    assert_eq!((up.direction, up.agent_ref.as_deref()), (Some(Direction::Outbound), Some("1002")));
}

#[test]
fn hidden_callers_and_special_extensions_are_no_numbers() {
    let mut hidden = channel("1.1", "Ring");
    hidden["caller"] = json!({ "name": "Anonymous", "number": "" });
    hidden["dialplan"]["exten"] = json!("s");
    hidden["caller_rdnis"] = json!("+4930901820");
    let event = parse(&event("StasisStart", 0, &json!({ "channel": hidden })));
    assert_eq!((event.from.unwrap().kind, event.to), (PartyKind::Withheld, None));
    assert_eq!(clear(event.forwarded_from.as_ref()).as_deref(), Some("+4930901820"));
}

#[test]
fn the_linked_id_is_the_session() {
    let of = |field: &str, value: Value| {
        let mut channel = channel("1.2", "Ring");
        channel[field] = value;
        parse(&event("StasisStart", 0, &json!({ "channel": channel }))).session_id
    };
    assert_eq!(of("linkedid", json!("1.1")).as_deref(), Some("1.1"));
    assert_eq!(of("channelvars", json!({ "CHANNEL(linkedid)": "1.1" })).as_deref(), Some("1.1"));
    assert_eq!(of("channelvars", json!({ "other": "1.1" })), None);
}

#[test]
fn causes_end_a_call_by_whether_it_was_answered() {
    let outcome = |state: &str, cause: i64| parse(&destroyed(&channel("1.1", state), cause, 9)).outcome;
    let rows = [
        (16, Some(Outcome::NoAnswer), Some(Outcome::Completed)),
        (17, Some(Outcome::Busy), Some(Outcome::Busy)),
        (18, Some(Outcome::NoAnswer), Some(Outcome::NoAnswer)),
        (19, Some(Outcome::NoAnswer), Some(Outcome::NoAnswer)),
        (21, Some(Outcome::Rejected), Some(Outcome::Rejected)),
        (26, Some(Outcome::Canceled), Some(Outcome::Canceled)),
        (1, Some(Outcome::Failed), Some(Outcome::Completed)),
        (34, Some(Outcome::Failed), Some(Outcome::Completed)),
        (0, None, Some(Outcome::Completed)),
        (9999, None, Some(Outcome::Completed)),
    ];
    for (cause, silent, talked) in rows {
        assert_eq!((outcome("Ringing", cause), outcome("Up", cause)), (silent, talked), "{cause}");
    }
    let mut with_code = destroyed(&channel("1.1", "Ring"), 17, 9);
    with_code["tech_cause"] = json!(486);
    let event = parse(&with_code);
    assert_eq!((event.q850, event.sip_code, event.state), (Some(17), Some(486), Some(LegState::Ended)));
    assert_eq!(event.direction, Some(Direction::Inbound));
    let late = parse(&destroyed(&channel("1.1", "Ringing"), 17, 9));
    assert_eq!((late.direction, clear(late.from.as_ref()).as_deref()), (None, Some("+12025550143")));
    let text = parse(&event_with_text_cause());
    assert_eq!(text.q850, Some(16));
}

fn event_with_text_cause() -> Value {
    event("ChannelDestroyed", 9, &json!({ "cause": "16", "channel": channel("1.1", "Up") }))
}

#[test]
fn dials_tell_of_the_dialled_leg() {
    let all = |status: &str| parse_all(&dial(status, 3, Some(&channel("1.1", "Ring")), &peer("1.2", "Down")));
    for (status, kind, state) in [
        ("", EventKind::CallInitiated, LegState::Initiated),
        ("PROGRESS", EventKind::CallInitiated, LegState::Initiated),
        ("RINGING", EventKind::CallRinging, LegState::Ringing),
    ] {
        let events = all(status);
        assert_eq!((events[0].kind, events[0].state), (kind, Some(state)), "{status}");
        let legs = (events[0].leg_id.as_deref(), events[0].parent_leg_id.as_deref());
        assert_eq!(legs, (Some("1.2"), Some("1.1")), "{status}");
        assert_eq!((events[1].leg_id.as_deref(), events[1].answered_by_platform), (Some("1.1"), true));
        assert_ne!(events[0].dedupe_key, events[1].dedupe_key);
    }
    for (status, outcome) in [
        ("BUSY", Outcome::Busy),
        ("NOANSWER", Outcome::NoAnswer),
        ("CANCEL", Outcome::Canceled),
        ("CONGESTION", Outcome::Failed),
        ("CHANUNAVAIL", Outcome::Failed),
        ("DONTCALL", Outcome::Rejected),
    ] {
        let events = all(status);
        assert_eq!((events.len(), events[0].kind), (1, EventKind::DialResult), "{status}");
        let told = (events[0].leg_id.as_deref(), events[0].child_leg_id.as_deref(), events[0].dial_outcome);
        assert_eq!(told, (Some("1.1"), Some("1.2"), Some(outcome)), "{status}");
    }
    let answered = all("ANSWER");
    assert_eq!((answered[0].kind, answered[0].dial_outcome), (EventKind::DialResult, Some(Outcome::Completed)));
    assert_eq!((answered[1].kind, answered[1].leg_id.as_deref()), (EventKind::CallAnswered, Some("1.2")));
    assert_eq!(answered[1].agent_ref.as_deref(), Some("1002"));
    assert_eq!(all("SOMETHING")[0].kind, EventKind::Ignored);
    // An application dials without a channel of its own.
    let lonely = parse(&dial("BUSY", 3, None, &peer("1.2", "Down")));
    assert_eq!(
        (lonely.kind, lonely.state, lonely.outcome),
        (EventKind::DialResult, Some(LegState::Ended), Some(Outcome::Busy))
    );
    assert_eq!(parse(&dial("ANSWER", 3, None, &peer("1.2", "Up"))).kind, EventKind::CallAnswered);
    // A phone that forwards puts another leg in its place.
    let mut forward = dial("", 3, Some(&channel("1.1", "Ring")), &peer("1.2", "Ringing"));
    forward["forwarded"] = peer("1.3", "Down");
    let forwarded = parse_all(&forward).pop().unwrap();
    assert_eq!((forwarded.leg_id.as_deref(), forwarded.parent_leg_id.as_deref()), (Some("1.3"), Some("1.1")));
    let nameless = request(&event("Dial", 3, &json!({ "dialstatus": "" }))).parse(asterisk()).unwrap_err();
    assert_eq!(nameless, ParseError::Missing { field: "peer.id" });
}

/// A call through a menu: the dialplan answers, then one phone is dialled.
fn through_a_menu(status: &str) -> Vec<CallEvent> {
    let up = channel("1.1", "Up");
    let mut bodies = vec![
        event("StasisStart", 0, &json!({ "channel": channel("1.1", "Ring") })),
        event("ChannelStateChange", 1, &json!({ "channel": channel("1.1", "Up") })),
        event("ChannelCreated", 5, &json!({ "channel": peer("1.2", "Down") })),
        dial("", 5, Some(&up), &peer("1.2", "Down")),
        dial("RINGING", 6, Some(&up), &peer("1.2", "Ringing")),
        dial(status, 10, Some(&up), &peer("1.2", "Ringing")),
    ];
    if status == "ANSWER" {
        bodies.push(event("ChannelStateChange", 10, &json!({ "channel": peer("1.2", "Up") })));
        bodies.push(destroyed(&peer("1.2", "Up"), 16, 40));
    } else {
        bodies.push(destroyed(&peer("1.2", "Ringing"), 16, 10));
    }
    bodies.push(destroyed(&channel("1.1", "Up"), 16, 41));
    bodies.iter().flat_map(parse_all).collect()
}

#[test]
fn a_menu_that_finds_nobody_is_a_missed_call() {
    for (status, outcome) in [("NOANSWER", Outcome::NoAnswer), ("BUSY", Outcome::Busy), ("CANCEL", Outcome::NoAnswer)] {
        let mut events = through_a_menu(status);
        let call = fold(&events);
        assert_eq!((call.direction, call.outcome), (Some(Direction::Inbound), Some(outcome)), "{status}");
        assert_eq!((call.root_leg.as_deref(), call.legs.len()), (Some("1.1"), 2));
        events.reverse();
        assert_eq!(fold(&events), call);
    }
    let call = fold(&through_a_menu("ANSWER"));
    assert_eq!((call.outcome, call.agent_ref.as_deref()), (Some(Outcome::Completed), Some("1002")));
    assert_eq!((call.answered_at, call.talk_seconds), (Some(time("2026-02-12T12:00:10.5Z")), Some(30)));
    // While they talk nothing has ended.
    let talking: Vec<_> = through_a_menu("ANSWER").into_iter().filter(|e| e.kind != EventKind::CallEnded).collect();
    let call = fold(&talking);
    assert_eq!(call.state, LegState::Answered);
    assert!(call.legs.iter().all(|leg| leg.state == LegState::Answered && leg.ended_at.is_none()));
}

#[test]
fn an_application_that_dials_by_itself_waits_for_a_person() {
    // No Dial() of the dialplan: the application makes the second channel, the linked id ties both.
    let linked = |mut channel: Value| {
        channel["channelvars"] = json!({ "CHANNEL(linkedid)": "1.1" });
        channel
    };
    let alone = json!({ "id": "b-1", "bridge_type": "mixing", "channels": ["1.1"] });
    let both = json!({ "id": "b-1", "bridge_type": "mixing", "channels": ["1.1", "1.2"] });
    let bodies = [
        event("StasisStart", 0, &json!({ "channel": linked(channel("1.1", "Ring")) })),
        event("ChannelStateChange", 1, &json!({ "channel": linked(channel("1.1", "Up")) })),
        event("ChannelEnteredBridge", 2, &json!({ "bridge": alone, "channel": linked(channel("1.1", "Up")) })),
        event("ChannelCreated", 5, &json!({ "channel": linked(peer("1.2", "Down")) })),
        dial("RINGING", 6, None, &linked(peer("1.2", "Ringing"))),
    ];
    let missed = [destroyed(&linked(peer("1.2", "Ringing")), 19, 20), destroyed(&linked(channel("1.1", "Up")), 16, 21)];
    let talked = [
        event("ChannelStateChange", 10, &json!({ "channel": linked(peer("1.2", "Up")) })),
        event("ChannelEnteredBridge", 10, &json!({ "bridge": both, "channel": linked(peer("1.2", "Up")) })),
        destroyed(&linked(peer("1.2", "Up")), 16, 30),
        destroyed(&linked(channel("1.1", "Up")), 16, 30),
    ];
    let of = |begin: &[Value], end: &[Value]| fold(&begin.iter().chain(end).flat_map(parse_all).collect::<Vec<_>>());
    let call = |end: &[Value]| of(&bodies, end);
    assert_eq!(call(&missed).outcome, Some(Outcome::NoAnswer));
    let answered = call(&talked);
    assert_eq!((answered.outcome, answered.talk_seconds), (Some(Outcome::Completed), Some(20)));
    assert_eq!(answered.root_leg.as_deref(), Some("1.1"));
    let direct = of(&bodies[..2], &[destroyed(&channel("1.1", "Up"), 16, 30)]);
    assert_eq!(direct.outcome, Some(Outcome::Completed));
}

#[test]
fn the_option_says_that_the_dialplan_answers() {
    let context = ParseContext { options: Options::new().with("answered_by", "dialled"), ..ParseContext::default() };
    context.options.check(asterisk().options()).unwrap();
    let bodies = [
        event("StasisStart", 0, &json!({ "channel": channel("1.1", "Ring") })),
        event("ChannelStateChange", 1, &json!({ "channel": channel("1.1", "Up") })),
        destroyed(&channel("1.1", "Up"), 16, 41),
    ];
    let of = |context: &ParseContext| {
        let events: Vec<_> = bodies.iter().flat_map(|body| parse_in(body, context)).collect();
        fold(&events).outcome
    };
    assert_eq!(of(&ParseContext::default()), Some(Outcome::Completed));
    assert_eq!(of(&context), Some(Outcome::NoAnswer));
}

#[test]
fn applications_that_answer_by_themselves_are_no_people() {
    let app = |app: &str, data: &str, state: &str| {
        let fields = json!({ "dialplan_app": app, "dialplan_app_data": data, "channel": channel("1.1", state) });
        parse(&event("ChannelDialplan", 2, &fields))
    };
    let queue = app("Queue", "sales,tT,,,60", "Ring");
    assert_eq!(
        (queue.kind, queue.queue.as_deref(), queue.state),
        (EventKind::CallQueued, Some("sales"), Some(LegState::Queued))
    );
    assert_eq!(app("Queue", "sales", "Up").state, None);
    assert_eq!(app("Playback", "hello", "Up").kind, EventKind::CallAnswered);
    assert_eq!(app("NoOp", "", "Up").kind, EventKind::Ignored);
    let start = parse(&event("StasisStart", 0, &json!({ "channel": channel("1.1", "Ring") })));
    let up = parse(&event("ChannelStateChange", 1, &json!({ "channel": channel("1.1", "Up") })));
    let end = parse(&destroyed(&channel("1.1", "Up"), 16, 41));
    let outcome = |app: CallEvent| fold(&[start.clone(), up.clone(), app, end.clone()]).outcome;
    assert_eq!(outcome(app("VoiceMail", "1002@default", "Up")), Some(Outcome::Voicemail));
    assert_eq!(outcome(app("Queue", "sales", "Up")), Some(Outcome::NoAnswer));
    assert_eq!(outcome(app("NoOp", "", "Up")), Some(Outcome::Completed));
}

#[test]
fn bridges_of_two_connect_and_others_do_not() {
    let bridge = |kind: &str, channels: &[&str], bridge_type: &str| {
        let bridge = json!({ "id": "b-1", "bridge_type": bridge_type, "channels": channels });
        parse(&event(kind, 4, &json!({ "bridge": bridge, "channel": channel("1.1", "Up") })))
    };
    let two = bridge("ChannelEnteredBridge", &["1.1", "1.2"], "mixing");
    assert_eq!((two.kind, two.bridged_leg_id.as_deref()), (EventKind::CallBridged, Some("1.2")));
    assert_eq!(bridge("ChannelLeftBridge", &["1.2"], "mixing").bridged_leg_id.as_deref(), Some("1.2"));
    assert_eq!(bridge("ChannelLeftBridge", &[], "mixing").kind, EventKind::CallAnnotation);
    assert_eq!(bridge("ChannelEnteredBridge", &["1.1"], "mixing").kind, EventKind::CallAnnotation);
    let conference = bridge("ChannelEnteredBridge", &["1.1", "1.2", "1.3"], "mixing");
    assert_eq!((conference.kind, conference.bridged_leg_id), (EventKind::CallBridged, None));
    let parked = bridge("ChannelEnteredBridge", &["1.1", "1.2"], "holding");
    assert_eq!((parked.kind, parked.bridged_leg_id), (EventKind::CallAnnotation, None));
}

#[test]
fn transfers_tie_the_legs() {
    let blind = |result: &str| {
        let fields = json!({ "result": result, "exten": "1003", "channel": peer("1.2", "Up"), "transferee": channel("1.1", "Up") });
        parse(&event("BridgeBlindTransfer", 8, &fields))
    };
    let done = blind("Success");
    assert_eq!(
        (done.kind, done.leg_id.as_deref(), done.bridged_leg_id.as_deref()),
        (EventKind::CallTransferred, Some("1.2"), Some("1.1"))
    );
    assert_eq!((blind("Fail").kind, blind("NotPermitted").bridged_leg_id), (EventKind::CallAnnotation, None));
    let fields = json!({
        "result": "Success", "transferer_first_leg": peer("1.2", "Up"), "transferer_second_leg": peer("1.3", "Up"),
    });
    let attended = parse(&event("BridgeAttendedTransfer", 8, &fields));
    assert_eq!((attended.leg_id.as_deref(), attended.bridged_leg_id.as_deref()), (Some("1.2"), Some("1.3")));
    let missing = request(&event("BridgeAttendedTransfer", 8, &json!({}))).parse(asterisk()).unwrap_err();
    assert_eq!(missing, ParseError::Missing { field: "transferer_first_leg.id" });
}

#[test]
fn the_other_kinds_are_read() {
    let of = |kind: &str| parse(&event(kind, 2, &json!({ "cause": 16, "channel": channel("1.1", "Up") })));
    assert_eq!(of("ChannelHold").kind, EventKind::CallHeld);
    assert_eq!(of("ChannelUnhold").kind, EventKind::CallUnheld);
    let hangup = of("ChannelHangupRequest");
    assert_eq!((hangup.kind, hangup.q850), (EventKind::CallAnnotation, Some(16)));
    assert_eq!(of("StasisEnd").kind, EventKind::CallAnnotation);
    for kind in ["ChannelVarset", "ChannelDtmfReceived", "PlaybackStarted", "SomethingNew"] {
        let event = of(kind);
        assert_eq!((event.kind, event.dedupe_key.as_str()), (EventKind::Ignored, "m-1"), "{kind}");
        assert_eq!((event.leg_id.as_deref(), event.provider_status.as_deref()), (Some("1.1"), Some(kind)));
    }
    assert_eq!(parse(&json!({ "type": "DeviceStateChanged" })).kind, EventKind::Ignored);
}

#[test]
fn recordings_have_a_name_and_no_address() {
    let of = |kind: &str, recording: Value| parse(&event(kind, 9, &json!({ "recording": recording })));
    let ready = of(
        "RecordingFinished",
        json!({ "name": "call-1", "format": "wav", "state": "done", "duration": 42, "target_uri": "channel:1.1" }),
    );
    assert_eq!((ready.kind, ready.leg_id.as_deref()), (EventKind::RecordingReady, Some("1.1")));
    let fact = ready.recording.unwrap();
    assert_eq!((fact.id.as_str(), fact.status, fact.duration_seconds), ("call-1", RecordingStatus::Ready, Some(42)));
    assert!(fact.needs_auth && fact.url.is_none());
    let status = |kind: &str, state: &str| of(kind, json!({ "name": "r", "state": state })).recording.unwrap().status;
    assert_eq!(status("RecordingStarted", "recording"), RecordingStatus::InProgress);
    assert_eq!(status("RecordingFailed", "failed"), RecordingStatus::Failed);
    assert_eq!(status("RecordingFinished", "canceled"), RecordingStatus::Absent);
    assert_eq!(of("RecordingStarted", json!({ "name": "r", "target_uri": "bridge:b-1" })).leg_id, None);
}

#[test]
fn keys_are_those_of_the_event_and_hold_no_numbers() {
    let key = |body: &Value| parse_all(body)[0].dedupe_key.clone();
    let start = event("StasisStart", 0, &json!({ "channel": channel("1.1", "Ring") }));
    assert_eq!(key(&start), "1.1:StasisStart:2026-02-12T13:00:00.500+0100");
    let mut timeless = start.clone();
    timeless.as_object_mut().unwrap().remove("timestamp");
    assert_eq!(key(&timeless), "1.1:StasisStart:m-1");
    let named = event("StasisStart", 0, &json!({ "channel": channel("tel:+12025550143", "Ring") }));
    assert!(!key(&named).contains("2025550143"));
    let long = event("StasisStart", 0, &json!({ "channel": channel(&"x".repeat(9000), "Ring") }));
    assert!(key(&long).len() < 200);
    // The same event through two subscriptions is one.
    let mut again = start.clone();
    again["application"] = json!("other");
    assert_eq!(key(&again), key(&start));
}

fn cdr(fields: &[(&str, &str)]) -> CallEvent {
    let mut lines = vec![
        ("Event", "Cdr"),
        ("Source", "12025550143"),
        ("Destination", "1002"),
        ("CallerID", "\"ANN\" <12025550143>"),
        ("Channel", "PJSIP/trunk-00000004"),
        ("DestinationChannel", "PJSIP/1002-00000005"),
        ("LastApplication", "Dial"),
        ("StartTime", "2024-05-03 08:53:01"),
        ("EndTime", "2024-05-03 08:53:31"),
        ("Duration", "30"),
        ("BillableSeconds", "0"),
        ("Disposition", "NO ANSWER"),
        ("UniqueID", "1714719181.4"),
    ];
    for (name, value) in fields {
        lines.retain(|(known, _)| known != name);
        lines.push((name, value));
    }
    let body: Vec<String> = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let request = Request::post(URL, "text/plain", format!("{}\r\n\r\n", body.join("\r\n"))).with("webhook-id", "m-1");
    let mut events = request.parse(asterisk()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn records_have_every_disposition() {
    for (disposition, outcome, call) in [
        ("NO ANSWER", Some(Outcome::NoAnswer), Outcome::NoAnswer),
        ("BUSY", Some(Outcome::Busy), Outcome::Busy),
        ("FAILED", Some(Outcome::Failed), Outcome::NoAnswer),
        ("CONGESTION", Some(Outcome::Failed), Outcome::NoAnswer),
        ("ANSWERED", Some(Outcome::Completed), Outcome::Completed),
        ("answered", Some(Outcome::Completed), Outcome::Completed),
        ("SOMETHING", None, Outcome::NoAnswer),
    ] {
        let billed = if disposition.eq_ignore_ascii_case("answered") { "21" } else { "0" };
        let event = cdr(&[("Disposition", disposition), ("BillableSeconds", billed)]);
        assert_eq!((event.outcome, event.state), (outcome, Some(LegState::Ended)), "{disposition}");
        let folded = fold(&[event]);
        assert_eq!((folded.outcome, folded.direction), (Some(call), Some(Direction::Inbound)), "{disposition}");
        let talk = (call == Outcome::Completed).then_some(21);
        assert_eq!(
            (folded.talk_seconds.filter(|talk| *talk > 0), folded.duration_seconds),
            (talk, Some(30)),
            "{disposition}"
        );
    }
}

#[test]
fn a_record_without_a_dialled_channel_tells_of_no_person() {
    let alone = |app: &str| {
        fold(&[cdr(&[
            ("DestinationChannel", ""),
            ("Disposition", "ANSWERED"),
            ("LastApplication", app),
            ("BillableSeconds", "20"),
        ])])
    };
    assert_eq!(alone("Playback").outcome, Some(Outcome::NoAnswer));
    assert_eq!(alone("VoiceMail").outcome, Some(Outcome::Voicemail));
    // The first phone did not answer, the second did: two records, one call.
    let first = cdr(&[]);
    let second =
        cdr(&[("DestinationChannel", "PJSIP/1003-00000006"), ("Disposition", "ANSWERED"), ("BillableSeconds", "9")]);
    assert_ne!(first.dedupe_key, second.dedupe_key);
    let call = fold(&[first, second]);
    assert_eq!((call.outcome, call.legs.len(), call.talk_seconds), (Some(Outcome::Completed), 3, Some(9)));
}

#[test]
fn the_zone_of_a_record_is_told_by_its_unique_id() {
    let event = cdr(&[]);
    assert_eq!(event.started_at, Some(time("2024-05-03T06:53:01Z")));
    assert_eq!((event.ended_at, event.occurred_at), (Some(time("2024-05-03T06:53:31Z")), event.ended_at));
    let unknown = cdr(&[("UniqueID", "call-7"), ("LinkedID", "call-6")]);
    assert_eq!((unknown.started_at, unknown.occurred_at), (None, None));
    assert_eq!(unknown.session_id.as_deref(), Some("call-6"));
    let odd = cdr(&[("StartTime", ""), ("EndTime", "soon")]);
    assert_eq!((odd.started_at, odd.ended_at), (None, None));
}

#[test]
fn records_have_parties_and_keys_without_numbers() {
    assert_eq!(cdr(&[]).dedupe_key, "1714719181.4:Cdr:2024-05-03 08:53:31:1002");
    let outgoing = cdr(&[
        ("Source", "1002"),
        ("CallerID", "1002"),
        ("Destination", "0012025550143"),
        ("DestinationChannel", "PJSIP/trunk-1"),
    ]);
    assert!(!outgoing.dedupe_key.contains("2025550143"), "{}", outgoing.dedupe_key);
    assert_eq!(
        (clear(outgoing.to.as_ref()).as_deref(), outgoing.agent_ref.as_deref()),
        (Some("+12025550143"), Some("1002"))
    );
    assert_eq!(fold(std::slice::from_ref(&outgoing)).direction, Some(Direction::Outbound));
    assert!(!outgoing.child_leg_id.unwrap().contains("trunk"));
    let hidden = cdr(&[("Source", ""), ("CallerID", "\"Anonymous\" <anonymous>"), ("Destination", "s")]);
    assert_eq!((hidden.from.unwrap().kind, hidden.to), (PartyKind::Withheld, None));
    assert_eq!(cdr(&[("Source", ""), ("CallerID", "")]).from.unwrap().kind, PartyKind::Withheld);
}

#[test]
fn what_is_no_event_is_a_readable_error() {
    let error = |body: &str| {
        let request = Request::post(URL, "text/plain", body).with("webhook-id", "m-1");
        request.parse(asterisk()).unwrap_err().to_string()
    };
    let neither = "the body is not an ARI event (JSON) or an AMI event (lines of Name: value)";
    assert_eq!((error(""), error("+12025550143")), (neither.to_owned(), neither.to_owned()));
    assert_eq!(error("{"), "the body is not JSON");
    assert_eq!(error("{}"), "the field type is missing");
    assert_eq!(error("{\"type\":\"ChannelDestroyed\"}"), "the field channel.id is missing");
    assert_eq!(error("Event: Cdr\r\nSource: 12025550143\r\n"), "the field UniqueID is missing");
    let nameless = Request::post(URL, "text/plain", "Event: Cdr").parse(asterisk()).unwrap_err();
    assert_eq!(nameless, ParseError::Missing { field: "webhook-id" });
    let other = Request::post(URL, "text/plain", "Event: Hangup\nUniqueid: 1.1\n").with("webhook-id", "m-1");
    assert_eq!(other.parse(asterisk()).unwrap()[0].kind, EventKind::Ignored);
}

proptest! {
    #[test]
    fn odd_events_never_panic(
        kind in "StasisStart|Dial|ChannelDestroyed|ChannelDialplan|RecordingFinished|ChannelEnteredBridge|BridgeAttendedTransfer|\\PC{0,9}",
        words in prop::collection::vec("\\PC{0,12}|[0-9.+-]{0,30}|Up|Ring", 8),
    ) {
        let channel = json!({ "id": words[0], "state": words[1], "caller": { "number": words[2] },
            "dialplan": { "exten": words[3], "app_name": words[4] }, "creationtime": words[5] });
        let fields = json!({ "channel": channel, "peer": channel, "caller": words[6], "timestamp": words[5],
            "dialstatus": words[7], "dialplan_app": words[4], "recording": { "name": words[0], "target_uri": words[6] },
            "bridge": { "channels": words }, "transferer_first_leg": channel, "cause": words[2] });
        let _ = request(&event(&kind, 0, &fields)).parse(asterisk());
        let lines = format!("Event: Cdr\n{}: {}\nUniqueID: {}\nStartTime: {}\nCallerID: {}", words[0], words[1], words[2], words[3], words[4]);
        let _ = Request::post(URL, "", lines).with("webhook-id", &words[5]).parse(asterisk());
    }

    #[test]
    fn any_changed_byte_is_refused(body in prop::collection::vec(any::<u8>(), 1..64), at in any::<prop::sample::Index>(), other in 1..=255_u8) {
        let signed = Request::post(URL, "text/plain", body).signed(asterisk(), &secrets(), received_at());
        prop_assert_eq!(signed.verify(asterisk(), &secrets(), received_at()), Ok(()));
        let mut changed = signed.clone();
        let at = at.index(changed.body.len());
        changed.body[at] = changed.body[at].wrapping_add(other);
        prop_assert_eq!(changed.verify(asterisk(), &secrets(), received_at()), Err(Rejection::BadCredentials));
    }
}
