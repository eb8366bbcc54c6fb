//! Call detail records of the manager interface: one for each channel that was dialled, when the call is over.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Asterisk, caller_id, exten, extension_of, id, name_of, narrow};
use crate::dialect::{Credentials, Dialect, Retries};
use crate::{BeatKind, Call, End, Expected, Leg, Story, Talk, Tells, Wire};

pub(in crate::dialect) struct Cdr;

/// Not here: transfers, which make records that nothing ties together.
const STORIES: &[Story] = &[
    Story::Answered,
    Story::Overflow,
    Story::Missed,
    Story::GaveUp,
    Story::Voicemail,
    Story::BusyAgent,
    Story::Held,
    Story::Queued,
    Story::Withheld,
    Story::SipCaller,
    Story::Internal,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

impl Dialect for Cdr {
    fn provider(&self) -> &'static str {
        "asterisk"
    }

    fn variant(&self) -> &'static str {
        "cdr"
    }

    fn tells(&self) -> Tells {
        Tells {
            stories: STORIES,
            from: true,
            to: true,
            // Not said, but told by who is an extension.
            direction: true,
            talk: Talk::Legs,
            busy: true,
            recordings: false,
            live: false,
        }
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        let mailbox = call.scenes().find(|(beat, _)| beat.kind == BeatKind::VoicemailStarted).map(|(beat, _)| beat.at);
        let mut records: Vec<Record> = if call.story().is_outbound() {
            vec![Record::of(call, call.root(), "PJSIP/trunk-00000065".to_owned())]
        } else {
            let phone = |leg: &Leg| format!("PJSIP/{}-{:08x}", extension_of(leg), 100 + leg.number);
            call.agent_legs().iter().map(|leg| Record::of(call, leg, phone(leg))).collect()
        };
        if let Some(at) = mailbox {
            let root = Record::of(call, call.root(), String::new());
            records.push(Record { started_at: at, answered_at: Some(at), application: "VoiceMail", ..root });
        }
        records.iter().enumerate().map(|(number, record)| record.wire(call, number)).collect()
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        vec![format!("leg:{}", id(call, 0))]
    }

    fn recording_id(&self, _call: &Call) -> Option<String> {
        None
    }

    fn narrow(&self, call: &Call, expected: &mut Expected) {
        narrow(call, expected);
        // The seconds that are billed begin when the queue answers.
        if call.story() == Story::Queued {
            expected.talk_seconds = None;
        }
    }

    fn retries(&self) -> Retries {
        Asterisk.retries()
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        Asterisk.credentials(entropy)
    }
}

struct Record {
    dialled: String,
    application: &'static str,
    started_at: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
    ended_at: DateTime<Utc>,
    end: End,
}

impl Record {
    /// The first record begins with the call, the ones after it with the next attempt.
    fn of(call: &Call, leg: &Leg, dialled: String) -> Self {
        let first = leg.number <= 1;
        let queued = call.scenes().find(|(beat, _)| beat.kind == BeatKind::Queued).map(|(beat, _)| beat.at);
        let started_at = if first { call.started_at() } else { leg.started_at };
        let answered_at = queued.filter(|_| leg.answered_at.is_some()).or(leg.answered_at);
        let application = if queued.is_some() { "Queue" } else { "Dial" };
        Self { dialled, application, started_at, answered_at, ended_at: leg.ended_at, end: leg.end }
    }

    fn wire(&self, call: &Call, number: usize) -> Wire {
        // The clock of the server, without its zone.
        let local = |time: DateTime<Utc>| (time + TimeDelta::hours(1)).format("%Y-%m-%d %H:%M:%S").to_string();
        let seconds = |from: DateTime<Utc>| (self.ended_at.timestamp() - from.timestamp()).to_string();
        let (source, name) = match call.root().agent.filter(|_| call.story().is_outbound()) {
            Some(agent) => (agent.extension.to_owned(), name_of(call.root())),
            None => caller_id(call),
        };
        let disposition = match (self.answered_at, self.end) {
            (Some(_), _) => "ANSWERED",
            (None, End::Busy) => "BUSY",
            (None, _) => "NO ANSWER",
        };
        let lines = [
            ("Event", "Cdr".to_owned()),
            ("Privilege", "cdr,all".to_owned()),
            ("AccountCode", String::new()),
            ("Source", source.clone()),
            ("Destination", exten(call)),
            ("DestinationContext", "from-trunk".to_owned()),
            ("CallerID", format!("\"{name}\" <{source}>")),
            ("Channel", "PJSIP/trunk-00000064".to_owned()),
            ("DestinationChannel", self.dialled.clone()),
            ("LastApplication", self.application.to_owned()),
            ("LastData", "PJSIP/201,30".to_owned()),
            ("StartTime", local(self.started_at)),
            ("AnswerTime", self.answered_at.map(local).unwrap_or_default()),
            ("EndTime", local(self.ended_at)),
            ("Duration", seconds(self.started_at)),
            ("BillableSeconds", self.answered_at.map_or("0".to_owned(), seconds)),
            ("Disposition", disposition.to_owned()),
            ("AMAFlags", "DOCUMENTATION".to_owned()),
            ("UniqueID", id(call, 0)),
            ("UserField", String::new()),
        ];
        let body: Vec<String> = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let body = format!("{}\r\n\r\n", body.join("\r\n"));
        let digest = call.hex("asterisk record", number, 8);
        let message = format!("{}:Cdr:{}:{digest}", id(call, 0), self.ended_at.timestamp());
        // Records are written when the whole call is over.
        Wire::post(call.ended_at(), "text/plain", body).with("webhook-id", message)
    }
}
