use std::{net::SocketAddr, time::Duration};

use switchboard_api::{ApiConfig, http::server};
use switchboard_telephony::Secrets;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::world::{AUTH_TOKEN, Fixture, Mood, PUBLIC_URL, World, received_at};

const SOON: Duration = Duration::from_secs(20);

/// One request on a connection of its own; `None` when nobody accepts.
pub async fn ask(address: SocketAddr, request: String) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

async fn status(address: SocketAddr, path: &str) -> Option<String> {
    let answer = ask(address, format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await?;
    answer.split(' ').nth(1).map(str::to_owned)
}

pub fn raw(fixture: &Fixture) -> String {
    let mut lines = vec![format!("{} {} HTTP/1.1", fixture.method, fixture.path)];
    lines.extend(["host: x".to_owned(), "connection: close".to_owned()]);
    lines.extend(fixture.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.push(format!("content-length: {}\r\n\r\n", fixture.body.len()));
    lines.join("\r\n") + std::str::from_utf8(&fixture.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_fails_first_then_accepting_stops_and_what_is_in_work_ends() {
    let mut config = ApiConfig::new(PUBLIC_URL);
    // Ends when the test has seen what it wants: longer than it needs, and stopping is then awaited.
    config.notice = Duration::from_secs(1);
    let world = World::at(received_at(), config).await;
    world.connect("twilio", None, Secrets::new().with("auth_token", AUTH_TOKEN)).await;
    world.queue.set(Mood::Waits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server::serve(listener, world.state.clone(), shutdown.clone()));

    let hook = tokio::spawn(ask(address, raw(&Fixture::load("twilio/a1_inbound_ringing"))));
    timeout(SOON, world.queue.arrived.notified()).await.unwrap();
    assert_eq!(status(address, "/healthz").await.as_deref(), Some("200"));
    assert_eq!(status(address, "/readyz").await.as_deref(), Some("200"));
    assert!(!world.state.is_stopping());

    shutdown.cancel();
    timeout(SOON, world.state.stopping().cancelled()).await.unwrap();
    assert_eq!(status(address, "/readyz").await.as_deref(), Some("503"), "still accepting, not ready any more");
    timeout(SOON, async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(!serving.is_finished(), "a request is still in work");
    world.queue.gate.notify_one();
    let answer = timeout(SOON, hook).await.unwrap().unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    timeout(SOON, serving).await.unwrap().unwrap().unwrap();
    assert_eq!(world.queue.pushed().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_does_not_end_does_not_stop_the_stop() {
    let world = World::with_twilio().await;
    world.queue.set(Mood::Waits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server::serve(listener, world.state.clone(), shutdown.clone()));
    // A client that sends half of a request and keeps the connection.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST /hooks/twilio/voice HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nCa").await.unwrap();
    assert_eq!(status(address, "/healthz").await.as_deref(), Some("200"));
    shutdown.cancel();
    timeout(SOON, serving).await.unwrap().unwrap().unwrap();
    drop(stream);
}
