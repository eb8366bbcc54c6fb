//! API and workers as processes of their own: what a worker commits is live on the API's sockets, a worker shows how it is,
//! and when one is killed another carries on.

use serde_json::json;

use crate::support::{
    client::Client,
    hooks::call_sid,
    port,
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
