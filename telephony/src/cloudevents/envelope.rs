//! The attributes of an event, and what its data says of a call.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{event_streams, sequence};
use crate::generic::body::{self, known};
use crate::json::Fields;
use crate::signature::sha256_hex;
use crate::{CallEvent, EventKind, LegState, ParseContext, ParseError, keys};

/// The events of one request.
pub(super) struct Envelopes {
    events: Vec<Result<Envelope, (String, ParseError)>>,
}

impl Envelopes {
    pub(super) fn one(event: Envelope) -> Self {
        Self { events: vec![Ok(event)] }
    }

    /// A batch. One unreadable event must not cost the others: it is kept as one that is ignored.
    pub(super) fn batch(events: &[Value]) -> Self {
        let read = |event: &Value| {
            // Without its attributes an event has no identity but its content.
            let key = || format!("unreadable:{}", sha256_hex(event.to_string().as_bytes()));
            Envelope::structured(event).map_err(|error| (key(), error))
        };
        Self { events: events.iter().map(read).collect() }
    }

    /// The call events. The error of the first one when none can be read.
    pub(super) fn events(
        self,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        let mut events = Vec::with_capacity(self.events.len());
        let mut first_error = None;
        let mut readable = self.events.is_empty();
        for envelope in self.events {
            let (key, result) = match envelope {
                Ok(envelope) => (envelope.dedupe_key(), envelope.event(received_at, context)),
                Err((key, error)) => (key, Err(error)),
            };
            match result {
                Ok(event) => {
                    readable = true;
                    events.push(event);
                }
                Err(error) => {
                    let mut event = CallEvent::new(key, EventKind::Ignored, received_at);
                    event.provider_reason = Some(error.to_string());
                    events.push(event);
                    first_error = first_error.or(Some(error));
                }
            }
        }
        match first_error {
            Some(error) if !readable => Err(error),
            _ => Ok(events),
        }
    }
}

/// One event.
pub(super) struct Envelope {
    id: String,
    source: String,
    kind: String,
    subject: Option<String>,
    time: Option<DateTime<Utc>>,
    seq: Option<i64>,
    data: Option<Value>,
}

impl Envelope {
    /// An event that is one JSON object, with `data` or `data_base64`.
    pub(super) fn structured(event: &Value) -> Result<Self, ParseError> {
        let attributes = event.as_object();
        let attributes = attributes.ok_or(ParseError::Body { expected: "a CloudEvent (a JSON object)" })?;
        let present = |name: &str| attributes.get(name).filter(|value| !value.is_null());
        let data = match (present("data"), present("data_base64")) {
            // JSON inside a text: senders that serialise twice.
            (Some(Value::String(text)), _) => serde_json::from_str(text).ok(),
            (Some(data), _) => Some(data.clone()),
            (None, Some(packed)) => {
                let bytes = packed.as_str().and_then(|text| STANDARD.decode(text.trim()).ok());
                let bytes = bytes.ok_or(ParseError::Field { field: "data_base64", expected: "base64" })?;
                serde_json::from_slice(&bytes).ok()
            }
            (None, None) => None,
        };
        Self::read(attributes, data)
    }

    /// The attributes of any mode. Optional ones that cannot be read are absent.
    pub(super) fn read(attributes: &Map<String, Value>, data: Option<Value>) -> Result<Self, ParseError> {
        let fields = Fields::new_of(attributes);
        if fields.required("specversion")? != "1.0" {
            return Err(ParseError::Field { field: "specversion", expected: "1.0" });
        }
        let kind = fields.text("sequencetype");
        Ok(Self {
            id: fields.required("id")?,
            source: fields.required("source")?,
            kind: fields.required("type")?,
            subject: fields.text("subject"),
            time: fields.time("time"),
            seq: fields.text("sequence").and_then(|text| sequence::number(&text, kind.as_deref())),
            data,
        })
    }

    /// `source|id`: together they name an event for ever. Hashed where they are long, could name a person or could be
    /// divided in two ways.
    fn dedupe_key(&self) -> String {
        let key = format!("{}|{}", self.source, self.id);
        if self.source.contains('|') || self.id.contains('|') {
            return sha256_hex(format!("{}|{key}", self.source.len()).as_bytes());
        }
        keys::part(&key)
    }

    fn event(self, received_at: DateTime<Utc>, context: &ParseContext) -> Result<CallEvent, ParseError> {
        let nothing = Map::new();
        let data = self.data.as_ref().and_then(Value::as_object);
        let dedupe_key = self.dedupe_key();
        let mut event = if let Some(status) = event_streams::status(&self.kind) {
            event_streams::event(status, data.unwrap_or(&nothing), &dedupe_key, received_at, context)?
        } else {
            let envelope = body::Envelope { dedupe_key, call_id: self.subject.clone(), received_at };
            match ours(&self.kind) {
                Some(known) => {
                    // An event without data may be all there is to say of the call that it is about.
                    let data = match (data, &self.data) {
                        (Some(data), _) => data,
                        (None, None) => &nothing,
                        (None, Some(_)) => return Err(ParseError::Field { field: "data", expected: "a JSON object" }),
                    };
                    envelope.event(known, data, context)?
                }
                None => envelope.ignored(&self.kind, data.unwrap_or(&nothing)),
            }
        };
        event.occurred_at = event.occurred_at.or(self.time);
        event.seq = self.seq.or(event.seq);
        Ok(event)
    }
}

/// The kind of a type that ends like one of ours: `call.ended`, `com.example.call.ended`, `com.example.call.ended.v1`.
/// Types of Twilio are not ours, however they end.
fn ours(kind: &str) -> Option<(EventKind, Option<LegState>)> {
    if kind.starts_with("com.twilio.") {
        return None;
    }
    let is_version = |part: &str| {
        let digits = part.strip_prefix(['v', 'V']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let kind = kind.rsplit_once('.').filter(|(_, last)| is_version(last)).map_or(kind, |(before, _)| before);
    let (before, last) = kind.rsplit_once('.')?;
    let group = before.rsplit('.').next()?;
    known(&format!("{group}.{last}"))
}
