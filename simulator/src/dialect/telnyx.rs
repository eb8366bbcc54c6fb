//! Telnyx: the JSON events of Call Control v2, and the forms of `TeXML`.

mod texml;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use ed25519_dalek::SigningKey;
use serde_json::{Map, Value, json};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{BeatKind, Call, End, Endpoint, Leg, Recording, Story, Talk, Tells, Wire};

pub(super) use texml::Texml;

/// Call Control.
pub(super) struct CallControl;

/// Not here: calls between extensions, which Telnyx does not see, and messages: an application that records one sends the
/// same events as for any other recording.
const STORIES: &[Story] = &[
    Story::Answered,
    Story::Overflow,
    Story::Missed,
    Story::GaveUp,
    Story::BusyAgent,
    Story::BlindTransfer,
    Story::AttendedTransfer,
    Story::Held,
    Story::Queued,
    Story::Withheld,
    Story::SipCaller,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

/// The simulated application.
const CONNECTION: &str = "1684641123236054244";

impl Dialect for CallControl {
    fn provider(&self) -> &'static str {
        "telnyx"
    }

    fn tells(&self) -> Tells {
        Tells {
            stories: STORIES,
            from: true,
            to: true,
            direction: true,
            talk: Talk::Legs,
            busy: true,
            recordings: true,
            live: true,
        }
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        let mut events = Events { call, sent: Vec::new() };
        // The application answers a parked call as soon as it does something with it.
        let mut taken = !call.is_inbound();
        for (beat, leg) in call.scenes() {
            if !taken && matches!(beat.kind, BeatKind::Dialled | BeatKind::Queued) {
                taken = true;
                events.send(beat.at, call.root(), "call.answered", &json!({ "state": "answered" }));
            }
            match beat.kind {
                BeatKind::Arrived | BeatKind::Dialled => events.initiated(beat.at, leg),
                // Nothing tells that a phone rings, or who was asked whether to take a call.
                BeatKind::Rings | BeatKind::Transferred { .. } | BeatKind::VoicemailStarted => {}
                BeatKind::Queued => {
                    let queue =
                        json!({ "queue": call.plan().queue, "current_position": 1, "queue_avg_wait_time_secs": 30 });
                    events.send(beat.at, leg, "call.enqueued", &queue);
                }
                BeatKind::Answered => {
                    events.send(beat.at, leg, "call.answered", &json!({ "state": "answered" }));
                    if !leg.is_root() {
                        // Both sides of a bridge are told.
                        events.send(beat.at, call.root(), "call.bridged", &json!({}));
                        events.send(beat.at, leg, "call.bridged", &json!({}));
                    }
                }
                BeatKind::Held => events.send(beat.at, leg, "call.hold", &json!({})),
                BeatKind::Resumed => events.send(beat.at, leg, "call.unhold", &json!({})),
                BeatKind::LegEnded | BeatKind::Ended => events.hangup(beat.at, leg),
                BeatKind::RecordingReady => {
                    if let Some(recording) = call.recording() {
                        events.recorded(beat.at, leg, recording);
                    }
                }
            }
        }
        events.sent
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        let legs = call.legs().map(|leg| format!("leg:{}", leg_id(call, leg)));
        std::iter::once(format!("session:{}", session_id(call))).chain(legs).collect()
    }

    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(recording_id(call))
    }

    /// The same event, with the number of the attempt beside it.
    fn again(&self, wire: &Wire, attempts: u32) -> Wire {
        let Ok(mut body) = serde_json::from_slice::<Value>(&wire.body) else { return wire.clone() };
        if let Some(attempt) = body.pointer_mut("/meta/attempt") {
            *attempt = (attempts + 1).into();
        }
        Wire { body: body.to_string().into_bytes(), ..wire.clone() }
    }

    fn retries(&self) -> Retries {
        RETRIES
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        credentials(entropy)
    }
}

/// Three attempts, with growing pauses, after answers of 5xx, 408 and 429 too.
const RETRIES: Retries = Retries { attempts: 3, pause: TimeDelta::milliseconds(250), on_server_errors: true };

/// A connection has the public half of the key alone.
fn credentials(entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
    let mut seed = [0; 32];
    entropy(&mut seed);
    let public = SigningKey::from_bytes(&seed).verifying_key();
    Credentials {
        connection: Secrets::new().with("public_key", STANDARD.encode(public.as_bytes())),
        private: Secrets::new().with("private_key", STANDARD.encode(seed)),
    }
}

fn leg_id(call: &Call, leg: &Leg) -> String {
    call.uuid("telnyx leg", leg.number)
}

fn session_id(call: &Call) -> String {
    call.uuid("telnyx session", 0)
}

/// `v3:` and 52 characters.
fn control_id(call: &Call, leg: &Leg) -> String {
    format!("v3:{}", call.token("telnyx control", leg.number, 52))
}

fn recording_id(call: &Call) -> String {
    call.uuid("telnyx recording", 0)
}

fn recording_url(call: &Call) -> String {
    let id = recording_id(call);
    format!(
        "https://s3.amazonaws.com/telephony-recorder-prod/{id}.mp3?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600"
    )
}

/// Who calls, on every leg: agents see the caller's number.
fn from(call: &Call) -> String {
    match call.from() {
        Endpoint::Phone(number) => number,
        Endpoint::Sip(address) => format!("sip:{address}"),
        Endpoint::Extension(digits) => digits,
        Endpoint::Withheld => "anonymous".to_owned(),
    }
}

fn to(call: &Call, leg: &Leg) -> String {
    match (leg.agent.filter(|_| !leg.is_root()), call.to()) {
        (Some(agent), _) => format!("sip:{}@sip.telnyx.com", agent.identity),
        (None, Endpoint::Phone(number)) => number,
        (None, Endpoint::Sip(address)) => format!("sip:{address}"),
        (None, Endpoint::Extension(digits)) => digits,
        (None, Endpoint::Withheld) => String::new(),
    }
}

/// `2018-02-02T22:25:27.521992Z`.
fn micros(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

struct Events<'a> {
    call: &'a Call,
    sent: Vec<Wire>,
}

impl Events<'_> {
    /// An event with its envelope. `more`: the fields of its type, an object.
    fn send(&mut self, at: DateTime<Utc>, leg: &Leg, sort: &str, more: &Value) {
        let mut payload = Map::new();
        let common = json!({
            "call_control_id": control_id(self.call, leg),
            "call_leg_id": leg_id(self.call, leg),
            "call_session_id": session_id(self.call),
            "client_state": null,
            "connection_id": CONNECTION,
            "from": from(self.call),
            "start_time": micros(leg.started_at),
            "to": to(self.call, leg),
        });
        for fields in [&common, more].into_iter().filter_map(Value::as_object) {
            payload.extend(fields.clone());
        }
        let body = json!({
            "data": {
                "event_type": sort,
                "id": self.call.uuid("telnyx event", self.sent.len()),
                "occurred_at": micros(at),
                "payload": payload,
                "record_type": "event",
            },
            "meta": { "attempt": 1, "delivered_to": "https://crm.example.com/hooks/telnyx" },
        });
        self.sent.push(Wire::json(at, &body).with("User-Agent", "telnyx-webhooks"));
    }

    fn initiated(&mut self, at: DateTime<Utc>, leg: &Leg) {
        if !leg.is_root() || !self.call.is_inbound() {
            let fields = json!({ "direction": "outgoing", "state": "bridging", "tags": [] });
            return self.send(at, leg, "call.initiated", &fields);
        }
        let withheld = self.call.from() == Endpoint::Withheld;
        let attestation = if withheld { Value::Null } else { "A".into() };
        let fields = json!({
            "direction": "incoming",
            "state": "parked",
            // Without a name the number stands in its place.
            "caller_id_name": self.call.caller_name().map_or_else(|| from(self.call), ToOwned::to_owned),
            "calling_party_type": if matches!(self.call.from(), Endpoint::Sip(_)) { "sip" } else { "pstn" },
            "connection_codecs": "PCMA,PCMU",
            "offered_codecs": "PCMU,G729",
            "shaken_stir_attestation": attestation,
            "shaken_stir_validated": !withheld,
            "call_screening_result": { "action": "allow", "reputation": "good" },
            "tags": [],
        });
        self.send(at, leg, "call.initiated", &fields);
    }

    fn hangup(&mut self, at: DateTime<Utc>, leg: &Leg) {
        // An inbound call was answered by the application, so it clears normally whatever became of the agents.
        let inbound_root = leg.is_root() && self.call.is_inbound();
        let (cause, sip) = match leg.end {
            _ if inbound_root => ("normal_clearing", "unspecified"),
            End::Completed => ("normal_clearing", "200"),
            End::NoAnswer => ("timeout", "487"),
            End::Busy => ("user_busy", "486"),
            End::Canceled => ("originator_cancel", "487"),
        };
        let by_caller = self.call.plan().remote_hangs_up == self.call.is_inbound();
        let source = if leg.end == End::Completed && !by_caller { "callee" } else { "caller" };
        let fields = json!({
            "state": "hangup",
            "end_time": micros(at),
            "hangup_cause": cause,
            "hangup_source": source,
            "sip_hangup_cause": sip,
            "call_quality_stats": { "inbound": { "mos": "4.50", "packet_count": "591", "skip_packet_count": "9" } },
        });
        self.send(at, leg, "call.hangup", &fields);
    }

    /// Without numbers and the state of the call.
    fn recorded(&mut self, at: DateTime<Utc>, leg: &Leg, recording: Recording) {
        let ended_at = recording.started_at + TimeDelta::seconds(i64::from(recording.seconds));
        let fields = json!({
            "channels": "dual",
            "format": "mp3",
            "recording_id": recording_id(self.call),
            "recording_started_at": micros(recording.started_at),
            "recording_ended_at": micros(ended_at),
            "recording_urls": { "mp3": recording_url(self.call), "wav": null },
            "public_recording_urls": { "mp3": null, "wav": null },
        });
        self.send(at, leg, "call.recording.saved", &fields);
    }
}
