//! API and workers as processes of their own: what a worker commits is live on the API's sockets, a worker shows how it is,
//! and when one is killed another carries on.

use serde_json::json;

use crate::support::{
    client::Client,
    hooks::call_sid,
    port,
    proxy::FaultProxy,
    server::{Mode, Server},
    wait::{SOON, eventually},
};

const LIVE: &str = "subscription { callActivity { __typename ... on CallChanged { call { from { e164 } } } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_crosses_processes_and_outlives_a_killed_worker() {
    let address = format!("127.0.0.1:{}", port::free());
    let prepared = Server::prepare(Mode::Distributed).await.env("SWITCHBOARD_WORKER_LISTEN", &address);
    let server = prepared.start_as("api").await;
    let agent = Client::login(&server, &server.agent).await;
    let mut live = agent.subscribe(LIVE, json!({})).await;
    live.data_until("the snapshot", |data| data.pointer("/callActivity/__typename") == Some(&json!("CallSnapshot")))
        .await;
    let mut worker = server.spawn("worker");
    let probe = async |path: &str| {
        let answer = reqwest::get(format!("http://{address}{path}")).await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    };
    eventually("the worker is ready", SOON, async || probe("/readyz").await.is_some_and(|(status, _)| status == 200))
        .await;
    assert_eq!(probe("/graphql").await.unwrap().0, 404, "a worker offers its probes and nothing else");

    let mut ring = async |number: &str| {
        let hook = server.twilio.ringing(&call_sid(), number, "+442079460000");
        assert_eq!(hook.post(&server.url("")).await.unwrap().status(), 200);
        live.data_until("the call is live", |data| {
            data.pointer("/callActivity/call/from/e164") == Some(&json!(number))
        })
        .await;
    };
    ring("+442079460321").await;
    let (_, metrics) = probe("/metrics").await.unwrap();
    assert!(
        metrics.lines().any(|line| line.starts_with("switchboard_deliveries_settled_total{result=\"applied\"} 1")),
        "the worker counts what it settled"
    );
    worker.kill9();
    let _next = server.spawn("worker");
    ring("+442079460322").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_events_come_back_when_the_connection_to_redis_dies_without_a_word() {
    let mut prepared = Server::prepare(Mode::Distributed).await;
    let redis = prepared.backing.as_ref().unwrap().redis.url();
    let proxy = FaultProxy::start(prepared.backing.as_ref().unwrap().redis.address()).await;
    prepared = prepared.env("REDIS_URL", format!("redis://{}", proxy.address()));
    let server = prepared.start_as("api").await;
    // The worker reaches Redis directly: what it publishes is there, and only the API has gone deaf.
    let _worker = server.spawn_with("worker", &[("REDIS_URL", &redis)]);
    let agent = Client::login(&server, &server.agent).await;
    let everything = "subscription { callActivity { __typename
        ... on CallSnapshot { calls { from { e164 } } } ... on CallChanged { call { from { e164 } } } } }";
    let mut live = agent.subscribe(everything, json!({})).await;
    let mut ring = async |number: &str| {
        let hook = server.twilio.ringing(&call_sid(), number, "+442079460000");
        assert_eq!(hook.post(&server.url("")).await.unwrap().status(), 200);
        live.data_until("the call is live", |data| data.to_string().contains(number)).await;
    };
    ring("+442079460321").await;
    proxy.forget();
    // Several, because the first may be seen for another reason: the API notices that it cannot publish, and reads again.
    for last in 322..326 {
        ring(&format!("+442079460{last}")).await;
    }
}
