//! The three ways in which events come over HTTP.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::envelope::{Envelope, Envelopes};
use crate::form::percent_decoded;
use crate::{HookRequest, ParseError, json};

/// The headers of the binary mode that are read, and the media type.
pub(super) const HEADERS: &[&str] = &[
    "content-type",
    "ce-specversion",
    "ce-id",
    "ce-source",
    "ce-type",
    "ce-subject",
    "ce-time",
    "ce-sequence",
    "ce-sequencetype",
];

/// Events of the largest batch.
const MAX_BATCH: usize = 1000;

/// Reads the events of a request. The media type tells the mode; senders that give a plain JSON type (Twilio) are
/// understood by what they send.
pub(super) fn read(request: &HookRequest<'_>) -> Result<Envelopes, ParseError> {
    let media_type = request.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    if media_type.starts_with("application/cloudevents-batch") {
        let events = of_json(&media_type, "application/cloudevents-batch+json", request.body)?;
        return batch(&events);
    }
    if media_type.starts_with("application/cloudevents") {
        let event = of_json(&media_type, "application/cloudevents+json", request.body)?;
        return Envelope::structured(&event).map(Envelopes::one);
    }
    if ["ce-specversion", "ce-id", "ce-type"].iter().any(|name| request.header(name).is_some()) {
        return binary(request, &media_type).map(Envelopes::one);
    }
    let expected = "a CloudEvent: there are neither ce- headers nor a JSON object or array of them";
    let body = json::read(request.body).map_err(|_| ParseError::Body { expected })?;
    match &body {
        Value::Array(_) => batch(&body),
        Value::Object(_) => Envelope::structured(&body).map(Envelopes::one),
        _ => Err(ParseError::Body { expected }),
    }
}

/// JSON is the one format of events that every sender must have; the others are not read.
fn of_json(media_type: &str, expected: &'static str, body: &[u8]) -> Result<Value, ParseError> {
    if media_type == expected { json::read(body) } else { Err(ParseError::Body { expected }) }
}

fn batch(body: &Value) -> Result<Envelopes, ParseError> {
    match body {
        Value::Array(events) if events.len() <= MAX_BATCH => Ok(Envelopes::batch(events)),
        Value::Array(_) => Err(ParseError::Body { expected: "a batch of at most 1000 events" }),
        _ => Err(ParseError::Body { expected: "a JSON array of CloudEvents" }),
    }
}

/// Binary mode: attributes in headers, the body is the data.
fn binary(request: &HookRequest<'_>, media_type: &str) -> Result<Envelope, ParseError> {
    let mut attributes = Map::new();
    for name in HEADERS {
        if let (Some(attribute), Some(value)) = (name.strip_prefix("ce-"), request.header(name)) {
            attributes.insert(attribute.to_owned(), Value::String(header_value(value)));
        }
    }
    let is_json = media_type.is_empty() || media_type == "text/json" || media_type.ends_with("json");
    // What is not JSON can only be the data of a type that we do not know.
    let data = if is_json { json::read(request.body).ok() } else { None };
    Envelope::read(&attributes, data)
}

/// A value of a header: double quotes are taken away (RFC 7230, 3.2.6), then percent-encoding, once.
fn header_value(value: &str) -> String {
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain: Cow<'_, str> = match quoted {
        Some(inner) => {
            let mut unescaped = String::with_capacity(inner.len());
            let mut chars = inner.chars();
            while let Some(c) = chars.next() {
                unescaped.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
            }
            Cow::Owned(unescaped)
        }
        None => Cow::Borrowed(value),
    };
    String::from_utf8_lossy(&percent_decoded(plain.as_bytes())).into_owned()
}
