//! SignalWire: the forms of cXML, which are those of Twilio with other ids and fields, and the JSON of SWML.

mod swml;

use chrono::{DateTime, TimeDelta, Utc};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{Beat, BeatKind, Call, End, Endpoint, Leg, Recording, Story, Talk, Tells, Wire};

pub(super) use swml::Swml;

/// The compatibility API.
pub(super) struct Cxml;

/// Not here, as for Twilio: calls between extensions, and attended transfers (a conference).
const CXML_STORIES: &[Story] = &[
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
    Story::SipCaller,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

/// The simulated project.
const PROJECT: &str = "5175d1c0-de51-4175-9d1c-0de5175d1c0d";
/// Where the agents' phones are registered.
const SIP_HOST: &str = "example.sip.signalwire.com";

const TELLS: Tells = Tells {
    stories: CXML_STORIES,
    from: true,
    to: true,
    direction: true,
    talk: Talk::Legs,
    busy: true,
    recordings: true,
    live: true,
};

/// Nothing documents that a callback is sent again: it may be lost. What could not be connected is tried once more.
const RETRIES: Retries = Retries { attempts: 2, pause: TimeDelta::milliseconds(250), on_server_errors: false };

fn credentials(entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
    let mut key = [0; 16];
    entropy(&mut key);
    let key = format!("PSK_{:032x}", u128::from_be_bytes(key));
    Credentials { connection: Secrets::new().with("signing_key", key), private: Secrets::new() }
}

fn call_id(call: &Call, leg: &Leg) -> String {
    call.uuid("signalwire leg", leg.number)
}

fn recording_uuid(call: &Call) -> String {
    call.uuid("signalwire recording", 0)
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
        (Some(agent), _) => format!("sip:{}@{SIP_HOST}", agent.identity),
        (None, Endpoint::Phone(number)) => number,
        (None, Endpoint::Sip(address)) => format!("sip:{address}"),
        (None, Endpoint::Extension(digits)) => digits,
        (None, Endpoint::Withheld) => String::new(),
    }
}

impl Dialect for Cxml {
    fn provider(&self) -> &'static str {
        "signalwire"
    }

    fn tells(&self) -> Tells {
        TELLS
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        let mut wires = Vec::new();
        // The document answers the caller's leg as soon as it dials or queues.
        let mut taken = !call.is_inbound();
        for (beat, leg) in call.scenes() {
            if !taken && matches!(beat.kind, BeatKind::Dialled | BeatKind::Queued) {
                taken = true;
                wires.push(Form { call, leg: call.root() }.status(beat.at, 1, "in-progress"));
            }
            let form = Form { call, leg };
            match beat.kind {
                BeatKind::Arrived if call.is_inbound() => {
                    wires.push(form.voice(beat.at));
                    wires.push(form.status(beat.at, 0, "ringing"));
                }
                BeatKind::Arrived | BeatKind::Dialled => wires.push(form.status(beat.at, 0, "initiated")),
                BeatKind::Rings => wires.push(form.status(beat.at, 1, "ringing")),
                BeatKind::Answered => wires.push(form.status(beat.at, 2, "in-progress")),
                BeatKind::LegEnded => {
                    wires.push(form.end(beat));
                    if asks_what_next(call, leg) {
                        wires.push(form.dial_action(beat.at));
                    }
                }
                BeatKind::Ended => {
                    if let Some(recording) = call.recording().filter(|recording| recording.voicemail) {
                        wires.push(form.record_action(beat.at, recording));
                    }
                    wires.push(form.end(beat));
                }
                BeatKind::RecordingReady => {
                    wires.extend(call.recording().map(|recording| form.recorded(beat.at, recording)));
                }
                // Hold, queues and transfers happen inside the document: nothing is reported.
                BeatKind::Queued
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
        Some(recording_uuid(call))
    }

    fn retries(&self) -> Retries {
        RETRIES
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        credentials(entropy)
    }
}

/// `<Dial>` asks what to do next when the leg that it dialled is over, unless the caller is gone or was sent elsewhere.
fn asks_what_next(call: &Call, leg: &Leg) -> bool {
    let transferred = call.story() == Story::BlindTransfer && leg.number == 1;
    leg.end != End::Canceled && !transferred
}

type Fields = Vec<(&'static str, String)>;

fn send(at: DateTime<Utc>, purpose: &'static str, fields: Fields) -> Wire {
    Wire::form(at, fields).to(purpose).with("User-Agent", "SignalWire").with("Accept", "*/*")
}

/// Writes the forms about one leg.
struct Form<'a> {
    call: &'a Call,
    leg: &'a Leg,
}

impl Form<'_> {
    /// The parameters that every request has.
    fn common(&self, status: &str) -> Fields {
        let direction = match (self.leg.is_root(), self.call.is_inbound()) {
            (true, true) => "inbound",
            (true, false) => "outbound-api",
            (false, _) => "outbound-dial",
        };
        let mut fields = vec![
            ("CallSid", call_id(self.call, self.leg)),
            ("AccountSid", PROJECT.to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("Direction", direction.to_owned()),
            ("From", from(self.call)),
            ("To", to(self.call, self.leg)),
            ("CallStatus", status.to_owned()),
        ];
        if !self.leg.is_root() {
            fields.push(("ParentCallSid", call_id(self.call, self.call.root())));
        }
        if let Some(name) = self.call.caller_name().filter(|_| self.leg.is_root()) {
            fields.push(("CallerName", name.to_owned()));
        }
        fields
    }

    fn voice(&self, at: DateTime<Utc>) -> Wire {
        send(at, "voice", self.common("ringing"))
    }

    fn callback(&self, at: DateTime<Utc>, sequence: u8, status: &str) -> Fields {
        let mut fields = self.common(status);
        fields.push(("Timestamp", rfc2822(at)));
        fields.push(("CallbackSource", "call-progress-events".to_owned()));
        fields.push(("SequenceNumber", sequence.to_string()));
        fields
    }

    fn status(&self, at: DateTime<Utc>, sequence: u8, status: &str) -> Wire {
        send(at, "status", self.callback(at, sequence, status))
    }

    /// The last callback of a leg. The root of an inbound call was answered by the document, so it always completes.
    fn end(&self, beat: &Beat) -> Wire {
        let inbound_root = self.leg.is_root() && self.call.is_inbound();
        let (status, code, phrase) = match self.leg.end {
            _ if inbound_root => ("completed", "200", "OK"),
            End::Completed => ("completed", "200", "OK"),
            End::NoAnswer => ("no-answer", "487", "Request Terminated"),
            End::Busy => ("busy", "486", "Busy Here"),
            End::Canceled => ("canceled", "487", "Request Terminated"),
        };
        let sequence = if status == "completed" && !inbound_root { 3 } else { 2 };
        let mut fields = self.callback(beat.at, sequence, status);
        // Only completed calls have a length.
        if status == "completed" {
            let seconds = if inbound_root { self.leg.duration_seconds() } else { self.leg.talk_seconds() };
            let remote = self.call.plan().remote_hangs_up;
            let by_caller = remote == self.call.is_inbound();
            fields.push(("CallDuration", seconds.to_string()));
            fields.push(("HangupBy", if by_caller { from(self.call) } else { to(self.call, self.leg) }));
            fields.push(("HangupDirection", if by_caller { "inbound" } else { "outbound" }.to_owned()));
            fields.push(("AudioInMos", "4.50".to_owned()));
            fields.push(("AudioInMediaPacketCount", (seconds * 50).to_string()));
            fields.push(("AudioOutMediaPacketCount", (seconds * 50).to_string()));
        }
        fields.push(("SipResultCode", code.to_owned()));
        fields.push(("SipInviteResultPhrase", phrase.to_owned()));
        send(beat.at, "status", fields)
    }

    /// The action of `<Dial>`: about the caller's leg, with how the dialled one ended.
    fn dial_action(&self, at: DateTime<Utc>) -> Wire {
        let status = match self.leg.end {
            End::Completed => "completed",
            End::NoAnswer => "no-answer",
            End::Busy => "busy",
            End::Canceled => "canceled",
        };
        let mut fields = Form { call: self.call, leg: self.call.root() }.common("in-progress");
        fields.push(("DialCallSid", call_id(self.call, self.leg)));
        fields.push(("DialCallStatus", status.to_owned()));
        fields.push(("DialCallDuration", self.leg.talk_seconds().to_string()));
        send(at, "dial", fields)
    }

    /// The action of `<Record>`: it names the recording by its address alone.
    fn record_action(&self, at: DateTime<Utc>, recording: Recording) -> Wire {
        let mut fields = self.common("completed");
        fields.push(("RecordingUrl", self.recording_url()));
        fields.push(("RecordingDuration", recording.seconds.to_string()));
        fields.push(("Digits", "hangup".to_owned()));
        send(at, "voicemail-done", fields)
    }

    /// A recording callback: without numbers, direction and time.
    fn recorded(&self, at: DateTime<Utc>, recording: Recording) -> Wire {
        let source = match (recording.voicemail, self.call.is_inbound()) {
            (true, _) => "RecordVerb",
            (false, true) => "DialVerb",
            (false, false) => "OutboundAPI",
        };
        let fields = vec![
            ("AccountSid", PROJECT.to_owned()),
            ("CallSid", call_id(self.call, self.call.root())),
            ("RecordingSid", recording_uuid(self.call)),
            ("RecordingUrl", self.recording_url()),
            ("RecordingStatus", "completed".to_owned()),
            ("RecordingDuration", recording.seconds.to_string()),
            ("RecordingChannels", "1".to_owned()),
            ("RecordingSource", source.to_owned()),
        ];
        send(at, "recording", fields)
    }

    fn recording_url(&self) -> String {
        let recording = recording_uuid(self.call);
        format!("https://example.signalwire.com/api/laml/2010-04-01/Accounts/{PROJECT}/Recordings/{recording}")
    }
}

/// `Thu, 12 Feb 2026 11:48:25 +0000`.
fn rfc2822(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
