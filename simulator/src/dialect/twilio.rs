//! Twilio Programmable Voice: forms. The voice request when a call comes in, status callbacks of each leg, the actions of
//! `<Dial>` and `<Record>`, recording callbacks.

use chrono::{DateTime, TimeDelta, Utc};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{Beat, BeatKind, Call, End, Endpoint, Leg, Recording, Story, Talk, Tells, Wire};

pub(super) struct Twilio;

/// Not here: calls between extensions (they are not Twilio's), and attended transfers (a conference, whose legs nothing ties
/// together).
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
    Story::SipCaller,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

impl Dialect for Twilio {
    fn provider(&self) -> &'static str {
        "twilio"
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
            let form = Form { call, leg };
            match beat.kind {
                // A number's status callback comes at the end only: the voice request is all that tells of the beginning.
                BeatKind::Arrived if call.is_inbound() => wires.push(form.voice(beat.at)),
                BeatKind::Arrived | BeatKind::Dialled => wires.push(form.status(beat, 0, "initiated")),
                BeatKind::Rings => wires.push(form.status(beat, 1, "ringing")),
                BeatKind::Answered => wires.push(form.status(beat, 2, "in-progress")),
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
                // Hold, queues and transfers happen inside the TwiML: nothing is reported.
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
        call.legs().map(|leg| format!("leg:{}", sid(call, leg))).collect()
    }

    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(recording_sid(call))
    }

    /// As the addresses say that are shown for registration: five retries, also after a server's error.
    fn retries(&self) -> Retries {
        Retries { attempts: 6, pause: TimeDelta::milliseconds(250), on_server_errors: true }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut token = [0; 16];
        entropy(&mut token);
        let token = format!("{:032x}", u128::from_be_bytes(token));
        Credentials { connection: Secrets::new().with("auth_token", token), private: Secrets::new() }
    }
}

/// `<Dial>` asks what to do next when the leg that it dialled is over, unless the caller is gone or was sent elsewhere.
fn asks_what_next(call: &Call, leg: &Leg) -> bool {
    let transferred = call.story() == Story::BlindTransfer && leg.number == 1;
    leg.end != End::Canceled && !transferred
}

fn sid(call: &Call, leg: &Leg) -> String {
    format!("CA{}", call.hex("twilio leg", leg.number, 32))
}

fn recording_sid(call: &Call) -> String {
    format!("RE{}", call.hex("twilio recording", 0, 32))
}

/// The simulated account.
const ACCOUNT: &str = "AC5175d1c0de5175d1c0de5175d1c0de51";

type Fields = Vec<(&'static str, String)>;

fn send(at: DateTime<Utc>, purpose: &'static str, fields: Fields) -> Wire {
    Wire::form(at, fields)
        .to(purpose)
        .with("User-Agent", "TwilioProxy/1.1")
        .with("Accept", "*/*")
        .with("X-Home-Region", "us1")
}

/// Writes the requests about one leg.
struct Form<'a> {
    call: &'a Call,
    leg: &'a Leg,
}

impl Form<'_> {
    /// What every request about a leg says.
    fn common(&self, status: &str) -> Fields {
        let (from, to) = (self.from(), self.to());
        let direction = match (self.leg.is_root(), self.call.is_inbound()) {
            (true, true) => "inbound",
            (true, false) => "outbound-api",
            (false, _) => "outbound-dial",
        };
        let mut fields = vec![
            ("Called", to.clone()),
            ("ToState", String::new()),
            ("CallerCountry", String::new()),
            ("Direction", direction.to_owned()),
            ("CallerState", String::new()),
            ("ToZip", String::new()),
            ("CallSid", sid(self.call, self.leg)),
            ("To", to),
            ("CallerZip", String::new()),
            ("ToCountry", String::new()),
            ("CalledZip", String::new()),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("CalledCity", String::new()),
            ("CallStatus", status.to_owned()),
            ("From", from.clone()),
            ("AccountSid", ACCOUNT.to_owned()),
            ("CalledCountry", String::new()),
            ("CallerCity", String::new()),
            ("ToCity", String::new()),
            ("FromCountry", String::new()),
            ("Caller", from),
            ("FromCity", String::new()),
            ("CalledState", String::new()),
            ("FromZip", String::new()),
            ("FromState", String::new()),
        ];
        if !self.leg.is_root() {
            fields.insert(1, ("ParentCallSid", sid(self.call, self.call.root())));
        }
        if let Some(name) = self.call.caller_name().filter(|_| self.leg.is_root()) {
            fields.push(("CallerName", name.to_owned()));
        }
        fields
    }

    /// `<Dial>` shows the agent the caller's number.
    fn from(&self) -> String {
        match self.call.from() {
            Endpoint::Phone(number) => number,
            Endpoint::Sip(address) => format!("sip:{address}"),
            Endpoint::Extension(digits) => digits,
            // Each spelling was seen: the words ANONYMOUS and RESTRICTED on a keypad, and the plain word.
            Endpoint::Withheld => {
                self.call.random("withheld", 0).pick(&["+266696687", "+7378742833", "anonymous"]).to_owned()
            }
        }
    }

    fn to(&self) -> String {
        match (self.leg.agent.filter(|_| !self.leg.is_root()), self.call.to()) {
            (Some(agent), _) => format!("client:{}", agent.identity),
            (None, Endpoint::Phone(number)) => number,
            (None, Endpoint::Sip(address)) => format!("sip:{address}"),
            (None, Endpoint::Extension(digits)) => digits,
            (None, Endpoint::Withheld) => String::new(),
        }
    }

    fn voice(&self, at: DateTime<Utc>) -> Wire {
        let mut fields = self.common("ringing");
        fields.push(("StirVerstat", "TN-Validation-Passed-A".to_owned()));
        send(at, "voice", fields)
    }

    fn status(&self, beat: &Beat, sequence: u8, status: &str) -> Wire {
        let mut fields = self.common(status);
        fields.push(("Timestamp", rfc2822(beat.at)));
        fields.push(("CallbackSource", "call-progress-events".to_owned()));
        fields.push(("SequenceNumber", sequence.to_string()));
        send(beat.at, "status", fields)
    }

    /// The last callback of a leg. The root of an inbound call was answered by `TwiML`, so it always completes, and its
    /// number's only callback has the sequence number 0.
    fn end(&self, beat: &Beat) -> Wire {
        let inbound_root = self.leg.is_root() && self.call.is_inbound();
        let (sequence, status, code) = match self.leg.end {
            _ if inbound_root => (0, "completed", None),
            End::Completed => (3, "completed", Some("200")),
            End::NoAnswer => (2, "no-answer", Some("487")),
            End::Busy => (2, "busy", Some("486")),
            End::Canceled => (2, "canceled", Some("487")),
        };
        let seconds = if inbound_root { self.leg.duration_seconds() } else { self.leg.talk_seconds() };
        let mut wire = self.common(status);
        wire.push(("Timestamp", rfc2822(beat.at)));
        wire.push(("CallbackSource", "call-progress-events".to_owned()));
        wire.push(("SequenceNumber", sequence.to_string()));
        // "Duration" is billed: started minutes.
        wire.push(("Duration", seconds.div_ceil(60).to_string()));
        wire.push(("CallDuration", seconds.to_string()));
        wire.extend(code.map(|code| ("SipResponseCode", code.to_owned())));
        send(beat.at, "status", wire)
    }

    /// The action of `<Dial>`: about the caller's leg, with how the dialled one ended.
    fn dial_action(&self, at: DateTime<Utc>) -> Wire {
        let status = match self.leg.end {
            End::Completed => "completed",
            End::NoAnswer => "no-answer",
            End::Busy => "busy",
            End::Canceled => "canceled",
        };
        let answered = self.leg.answered_at.is_some();
        let root = Form { call: self.call, leg: self.call.root() };
        let mut fields = root.common("in-progress");
        fields.push(("DialCallSid", sid(self.call, self.leg)));
        fields.push(("DialCallStatus", status.to_owned()));
        if answered {
            fields.push(("DialCallDuration", self.leg.talk_seconds().to_string()));
        }
        fields.push(("DialBridged", answered.to_string()));
        send(at, "dial", fields)
    }

    /// The action of `<Record>`: the caller hung up after the message.
    fn record_action(&self, at: DateTime<Utc>, recording: Recording) -> Wire {
        let mut fields = self.common("completed");
        fields.push(("RecordingUrl", self.recording_url()));
        fields.push(("RecordingSid", recording_sid(self.call)));
        fields.push(("RecordingDuration", recording.seconds.to_string()));
        fields.push(("Digits", "hangup".to_owned()));
        send(at, "voicemail-done", fields)
    }

    /// A recording callback: without numbers, direction and time.
    fn recorded(&self, at: DateTime<Utc>, recording: Recording) -> Wire {
        let source = if recording.voicemail { "RecordVerb" } else { "DialVerb" };
        let source = if self.call.is_inbound() { source } else { "OutboundAPI" };
        let fields = vec![
            ("RecordingSource", source.to_owned()),
            ("RecordingSid", recording_sid(self.call)),
            ("RecordingUrl", self.recording_url()),
            ("RecordingStatus", "completed".to_owned()),
            ("RecordingChannels", if recording.voicemail { "1" } else { "2" }.to_owned()),
            ("ErrorCode", "0".to_owned()),
            ("CallSid", sid(self.call, self.call.root())),
            ("RecordingStartTime", rfc2822(recording.started_at)),
            ("AccountSid", ACCOUNT.to_owned()),
            ("RecordingDuration", recording.seconds.to_string()),
        ];
        send(at, "recording", fields)
    }

    fn recording_url(&self) -> String {
        format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{}", recording_sid(self.call))
    }
}

/// `Thu, 12 Feb 2026 11:48:25 +0000`.
fn rfc2822(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
