//! 3CX: one report for each finished call, made by our CRM template (`docs/providers/3cx-template.xml`).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use switchboard_telephony::{PartyKind, Secrets};

use super::{Credentials, Dialect, Retries};
use crate::{Agent, BeatKind, Call, Endpoint, Expected, Leg, Seen, Story, Talk, Tells, Wire};

pub(super) struct ThreeCx;

/// Not here: calls between extensions (they are not reported), messages (a mailbox is an extension like any other),
/// transfers and hidden or SIP callers, of which nothing says how they are reported.
const STORIES: &[Story] = &[
    Story::Answered,
    Story::Overflow,
    Story::Missed,
    Story::GaveUp,
    Story::BusyAgent,
    Story::Held,
    Story::Queued,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

impl Dialect for ThreeCx {
    fn provider(&self) -> &'static str {
        "3cx"
    }

    fn tells(&self) -> Tells {
        Tells {
            stories: STORIES,
            from: true,
            to: true,
            direction: true,
            talk: Talk::Legs,
            busy: false,
            recordings: true,
            live: false,
        }
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        let ended = call.scenes().filter(|(beat, _)| beat.kind == BeatKind::Ended);
        ended.map(|(beat, _)| report(call, beat.at)).collect()
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        vec![format!("session:{}", digest(call))]
    }

    /// Neither a call nor its recording has an id: both have the key that is made of the report.
    fn recording_id(&self, call: &Call) -> Option<String> {
        Some(digest(call))
    }

    /// Reports name the agent's extension, never our line.
    fn narrow(&self, call: &Call, expected: &mut Expected) {
        let extension = Some(agent(call).extension.to_owned());
        let extension = Some(Seen { kind: PartyKind::Extension, value: extension });
        if call.is_inbound() {
            expected.to = extension;
        } else {
            expected.from = extension;
        }
    }

    /// Nothing says that a report is ever sent again.
    fn retries(&self) -> Retries {
        Retries { attempts: 1, pause: TimeDelta::zero(), on_server_errors: false }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut token = [0; 16];
        entropy(&mut token);
        let token = format!("{:032x}", u128::from_be_bytes(token));
        Credentials { connection: Secrets::new().with("token", token), private: Secrets::new() }
    }
}

/// The agent who talked, else the last one whose phone rang.
fn agent(call: &Call) -> Agent {
    let talked = call.legs().find(|leg| leg.answered_at.is_some());
    talked.or_else(|| call.legs().last()).and_then(|leg| leg.agent).unwrap_or_default()
}

/// As the template writes it: with `+`.
fn number(call: &Call) -> String {
    match if call.is_inbound() { call.from() } else { call.to() } {
        Endpoint::Phone(text) | Endpoint::Sip(text) | Endpoint::Extension(text) => text,
        Endpoint::Withheld => String::new(),
    }
}

fn direction(call: &Call) -> &'static str {
    if call.is_inbound() { "Inbound" } else { "Outbound" }
}

fn digest(call: &Call) -> String {
    let text = [&whole_second(call.started_at()), agent(call).extension, &number(call), direction(call)].join("|");
    let halves = Sha256::digest(text).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

fn report(call: &Call, at: DateTime<Utc>) -> Wire {
    let call_type = match (call.is_inbound(), call.story().is_talked()) {
        (true, true) => "Inbound",
        (true, false) => "Missed",
        (false, true) => "Outbound",
        (false, false) => "Notanswered",
    };
    // A time that is not set is the first one that .NET knows; a variable that is not filled may stand as it is.
    let established = call.answered_at().map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), whole_second);
    let talk = call.legs().map(Leg::talk_seconds).max().unwrap_or_default();
    let mut random = call.random("3cx", 0);
    let recording = match call.recording() {
        Some(_) => format!("https://pbx.example.com/webclient/#/recordings/{}", random.between(1000, 99_999)),
        None => random.pick(&["", "[RecordingUrl]"]).to_owned(),
    };
    let queue = if call.story() == Story::Queued { "800" } else { "" };
    let body = json!({
        "callType": call_type,
        "callDirection": direction(call),
        "number": number(call),
        "name": call.caller_name().unwrap_or("[Name]"),
        "agent": agent(call).extension,
        "queueExtension": queue,
        "duration": format!("{:02}:{:02}:{:02}", talk / 3600, talk / 60 % 60, talk % 60),
        "startUtc": whole_second(call.started_at()),
        "establishedUtc": established,
        "endUtc": whole_second(call.ended_at()),
        "recordingUrl": recording,
    });
    Wire::json(at, &body)
}

/// `yyyy-MM-ddTHH:mm:ssZ`.
fn whole_second(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
