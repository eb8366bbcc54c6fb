//! Reading the JSON of providers: forgiving about what is new or odd, exact about what an event stands on.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{ParseError, times};

/// The fields of a JSON object. `null` counts as absent, names are compared without regard to case when the exact one is
/// not there (Amazon Connect and others change the case of their names).
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The fields of a body that must be an object.
    pub(crate) fn of_object(value: &'a Value) -> Result<Self, ParseError> {
        value.as_object().map(Self).ok_or(ParseError::Body { expected: "a JSON object" })
    }

    /// The fields of a value, if it is an object.
    pub(crate) fn new(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// The fields of a map.
    pub(crate) fn new_of(map: &'a Map<String, Value>) -> Self {
        Self(map)
    }

    /// A field as it is; `null` is absent.
    pub(crate) fn value(self, name: &str) -> Option<&'a Value> {
        let other_case = || self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        self.0.get(name).or_else(other_case).filter(|value| !value.is_null())
    }

    /// The fields of a nested object.
    pub(crate) fn object(self, name: &str) -> Option<Self> {
        self.value(name).and_then(Self::new)
    }

    /// The elements of a nested list; empty when there is none.
    pub(crate) fn list(self, name: &str) -> &'a [Value] {
        self.value(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A text as it was sent, also an empty one; numbers are taken for one, because ids and extensions often are.
    pub(crate) fn sent(self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A trimmed text of which an empty one counts as absent.
    pub(crate) fn text(self, name: &str) -> Option<String> {
        self.sent(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A text that an event cannot do without.
    pub(crate) fn required(self, name: &'static str) -> Result<String, ParseError> {
        self.text(name).ok_or(ParseError::Missing { field: name })
    }

    /// A time in any of the spellings of [`times::read`]; what cannot be read is absent.
    pub(crate) fn time(self, name: &str) -> Option<DateTime<Utc>> {
        times::read(self.value(name)?.as_str()?)
    }

    /// A whole number, also one that is written as a text.
    pub(crate) fn integer(self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whole seconds from 0 to 4294967295, also written as a text; fractions are cut off.
    pub(crate) fn seconds(self, name: &str) -> Option<u32> {
        let seconds = match self.value(name)? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        whole_seconds(seconds)
    }

    /// A truth value, also one that is written as a text.
    pub(crate) fn flag(self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }
}

/// Reads a body that must be JSON.
pub(crate) fn read(body: &[u8]) -> Result<Value, ParseError> {
    serde_json::from_slice(body).map_err(|_| ParseError::Body { expected: "JSON" })
}

/// Seconds without their fraction; `None` outside 0 to 4294967295.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
pub(crate) fn whole_seconds(seconds: f64) -> Option<u32> {
    (0.0..=f64::from(u32::MAX)).contains(&seconds).then_some(seconds as u32)
}
