//! Vonage Voice: the answer URL, JSON events of each leg of a conversation, transfers between conversations, recordings.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{Beat, BeatKind, Call, End, Endpoint, Leg, Recording, Story, Talk, Tells, Wire};

pub(super) struct Vonage;

/// Not here: calls between extensions (they are not Vonage's), and callers with a SIP address, of which the documentation
/// does not say how they are written.
const STORIES: &[Story] = &[
    Story::Answered,
    Story::Overflow,
    Story::Missed,
    Story::GaveUp,
    Story::Voicemail,
    Story::BusyAgent,
    Story::BlindTransfer,
    Story::AttendedTransfer,
    Story::Held,
    Story::Queued,
    Story::Withheld,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

/// Milliseconds from the arrival of a call to its answer by the NCCO, as in a published capture.
const NCCO_ANSWERS: i64 = 288;

impl Dialect for Vonage {
    fn provider(&self) -> &'static str {
        "vonage"
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
        let mut wires = Vec::new();
        for (beat, leg) in call.scenes() {
            let story = Told { call, leg, beat };
            match beat.kind {
                BeatKind::Arrived if call.is_inbound() => {
                    let answered = beat.at + TimeDelta::milliseconds(NCCO_ANSWERS);
                    wires.push(story.answer_url());
                    // Both were captured with the same time.
                    wires.push(story.status("started", beat.at, json!({})));
                    wires.push(story.status("ringing", beat.at, json!({})));
                    wires.push(story.answered(answered));
                }
                BeatKind::Arrived | BeatKind::Dialled => wires.push(story.status("started", beat.at, json!({}))),
                BeatKind::Rings => wires.push(story.status("ringing", beat.at, json!({}))),
                BeatKind::Answered => wires.push(story.answered(beat.at)),
                BeatKind::LegEnded | BeatKind::Ended => wires.push(story.ended()),
                BeatKind::Transferred { .. } => wires.push(story.transfer()),
                BeatKind::RecordingReady => {
                    wires.extend(call.recording().map(|recording| story.recorded(recording)));
                }
                // Queues, hold and mailboxes happen inside the NCCO: nothing is reported.
                BeatKind::Queued | BeatKind::Held | BeatKind::Resumed | BeatKind::VoicemailStarted => {}
            }
        }
        wires
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        let conversations = usize::from(transferred(call).is_some()) + 1;
        let sessions = (0..conversations).map(|number| format!("session:{}", conversation(call, number)));
        call.legs().map(|leg| format!("leg:{}", uuid(call, leg))).chain(sessions).collect()
    }

    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(call.uuid("vonage recording", 0))
    }

    /// One more try.
    fn retries(&self) -> Retries {
        Retries { attempts: 2, pause: TimeDelta::milliseconds(250), on_server_errors: true }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut secret = [0; 16];
        entropy(&mut secret);
        let secret = format!("{:032x}", u128::from_be_bytes(secret));
        Credentials { connection: Secrets::new().with("signature_secret", secret), private: Secrets::new() }
    }
}

/// The moment at which the caller's leg goes to a second conversation, and the leg that it goes on with.
fn transferred(call: &Call) -> Option<(DateTime<Utc>, usize)> {
    call.scenes().find_map(|(beat, _)| match beat.kind {
        BeatKind::Transferred { to } => Some((beat.at, to)),
        _ => None,
    })
}

/// Vonage writes ids of legs in two ways: 32 digits for a call from the network, with hyphens for one that it dials.
fn uuid(call: &Call, leg: &Leg) -> String {
    if leg.is_root() && call.is_inbound() {
        call.hex("vonage leg", leg.number, 32)
    } else {
        call.uuid("vonage leg", leg.number)
    }
}

fn conversation(call: &Call, number: usize) -> String {
    format!("CON-{}", call.uuid("vonage conversation", number))
}

fn recording_url() -> &'static str {
    "https://api.nexmo.com/v1/files"
}

/// What happens to a leg at one moment.
struct Told<'a> {
    call: &'a Call,
    leg: &'a Leg,
    beat: &'a Beat,
}

impl Told<'_> {
    /// The conversation that the leg is in: from a transfer on, the caller and the second agent are in another one.
    fn conversation(&self) -> String {
        let moved = transferred(self.call)
            .is_some_and(|(at, to)| if self.leg.is_root() { self.beat.at > at } else { self.leg.number >= to });
        conversation(self.call, usize::from(moved))
    }

    /// Numbers have no plus. Agents are called on their mobile phones, from our line.
    fn from(&self) -> String {
        match (self.leg.is_root(), self.call.from()) {
            (false, _) => digits(&self.call.plan().line),
            (true, Endpoint::Phone(number)) => digits(&number),
            (true, Endpoint::Sip(address)) => format!("sip:{address}"),
            (true, Endpoint::Extension(digits)) => digits,
            (true, Endpoint::Withheld) => {
                self.call.random("withheld", 0).pick(&["anonymous", "unknown", "Restricted"]).to_owned()
            }
        }
    }

    fn to(&self) -> String {
        match (self.leg.agent.filter(|_| !self.leg.is_root()), self.call.to()) {
            (Some(agent), _) => digits(agent.mobile),
            (None, Endpoint::Phone(number)) => digits(&number),
            (None, Endpoint::Sip(address)) => format!("sip:{address}"),
            (None, Endpoint::Extension(digits)) => digits,
            (None, Endpoint::Withheld) => String::new(),
        }
    }

    fn answer_url(&self) -> Wire {
        let body = json!({
            "to": self.to(),
            "from": self.from(),
            "conversation_uuid": self.conversation(),
            "uuid": uuid(self.call, self.leg),
        });
        send(self.beat.at, "answer", &body)
    }

    fn status(&self, status: &str, at: DateTime<Utc>, more: Value) -> Wire {
        let mut body = Map::new();
        let inbound = self.leg.is_root() && self.call.is_inbound();
        body.insert("headers".to_owned(), json!({}));
        body.insert("from".to_owned(), self.from().into());
        body.insert("to".to_owned(), self.to().into());
        body.insert("uuid".to_owned(), uuid(self.call, self.leg).into());
        body.insert("conversation_uuid".to_owned(), self.conversation().into());
        body.insert("status".to_owned(), status.into());
        body.insert("direction".to_owned(), if inbound { "inbound" } else { "outbound" }.into());
        body.insert("timestamp".to_owned(), millis(at).into());
        if let Value::Object(more) = more {
            body.extend(more);
        }
        send(at, "event", &Value::Object(body))
    }

    fn answered(&self, at: DateTime<Utc>) -> Wire {
        self.status("answered", at, json!({ "start_time": null, "rate": null, "network": null }))
    }

    /// The root of an inbound call was answered by the NCCO, so it always completes.
    fn ended(&self) -> Wire {
        let inbound_root = self.leg.is_root() && self.call.is_inbound();
        let mut random = self.call.random("vonage end", self.leg.number);
        let (status, detail) = match self.leg.end {
            _ if inbound_root => return self.completed(self.leg.duration_seconds(), "user"),
            End::Completed => {
                let side = if self.call.plan().remote_hangs_up { "platform" } else { "user" };
                return self.completed(self.leg.talk_seconds(), side);
            }
            // The timer of the action, or that of the network.
            End::NoAnswer => match random.pick(&["timeout", "unanswered"]) {
                "timeout" => ("timeout", None),
                _ => ("unanswered", Some("timeout")),
            },
            End::Busy => ("busy", None),
            End::Canceled => ("cancelled", None),
        };
        let more = detail.map_or(json!({}), |detail| json!({ "detail": detail }));
        self.status(status, self.beat.at, more)
    }

    /// Numbers are texts, and the billing times whole seconds.
    fn completed(&self, seconds: u32, disconnected_by: &str) -> Wire {
        let start = self.beat.at - TimeDelta::seconds(i64::from(seconds));
        let more = json!({
            "start_time": whole_second(start),
            "end_time": whole_second(self.beat.at),
            "duration": seconds.to_string(),
            "rate": "0.00450000",
            "price": format!("{:.8}", f64::from(seconds) * 0.0045 / 60.0),
            "network": "GB-FIXED",
            "disconnected_by": disconnected_by,
        });
        self.status("completed", self.beat.at, more)
    }

    /// The caller's leg goes to another conversation.
    fn transfer(&self) -> Wire {
        let body = json!({
            "conversation_uuid_from": conversation(self.call, 0),
            "conversation_uuid_to": conversation(self.call, 1),
            "uuid": uuid(self.call, self.call.root()),
            "type": "transfer",
            "timestamp": millis(self.beat.at),
        });
        send(self.beat.at, "event", &body)
    }

    /// Without a leg and numbers, and of the conversation in which the recording began.
    fn recorded(&self, recording: Recording) -> Wire {
        let end = recording.started_at + TimeDelta::seconds(i64::from(recording.seconds));
        let body = json!({
            "start_time": whole_second(recording.started_at),
            "end_time": whole_second(end),
            "recording_url": format!("{}/{}", recording_url(), self.call.uuid("vonage file", 0)),
            "recording_uuid": self.call.uuid("vonage recording", 0),
            "size": recording.seconds * 3_798,
            "conversation_uuid": conversation(self.call, 0),
            "timestamp": millis(self.beat.at),
        });
        // The event URL of the action that takes messages.
        send(self.beat.at, if recording.voicemail { "voicemail" } else { "event" }, &body)
    }
}

fn send(at: DateTime<Utc>, purpose: &'static str, body: &Value) -> Wire {
    Wire::json(at, body).to(purpose).with("User-Agent", "Apache-HttpAsyncClient/4.1 (Java/1.8.0_66)")
}

fn digits(number: &str) -> String {
    number.trim_start_matches('+').to_owned()
}

fn millis(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `2020-07-01T20:45:42.000Z`: cut, but with the digits.
fn whole_second(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
