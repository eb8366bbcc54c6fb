//! A graphql-transport-ws client, by its protocol document and nothing more, so that tests see what is really sent.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::wait::SOON;

/// What the server said next.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The payload's `data` of a `next` message without errors.
    Data(Value),
    /// The errors of an `error` message, or of a `next` message with any.
    Errors(Value),
    /// `complete`: the server ended the subscription.
    Complete,
    /// The connection ended, with the close code if there was one.
    Closed(Option<u16>),
}

/// One WebSocket with at most one subscription at a time.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// The HTTP upgrade alone, with extra headers such as `cookie` and `origin`. A refusal is `Error::Http`.
    pub async fn open(server: &str, headers: &[(&'static str, &str)]) -> Result<Self, Box<Error>> {
        let url = format!("{}/graphql", server.replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        for &(name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|error| Box::new(Error::from(error)))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let (stream, _) = connect_async(request).await?;
        Ok(Self { stream })
    }

    /// `connection_init`, and its acknowledgement. Panics when that does not come.
    pub async fn init(&mut self, payload: Value) {
        self.send(&json!({"type": "connection_init", "payload": payload})).await;
        let answer = self.message(SOON).await;
        assert_eq!(answer.as_ref().ok().and_then(kind), Some("connection_ack"), "{answer:?}");
    }

    /// Starts the subscription.
    pub async fn subscribe(&mut self, document: &str, variables: Value) {
        self.send(&json!({"id": "1", "type": "subscribe", "payload": {"query": document, "variables": variables}}))
            .await;
    }

    /// What comes next. Panics when nothing does.
    pub async fn next(&mut self) -> Event {
        match self.message(SOON).await {
            Err(code) => Event::Closed(code),
            Ok(mut message) => match kind(&message) {
                Some("complete") => Event::Complete,
                Some("error") => Event::Errors(take(&mut message, "/payload")),
                Some("next") if message.pointer("/payload/errors").is_some_and(|errors| !errors.is_null()) => {
                    Event::Errors(take(&mut message, "/payload/errors"))
                }
                Some("next") => Event::Data(take(&mut message, "/payload/data")),
                _ => panic!("not a message of the protocol at this point: {message}"),
            },
        }
    }

    /// The data that comes next. Panics when it is something else.
    pub async fn data(&mut self) -> Value {
        match self.next().await {
            Event::Data(data) => data,
            other => panic!("data was expected, and there came {other:?}"),
        }
    }

    /// Takes data until one satisfies the condition, and returns that. Panics when the stream ends or none comes.
    pub async fn data_until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let looking = async {
            loop {
                let data = self.data().await;
                if wanted(&data) {
                    return data;
                }
            }
        };
        tokio::time::timeout(SOON, looking).await.unwrap_or_else(|_| panic!("not within {SOON:?}: {what}"))
    }

    async fn send(&mut self, message: &Value) {
        self.stream.send(Message::text(message.to_string())).await.expect("the server takes messages");
    }

    /// The next message that is not a ping, or the close code.
    async fn message(&mut self, timeout: Duration) -> Result<Value, Option<u16>> {
        let receiving = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: Value = serde_json::from_str(&text).expect("messages are JSON");
                        match kind(&message) {
                            Some("ping") => self.send(&json!({"type": "pong"})).await,
                            Some("pong") => {}
                            _ => return Ok(message),
                        }
                    }
                    Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(None),
                }
            }
        };
        tokio::time::timeout(timeout, receiving)
            .await
            .unwrap_or_else(|_| panic!("the server said nothing for {timeout:?}"))
    }
}

fn kind(message: &Value) -> Option<&str> {
    message.get("type").and_then(Value::as_str)
}

fn take(message: &mut Value, pointer: &str) -> Value {
    message.pointer_mut(pointer).map(Value::take).unwrap_or_default()
}
