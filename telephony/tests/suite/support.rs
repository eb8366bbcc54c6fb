//! Reading the shared fixtures and asking providers as intake does.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde_json::Value;
use switchboard_telephony::{
    CallEvent, HookRequest, Method, ParseContext, ParseError, Provider, Rejection, Secrets, provider,
};

/// A request that owns its parts.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn post(url: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { method: Method::Post, url: url.to_owned(), headers, body: body.into() }
    }

    pub fn form(url: &str, pairs: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self::post(url, "application/x-www-form-urlencoded; charset=UTF-8", body)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn hook(&self) -> HookRequest<'_> {
        HookRequest { method: self.method, url: &self.url, headers: &self.headers, body: &self.body }
    }

    pub fn signed(mut self, provider: &dyn Provider, secrets: &Secrets, now: DateTime<Utc>) -> Self {
        let added = provider.sign(self.method, &self.url, &self.headers, &self.body, secrets, now).unwrap();
        self.headers.extend(added);
        self
    }

    pub fn purpose(&self) -> Option<&str> {
        let path = self.url.split('?').next().unwrap();
        path.split_once("/hooks/").unwrap().1.split_once('/').map(|(_, purpose)| purpose)
    }

    pub fn verify(&self, provider: &dyn Provider, secrets: &Secrets, now: DateTime<Utc>) -> Result<(), Rejection> {
        provider.verify(&self.hook(), secrets, now)
    }

    /// Parses what intake keeps: of the headers only those that the provider names.
    pub fn parse(&self, provider: &dyn Provider) -> Result<Vec<CallEvent>, ParseError> {
        let stored = provider.stored_headers();
        let kept = |name: &str| stored.contains(&name.to_ascii_lowercase().as_str());
        let headers = self.headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
        let stored = Self { headers, ..self.clone() };
        provider.parse(&stored.hook(), self.purpose(), received_at(), &ParseContext::default())
    }
}

pub fn received_at() -> DateTime<Utc> {
    time("2026-02-12T12:00:00Z")
}

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn twilio() -> &'static dyn Provider {
    provider("twilio").unwrap()
}

pub fn generic() -> &'static dyn Provider {
    provider("generic").unwrap()
}

pub fn fixtures_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

pub fn read_json(path: &str) -> Value {
    let text = std::fs::read_to_string(fixtures_dir().join(path)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// One shared fixture.
pub struct Fixture {
    pub name: String,
    pub provider: &'static dyn Provider,
    pub request: Request,
    pub secrets: Secrets,
    pub now: DateTime<Utc>,
    pub should_verify: bool,
    pub expect: Value,
}

impl Fixture {
    pub fn load(name: &str) -> Self {
        let json = read_json(&format!("{name}.json"));
        let request = &json["request"];
        let method = match request["method"].as_str().unwrap() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            other => panic!("{name}: method {other}"),
        };
        let headers = request["headers"].as_object().unwrap();
        let headers = headers.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let signing = &json["signing"];
        let (key, secrets) = match signing["scheme"].as_str().unwrap() {
            "twilio-hmac-sha1" => ("twilio", Secrets::new().with("auth_token", text(&signing["auth_token"]))),
            "twilio-hmac-sha256-sharedkey" => {
                let secrets = Secrets::new().with("shared_key_id", "webhooks_sharedkey_test0001");
                ("twilio", secrets.with("shared_key_secret", text(&signing["auth_token"])))
            }
            "standard-webhooks-v1" => ("generic", Secrets::new().with("secret", text(&signing["secret"]))),
            "standard-webhooks-v1a" => ("generic", Secrets::new().with("public_key", text(&signing["public_key"]))),
            other => panic!("{name}: scheme {other}"),
        };
        Self {
            name: name.to_owned(),
            provider: provider(key).unwrap(),
            request: Request { method, url: text(&request["url"]), headers, body: text(&request["body"]).into_bytes() },
            secrets,
            now: signing["now"].as_i64().map_or(received_at(), |now| DateTime::from_timestamp(now, 0).unwrap()),
            should_verify: signing["should_verify"].as_bool().unwrap(),
            expect: json["expect"].clone(),
        }
    }

    pub fn all() -> Vec<Self> {
        let folder = |name: &str| -> Vec<String> {
            let files = std::fs::read_dir(fixtures_dir().join(name)).unwrap();
            let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            let json = files.filter_map(|file| file.strip_suffix(".json").map(ToOwned::to_owned));
            json.filter(|file| file != "signature_vectors").map(|file| format!("{name}/{file}")).collect()
        };
        let mut names = [folder("twilio"), folder("standard-webhooks")].concat();
        names.sort();
        names.iter().map(|name| Self::load(name)).collect()
    }

    pub fn events(&self) -> Vec<CallEvent> {
        self.request.parse(self.provider).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}
