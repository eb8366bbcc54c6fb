//! The three encodings of a report (`encode` in `json_cdr.conf.xml`), and the encoding of the values inside it
//! (`encode-values`).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::form::{Params, percent_decoded};
use crate::json::Fields;
use crate::{HookRequest, ParseError, json};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A report.
pub(super) struct Report {
    whole: Value,
    /// The variables of the channel, plain.
    variables: Map<String, Value>,
}

impl Report {
    pub(super) fn whole(&self) -> Option<Fields<'_>> {
        Fields::new(&self.whole)
    }

    /// A variable of the channel; an empty one counts as absent.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.sent_variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A variable of the channel, also an empty one.
    pub(super) fn sent_variable(&self, name: &str) -> Option<String> {
        match self.variables.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// Reads the body of a request; `encode_values` is the option of the connection.
pub(super) fn read(request: &HookRequest<'_>, encode_values: &str) -> Result<Report, ParseError> {
    let whole = json::read(&json_of(request)?)?;
    let fields = Fields::of_object(&whole)?;
    let variables = fields.value("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let encoded = match encode_values {
        "on" => true,
        "off" => false,
        _ => are_encoded(&variables),
    };
    let variables =
        if encoded { variables.into_iter().map(|(name, value)| (name, plain(value))).collect() } else { variables };
    Ok(Report { whole, variables })
}

/// The JSON of a body. The media type says how it is packed; what the body begins with decides when it does not.
fn json_of<'a>(request: &HookRequest<'a>) -> Result<Cow<'a, [u8]>, ParseError> {
    let media_type = request.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    let body = request.body;
    if body.trim_ascii_start().starts_with(b"{") {
        return Ok(Cow::Borrowed(body));
    }
    let packed = body.trim_ascii_start().strip_prefix(b"cdr=");
    let packed = packed.ok_or(ParseError::Body { expected: "JSON, or a form with the field cdr" })?;
    let begins_as_form = packed.starts_with(b"%7B") || packed.starts_with(b"%7b") || packed.starts_with(b"{");
    if media_type == "application/x-www-form-base64-encoded" || !begins_as_form {
        from_base64(packed).map(Cow::Owned)
    } else {
        let json = Params::read(body).get("cdr").map(|json| json.as_bytes().to_vec());
        json.map(Cow::Owned).ok_or(ParseError::Missing { field: "cdr" })
    }
}

/// Base64 as `FreeSWITCH` sends it: not percent-encoded, a line break after every 72 characters. Whoever posts a file by
/// hand may well have encoded it.
fn from_base64(packed: &[u8]) -> Result<Vec<u8>, ParseError> {
    let decoded = percent_decoded(packed);
    let text: Vec<u8> = decoded.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    LENIENT.decode(text).map_err(|_| ParseError::Field { field: "cdr", expected: "JSON in base64" })
}

/// Whether the values are percent-encoded. Encoding leaves neither spaces nor quotes nor a `%` without its two digits,
/// and every report has values with spaces (its times), so a single such value decides.
fn are_encoded(variables: &Map<String, Value>) -> bool {
    let mut texts = variables.values().filter_map(Value::as_str);
    let raw =
        |byte: u8| matches!(byte, b' ' | b'"' | b'<' | b'>' | b'\r' | b'\n' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`');
    !texts.any(|text| text.bytes().any(raw) || has_bare_percent(text.as_bytes()))
}

fn has_bare_percent(text: &[u8]) -> bool {
    let is_code = |code: &[u8]| code.len() == 2 && code.iter().all(u8::is_ascii_hexdigit);
    text.iter().enumerate().any(|(at, byte)| *byte == b'%' && !text.get(at + 1..at + 3).is_some_and(is_code))
}

fn plain(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('%') => {
            Value::String(String::from_utf8_lossy(&percent_decoded(text.as_bytes())).into_owned())
        }
        other => other,
    }
}
