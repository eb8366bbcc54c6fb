//! `callActivity`: snapshot, changes, and what each viewer may see at each moment.

use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};
use switchboard_core::{
    access::Actor,
    events::{BusMessage, Event},
    users,
};
use uuid::Uuid;

use crate::{
    socket::{Client, Server, serve},
    world::{Person, World},
};

const ACTIVITY: &str = "subscription { callActivity { __typename
    ... on CallSnapshot { seq serverTime calls { ...C } }
    ... on CallChanged { seq call { ...C } }
    ... on CallGone { seq id }
    ... on CallResync { seq reason } } }
    fragment C on Interaction { id version state from { display e164 masked } needsDisposition agent { name }
        caller { displayName company numbers { e164 masked } } }";

async fn follow(server: &Server, person: &Person) -> (Client, Value) {
    let mut client = Client::of(server, person).await;
    client.subscribe("live", ACTIVITY).await;
    let snapshot = client.activity().await;
    assert_eq!((&snapshot["__typename"], &snapshot["seq"]), (&json!("CallSnapshot"), &json!(1)));
    (client, snapshot)
}

fn ids(snapshot: &Value) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = snapshot["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["id"].as_str().unwrap().parse().unwrap())
        .collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(mut ids: [Uuid; N]) -> Vec<Uuid> {
    ids.sort();
    ids.to_vec()
}

#[tokio::test]
async fn first_everything_then_every_change_until_the_end() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let caller = world.caller(Some("Anna"), "+4930111111", None).await;
    let ringing = world.call("+4930111111", Some(caller.id), None).await;
    let finished = world.call("+4930111111", Some(caller.id), Some(mia.id)).await;
    world.end(finished.id).await;
    let (mut client, snapshot) = follow(&server, &mia).await;
    assert_eq!(ids(&snapshot), sorted([ringing.id, finished.id]), "live calls, and mine that need a disposition");
    assert!(
        snapshot["serverTime"].as_str().unwrap().ends_with("+00:00")
            || snapshot["serverTime"].as_str().unwrap().ends_with('Z')
    );

    let new = world.call("+4930222222", None, None).await;
    world.tell(Event::CallChanged { interaction_id: new.id }).await;
    let message = client.activity().await;
    assert_eq!((&message["__typename"], &message["seq"]), (&json!("CallChanged"), &json!(2)));
    assert_eq!(message["call"]["id"], new.id.to_string());
    assert_eq!(message["call"]["from"]["e164"], "+4930222222");

    let take = "mutation($id: UUID!) { takeCall(input: {interactionId: $id}) { interaction { id } } }";
    world.ask(&mia, take, json!({"id": ringing.id})).await.data();
    let message = client.activity().await;
    assert_eq!((&message["seq"], &message["call"]["agent"]["name"]), (&json!(3), &json!("Mia")));

    // A change of the caller sends their calls on the desk again.
    let update =
        "mutation($id: UUID!) { updateCaller(input: {id: $id, version: 1, company: \"Berg\"}) { caller { id } } }";
    world.ask(&mia, update, json!({"id": caller.id})).await.data();
    let mut renewed: Vec<Uuid> = Vec::new();
    for _ in 0..2 {
        let message = client.activity().await;
        assert_eq!(message["call"]["caller"]["company"], "Berg");
        renewed.push(message["call"]["id"].as_str().unwrap().parse().unwrap());
    }
    renewed.sort();
    assert_eq!(renewed, sorted([ringing.id, finished.id]));

    // A call of nobody ends: it leaves the desk, and the client is told how.
    world.end(new.id).await;
    let message = client.activity().await;
    assert_eq!((&message["call"]["id"], &message["call"]["state"]), (&json!(new.id), &json!("ENDED")));
    assert_eq!((&message["seq"], &message["call"]["needsDisposition"]), (&json!(6), &json!(false)));
}

#[tokio::test]
async fn what_leaves_the_viewers_sight_is_gone() {
    let world = World::new().await;
    let server = serve(&world).await;
    let (mia, tom) = (world.person("Mia", "agent").await, world.person("Tom", "agent").await);
    let sam = world.person("Sam", "supervisor").await;
    let (taken, merged) = (world.call("+4930111111", None, None).await, world.call("+4930222222", None, None).await);
    let secret = world.call("+4930333333", None, Some(tom.id)).await;
    let (mut agent, snapshot) = follow(&server, &mia).await;
    assert_eq!(ids(&snapshot), sorted([taken.id, merged.id]));
    let (mut supervisor, snapshot) = follow(&server, &sam).await;
    assert_eq!(ids(&snapshot), sorted([taken.id, merged.id, secret.id]));

    // Nothing about a call that she never saw; the next message is about one that she did.
    world.change(secret.id, |row| row.state = Set("answered".to_owned())).await;
    world.change(taken.id, |row| row.agent_id = Set(Some(tom.id))).await;
    let message = agent.activity().await;
    assert_eq!(message, json!({"__typename": "CallGone", "seq": 2, "id": taken.id}));
    assert_eq!(supervisor.activity().await["call"]["state"], "ANSWERED");
    assert_eq!(supervisor.activity().await["call"]["agent"]["name"], "Tom");

    world.change(merged.id, |row| row.merged_into = Set(Some(taken.id))).await;
    assert_eq!(agent.activity().await["id"], merged.id.to_string());
    assert_eq!(supervisor.activity().await, json!({"__typename": "CallGone", "seq": 4, "id": merged.id}));
}

#[tokio::test]
async fn numbers_are_masked_in_events_too() {
    let world = World::new().await;
    let server = serve(&world).await;
    let otto = world.person("Otto", "auditor").await;
    let caller = world.caller(None, "+4930123456", None).await;
    let call = world.call("+4930123456", Some(caller.id), None).await;
    let (mut client, snapshot) = follow(&server, &otto).await;
    world.change(call.id, |row| row.state = Set("answered".to_owned())).await;
    for message in [snapshot, client.activity().await] {
        let text = message.to_string();
        assert!(text.contains("\"masked\":true") && !text.contains("123456") && !text.contains("123 456"), "{text}");
    }
}

#[tokio::test]
async fn after_a_resync_a_snapshot_replaces_everything() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let first = world.call("+4930111111", None, None).await;
    let (mut client, _) = follow(&server, &mia).await;
    // Nobody tells of this one, as when the connection to the bus was cut.
    let lost = world.call("+4930222222", None, None).await;
    world.bus.send(BusMessage::Resync);
    assert_eq!(client.activity().await, json!({"__typename": "CallResync", "seq": 2, "reason": "missed"}));
    let snapshot = client.activity().await;
    assert_eq!((&snapshot["__typename"], &snapshot["seq"]), (&json!("CallSnapshot"), &json!(3)));
    assert_eq!(ids(&snapshot), sorted([first.id, lost.id]));
}

#[tokio::test]
async fn a_changed_role_holds_from_the_next_event_on() {
    let world = World::new().await;
    let server = serve(&world).await;
    let (mia, tom) = (world.person("Mia", "agent").await, world.person("Tom", "agent").await);
    let hidden = world.call("+4930111111", None, Some(tom.id)).await;
    let (mut client, snapshot) = follow(&server, &mia).await;
    assert!(ids(&snapshot).is_empty());
    let become_ = async |role: &str| {
        let role = world.role(role).await;
        users::assign_role(&world.app, &Actor::System("test"), mia.id, role, None, "test").await.unwrap();
    };
    become_("supervisor").await;
    assert_eq!(client.activity().await["reason"], "access");
    let snapshot = client.activity().await;
    assert_eq!(ids(&snapshot), [hidden.id]);
    assert_eq!(snapshot["calls"][0]["from"]["masked"], false);
    become_("auditor").await;
    // In the same burst as the event: it must not be sent with the rights of before.
    world.change(hidden.id, |row| row.state = Set("answered".to_owned())).await;
    assert_eq!(client.activity().await["reason"], "access");
    let snapshot = client.activity().await;
    assert_eq!(snapshot["calls"][0]["from"]["masked"], true);
    assert!(!snapshot.to_string().contains("+4930111111"));
}

#[tokio::test]
async fn a_burst_about_one_call_may_be_told_once_but_its_last_state_is() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let call = world.call("+4930111111", None, None).await;
    let (mut client, _) = follow(&server, &mia).await;
    for _ in 0..300 {
        world.tell(Event::CallChanged { interaction_id: call.id }).await;
    }
    world.end(call.id).await;
    let (mut seq, mut messages) = (1, 0);
    loop {
        let message = client.activity().await;
        seq += 1;
        messages += 1;
        assert_eq!(message["seq"], seq, "no gaps");
        if message["call"]["state"] == "ENDED" {
            break;
        }
    }
    assert!(messages < 300, "{messages}");
}

#[tokio::test]
async fn a_subscription_without_the_permission_ends_with_its_reason() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    world.execute("DELETE FROM role_permission WHERE permission = 'interactions.read'").await;
    let mut client = Client::of(&server, &mia).await;
    client.subscribe("live", ACTIVITY).await;
    let message = client.message().await;
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "FORBIDDEN", "{message}");
    assert_eq!(client.message().await, json!({"type": "complete", "id": "live"}));
}

/// What goes wrong ends the stream with a typed error, so that the client subscribes again and starts from a snapshot.
#[tokio::test]
async fn an_error_inside_ends_the_stream() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let call = world.call("+4930111111", None, None).await;
    let (mut client, _) = follow(&server, &mia).await;
    world.execute("ALTER TABLE interaction RENAME TO elsewhere").await;
    world.tell(Event::CallChanged { interaction_id: call.id }).await;
    let message = client.message().await;
    let error = &message["payload"]["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL", "{message}");
    assert_eq!(error["message"], "Switchboard had a problem.");
    assert_eq!(client.message().await, json!({"type": "complete", "id": "live"}));
    world.execute("ALTER TABLE elsewhere RENAME TO interaction").await;
    client.subscribe("again", ACTIVITY).await;
    assert_eq!(ids(&client.activity().await), [call.id]);
}
