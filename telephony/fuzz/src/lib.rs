//! What the fuzz targets do with their input.
//!
//! An input is a request as text, so that the fixtures are seeds and a crash can be read:
//!
//! ```text
//! POST status token=1
//! content-type: application/json
//!
//! the raw body
//! ```
//!
//! The words of the first line are the method, the purpose (`-` for none) and the query (may be missing).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use switchboard_telephony::{
    CallEvent, HookRequest, Method, Options, ParseContext, Provider, Secrets, VerifyContext, fold, provider,
};

/// Headers of one request that are looked at.
const MAX_HEADERS: usize = 32;

/// Runs the target of this name, `parse_<provider>` or `verify_<provider>`.
pub fn run(target: &str, data: &[u8]) {
    let (what, key) = target.split_once('_').expect("a target is called parse_… or verify_…");
    let provider = provider(key).expect("a target is called after a provider");
    let request = Request::read(data);
    match what {
        "parse" => parse(provider, &request),
        "verify" => verify(provider, &request),
        other => panic!("there is no target {other}"),
    }
}

struct Request<'a> {
    method: Method,
    purpose: Option<String>,
    url: String,
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn read(data: &'a [u8]) -> Self {
        let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
        let (head, body) = data.split_at(end);
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
        let method = match words.next() {
            Some("GET") => Method::Get,
            Some("OPTIONS") => Method::Options,
            _ => Method::Post,
        };
        let purpose = words.next().filter(|purpose| !purpose.is_empty() && *purpose != "-").map(str::to_owned);
        let path = purpose.as_ref().map(|purpose| format!("/{purpose}")).unwrap_or_default();
        let query = words.next().filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
        let headers = lines.take(MAX_HEADERS).filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Self {
            method,
            url: format!("https://crm.example.com/hooks/provider{path}{query}"),
            purpose,
            headers: headers.collect(),
            body: body.get(2..).unwrap_or_default(),
        }
    }

    fn hook(&self) -> HookRequest<'_> {
        HookRequest { method: self.method, url: &self.url, headers: &self.headers, body: self.body }
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_770_897_600, 0).expect("a time")
}

/// Whatever is sent: no panic, the same events again, keys that fit an index, events that survive storage, and a fold
/// that does not care for order.
fn parse(provider: &dyn Provider, request: &Request<'_>) {
    for region in [None, Some("DE".to_owned())] {
        let context = ParseContext { default_region: region, ..ParseContext::default() };
        let read = || provider.parse(&request.hook(), request.purpose.as_deref(), now(), &context);
        let result = read();
        assert_eq!(result, read(), "parsing is a function");
        let Ok(mut events) = result else { continue };
        for event in &events {
            assert!(!event.dedupe_key.is_empty() && event.dedupe_key.len() <= 200, "the key fits an index");
            assert!(event.correlation_keys().iter().all(|key| key.len() <= 200), "names fit an index");
            let stored = serde_json::to_string(event).expect("an event can be stored");
            let again: CallEvent = serde_json::from_str(&stored).expect("a stored event can be read");
            assert_eq!(*event, again, "storage keeps an event as it is");
        }
        let call = fold(&events);
        events.reverse();
        assert_eq!(call, fold(&events), "the order does not matter");
    }
    let _ = provider.answer(&request.hook(), request.purpose.as_deref());
    let _ = provider.steers(&request.hook(), request.purpose.as_deref());
}

/// Nobody without the secrets is let in, and what is signed as the provider signs never panics and is judged the same way
/// twice.
fn verify(provider: &dyn Provider, request: &Request<'_>) {
    let options = Options::new();
    let secrets = &*SECRETS;
    let context = VerifyContext::new(secrets, &options, now());
    assert!(provider.verify(&request.hook(), &context).is_err(), "a request that nobody signed is refused");
    let _ = provider.handshake(&request.hook(), &context);
    let signing = SECRETS.clone().with("private_key", private_key(provider.key()));
    let only_own = |secrets: &Secrets| {
        let fields = provider.secret_fields();
        let known = |name: &str| name == "private_key" || fields.iter().any(|field| field.name == name);
        secrets
            .names()
            .filter(|name| known(name))
            .map(|name| (name.to_owned(), secrets.get(name).unwrap_or_default().to_owned()))
            .collect::<Secrets>()
    };
    let signing = only_own(&signing);
    let hook = request.hook();
    if let Ok(added) = provider.sign(hook.method, hook.url, hook.headers, hook.body, &signing, now()) {
        let mut headers = request.headers.clone();
        headers.retain(|(name, _)| !added.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
        headers.extend(added);
        let signed = HookRequest { headers: &headers, ..hook };
        assert_eq!(provider.verify(&signed, &context), provider.verify(&signed, &context), "verifying is a function");
    }
}

/// Secrets under every name that a provider has. Random; no input can know them.
static SECRETS: LazyLock<Secrets> = LazyLock::new(|| {
    Secrets::new()
        .with("auth_token", "6cf0d8b1b2f8c7e9a1d3")
        .with("shared_key_id", "webhooks_sharedkey_fuzz")
        .with("shared_key_secret", "9b1c5f7a3e8d2c4b6a90")
        .with("signing_key", "PSK2f1e9d8c7b6a5f4e3d2c")
        .with("signature_secret", "qk3J9sV7tYwZ2mN8bR5xC1dF6gH4jL0p")
        .with("public_key", "kaKKC3Q4FZOk2UaVeSCJJq/IrYLIg5t2RDWbnrqaSzo=")
        .with("username", "hook")
        .with("password", "c2V2ZW50ZWVuIGJ5dGVz")
        .with("verification_token", "0d9f8e7c6b5a49382716")
        .with("api_key", "f1e2d3c4b5a697887766")
        .with("token", "1a2b3c4d5e6f708192a3")
        .with("secret", "whsec_CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8YYY=")
});

fn private_key(provider: &str) -> &'static str {
    match provider {
        "generic" => "whsk_DQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0=",
        _ => "DQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0=",
    }
}
