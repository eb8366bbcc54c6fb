//! Twilio Event Streams: `com.twilio.voice.status-callback.call.*` carries the parameters of a status callback.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::json::Fields;
use crate::twilio::Twilio;
use crate::{CallEvent, HookRequest, LegState, Method, ParseContext, ParseError, Provider};

/// The present name of the types, and the one before February 2024.
const PREFIXES: [&str; 2] =
    ["com.twilio.voice.status-callback.call.", "com.twilio.voice.webhook.status-callback.call."];
/// Parameters that are looked at: a status callback has some thirty.
const MAX_PARAMETERS: usize = 200;

/// What the type of an event says happened (`ringing`); `None` when it is no status callback of a call.
pub(super) fn status(kind: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| kind.strip_prefix(prefix))
}

/// The event of a status callback, as the adapter of Twilio reads it from the request that Twilio would have sent.
pub(super) fn event(
    status: &str,
    data: &Map<String, Value>,
    dedupe_key: &str,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<CallEvent, ParseError> {
    let fields = Fields::new_of(data);
    let mut form = Form::default();
    let parameters =
        fields.object("request").and_then(|request| request.value("parameters")).and_then(Value::as_object);
    for (name, value) in parameters.into_iter().flatten().take(MAX_PARAMETERS) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        form.add(&parameter_name(name), &text);
    }
    if !form.has("CallSid") {
        let sid = fields.text("sid").or_else(|| fields.text("CallSid"));
        form.add("CallSid", &sid.ok_or(ParseError::Missing { field: "data.sid" })?);
    }
    // The type "completed" stands for every end; how it ended is told by the parameters only.
    let told = form.has("CallStatus");
    if !told {
        form.add("CallStatus", status);
    }
    let request = HookRequest { method: Method::Post, url: "", headers: &[], body: form.text.as_bytes() };
    let events = Twilio.parse(&request, Some("status"), received_at, context)?;
    let mut event = events.into_iter().next().ok_or(ParseError::Missing { field: "data.request.parameters" })?;
    dedupe_key.clone_into(&mut event.dedupe_key);
    if !told && event.state == Some(LegState::Ended) {
        event.outcome = None;
    }
    event.occurred_at = event.occurred_at.or_else(|| fields.time("timestamp"));
    Ok(event)
}

/// Parameters have the names of the request (`CallSid`); the log of events writes them as `call_sid`.
fn parameter_name(name: &str) -> String {
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return name.to_owned();
    }
    let capitalised = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    name.split('_').map(capitalised).collect()
}

/// A form as Twilio would send it.
#[derive(Default)]
struct Form {
    text: String,
    names: Vec<String>,
}

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.escape(name);
        self.text.push('=');
        self.escape(value);
        if !value.trim().is_empty() {
            self.names.push(name.to_owned());
        }
    }

    fn escape(&mut self, text: &str) {
        for byte in text.bytes() {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
            self.text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}
