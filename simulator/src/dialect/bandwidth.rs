//! Bandwidth: JSON events of an application whose BXML answers calls, transfers them and takes messages.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{Beat, BeatKind, Call, End, Endpoint, Leg, Recording, Story, Talk, Tells, Wire};

pub(super) struct Bandwidth;

/// Not here: calls between extensions (they are not Bandwidth's), attended transfers (calls bridged by their ids, which no
/// event ties together), and callers with a SIP address, of which the documentation does not say how they are written.
const STORIES: &[Story] = &[
    Story::Answered,
    Story::Overflow,
    Story::Missed,
    Story::GaveUp,
    Story::Voicemail,
    Story::BusyAgent,
    Story::BlindTransfer,
    Story::Held,
    Story::Queued,
    Story::Withheld,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

/// The simulated account and application.
const ACCOUNT: &str = "5500017";
const APPLICATION: &str = "5175d1c0-de51-475d-91c0-de5175d1c0de";

impl Dialect for Bandwidth {
    fn provider(&self) -> &'static str {
        "bandwidth"
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
            let told = Told { call, leg, beat };
            match beat.kind {
                BeatKind::Arrived if call.is_inbound() => wires.push(told.initiate()),
                BeatKind::Answered if leg.is_root() => {
                    wires.push(told.send("status", told.about_root("answer", json!({ "answerTime": told.now() }))));
                }
                BeatKind::Answered => wires.push(told.send("status", told.about_transferred("transferAnswer"))),
                BeatKind::LegEnded => {
                    wires.push(told.send("status", told.about_transferred("transferDisconnect")));
                    if goes_on(call, leg) {
                        wires.push(told.transfer_complete());
                    }
                }
                BeatKind::Ended => wires.push(told.disconnect()),
                BeatKind::RecordingReady => {
                    wires.extend(call.recording().map(|recording| told.recorded(recording)));
                }
                // An outbound call is first told of when it is answered or over. Ringing, queues, hold and mailboxes are
                // verbs of the BXML that report nothing.
                BeatKind::Arrived
                | BeatKind::Dialled
                | BeatKind::Rings
                | BeatKind::Queued
                | BeatKind::Held
                | BeatKind::Resumed
                | BeatKind::Transferred { .. }
                | BeatKind::VoicemailStarted => {}
            }
        }
        wires
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        call.legs().map(|leg| format!("leg:{}", call_id(call, leg))).collect()
    }

    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(format!("r-{}", call.uuid("bandwidth recording", 0)))
    }

    /// Once more, and only when nothing answered.
    fn retries(&self) -> Retries {
        Retries { attempts: 2, pause: TimeDelta::milliseconds(250), on_server_errors: false }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut password = [0; 16];
        entropy(&mut password);
        let password = format!("{:032x}", u128::from_be_bytes(password));
        let connection = Secrets::new().with("username", "switchboard").with("password", password);
        Credentials { connection, private: Secrets::new() }
    }
}

/// `c-95ac8d6e-1a31c52e-b38f-4198-93c1-51633ec68f8d`.
fn call_id(call: &Call, leg: &Leg) -> String {
    format!("c-{}-{}", call.hex("bandwidth host", leg.number, 8), call.uuid("bandwidth leg", leg.number))
}

/// Whether the BXML of the caller's leg goes on after the transfer: not when the caller hung up, nor when the leg was sent
/// to other BXML in the middle of it.
fn goes_on(call: &Call, leg: &Leg) -> bool {
    let redirected = call.story() == Story::BlindTransfer && leg.number == 1;
    let caller_left = leg.end == End::Canceled || (leg.end == End::Completed && call.plan().remote_hangs_up);
    !redirected && !caller_left
}

const fn cause(end: End) -> &'static str {
    match end {
        End::Completed => "hangup",
        End::NoAnswer => "timeout",
        End::Busy => "busy",
        End::Canceled => "cancel",
    }
}

/// What happens to a leg at one moment.
struct Told<'a> {
    call: &'a Call,
    leg: &'a Leg,
    beat: &'a Beat,
}

impl Told<'_> {
    fn now(&self) -> String {
        millis(self.beat.at)
    }

    fn send(&self, purpose: &'static str, body: Map<String, Value>) -> Wire {
        Wire::json(self.beat.at, &Value::Object(body)).to(purpose).with("User-Agent", "BandwidthAPI/1.0")
    }

    /// The caller as the network writes it.
    fn from(&self) -> String {
        match self.call.from() {
            Endpoint::Phone(number) => number,
            Endpoint::Sip(address) => format!("sip:{address}"),
            Endpoint::Extension(digits) => digits,
            Endpoint::Withheld => {
                let words = ["Restricted", "Anonymous", "Private", "Unavailable"];
                self.call.random("withheld", 0).pick(&words).to_owned()
            }
        }
    }

    fn to(&self) -> String {
        match self.call.to() {
            Endpoint::Phone(number) | Endpoint::Extension(number) => number,
            Endpoint::Sip(address) => format!("sip:{address}"),
            Endpoint::Withheld => String::new(),
        }
    }

    fn fields(&self, event_type: &str, leg: &Leg, direction: &str) -> Map<String, Value> {
        let id = call_id(self.call, leg);
        let url = format!("https://voice.bandwidth.com/api/v2/accounts/{ACCOUNT}/calls/{id}");
        let fields = json!({
            "eventType": event_type,
            "eventTime": self.now(),
            "accountId": ACCOUNT,
            "applicationId": APPLICATION,
            "from": self.from(),
            "to": self.to(),
            "direction": direction,
            "callId": id,
            "callUrl": url,
            "startTime": millis(leg.started_at),
        });
        object(fields)
    }

    /// An event of the leg on which the call began.
    fn about_root(&self, event_type: &str, more: Value) -> Map<String, Value> {
        let direction = if self.call.is_inbound() { "inbound" } else { "outbound" };
        let mut fields = self.fields(event_type, self.call.root(), direction);
        if !self.call.is_inbound() {
            fields.insert("tag".to_owned(), "click-to-call".into());
        }
        fields.extend(object(more));
        fields
    }

    /// When the BXML answered an inbound call, or the person an outbound one.
    fn answered_at(&self) -> Option<String> {
        let root = self.call.root();
        let answered = if self.call.is_inbound() { Some(root.started_at) } else { root.answered_at };
        answered.map(millis)
    }

    fn initiate(&self) -> Wire {
        let stir = json!({ "stirShaken": {
            "verstat": "TN-Verification-Passed",
            "attestationIndicator": "A",
            "originatingId": self.call.uuid("bandwidth origin", 0),
        } });
        self.send("initiate", self.about_root("initiate", stir))
    }

    /// An event of the leg that the caller was transferred to. Its end has neither account nor application.
    fn about_transferred(&self, event_type: &str) -> Map<String, Value> {
        let mut fields = self.fields(event_type, self.leg, "outbound");
        fields.insert("parentCallId".to_owned(), call_id(self.call, self.call.root()).into());
        fields.extend(self.transfer());
        if let Some(answered) = self.leg.answered_at {
            fields.insert("answerTime".to_owned(), millis(answered).into());
        }
        if event_type == "transferDisconnect" {
            fields.remove("accountId");
            fields.remove("applicationId");
            fields.insert("endTime".to_owned(), millis(self.leg.ended_at).into());
            fields.extend(self.why(self.leg.end));
        }
        fields
    }

    fn transfer(&self) -> Map<String, Value> {
        let mobile = self.leg.agent.map(|agent| agent.mobile);
        object(json!({ "transferTo": mobile, "transferCallerId": self.from() }))
    }

    fn why(&self, end: End) -> Map<String, Value> {
        let mut why = object(json!({ "cause": cause(end) }));
        if end == End::Busy {
            why.insert("errorMessage".to_owned(), "Callee is busy".into());
            why.insert("errorId".to_owned(), self.call.uuid("bandwidth error", self.leg.number).into());
        }
        why
    }

    /// The caller's leg asks what to do next.
    fn transfer_complete(&self) -> Wire {
        let mut fields = self.about_root("transferComplete", json!({ "answerTime": self.answered_at() }));
        fields.extend(self.transfer());
        fields.extend(self.why(self.leg.end));
        self.send("status", fields)
    }

    /// An inbound call was answered by the BXML, so it always ends with a hang-up.
    fn disconnect(&self) -> Wire {
        let end = if self.call.is_inbound() { End::Completed } else { self.leg.end };
        let mut fields = self.about_root("disconnect", json!({ "endTime": millis(self.leg.ended_at) }));
        if let Some(answered) = self.answered_at() {
            fields.insert("answerTime".to_owned(), answered.into());
        }
        fields.extend(self.why(end));
        self.send("status", fields)
    }

    /// The time of the event is documented without its zone.
    fn recorded(&self, recording: Recording) -> Wire {
        let id = Bandwidth.recording_id(self.call).unwrap_or_default();
        let end = recording.started_at + TimeDelta::seconds(i64::from(recording.seconds));
        let leg = call_id(self.call, self.call.root());
        let url = format!("https://voice.bandwidth.com/api/v2/accounts/{ACCOUNT}/calls/{leg}/recordings/{id}/media");
        let more = json!({
            "eventTime": self.beat.at.format("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
            "recordingId": id,
            "channels": if recording.voicemail { 1 } else { 2 },
            "startTime": millis(recording.started_at),
            "endTime": millis(end),
            "duration": iso_duration(recording.seconds),
            "fileFormat": "wav",
            "mediaUrl": url,
            "status": "complete",
        });
        // <Record> has its own address. The caller hung up after the message, so no recordComplete was sent.
        let purpose = if recording.voicemail { "voicemail" } else { "status" };
        self.send(purpose, self.about_root("recordingAvailable", more))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn millis(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `PT2M30.056S`, without the units that are zero.
fn iso_duration(seconds: u32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let part = |number: u32, unit: &str| if number == 0 { String::new() } else { format!("{number}{unit}") };
    format!("PT{}{}{seconds}.056S", part(hours, "H"), part(minutes, "M"))
}
