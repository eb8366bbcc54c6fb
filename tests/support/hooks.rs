//! Requests as providers send them. The signatures are made here from the providers' documentation and not by the product's
//! own code, so that a mistake in that cannot cancel itself out.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

use super::server::{PUBLIC_URL, random_hex};

/// One provider request, ready to be sent, or to be damaged first.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Path and query on the server.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Hook {
    /// Replaces or adds a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The same request without the header.
    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sends it as POST to the base URL, such as `http://127.0.0.1:8080`.
    pub async fn post(&self, base: &str) -> reqwest::Result<reqwest::Response> {
        let request = reqwest::Client::new().post(format!("{base}{}", self.path));
        request.headers(self.headers.clone()).body(self.body.clone()).send().await
    }
}

/// A Twilio connection of a server.
#[derive(Clone, Debug)]
pub struct TwilioConnection {
    pub token: String,
    /// `/hooks/twilio`, or `/hooks/twilio.slug` of a further connection.
    pub path: String,
}

impl TwilioConnection {
    /// A signed form for the purpose (`voice`, `status`, `dial`, `recording`).
    pub fn request(&self, purpose: &str, parameters: &[(&str, &str)]) -> Hook {
        let path = format!("{}/{purpose}", self.path);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let hook = Hook { path: path.clone(), headers: HeaderMap::new(), body: body.into_bytes() };
        hook.header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
            .header("x-twilio-signature", &twilio_signature(&self.token, &format!("{PUBLIC_URL}{path}"), parameters))
    }

    /// The first request of an inbound call, as Twilio sends it when the phone rings.
    pub fn ringing(&self, call: &str, from: &str, to: &str) -> Hook {
        self.request(
            "voice",
            &[
                ("AccountSid", "AC00000000000000000000000000000001"),
                ("ApiVersion", "2010-04-01"),
                ("CallSid", call),
                ("CallStatus", "ringing"),
                ("Direction", "inbound"),
                ("From", from),
                ("To", to),
            ],
        )
    }
}

/// A new call identifier in Twilio's form.
pub fn call_sid() -> String {
    format!("CA{}", random_hex(16))
}

/// Base64 of HMAC-SHA1 over the URL followed by the parameters, sorted by name, each as name and value
/// (Twilio, "Validating Signatures from Twilio").
pub fn twilio_signature(token: &str, url: &str, parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    // A pair that occurs twice counts once.
    sorted.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("any key length");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A connection that speaks Standard Webhooks.
#[derive(Clone, Debug)]
pub struct GenericConnection {
    /// `whsec_` and the key in base64.
    pub secret: String,
    pub path: String,
}

impl GenericConnection {
    /// For a connection that is still to be added.
    pub fn with_random_secret() -> Self {
        let secret = format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 24]>()));
        Self { secret, path: "/hooks/generic".to_owned() }
    }

    /// A signed event with the message id, dated now.
    pub fn request(&self, id: &str, event: &Value) -> Hook {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let body = serde_json::to_vec(event).expect("JSON can be written");
        let timestamp = now.to_string();
        let signature = standard_signature(&self.secret, id, &timestamp, &body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Hook { path: self.path.clone(), headers, body }
            .header("webhook-id", id)
            .header("webhook-timestamp", &timestamp)
            .header("webhook-signature", &signature)
    }
}

/// `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks, "Signature scheme").
pub fn standard_signature(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("the secret is base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
