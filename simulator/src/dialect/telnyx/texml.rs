//! `TeXML`: Twilio's forms in the words of Telnyx, without a direction and without a status when it asks for instructions.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{
    CONNECTION, Credentials, Dialect, RETRIES, Retries, control_id, credentials, from, leg_id, recording_id,
    recording_url, session_id, to,
};
use crate::{Beat, BeatKind, Call, End, Endpoint, Leg, Recording, Story, Talk, Tells, Wire};

/// `TeXML`.
pub(in crate::dialect) struct Texml;

/// Not here: calls between extensions, attended transfers (a conference, whose legs nothing ties together), and calls made
/// through the API: nothing in their callbacks tells them from inbound ones, so such an application has a connection of its
/// own with another setting.
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
];

/// The simulated account.
const ACCOUNT: &str = "5175d1c0-de51-4175-8d1c-0de5175d1c0d";

impl Dialect for Texml {
    fn provider(&self) -> &'static str {
        "telnyx"
    }

    fn variant(&self) -> &'static str {
        "texml"
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
                // The call is answered, then the instructions are fetched.
                BeatKind::Arrived => {
                    wires.push(form.status(beat, 0, "in-progress"));
                    wires.push(form.instructions(beat.at));
                }
                BeatKind::Dialled => wires.push(form.status(beat, 0, "initiated")),
                BeatKind::Rings => wires.push(form.status(beat, 1, "ringing")),
                BeatKind::Answered => wires.push(form.status(beat, 2, "in-progress")),
                BeatKind::LegEnded => {
                    wires.push(form.end(beat));
                    if asks_what_next(call, leg) {
                        wires.push(form.dial_action(beat.at));
                    }
                }
                BeatKind::Ended => wires.push(form.end(beat)),
                BeatKind::RecordingReady => {
                    wires.extend(call.recording().map(|recording| form.recorded(beat.at, recording)));
                }
                // Hold, queues and transfers happen inside the instructions: nothing is reported.
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
        call.legs().map(|leg| format!("leg:{}", control_id(call, leg))).collect()
    }

    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(recording_id(call))
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

/// Writes the forms about one leg.
struct Form<'a> {
    call: &'a Call,
    leg: &'a Leg,
}

impl Form<'_> {
    /// What every request about a leg says.
    fn common(&self) -> Fields {
        let id = control_id(self.call, self.leg);
        vec![
            ("AccountSid", ACCOUNT.to_owned()),
            ("CallSid", id.clone()),
            ("CallSidLegacy", id),
            ("ConnectionId", CONNECTION.to_owned()),
            ("From", from(self.call)),
            ("To", to(self.call, self.leg)),
        ]
    }

    /// The request for the document. The identifier of the caller is a name or the number.
    fn instructions(&self, at: DateTime<Utc>) -> Wire {
        let (number, line) = (from(self.call), to(self.call, self.leg));
        let mut fields = self.common();
        fields.push(("CallerId", self.call.caller_name().map_or(number.clone(), ToOwned::to_owned)));
        let sort = if matches!(self.call.from(), Endpoint::Sip(_)) { "sip" } else { "pstn" };
        fields.push(("CallingPartyType", sort.to_owned()));
        fields.push(("FromSipUri", format!("{}@198.51.100.7", number.trim_start_matches("sip:"))));
        fields.push(("ToSipUri", format!("{line}@sip.telnyx.com")));
        send(at, "voice", fields)
    }

    fn callback(&self, at: DateTime<Utc>, sequence: u8, status: &str) -> Fields {
        let mut fields = self.common();
        fields.push(("CallInitiatedAt", millis(self.leg.started_at)));
        fields.push(("CallStatus", status.to_owned()));
        fields.push(("CallbackSource", "call-progress-events".to_owned()));
        fields.push(("SequenceNumber", sequence.to_string()));
        fields.push(("Timestamp", millis(at)));
        if !self.leg.is_root() {
            let parent = control_id(self.call, self.call.root());
            fields.push(("ParentCallSid", parent.clone()));
            fields.push(("ParentCallSidLegacy", parent));
        }
        fields
    }

    /// A callback before the end. It has a length of its own: since the leg began.
    fn status(&self, beat: &Beat, sequence: u8, status: &str) -> Wire {
        let mut fields = self.callback(beat.at, sequence, status);
        fields.push(("CallDuration", since(self.leg, beat.at)));
        send(beat.at, "status", fields)
    }

    /// The last callback of a leg. Its length has the ringing in it; the root was answered by Telnyx, so it always completes.
    fn end(&self, beat: &Beat) -> Wire {
        let (status, cause, sip) = match self.leg.end {
            _ if self.leg.is_root() => ("completed", "normal_clearing", "unspecified"),
            End::Completed => ("completed", "normal_clearing", "200"),
            End::NoAnswer => ("no-answer", "timeout", "487"),
            End::Busy => ("busy", "user_busy", "486"),
            End::Canceled => ("canceled", "originator_cancel", "487"),
        };
        let answered_at = if self.leg.is_root() { Some(self.leg.started_at) } else { self.leg.answered_at };
        let mut fields = self.callback(beat.at, 3, status);
        fields.push(("CallDuration", since(self.leg, beat.at)));
        fields.push(("HangupCause", cause.to_owned()));
        fields.push(("HangupSource", if self.call.plan().remote_hangs_up { "caller" } else { "callee" }.to_owned()));
        fields.push(("SipHangupCause", sip.to_owned()));
        // Only completed calls have these.
        if status == "completed" {
            fields.extend(answered_at.map(|time| ("AnsweredTime", millis(time))));
            fields.push(("CallControlId", control_id(self.call, self.leg)));
            fields.push(("CallLegId", leg_id(self.call, self.leg)));
            fields.push(("CallSessionId", session_id(self.call)));
            fields.push(("StartTime", millis(self.leg.started_at)));
            fields.push(("EndTime", millis(self.leg.ended_at)));
            fields.push(("CallQualityStats", "{\"mos\":4.2,\"jitter\":10,\"packet_loss\":0.5}".to_owned()));
            fields.push(("OccurredAt", millis(beat.at)));
        }
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
        let mut fields = Form { call: self.call, leg: self.call.root() }.common();
        fields.push(("CallStatus", "in-progress".to_owned()));
        fields.push(("DialCallSid", control_id(self.call, self.leg)));
        fields.push(("DialCallSidLegacy", control_id(self.call, self.leg)));
        fields.push(("DialCallStatus", status.to_owned()));
        fields.push(("DialCallDuration", self.leg.talk_seconds().to_string()));
        send(at, "dial", fields)
    }

    /// A recording callback: without numbers and times.
    fn recorded(&self, at: DateTime<Utc>, recording: Recording) -> Wire {
        let id = control_id(self.call, self.call.root());
        let fields = vec![
            ("AccountSid", ACCOUNT.to_owned()),
            ("CallSid", id.clone()),
            ("CallSidLegacy", id),
            ("ConnectionId", CONNECTION.to_owned()),
            ("RecordingChannels", if recording.voicemail { "1" } else { "2" }.to_owned()),
            ("RecordingDuration", recording.seconds.to_string()),
            ("RecordingSid", recording_id(self.call)),
            ("RecordingSource", if recording.voicemail { "RecordVerb" } else { "DialVerb" }.to_owned()),
            ("RecordingStatus", "completed".to_owned()),
            ("RecordingUrl", recording_url(self.call)),
        ];
        send(at, "recording", fields)
    }
}

fn send(at: DateTime<Utc>, purpose: &'static str, fields: Fields) -> Wire {
    Wire::form(at, fields).to(purpose).with("User-Agent", "telnyx-webhooks")
}

/// Seconds from the beginning of the leg.
fn since(leg: &Leg, at: DateTime<Utc>) -> String {
    (at - leg.started_at).num_seconds().to_string()
}

/// `2024-01-15T10:30:26.028Z`.
fn millis(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
