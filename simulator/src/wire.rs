//! One request of a provider, before it is signed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use switchboard_telephony::Method;

/// One request of a provider, before it is signed. What differs from sending to sending (signatures, their times) is added
/// by [`switchboard_telephony::Provider::sign`].
#[derive(Clone, PartialEq, Eq)]
pub struct Wire {
    /// When the provider sends it, by the time of the simulation.
    pub at: DateTime<Utc>,
    /// The method.
    pub method: Method,
    /// The word behind the connection in the URL, one of [`switchboard_telephony::Provider::purposes`].
    pub purpose: Option<&'static str>,
    /// The query of the URL without `?`, percent-encoded; empty: none.
    pub query: String,
    /// Headers but for those of the signature.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Wire {
    /// A POST with a body.
    pub fn post(at: DateTime<Utc>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { at, method: Method::Post, purpose: None, query: String::new(), headers, body: body.into() }
    }

    /// A POST of JSON (`application/json`). The names of an object are sorted, so that the bytes are always the same.
    pub fn json(at: DateTime<Utc>, body: &Value) -> Self {
        Self::post(at, "application/json", body.to_string())
    }

    /// A POST of a form, in the order given.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(at: DateTime<Utc>, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::post(at, "application/x-www-form-urlencoded; charset=UTF-8", encode(fields))
    }

    /// A GET whose parameters are in the query, in the order given.
    pub fn get<N: AsRef<str>, V: AsRef<str>>(at: DateTime<Utc>, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let query = encode(fields);
        Self { at, method: Method::Get, purpose: None, query, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with a purpose.
    #[must_use]
    pub fn to(self, purpose: &'static str) -> Self {
        Self { purpose: Some(purpose), ..self }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The URL, from that of the connection (`https://crm.example.com/hooks/twilio`, without a purpose).
    pub fn url(&self, connection: &str) -> String {
        let mut url = connection.to_owned();
        if let Some(purpose) = self.purpose {
            url.push('/');
            url.push_str(purpose);
        }
        if !self.query.is_empty() {
            url.push('?');
            url.push_str(&self.query);
        }
        url
    }
}

impl std::fmt::Debug for Wire {
    /// Without query, values of headers and body: logs stay free of numbers, also invented ones.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("at", &self.at)
            .field("method", &self.method)
            .field("purpose", &self.purpose)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn encode<N: AsRef<str>, V: AsRef<str>>(fields: impl IntoIterator<Item = (N, V)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
