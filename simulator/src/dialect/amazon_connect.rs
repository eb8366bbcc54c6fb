//! Amazon Connect: contact events as an API destination of Amazon `EventBridge` posts them. Once as they are, without any
//! number, and once with the contact's attributes added on the way, which the contact flow has set.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{Beat, BeatKind, Call, End, Endpoint, Expected, Leg, Story, Talk, Tells, Wire};

/// The events as they are.
pub(super) struct AmazonConnect;

/// The events with attributes.
pub(super) struct WithAttributes;

/// Not here: mailboxes and agents whose line is busy (Connect has neither), calls between extensions, and SIP callers.
const STORIES: &[Story] = &[
    Story::Answered,
    Story::Overflow,
    Story::Missed,
    Story::GaveUp,
    Story::BlindTransfer,
    Story::AttendedTransfer,
    Story::Held,
    Story::Queued,
    Story::Withheld,
    Story::OutboundAnswered,
    Story::OutboundBusy,
    Story::OutboundNoAnswer,
];

/// The simulated instance.
const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-2";
const INSTANCE: &str = "5175d1c0-de51-475d-91c0-de5175d1c0de";

const fn tells(numbers: bool) -> Tells {
    Tells {
        stories: STORIES,
        from: numbers,
        to: numbers,
        direction: true,
        talk: Talk::Legs,
        busy: true,
        recordings: false,
        live: true,
    }
}

impl Dialect for AmazonConnect {
    fn provider(&self) -> &'static str {
        "amazon-connect"
    }

    fn tells(&self) -> Tells {
        tells(false)
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        wires(call, false)
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        keys(call)
    }

    fn recording_id(&self, _call: &Call) -> Option<String> {
        None
    }

    fn retries(&self) -> Retries {
        retries()
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        credentials(entropy)
    }
}

impl Dialect for WithAttributes {
    fn provider(&self) -> &'static str {
        "amazon-connect"
    }

    fn variant(&self) -> &'static str {
        "attributes"
    }

    fn tells(&self) -> Tells {
        tells(true)
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        wires(call, true)
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        keys(call)
    }

    fn recording_id(&self, _call: &Call) -> Option<String> {
        None
    }

    /// A number that is hidden is an attribute that the flow leaves empty: nobody is known.
    fn narrow(&self, call: &Call, expected: &mut Expected) {
        if call.story() == Story::Withheld {
            expected.from = None;
        }
    }

    fn retries(&self) -> Retries {
        retries()
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        credentials(entropy)
    }
}

/// For 24 hours, up to 185 times; ours for somebody who waits.
fn retries() -> Retries {
    Retries { attempts: 8, pause: TimeDelta::milliseconds(250), on_server_errors: true }
}

fn credentials(entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
    let mut key = [0; 16];
    entropy(&mut key);
    let key = format!("{:032x}", u128::from_be_bytes(key));
    Credentials { connection: Secrets::new().with("api_key", key), private: Secrets::new() }
}

fn wires(call: &Call, attributes: bool) -> Vec<Wire> {
    let mut wires = Vec::new();
    for (beat, leg) in call.scenes() {
        let contact = Contact { call, number: contact_of(call, leg), attributes };
        let first = contact.number == 0;
        match beat.kind {
            BeatKind::Arrived => wires.push(contact.event(beat, "INITIATED")),
            BeatKind::Queued => wires.push(contact.event(beat, "QUEUED")),
            // Every caller waits in a queue until an agent is free, be it for a moment.
            BeatKind::Dialled if first && leg.number == 1 && call.story() != Story::Queued => {
                wires.push(contact.event(beat, "QUEUED"));
            }
            BeatKind::Dialled if !first => wires.push(contact.event(beat, "INITIATED")),
            // The agent who calls is connected before the customer is.
            BeatKind::Rings if leg.is_root() => wires.push(contact.event(beat, "CONNECTED_TO_AGENT")),
            BeatKind::Answered if leg.is_root() => wires.push(contact.event(beat, "CONNECTED_TO_SYSTEM")),
            BeatKind::Answered => wires.push(contact.event(beat, "CONNECTED_TO_AGENT")),
            // The first contact is over when its agent has passed the call on.
            BeatKind::LegEnded if first && transferred(call) && leg.number == 1 => contact.end(beat, &mut wires),
            BeatKind::Ended => {
                let number = usize::from(transferred(call));
                Contact { number, ..contact }.end(beat, &mut wires);
            }
            // Ringing phones, agents who do not answer, hold and recordings are not reported.
            BeatKind::Dialled
            | BeatKind::Rings
            | BeatKind::Held
            | BeatKind::Resumed
            | BeatKind::Transferred { .. }
            | BeatKind::LegEnded
            | BeatKind::VoicemailStarted
            | BeatKind::RecordingReady => {}
        }
    }
    wires
}

fn keys(call: &Call) -> Vec<String> {
    let contacts = 0..=usize::from(transferred(call));
    let legs = contacts.map(|number| format!("leg:{}", contact_id(call, number)));
    legs.chain([format!("session:{}", contact_id(call, 0))]).collect()
}

fn transferred(call: &Call) -> bool {
    matches!(call.story(), Story::BlindTransfer | Story::AttendedTransfer)
}

/// A transfer makes a second contact, for its agent; all other legs are within the first one.
fn contact_of(call: &Call, leg: &Leg) -> usize {
    usize::from(transferred(call) && leg.number == 2)
}

fn contact_id(call: &Call, number: usize) -> String {
    call.uuid("connect contact", number)
}

fn instance() -> String {
    format!("arn:aws:connect:{REGION}:{ACCOUNT}:instance/{INSTANCE}")
}

/// One contact of a call.
#[derive(Clone, Copy)]
struct Contact<'a> {
    call: &'a Call,
    number: usize,
    attributes: bool,
}

impl Contact<'_> {
    /// The leg of the agent who takes the contact, if one does; on calls to the outside the only leg.
    fn agent_leg(&self) -> Option<&Leg> {
        if self.call.agent_legs().is_empty() {
            return Some(self.call.root());
        }
        let mut legs = self.call.agent_legs().iter().filter(|leg| contact_of(self.call, leg) == self.number);
        legs.find(|leg| leg.end == End::Completed)
    }

    fn outbound(&self) -> bool {
        self.call.story().is_outbound()
    }

    /// When the agent is connected.
    fn agent_at(&self) -> Option<DateTime<Utc>> {
        let rings = self.call.scenes().find(|(beat, leg)| beat.kind == BeatKind::Rings && leg.is_root());
        if self.outbound() { rings.map(|(beat, _)| beat.at) } else { self.agent_leg()?.answered_at }
    }

    fn started_at(&self) -> DateTime<Utc> {
        match (self.number, self.call.leg(2)) {
            (1, Some(leg)) => leg.started_at,
            _ => self.call.started_at(),
        }
    }

    fn end(&self, beat: &Beat, wires: &mut Vec<Wire>) {
        wires.push(self.event(beat, "DISCONNECTED"));
        wires.push(self.event(beat, "COMPLETED"));
    }

    fn event(&self, beat: &Beat, event_type: &str) -> Wire {
        let id = contact_id(self.call, self.number);
        // Each type comes once for a contact.
        let event_id = self.call.uuid(event_type, self.number);
        let body = json!({
            "version": "0",
            "id": event_id,
            "detail-type": "Amazon Connect Contact Event",
            "source": "aws.connect",
            "account": ACCOUNT,
            "time": beat.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": [instance(), format!("{}/contact/{id}", instance())],
            "detail": self.detail(beat, event_type, &id),
        });
        Wire::post(beat.at, "application/json; charset=utf-8", body.to_string())
            .with("User-Agent", "Amazon/EventBridge/ApiDestinations")
    }

    fn detail(&self, beat: &Beat, event_type: &str, id: &str) -> Value {
        let mut detail = Map::new();
        let mut set = |name: &str, value: Value| {
            detail.insert(name.to_owned(), value);
        };
        let over = matches!(event_type, "DISCONNECTED" | "COMPLETED");
        set("eventType", event_type.into());
        set("contactId", id.into());
        if self.number > 0 {
            set("initialContactId", contact_id(self.call, 0).into());
            set("previousContactId", contact_id(self.call, 0).into());
        }
        // Both spellings are documented.
        set("channel", if over { "Voice" } else { "VOICE" }.into());
        set("instanceArn", instance().into());
        let method = match (self.number, self.outbound()) {
            (1, _) => "TRANSFER",
            (_, true) => "OUTBOUND",
            (_, false) => "INBOUND",
        };
        set("initiationMethod", method.into());
        set("initiationTimestamp", whole_second(self.started_at()).into());
        let connected = if self.outbound() { self.call.root().answered_at } else { Some(self.started_at()) };
        if let Some(connected) = connected.filter(|connected| *connected <= beat.at) {
            set("connectedToSystemTimestamp", whole_second(connected).into());
        }
        let queue = format!("{}/queue/{}", instance(), self.call.plan().queue);
        if event_type != "INITIATED" && !self.outbound() && self.number == 0 {
            set(
                "queueInfo",
                json!({ "queueArn": queue, "queueType": "STANDARD", "enqueueTimestamp": self.queued_at() }),
            );
        }
        if let Some(at) = self.agent_at().filter(|at| *at <= beat.at)
            && let Some(agent) = self.agent_leg().and_then(|leg| leg.agent)
        {
            let arn = format!("{}/agent/{}", instance(), agent.identity);
            // Both spellings are documented here too.
            let (info, name) = if over { ("AgentInfo", "AgentArn") } else { ("agentInfo", "agentArn") };
            set(info, json!({ name: arn, "connectedToAgentTimestamp": whole_second(at) }));
        }
        if over {
            set("disconnectTimestamp", whole_second(beat.at).into());
            set("disconnectReason", self.reason().into());
        }
        if self.attributes {
            set("attributes", self.attributes());
        }
        Value::Object(detail)
    }

    fn queued_at(&self) -> String {
        let queued = self.call.scenes().find(|(beat, _)| matches!(beat.kind, BeatKind::Queued | BeatKind::Dialled));
        whole_second(queued.map_or(self.call.started_at(), |(beat, _)| beat.at))
    }

    fn reason(&self) -> &'static str {
        let root = self.call.root();
        match (self.outbound(), root.end) {
            (true, End::Busy) => "TELECOM_BUSY",
            (true, End::NoAnswer) => "TELECOM_TIMEOUT",
            (false, _) if self.number == 0 && transferred(self.call) => "AGENT_DISCONNECT",
            (false, End::NoAnswer) => "CONTACT_FLOW_DISCONNECT",
            (false, End::Canceled) => "CUSTOMER_DISCONNECT",
            _ if self.call.plan().remote_hangs_up => "CUSTOMER_DISCONNECT",
            _ => "AGENT_DISCONNECT",
        }
    }

    /// What the contact flow has set.
    fn attributes(&self) -> Value {
        let text = |endpoint: Endpoint| match endpoint {
            Endpoint::Phone(text) | Endpoint::Sip(text) | Endpoint::Extension(text) => text,
            Endpoint::Withheld => String::new(),
        };
        let (from, to) = (text(self.call.from()), text(self.call.to()));
        let (customer, system) = if self.outbound() { (to, from) } else { (from, to) };
        json!({ "customerNumber": customer, "systemNumber": system, "language": "en-GB" })
    }
}

/// `2021-08-04T17:17:53.000Z`: cut, but with the digits.
fn whole_second(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
