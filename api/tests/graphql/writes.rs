//! Mutations.

use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use switchboard_core::dispositions;
use switchboard_entities::{audit_entry, note};
use uuid::Uuid;

use crate::world::{Person, World};

const UPDATE: &str = "mutation($input: UpdateCallerInput!) { updateCaller(input: $input) {
    caller { id version name company email provisional owner { name } } } }";
const TAKE: &str =
    "mutation($id: UUID!) { takeCall(input: {interactionId: $id}) { interaction { agent { id } version } } }";
const DISPOSE: &str = "mutation($input: SetDispositionInput!) { setDisposition(input: $input) { interaction {
    version disposition { key } dispositionSetAt needsDisposition agent { name } notes { nodes { body } } } } }";
const NOTE: &str = "mutation($input: AddNoteInput!) { addNote(input: $input) { note {
    id body interactionId callerId author { id name } } } }";

#[tokio::test]
async fn a_caller_is_changed_field_by_field() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let caller = world.caller(None, "+4930111111", None).await;
    let update = async |person: &Person, version: i32, fields: Value| {
        let mut input = json!({"id": caller.id, "version": version});
        input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        world.ask(person, UPDATE, json!({"input": input})).await
    };
    let named = update(&mia, 1, json!({"name": " Anna Berg ", "company": "Berg"})).await.data();
    let named = &named["updateCaller"]["caller"];
    assert_eq!(named["name"], "Anna Berg");
    assert_eq!((&named["provisional"], &named["version"]), (&json!(false), &json!(2)));
    assert_eq!(named["email"], "anna@example.org", "what is left out stays");
    let cleared = update(&mia, 2, json!({"company": null})).await.data();
    let cleared = &cleared["updateCaller"]["caller"];
    assert_eq!((&cleared["company"], &cleared["name"]), (&json!(null), &json!("Anna Berg")));

    assert_eq!(update(&mia, 2, json!({"name": "Other"})).await.code(), "CONFLICT", "somebody saved meanwhile");
    let wrong = update(&mia, 3, json!({"email": "no address", "name": "a\nb"})).await;
    assert_eq!(wrong.code(), "INVALID");
    let fields = wrong.json()["errors"][0]["extensions"]["fields"].clone();
    let mut paths: Vec<_> =
        fields.as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    assert_eq!(paths, ["email", "name"]);
    assert!(!wrong.text.contains("no address"), "input is not repeated");

    assert_eq!(update(&mia, 3, json!({"ownerId": mia.id})).await.code(), "FORBIDDEN", "agents do not assign");
    let sam = world.person("Sam", "supervisor").await;
    let assigned = update(&sam, 3, json!({"ownerId": mia.id})).await.data();
    assert_eq!(assigned["updateCaller"]["caller"]["owner"]["name"], "Mia");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_take_a_call_one_gets_it() {
    let world = World::new().await;
    let call = world.call("+4930111111", None, None).await;
    let people = join_all((0..20).map(|i| {
        let world = &world;
        async move { world.person(&format!("Agent{i}"), "agent").await }
    }))
    .await;
    let answers = join_all(people.iter().map(|person| world.ask(person, TAKE, json!({"id": call.id})))).await;
    let winners: Vec<usize> = (0..20).filter(|i| answers[*i].json().get("errors").is_none()).collect();
    assert_eq!(winners.len(), 1);
    let winner = &people[winners[0]];
    for (i, answer) in answers.iter().enumerate().filter(|(i, _)| *i != winners[0]) {
        assert_eq!(answer.code(), "CONFLICT", "agent {i}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["extensions"]["takenBy"], winner.name);
    }
    let again = world.ask(winner, TAKE, json!({"id": call.id})).await.data();
    assert_eq!(
        again["takeCall"]["interaction"]["agent"]["id"],
        winner.id.to_string(),
        "taking one's own changes nothing"
    );
}

#[tokio::test]
async fn a_disposition_and_its_note_are_written_once_and_together() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let call = world.call("+4930111111", None, Some(mia.id)).await;
    world.end(call.id).await;
    let all = dispositions::list(&world.app).await.unwrap();
    let complaint = all.iter().find(|row| row.needs_note).unwrap();
    let dispose = async |disposition: Uuid, note: Option<&str>, key: Option<Uuid>| {
        let input =
            json!({"interactionId": call.id, "dispositionId": disposition, "note": note, "idempotencyKey": key});
        world.ask(&mia, DISPOSE, json!({"input": input})).await
    };
    let entries = async || audit_entry::Entity::find().count(world.app.db()).await.unwrap();
    let before = entries().await;
    let refused = dispose(complaint.id, None, None).await;
    assert_eq!(refused.code(), "INVALID");
    assert_eq!(refused.json()["errors"][0]["extensions"]["fields"][0]["path"], "note");
    assert_eq!(entries().await, before);
    assert_eq!(dispose(Uuid::nil(), Some("a note"), None).await.code(), "INVALID");
    assert_eq!(note::Entity::find().count(world.app.db()).await.unwrap(), 0, "no note without its disposition");

    let key = Some(world.app.new_id());
    let first = dispose(complaint.id, Some("was waiting for an hour"), key).await.data();
    let done = &first["setDisposition"]["interaction"];
    assert_eq!(done["disposition"]["key"], complaint.key);
    assert_eq!((&done["needsDisposition"], &done["agent"]["name"]), (&json!(false), &json!("Mia")));
    assert_eq!(done["notes"]["nodes"], json!([{"body": "was waiting for an hour"}]));
    let written = entries().await;
    let second = dispose(complaint.id, Some("was waiting for an hour"), key).await.data();
    assert_eq!(second, first, "the same answer");
    assert_eq!(entries().await, written, "and nothing was written");
}

#[tokio::test]
async fn a_note_is_about_one_thing_and_written_once() {
    let world = World::new().await;
    let mia = world.person("Mia", "agent").await;
    let caller = world.caller(Some("Anna"), "+4930111111", None).await;
    let call = world.call("+4930111111", Some(caller.id), None).await;
    let add = async |input: Value| world.ask(&mia, NOTE, json!({"input": input})).await;
    for wrong in [json!({"body": "x"}), json!({"body": "x", "callerId": caller.id, "interactionId": call.id})] {
        assert_eq!(add(wrong).await.code(), "INVALID");
    }
    assert_eq!(add(json!({"body": "  ", "callerId": caller.id})).await.code(), "INVALID");
    let key = world.app.new_id();
    let input = json!({"body": "likes mornings", "interactionId": call.id, "idempotencyKey": key});
    let first = add(input.clone()).await.data();
    assert_eq!(first["addNote"]["note"]["callerId"], caller.id.to_string(), "a call's note is the caller's too");
    assert_eq!(first["addNote"]["note"]["author"], json!({"id": mia.id, "name": "Mia"}));
    assert_eq!(add(input).await.data(), first);
    let page = world
        .ask(&mia, "query($id: UUID!) { caller(id: $id) { notes { nodes { body } } } }", json!({"id": caller.id}))
        .await
        .data();
    assert_eq!(page["caller"]["notes"]["nodes"], json!([{"body": "likes mornings"}]));
}

#[tokio::test]
async fn people_are_added_and_given_roles() {
    let world = World::new().await;
    let ada = world.person("Ada", "admin").await;
    let (agent, supervisor) = (world.role("agent").await, world.role("supervisor").await);
    let create = "mutation($role: UUID!, $email: String!, $password: String!) { createUser(input: {email: $email, name: \"Tom\", roleId: $role, password: $password}) {
        user { id version email status role { key } lastSeenAt } } }";
    let new = json!({"role": agent, "email": "Tom@Example.com", "password": "nine green apples"});
    let data = world.ask(&ada, create, new.clone()).await.data();
    let user = &data["createUser"]["user"];
    assert_eq!((&user["email"], &user["status"]), (&json!("tom@example.com"), &json!("ACTIVE")));
    assert_eq!((&user["role"]["key"], &user["lastSeenAt"]), (&json!("agent"), &json!(null)));
    let again = world.ask(&ada, create, new).await;
    assert_eq!(again.code(), "INVALID");
    let weak = json!({"role": agent, "email": "u@example.com", "password": "short"});
    let answer = world.ask(&ada, create, weak).await;
    assert_eq!(answer.json()["errors"][0]["extensions"]["fields"][0]["path"], "password");

    let assign = "mutation($user: UUID!, $role: UUID!, $version: Int) { assignRole(input: {userId: $user, roleId: $role, version: $version}) {
        user { version role { key } } } }";
    let variables = json!({"user": user["id"], "role": supervisor, "version": user["version"]});
    let data = world.ask(&ada, assign, variables.clone()).await.data();
    assert_eq!(data["assignRole"]["user"]["role"]["key"], "supervisor");
    assert_eq!(world.ask(&ada, assign, variables).await.code(), "CONFLICT");
    let own = json!({"user": ada.id, "role": agent});
    assert!(world.ask(&ada, assign, own).await.json().get("errors").is_some(), "the last admin stays one");
}
