//! `TeXML`: the forms of Telnyx, with its signature, its names and without a direction.

use switchboard_telephony::{
    Attestation, CallEvent, Direction, EventKind, LegState, Method, Options, Outcome, ParseContext, ParseError, fold,
};

use crate::support::{Request, received_at, time};
use crate::telnyx::{URL, public, signed, telnyx, verify};

fn form(purpose: &str, pairs: &[(&str, &str)]) -> Request {
    Request::form(&format!("{URL}{purpose}"), pairs)
}

fn events(purpose: &str, pairs: &[(&str, &str)]) -> Vec<CallEvent> {
    form(purpose, pairs).parse(telnyx()).unwrap()
}

fn event(purpose: &str, pairs: &[(&str, &str)]) -> CallEvent {
    let mut events = events(purpose, pairs);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// A status callback of the published field set.
fn status(sid: &str, word: &str, seq: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let common = [
        ("CallSid", sid),
        ("CallSidLegacy", sid),
        ("CallStatus", word),
        ("SequenceNumber", seq),
        ("CallbackSource", "call-progress-events"),
        ("From", "+12025550143"),
        ("To", "+14155550100"),
        ("CallInitiatedAt", "2026-02-12T12:00:00.028Z"),
    ];
    common.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn status_events(sid: &str, word: &str, seq: &str, more: &[(&str, &str)]) -> Vec<CallEvent> {
    let pairs = status(sid, word, seq, more);
    events("/status", &pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
}

fn status_event(sid: &str, word: &str, seq: &str, more: &[(&str, &str)]) -> CallEvent {
    let mut events = status_events(sid, word, seq, more);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn a_form_is_signed_as_every_other_body() {
    // Made with OpenSSL and the key of the fixtures, over "1770896905|" and the body.
    let signature = "cpKdCk65aWPU2iwrV7U/DJD5sVeJ2io6AVczxBwn17OHpbEBjquwAEj5Bft88ttnIxdKbybSiqEOTuXMMpK/Cg==";
    let body = "CallSid=v3:c1&CallStatus=completed&SequenceNumber=3";
    let post = |body: &str| {
        let post = Request::post(&format!("{URL}/status"), "application/x-www-form-urlencoded", body);
        post.with("Telnyx-Timestamp", "1770896905").with("Telnyx-Signature-Ed25519", signature)
    };
    assert_eq!(verify(&post(body), &public()), Ok(()));
    assert!(verify(&post(&body.replace("completed", "busy")), &public()).is_err());
    // Twilio's freedom to write the same form in another way is not there: bytes are signed.
    assert!(verify(&post("CallStatus=completed&CallSid=v3:c1&SequenceNumber=3"), &public()).is_err());
}

#[test]
fn the_published_example_is_read() {
    let event = event(
        "/status",
        &[
            ("AccountSid", "cb6cfbbc-eb00-41af-a3f3-0d7b32009e4b"),
            ("CallDuration", "2"),
            ("CallSid", "v2:7V3r4VFCGLTzKLOveE0-7vM9dX17-NRQgU1byo-uuOIX9JcDadLLKw"),
            ("CallStatus", "completed"),
            ("CallbackSource", "call-progress-events"),
            ("From", "+18445931290"),
            ("HangupSource", "callee"),
            ("SequenceNumber", "0"),
            ("Timestamp", "2021-04-28 21:51:18.731479Z"),
            ("To", "+13122010055"),
        ],
    );
    assert_eq!(event.dedupe_key, "v2:7V3r4VFCGLTzKLOveE0-7vM9dX17-NRQgU1byo-uuOIX9JcDadLLKw:seq:0:completed");
    assert_eq!(event.occurred_at, Some(time("2021-04-28T21:51:18.731479Z")));
    assert_eq!((event.hangup_source.as_deref(), event.duration_seconds), (Some("callee"), Some(2)));
    assert_eq!((event.direction, event.answered_by_platform), (Some(Direction::Inbound), true));
}

#[test]
fn every_field_of_an_end_is_read() {
    let end = status_event(
        "v3:b",
        "completed",
        "3",
        &[
            ("ParentCallSid", "v3:a"),
            ("CallSessionId", "session-1"),
            ("AnsweredTime", "2026-02-12T12:00:15Z"),
            ("EndTime", "2026-02-12T12:01:00Z"),
            ("CallDuration", "60"),
            ("HangupCause", "normal_clearing"),
            ("HangupSource", "caller"),
            ("SipHangupCause", "200"),
            ("Timestamp", "2026-02-12T12:01:01Z"),
            ("ShakenStirAttestation", "A"),
            ("ShakenStirValidated", "true"),
            ("CallerId", "John Doe"),
        ],
    );
    assert_eq!((end.parent_leg_id.as_deref(), end.session_id.as_deref()), (Some("v3:a"), Some("session-1")));
    assert_eq!((end.direction, end.answered_by_platform), (Some(Direction::Outbound), false));
    assert_eq!(
        (end.started_at, end.answered_at),
        (Some(time("2026-02-12T12:00:00.028Z")), Some(time("2026-02-12T12:00:15Z")))
    );
    // CallDuration has the ringing in it: talk is from the answer to the end.
    assert_eq!((end.ended_at, end.talk_seconds), (Some(time("2026-02-12T12:01:00Z")), Some(45)));
    assert_eq!((end.sip_code, end.provider_reason.as_deref()), (Some(200), Some("normal_clearing")));
    assert_eq!((end.hangup_source.as_deref(), end.attestation), (Some("caller"), Some(Attestation::A)));
    assert_eq!(end.from.unwrap().name.as_deref(), Some("John Doe"));
    let odd = status_event(
        "v3:b",
        "failed",
        "3",
        &[
            ("ShakenStirAttestation", "A"),
            ("ShakenStirValidated", "false"),
            ("CallerId", "+12025550143"),
            ("HangupSource", "unknown"),
            ("SipHangupCause", "unspecified"),
        ],
    );
    assert_eq!((odd.attestation, odd.hangup_source, odd.sip_code), (Some(Attestation::Failed), None, None));
    assert_eq!(odd.from.unwrap().name, None);
}

#[test]
fn every_status_has_its_state_and_outcome() {
    for (word, kind, state, outcome) in [
        ("initiated", EventKind::CallInitiated, Some(LegState::Initiated), None),
        ("ringing", EventKind::CallRinging, Some(LegState::Ringing), None),
        ("in-progress", EventKind::CallAnswered, Some(LegState::Answered), None),
        ("completed", EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::Completed)),
        ("busy", EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::Busy)),
        ("no-answer", EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::NoAnswer)),
        ("canceled", EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::Canceled)),
        ("failed", EventKind::CallEnded, Some(LegState::Ended), Some(Outcome::Failed)),
        ("dtmf", EventKind::Ignored, None, None),
        ("analyzed", EventKind::Ignored, None, None),
    ] {
        let event = status_event("v3:b", word, "1", &[("ParentCallSid", "v3:a")]);
        assert_eq!((event.kind, event.state, event.outcome), (kind, state, outcome), "{word}");
    }
    let rejected = status_event("v3:b", "failed", "1", &[("HangupCause", "call_rejected")]);
    assert_eq!(rejected.outcome, Some(Outcome::Rejected));
}

#[test]
fn a_ringing_leg_with_a_duration_was_not_answered() {
    // The published example of `ringing` has CallDuration=10, and an unanswered end its time of ringing.
    let root = status_event("v3:a", "in-progress", "0", &[]);
    let child =
        |word: &str, seq: &str| status_event("v3:b", word, seq, &[("ParentCallSid", "v3:a"), ("CallDuration", "10")]);
    let (rings, gave_up) = (child("ringing", "1"), child("no-answer", "2"));
    let end = status_event("v3:a", "completed", "1", &[("CallDuration", "30")]);
    assert_eq!(fold(&[root.clone(), rings.clone()]).state, LegState::Ringing);
    let call = fold(&[root, rings, gave_up, end]);
    assert_eq!((call.outcome, call.direction), (Some(Outcome::NoAnswer), Some(Direction::Inbound)));
}

#[test]
fn an_end_that_also_tells_of_the_dial_is_two_events() {
    let dial = [("DialCallSid", "v3:b"), ("DialCallStatus", "completed"), ("DialCallDuration", "120")];
    let both = status_events("v3:a", "completed", "3", &dial);
    assert_eq!(both.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::CallEnded, EventKind::DialResult]);
    let action = event("/dial", &[&[("CallSid", "v3:a"), ("CallStatus", "in-progress")][..], &dial].concat());
    // Whichever comes first stands: the end must not be lost with it.
    assert_eq!(action.dedupe_key, both[1].dedupe_key);
    assert_ne!(action.dedupe_key, both[0].dedupe_key);
    let call = fold(&[action, both[0].clone(), both[1].clone()]);
    assert_eq!((call.state, call.outcome, call.talk_seconds), (LegState::Ended, Some(Outcome::Completed), Some(120)));
}

#[test]
fn a_request_for_instructions_without_status_begins_a_call() {
    let pairs = [
        ("AccountSid", "1"),
        ("CallSid", "v3:a"),
        ("CallSidLegacy", "v3:a"),
        ("CallerId", "+12025550143"),
        ("CallingPartyType", "pstn"),
        ("From", "+12025550143"),
        ("To", "+14155550100"),
        ("ConnectionId", "1"),
    ];
    let first = event("/voice", &pairs);
    assert_eq!(
        (first.kind, first.state, first.answered_by_platform),
        (EventKind::CallRinging, Some(LegState::Ringing), true)
    );
    assert_eq!((first.dedupe_key.as_str(), first.from.as_ref().unwrap().name.as_ref()), ("v3:a:voice:", None));
    // The next request of the same call, for digits, is the same news.
    let again = event("/voice", &[&pairs[..], &[("Digits", "1")]].concat());
    assert_eq!(again.dedupe_key, first.dedupe_key);
    let query = form("/voice", &pairs).body;
    let url = format!("{URL}/voice?{}", String::from_utf8(query).unwrap());
    let get = Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new() };
    assert_eq!(verify(&signed(get.clone()), &public()), Ok(()));
    assert_eq!(get.parse(telnyx()), Ok(vec![first]));
}

#[test]
fn the_option_tells_who_begins_the_calls() {
    let options = Options::new().with("texml_calls", "outbound");
    assert_eq!(options.check(telnyx().options()), Ok(()));
    assert!(Options::new().with("texml_calls", "both").check(telnyx().options()).is_err());
    let context = ParseContext { options, ..ParseContext::default() };
    let pairs = status(
        "v3:a",
        "completed",
        "3",
        &[("AnsweredTime", "2026-02-12T12:00:15Z"), ("EndTime", "2026-02-12T12:00:25Z")],
    );
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = form("/status", &pairs);
    let events = request.parse_with(telnyx(), &context).unwrap();
    let call = fold(&events);
    assert_eq!(
        (call.direction, call.outcome, call.talk_seconds),
        (Some(Direction::Outbound), Some(Outcome::Completed), Some(10))
    );
    // The same without the option: only the application answered.
    let call = fold(&request.parse(telnyx()).unwrap());
    assert_eq!((call.direction, call.outcome), (Some(Direction::Inbound), Some(Outcome::NoAnswer)));
    // A direction that is told counts.
    let told = form("/status", &[&pairs[..], &[("Direction", "inbound")]].concat());
    assert_eq!(told.parse_with(telnyx(), &context).unwrap()[0].direction, Some(Direction::Inbound));
}

#[test]
fn recordings_expire_and_need_no_credentials() {
    let pairs = [
        ("CallSid", "v3:a"),
        ("RecordingSid", "35094891-3290-4142-b2c2-b2eda57534cf"),
        ("RecordingStatus", "completed"),
        ("RecordingChannels", "1"),
        ("RecordingDuration", "5"),
        ("RecordingSource", "DialVerb"),
        ("RecordingUrl", "https://s.example/call.mp3?X-Amz-Expires=600"),
    ];
    let ready = event("/recording", &pairs);
    let fact = ready.recording.unwrap();
    assert_eq!((ready.kind, fact.needs_auth, fact.duration_seconds), (EventKind::RecordingReady, false, Some(5)));
    assert_eq!(fact.expires_at, Some(received_at() + chrono::TimeDelta::seconds(600)));
    let begun = event("/recording", &[("CallSid", "v3:a"), ("RecordingSid", "r"), ("RecordingStatus", "in-progress")]);
    assert_eq!(begun.recording.unwrap().expires_at, None);
}

#[test]
fn texml_is_answered_with_a_document_where_it_asks() {
    let request = form("/voice", &[("CallSid", "v3:a"), ("From", "+12025550143")]);
    let answer = |purpose| telnyx().answer(&request.hook(), purpose);
    assert!(answer(None).body.contains("<Response/>") && answer(Some("dial")).content_type == Some("text/xml"));
    assert_eq!((answer(Some("status")).status, answer(Some("status")).body.len()), (200, 0));
    assert_eq!(telnyx().steers(&request.hook(), None), Some("voice"));
    assert_eq!(telnyx().steers(&request.hook(), Some("recording")), None);
    let nothing = form("/voice", &[("From", "+12025550143")]);
    assert_eq!(nothing.parse(telnyx()), Err(ParseError::Body { expected: "JSON" }));
}
