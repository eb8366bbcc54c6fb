use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use bytes::Bytes;
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use metrics_exporter_prometheus::PrometheusBuilder;
use switchboard_api::ApiConfig;
use switchboard_core::{
    access::Actor,
    connections::{self, Which},
};
use switchboard_telephony::{Method, Secrets, provider};

use crate::world::{Answer, Fixture, Mood, PUBLIC_URL, World};

fn ringing() -> Fixture {
    Fixture::load("twilio/a1_inbound_ringing")
}

fn refused(world: &World, answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert!(world.queue.pushed().is_empty(), "nothing of a refused request is stored");
}

#[tokio::test]
async fn every_fixture_gets_its_answer_and_the_verified_ones_are_queued_as_they_came() {
    for fixture in Fixture::all() {
        let world = World::at(fixture.now, ApiConfig::new(PUBLIC_URL)).await;
        world.connect(fixture.provider(), None, fixture.secrets.clone()).await;
        let answer = world.deliver(&fixture).await;
        assert_eq!(u64::from(answer.status.as_u16()), fixture.ack["status"].as_u64().unwrap(), "{}", fixture.name);
        if !fixture.verifies {
            assert!(world.queue.pushed().is_empty(), "{}", fixture.name);
            continue;
        }
        assert_eq!(answer.text(), fixture.ack["body"].as_str().unwrap(), "{}", fixture.name);
        assert_eq!(answer.header("content-type"), fixture.ack["content_type"].as_str(), "{}", fixture.name);

        let pushed = world.queue.pushed();
        let [envelope] = pushed.as_slice() else { panic!("{}: {} envelopes", fixture.name, pushed.len()) };
        assert_eq!(envelope.body, fixture.body, "{}", fixture.name);
        assert_eq!(envelope.url, format!("{PUBLIC_URL}{}", fixture.path));
        assert_eq!(envelope.method == Method::Get, fixture.method == "GET");
        assert_eq!((envelope.provider.as_str(), envelope.received_at), (fixture.provider(), fixture.now));
        let path = fixture.path.split('?').next().unwrap();
        assert_eq!(envelope.purpose.as_deref(), path.split('/').nth(3));
        let stored = provider(fixture.provider()).unwrap().stored_headers();
        for (name, value) in &envelope.headers {
            assert!(stored.contains(&name.as_str()), "{}: {name}", fixture.name);
            assert!(fixture.headers.iter().any(|(key, v)| key.eq_ignore_ascii_case(name) && v == value));
        }
    }
}

#[tokio::test]
async fn signatures_decide_and_the_host_does_not() {
    let world = World::with_twilio().await;
    refused(&world, &world.deliver(&ringing().without("x-twilio-signature")).await, 401);
    let mut tampered = ringing();
    tampered.body.extend_from_slice(b"&X=1");
    refused(&world, &world.deliver(&tampered).await, 403);
    let mut moved = ringing();
    moved.path = "/hooks/twilio/voice?x=1".to_owned();
    refused(&world, &world.deliver(&moved).await, 403);
    let mut other_purpose = ringing();
    other_purpose.path = "/hooks/twilio/status".to_owned();
    refused(&world, &world.deliver(&other_purpose).await, 403);

    // Signed for another installation, with the headers that would make a naive server believe it is that one.
    let elsewhere = World::at(crate::world::received_at(), ApiConfig::new("https://other.example.com")).await;
    elsewhere.connect("twilio", None, Secrets::new().with("auth_token", crate::world::AUTH_TOKEN)).await;
    let mut forged = ringing();
    for (name, value) in [
        ("host", "crm.example.com"),
        ("x-forwarded-host", "crm.example.com"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "host=crm.example.com;proto=https"),
        ("x-original-url", "https://crm.example.com/hooks/twilio/voice"),
    ] {
        forged.headers.push((name.to_owned(), value.to_owned()));
    }
    refused(&elsewhere, &elsewhere.deliver(&forged).await, 403);
    // And here the same headers with lies in them change nothing.
    let mut through_a_proxy = ringing();
    through_a_proxy.headers.push(("host".to_owned(), "10.0.0.7:8080".to_owned()));
    through_a_proxy.headers.push(("x-forwarded-host".to_owned(), "evil.example".to_owned()));
    assert_eq!(world.deliver(&through_a_proxy).await.status, StatusCode::OK);
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_refused() {
    let world = World::with_twilio().await;
    for path in [
        "/hooks",
        "/hooks/",
        "/hooks/acme",
        "/hooks/acme/voice",
        "/hooks/generic",
        "/hooks/twilio/",
        "/hooks/twilio/unknown",
        "/hooks/twilio/voice/more",
        "/hooks/twilio.berlin/voice",
        "/hooks/twilio./voice",
    ] {
        for method in ["GET", "POST"] {
            let mut fixture = ringing();
            (fixture.path, fixture.method) = (path.to_owned(), method.to_owned());
            refused(&world, &world.deliver(&fixture).await, 404);
        }
    }
    for method in ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"] {
        let mut fixture = ringing();
        fixture.method = method.to_owned();
        let answer = world.deliver(&fixture).await;
        refused(&world, &answer, 405);
        assert_eq!(answer.header("allow"), Some("GET, POST"), "{method}");
    }
}

#[tokio::test]
async fn bodies_have_a_limit_whatever_length_is_announced() {
    let mut config = ApiConfig::new(PUBLIC_URL);
    let fixture = ringing();
    config.body_limit = fixture.body.len();
    let world = World::at(fixture.now, config).await;
    world.connect("twilio", None, fixture.secrets.clone()).await;
    let mut larger = fixture.clone();
    larger.body.push(b'x');
    refused(&world, &world.deliver(&larger).await, 413);
    let announced = larger.request().header("content-length", "999999999").body(Body::empty()).unwrap();
    refused(&world, &world.send(announced).await, 413);
    // Without a length, one byte at a time, and endless.
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"x")));
    let request = fixture.request().body(Body::from_stream(endless)).unwrap();
    refused(&world, &world.send(request).await, 413);
    let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("reset"))]);
    let request = fixture.request().body(Body::from_stream(broken)).unwrap();
    refused(&world, &world.send(request).await, 400);
    // Exactly the limit, in pieces.
    let pieces: Vec<_> = fixture.body.chunks(7).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c))).collect();
    let request = fixture.request().body(Body::from_stream(stream::iter(pieces))).unwrap();
    assert_eq!(world.send(request).await.status, StatusCode::OK);
    assert_eq!(world.queue.pushed()[0].body, fixture.body);
}

/// A world that waits hardly at all.
async fn impatient() -> World {
    let mut config = ApiConfig::new(PUBLIC_URL);
    config.patience = Duration::from_millis(20);
    let world = World::at(crate::world::received_at(), config).await;
    world.connect("twilio", None, Secrets::new().with("auth_token", crate::world::AUTH_TOKEN)).await;
    world
}

#[tokio::test]
async fn a_body_that_does_not_end_is_given_up() {
    let world = impatient().await;
    let slow = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"Ca"))]).chain(stream::pending());
    let request = ringing().request().body(Body::from_stream(slow)).unwrap();
    refused(&world, &world.send(request).await, 408);
}

#[tokio::test]
async fn the_provider_is_told_to_come_again_when_nothing_could_store_it() {
    let world = impatient().await;
    for mood in [Mood::Refuses, Mood::Hangs] {
        world.queue.set(mood);
        let answer = world.deliver(&ringing()).await;
        refused(&world, &answer, 503);
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    world.queue.set(Mood::Takes);
    assert_eq!(world.deliver(&ringing()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn webhooks_go_on_without_the_database_and_wait_for_it_at_the_start() {
    let warm = World::with_twilio().await;
    assert_eq!(warm.deliver(&ringing()).await.status, StatusCode::OK);
    warm.state.app.db().clone().close().await.unwrap();
    warm.advance(TimeDelta::minutes(10));
    assert_eq!(warm.deliver(&ringing()).await.status, StatusCode::OK);
    assert_eq!(warm.queue.pushed().len(), 2);

    let cold = World::with_twilio().await;
    cold.state.app.db().clone().close().await.unwrap();
    let answer = cold.deliver(&ringing()).await;
    refused(&cold, &answer, 503);
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn each_connection_verifies_with_its_own_secret_and_comes_and_goes_without_a_restart() {
    let world = World::with_twilio().await;
    let twilio = provider("twilio").unwrap();
    let secrets = Secrets::new().with("auth_token", "another token");
    let mut berlin = ringing().without("x-twilio-signature");
    berlin.path = "/hooks/twilio.berlin/voice".to_owned();
    let url = format!("{PUBLIC_URL}{}", berlin.path);
    let signed = twilio.sign(Method::Post, &url, &berlin.headers, &berlin.body, &secrets, berlin.now).unwrap();
    berlin.headers.extend(signed);
    refused(&world, &world.deliver(&berlin).await, 404);

    world.connect("twilio", Some("berlin"), secrets).await;
    world.advance(TimeDelta::seconds(2));
    assert_eq!(world.deliver(&berlin).await.status, StatusCode::OK);
    let mut crossed = berlin.clone();
    crossed.path = "/hooks/twilio/voice".to_owned();
    assert_eq!(world.deliver(&crossed).await.status, StatusCode::FORBIDDEN);
    let ids: Vec<_> = world.queue.pushed().iter().map(|envelope| envelope.connection_id).collect();
    let which = Which::Url { provider: "twilio".to_owned(), slug: "berlin".to_owned() };
    let removed = connections::remove(&world.state.app, &Actor::System("test"), &which, "test").await.unwrap();
    assert_eq!(ids, [removed.id]);
    world.advance(TimeDelta::seconds(2));
    assert_eq!(world.deliver(&berlin).await.status, StatusCode::NOT_FOUND);
}

/// The recorder is this thread's alone, and the runtime of the test has no other thread.
#[tokio::test(flavor = "current_thread")]
async fn everything_is_counted_under_words_of_ours() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::with_twilio().await;
    world.deliver(&ringing()).await;
    world.deliver(&ringing().without("x-twilio-signature")).await;
    let mut tampered = ringing();
    tampered.body.push(b'x');
    world.deliver(&tampered).await;
    world.deliver(&tampered).await;
    for path in ["/hooks/acme+12025550143", "/hooks/twilio/+12025550143", "/hooks/twilio.+12025550143"] {
        world.send(Request::post(path).body(Body::empty()).unwrap()).await;
    }
    world.send(Request::put("/hooks/twilio").body(Body::empty()).unwrap()).await;
    world.queue.set(Mood::Refuses);
    world.deliver(&ringing()).await;

    let text = metrics.render();
    for line in [
        r#"switchboard_hooks_accepted_total{provider="twilio"} 1"#,
        r#"switchboard_hooks_refused_total{provider="twilio",reason="missing_signature"} 1"#,
        r#"switchboard_hooks_refused_total{provider="twilio",reason="bad_signature"} 2"#,
        r#"switchboard_hooks_refused_total{provider="unknown",reason="unknown_provider"} 1"#,
        r#"switchboard_hooks_refused_total{provider="twilio",reason="unknown_purpose"} 1"#,
        r#"switchboard_hooks_refused_total{provider="twilio",reason="unknown_connection"} 1"#,
        r#"switchboard_hooks_refused_total{provider="twilio",reason="method"} 1"#,
        r#"switchboard_hooks_refused_total{provider="twilio",reason="unavailable"} 1"#,
        r#"switchboard_hooks_answer_seconds_count{provider="twilio",result="accepted"} 1"#,
        r#"switchboard_hooks_answer_seconds_count{provider="twilio",result="unavailable"} 1"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(text.contains(r#"route="/hooks/{*address}""#));
    assert!(!text.contains("2025550143") && !text.contains("acme"), "{text}");
}
