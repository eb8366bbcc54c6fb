//! `generic`: a phone system that sends our documented JSON (`docs/generic-webhook.md`), signed after Standard Webhooks.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use switchboard_telephony::{Direction, Secrets};

use super::{Credentials, Dialect, Retries};
use crate::{BeatKind, Call, End, Endpoint, Leg, Story, Talk, Tells, Wire};

pub(super) struct Generic;

impl Dialect for Generic {
    fn provider(&self) -> &'static str {
        "generic"
    }

    fn tells(&self) -> Tells {
        Tells {
            stories: Story::ALL,
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
        let mut messages = Messages { call, sent: Vec::new() };
        for (beat, leg) in call.scenes() {
            let kind = match beat.kind {
                BeatKind::Arrived if call.is_inbound() => "call.ringing",
                BeatKind::Arrived | BeatKind::Dialled => "call.initiated",
                BeatKind::Queued => "call.queued",
                BeatKind::Rings => "call.ringing",
                BeatKind::Answered => "call.answered",
                BeatKind::Held => "call.held",
                BeatKind::Resumed => "call.unheld",
                BeatKind::Transferred { .. } => "call.transferred",
                BeatKind::LegEnded | BeatKind::Ended => "call.ended",
                BeatKind::VoicemailStarted => "voicemail.started",
                BeatKind::RecordingReady if call.story() == Story::Voicemail => "voicemail.ready",
                BeatKind::RecordingReady => "recording.ready",
            };
            let mut data = messages.about(leg);
            let fields = match beat.kind {
                BeatKind::Arrived => messages.parties(),
                BeatKind::Dialled | BeatKind::Answered => agent(leg),
                BeatKind::Queued => json!({ "queue": call.plan().queue }),
                BeatKind::LegEnded | BeatKind::Ended => ending(call, leg),
                BeatKind::RecordingReady => messages.recording(),
                _ => json!({}),
            };
            if let Value::Object(fields) = fields {
                data.extend(fields);
            }
            messages.send(beat.at, kind, &data);
        }
        messages.sent
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        let legs = call.legs().map(|leg| format!("leg:{}", leg_id(call, leg)));
        std::iter::once(format!("session:{}", call_id(call))).chain(legs).collect()
    }

    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(format!("rec-{}", call.token("recording", 0, 16)))
    }

    /// The schedule of the specification begins with 5 seconds and 5 minutes; ours is for somebody who waits.
    fn retries(&self) -> Retries {
        Retries { attempts: 8, pause: TimeDelta::milliseconds(250), on_server_errors: true }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut key = [0; 32];
        entropy(&mut key);
        let secret = format!("whsec_{}", STANDARD.encode(key));
        Credentials { connection: Secrets::new().with("secret", secret), private: Secrets::new() }
    }
}

fn call_id(call: &Call) -> String {
    call.uuid("call", 0)
}

/// The root leg is the call.
fn leg_id(call: &Call, leg: &Leg) -> String {
    if leg.is_root() { call_id(call) } else { format!("{}-{}", call_id(call), leg.number) }
}

fn agent(leg: &Leg) -> Value {
    match leg.agent {
        Some(agent) if leg.is_root() => json!({ "agent": agent.identity }),
        Some(agent) => json!({ "agent": agent.identity, "to": agent.extension, "to_name": agent.name }),
        None => json!({}),
    }
}

fn ending(call: &Call, leg: &Leg) -> Value {
    let outcome = match leg.end {
        _ if leg.is_root() && call.story() == Story::Voicemail => "voicemail",
        End::Completed => "completed",
        End::NoAnswer => "no_answer",
        End::Busy => "busy",
        End::Canceled => "canceled",
    };
    // null says nothing.
    let talk = leg.answered_at.map(|_| leg.talk_seconds());
    json!({ "outcome": outcome, "duration_seconds": leg.duration_seconds(), "talk_seconds": talk })
}

struct Messages<'a> {
    call: &'a Call,
    sent: Vec<Wire>,
}

impl Messages<'_> {
    fn about(&self, leg: &Leg) -> Map<String, Value> {
        let mut data = Map::new();
        data.insert("call_id".to_owned(), call_id(self.call).into());
        if !leg.is_root() {
            data.insert("leg_id".to_owned(), leg_id(self.call, leg).into());
            data.insert("parent_leg_id".to_owned(), call_id(self.call).into());
        }
        data
    }

    fn parties(&self) -> Value {
        let direction = match self.call.direction() {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
            Direction::Internal => "internal",
        };
        json!({
            "direction": direction,
            "from": address(&self.call.from()),
            "from_name": self.call.caller_name(),
            "to": address(&self.call.to()),
            "agent": self.call.root().agent.map(|agent| agent.identity),
        })
    }

    fn recording(&self) -> Value {
        let id = Generic.recording_id(self.call);
        let seconds = self.call.recording().map(|recording| recording.seconds);
        let url = id.as_ref().map(|id| format!("https://pbx.example.com/recordings/{id}.mp3"));
        json!({ "recording": { "id": id, "url": url, "duration_seconds": seconds } })
    }

    fn send(&mut self, at: DateTime<Utc>, kind: &str, data: &Map<String, Value>) {
        let number = self.sent.len();
        let body = json!({
            "type": kind,
            "timestamp": at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "data": data,
        });
        let id = format!("msg_{}", self.call.token("message", number, 27));
        self.sent.push(Wire::json(at, &body).with("webhook-id", id));
    }
}

fn address(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Phone(number) => number.clone(),
        Endpoint::Sip(address) => format!("sip:{address}"),
        Endpoint::Extension(digits) => digits.clone(),
        Endpoint::Withheld => "anonymous".to_owned(),
    }
}
