//! The practice call comes over the server's own webhooks like every other call.

use serde_json::{Value, json};

use crate::support::{
    both_modes,
    client::Client,
    server::{Mode, Server},
    wait::{SOON, eventually_some},
};

const START: &str = "mutation { startPracticeCall { callerName startedAt answeredAt endsAt } }";
const CALLS: &str =
    "{ interactions(first: 10) { nodes { id state isPractice connectionName direction caller { name } } } }";
const CONNECTIONS: &str = "{ providerConnections { provider slug name isPractice } }";

both_modes!(a_practice_call_rings_and_is_answered);

async fn a_practice_call_rings_and_is_answered(mode: Mode) {
    let server = Server::start(mode).await;
    let agent = Client::login(&server, &server.agent).await;
    let auditor = server.create_user("auditor", "Ivo Auditor");
    let auditor = Client::login(&server, &auditor).await;
    assert_eq!(auditor.errors(START, Value::Null).await[0].code(), "FORBIDDEN");

    let started = agent.query(START, Value::Null).await;
    assert_eq!(started["startPracticeCall"]["callerName"], "Practice caller");
    let in_state = async |state: &str| {
        eventually_some(&format!("a practice call is {state}"), SOON, async || {
            let calls = agent.query(CALLS, Value::Null).await;
            let calls = calls["interactions"]["nodes"].as_array().unwrap().clone();
            assert!(calls.len() <= 1, "one call became several: {calls:?}");
            calls.into_iter().find(|call| call["state"] == state)
        })
        .await
    };
    let call = in_state("RINGING").await;
    assert_eq!(call["isPractice"], true);
    assert_eq!(call["connectionName"], "Practice");
    assert_eq!(call["direction"], "INBOUND");

    let refused = agent.errors(START, Value::Null).await;
    assert_eq!(refused[0].code(), "RATE_LIMITED");
    let wait = refused[0].extensions["retryAfterSeconds"].as_u64().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");

    let admin = Client::login(&server, &server.admin).await;
    let connections = admin.query(CONNECTIONS, Value::Null).await;
    let connections = connections["providerConnections"].as_array().unwrap().clone();
    let practice: Vec<&Value> = connections.iter().filter(|row| row["isPractice"] == true).collect();
    assert_eq!(
        practice,
        [&json!({ "provider": "generic", "slug": "practice", "name": "Practice", "isPractice": true })]
    );
    assert!(connections.len() > 1, "the other connections are no practice");

    // A colleague's practice does not wait for mine, and a call of the provider is none.
    assert!(admin.query(START, Value::Null).await["startPracticeCall"]["endsAt"].is_string());
    let answered = eventually_some("the first one is answered", SOON, async || {
        let calls = agent.query(CALLS, Value::Null).await;
        let calls = calls["interactions"]["nodes"].as_array().unwrap().clone();
        calls.into_iter().find(|other| other["id"] == call["id"] && other["state"] == "ANSWERED")
    })
    .await;
    assert_eq!(answered["isPractice"], true);
}
