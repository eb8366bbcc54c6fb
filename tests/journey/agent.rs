//! One call from the first webhook to its disposition, as an agent lives it.

use serde_json::{Value, json};

use crate::support::{
    both_modes,
    client::Client,
    hooks::call_sid,
    server::{Mode, Server},
    wait::{SOON, eventually_some},
};

const LIVE: &str = "subscription { callActivity { __typename
    ... on CallSnapshot { calls { id } }
    ... on CallChanged { call { id state outcome matchLevel needsDisposition agent { name } caller { id version displayName provisional } } }
    ... on CallGone { id } } }";
const TAKE: &str =
    "mutation($id: UUID!) { takeCall(input: { interactionId: $id }) { interaction { agent { name } } } }";
const NAME: &str = "mutation($id: UUID!, $version: Int!) { updateCaller(input: { id: $id, version: $version, name: \"Priya Raman\" }) {
    caller { displayName provisional version } } }";
const NOTE: &str = "mutation($id: UUID!, $key: UUID!) { addNote(input: { interactionId: $id, body: \"Wants a copy of the invoice.\", idempotencyKey: $key }) {
    note { id author { name } } } }";
const DISPOSE: &str = "mutation($call: UUID!, $how: UUID!) { setDisposition(input: { interactionId: $call, dispositionId: $how, note: \"Sent.\" }) {
    interaction { needsDisposition disposition { key } notes { nodes { body } } } } }";

both_modes!(a_call_from_the_first_webhook_to_its_disposition);

async fn a_call_from_the_first_webhook_to_its_disposition(mode: Mode) {
    let server = Server::start(mode).await;
    let agent = Client::login(&server, &server.agent).await;
    let mut live = agent.subscribe(LIVE, json!({})).await;
    assert_eq!(live.data().await.pointer("/callActivity/calls"), Some(&json!([])), "the desk is empty at first");

    let (parent, child, person) = (call_sid(), call_sid(), "+442079460321");
    let send = async |purpose: &str, parameters: &[(&str, &str)]| {
        let answer = server.twilio.request(purpose, parameters).post(&server.url("")).await.unwrap();
        assert!(answer.status().is_success(), "{purpose}: {}", answer.status());
    };
    let ringing = server.twilio.ringing(&parent, person, "+442079460000").post(&server.url("")).await.unwrap();
    assert_eq!(ringing.status(), 200);
    assert_eq!(ringing.headers()["content-type"], "text/xml");

    let ringing =
        live.data_until("it rings", |data| data.pointer("/callActivity/call/state") == Some(&json!("RINGING"))).await;
    let call = ringing.pointer("/callActivity/call").unwrap();
    assert_eq!(call["matchLevel"], "NEW");
    assert_eq!(call["caller"]["displayName"], "+44 20 7946 0321");
    let (id, caller) = (call["id"].clone(), call["caller"].clone());

    let taken = agent.query(TAKE, json!({ "id": id })).await;
    assert_eq!(taken.pointer("/takeCall/interaction/agent/name"), Some(&json!(server.agent.name)));
    let named = agent.query(NAME, json!({ "id": caller["id"], "version": caller["version"] })).await;
    assert_eq!(named.pointer("/updateCaller/caller/provisional"), Some(&json!(false)));
    let known = live
        .data_until("the name is shown", |data| data.pointer("/callActivity/call/matchLevel") == Some(&json!("KNOWN")))
        .await;
    assert_eq!(known.pointer("/callActivity/call/caller/displayName"), Some(&json!("Priya Raman")));
    let stale = agent.errors(NAME, json!({ "id": caller["id"], "version": caller["version"] })).await;
    assert_eq!(stale[0].code(), "CONFLICT", "an old version was overwritten");

    let leg = |status: &'static str, sequence: &'static str| {
        vec![
            ("AccountSid", "AC00000000000000000000000000000001"),
            ("CallSid", child.as_str()),
            ("ParentCallSid", parent.as_str()),
            ("CallStatus", status),
            ("Direction", "outbound-dial"),
            ("From", person),
            ("To", "+442079460555"),
            ("SequenceNumber", sequence),
            ("CallDuration", "61"),
        ]
    };
    send("status", &leg("in-progress", "2")).await;
    live.data_until("it is answered", |data| data.pointer("/callActivity/call/state") == Some(&json!("ANSWERED")))
        .await;
    let key = "0198f3a0-0000-7000-8000-000000000001";
    let first = agent.query(NOTE, json!({ "id": id, "key": key })).await;
    let second = agent.query(NOTE, json!({ "id": id, "key": key })).await;
    assert_eq!(first, second, "a repeated request wrote a second note");

    send("status", &leg("completed", "3")).await;
    let end = [
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("CallSid", parent.as_str()),
        ("CallStatus", "completed"),
        ("Direction", "inbound"),
        ("From", person),
        ("To", "+442079460000"),
        ("SequenceNumber", "0"),
        ("CallDuration", "70"),
    ];
    send("status", &end).await;
    let ended =
        live.data_until("it ended", |data| data.pointer("/callActivity/call/state") == Some(&json!("ENDED"))).await;
    assert_eq!(ended.pointer("/callActivity/call/outcome"), Some(&json!("COMPLETED")));
    assert_eq!(ended.pointer("/callActivity/call/needsDisposition"), Some(&json!(true)));

    let dispositions = agent.query("{ dispositions { id key } }", Value::Null).await;
    let solved =
        dispositions["dispositions"].as_array().unwrap().iter().find(|row| row["key"] == "solved").unwrap()["id"]
            .clone();
    let done = agent.query(DISPOSE, json!({ "call": id, "how": solved })).await;
    let done = done.pointer("/setDisposition/interaction").unwrap();
    assert_eq!(done["needsDisposition"], json!(false));
    assert_eq!(done["notes"]["nodes"].as_array().unwrap().len(), 2);
    live.data_until("it leaves the desk", |data| {
        let event = data.pointer("/callActivity").unwrap();
        event["__typename"] == "CallGone" || event.pointer("/call/needsDisposition") == Some(&json!(false))
    })
    .await;

    let admin = Client::login(&server, &server.admin).await;
    let audit = admin.query("{ auditEntries(first: 100) { nodes { action actorKind } } }", Value::Null).await;
    let actions: Vec<&str> =
        audit["auditEntries"]["nodes"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    for wanted in
        ["call.create", "call.update", "call.take", "call.disposition", "caller.create", "caller.update", "note.create"]
    {
        assert!(actions.contains(&wanted), "{wanted} is not in the record: {actions:?}");
    }
    let log = server.log();
    for secret in [
        "9460321",
        "Priya",
        "invoice",
        server.agent.email.as_str(),
        server.agent.password.as_str(),
        server.twilio.token.as_str(),
    ] {
        assert!(!log.contains(secret), "personal data or a secret stands in the log: {secret}");
    }
}

const HISTORY: &str =
    "query($caller: UUID!) { caller(id: $caller) { interactions { nodes { id notes { nodes { body } } } } } }";
const MINE: &str = "{ interactions(first: 10) { nodes { id caller { id } } } }";

both_modes!(an_agent_reads_the_history_of_whoever_is_on_the_line_and_of_nobody_else);

async fn an_agent_reads_the_history_of_whoever_is_on_the_line_and_of_nobody_else(mode: Mode) {
    let server = Server::start(mode).await;
    let first = Client::login(&server, &server.agent).await;
    let second = Client::login(&server, &server.create_user("agent", "Hanna Agent")).await;
    let ring = async |known: usize| {
        let hook = server.twilio.ringing(&call_sid(), "+442079460321", "+442079460000");
        assert_eq!(hook.post(&server.url("")).await.unwrap().status(), 200);
        eventually_some("the call is there", SOON, async || {
            let calls = first.query(MINE, Value::Null).await;
            let calls = calls["interactions"]["nodes"].as_array()?.clone();
            (calls.len() == known).then(|| calls[0].clone())
        })
        .await
    };
    let old = ring(1).await;
    let caller = json!({ "caller": old["caller"]["id"] });
    let note = "mutation($id: UUID!) { takeCall(input: { interactionId: $id }) { interaction { id } }
        addNote(input: { interactionId: $id, body: \"Promised a call.\" }) { note { id } } }";
    first.query(note, json!({ "id": old["id"] })).await;

    // Taken by the first: for the second there is nothing to see, neither in the list nor by id.
    let seen = second.query(MINE, Value::Null).await;
    assert_eq!(seen["interactions"]["nodes"], json!([]));
    let by_id = "query($id: UUID!) { interaction(id: $id) { id } }";
    assert_eq!(second.query(by_id, json!({ "id": old["id"] })).await["interaction"], Value::Null);

    // The same caller rings again: whoever may take the call must know what was promised.
    let new = ring(2).await;
    let history = second.query(HISTORY, caller.clone()).await;
    let calls = history["caller"]["interactions"]["nodes"].as_array().unwrap();
    assert_eq!(calls.len(), 2, "{history}");
    assert!(calls.iter().any(|call| call["notes"]["nodes"][0]["body"] == "Promised a call."));
    assert_eq!(second.query(by_id, json!({ "id": old["id"] })).await["interaction"]["id"], old["id"]);

    // And when the first takes that one too, it is over.
    first.query(TAKE, json!({ "id": new["id"] })).await;
    assert_eq!(second.query(by_id, json!({ "id": old["id"] })).await["interaction"], Value::Null);
}
