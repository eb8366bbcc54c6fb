//! Bandwidth's requests beyond the fixtures: every event and cause, credentials, odd times, what steers a call.

use serde_json::{Value, json};
use switchboard_telephony::{
    Address, Answer, Attestation, CallEvent, Direction, EventKind, LegState, Method, Outcome, ParseContext, ParseError,
    PartyKind, Provider, RecordingStatus, Rejection, SecretError, Secrets, fold, provider,
};

use crate::support::{Fixture, Request, received_at, time};

const URL: &str = "https://crm.example.com/hooks/bandwidth";

fn bandwidth() -> &'static dyn Provider {
    provider("bandwidth").unwrap()
}

fn secrets() -> Secrets {
    Secrets::new().with("username", "bw-hook").with("password", "s3cret")
}

fn request(fields: &Value) -> Request {
    Request::post(URL, "application/json", fields.to_string())
}

/// An event of the caller's leg `c-a`, with more or other fields.
fn fields(event_type: &str, second: u32, more: &Value) -> Value {
    let mut fields = json!({
        "eventType": event_type,
        "eventTime": format!("2026-02-12T12:00:{second:02}.000Z"),
        "callId": "c-a",
        "direction": "inbound",
        "from": "+12025550143",
        "to": "+14155550100",
        "startTime": "2026-02-12T12:00:00Z",
    });
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    fields
}

fn event(event_type: &str, second: u32, more: &Value) -> CallEvent {
    let mut events = request(&fields(event_type, second, more)).parse(bandwidth()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// An event of the leg `c-b` to which the caller was transferred.
fn transferred(event_type: &str, second: u32, more: &Value) -> CallEvent {
    let mut fields = json!({
        "callId": "c-b", "parentCallId": "c-a", "direction": "outbound", "transferTo": "+14155550177",
        "transferCallerId": "+12025550143", "startTime": "2026-02-12T12:00:03Z",
    });
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    event(event_type, second, &fields)
}

#[test]
fn credentials_are_compared_whole() {
    let check = |user: &str, password: &str| {
        let secrets = Secrets::new().with("username", user).with("password", password);
        let signed = request(&json!({})).signed(bandwidth(), &secrets, received_at());
        signed.verify(bandwidth(), &self::secrets(), received_at())
    };
    assert_eq!(check("bw-hook", "s3cret"), Ok(()));
    for (user, password) in [("bw-hook", "s3cre"), ("bw-hook", "s3crett"), ("bw-hoo", "s3cret"), ("BW-hook", "s3cret")]
    {
        assert_eq!(check(user, password), Err(Rejection::BadCredentials), "{user} {password}");
    }
    let header =
        |value: &str| request(&json!({})).with("authorization", value).verify(bandwidth(), &secrets(), received_at());
    // RFC 7617's own encoding of bw-hook:s3cret; the name of the scheme has no case.
    assert_eq!(header("Basic YnctaG9vazpzM2NyZXQ="), Ok(()));
    assert_eq!(header("bAsIc YnctaG9vazpzM2NyZXQ="), Ok(()));
    for value in ["", "Basic", "Basic ", "Bearer YnctaG9vazpzM2NyZXQ=", "YnctaG9vazpzM2NyZXQ="] {
        assert_eq!(header(value), Err(Rejection::MissingSignature), "{value}");
    }
    for value in ["Basic ???", "Basic /////w==", "Basic Og==", "Basic YnctaG9vaw=="] {
        assert_eq!(header(value), Err(Rejection::BadCredentials), "{value}");
    }
    assert_eq!(request(&json!({})).verify(bandwidth(), &secrets(), received_at()), Err(Rejection::MissingSignature));
    let mut empty = Secrets::new().with("username", "").with("password", "");
    assert_eq!(header("Basic Og=="), Err(Rejection::BadCredentials));
    let nothing = request(&json!({})).with("Authorization", "Basic Og==");
    assert_eq!(nothing.verify(bandwidth(), &empty, received_at()), Err(Rejection::UnknownKey));
    empty.set("username", "bw-hook");
    assert_eq!(nothing.verify(bandwidth(), &empty, received_at()), Err(Rejection::UnknownKey));
}

#[test]
fn the_previous_password_is_accepted_until_it_is_retired() {
    let old = request(&json!({})).signed(bandwidth(), &secrets(), received_at());
    let mut rotated = secrets();
    rotated.rotate(bandwidth().secret_fields(), "password", "n3w");
    assert_eq!(bandwidth().check_secrets(&rotated), Ok(()));
    let new = request(&json!({})).signed(bandwidth(), &rotated, received_at());
    assert_ne!(old.headers, new.headers);
    for request in [&old, &new] {
        assert_eq!(request.verify(bandwidth(), &rotated, received_at()), Ok(()));
    }
    rotated.retire_previous(bandwidth().secret_fields());
    assert_eq!(old.verify(bandwidth(), &rotated, received_at()), Err(Rejection::BadCredentials));
    assert_eq!(new.verify(bandwidth(), &rotated, received_at()), Ok(()));
}

#[test]
fn secrets_are_checked_before_they_are_used() {
    let check = |secrets: &Secrets| bandwidth().check_secrets(secrets);
    assert!(matches!(check(&Secrets::new()), Err(SecretError::Missing { name: "username", .. })));
    let no_password = Secrets::new().with("username", "u");
    assert!(matches!(check(&no_password), Err(SecretError::Missing { name: "password", .. })));
    assert!(matches!(check(&secrets().with("username", "a:b")), Err(SecretError::Malformed { name: "username", .. })));
    assert!(matches!(check(&secrets().with("token", "x")), Err(SecretError::Unknown { .. })));
    let signed = bandwidth().sign(Method::Post, URL, &[], b"", &no_password, received_at());
    assert!(matches!(signed, Err(SecretError::Missing { name: "password", .. })));
}

#[test]
fn every_cause_has_its_outcome() {
    let end = |more: &Value| event("disconnect", 40, more);
    let causes = [
        ("busy", Outcome::Busy),
        ("timeout", Outcome::NoAnswer),
        ("cancel", Outcome::Canceled),
        ("rejected", Outcome::Rejected),
        ("callback-error", Outcome::Failed),
        ("invalid-bxml", Outcome::Failed),
        ("application-error", Outcome::Failed),
        ("account-limit", Outcome::Failed),
        ("node-capacity-exceeded", Outcome::Failed),
        ("error", Outcome::Failed),
        ("unknown", Outcome::Failed),
        ("a-cause-of-next-year", Outcome::Failed),
    ];
    for (cause, outcome) in causes {
        let event = end(&json!({ "cause": cause, "direction": "outbound" }));
        assert_eq!((event.kind, event.state), (EventKind::CallEnded, Some(LegState::Ended)), "{cause}");
        assert_eq!((event.outcome, event.provider_reason.as_deref()), (Some(outcome), Some(cause)));
        let dial = event_of_transfer(cause);
        assert_eq!(dial.dial_outcome, Some(outcome), "{cause}");
    }
    assert_eq!(event_of_transfer("hangup").dial_outcome, Some(Outcome::Completed));
    let answered =
        json!({ "cause": "hangup", "answerTime": "2026-02-12T12:00:05Z", "endTime": "2026-02-12T12:00:39.9Z" });
    assert_eq!((end(&answered).outcome, end(&answered).talk_seconds), (Some(Outcome::Completed), Some(34)));
    assert_eq!(end(&json!({ "cause": "hangup" })).outcome, Some(Outcome::NoAnswer));
    assert_eq!(end(&json!({ "cause": "hangup", "direction": "outbound" })).outcome, Some(Outcome::Canceled));
    assert_eq!(end(&json!({})).outcome, None);
}

fn event_of_transfer(cause: &str) -> CallEvent {
    let event = event("transferComplete", 30, &json!({ "cause": cause, "answerTime": "2026-02-12T12:00:02Z" }));
    assert_eq!((event.kind, event.state), (EventKind::DialResult, Some(LegState::Answered)));
    assert_eq!((event.outcome, event.leg_id.as_deref()), (None, Some("c-a")));
    event
}

#[test]
fn every_event_type_has_its_kind_and_its_answer() {
    let bxml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";
    let synchronous = [
        ("initiate", EventKind::CallRinging),
        ("answer", EventKind::CallAnswered),
        ("transferAnswer", EventKind::CallAnswered),
        ("transferComplete", EventKind::DialResult),
        ("bridgeComplete", EventKind::CallBridged),
        ("bridgeTargetComplete", EventKind::CallBridged),
        ("gather", EventKind::CallAnnotation),
        ("redirect", EventKind::CallAnnotation),
        ("recordComplete", EventKind::RecordingProvisional),
        ("recordingComplete", EventKind::RecordingProvisional),
        ("conferenceCreated", EventKind::CallAnnotation),
        ("conferenceMemberJoin", EventKind::CallAnnotation),
        ("conferenceMemberExit", EventKind::CallAnnotation),
    ];
    let reports = [
        ("disconnect", EventKind::CallEnded),
        ("transferDisconnect", EventKind::CallEnded),
        ("recordingAvailable", EventKind::RecordingReady),
        ("machineDetectionComplete", EventKind::CallAnnotation),
        ("transcriptionAvailable", EventKind::CallAnnotation),
        ("dtmf", EventKind::CallAnnotation),
        ("conferenceCompleted", EventKind::CallAnnotation),
        ("conferenceRecordingAvailable", EventKind::RecordingReady),
        ("streamStarted", EventKind::CallAnnotation),
        ("mediaStreamStopped", EventKind::CallAnnotation),
    ];
    let both = synchronous.map(|it| (it, true)).into_iter().chain(reports.map(|it| (it, false)));
    for ((event_type, kind), is_synchronous) in both {
        let body = fields(event_type, 9, &json!({ "recordingId": "r-1", "status": "complete" }));
        assert_eq!(request(&body).parse(bandwidth()).unwrap()[0].kind, kind, "{event_type}");
        for purpose in [None, Some("initiate"), Some("status"), Some("voicemail")] {
            let answer = bandwidth().answer(&request(&body).hook(), purpose);
            let expected = if is_synchronous { Answer::document("application/xml", bxml) } else { Answer::NO_CONTENT };
            assert_eq!(answer, expected, "{event_type} {purpose:?}");
            let steers = bandwidth().steers(&request(&body).hook(), purpose);
            assert_eq!(steers.is_some(), matches!(event_type, "initiate" | "answer"), "{event_type}");
            assert!(steers.is_none_or(|purpose| bandwidth().call_control().unwrap().purposes.contains(&purpose)));
        }
    }
    let new = fields("somethingNew", 9, &json!({}));
    assert_eq!(request(&new).parse(bandwidth()).unwrap()[0].kind, EventKind::Ignored);
    assert_eq!(bandwidth().answer(&request(&new).hook(), Some("status")), Answer::NO_CONTENT);
    assert_eq!(bandwidth().answer(&request(&new).hook(), None).body, bxml);
    let outbound = event("initiate", 0, &json!({ "direction": "outbound" }));
    assert_eq!((outbound.kind, outbound.state), (EventKind::CallInitiated, Some(LegState::Initiated)));
    let failed = event("bridgeComplete", 9, &json!({ "cause": "busy" }));
    assert_eq!((failed.kind, failed.state), (EventKind::CallAnnotation, None));
}

#[test]
fn a_transferred_leg_has_its_own_parties_and_times() {
    let answer = transferred("transferAnswer", 9, &json!({ "answerTime": "2026-02-12T11:59:00Z" }));
    assert_eq!((answer.leg_id.as_deref(), answer.parent_leg_id.as_deref()), (Some("c-b"), Some("c-a")));
    assert_eq!(answer.to.unwrap().value.unwrap().clear(), "+14155550177");
    assert_eq!(answer.from.unwrap().value.unwrap().clear(), "+12025550143");
    // The documented example has the answer of the other leg here.
    assert_eq!((answer.answered_at, answer.occurred_at), (None, Some(time("2026-02-12T12:00:09Z"))));
    let hidden = transferred("transferAnswer", 9, &json!({ "transferCallerId": "Anonymous" }));
    assert_eq!(hidden.from.unwrap().kind, PartyKind::Withheld);
    // A person talked on it however it ended.
    let times = json!({ "cause": "error", "answerTime": "2026-02-12T12:00:09Z", "endTime": "2026-02-12T12:00:29Z" });
    let end = transferred("transferDisconnect", 29, &times);
    assert_eq!((end.outcome, end.talk_seconds), (Some(Outcome::Failed), Some(20)));
}

#[test]
fn a_caller_whom_nobody_of_the_transfer_answered_is_missed_although_the_application_answered() {
    let answered =
        json!({ "cause": "hangup", "answerTime": "2026-02-12T12:00:01Z", "endTime": "2026-02-12T12:00:41Z" });
    let end = event("disconnect", 41, &answered);
    let missed =
        transferred("transferDisconnect", 40, &json!({ "cause": "cancel", "endTime": "2026-02-12T12:00:40Z" }));
    let complete = event_of_transfer("timeout");
    let alone = fold(std::slice::from_ref(&end));
    assert_eq!((alone.outcome, alone.talk_seconds), (Some(Outcome::Completed), Some(40)));
    for others in [vec![missed.clone()], vec![complete.clone()], vec![complete, missed]] {
        let call = fold(&[others, vec![end.clone()]].concat());
        assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::NoAnswer), None));
        assert_eq!(call.direction, Some(Direction::Inbound));
    }
    let talked = json!({ "cause": "hangup", "answerTime": "2026-02-12T12:00:20Z", "endTime": "2026-02-12T12:00:40Z" });
    let call = fold(&[transferred("transferDisconnect", 40, &talked), end.clone()]);
    assert_eq!((call.outcome, call.talk_seconds), (Some(Outcome::Completed), Some(20)));
    let call = fold(&[event_of_transfer("hangup"), end]);
    assert_eq!(call.outcome, Some(Outcome::Completed));
}

#[test]
fn a_message_on_the_machine_is_a_voicemail() {
    let recorded = event("recordComplete", 30, &json!({ "recordingId": "r-1", "duration": "PT9.5S" }));
    let recording = recorded.recording.clone().unwrap();
    assert_eq!((recording.status, recording.voicemail, recording.url), (RecordingStatus::InProgress, true, None));
    let ready = json!({ "recordingId": "r-1", "status": "complete", "mediaUrl": "https://example.com/r-1/media" });
    let ready = event("recordingAvailable", 35, &ready);
    let answered =
        json!({ "cause": "hangup", "answerTime": "2026-02-12T12:00:01Z", "endTime": "2026-02-12T12:00:31Z" });
    let call = fold(&[event("disconnect", 31, &answered), ready, recorded]);
    assert_eq!(call.outcome, Some(Outcome::Voicemail));
    assert_eq!((call.recordings.len(), call.recordings[0].status), (1, RecordingStatus::Ready));
    assert!(call.recordings[0].voicemail && call.recordings[0].needs_auth);
    assert_eq!(call.recordings[0].duration_seconds, Some(9));
}

#[test]
fn a_recording_at_the_voicemail_address_is_a_message() {
    // When the caller hangs up after the message, recordComplete is not sent.
    let ready = fields("recordingAvailable", 35, &json!({ "recordingId": "r-1", "status": "complete" }));
    let at = |purpose: &str| {
        let url = format!("{URL}/{purpose}");
        Request::post(&url, "application/json", ready.to_string()).parse(bandwidth()).unwrap().remove(0)
    };
    let answered =
        json!({ "cause": "hangup", "answerTime": "2026-02-12T12:00:01Z", "endTime": "2026-02-12T12:00:31Z" });
    let end = event("disconnect", 31, &answered);
    let call = fold(&[end.clone(), at("voicemail")]);
    assert_eq!((call.outcome, call.recordings[0].voicemail), (Some(Outcome::Voicemail), true));
    let call = fold(&[end.clone(), at("status")]);
    assert_eq!((call.outcome, call.recordings[0].voicemail), (Some(Outcome::Completed), false));
    // Somebody to whom the caller was transferred did talk.
    let talked = json!({ "cause": "hangup", "answerTime": "2026-02-12T12:00:05Z", "endTime": "2026-02-12T12:00:20Z" });
    let call = fold(&[end, at("voicemail"), transferred("transferDisconnect", 20, &talked)]);
    assert_eq!((call.outcome, call.recordings[0].voicemail), (Some(Outcome::Completed), false));
}

#[test]
fn commas_behind_the_last_field_lose_no_event() {
    let parse = |body: &str| Request::post(URL, "application/json", body).parse(bandwidth());
    let body =
        "{ \"eventType\": \"disconnect\", \"callId\": \"c,}\\\"\\\\\", \"tags\": [1, ], \"cause\": \"busy\" ,\n}";
    let event = parse(body).unwrap().remove(0);
    assert_eq!((event.leg_id.as_deref(), event.outcome), (Some("c,}\"\\"), Some(Outcome::Busy)));
    for broken in ["{,", "{\"eventType\": \"disconnect\",, }", "{\"eventType\",}", ",", "\"", "{\"a\": 1,} x"] {
        assert_eq!(parse(broken), Err(ParseError::Body { expected: "JSON" }), "{broken}");
    }
}

#[test]
fn recordings_tell_how_far_they_came() {
    let recording = |status: &str| event("recordingAvailable", 9, &json!({ "recordingId": "r-1", "status": status }));
    assert_eq!(recording("partial").recording.unwrap().status, RecordingStatus::Ready);
    let failed = recording("error");
    assert_eq!((failed.kind, failed.dedupe_key.as_str()), (EventKind::RecordingFailed, "r-1:error"));
    assert_eq!(recording("sideways").kind, EventKind::Ignored);
    // Times of a recording are not those of the leg.
    assert_eq!((failed.started_at, failed.ended_at, failed.state), (None, None, None));
    let nameless = fields("recordingAvailable", 9, &json!({ "status": "complete" }));
    assert_eq!(request(&nameless).parse(bandwidth()), Err(ParseError::Missing { field: "recordingId" }));
}

#[test]
fn odd_times_lose_no_event() {
    let times = json!({
        "eventTime": "2019-09-13-16:48:27.198Z", "startTime": "2019-09-13T16:48:20.500", "answerTime": "yesterday",
        "endTime": "2019-09-13T18:48:30+02:00", "cause": "hangup",
    });
    let event = event("disconnect", 0, &times);
    assert_eq!(event.occurred_at, Some(time("2019-09-13T16:48:27.198Z")));
    assert_eq!(event.started_at, Some(time("2019-09-13T16:48:20.500Z")));
    assert_eq!((event.answered_at, event.ended_at), (None, Some(time("2019-09-13T16:48:30Z"))));
    assert_eq!(event.dedupe_key, "c-a:disconnect:2019-09-13-16:48:27.198Z");
    let queued = self::event("answer", 9, &json!({ "startTime": "", "enqueuedTime": "2019-09-13-16:48:27.198Z" }));
    assert_eq!(queued.started_at, Some(time("2019-09-13T16:48:27.198Z")));
}

#[test]
fn keys_are_equal_for_a_repeated_request_only() {
    let key = |body: &Value| request(body).parse(bandwidth()).unwrap()[0].dedupe_key.clone();
    assert_eq!(key(&fields("dtmf", 1, &json!({}))), "c-a:dtmf:2026-02-12T12:00:01.000Z");
    let timeless = |digit: &str| fields("dtmf", 1, &json!({ "eventTime": null, "digit": digit }));
    assert_eq!(key(&timeless("1")), key(&timeless("1")));
    assert_ne!(key(&timeless("1")), key(&timeless("2")));
    let conference = |id: &str| fields("conferenceCompleted", 1, &json!({ "callId": null, "conferenceId": id }));
    assert_eq!(key(&conference("conf-1")), "conf-1:conferenceCompleted:2026-02-12T12:00:01.000Z");
    assert_ne!(key(&conference("conf-1")), key(&conference("conf-2")));
    let long = "c".repeat(5000);
    assert_eq!(key(&fields("dtmf", 1, &json!({ "callId": long }))).len(), 71);
}

#[test]
fn what_is_needed_is_named_when_it_is_missing() {
    let error = |body: &str| Request::post(URL, "application/json", body).parse(bandwidth()).unwrap_err().to_string();
    assert_eq!(error("{;}"), "the body is not JSON");
    assert_eq!(error("[]"), "the body is not a JSON object");
    assert_eq!(error("{}"), "the field eventType is missing");
    for event_type in ["initiate", "answer", "transferComplete", "disconnect", "recordComplete"] {
        let body = json!({ "eventType": event_type, "from": "+12025550143" }).to_string();
        assert_eq!(error(&body), "the field callId is missing", "{event_type}");
    }
    assert_eq!(bandwidth().answer(&Request::post(URL, "application/json", "{;}").hook(), None), Answer::NO_CONTENT);
}

#[test]
fn the_network_and_the_caller_are_told() {
    let more = json!({
        "from": "Restricted",
        "diversion": { "origTo": "+14155550111", "reason": "no-answer", "privacy": "off" },
        "stirShaken": { "verstat": "TN-Verification-Passed", "attestationIndicator": "B", "originatingId": "x" },
        "sipResponseCode": 486,
    });
    let event = event("initiate", 0, &more);
    let from = event.from.clone().unwrap();
    assert_eq!((from.kind, from.raw.as_deref()), (PartyKind::Withheld, Some("Restricted")));
    let forwarded_from = event.forwarded_from.clone().unwrap().value.as_ref().map(Address::clear);
    assert_eq!(forwarded_from.as_deref(), Some("+14155550111"));
    assert_eq!((event.attestation, event.sip_code), (Some(Attestation::B), Some(486)));
    let attestation = |stir: &Value| self::event("initiate", 0, &json!({ "stirShaken": stir })).attestation;
    let failed = json!({ "verstat": "TN-Verification-Failed", "attestationIndicator": "A" });
    assert_eq!(attestation(&failed), Some(Attestation::Failed));
    // Without a verdict the letter is only what the sender claims.
    assert_eq!(attestation(&json!({ "attestationIndicator": "A" })), None);
    assert_eq!(attestation(&json!({ "verstat": "No-TN-Validation", "attestationIndicator": "A" })), None);
    for from in ["Private", "Unavailable", "Anonymous", "restricted", ""] {
        let event = self::event("initiate", 0, &json!({ "from": from }));
        assert_eq!(event.from.clone().unwrap().kind, PartyKind::Withheld, "{from}");
        assert_eq!(fold(&[event]).remote_party(), None);
    }
    let sip = self::event("initiate", 0, &json!({ "from": "sip:alice@PBX.example.net" }));
    assert_eq!(sip.from.unwrap().value.unwrap().clear(), "sip:alice@pbx.example.net");
}

#[test]
fn get_requests_have_their_fields_in_the_query() {
    let query = "eventType=disconnect&eventTime=2026-02-12T12%3A00%3A41Z&callId=c-a&direction=inbound&cause=busy\
                 &from=%2B12025550143&sipResponseCode=486";
    let request = Request {
        method: Method::Get,
        url: format!("{URL}/status?{query}"),
        ..Request::post(URL, "application/json", "")
    };
    let event = request.parse_with(bandwidth(), &ParseContext::default()).unwrap().remove(0);
    assert_eq!((event.outcome, event.sip_code), (Some(Outcome::Busy), Some(486)));
    assert_eq!(event.dedupe_key, "c-a:disconnect:2026-02-12T12:00:41Z");
    assert_eq!(event.from.unwrap().value.unwrap().clear(), "+12025550143");
    assert_eq!(bandwidth().answer(&request.hook(), Some("status")), Answer::NO_CONTENT);
    assert_eq!(bandwidth().steers(&request.hook(), Some("status")), None);
}

#[test]
fn no_bit_of_the_credentials_can_be_changed() {
    let fixture = Fixture::load("bandwidth/a1_initiate");
    let index = fixture.request.headers.iter().position(|(name, _)| name == "Authorization").unwrap();
    let value = fixture.request.headers[index].1.clone();
    // The name of the scheme has no case, and the last digit of base64 has bits that are not used.
    for at in "Basic ".len()..value.len() {
        for bit in 0..7 {
            let mut bytes = value.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let mut changed = fixture.request.clone();
            changed.headers[index].1 = String::from_utf8(bytes).unwrap();
            let verdict = changed.verify(fixture.provider, &fixture.secrets, fixture.now);
            assert!(verdict.is_err(), "{:?}", changed.headers[index]);
        }
    }
}
