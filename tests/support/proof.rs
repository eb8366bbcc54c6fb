//! The support does what it says. Without this, a test that asks for a fault could pass because there was none.

use std::time::Duration;

use redis::AsyncCommands as _;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::both_modes;
use super::client::Client;
use super::hooks::{call_sid, standard_signature, twilio_signature};
use super::postgres::PostgresDatabase;
use super::proxy::FaultProxy;
use super::redis::RedisServer;
use super::server::{Mode, Server};
use super::socket::{Event, Socket};
use super::wait::{SOON, eventually};

#[tokio::test]
#[should_panic(expected = "not within 50ms: pigs fly")]
async fn waiting_ends() {
    eventually("pigs fly", Duration::from_millis(50), async || false).await;
}

#[tokio::test]
#[should_panic(expected = "not within 50ms: an answer comes")]
async fn waiting_ends_when_a_poll_hangs() {
    eventually("an answer comes", Duration::from_millis(50), std::future::pending).await;
}

/// A vector of Twilio's own libraries.
#[test]
fn twilio_signatures_are_twilios() {
    let parameters = [
        ("To", "+18005551212"),
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
    ];
    let signature = twilio_signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &parameters);
    assert_eq!(signature, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
}

/// A vector of the documentation of Standard Webhooks' reference implementation.
#[test]
fn standard_signatures_are_the_standards() {
    let signature = standard_signature(
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "1649367553",
        br#"{"email":"test@example.com","username":"test_user"}"#,
    );
    assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

async fn redis_connection(url: &str) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
    redis::Client::open(url)?.get_multiplexed_async_connection().await
}

#[tokio::test]
async fn redis_keeps_its_data_over_restarts() {
    let mut server = RedisServer::start().await;
    let mut connection = redis_connection(&server.url()).await.unwrap();
    connection.set::<_, _, ()>("key", "value").await.unwrap();
    server.restart().await;
    let mut connection = redis_connection(&server.url()).await.unwrap();
    assert_eq!(connection.get::<_, String>("key").await.unwrap(), "value");

    server.kill9();
    assert!(redis_connection(&server.url()).await.is_err(), "a killed server answers");
    server.restart().await;
    assert!(redis_connection(&server.url()).await.is_ok());
}

#[tokio::test]
async fn a_paused_redis_is_silent_and_wakes_again() {
    let server = RedisServer::start().await;
    let mut connection = redis_connection(&server.url()).await.unwrap();
    server.pause(true);
    let ask = async |connection: &mut redis::aio::MultiplexedConnection| {
        redis::cmd("PING").query_async::<String>(connection).await
    };
    let silent = tokio::time::timeout(Duration::from_millis(200), ask(&mut connection)).await;
    assert!(!matches!(silent, Ok(Ok(_))), "a paused server answers");
    server.pause(false);
    let mut connection = redis_connection(&server.url()).await.unwrap();
    assert_eq!(ask(&mut connection).await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_database_is_reached_directly_and_by_proxy_and_dropped() {
    let database = PostgresDatabase::create().await;
    let proxy = FaultProxy::start(database.address()).await;
    let direct = Database::connect(database.url()).await.unwrap();
    direct.execute_unprepared("CREATE TABLE thing (id int)").await.unwrap();
    let by_proxy = Database::connect(database.url_through(proxy.address())).await.unwrap();
    by_proxy.execute_unprepared("INSERT INTO thing VALUES (1)").await.unwrap();
    let url = database.url();
    drop(database);
    assert!(Database::connect(url).await.is_err(), "the database is still there");
}

/// A server that answers each byte with the same byte, and a proxy in front of it.
async fn echo() -> FaultProxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reads, mut writes) = stream.split();
                let _ = tokio::io::copy(&mut reads, &mut writes).await;
            });
        }
    });
    FaultProxy::start(address).await
}

async fn answers(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    stream.write_all(b"x").await.is_ok() && matches!(stream.read(&mut byte).await, Ok(1))
}

#[tokio::test]
async fn the_proxy_passes_cuts_refuses_and_heals() {
    let proxy = echo().await;
    let mut first = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(answers(&mut first).await);

    proxy.cut();
    assert!(!answers(&mut first).await, "a cut connection answers");
    let mut second = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(answers(&mut second).await, "a new connection is served after a cut");

    proxy.refuse().await;
    assert!(!answers(&mut second).await, "an old connection lives on while new ones are refused");
    assert!(TcpStream::connect(proxy.address()).await.is_err());

    proxy.heal().await;
    let mut third = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(answers(&mut third).await);
}

#[tokio::test]
async fn the_proxy_swallows_without_closing() {
    let proxy = echo().await;
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(answers(&mut old).await);
    proxy.swallow();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    for stream in [&mut old, &mut new] {
        let silent = tokio::time::timeout(Duration::from_millis(200), answers(stream)).await;
        assert!(silent.is_err(), "a half-open connection answered or was closed");
    }
    proxy.heal().await;
    assert!(!answers(&mut old).await, "a connection that lost bytes goes on");
    let mut fresh = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(answers(&mut fresh).await);
}

const CALLS: &str = "{ interactions(first: 5) { nodes { id from { e164 } } } }";
const LIVE: &str = "subscription { callActivity { __typename ... on CallChanged { call { from { e164 } } } } }";

async fn the_real_binary_works_is_killed_and_comes_back(mode: Mode) {
    let mut server = Server::start(mode).await;
    assert!(Mode::ALL.contains(&mode));
    assert_eq!(server.mode(), mode);
    assert_eq!(server.prepared.backing.is_some(), mode == Mode::Distributed);

    let anonymous = Client::anonymous(&server).execute(CALLS, Value::Null).await;
    assert_eq!(anonymous.status, 401);
    assert_eq!(anonymous.errors.first().unwrap().code(), "UNAUTHENTICATED");
    assert!(
        Socket::open(&server.url(""), &[("cookie", "sb_access=wrong"), ("origin", super::server::PUBLIC_URL)])
            .await
            .is_err()
    );

    let admin = Client::login(&server, &server.admin).await;
    assert!(admin.refresh_token.is_some());
    let me = admin.query("{ me { name } }", Value::Null).await;
    assert_eq!(me.pointer("/me/name"), Some(&json!(server.admin.name)));
    let mut live = admin.subscribe(LIVE, json!({})).await;
    assert_eq!(live.data().await.pointer("/callActivity/__typename"), Some(&json!("CallSnapshot")));

    let hook = server.twilio.ringing(&call_sid(), "+442071838750", "+442079460000");
    assert_eq!(hook.post(&server.url("")).await.unwrap().status(), 200);
    let unsigned = hook.clone().without("x-twilio-signature").post(&server.url("")).await.unwrap();
    assert!([401, 403].contains(&unsigned.status().as_u16()), "an unsigned request was answered {}", unsigned.status());
    let change = live.data_until("the call is announced", |data| data.pointer("/callActivity/call").is_some()).await;
    assert_eq!(change.pointer("/callActivity/call/from/e164"), Some(&json!("+442071838750")));

    let address = server.address();
    server.kill9();
    assert!(matches!(live.next().await, Event::Closed(_)));
    server.restart().await;
    assert_eq!(server.address(), address);
    let calls = admin.query(CALLS, Value::Null).await;
    assert_eq!(calls.pointer("/interactions/nodes").and_then(Value::as_array).map(Vec::len), Some(1), "{calls}");

    let agent = Client::login(&server, &server.agent).await;
    let refused = agent.errors("{ users(first: 1) { nodes { id } } }", Value::Null).await;
    let first = refused.first().unwrap();
    assert_eq!((first.code(), first.path.first()), ("FORBIDDEN", Some(&json!("users"))), "{}", first.message);
    assert!(server.terminate().await.success(), "SIGTERM did not end it in order; its log:\n{}", server.log());
}
both_modes!(the_real_binary_works_is_killed_and_comes_back);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn further_processes_and_settings() {
    let prepared = Server::prepare(Mode::Distributed).await.env("SWITCHBOARD_LOG", "debug");
    let mut server = prepared.start_as("api").await;
    let mut worker = server.spawn("worker");
    let admin = Client::login(&server, &server.admin).await;
    let event = json!({
        "type": "call.ringing",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {"call_id": "c-1", "direction": "inbound", "from": "+442071838751", "to": "+442079460000"},
    });
    let answer = server.generic.request("msg_1", &event).post(&server.url("")).await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    eventually("the worker applies what the API took", SOON, async || {
        let calls = admin.query(CALLS, Value::Null).await;
        calls.pointer("/interactions/nodes").and_then(Value::as_array).is_some_and(|calls| calls.len() == 1)
    })
    .await;
    assert!(worker.terminate().await.success(), "{}", worker.log());
    assert!(server.process().exited().is_none());
    assert!(server.backing().redis.url().starts_with("redis://"));
    assert!(!server.cli(&["connection", "add", "no-such-provider"], "").status.success());
}
