//! Connections to phone providers: the catalogue, what is set, and changing it.

use serde_json::{Value, json};
use switchboard_core::{
    access::Actor,
    connections::{self, NewConnection},
};
use switchboard_entities::provider_connection;
use switchboard_telephony::{Secrets, providers};

use crate::world::{Person, World};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const NEW_TOKEN: &str = "fedcba9876543210fedcba9876543210";
const FIELDS: &str = "id version provider name slug defaultRegion hookUrls { purpose url } advice
    settings { clockSkewSeconds baseUrl trustForwarded options { name value } answers { purpose document } }
    secrets { name set previousValid }
    monitor { active since until wouldBeRefused lastReason lastAt } lastDeliveryAt";

async fn connect(world: &World) -> provider_connection::Model {
    let new = NewConnection {
        provider: "twilio".to_owned(),
        name: Some("Berlin".to_owned()),
        slug: None,
        secrets: Secrets::new().with("auth_token", TOKEN),
        default_region: None,
    };
    connections::add(&world.app, &Actor::System("test"), new, "test").await.unwrap()
}

async fn mutate(world: &World, person: &Person, name: &str, input: Value) -> crate::world::Answer {
    let ty = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let operation = format!("mutation($input: {ty}!) {{ {name}(input: $input) {{ connection {{ {FIELDS} }} }} }}");
    world.ask(person, &operation, json!({"input": input})).await
}

async fn changed(world: &World, person: &Person, name: &str, input: Value) -> Value {
    mutate(world, person, name, input).await.data()[name]["connection"].take()
}

/// Paths of the fields that are wrong.
fn paths(answer: &crate::world::Answer) -> Vec<String> {
    assert_eq!(answer.code(), "INVALID", "{}", answer.text);
    let json = answer.json();
    let fields = json["errors"][0]["extensions"]["fields"].as_array().unwrap();
    fields.iter().map(|field| field["path"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_catalogue_has_every_provider() {
    let world = World::new().await;
    let auditor = world.person("Otto", "auditor").await;
    let query = "{ providers { key title purposes setup advice urlFragment
        secretFields { name required description previous } optionFields { name description default values }
        callControl { language syntax root purposes defaultEffect maxBytes } } }";
    let data = world.ask(&auditor, query, json!({})).await.data();
    let shown = data["providers"].as_array().unwrap();
    let keys: Vec<&str> = shown.iter().map(|provider| provider["key"].as_str().unwrap()).collect();
    assert_eq!(keys, providers().iter().map(|provider| provider.key()).collect::<Vec<_>>());
    for (shown, provider) in shown.iter().zip(providers()) {
        assert_eq!(shown["secretFields"].as_array().unwrap().len(), provider.secret_fields().len());
        assert_eq!(shown["optionFields"].as_array().unwrap().len(), provider.options().len());
        assert_eq!(shown["callControl"].is_null(), provider.call_control().is_none());
        assert!(!shown["setup"].as_array().unwrap().is_empty(), "{shown}");
    }
    let twilio = shown.iter().find(|provider| provider["key"] == "twilio").unwrap();
    assert_eq!(twilio["secretFields"][0]["previous"], "auth_token_secondary");
    assert_eq!((&twilio["callControl"]["syntax"], &twilio["callControl"]["root"]), (&json!("XML"), &json!("Response")));
    let agent = world.person("Mia", "agent").await;
    assert_eq!(world.ask(&agent, query, json!({})).await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn settings_are_shown_and_changed_field_by_field() {
    let world = World::new().await;
    let admin = world.person("Ada", "admin").await;
    let row = connect(&world).await;
    let one = format!("query($id: UUID!) {{ providerConnection(id: $id) {{ {FIELDS} }} }}");
    let shown = world.ask(&admin, &one, json!({"id": row.id})).await.data()["providerConnection"].take();
    let defaults =
        json!({"clockSkewSeconds": 300, "baseUrl": null, "trustForwarded": false, "options": [], "answers": []});
    assert_eq!((&shown["version"], &shown["settings"]), (&json!(1), &defaults));
    assert_eq!(shown["monitor"]["active"], false);
    assert_eq!(shown["secrets"][0], json!({"name": "auth_token", "set": true, "previousValid": false}));

    let document = "<Response><Say>Hello</Say></Response>";
    let input = json!({"id": row.id, "version": 1, "name": "Köln", "defaultRegion": "de", "clockSkewSeconds": 60,
        "baseUrl": "https://tunnel.example", "trustForwarded": true, "monitorHours": 24,
        "answers": [{"purpose": "voice", "document": document}]});
    let shown = changed(&world, &admin, "updateConnection", input).await;
    assert_eq!((&shown["version"], &shown["name"], &shown["defaultRegion"]), (&json!(2), &json!("Köln"), &json!("DE")));
    assert_eq!(shown["settings"]["answers"], json!([{"purpose": "voice", "document": document}]));
    assert_eq!((&shown["settings"]["clockSkewSeconds"], &shown["monitor"]["active"]), (&json!(60), &json!(true)));
    assert_eq!((&shown["monitor"]["wouldBeRefused"], &shown["monitor"]["lastReason"]), (&json!(0), &json!(null)));
    let url = shown["hookUrls"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("https://tunnel.example/hooks/twilio.berlin/voice"), "{url}");

    // Left out: as it was. Null: as by default.
    let input = json!({"id": row.id, "version": 2, "name": null, "baseUrl": null, "clockSkewSeconds": null,
        "monitorHours": null, "answers": [{"purpose": "voice", "document": null}]});
    let shown = changed(&world, &admin, "updateConnection", input).await;
    let after = json!({"clockSkewSeconds": 300, "baseUrl": null, "trustForwarded": true, "options": [], "answers": []});
    assert_eq!((&shown["name"], &shown["defaultRegion"], &shown["settings"]), (&json!("Twilio"), &json!("DE"), &after));
    assert_eq!(shown["monitor"]["active"], false);

    let stale = mutate(&world, &admin, "updateConnection", json!({"id": row.id, "version": 2, "name": "x"})).await;
    assert_eq!(stale.code(), "CONFLICT");
    let wrong = json!({"id": row.id, "version": 3, "clockSkewSeconds": -5, "monitorHours": 1000, "baseUrl": "x",
        "options": [{"name": "none", "value": "x"}], "answers": [{"purpose": "status", "document": "x"}]});
    let wrong = mutate(&world, &admin, "updateConnection", wrong).await;
    assert_eq!(paths(&wrong), ["clockSkewSeconds", "baseUrl", "monitorHours", "options", "answers"]);
    let nobody = json!({"id": uuid::Uuid::nil(), "version": 1, "name": "x"});
    assert_eq!(mutate(&world, &admin, "updateConnection", nobody).await.code(), "NOT_FOUND");
    assert_eq!(
        world.ask(&admin, &one, json!({"id": uuid::Uuid::nil()})).await.data()["providerConnection"],
        json!(null)
    );
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let world = World::new().await;
    let admin = world.person("Ada", "admin").await;
    let row = connect(&world).await;
    let rotate = json!({"id": row.id, "version": 1, "secrets": [{"name": "auth_token", "value": NEW_TOKEN}]});
    let answer = mutate(&world, &admin, "rotateConnectionSecrets", rotate.clone()).await;
    assert!(!answer.text.contains(NEW_TOKEN) && !answer.text.contains(TOKEN));
    let shown = answer.data()["rotateConnectionSecrets"]["connection"].take();
    assert_eq!(shown["secrets"][0], json!({"name": "auth_token", "set": true, "previousValid": true}));
    assert_eq!(mutate(&world, &admin, "rotateConnectionSecrets", rotate).await.code(), "CONFLICT");
    for secrets in [
        json!([]),
        json!([{"name": "auth_token", "value": ""}]),
        json!([{"name": "auth_token", "value": NEW_TOKEN}]),
        json!([{"name": "unknown", "value": NEW_TOKEN}]),
    ] {
        let input = json!({"id": row.id, "version": 2, "secrets": secrets});
        let answer = mutate(&world, &admin, "rotateConnectionSecrets", input).await;
        assert_eq!(paths(&answer), ["secrets"]);
        assert!(!answer.text.contains(NEW_TOKEN), "{}", answer.text);
    }
    let input = json!({"id": row.id, "version": 2});
    let shown = changed(&world, &admin, "retireConnectionSecrets", input).await;
    assert_eq!(shown["secrets"][0], json!({"name": "auth_token", "set": true, "previousValid": false}));
    let entries = "{ auditEntries { nodes { action changes { field before after } } } }";
    let text = world.ask(&admin, entries, json!({})).await.text;
    assert!(text.contains("connection.rotate_secrets") && text.contains("connection.retire_secrets"));
    assert!(!text.contains(NEW_TOKEN) && !text.contains(TOKEN));

    // The connection of the world has nothing that could be opened: the others are shown all the same.
    let all = world.ask(&admin, "{ providerConnections { name secrets { set } } }", json!({})).await.data();
    let main = all["providerConnections"].as_array().unwrap().iter().find(|row| row["name"] == "Main line").unwrap();
    assert_eq!(main["secrets"], json!(null));
}

#[tokio::test]
async fn looking_is_not_changing() {
    let world = World::new().await;
    let row = connect(&world).await;
    let auditor = world.person("Otto", "auditor").await;
    let all = world.ask(&auditor, &format!("{{ providerConnections {{ {FIELDS} }} }}"), json!({})).await.data();
    assert_eq!(all["providerConnections"].as_array().unwrap().len(), 2);
    for (name, more) in [
        ("updateConnection", json!({"monitorHours": 1})),
        ("rotateConnectionSecrets", json!({"secrets": [{"name": "auth_token", "value": NEW_TOKEN}]})),
        ("retireConnectionSecrets", json!({})),
    ] {
        let mut input = json!({"id": row.id, "version": 1});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(mutate(&world, &auditor, name, input).await.code(), "FORBIDDEN", "{name}");
    }
}
