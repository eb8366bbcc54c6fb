//! `RingCentral`: notifications of an account's telephony sessions.
//!
//! A session has a party for each extension of the account that takes part in it; people outside have none. A call to an
//! extension's own number is that extension's party from its beginning. A call through a queue is the queue's party first,
//! and a party for each agent whose phone rings.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{Agent, Beat, BeatKind, Call, End, Endpoint, Leg, Story, Talk, Tells, Wire};

pub(super) struct RingCentral;

/// Not here: SIP and hidden callers, of which the documentation does not say how they are written.
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
    Story::Internal,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

/// The simulated account.
const ACCOUNT: &str = "400144452008";
/// Internal id of the queue's extension.
const QUEUE: &str = "400144459008";

impl Dialect for RingCentral {
    fn provider(&self) -> &'static str {
        "ringcentral"
    }

    /// A recording is named while it is made; nothing tells when it can be fetched.
    fn tells(&self) -> Tells {
        Tells {
            stories: STORIES,
            from: true,
            to: true,
            direction: true,
            talk: Talk::Legs,
            busy: true,
            recordings: false,
            live: true,
        }
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        let mut session = Session { call, sequence: [1, 1], wires: Vec::new() };
        for (beat, leg) in call.scenes() {
            if leg.is_root() {
                session.root(beat);
            } else {
                session.agent(beat, leg);
            }
        }
        session.wires
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        let consult = call.story() == Story::AttendedTransfer;
        let sessions = (0..=usize::from(consult)).map(|number| format!("session:{}", session_id(call, number)));
        let agents = call.agent_legs().iter().map(|leg| party_id(call, leg));
        let first = has_first_party(call).then(|| party(call, 0, 1 + usize::from(call.is_inbound())));
        let consulting = consult.then(|| party(call, 1, 1));
        let parties = agents.chain(first).chain(consulting).map(|id| format!("leg:{id}"));
        sessions.chain(parties).collect()
    }

    fn recording_id(&self, _call: &Call) -> Option<String> {
        None
    }

    /// Whether a single notification is repeated is not documented.
    fn retries(&self) -> Retries {
        Retries { attempts: 1, pause: TimeDelta::zero(), on_server_errors: false }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut token = [0; 16];
        entropy(&mut token);
        let token = format!("{:032x}", u128::from_be_bytes(token));
        Credentials { connection: Secrets::new().with("verification_token", token), private: Secrets::new() }
    }
}

/// Whether the call comes through a queue.
fn queued(call: &Call) -> bool {
    matches!(call.story(), Story::Overflow | Story::Queued)
}

/// Whether there is a party before those of the agents who are called: the queue's, or that of the extension that calls.
fn has_first_party(call: &Call) -> bool {
    queued(call) || !call.is_inbound()
}

fn session_id(call: &Call, number: usize) -> String {
    format!("s-{}", call.hex("ringcentral session", number, 32))
}

fn party(call: &Call, session: usize, number: usize) -> String {
    format!("p-{}-{number}", call.hex("ringcentral session", session, 32))
}

/// The session that a leg is in: an agent who is asked before a transfer is called in a session of its own.
fn session_of(call: &Call, leg: &Leg) -> usize {
    usize::from(call.story() == Story::AttendedTransfer && leg.number == 2)
}

/// Parties are counted from 1, which is the calling side.
fn party_id(call: &Call, leg: &Leg) -> String {
    let session = session_of(call, leg);
    let number = if session == 1 { 2 } else { leg.number + 1 + usize::from(queued(call)) };
    party(call, session, number)
}

/// The internal id of an agent's extension.
fn extension_id(agent: Agent) -> String {
    format!("400144450{}", agent.extension)
}

fn extension(agent: Agent) -> Value {
    json!({ "phoneNumber": agent.extension, "name": agent.name, "extensionId": extension_id(agent) })
}

/// The notifications of a call's sessions.
struct Session<'a> {
    call: &'a Call,
    /// The last number of each session.
    sequence: [u32; 2],
    wires: Vec<Wire>,
}

/// One party of a session, as a notification shows it.
struct Shown {
    session: usize,
    id: String,
    extension_id: String,
    direction: &'static str,
    from: Value,
    to: Value,
}

impl Session<'_> {
    fn outside(&self) -> Value {
        let endpoint = if self.call.is_inbound() { self.call.from() } else { self.call.to() };
        let (Endpoint::Phone(text) | Endpoint::Sip(text) | Endpoint::Extension(text)) = endpoint else {
            return json!({});
        };
        match self.call.caller_name() {
            Some(name) => json!({ "phoneNumber": text, "name": name }),
            None => json!({ "phoneNumber": text }),
        }
    }

    /// The queue, or the extension that calls.
    fn first(&self) -> Shown {
        let line = &self.call.plan().line;
        let calling = self.call.root().agent.unwrap_or_default();
        let to_agent = self.call.agent_legs().first().and_then(|leg| leg.agent);
        let own_line = json!({ "phoneNumber": line, "name": calling.name, "extensionId": extension_id(calling) });
        let (from, to) = match self.call.story() {
            _ if self.call.is_inbound() => {
                let name = self.call.plan().queue;
                (self.outside(), json!({ "phoneNumber": line, "name": name, "extensionId": QUEUE }))
            }
            Story::Internal => (extension(calling), extension(to_agent.unwrap_or_default())),
            _ => (own_line, self.outside()),
        };
        let inbound = self.call.is_inbound();
        Shown {
            session: 0,
            id: party(self.call, 0, 1 + usize::from(inbound)),
            extension_id: if inbound { QUEUE.to_owned() } else { extension_id(calling) },
            direction: if inbound { "Inbound" } else { "Outbound" },
            from,
            to,
        }
    }

    /// The party of an agent who is called.
    fn of_agent(&self, leg: &Leg) -> Shown {
        let agent = leg.agent.unwrap_or_default();
        let session = session_of(self.call, leg);
        let first_agent = self.call.agent_legs().first().and_then(|leg| leg.agent).unwrap_or_default();
        let to = if self.call.is_inbound() && !queued(self.call) && leg.number == 1 {
            json!({ "phoneNumber": self.call.plan().line, "name": agent.name, "extensionId": extension_id(agent) })
        } else {
            extension(agent)
        };
        let from = match self.call.story() {
            Story::Internal => extension(self.call.root().agent.unwrap_or_default()),
            _ if session == 1 => extension(first_agent),
            _ => self.outside(),
        };
        let id = party_id(self.call, leg);
        Shown { session, id, extension_id: extension_id(agent), direction: "Inbound", from, to }
    }

    /// The agent who asks a colleague before a transfer.
    fn consulting(&self, asked: &Leg) -> Shown {
        let first = self.call.agent_legs().first().and_then(|leg| leg.agent).unwrap_or_default();
        Shown {
            session: 1,
            id: party(self.call, 1, 1),
            extension_id: extension_id(first),
            direction: "Outbound",
            from: extension(first),
            to: extension(asked.agent.unwrap_or_default()),
        }
    }

    fn root(&mut self, beat: &Beat) {
        let call = self.call;
        let outbound = call.story().is_outbound();
        match beat.kind {
            BeatKind::Arrived if has_first_party(call) => self.tell(beat, &self.first(), "Setup", None),
            BeatKind::Arrived => {
                if let Some(leg) = call.agent_legs().first() {
                    self.tell(beat, &self.of_agent(leg), "Setup", None);
                }
            }
            BeatKind::Rings => self.tell(beat, &self.first(), "Proceeding", None),
            // A queue takes the caller, or the person outside answers.
            BeatKind::Queued | BeatKind::Answered => self.tell(beat, &self.first(), "Answered", None),
            BeatKind::VoicemailStarted => {
                if let Some(leg) = call.agent_legs().first() {
                    self.tell(beat, &self.of_agent(leg), "VoiceMail", None);
                }
            }
            BeatKind::Ended if outbound => {
                let reason = match call.root().end {
                    End::Completed => None,
                    End::NoAnswer => Some("NoAnswer"),
                    End::Busy => Some("TargetBusy"),
                    End::Canceled => Some("Cancelled"),
                };
                self.tell(beat, &self.first(), "Disconnected", reason);
            }
            BeatKind::Ended if call.story() == Story::Internal => self.tell(beat, &self.first(), "Disconnected", None),
            // After a message.
            BeatKind::Ended if call.story() == Story::Voicemail => {
                if let Some(leg) = call.agent_legs().first() {
                    self.tell(beat, &self.of_agent(leg), "Disconnected", None);
                }
            }
            _ => {}
        }
    }

    fn agent(&mut self, beat: &Beat, leg: &Leg) {
        let call = self.call;
        let shown = self.of_agent(leg);
        let asked = session_of(call, leg) == 1;
        match beat.kind {
            // The party of a direct call exists since its arrival.
            BeatKind::Dialled if call.is_inbound() && leg.number == 1 && !queued(call) => {}
            BeatKind::Dialled => {
                if asked {
                    self.tell(beat, &self.consulting(leg), "Setup", None);
                }
                self.tell(beat, &shown, "Setup", None);
                if call.story() == Story::Internal {
                    // The rules of the called extension begin to run.
                    self.tell(beat, &self.first(), "Answered", None);
                }
            }
            BeatKind::Rings => self.tell(beat, &shown, "Proceeding", None),
            BeatKind::Answered => {
                if asked {
                    self.tell(beat, &self.consulting(leg), "Answered", None);
                }
                self.tell(beat, &shown, "Answered", None);
                if queued(call) {
                    self.tell(beat, &self.first(), "Disconnected", Some("AgentAnswered"));
                }
            }
            BeatKind::Held => self.tell(beat, &shown, "Hold", None),
            BeatKind::Resumed => self.tell(beat, &shown, "Answered", None),
            BeatKind::Transferred { to } if call.story() == Story::AttendedTransfer => self.cross(beat, &shown, to),
            BeatKind::LegEnded => self.leg_ended(beat, leg, &shown),
            _ => {}
        }
    }

    fn leg_ended(&mut self, beat: &Beat, leg: &Leg, shown: &Shown) {
        let reason = match (self.call.story(), leg.end) {
            // The party is gone since the transfer.
            (Story::AttendedTransfer, _) if leg.number == 1 => return,
            // It goes on with the mailbox.
            (Story::Voicemail, _) => return,
            (Story::BlindTransfer, _) if leg.number == 1 => Some("BlindTransfer"),
            (_, End::Busy) => Some("TargetBusy"),
            (Story::Overflow, End::NoAnswer) => Some("NoAnswer"),
            _ => None,
        };
        self.tell(beat, shown, "Disconnected", reason);
    }

    /// The calls of an attended transfer are put together: both parties of the agent who does it are gone, each names the
    /// other.
    fn cross(&mut self, beat: &Beat, shown: &Shown, to: usize) {
        let Some(asked) = self.call.leg(to) else { return };
        let consulting = self.consulting(asked);
        let peer = |of: &Shown| json!({ "telephonySessionId": session_id(self.call, of.session), "partyId": of.id });
        let peers = [peer(&consulting), peer(shown)];
        for (party, peer) in [shown, &consulting].into_iter().zip(peers) {
            let status = json!({ "code": "Gone", "reason": "AttendedTransfer", "peerId": peer, "rcc": false });
            self.send(beat.at, party, &status, false);
        }
    }

    fn tell(&mut self, beat: &Beat, shown: &Shown, code: &str, reason: Option<&str>) {
        let mut status = Map::new();
        status.insert("code".to_owned(), code.into());
        status.insert("rcc".to_owned(), false.into());
        if let Some(reason) = reason {
            status.insert("reason".to_owned(), reason.into());
        }
        let unanswered = matches!(self.call.story(), Story::Missed | Story::GaveUp);
        let missed =
            code == "Disconnected" && (unanswered || reason == Some("NoAnswer")) && shown.direction == "Inbound";
        self.send(beat.at, shown, &Value::Object(status), missed);
    }

    fn send(&mut self, at: DateTime<Utc>, shown: &Shown, status: &Value, missed: bool) {
        let Some(sequence) = self.sequence.get_mut(shown.session) else { return };
        *sequence += 1;
        let sequence = *sequence;
        let number = self.wires.len();
        let answered = status.get("code").is_some_and(|code| code == "Answered");
        let recording = json!([{ "id": digits(self.call, "ringcentral recording", 0), "active": true }]);
        let mut party = Map::from_iter([
            ("accountId".to_owned(), ACCOUNT.into()),
            ("extensionId".to_owned(), shown.extension_id.clone().into()),
            ("id".to_owned(), shown.id.clone().into()),
            ("direction".to_owned(), shown.direction.into()),
            ("to".to_owned(), shown.to.clone()),
            ("from".to_owned(), shown.from.clone()),
            ("status".to_owned(), status.clone()),
            ("park".to_owned(), json!({})),
            ("missedCall".to_owned(), missed.into()),
            ("standAlone".to_owned(), false.into()),
            ("muted".to_owned(), false.into()),
        ]);
        if queued(self.call) {
            party.insert("queueCall".to_owned(), true.into());
        }
        if answered && self.call.recording().is_some() {
            party.insert("recordings".to_owned(), recording);
        }
        let body = json!({
            "uuid": digits(self.call, "ringcentral notification", number),
            "event": format!("/restapi/v1.0/account/{ACCOUNT}/telephony/sessions"),
            "timestamp": millis(at + TimeDelta::milliseconds(61)),
            "subscriptionId": "5c37f936-fa66-4b4b-95af-1e94b51a748d",
            "ownerId": extension_id(self.call.plan().agents[0]),
            "body": {
                "sequence": sequence,
                "sessionId": digits(self.call, "ringcentral legacy session", shown.session),
                "telephonySessionId": session_id(self.call, shown.session),
                "serverId": "10.13.22.28.TAM",
                "eventTime": millis(at),
                "parties": [party],
                "origin": { "type": "Call" },
            },
        });
        let wire = Wire::post(at, "application/json; charset=UTF-8", body.to_string());
        self.wires.push(wire.with("User-Agent", "RingCentral-Webhook/8.3"));
    }
}

/// An id of up to twenty digits.
fn digits(call: &Call, label: &str, number: usize) -> String {
    call.random(label, number).next_u64().to_string()
}

fn millis(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
