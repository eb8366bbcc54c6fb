use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::json;
use switchboard_api::ApiConfig;

use crate::world::{Answer, Fixture, Mood, World, received_at};

fn is_secured(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert!(answer.header("referrer-policy").is_some());
    assert!(answer.header("permissions-policy").unwrap().contains("microphone=()"));
    assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
    assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 36));
}

#[tokio::test]
async fn every_answer_has_its_headers_and_its_own_id() {
    let world = World::with_twilio().await;
    let mut ids = Vec::new();
    for path in ["/healthz", "/readyz", "/hooks/acme", "/hooks/twilio", "/graphql", "/", "/_app/missing.js", "/metrics"]
    {
        let answer = world.get(path).await;
        is_secured(&answer);
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=63072000"), "{path}");
        if !["/", "/_app/missing.js"].contains(&path) {
            assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
        ids.push(answer.header("x-request-id").unwrap().to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);

    let plain = World::at(received_at(), ApiConfig::new("http://127.0.0.1:8080/")).await;
    assert_eq!(plain.state.config.public_url, "http://127.0.0.1:8080");
    assert_eq!(plain.get("/healthz").await.header("strict-transport-security"), None);
}

#[tokio::test]
async fn an_id_that_comes_with_a_request_is_not_trusted() {
    let world = World::new().await;
    let request = Request::get("/healthz").header("x-request-id", "forged").body(Body::empty()).unwrap();
    let answer = world.send(request).await;
    let ids: Vec<_> = answer.headers.get_all("x-request-id").iter().collect();
    assert_eq!(ids.len(), 1);
    assert_ne!(ids[0], "forged");
}

#[tokio::test]
async fn pages_are_the_dashboard_and_the_rest_is_not() {
    let world = World::new().await;
    for path in ["/", "/callers/0192f0c1", "/people?x=1"] {
        let page = world.get(path).await;
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{path}");
        assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"), "{path}");
        // A page of which the policy forbids everything would stay blank.
        assert!(!page.header("content-security-policy").unwrap().contains("default-src 'none'"), "{path}");
    }
    for path in ["/_app/immutable/missing.js", "/graphql/x", "/hooks", "/hooks/", "/healthz/x", "/metrics/x"] {
        assert_eq!(world.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let post = world.send(Request::post("/people").body(Body::empty()).unwrap()).await;
    assert_eq!((post.status, post.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("GET, HEAD")));
    let delete = world.send(Request::delete("/graphql").body(Body::empty()).unwrap()).await;
    assert_eq!(delete.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(world.get("/graphiql").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn graphiql_is_there_when_it_is_switched_on() {
    let mut config = ApiConfig::new("http://127.0.0.1:8080");
    config.graphiql = true;
    let page = World::at(received_at(), config).await.get("/graphiql").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'"));
    // Every server that the page loads from is allowed by its policy.
    for part in page.text().split("https://").skip(1) {
        let host = part.split(['/', '"', '\'']).next().unwrap();
        let loads = ["unpkg.com", "esm.sh"].contains(&host);
        assert!(!loads || policy.contains(host), "{host}");
    }
    assert!(page.text().contains("unpkg.com") || page.text().contains("esm.sh"));
}

#[tokio::test]
async fn a_panic_is_an_answer_and_says_nothing() {
    let world = World::with_twilio().await;
    world.queue.set(Mood::Panics);
    let answer = world.deliver(&Fixture::load("twilio/a1_inbound_ringing")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "INTERNAL");
    assert!(!answer.text().contains("2025550143"));
    is_secured(&answer);
    world.queue.set(Mood::Takes);
    assert_eq!(world.deliver(&Fixture::load("twilio/a1_inbound_ringing")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn readiness_follows_what_is_needed() {
    let world = World::new().await;
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
    let ready = world.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(ready.json(), json!({"status": "ready", "checks": {"database": "ok", "queue": "ok", "spool": "empty"}}));
    world.queue.set(Mood::Refuses);
    let degraded = world.get("/readyz").await;
    assert_eq!((degraded.status, &degraded.json()["status"]), (StatusCode::OK, &json!("degraded")));
    world.queue.set(Mood::Takes);
    world.state.app.db().clone().close().await.unwrap();
    let away = world.get("/readyz").await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(away.json()["checks"]["database"], "unavailable");
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn large_json_is_compressed_when_the_client_can_read_it() {
    let world = World::new().await;
    world.user().await;
    let tokens =
        switchboard_core::sessions::login(&world.state.app, crate::world::EMAIL, crate::world::PASSWORD, "test")
            .await
            .unwrap();
    let ask = async |encoding: &str| {
        let me = "me { permissions role { permissions description } }";
        let query = format!("a: {me} b: {me} c: {me} d: {me}");
        let mut request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", tokens.access.expose()));
        if !encoding.is_empty() {
            request = request.header("accept-encoding", encoding);
        }
        world.send(request.body(Body::from(json!({"query": format!("{{ {query} }}")}).to_string())).unwrap()).await
    };
    let plain = ask("").await;
    assert_eq!((plain.status, plain.header("content-encoding")), (StatusCode::OK, None), "{}", plain.text());
    assert!(plain.body.len() > 1024);
    let packed = ask("gzip, br").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len() && packed.body.starts_with(&[0x1f, 0x8b]));
}
