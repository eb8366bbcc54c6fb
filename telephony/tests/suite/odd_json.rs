//! JSON bodies that no provider ever sent: whatever comes, reading it ends with events or with a readable error.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use switchboard_telephony::{Method, ParseContext, Provider, fold, provider};

use crate::support::Request;

/// Names of fields that the JSON providers know.
const NAMES: &[&str] = &[
    "eventType",
    "eventTime",
    "callId",
    "parentCallId",
    "conferenceId",
    "recordingId",
    "status",
    "cause",
    "direction",
    "from",
    "to",
    "transferTo",
    "startTime",
    "answerTime",
    "endTime",
    "duration",
    "diversion",
    "origTo",
    "stirShaken",
    "verstat",
    "attestationIndicator",
    "uuid",
    "event",
    "timestamp",
    "body",
    "pn_apns",
    "telephonySessionId",
    "parties",
    "id",
    "code",
    "reason",
    "peerId",
    "partyId",
    "phoneNumber",
    "extensionId",
    "name",
    "missedCall",
    "recordings",
    "active",
    "sequence",
    "detail",
    "detail-type",
    "contactId",
    "initialContactId",
    "channel",
    "initiationMethod",
    "agentInfo",
    "agentArn",
    "queueInfo",
    "attributes",
    "customerEndpoint",
    "address",
    "callType",
    "callDirection",
    "number",
    "agent",
    "startUtc",
    "endUtc",
    "establishedUtc",
    "recordingUrl",
];

/// Texts that mean something somewhere.
const TEXTS: &[&str] = &[
    "",
    " ",
    "disconnect",
    "initiate",
    "transferComplete",
    "recordingAvailable",
    "recordComplete",
    "bridgeComplete",
    "hangup",
    "busy",
    "inbound",
    "Outbound",
    "INBOUND",
    "OUTBOUND",
    "MONITOR",
    "INITIATED",
    "QUEUED",
    "DISCONNECTED",
    "CONNECTED_TO_AGENT",
    "CONNECTED_TO_SYSTEM",
    "VOICE",
    "Setup",
    "Proceeding",
    "Answered",
    "Disconnected",
    "Gone",
    "VoiceMail",
    "CallDropped",
    "Missed",
    "Notanswered",
    "[Number]",
    "[",
    "]",
    "+12025550143",
    "101",
    "anonymous",
    "2026-02-12T12:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2019-09-13-16:48:27.198Z",
    "é-ü-ß-12-34",
    "PT20.056S",
    "P99999999999999999999DT1S",
    "00:00:01",
    "99999999999999999999:00:00",
    "complete",
    "error",
    "TN-Verification-Passed",
    "A",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => prop::sample::select(TEXTS).prop_map(Value::from),
        1 => ".{0,12}".prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 48, 8, |inner| {
        let name = prop_oneof![9 => prop::sample::select(NAMES).prop_map(ToOwned::to_owned), 1 => ".{0,6}"];
        prop_oneof![
            4 => prop::collection::vec((name, inner.clone()), 0..10)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    })
}

fn json_providers() -> Vec<&'static dyn Provider> {
    ["bandwidth", "ringcentral", "amazon-connect", "3cx"].map(|key| provider(key).unwrap()).into()
}

fn read(provider: &dyn Provider, request: &Request, region: Option<&str>) {
    let context = ParseContext { default_region: region.map(ToOwned::to_owned), ..ParseContext::default() };
    let parsed = request.parse_with(provider, &context);
    assert_eq!(parsed, request.parse_with(provider, &context), "reading twice gives the same");
    if let Ok(events) = parsed {
        assert!(!events.is_empty());
        for event in &events {
            assert!(event.dedupe_key.len() <= 200, "{} bytes", event.dedupe_key.len());
        }
        fold(&events);
    }
    let hook = request.hook();
    provider.answer(&hook, None);
    provider.steers(&hook, None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_read_or_refused(value in value(), region in prop::option::of(Just("US"))) {
        for provider in json_providers() {
            let url = format!("https://crm.example.com/hooks/{}", provider.key());
            read(provider, &Request::post(&url, "application/json", value.to_string()), region);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for provider in json_providers() {
            let url = format!("https://crm.example.com/hooks/{}", provider.key());
            let mut request = Request::post(&url, "application/json", bytes.clone());
            read(provider, &request, None);
            request.method = Method::Get;
            request.url = format!("{url}?eventType=disconnect&callId={}", String::from_utf8_lossy(&bytes));
            read(provider, &request, None);
        }
    }
}

#[test]
fn deep_nesting_is_refused_without_overflow() {
    let body = "{\"detail\":".repeat(100_000);
    for provider in json_providers() {
        let error = Request::post("https://crm.example.com/hooks/x", "application/json", body.clone()).parse(provider);
        assert_eq!(error.unwrap_err().to_string(), "the body is not JSON");
    }
}
