//! What is set for a connection, as webhooks feel it.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusBuilder;
use switchboard_api::{ApiConfig, http::server};
use switchboard_core::{
    access::Actor,
    connections::{self, RotateSecrets},
    ingest::{self, Incoming},
};
use switchboard_telephony::{HookRequest, Method, Options, Secrets, VerifyContext, provider, providers};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    stopping::{ask, raw},
    world::{AUTH_TOKEN, Answer, Fixture, PUBLIC_URL, World, received_at},
};

fn ringing() -> Fixture {
    Fixture::load("twilio/a1_inbound_ringing")
}

fn tampered() -> Fixture {
    let mut fixture = ringing();
    fixture.body.extend_from_slice(b"&X=1");
    fixture
}

/// The same request, signed for another address.
fn signed_for(base: &str) -> Fixture {
    let mut fixture = ringing().without("x-twilio-signature");
    let url = format!("{base}{}", fixture.path);
    let secrets = Secrets::new().with("auth_token", AUTH_TOKEN);
    let twilio = provider("twilio").unwrap();
    let signed = twilio.sign(Method::Post, &url, &fixture.headers, &fixture.body, &secrets, fixture.now).unwrap();
    fixture.headers.extend(signed);
    fixture
}

async fn deliver_from(world: &World, fixture: &Fixture, peer: &str) -> Answer {
    let mut request = fixture.request().body(Body::from(fixture.body.clone())).unwrap();
    request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    world.send(request).await
}

/// The recorder is this thread's alone, and the runtime of the test has no other thread.
#[tokio::test(flavor = "current_thread")]
async fn monitor_mode_accepts_and_marks_until_it_ends_by_itself() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::with_twilio().await;
    assert_eq!(world.deliver(&tampered()).await.status, StatusCode::FORBIDDEN);
    world.set(|input| input.monitor = Some(Some(TimeDelta::hours(1)))).await;

    let answer = world.deliver(&tampered()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("<Response/>"), "{}", answer.text());
    assert_eq!(world.deliver(&ringing().without("x-twilio-signature")).await.status, StatusCode::OK);
    assert_eq!(world.deliver(&ringing()).await.status, StatusCode::OK);
    let marks: Vec<_> = world.queue.pushed().iter().map(|envelope| envelope.unverified.clone()).collect();
    assert_eq!(marks, [Some("bad_signature".to_owned()), Some("missing_signature".to_owned()), None]);
    let text = metrics.render();
    for line in [
        r#"switchboard_hooks_unverified_total{provider="twilio",reason="bad_signature"} 1"#,
        r#"switchboard_hooks_unverified_total{provider="twilio",reason="missing_signature"} 1"#,
        r#"switchboard_hooks_refused_total{provider="twilio",reason="bad_signature"} 1"#,
        r#"switchboard_hooks_accepted_total{provider="twilio"} 3"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }

    world.advance(TimeDelta::hours(1));
    assert_eq!(world.deliver(&tampered()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.deliver(&ringing()).await.status, StatusCode::OK);
    assert_eq!(world.queue.pushed().len(), 4);
}

#[tokio::test]
async fn what_monitor_mode_let_in_becomes_a_call_and_is_counted_on_the_connection() {
    let world = World::with_twilio().await;
    world.set(|input| input.monitor = Some(Some(TimeDelta::hours(1)))).await;
    let mut malformed = ringing();
    malformed.body = b"Called=1".to_vec();
    let unsigned = Fixture::load("twilio/b1_inbound_ringing").without("x-twilio-signature");
    for fixture in [tampered(), malformed, unsigned] {
        assert_eq!(world.deliver(&fixture).await.status, StatusCode::OK);
        world.advance(TimeDelta::seconds(1));
    }
    let pushed = world.queue.pushed().clone();
    let batch = pushed.iter().map(|e| Incoming::new(e.encode_meta().into_bytes().into(), e.body.clone(), 1)).collect();
    let settled = ingest::settle(&world.state.app, batch).await.unwrap();
    assert_eq!((settled.applied, settled.dead), (2, 1), "{settled:?}");

    let row = world.connection().await;
    assert_eq!((row.unverified_count, row.unverified_reason.as_deref()), (3, Some("missing_signature")));
    assert_eq!(row.unverified_at, pushed.last().map(|envelope| envelope.received_at));
    assert_eq!(row.last_delivery_at, None, "nothing genuine came");
    // Switched on once more: counted anew.
    world.set(|input| input.monitor = Some(None)).await;
    assert_eq!(world.connection().await.unverified_count, 3, "still to be seen when it is over");
    world.set(|input| input.monitor = Some(Some(TimeDelta::hours(1)))).await;
    let row = world.connection().await;
    assert_eq!((row.unverified_count, row.unverified_reason, row.unverified_at), (0, None, None));
}

#[tokio::test]
async fn the_document_of_a_purpose_is_answered() {
    let world = World::with_twilio().await;
    let document = "<Response><Say>Grüß Gott</Say></Response>";
    world.set(|input| input.answers = [("voice".to_owned(), document.to_owned())].into()).await;
    let answer = world.deliver(&ringing()).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, document));
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    let status = Fixture::load("twilio/a7_inbound_completed");
    let reported = world.deliver(&status).await;
    assert_eq!((reported.status, reported.text()), (StatusCode::NO_CONTENT, ""), "a report is answered as always");
    // Whoever cannot sign does not read it.
    let refused = world.deliver(&tampered()).await;
    assert!(!refused.text().contains("Gott"), "{}", refused.text());
    world.set(|input| input.answers = [("voice".to_owned(), String::new())].into()).await;
    assert!(world.deliver(&ringing()).await.text().contains("<Response/>"));
}

#[tokio::test]
async fn a_connection_can_have_another_address_than_the_installation() {
    let world = World::with_twilio().await;
    let tunnel = signed_for("https://abc.tunnel.example");
    assert_eq!(world.deliver(&tunnel).await.status, StatusCode::FORBIDDEN);
    let row = world.set(|input| input.base_url = Some(Some("https://abc.tunnel.example/".to_owned()))).await;
    assert_eq!(world.deliver(&tunnel).await.status, StatusCode::OK);
    assert_eq!(world.deliver(&ringing()).await.status, StatusCode::FORBIDDEN, "in place of the public URL");
    assert!(world.queue.pushed()[0].url.starts_with("https://abc.tunnel.example/hooks/twilio/voice"));
    let shown = connections::hook_urls(&world.state.app, &row);
    assert!(shown.iter().all(|hook| hook.url.starts_with("https://abc.tunnel.example/hooks/twilio/")), "{shown:?}");
}

#[tokio::test]
async fn replaced_secrets_work_until_they_are_retired() {
    let world = World::with_twilio().await;
    let (app, actor) = (&world.state.app, Actor::System("test"));
    let row = world.connection().await;
    let secrets = [("auth_token".to_owned(), Some("another".to_owned()))].into();
    let input = RotateSecrets { id: row.id, version: row.version, secrets };
    let row = connections::rotate_secrets(app, &actor, input, "test").await.unwrap();
    let mut new = ringing().without("x-twilio-signature");
    let url = format!("{PUBLIC_URL}{}", new.path);
    let another = Secrets::new().with("auth_token", "another");
    let twilio = provider("twilio").unwrap();
    let signed = twilio.sign(Method::Post, &url, &new.headers, &new.body, &another, new.now).unwrap();
    new.headers.extend(signed);
    world.advance(TimeDelta::seconds(2));
    assert_eq!(world.deliver(&ringing()).await.status, StatusCode::OK, "the old one");
    assert_eq!(world.deliver(&new).await.status, StatusCode::OK, "the new one");
    connections::retire_previous_secrets(app, &actor, row.id, row.version, "test").await.unwrap();
    world.advance(TimeDelta::seconds(2));
    assert_eq!(world.deliver(&ringing()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.deliver(&new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_clock_skew_is_the_connections() {
    let fixture = Fixture::load("standard-webhooks/a1_call_ended");
    let world = World::at(fixture.now, ApiConfig::new(PUBLIC_URL)).await;
    world.connect("generic", None, fixture.secrets.clone()).await;
    world.advance(TimeDelta::seconds(400));
    assert_eq!(world.deliver(&fixture).await.status, StatusCode::BAD_REQUEST);
    world.set(|input| input.clock_skew_seconds = Some(Some(600))).await;
    assert_eq!(world.deliver(&fixture).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_under_which_address_it_was_called() {
    let mut config = ApiConfig::new(PUBLIC_URL);
    config.trusted_proxies = vec!["10.1.0.0/16".parse().unwrap()];
    let world = World::at(received_at(), config).await;
    world.connect("twilio", None, Secrets::new().with("auth_token", AUTH_TOKEN)).await;
    let mut forwarded = signed_for("http://other.example:8080");
    forwarded.headers.push(("x-forwarded-proto".to_owned(), "http".to_owned()));
    forwarded.headers.push(("x-forwarded-host".to_owned(), "other.example:8080".to_owned()));
    let (proxy, stranger) = ("10.1.2.3:999", "10.2.0.1:999");
    assert_eq!(deliver_from(&world, &forwarded, proxy).await.status, StatusCode::FORBIDDEN, "not believed yet");

    world.set(|input| input.trust_forwarded = Some(true)).await;
    assert_eq!(deliver_from(&world, &forwarded, proxy).await.status, StatusCode::OK);
    assert_eq!(deliver_from(&world, &ringing(), proxy).await.status, StatusCode::OK, "says nothing: as configured");
    assert_eq!(deliver_from(&world, &forwarded, stranger).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.deliver(&forwarded).await.status, StatusCode::FORBIDDEN, "nobody knows who");
    // And what a stranger writes into genuine requests changes nothing either.
    let mut lies = ringing();
    lies.headers.push(("x-forwarded-host".to_owned(), "evil.example".to_owned()));
    lies.headers.push(("forwarded".to_owned(), "host=evil.example;proto=http".to_owned()));
    assert_eq!(deliver_from(&world, &lies, stranger).await.status, StatusCode::OK);
    assert_eq!(deliver_from(&world, &lies, proxy).await.status, StatusCode::FORBIDDEN, "the proxy's lie is believed");
}

/// Over a real socket: the server must know its peers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_knows_its_peers() {
    for (trusted, status) in [("127.0.0.1", "200"), ("127.0.0.2", "403")] {
        let mut config = ApiConfig::new(PUBLIC_URL);
        config.trusted_proxies = vec![trusted.parse().unwrap()];
        let world = World::at(received_at(), config).await;
        world.connect("twilio", None, Secrets::new().with("auth_token", AUTH_TOKEN)).await;
        world.set(|input| input.trust_forwarded = Some(true)).await;
        let mut fixture = signed_for("https://other.example");
        fixture.headers.push(("x-forwarded-host".to_owned(), "other.example".to_owned()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(server::serve(listener, world.state.clone(), shutdown.clone()));
        let answer = ask(address, raw(&fixture)).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{trusted}: {answer}");
        shutdown.cancel();
        serving.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn handshakes_are_answered_and_nothing_is_stored() {
    let world = World::new().await;
    world.connect("cloudevents", None, Secrets::new().with("token", "a-token-of-cloudevents")).await;
    world.connect("ringcentral", None, Secrets::new().with("verification_token", "a-token-of-ringcentral")).await;
    let asked = |method: &str, path: &str, header: (&str, &str)| {
        Request::builder().method(method).uri(path).header(header.0, header.1).body(Body::empty()).unwrap()
    };
    let origin = ("webhook-request-origin", "events.example.com");
    let answer = world.send(asked("OPTIONS", "/hooks/cloudevents", origin)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("webhook-allowed-origin"), Some("events.example.com"));
    let token = ("validation-token", "echo-this");
    let answer = world.send(asked("POST", "/hooks/ringcentral", token)).await;
    assert_eq!((answer.status, answer.header("validation-token")), (StatusCode::OK, Some("echo-this")));
    // A payload is no handshake.
    let mut payload = asked("POST", "/hooks/ringcentral", token);
    *payload.body_mut() = Body::from("{}");
    assert_eq!(world.send(payload).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.send(asked("OPTIONS", "/hooks/cloudevents.other", origin)).await.status, StatusCode::NOT_FOUND);
    assert!(world.queue.pushed().is_empty());
}

/// Every provider of the registry, also those that come later: `OPTIONS` works exactly where it is a handshake.
#[tokio::test]
async fn options_is_a_method_only_where_it_is_a_handshake() {
    let world = World::new().await;
    let mut tried = Vec::new();
    for provider in providers() {
        let mut secrets = Secrets::new();
        for field in provider.secret_fields().iter().filter(|field| field.required) {
            secrets.set(field.name, "0123456789abcdef0123456789abcdef");
        }
        // Some secrets have a form of their own; with those that are left there are enough.
        if provider.check_secrets(&secrets).is_err() {
            continue;
        }
        let url = format!("{PUBLIC_URL}/hooks/{}", provider.key());
        let hook = HookRequest { method: Method::Options, url: &url, headers: &[], body: b"" };
        let options = Options::new();
        let context = VerifyContext::new(&secrets, &options, received_at());
        let expected = provider.handshake(&hook, &context).map_or(405, |answer| answer.status);
        world.connect(provider.key(), None, secrets.clone()).await;
        world.advance(TimeDelta::seconds(2));
        let request = Request::options(format!("/hooks/{}", provider.key())).body(Body::empty()).unwrap();
        assert_eq!(world.send(request).await.status.as_u16(), expected, "{}", provider.key());
        tried.push(provider.key());
    }
    assert!(tried.len() >= 5, "only {tried:?}");
    assert!(world.queue.pushed().is_empty());
}
