//! An Asterisk as far as the bridge can tell: ARI's websocket and its list of channels, with HTTP Basic.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::support::wait::{SOON, eventually};

pub const USER: &str = "switchboard";
pub const PASSWORD: &str = "Correct-Horse-7";

#[derive(Default)]
struct State {
    channels: Mutex<Vec<Value>>,
    /// To the newest connection: the only one that Asterisk gives events to.
    newest: Mutex<Option<mpsc::UnboundedSender<Value>>>,
    connections: AtomicUsize,
    refused: AtomicUsize,
}

/// Ends on drop.
pub struct Asterisk {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl Asterisk {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a loopback port");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, accepting }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many websockets there have been.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many requests had a wrong user or password.
    pub fn refused(&self) -> usize {
        self.state.refused.load(Ordering::SeqCst)
    }

    /// What `GET /ari/channels` answers.
    pub fn set_channels(&self, channels: Vec<Value>) {
        *self.state.channels.lock().unwrap() = channels;
    }

    /// Waits for the websocket number `n`, counted from 1.
    pub async fn connected(&self, n: usize) {
        eventually(&format!("the bridge connects for the time number {n}"), SOON, async || self.connections() >= n)
            .await;
    }

    /// Sends an event to the newest connection. What has no connection is lost, as in Asterisk.
    pub fn say(&self, event: Value) {
        if let Some(newest) = &*self.state.newest.lock().unwrap() {
            let _ = newest.send(event);
        }
    }

    /// Another program takes the application over: the present connection is told, and hears nothing from then on.
    pub fn replace(&self) {
        self.say(json!({"type": "ApplicationReplaced", "application": "switchboard"}));
    }
}

impl Drop for Asterisk {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An event about a channel, in the form of Asterisk 22.
pub fn event(kind: &str, channel: &str, state: &str, n: usize) -> Value {
    json!({
        "type": kind,
        "application": "switchboard",
        "asterisk_id": "02:fc:00:00:00:01",
        "timestamp": format!("2026-11-22T12:{:02}:{:02}.{:03}+0100", n / 60_000 % 60, n / 1000 % 60, n % 1000),
        "channel": channel_of(channel, state),
    })
}

/// A channel, as in events and in the list.
pub fn channel_of(id: &str, state: &str) -> Value {
    json!({
        "id": id, "name": format!("PJSIP/trunk-{id}"), "state": state, "language": "en", "accountcode": "",
        "caller": {"name": "Alice", "number": "+442071838750"}, "connected": {"name": "", "number": ""},
        "dialplan": {"context": "from-trunk", "exten": "+442079460000", "priority": 1, "app_name": "", "app_data": "PIN 4711"},
        "creationtime": "2026-11-22T12:00:00.000+0100",
        "channelvars": {"CHANNEL(linkedid)": id, "APIKEY": "do-not-tell"},
    })
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let Some(head) = head(&stream).await else { return };
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let authorized = head.lines().any(|line| {
        line.split_once(':')
            .is_some_and(|(name, value)| name.eq_ignore_ascii_case("authorization") && value.trim() == basic)
    });
    if !authorized {
        state.refused.fetch_add(1, Ordering::SeqCst);
        return answer(&mut stream, "401 Unauthorized", r#"{"message":"Authentication required"}"#).await;
    }
    match (method, target.as_str()) {
        ("GET", "/ari/events?app=switchboard&subscribeAll=true") => websocket(stream, state).await,
        ("GET", "/ari/channels") => {
            let list = Value::Array(state.channels.lock().unwrap().clone()).to_string();
            answer(&mut stream, "200 OK", &list).await;
        }
        _ => answer(&mut stream, "404 Not Found", r#"{"message":"Resource not found"}"#).await,
    }
}

/// The head of the request, left in the stream for whoever answers.
async fn head(stream: &TcpStream) -> Option<String> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        stream.readable().await.ok()?;
        let read = stream.peek(&mut buffer).await.ok().filter(|read| *read > 0)?;
        let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            return Some(head.to_owned());
        }
        tokio::task::yield_now().await;
    }
}

async fn answer(stream: &mut TcpStream, status: &str, body: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    // The request is taken off first: closing with unread bytes would reset the connection.
    let mut buffer = vec![0; 16 * 1024];
    let _ = stream.read(&mut buffer).await;
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn websocket(stream: TcpStream, state: Arc<State>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (sender, mut events) = mpsc::unbounded_channel();
    *state.newest.lock().unwrap() = Some(sender);
    state.connections.fetch_add(1, Ordering::SeqCst);
    loop {
        tokio::select! {
            event = events.recv() => {
                // Another connection has taken over.
                let Some(event) = event else { break };
                if socket.send(Message::text(event.to_string())).await.is_err() {
                    break;
                }
            }
            // Pings are answered while reading.
            frame = socket.next() => match frame {
                Some(Ok(_)) => {}
                _ => break,
            },
        }
    }
}
