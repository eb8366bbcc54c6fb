//! Reading the shared fixtures and asking providers as intake does.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde_json::Value;
use switchboard_telephony::{
    Answer, CallEvent, HookRequest, Method, Options, ParseContext, ParseError, Provider, Rejection, Secrets,
    VerifyContext, provider, providers,
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
        // Some captures keep the address that their publisher had configured.
        let rest = path.split_once("/hooks/").or_else(|| path.split_once(".example.com/")).map_or("", |(_, rest)| rest);
        rest.split_once('/').map(|(_, purpose)| purpose)
    }

    pub fn verify(&self, provider: &dyn Provider, secrets: &Secrets, now: DateTime<Utc>) -> Result<(), Rejection> {
        self.verify_with(provider, secrets, &Options::new(), now)
    }

    pub fn verify_with(
        &self,
        provider: &dyn Provider,
        secrets: &Secrets,
        options: &Options,
        now: DateTime<Utc>,
    ) -> Result<(), Rejection> {
        provider.verify(&self.hook(), &VerifyContext::new(secrets, options, now))
    }

    pub fn handshake(&self, provider: &dyn Provider, secrets: &Secrets, now: DateTime<Utc>) -> Option<Answer> {
        let options = Options::new();
        provider.handshake(&self.hook(), &VerifyContext::new(secrets, &options, now))
    }

    /// Parses what intake keeps: of the headers only those that the provider names.
    pub fn parse(&self, provider: &dyn Provider) -> Result<Vec<CallEvent>, ParseError> {
        self.parse_with(provider, &ParseContext::default())
    }

    pub fn parse_with(&self, provider: &dyn Provider, context: &ParseContext) -> Result<Vec<CallEvent>, ParseError> {
        let stored = provider.stored_headers();
        // The server knows header names in lower case only.
        let lower = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let headers = lower.filter(|(name, _)| stored.contains(&name.as_str())).collect();
        let stored = Self { headers, ..self.clone() };
        provider.parse(&stored.hook(), self.purpose(), received_at(), context)
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
            "OPTIONS" => Method::Options,
            other => panic!("{name}: method {other}"),
        };
        let headers = request["headers"].as_object().unwrap();
        let headers = headers.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let signing = &json["signing"];
        let folder = name.split('/').next().unwrap();
        let secrets = secrets_of(name, signing);
        let now = signing["now"].as_i64().or_else(|| signing["claims"]["iat"].as_i64());
        Self {
            name: name.to_owned(),
            provider: provider(provider_key(folder)).unwrap_or_else(|| panic!("{name}: no such provider")),
            request: Request { method, url: text(&request["url"]), headers, body: text(&request["body"]).into_bytes() },
            secrets,
            now: now.map_or(received_at(), |now| DateTime::from_timestamp(now, 0).unwrap()),
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
        let folders = providers().iter().map(|provider| fixture_folder(provider.key()));
        let mut names: Vec<String> = folders.flat_map(folder).collect();
        names.sort();
        names.iter().map(|name| Self::load(name)).collect()
    }

    pub fn events(&self) -> Vec<CallEvent> {
        self.request.parse(self.provider).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// The folder of a provider's fixtures.
pub fn fixture_folder(provider: &str) -> &str {
    if provider == "generic" { "standard-webhooks" } else { provider }
}

fn provider_key(folder: &str) -> &str {
    if folder == "standard-webhooks" { "generic" } else { folder }
}

/// Whether the provider of a fixture is in the registry.
pub fn has_provider(fixture: &str) -> bool {
    provider(provider_key(fixture.split('/').next().unwrap())).is_some()
}

/// The secrets of a connection that receives the fixture.
fn secrets_of(name: &str, signing: &Value) -> Secrets {
    let text = |field: &str| signing[field].as_str().unwrap_or_else(|| panic!("{name}: no {field}")).to_owned();
    let secrets = Secrets::new();
    let token = || text("value").trim_start_matches("Bearer ").to_owned();
    match signing["scheme"].as_str().unwrap() {
        "twilio-hmac-sha1" | "plivo-v3-hmac-sha256" => secrets.with("auth_token", text("auth_token")),
        "twilio-hmac-sha256-sharedkey" => {
            let secrets = secrets.with("shared_key_id", "webhooks_sharedkey_test0001");
            secrets.with("shared_key_secret", text("auth_token"))
        }
        "standard-webhooks-v1" => secrets.with("secret", text("secret")),
        "standard-webhooks-v1a" => secrets.with("public_key", text("public_key")),
        "signalwire-compat-hmac-sha1" | "signalwire-hex-hmac-sha1" => secrets.with("signing_key", text("signing_key")),
        "telnyx-ed25519" => secrets.with("public_key", text("public_key_b64")),
        "vonage-jwt-hs256" => secrets.with("signature_secret", text("signature_secret")),
        "http-basic" => secrets.with("username", text("username")).with("password", text("password")),
        "bearer" => secrets.with("token", token()),
        "static-header" if name.starts_with("ringcentral/") => secrets.with("verification_token", text("value")),
        "static-header" if name.starts_with("amazon-connect/") => secrets.with("api_key", text("value")),
        other => panic!("{name}: scheme {other}"),
    }
}
