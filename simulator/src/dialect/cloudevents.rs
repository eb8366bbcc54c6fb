//! CloudEvents 1.0: our call events in the three ways of HTTP, and the status callbacks of Twilio Event Streams.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use switchboard_telephony::Secrets;

use super::generic::Generic;
use super::twilio::Twilio;
use super::{Credentials, Dialect, Retries};
use crate::{Call, Story, Tells, Wire};

/// How events come over HTTP.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CloudEvents {
    /// One JSON object.
    Structured,
    /// Attributes in headers.
    Binary,
    /// Several in an array.
    Batch,
    /// Twilio Event Streams: arrays of plain JSON.
    EventStreams,
}

/// Not here, beside the stories that Twilio's callbacks do not tell: messages, whose requests are no status callbacks.
const EVENT_STREAMS: &[Story] = &[
    Story::Answered,
    Story::Overflow,
    Story::Missed,
    Story::GaveUp,
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

/// Events that wait for company at most so long.
const BATCH_SECONDS: i64 = 2;

impl Dialect for CloudEvents {
    fn provider(&self) -> &'static str {
        "cloudevents"
    }

    fn variant(&self) -> &'static str {
        match self {
            Self::Structured => "",
            Self::Binary => "binary",
            Self::Batch => "batch",
            Self::EventStreams => "event-streams",
        }
    }

    fn tells(&self) -> Tells {
        match self {
            Self::EventStreams => Tells { stories: EVENT_STREAMS, recordings: false, ..Twilio.tells() },
            _ => Generic.tells(),
        }
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        match self {
            Self::EventStreams => event_streams(call),
            Self::Structured => events(call).iter().map(Event::structured).collect(),
            Self::Binary => events(call).iter().map(Event::binary).collect(),
            Self::Batch => batches(&events(call)),
        }
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        match self {
            Self::EventStreams => Twilio.keys(call),
            _ => Generic.keys(call),
        }
    }

    fn recording_id(&self, call: &Call) -> Option<String> {
        Generic.recording_id(call).filter(|_| *self != Self::EventStreams)
    }

    fn retries(&self) -> Retries {
        Retries { attempts: 6, pause: TimeDelta::milliseconds(250), on_server_errors: true }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut token = [0; 16];
        entropy(&mut token);
        let token = format!("{:032x}", u128::from_be_bytes(token));
        Credentials { connection: Secrets::new().with("token", token), private: Secrets::new() }
    }
}

/// An event before it is packed.
struct Event {
    at: DateTime<Utc>,
    id: String,
    kind: String,
    subject: String,
    sequence: String,
    data: Value,
}

/// The messages of our own format, whose `data` these events carry. The call is the subject too.
fn events(call: &Call) -> Vec<Event> {
    let mut events = Vec::new();
    for (number, wire) in Generic.wires(call).into_iter().enumerate() {
        let Ok(mut message) = serde_json::from_slice::<Map<String, Value>>(&wire.body) else { continue };
        let mut take = |name: &str| message.remove(name).unwrap_or_default();
        let (kind, data) = (take("type"), take("data"));
        events.push(Event {
            at: wire.at,
            id: call.uuid("cloudevent", number),
            kind: format!("com.example.pbx.{}", kind.as_str().unwrap_or_default()),
            subject: data.get("call_id").and_then(Value::as_str).unwrap_or_default().to_owned(),
            sequence: format!("{number:08}"),
            data,
        });
    }
    events
}

/// The context in which the events happen. Not ASCII, so that headers have to be encoded.
const SOURCE: &str = "/pbx/büro 1";

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Event {
    fn json(&self) -> Value {
        json!({
            "specversion": "1.0", "id": self.id, "source": SOURCE, "type": self.kind, "time": rfc3339(self.at),
            "subject": self.subject, "sequence": self.sequence, "datacontenttype": "application/json", "data": self.data,
        })
    }

    fn structured(&self) -> Wire {
        Wire::post(self.at, "application/cloudevents+json; charset=UTF-8", self.json().to_string())
    }

    fn binary(&self) -> Wire {
        Wire::json(self.at, &self.data)
            .with("ce-specversion", "1.0")
            .with("ce-id", &self.id)
            .with("ce-source", header_value(SOURCE))
            .with("ce-type", &self.kind)
            .with("ce-time", rfc3339(self.at))
            .with("ce-subject", &self.subject)
            .with("ce-sequence", &self.sequence)
    }
}

/// Spaces, quotes, percent signs and all that is not printable ASCII are percent-encoded in headers.
fn header_value(text: &str) -> String {
    let plain = |byte: u8| (b'!'..=b'~').contains(&byte) && byte != b'"' && byte != b'%';
    let write = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(write).collect()
}

/// Events that happen within some seconds come together, when the last of them has happened.
fn batches(events: &[Event]) -> Vec<Wire> {
    let near = |first: &Event, next: &Event| next.at - first.at <= TimeDelta::seconds(BATCH_SECONDS);
    let mut groups: Vec<Vec<&Event>> = Vec::new();
    for event in events {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|first| near(first, event)) => group.push(event),
            _ => groups.push(vec![event]),
        }
    }
    let batch = |group: &Vec<&Event>| {
        let events: Vec<Value> = group.iter().map(|event| event.json()).collect();
        let at = group.last().map(|event| event.at)?;
        Some(Wire::post(at, "application/cloudevents-batch+json", Value::from(events).to_string()))
    };
    groups.iter().filter_map(batch).collect()
}

/// The status callbacks of a call, each as an event that carries its parameters.
fn event_streams(call: &Call) -> Vec<Wire> {
    let callbacks = Twilio.wires(call).into_iter().filter(|wire| wire.purpose == Some("status")).enumerate();
    let wire = |(number, callback): (usize, Wire)| {
        let parameters: Map<String, Value> = form_urlencoded::parse(&callback.body)
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect();
        let status = parameters.get("CallStatus").and_then(Value::as_str).unwrap_or_default();
        // The type "completed" stands for every end.
        let kind = match status {
            "initiated" | "ringing" => status,
            "in-progress" => "answered",
            _ => "completed",
        };
        let event = json!([{
            "specversion": "1.0",
            "type": format!("com.twilio.voice.status-callback.call.{kind}"),
            "source": format!("AB{}", "0".repeat(32)),
            "id": format!("EZ{}", call.hex("event streams", number, 32)),
            "dataschema": "https://events-schemas.twilio.com/Voice.WebhookEvent/2",
            "datacontenttype": "application/json",
            "time": rfc3339(callback.at),
            "data": {
                "sid": parameters.get("CallSid"),
                "eventSid": format!("VW{}", call.hex("event streams event", number, 32)),
                "timestamp": rfc3339(callback.at),
                "request": { "method": "POST", "url": "https://mycompany.com/an-endpoint", "parameters": parameters },
                "response": { "responseCode": 204, "requestDuration": 140, "contentType": "", "responseBody": "" },
            },
        }]);
        Wire::json(callback.at, &event)
    };
    callbacks.map(wire).collect()
}
