//! Whatever was answered with success is applied exactly once, whatever is killed meanwhile.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::support::{
    both_modes,
    client::Client,
    hooks::call_sid,
    server::{Mode, Server},
    wait::eventually,
};

/// Deliveries that were in work at two of the kills are taken over one at a time, each up to a second after the other, while
/// the other queue's fetch waits. What is proved here is that none is lost, not how long that takes.
const AT_LAST: Duration = Duration::from_secs(150);

/// Calls, each sent three times: providers repeat themselves.
const CALLS: usize = 120;

both_modes!(nothing_accepted_is_lost_or_doubled_when_the_process_is_killed);

async fn nothing_accepted_is_lost_or_doubled_when_the_process_is_killed(mode: Mode) {
    let mut server = Server::start(mode).await;
    let mut accepted = BTreeSet::new();
    for round in 0..4 {
        let base = server.url("");
        let sids: Vec<String> = (0..CALLS / 4).map(|_| call_sid()).collect();
        let sends = stream::iter(sids.iter().flat_map(|sid| [sid; 3])).map(|sid| {
            let hook = server.twilio.ringing(sid, "+442079460321", "+442079460000");
            let base = base.clone();
            async move { hook.post(&base).await.is_ok_and(|answer| answer.status().is_success()).then(|| sid.clone()) }
        });
        let mut sends = sends.buffer_unordered(16);
        let mut answered = 0;
        while let Some(sid) = sends.next().await {
            answered += usize::from(sid.is_some());
            accepted.extend(sid);
            if answered == 40 {
                break;
            }
        }
        drop(sends);
        // In the middle of it, with requests on the line and deliveries in work.
        server.kill9();
        server.restart().await;
        assert!(answered > 0, "round {round}: nothing was accepted, so nothing is proven");
    }
    let admin = Client::login(&server, &server.admin).await;
    eventually("every accepted call is there", AT_LAST, async || {
        let seen = calls(&admin).await;
        let unique: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(unique.len(), seen.len(), "a call is there twice");
        accepted.iter().all(|sid| unique.contains(sid))
    })
    .await;
    let callers = admin.query("{ callers(first: 5) { nodes { callCount } } }", Value::Null).await;
    assert_eq!(callers["callers"]["nodes"].as_array().unwrap().len(), 1, "one number, one caller");
    assert_eq!(callers["callers"]["nodes"][0]["callCount"], json!(calls(&admin).await.len()));
}

/// The provider's ids of all calls.
async fn calls(admin: &Client) -> Vec<String> {
    const PAGE: &str = "query($after: String) { interactions(first: 100, after: $after) { nodes { legs { id } } pageInfo { hasNextPage endCursor } } }";
    let (mut after, mut found) = (Value::Null, Vec::new());
    for _ in 0..20 {
        let page = admin.query(PAGE, json!({ "after": after })).await;
        let page = &page["interactions"];
        found.extend(
            page["nodes"].as_array().unwrap().iter().map(|call| call["legs"][0]["id"].as_str().unwrap().to_owned()),
        );
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    found
}
