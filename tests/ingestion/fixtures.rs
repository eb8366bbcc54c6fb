//! The shared fixtures as envelopes.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use switchboard_core::envelope::Envelope;
use switchboard_telephony::{Method, provider};
use uuid::Uuid;

fn folder() -> PathBuf {
    PathBuf::from(
        std::env::var("FIX").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures").to_owned()),
    )
}

/// A file of the fixtures.
pub fn load(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

/// The provider that a fixture is of: its folder, but for the one that is called after the specification.
pub fn provider_of(name: &str) -> &str {
    match name.split('/').next().unwrap() {
        "standard-webhooks" => "generic",
        folder => folder,
    }
}

/// A fixture as it would have been accepted `order` seconds after the others.
pub fn envelope(name: &str, connection_id: Uuid, order: i64) -> Envelope {
    let fixture = load(name);
    let request = &fixture["request"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let url = text(&request["url"]);
    let path = url.split('?').next().unwrap();
    // Some captures keep the address that their publisher had configured.
    let rest = path.split_once("/hooks/").or_else(|| path.split_once(".example.com/")).unwrap().1;
    let purpose = rest.split_once('/').map(|(_, purpose)| purpose.to_owned());
    let provider_key = provider_of(name).to_owned();
    let kept = provider(&provider_key).unwrap_or_else(|| panic!("{name}: no provider {provider_key}")).stored_headers();
    let headers =
        request["headers"].as_object().unwrap().iter().map(|(name, value)| (name.to_lowercase(), text(value)));
    let received: DateTime<Utc> = "2026-02-12T12:00:00Z".parse().unwrap();
    Envelope {
        id: Uuid::now_v7(),
        connection_id,
        provider: provider_key,
        purpose,
        method: if request["method"] == "GET" { Method::Get } else { Method::Post },
        url,
        headers: headers.filter(|(name, _)| kept.contains(&name.as_str())).collect(),
        received_at: received + TimeDelta::seconds(order),
        unverified: None,
        body: Bytes::from(text(&request["body"])),
    }
}

/// The scenarios: name, deliveries, what must come out.
pub fn scenarios() -> Vec<(String, Vec<String>, Value)> {
    let file = load("scenarios");
    let list = file["scenarios"].as_array().unwrap();
    list.iter()
        .map(|scenario| {
            let deliver =
                scenario["deliver"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            (scenario["name"].as_str().unwrap().to_owned(), deliver, scenario["final"].clone())
        })
        .collect()
}
