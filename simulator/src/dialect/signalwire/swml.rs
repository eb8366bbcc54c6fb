//! The JSON callbacks of SWML's `connect` and `record_call`, and of calls made through the API.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Credentials, Dialect, PROJECT, RETRIES, Retries, TELLS, call_id, credentials, from, recording_uuid, to};
use crate::{BeatKind, Call, End, Expected, Leg, Recording, Story, Tells, Wire};

/// SWML.
pub(in crate::dialect) struct Swml;

/// Not here: calls between extensions, and what only the caller's leg shows, of which SWML sends nothing (queues, transfers, messages).
const SWML_STORIES: &[Story] = &[
    Story::Answered,
    Story::Overflow,
    Story::Missed,
    Story::GaveUp,
    Story::BusyAgent,
    Story::Held,
    Story::Withheld,
    Story::SipCaller,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

/// The simulated space.
const SPACE: &str = "5ace0000-de51-4175-9d1c-0de5175d1c0d";

impl Dialect for Swml {
    fn provider(&self) -> &'static str {
        "signalwire"
    }

    fn variant(&self) -> &'static str {
        "swml"
    }

    fn tells(&self) -> Tells {
        Tells { stories: SWML_STORIES, ..TELLS }
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        let mut wires = Vec::new();
        for (beat, leg) in call.scenes() {
            let state = match beat.kind {
                BeatKind::Arrived | BeatKind::Dialled => "created",
                BeatKind::Rings => "ringing",
                BeatKind::Answered => "answered",
                BeatKind::LegEnded | BeatKind::Ended => "ended",
                BeatKind::RecordingReady => {
                    wires.extend(call.recording().map(|recording| recorded(call, beat.at, recording)));
                    continue;
                }
                _ => continue,
            };
            let connects = call.is_inbound() && !leg.is_root();
            // Connecting begins before the leg does, and ends after it.
            if connects && beat.kind == BeatKind::Dialled {
                wires.push(connect(call, leg, beat.at, "connecting"));
            }
            // Of the caller's leg nothing is sent: `call_state_url` is for the legs that are made.
            if connects || !call.is_inbound() {
                wires.push(call_state(call, leg, beat.at, state));
            }
            match (beat.kind, leg.answered_at) {
                (BeatKind::Answered, _) if connects => wires.push(connect(call, leg, beat.at, "connected")),
                (BeatKind::LegEnded, Some(_)) if connects => wires.push(connect(call, leg, beat.at, "disconnected")),
                (BeatKind::LegEnded, None) if connects => wires.push(connect(call, leg, beat.at, "failed")),
                _ => {}
            }
        }
        wires
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        call.legs().map(|leg| format!("leg:{}", call_id(call, leg))).collect()
    }

    /// Scripts may name a recording as they like, so it is known by its call and its name.
    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(format!("{}:{}", call_id(call, call.root()), recording_uuid(call)))
    }

    /// Of an inbound call only the legs to the agents are told: who called whom stays open, and every leg goes out.
    fn narrow(&self, call: &Call, expected: &mut Expected) {
        if call.is_inbound() {
            (expected.direction, expected.from, expected.to) = (None, None, None);
        }
    }

    fn retries(&self) -> Retries {
        RETRIES
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        credentials(entropy)
    }
}

/// An event about one leg.
fn swml(call: &Call, at: DateTime<Utc>, purpose: &'static str, sort: &str, params: &Value) -> Wire {
    let body = json!({
        "event_type": sort,
        "event_channel": format!("swml:{}", call.uuid("signalwire session", 0)),
        "timestamp": seconds(at),
        "project_id": PROJECT,
        "space_id": SPACE,
        "params": params,
    });
    Wire::json(at, &body).to(purpose)
}

/// Unix time with a fraction: `1640000000.123`.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit into 53 bits")]
fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

fn node(call: &Call) -> String {
    format!("{}@dc", call.uuid("signalwire node", 0))
}

fn device(call: &Call, leg: &Leg) -> Value {
    let (from, to) = (from(call), to(call, leg));
    if to.starts_with("sip:") || from.starts_with("sip:") {
        json!({ "type": "sip", "params": { "from": from, "to": to } })
    } else {
        json!({ "type": "phone", "params": { "from_number": from, "to_number": to } })
    }
}

fn call_state(call: &Call, leg: &Leg, at: DateTime<Utc>, state: &str) -> Wire {
    let end_reason = match leg.end {
        _ if state != "ended" => None,
        End::Completed => Some("hangup"),
        End::NoAnswer => Some("no_answer"),
        End::Busy => Some("busy"),
        End::Canceled => Some("cancel"),
    };
    let mut params = json!({
        "call_id": call_id(call, leg),
        "node_id": node(call),
        "call_state": state,
        "direction": "outbound",
        "device": device(call, leg),
        "end_reason": end_reason,
    });
    if let (false, Value::Object(params)) = (leg.is_root(), &mut params) {
        let parent = json!({ "device_type": "phone", "node_id": node(call), "call_id": call_id(call, call.root()) });
        params.insert("parent".to_owned(), parent);
    }
    swml(call, at, "status", "calling.call.state", &params)
}

/// How connecting goes, told about the caller's leg.
fn connect(call: &Call, leg: &Leg, at: DateTime<Utc>, state: &str) -> Wire {
    let mut params = json!({ "call_id": call_id(call, call.root()), "node_id": node(call), "connect_state": state });
    if let Value::Object(params) = &mut params {
        if state == "connected" {
            let peer = json!({ "call_id": call_id(call, leg), "node_id": node(call), "device": device(call, leg) });
            params.insert("peer".to_owned(), peer);
        }
        let failed = match leg.end {
            _ if state != "failed" => None,
            End::Busy => Some("busy"),
            End::Canceled => Some("cancel"),
            _ => Some("no_answer"),
        };
        if let Some(reason) = failed {
            params.insert("failed_reason".to_owned(), reason.into());
        }
    }
    swml(call, at, "status", "calling.call.connect", &params)
}

fn recorded(call: &Call, at: DateTime<Utc>, recording: Recording) -> Wire {
    let id = recording_uuid(call);
    let params = json!({
        "call_id": call_id(call, call.root()),
        "node_id": node(call),
        "control_id": id,
        "state": "finished",
        "record": {
            "url": format!("https://example.signalwire.com/api/v1/recordings/{id}/download"),
            "duration": f64::from(recording.seconds),
            "size": u64::from(recording.seconds) * 16_000,
            "format": "wav",
        },
    });
    swml(call, at, "recording", "calling.call.record", &params)
}
