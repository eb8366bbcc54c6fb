//! Finding the event in the shapes in which it comes.

use serde_json::{Map, Value};

use crate::form::Params;
use crate::json::{self, Fields};
use crate::{HookRequest, Method, ParseError};

/// Names nested in the brackets of one parameter: `data[payload][from]` has three.
const DEEPEST: usize = 4;
/// Parameters of a query that are looked at.
const MAX_PARAMETERS: usize = 500;

/// The body, or the parameters of a query as if they were one.
pub(super) fn read(request: &HookRequest<'_>) -> Result<Value, ParseError> {
    match request.method {
        Method::Get => Ok(from_query(request.query())),
        Method::Post | Method::Options => json::read(request.body),
    }
}

/// An event, wherever it was found.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// Its type, id and time.
    pub(super) event: Fields<'a>,
    /// What is said about the call.
    pub(super) payload: Fields<'a>,
    /// The same as it came.
    pub(super) payload_value: &'a Value,
    /// What stands around it: the delivery log repeats the ids of the call there.
    pub(super) outer: Fields<'a>,
}

impl<'a> Found<'a> {
    /// Finds the event in the envelope (`data`), in a delivery log (`metadata.event`), or bare.
    pub(super) fn find(value: &'a Value) -> Result<Self, ParseError> {
        let outer = Fields::of_object(value)?;
        let enveloped = |value: &'a Value| {
            let data = Fields::new(value)?.value("data")?;
            Fields::new(data).filter(|data| data.text("event_type").is_some()).map(|_| data)
        };
        let logged = outer.object("metadata").and_then(|metadata| metadata.value("event"));
        let inner = logged.map(|event| enveloped(event).unwrap_or(event)).or_else(|| enveloped(value)).unwrap_or(value);
        let event = Fields::new(inner).unwrap_or(outer);
        let nested = event.value("payload").and_then(|value| Some((Fields::new(value)?, value)));
        let (payload, payload_value) = nested.unwrap_or((event, inner));
        Ok(Self { event, payload, payload_value, outer })
    }

    /// The type in the words of API v2: v1 wrote `call_initiated`.
    pub(super) fn event_type(&self) -> Option<String> {
        let word = self.event.text("event_type").or_else(|| self.outer.text("event_type")).or_else(|| {
            // The delivery log calls it so.
            self.outer.text("name")
        })?;
        let word = word.to_ascii_lowercase();
        Some(if word.contains('.') { word } else { word.replace('_', ".") })
    }

    /// A text about the call, from its payload or from what stands around it.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.payload.text(name).or_else(|| self.event.text(name)).or_else(|| self.outer.text(name))
    }
}

/// The parameters of a query as a JSON object. Names may be nested with brackets (`payload[from]`) or dots, and a value may
/// be an object in JSON.
fn from_query(query: &str) -> Value {
    let params = Params::read(query.as_bytes());
    let mut root = Map::new();
    for (name, value) in params.sorted().into_iter().take(MAX_PARAMETERS) {
        let path: Vec<&str> = name.split(['[', ']', '.']).filter(|part| !part.is_empty()).collect();
        if path.len() <= DEEPEST
            && let Some((last, parents)) = path.split_last()
        {
            insert(&mut root, parents, last, scalar(value));
        }
    }
    Value::Object(root)
}

fn insert(root: &mut Map<String, Value>, parents: &[&str], last: &str, value: Value) {
    let mut object = root;
    for parent in parents {
        let entry = object.entry((*parent).to_owned()).or_insert_with(|| Value::Object(Map::new()));
        // A name that is a value and an object at once: the value stands.
        let Value::Object(next) = entry else { return };
        object = next;
    }
    object.entry(last.to_owned()).or_insert(value);
}

fn scalar(value: &str) -> Value {
    let object = value.trim_start().starts_with('{').then(|| serde_json::from_str(value).ok()).flatten();
    match object {
        Some(object) => object,
        None if value.is_empty() || value == "null" => Value::Null,
        None => Value::String(value.to_owned()),
    }
}
