//! A client of `graphql-transport-ws`, and the life of a line: who may open it, how it ends.

use std::{net::SocketAddr, time::Duration};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use switchboard_core::{access::Actor, events::Event, sessions, users};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::world::{ORIGIN, PASSWORD, Person, World};

/// Longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port, stopped when dropped.
pub struct Server {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn serve(world: &World) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = world.router();
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { address, task }
}

pub struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn open(server: &Server, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{}/graphql", server.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match timeout(PATIENCE, connect_async(request)).await.unwrap() {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Signed in and acknowledged.
    pub async fn of(server: &Server, person: &Person) -> Self {
        let mut client = Self::open(server, &[("authorization", &format!("Bearer {}", person.token))]).await.unwrap();
        client.send(json!({"type": "connection_init"})).await;
        assert_eq!(client.message().await["type"], "connection_ack");
        client
    }

    pub async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({"id": id, "type": "subscribe", "payload": {"query": query}})).await;
    }

    async fn raw(&mut self) -> Message {
        timeout(PATIENCE, self.0.next()).await.expect("a message in time").expect("an open line").unwrap()
    }

    pub async fn message(&mut self) -> Value {
        match self.raw().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// The next thing that `callActivity` says.
    pub async fn activity(&mut self) -> Value {
        let message = self.message().await;
        assert_eq!(message["type"], "next", "{message}");
        assert!(message["payload"].get("errors").is_none(), "{message}");
        message["payload"]["data"]["callActivity"].clone()
    }

    /// The code with which the server ends the line; what comes before it is skipped.
    pub async fn closed(mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.raw().await {
                return frame.unwrap().code.into();
            }
        }
    }
}

const ME: &str = "{ me { name } }";

#[tokio::test]
async fn a_line_opens_with_a_cookie_a_header_or_a_token_in_its_first_message() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let bearer = format!("Bearer {}", mia.token);
    let cookie = format!("sb_access={}", mia.token);
    for headers in [vec![("authorization", bearer.as_str())], vec![("cookie", &cookie), ("origin", ORIGIN)], vec![]] {
        let mut client = Client::open(&server, &headers).await.unwrap();
        let payload = if headers.is_empty() { json!({"authorization": bearer}) } else { json!(null) };
        client.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(client.message().await["type"], "connection_ack");
        client.send(json!({"type": "ping"})).await;
        assert_eq!(client.message().await["type"], "pong");
        client.subscribe("1", ME).await;
        assert_eq!(client.message().await["payload"]["data"]["me"]["name"], "Mia");
        assert_eq!(client.message().await, json!({"type": "complete", "id": "1"}));
    }
}

#[tokio::test]
async fn a_line_without_a_session_is_refused() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let cookie = format!("sb_access={}", mia.token);
    let opened = async |headers: &[(&'static str, &str)]| Client::open(&server, headers).await.err();
    assert_eq!(opened(&[("cookie", "sb_access=old"), ("origin", ORIGIN)]).await, Some(401));
    assert_eq!(opened(&[("authorization", "Bearer old")]).await, Some(401));
    assert_eq!(opened(&[("cookie", &cookie), ("origin", "https://evil.example")]).await, Some(403));

    let mut client = Client::open(&server, &[]).await.unwrap();
    client.send(json!({"type": "connection_init", "payload": {"authorization": "Bearer old"}})).await;
    assert_eq!(client.closed().await, 4401);
    let mut client = Client::open(&server, &[]).await.unwrap();
    client.send(json!({"type": "connection_init"})).await;
    assert_eq!(client.closed().await, 4401);
    let mut client = Client::open(&server, &[]).await.unwrap();
    client.subscribe("1", ME).await;
    assert_eq!(client.closed().await, 4401);
    let mut client = Client::open(&server, &[]).await.unwrap();
    client.send(json!({"type": "nonsense"})).await;
    assert_eq!(client.closed().await, 4400);
}

#[tokio::test]
async fn tokens_do_not_travel_on_a_line() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let tokens = sessions::login(&world.app, &mia.email, PASSWORD, "test").await.unwrap();
    let mut client = Client::of(&server, &mia).await;
    let refresh =
        format!("mutation {{ refresh(input: {{refreshToken: \"{}\"}}) {{ accessToken }} }}", tokens.refresh.expose());
    for mutation in [refresh.as_str(), "mutation { logout { ok } }"] {
        client.subscribe("1", mutation).await;
        let answer = client.message().await;
        assert_eq!(answer["payload"]["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{answer}");
        assert_eq!(client.message().await["type"], "complete");
    }
}

#[tokio::test]
async fn too_many_and_too_large_operations_are_refused_and_the_line_lives_on() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let mut client = Client::of(&server, &mia).await;
    client.subscribe("bomb", "{ callers(first: 100) { nodes { interactions(first: 100) { nodes { id } } } } }").await;
    assert_eq!(client.message().await["payload"]["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    assert_eq!(client.message().await["type"], "complete");
    for i in 0..32 {
        client.subscribe(&format!("s{i}"), "subscription { callActivity { __typename } }").await;
        assert_eq!(client.activity().await["__typename"], "CallSnapshot");
    }
    client.subscribe("more", ME).await;
    assert_eq!(client.message().await["payload"]["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    assert_eq!(client.message().await["type"], "complete");
    client.send(json!({"type": "complete", "id": "s0"})).await;
    assert_eq!(client.message().await, json!({"type": "complete", "id": "s0"}));
    client.subscribe("more", ME).await;
    assert_eq!(client.message().await["payload"]["data"]["me"]["name"], "Mia");
}

#[tokio::test]
async fn signing_out_ends_the_lines_of_that_session_only() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let elsewhere = sessions::login(&world.app, &mia.email, PASSWORD, "test").await.unwrap();
    let other = Person { token: elsewhere.access.expose().to_owned(), ..mia.clone() };
    let (first, mut second) = (Client::of(&server, &mia).await, Client::of(&server, &other).await);
    world.ask(&mia, "mutation { logout { ok } }", json!({})).await.data();
    assert_eq!(first.closed().await, 4401);
    second.subscribe("1", ME).await;
    assert_eq!(second.message().await["payload"]["data"]["me"]["name"], "Mia");
    world.ask(&other, "mutation { logout(everywhere: true) { ok } }", json!({})).await.data();
    assert_eq!(second.closed().await, 4401);
}

#[tokio::test]
async fn an_end_that_the_bus_lost_is_seen_after_a_resync() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let client = Client::of(&server, &mia).await;
    world.execute("UPDATE session SET revoked_at = '2026-01-01 00:00:00+00:00'").await;
    world.resync();
    assert_eq!(client.closed().await, 4401);
}

#[tokio::test]
async fn other_peoples_ends_do_not_end_a_line() {
    let world = World::new().await;
    let server = serve(&world).await;
    let (mia, tom) = (world.person("Mia", "agent").await, world.person("Tom", "agent").await);
    let mut client = Client::of(&server, &mia).await;
    world.tell(Event::SessionEnded { session_id: tom.session }).await;
    world.tell(Event::SessionEnded { session_id: mia.session }).await;
    world.tell(Event::AccessChanged { user_id: mia.id }).await;
    client.subscribe("1", ME).await;
    assert_eq!(
        client.message().await["payload"]["data"]["me"]["name"],
        "Mia",
        "an event alone ends nothing: it is checked"
    );
}

#[tokio::test]
async fn a_new_role_holds_for_the_next_operation_on_the_line() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    world.person("Ada", "admin").await;
    let mut client = Client::of(&server, &mia).await;
    let users = "{ users { nodes { name } } }";
    client.subscribe("1", users).await;
    assert_eq!(client.message().await["payload"]["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(client.message().await["type"], "complete");
    // The subscription tells when the change has arrived.
    client.subscribe("live", "subscription { callActivity { __typename ... on CallResync { reason } } }").await;
    assert_eq!(client.activity().await["__typename"], "CallSnapshot");
    let role = world.role("supervisor").await;
    users::assign_role(&world.app, &Actor::System("test"), mia.id, role, None, "test").await.unwrap();
    assert_eq!(client.activity().await, json!({"__typename": "CallResync", "reason": "access"}));
    assert_eq!(client.activity().await["__typename"], "CallSnapshot");
    client.send(json!({"type": "complete", "id": "live"})).await;
    assert_eq!(client.message().await["type"], "complete");
    // The line itself learns of it beside the subscription, a moment earlier or later.
    let allowed = timeout(PATIENCE, async {
        loop {
            client.subscribe("2", users).await;
            let answer = client.message().await["payload"].take();
            assert_eq!(client.message().await["type"], "complete");
            if answer.get("errors").is_none() {
                return answer;
            }
        }
    });
    assert_eq!(allowed.await.unwrap()["data"]["users"]["nodes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_stopping_server_says_good_bye() {
    let world = World::new().await;
    let server = serve(&world).await;
    let mia = world.person("Mia", "agent").await;
    let client = Client::of(&server, &mia).await;
    world.state.begin_stopping();
    assert_eq!(client.closed().await, 1001);
}
