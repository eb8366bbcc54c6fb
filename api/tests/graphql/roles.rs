//! What each role sees and may do.

use serde_json::{Value, json};

use crate::world::{Person, World};

const NUMBER: &str = "+4930123456";

const LIST: &str = "{ callers { nodes { id displayName email numbers { display e164 masked } } } }";
const DETAIL: &str = "query($id: UUID!) { caller(id: $id) { displayName email numbers { display e164 masked }
    interactions { nodes { from { display e164 masked } legs { party { display e164 masked } } } } } }";
const CALLS: &str = "{ interactions { nodes { id provider connectionName direction state matchLevel needsDisposition
    from { kind display e164 masked } to { e164 masked } caller { displayName email } agent { name }
    legs { id party { display e164 masked } } recordings { id status durationSeconds voicemail } } } }";
const NOTES: &str = "query($id: UUID!) { caller(id: $id) { notes { nodes { body author { name } } } } }";
const SEARCH: &str = "query($text: String!) { callers(filter: {search: $text}) { nodes { id } } }";

fn leaks(value: &Value) -> bool {
    let text = value.to_string();
    text.contains("123456")
        || text.contains("12 34 56")
        || text.contains("123 456")
        || text.contains("anna@example.org")
}

#[tokio::test]
async fn numbers_are_masked_everywhere_without_the_permission() {
    let world = World::new().await;
    let caller = world.caller(None, NUMBER, None).await;
    world.call(NUMBER, Some(caller.id), None).await;
    let id = json!({"id": caller.id});

    for (name, role) in [("Mia", "agent"), ("Sam", "supervisor"), ("Ada", "admin")] {
        let person = world.person(name, role).await;
        let data = world.ask(&person, LIST, json!({})).await.data();
        let row = &data["callers"]["nodes"][0];
        assert_eq!(row["numbers"][0]["e164"], NUMBER, "{role}");
        assert_eq!(row["numbers"][0]["masked"], false);
        assert_eq!(row["displayName"], row["numbers"][0]["display"]);
        assert_eq!(row["email"], "anna@example.org");
        let data = world.ask(&person, CALLS, json!({})).await.data();
        let call = &data["interactions"]["nodes"][0];
        assert_eq!((call["from"]["e164"].as_str(), &call["from"]["kind"]), (Some(NUMBER), &json!("PSTN")));
        assert_eq!((&call["provider"], &call["connectionName"]), (&json!("twilio"), &json!("Main line")));
        assert_eq!((&call["direction"], &call["state"]), (&json!("INBOUND"), &json!("RINGING")));
        assert_eq!(call["recordings"][0]["status"], "READY");
        assert_eq!(
            world.ask(&person, SEARCH, json!({"text": "123456"})).await.data()["callers"]["nodes"][0]["id"],
            caller.id.to_string()
        );
    }

    let auditor = world.person("Otto", "auditor").await;
    for (query, variables) in [(LIST, json!({})), (DETAIL, id), (CALLS, json!({}))] {
        let data = world.ask(&auditor, query, variables).await.data();
        assert!(!leaks(&data), "{data}");
        assert!(data.to_string().contains("\"masked\":true"), "{data}");
        assert!(data.to_string().contains("\"e164\":null"), "{data}");
    }
    // Asking digit by digit would read out what the mask hides.
    let found = world.ask(&auditor, SEARCH, json!({"text": "123456"})).await.data();
    assert_eq!(found["callers"]["nodes"], json!([]));
}

#[tokio::test]
async fn notes_need_their_permission() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let caller = world.caller(Some("Anna"), NUMBER, None).await;
    world.note(caller.id, mia.id, "wants a refund").await;
    let id = json!({"id": caller.id});
    let data = world.ask(&mia, NOTES, id.clone()).await.data();
    assert_eq!(data["caller"]["notes"]["nodes"], json!([{"body": "wants a refund", "author": {"name": "Mia"}}]));
    let auditor = world.person("Otto", "auditor").await;
    let answer = world.ask(&auditor, NOTES, id).await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert!(!answer.text.contains("refund"), "{}", answer.text);
}

#[tokio::test]
async fn an_agent_sees_their_own_and_what_nobody_took() {
    let world = World::new().await;
    let (mia, tom) = (world.person("Mia", "agent").await, world.person("Tom", "agent").await);
    let sam = world.person("Sam", "supervisor").await;
    let owned = world.caller(Some("Toms caller"), "+4930222222", Some(tom.id)).await;
    let toms = world.call("+4930222222", Some(owned.id), Some(tom.id)).await;
    let free = world.call(NUMBER, None, None).await;

    let ids = async |person: &Person| {
        let data = world.ask(person, "{ interactions { nodes { id } } }", json!({})).await.data();
        let mut ids: Vec<_> =
            data["interactions"]["nodes"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        ids.sort_by_key(ToString::to_string);
        ids
    };
    let (both, one) = (vec![json!(toms.id), json!(free.id)], vec![json!(free.id)]);
    assert_eq!(ids(&mia).await, one);
    assert_eq!(ids(&tom).await, both);
    assert_eq!(ids(&sam).await, both);
    let hidden = "query($call: UUID!, $caller: UUID!) { interaction(id: $call) { id } caller(id: $caller) { id } }";
    let variables = json!({"call": toms.id, "caller": owned.id});
    let data = world.ask(&mia, hidden, variables.clone()).await.data();
    assert_eq!(data, json!({"interaction": null, "caller": null}), "not even that they exist");
    assert!(!world.ask(&sam, hidden, variables).await.data()["interaction"].is_null());
    let answer = world
        .ask(
            &mia,
            "mutation($id: UUID!) { addNote(input: {interactionId: $id, body: \"x\"}) { note { id } } }",
            json!({"id": toms.id}),
        )
        .await;
    assert_eq!(answer.code(), "NOT_FOUND");
}

#[tokio::test]
async fn each_root_field_asks_for_its_permission() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let sam = world.person("Sam", "supervisor").await;
    let ada = world.person("Ada", "admin").await;
    let otto = world.person("Otto", "auditor").await;
    let id = "\"00000000-0000-0000-0000-000000000000\"";
    let take = format!("mutation {{ takeCall(input: {{interactionId: {id}}}) {{ interaction {{ id }} }} }}");
    let update =
        format!("mutation {{ updateCaller(input: {{id: {id}, version: 1, name: \"x\"}}) {{ caller {{ id }} }} }}");
    let create = format!(
        "mutation {{ createUser(input: {{email: \"a\", name: \"b\", roleId: {id}, password: \"c\"}}) {{ user {{ id }} }} }}"
    );
    // Agent, supervisor, admin, auditor.
    for (operation, allowed) in [
        ("{ dispositions { id } }", [true, true, true, true]),
        ("{ users { nodes { email } } }", [false, true, true, true]),
        ("{ roles { key permissions } }", [false, false, true, true]),
        ("{ providerConnections { slug hookUrls { purpose url } } }", [false, false, true, true]),
        (
            "{ auditEntries { nodes { action actorName changes { field before after redacted } } } }",
            [false, false, true, true],
        ),
        (&take, [true, true, true, false]),
        (&update, [true, true, true, false]),
        (&create, [false, false, true, false]),
    ] {
        for (person, allowed) in [&mia, &sam, &ada, &otto].into_iter().zip(allowed) {
            let answer = world.ask(person, operation, json!({})).await;
            let json = answer.json();
            let refused = json["errors"][0]["extensions"]["code"] == "FORBIDDEN";
            assert_eq!(refused, !allowed, "{} {operation}: {}", person.name, answer.text);
        }
    }
}

#[tokio::test]
async fn the_record_of_changes_hides_personal_values() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let otto = world.person("Otto", "auditor").await;
    let caller = world.caller(None, NUMBER, None).await;
    let update = "mutation($id: UUID!) { updateCaller(input: {id: $id, version: 1, name: \"Anna Secret\"}) { caller { name } } }";
    world.ask(&mia, update, json!({"id": caller.id})).await.data();
    let query =
        "query($id: UUID!) { auditEntries(objectId: $id) { nodes { action actorKind actorName objectType objectId
        changes { field before after redacted } } } }";
    let data = world.ask(&otto, query, json!({"id": caller.id})).await.data();
    let entry = &data["auditEntries"]["nodes"][0];
    assert_eq!((&entry["action"], &entry["actorName"]), (&json!("caller.update"), &json!("Mia")));
    assert_eq!(entry["objectId"], caller.id.to_string());
    let changes = entry["changes"].as_array().unwrap();
    assert!(
        changes.contains(&json!({"field": "name", "before": null, "after": null, "redacted": true})),
        "{changes:?}"
    );
    assert!(
        changes.contains(&json!({"field": "provisional", "before": "true", "after": "false", "redacted": false})),
        "{changes:?}"
    );
    assert!(!data.to_string().contains("Secret"));
}
