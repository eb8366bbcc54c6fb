//! What is refused is answered with the right status, counted, and leaves nothing behind.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    both_modes,
    client::Client,
    hooks::call_sid,
    server::{Mode, Server},
    wait::{SOON, eventually},
};

both_modes!(refused_requests_leave_nothing_but_a_count);

async fn refused_requests_leave_nothing_but_a_count(mode: Mode) {
    let server = Server::start(mode).await;
    let base = server.url("");
    let good = server.twilio.ringing(&call_sid(), "+442079460321", "+442079460000");
    let status = async |hook: &crate::support::hooks::Hook| hook.post(&base).await.unwrap().status().as_u16();

    assert_eq!(status(&good.clone().without("x-twilio-signature")).await, 401, "no signature");
    assert_eq!(
        status(&good.clone().header("x-twilio-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")).await,
        403,
        "a wrong signature"
    );
    let mut changed = good.clone();
    changed.body.extend_from_slice(b"&Extra=1");
    assert_eq!(status(&changed).await, 403, "a changed body");
    let mut moved = good.clone();
    "/hooks/twilio/status".clone_into(&mut moved.path);
    assert_eq!(status(&moved).await, 403, "a signature for another address");
    for path in ["/hooks/nobody/voice", "/hooks/twilio/nothing", "/hooks/twilio.elsewhere/voice", "/hooks/"] {
        let mut lost = good.clone();
        path.clone_into(&mut lost.path);
        assert_eq!(status(&lost).await, 404, "{path}");
    }
    let mut large = good.clone();
    large.body = vec![b'x'; 2 << 20];
    assert_eq!(status(&large).await, 413, "a body over the limit");
    let client = reqwest::Client::new();
    let put = client.request(Method::PUT, format!("{base}/hooks/twilio/voice")).send().await.unwrap();
    assert_eq!(put.status(), 405);

    // A good one goes through, so that "nothing" below is not because nothing ever arrives.
    assert_eq!(status(&good).await, 200);
    let admin = Client::login(&server, &server.admin).await;
    eventually("the good one arrives", SOON, async || {
        let calls = admin.query("{ interactions(first: 5) { nodes { id } } }", Value::Null).await;
        calls.pointer("/interactions/nodes").and_then(Value::as_array).is_some_and(|calls| calls.len() == 1)
    })
    .await;
    let metrics = client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let counted: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("switchboard_hooks_refused_total{")).collect();
    let total: f64 = counted.iter().filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
    assert!(total >= 8.0, "refusals are counted: {counted:?}");
    assert!(!metrics.contains("elsewhere") && !metrics.contains("nobody"), "a label was taken from the request");
    let calls =
        admin.query("{ interactions(first: 5) { nodes { id } } callers(first: 5) { nodes { id } } }", json!({})).await;
    assert_eq!(calls["interactions"]["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(calls["callers"]["nodes"].as_array().unwrap().len(), 1);
}
