//! Twilio's requests beyond the fixtures: odd callers, other callbacks, what is missing.

use switchboard_telephony::{
    Attestation, CallEvent, Direction, EventKind, LegState, Method, Outcome, ParseError, PartyKind, RecordingStatus,
    fold,
};

use crate::support::{Request, twilio};

const BASE: &str = "https://crm.example.com/hooks/twilio";

fn event(purpose: &str, pairs: &[(&str, &str)]) -> CallEvent {
    let mut events = Request::form(&format!("{BASE}{purpose}"), pairs).parse(twilio()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn ringing(from: &str) -> CallEvent {
    event("/voice", &[("CallSid", "CA1"), ("CallStatus", "ringing"), ("Direction", "inbound"), ("From", from)])
}

#[test]
fn hidden_callers_never_become_a_party_that_identifies_someone() {
    let sentinels = ["+266696687", "+7378742833", "+17378742833", "+86282452253", "+8656696", "+2562533", "266696687"];
    let words =
        ["", "anonymous", "Anonymous", "RESTRICTED", "unavailable", "unknown", "private", "Blocked", "withheld"];
    let addresses = ["anonymous@anonymous.invalid", "sip:anonymous@anonymous.invalid", "sip:Anonymous@carrier.example"];
    for from in sentinels.into_iter().chain(words).chain(addresses) {
        let event = ringing(from);
        let party = event.from.clone().unwrap();
        assert_eq!((party.kind, party.value.clone()), (PartyKind::Withheld, None), "{from}");
        assert_eq!(fold(&[event]).remote_party(), None, "{from}");
    }
    assert_eq!(ringing("Mr. Smith").from.unwrap().kind, PartyKind::Unknown);
    assert_eq!(fold(&[ringing("Mr. Smith")]).remote_party(), None);
}

#[test]
fn addresses_have_one_spelling() {
    let clear = |from: &str| ringing(from).from.unwrap().value.unwrap().clear();
    assert_eq!(clear("sip:alice@PBX.example.net:5060;transport=tls"), "sip:alice@pbx.example.net");
    assert_eq!(clear("client:alice"), "client:alice");
    assert_eq!(clear("+1 (202) 555-0143"), "+12025550143");
    // The public network has no extensions.
    assert_eq!(ringing("12345").from.unwrap().kind, PartyKind::Unknown);
}

#[test]
fn a_call_without_purpose_is_a_voice_request() {
    let pairs = [("CallSid", "CA1"), ("CallStatus", "ringing"), ("Direction", "inbound"), ("From", "+12025550143")];
    assert_eq!(event("", &pairs).dedupe_key, "CA1:voice:ringing");
    let request = Request::form("https://crm.example.com/hooks/twilio", &pairs);
    let answer = |purpose| twilio().answer(&request.hook(), purpose);
    assert_eq!(answer(None), answer(Some("voice")));
    assert_eq!(twilio().steers(&request.hook(), None), Some("voice"));
    assert_eq!(twilio().steers(&request.hook(), Some("status")), None);
}

#[test]
fn an_old_status_callback_without_a_number_has_its_own_key() {
    let old = [("CallSid", "CA1"), ("CallStatus", "completed"), ("CallDuration", "7")];
    assert_eq!(event("/status", &old).dedupe_key, "CA1:status:completed");
    let marked = [("CallSid", "CA1"), ("CallStatus", "completed"), ("Timestamp", "Thu, 12 Feb 2026 11:48:25 +0000")];
    assert_eq!(event("", &marked).dedupe_key, "CA1:status:completed");
}

#[test]
fn every_status_has_its_state_and_outcome() {
    let statuses = [
        ("queued", EventKind::CallInitiated, LegState::Initiated, None),
        ("initiated", EventKind::CallInitiated, LegState::Initiated, None),
        ("ringing", EventKind::CallRinging, LegState::Ringing, None),
        ("in-progress", EventKind::CallAnswered, LegState::Answered, None),
        ("completed", EventKind::CallEnded, LegState::Ended, Some(Outcome::Completed)),
        ("busy", EventKind::CallEnded, LegState::Ended, Some(Outcome::Busy)),
        ("no-answer", EventKind::CallEnded, LegState::Ended, Some(Outcome::NoAnswer)),
        ("canceled", EventKind::CallEnded, LegState::Ended, Some(Outcome::Canceled)),
        ("failed", EventKind::CallEnded, LegState::Ended, Some(Outcome::Failed)),
    ];
    for (status, kind, state, outcome) in statuses {
        let event = event("/status", &[("CallSid", "CA1"), ("CallStatus", status), ("SequenceNumber", "3")]);
        assert_eq!((event.kind, event.state, event.outcome), (kind, Some(state), outcome), "{status}");
        assert_eq!(event.dedupe_key, format!("CA1:seq:3:{status}"));
    }
}

#[test]
fn what_is_not_known_is_kept_without_effect() {
    let unknown = event("/status", &[("CallSid", "CA1"), ("CallStatus", "teleported"), ("SequenceNumber", "9")]);
    assert_eq!((unknown.kind, unknown.state), (EventKind::Ignored, None));
    assert_eq!(unknown.provider_status.as_deref(), Some("teleported"));
    let first = event("/status", &[("CallSid", "CA1"), ("Novelty", "1"), ("Other", "2")]);
    let same = event("/status", &[("CallSid", "CA1"), ("Other", "2"), ("Novelty", "1")]);
    let other = event("/status", &[("CallSid", "CA1"), ("Novelty", "2"), ("Other", "2")]);
    assert_eq!((first.kind, &first.dedupe_key), (EventKind::Ignored, &same.dedupe_key));
    assert_ne!(first.dedupe_key, other.dedupe_key);
    assert_eq!(fold(&[unknown, first]).legs, []);
}

#[test]
fn a_request_without_a_call_is_a_readable_error() {
    let error = Request::form(&format!("{BASE}/voice"), &[("From", "+12025550143")]).parse(twilio()).unwrap_err();
    assert_eq!(error, ParseError::Missing { field: "CallSid" });
    let json = Request::post(&format!("{BASE}/voice"), "application/json", "{\"From\":\"+12025550143\"}");
    let error = json.parse(twilio()).unwrap_err();
    assert!(!error.to_string().contains("202"));
}

#[test]
fn attestation_is_read_with_and_without_diversion() {
    let of = |word: &str| {
        let pairs = [("CallSid", "CA1"), ("CallStatus", "ringing"), ("StirVerstat", word)];
        event("/voice", &pairs).attestation
    };
    assert_eq!(of("TN-Validation-Passed-A"), Some(Attestation::A));
    assert_eq!(of("TN-Validation-Passed-B-Diverted"), Some(Attestation::B));
    assert_eq!(of("TN-Validation-Failed"), Some(Attestation::Failed));
    assert_eq!(of("TN-Validation-Failed-A-Diverted"), Some(Attestation::Failed));
    assert_eq!(of("No-TN-Validation"), None);
    assert_eq!(of(""), None);
}

#[test]
fn recordings_of_every_status_are_told_apart() {
    let of = |status: &str, source: &str| {
        let pairs =
            [("CallSid", "CA1"), ("RecordingSid", "RE1"), ("RecordingStatus", status), ("RecordingSource", source)];
        event("/recording", &pairs)
    };
    let ready = of("completed", "RecordVerb");
    assert_eq!((ready.kind, ready.dedupe_key.as_str()), (EventKind::RecordingReady, "RE1:completed"));
    assert!(ready.recording.unwrap().voicemail);
    assert!(!of("completed", "DialVerb").recording.unwrap().voicemail);
    assert!(!of("in-progress", "RecordVerb").recording.unwrap().voicemail);
    assert_eq!(of("absent", "DialVerb").recording.unwrap().status, RecordingStatus::Absent);
    assert_eq!(of("failed", "DialVerb").kind, EventKind::RecordingFailed);
    assert_eq!(of("sung", "DialVerb").kind, EventKind::Ignored);
}

#[test]
fn a_recording_of_a_conference_belongs_to_no_call() {
    let pairs = [("ConferenceSid", "CF1"), ("RecordingSid", "RE1"), ("RecordingStatus", "completed")];
    assert_eq!(event("/recording", &pairs).correlation_keys(), Vec::<String>::new());
}

#[test]
fn a_transcription_is_no_recording() {
    let pairs = [("CallSid", "CA1"), ("TranscriptionSid", "TR1"), ("TranscriptionStatus", "completed")];
    let event = event("/voice", &[&pairs[..], &[("RecordingSid", "RE1"), ("TranscriptionText", "hello")]].concat());
    assert_eq!((event.kind, event.dedupe_key.as_str()), (EventKind::CallAnnotation, "TR1:completed"));
    assert_eq!(event.recording, None);
}

#[test]
fn the_recording_of_a_whole_call_comes_with_its_end() {
    let pairs =
        [("CallSid", "CA1"), ("CallStatus", "completed"), ("SequenceNumber", "3"), ("Direction", "outbound-api")];
    let more =
        [("RecordingUrl", "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE7"), ("CallDuration", "9")];
    let event = event("/status", &[&pairs[..], &more].concat());
    assert_eq!(event.kind, EventKind::CallEnded);
    let recording = event.recording.unwrap();
    assert_eq!((recording.id.as_str(), recording.status), ("RE7", RecordingStatus::Ready));
}

#[test]
fn an_agent_who_calls_from_the_browser_makes_an_outbound_call() {
    let root = event(
        "/voice",
        &[
            ("CallSid", "CA1"),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", "client:alice"),
            ("To", ""),
        ],
    );
    assert_eq!(root.to, None);
    let child = event(
        "/status",
        &[
            ("CallSid", "CA2"),
            ("ParentCallSid", "CA1"),
            ("CallStatus", "busy"),
            ("SequenceNumber", "2"),
            ("Direction", "outbound-dial"),
            ("From", "+14155550100"),
            ("To", "+12025550143"),
        ],
    );
    let end = event(
        "/status",
        &[("CallSid", "CA1"), ("CallStatus", "completed"), ("SequenceNumber", "0"), ("Direction", "inbound")],
    );
    let call = fold(&[end, child, root]);
    assert_eq!(call.direction, Some(Direction::Outbound));
    assert_eq!(call.remote_party().unwrap().phone().unwrap().e164(), "+12025550143");
    assert_eq!((call.state, call.outcome), (LegState::Ended, Some(Outcome::Busy)));
    assert_eq!(call.agent_ref.as_deref(), Some("alice"));
}

#[test]
fn get_reads_the_query_and_post_the_body() {
    let pairs = "CallSid=CA1&CallStatus=ringing&Direction=inbound&flag";
    let url = format!("{BASE}/status?{pairs}");
    let get = Request { method: Method::Get, url: url.clone(), headers: Vec::new(), body: Vec::new() };
    assert_eq!(get.parse(twilio()).unwrap()[0].leg_id.as_deref(), Some("CA1"));
    let post = Request::post(&url, "application/x-www-form-urlencoded", "CallSid=CA2&CallStatus=ringing");
    assert_eq!(post.parse(twilio()).unwrap()[0].leg_id.as_deref(), Some("CA2"));
}

#[test]
fn utf_8_and_empty_values_are_read() {
    let pairs =
        [("CallSid", "CA1"), ("CallStatus", "ringing"), ("From", "+12025550143"), ("CallerName", "São Paulo & Söhne")];
    assert_eq!(event("/voice", &pairs).from.unwrap().name.as_deref(), Some("São Paulo & Söhne"));
    let pairs = [
        ("CallSid", "CA1"),
        ("CallStatus", "ringing"),
        ("From", "+12025550143"),
        ("CallerName", ""),
        ("ParentCallSid", ""),
    ];
    let event = event("/voice", &pairs);
    assert_eq!((event.from.unwrap().name, event.parent_leg_id), (None, None));
}
