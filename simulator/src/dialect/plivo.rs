//! Plivo Voice: forms. The answer URL when a call comes in, the callback URL and the action of `<Dial>`, ring and hangup URLs,
//! the action and the callback URL of `<Record>`.

use chrono::{DateTime, TimeDelta, Utc};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{Beat, BeatKind, Call, End, Endpoint, Leg, Recording, Story, Talk, Tells, Wire};

pub(super) struct Plivo;

/// Not here: calls between extensions (they are not Plivo's), and attended transfers (a conference, whose legs nothing ties
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

impl Dialect for Plivo {
    fn provider(&self) -> &'static str {
        "plivo"
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
            let form = Form { call, leg, beat };
            match beat.kind {
                BeatKind::Arrived if call.is_inbound() => wires.push(form.answer_url("ringing")),
                BeatKind::Rings if leg.is_root() => wires.push(form.ring()),
                BeatKind::Answered if leg.is_root() => wires.push(form.answer_url("in-progress")),
                BeatKind::Answered => {
                    // Picked up, and a moment later put through.
                    wires.push(form.dialled("answer", "DialAnswer"));
                    wires.push(form.dialled("connected", "DialConnected"));
                }
                BeatKind::LegEnded => {
                    wires.push(form.dialled_end());
                    if asks_what_next(call, leg) {
                        wires.push(form.dial_action());
                    }
                }
                BeatKind::Ended => {
                    let message = call.recording().filter(|recording| recording.voicemail);
                    wires.extend(message.map(|recording| form.record(recording, "voicemail-done", "Record")));
                    wires.push(form.hangup());
                }
                BeatKind::RecordingReady => {
                    let ready = call.recording();
                    wires.extend(ready.map(|recording| form.record(recording, "recording", "RecordStop")));
                }
                // An API call begins without a callback and so does a dialled leg, before it is answered; queues, hold and
                // transfers happen inside the XML.
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
        call.legs().map(|leg| format!("leg:{}", uuid(call, leg))).collect()
    }

    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(call.uuid("plivo recording", 0))
    }

    /// As the addresses say that are shown for registration: five retries, after every answer that is not 200.
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

/// `<Dial>` asks what to do next when it is over, unless the caller is gone or was sent elsewhere.
fn asks_what_next(call: &Call, leg: &Leg) -> bool {
    let transferred = call.story() == Story::BlindTransfer && leg.number == 1;
    leg.end != End::Canceled && !transferred
}

fn uuid(call: &Call, leg: &Leg) -> String {
    call.uuid("plivo leg", leg.number)
}

/// The simulated account.
const ACCOUNT: &str = "MAMJVLYTK4ZWU1YTY4QA";
/// What the zone of the account is ahead of UTC, in minutes: times of a hangup were captured in local time.
const ZONE: i64 = 330;

type Fields = Vec<(&'static str, String)>;

/// Cause of the network, Plivo's code and its name.
const fn cause(end: End) -> [&'static str; 3] {
    match end {
        End::Completed => ["NORMAL_CLEARING", "4000", "Normal Hangup"],
        End::NoAnswer => ["NO_ANSWER", "3000", "No Answer"],
        End::Busy => ["USER_BUSY", "3010", "Busy Line"],
        End::Canceled => ["ORIGINATOR_CANCEL", "1010", "Cancelled"],
    }
}

/// Writes the requests about one leg.
struct Form<'a> {
    call: &'a Call,
    leg: &'a Leg,
    beat: &'a Beat,
}

impl Form<'_> {
    fn send(&self, purpose: &'static str, fields: Fields) -> Wire {
        Wire::post(self.beat.at, "application/x-www-form-urlencoded", Wire::form(self.beat.at, fields).body)
            .to(purpose)
            .with("User-Agent", "Plivo Http Client 1.0")
            .with("Accept", "*/*")
    }

    /// What every request about the first leg says.
    fn common(&self, event: &str, status: &str) -> Fields {
        let root = uuid(self.call, self.call.root());
        let from = address(&self.call.from(), self.call);
        let name = self.call.caller_name().map_or_else(|| caller_number(&self.call.from()), ToOwned::to_owned);
        vec![
            ("BillRate", "0.0085".to_owned()),
            ("CallStatus", status.to_owned()),
            ("CallUUID", root),
            ("CallerName", name),
            ("Direction", if self.call.is_inbound() { "inbound" } else { "outbound" }.to_owned()),
            ("Event", event.to_owned()),
            ("From", from),
            ("ParentAuthID", ACCOUNT.to_owned()),
            ("SessionStart", self.call.started_at().format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
            ("To", address(&self.call.to(), self.call)),
        ]
    }

    /// The answer URL: of a call that comes in, or when the called person answers.
    fn answer_url(&self, status: &str) -> Wire {
        let mut fields = self.common("StartApp", status);
        let root = uuid(self.call, self.call.root());
        fields.push(("ALegRequestUUID", root.clone()));
        fields.push(("ALegUUID", root.clone()));
        fields.push(("RequestUUID", root));
        if self.call.is_inbound() {
            fields.push(("STIRAttestation", "A".to_owned()));
            fields.push(("STIRVerification", "Verified".to_owned()));
        }
        self.send("answer", fields)
    }

    fn ring(&self) -> Wire {
        self.send("ring", self.common("Ring", "ringing"))
    }

    /// The callback URL of `<Dial>`.
    fn dialled_fields(&self, action: &str, event: &str) -> Fields {
        let root = uuid(self.call, self.call.root());
        let agent = self.leg.agent.map(|agent| agent.identity).unwrap_or_default();
        vec![
            ("CallUUID", root.clone()),
            ("DialALegUUID", root),
            ("DialAction", action.to_owned()),
            ("DialBLegFrom", caller_number(&Endpoint::Phone(self.call.plan().line.clone()))),
            ("DialBLegPosition", "1".to_owned()),
            ("DialBLegStatus", action.to_owned()),
            ("DialBLegTo", format!("sip:{agent}@phone.plivo.com")),
            ("DialBLegUUID", uuid(self.call, self.leg)),
            ("Event", event.to_owned()),
        ]
    }

    fn dialled(&self, action: &str, event: &str) -> Wire {
        self.send("dial-events", self.dialled_fields(action, event))
    }

    /// The end of a dialled leg: how long it was put through, in seconds, and billed in started minutes.
    fn dialled_end(&self) -> Wire {
        let seconds = self.leg.talk_seconds();
        let [cause, code, name] = cause(self.leg.end);
        let callee =
            self.leg.end != End::Canceled && !(self.leg.end == End::Completed && self.call.plan().remote_hangs_up);
        let mut fields = self.dialled_fields("hangup", "DialHangup");
        fields.extend([
            ("DialBLegBillDuration", (seconds.div_ceil(60) * 60).to_string()),
            ("DialBLegBillRate", "0.00450".to_owned()),
            ("DialBLegDuration", seconds.to_string()),
            ("DialBLegHangupCause", cause.to_owned()),
            ("DialBLegHangupCauseCode", code.to_owned()),
            ("DialBLegHangupCauseName", name.to_owned()),
            ("DialBLegHangupSource", if callee { "Callee" } else { "Caller" }.to_owned()),
            ("DialBLegTotalCost", "0.00000".to_owned()),
        ]);
        self.send("dial-events", fields)
    }

    /// The action of `<Dial>`. It names the dialled leg only when that was put through.
    fn dial_action(&self) -> Wire {
        let status = match self.leg.end {
            End::Completed => "completed",
            End::NoAnswer => "no-answer",
            End::Busy => "busy",
            End::Canceled => "cancel",
        };
        let child = self.leg.answered_at.map(|_| uuid(self.call, self.leg)).unwrap_or_default();
        let [cause, ..] = cause(self.leg.end);
        let mut fields = self.common("Redirect", "in-progress");
        fields.extend([
            ("DialALegUUID", uuid(self.call, self.call.root())),
            ("DialBLegUUID", child),
            ("DialHangupCause", cause.to_owned()),
            ("DialRingStatus", (self.leg.end != End::Busy).to_string()),
            ("DialStatus", status.to_owned()),
        ]);
        self.send("dial", fields)
    }

    /// The hangup URL. The first leg of an inbound call was answered by the XML, so it always completes and its length is all
    /// of the call; that of an outbound one counts from the answer.
    fn hangup(&self) -> Wire {
        let inbound = self.call.is_inbound();
        let (status, end) = match self.leg.end {
            _ if inbound => ("completed", End::Completed),
            End::Completed => ("completed", End::Completed),
            End::Busy => ("busy", End::Busy),
            End::NoAnswer => ("no-answer", End::NoAnswer),
            End::Canceled => ("cancel", End::Canceled),
        };
        let seconds = if inbound { self.leg.duration_seconds() } else { self.leg.talk_seconds() };
        let answered = if inbound { Some(self.leg.started_at) } else { self.leg.answered_at };
        let [cause, code, name] = cause(end);
        let mut fields = self.common("Hangup", status);
        fields.extend([
            ("AnswerTime", answered.map(local).unwrap_or_default()),
            ("BillDuration", (seconds.div_ceil(60) * 60).to_string()),
            ("Duration", seconds.to_string()),
            ("EndTime", local(self.beat.at)),
            ("HangupCause", cause.to_owned()),
            ("HangupCauseCode", code.to_owned()),
            ("HangupCauseName", name.to_owned()),
            ("HangupSource", if inbound { "Caller" } else { "Callee" }.to_owned()),
            ("STIRAttestation", "Not Applicable".to_owned()),
            ("StartTime", local(self.leg.started_at)),
            ("TotalCost", "0.00000".to_owned()),
        ]);
        self.send("hangup", fields)
    }

    /// The action of a `<Record>` that takes a message, or the callback URL when the file is there.
    fn record(&self, recording: Recording, purpose: &'static str, event: &str) -> Wire {
        let is_action = purpose == "voicemail-done";
        let id = self.call.uuid("plivo recording", 0);
        let end = recording.started_at + TimeDelta::seconds(i64::from(recording.seconds));
        let mut fields = if is_action {
            self.common(event, "completed")
        } else {
            vec![
                ("CallUUID", uuid(self.call, self.call.root())),
                ("Event", event.to_owned()),
                ("From", address(&self.call.from(), self.call)),
                ("To", address(&self.call.to(), self.call)),
            ]
        };
        // Until the file is there its length is -1.
        let unless_action = |value: i64| if is_action { "-1".to_owned() } else { value.to_string() };
        fields.extend([
            ("RecordUrl", format!("https://media.plivo.com/v1/Account/{ACCOUNT}/Recording/{id}.mp3")),
            ("RecordingDuration", unless_action(i64::from(recording.seconds))),
            ("RecordingDurationMs", unless_action(i64::from(recording.seconds) * 1000)),
            ("RecordingEndMs", unless_action(end.timestamp_millis())),
            ("RecordingID", id),
            ("RecordingStartMs", unless_action(recording.started_at.timestamp_millis())),
        ]);
        self.send(purpose, fields)
    }
}

/// Numbers have no plus.
fn address(endpoint: &Endpoint, call: &Call) -> String {
    match endpoint {
        Endpoint::Phone(number) => number.trim_start_matches('+').to_owned(),
        Endpoint::Sip(address) => format!("sip:{address}"),
        Endpoint::Extension(digits) => digits.clone(),
        Endpoint::Withheld => call.random("withheld", 0).pick(&["anonymous", "Restricted", "unknown"]).to_owned(),
    }
}

/// A caller without a name has the number in its place, with the plus.
fn caller_number(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Phone(number) => number.clone(),
        _ => String::new(),
    }
}

/// A time without a zone, as the zone of the account has it.
fn local(time: DateTime<Utc>) -> String {
    (time + TimeDelta::minutes(ZONE)).format("%Y-%m-%d %H:%M:%S").to_string()
}
