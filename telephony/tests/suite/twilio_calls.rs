//! What Twilio's requests say about whole calls, beyond single requests and the shared scenarios.

use switchboard_telephony::{CallEvent, EventKind, Outcome, fold};

use crate::support::{Request, twilio};

fn events(purpose: &str, pairs: &[(&str, &str)]) -> Vec<CallEvent> {
    Request::form(&format!("https://crm.example.com/hooks/twilio/{purpose}"), pairs).parse(twilio()).unwrap()
}

/// An inbound call whose dialled side picked up for 9 seconds.
fn dialled(bridged: &str) -> Vec<CallEvent> {
    let root = [("CallSid", "CA1"), ("Direction", "inbound"), ("From", "+12025550143"), ("To", "+14155550100")];
    let child = [("CallSid", "CA2"), ("ParentCallSid", "CA1"), ("Direction", "outbound-dial")];
    let dial =
        [("DialCallSid", "CA2"), ("DialCallStatus", "completed"), ("DialCallDuration", "9"), ("DialBridged", bridged)];
    [
        events("voice", &[&root[..], &[("CallStatus", "ringing")]].concat()),
        events("status", &[&child[..], &[("CallStatus", "in-progress"), ("SequenceNumber", "2")]].concat()),
        events(
            "status",
            &[&child[..], &[("CallStatus", "completed"), ("SequenceNumber", "3"), ("CallDuration", "9")]].concat(),
        ),
        events("dial", &[&root[..], &[("CallStatus", "in-progress")], &dial].concat()),
        events(
            "status",
            &[&root[..], &[("CallStatus", "completed"), ("SequenceNumber", "0"), ("CallDuration", "30")]].concat(),
        ),
    ]
    .concat()
}

#[test]
fn a_mailbox_that_picked_up_and_was_not_put_through_is_no_answer() {
    for order in [
        |events: Vec<CallEvent>| events,
        |mut events: Vec<CallEvent>| {
            events.reverse();
            events
        },
    ] {
        let screened = fold(&order(dialled("false")));
        assert_eq!(
            (screened.outcome, screened.answered_at, screened.talk_seconds),
            (Some(Outcome::NoAnswer), None, Some(0))
        );
        let talked = fold(&order(dialled("true")));
        assert_eq!((talked.outcome, talked.talk_seconds), (Some(Outcome::Completed), Some(9)));
    }
    // Conferences and queues say `answered`, whatever they say about bridges.
    let pairs = [("CallSid", "CA1"), ("DialCallStatus", "answered"), ("DialBridged", "false")];
    assert_eq!(events("dial", &pairs)[0].dial_outcome, Some(Outcome::Completed));
}

#[test]
fn the_retry_of_a_fallback_url_is_the_same_news() {
    let pairs = [("CallSid", "CA1"), ("CallStatus", "ringing"), ("Direction", "inbound"), ("From", "+12025550143")];
    let first = events("voice", &pairs);
    let fallback =
        events("voice", &[&pairs[..], &[("ErrorCode", "11200"), ("ErrorUrl", "https://crm.example.com/x")]].concat());
    assert_eq!(first, fallback);
}

#[test]
fn a_failed_recording_tells_its_error() {
    let failed = |code: &str| {
        let pairs = [("CallSid", "CA1"), ("RecordingSid", "RE1"), ("RecordingStatus", "failed"), ("ErrorCode", code)];
        events("recording", &pairs).remove(0)
    };
    assert_eq!(
        (failed("13233").kind, failed("13233").provider_reason.as_deref()),
        (EventKind::RecordingFailed, Some("13233"))
    );
    assert_eq!(failed("0").provider_reason, None);
}

#[test]
fn the_time_of_ringing_is_no_talk() {
    let child = [("CallSid", "CA2"), ("ParentCallSid", "CA1"), ("Direction", "outbound-dial"), ("SequenceNumber", "2")];
    let event =
        events("status", &[&child[..], &[("CallStatus", "no-answer"), ("CallDuration", "20")]].concat()).remove(0);
    assert_eq!(event.talk_seconds, Some(0));
    assert_eq!(fold(&[event]).outcome, Some(Outcome::NoAnswer));
}

#[test]
fn machine_detection_of_both_kinds_changes_nothing() {
    let outbound =
        [("CallSid", "CA1"), ("Direction", "outbound-api"), ("From", "+14155550100"), ("To", "+12025550143")];
    let later =
        events("status", &[("CallSid", "CA1"), ("AnsweredBy", "machine_start"), ("MachineDetectionDuration", "2")]);
    assert_eq!((later[0].kind, later[0].dedupe_key.as_str()), (EventKind::CallAnnotation, "CA1:amd:machine_start"));
    let end =
        [("CallStatus", "completed"), ("SequenceNumber", "3"), ("CallDuration", "8"), ("AnsweredBy", "machine_start")];
    let end = events("status", &[&outbound[..], &end].concat());
    assert_eq!(fold(&[later, end].concat()).outcome, Some(Outcome::Completed));
}
