//! An agent's desk: signs in and watches `callActivity`.

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::server::{EMAIL, PASSWORD, Server};

/// An open subscription.
pub struct Desk(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Desk {
    /// Signs in, subscribes, and reads the snapshot.
    pub async fn open(server: &Server, client: &reqwest::Client) -> Result<Self> {
        let login = json!({
            "query": "mutation($input: LoginInput!) { login(input: $input) { accessToken } }",
            "variables": { "input": { "email": EMAIL, "password": PASSWORD } },
        });
        let answer: Value =
            client.post(format!("http://{}/graphql", server.address)).json(&login).send().await?.json().await?;
        let token =
            answer.pointer("/data/login/accessToken").and_then(Value::as_str).context("the agent could not sign in")?;
        let mut request = format!("ws://{}/graphql", server.address).into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        let (socket, _) = connect_async(request).await?;
        let mut desk = Self(socket);
        desk.send(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }))
            .await?;
        desk.until("/type", "connection_ack").await?;
        let document = "subscription { callActivity { __typename ... on CallChanged { call { legs { id } } } } }";
        desk.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": document } })).await?;
        desk.until("/payload/data/callActivity/__typename", "CallSnapshot").await?;
        Ok(desk)
    }

    /// Waits for the message that shows a call of this leg.
    pub async fn shows(&mut self, leg: &str) -> Result<()> {
        self.until("/payload/data/callActivity/call/legs/0/id", leg).await
    }

    async fn send(&mut self, message: Value) -> Result<()> {
        Ok(self.0.send(Message::text(message.to_string())).await?)
    }

    /// Reads messages until one has a text at a place.
    async fn until(&mut self, place: &str, wanted: &str) -> Result<()> {
        while let Some(message) = self.0.next().await {
            let Message::Text(text) = message? else { continue };
            let message: Value = serde_json::from_str(&text)?;
            if message.pointer(place).is_some_and(|found| found == wanted) {
                return Ok(());
            }
        }
        bail!("the server closed the socket")
    }
}
