//! GraphQL over a WebSocket, with the protocol `graphql-transport-ws`.
//!
//! The library speaks the protocol; this file owns the line: who may open it, for how long, and with which code it ends.
//!
//! | code | meaning |
//! | --- | --- |
//! | 1001 | the server stops |
//! | 1013 | the session could not be checked just now |
//! | 3008 | nothing was heard for two minutes |
//! | 4400 | a message that is not of the protocol |
//! | 4401 | no session, or it ended |
//! | 4408 | no `connection_init` |

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant as StdInstant},
};

use async_graphql::{
    Data, Executor, Request as Operation, Response as Answer, ServerError,
    http::{WebSocket as Protocol, WebSocketProtocols, WsMessage},
};
use axum::{
    extract::{
        FromRequestParts,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use futures::{Sink, SinkExt, StreamExt, future, stream, stream::BoxStream};
use switchboard_core::{
    access::UserActor,
    events::{BusMessage, Event},
    sessions,
};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use super::{
    batch,
    edge::{Channel, Edge},
    error, limits,
    outcome::{self, OpenSocket},
    transport::{MAX_BODY, Media, refusal},
    viewer::Viewer,
};
use crate::{
    http::auth::{self, AuthFailure},
    state::AppState,
};

/// The one protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// With the library's default every line costs 147 kB, nearly all of it an empty buffer.
const BUFFER: usize = 4096;
/// The line is closed when nothing was heard for so long. Browsers slow the timers of hidden pages down to one a minute, so
/// less would cut off everybody who looks at another window.
const SILENCE: Duration = Duration::from_mins(2);
/// `connection_init` must come within this time.
const INIT_PATIENCE: Duration = Duration::from_secs(10);
/// The session is asked for at least this often, whatever the bus told or did not tell.
const SESSION_CHECK: Duration = Duration::from_secs(30);
/// How soon a check that could not be made is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a client may take to accept the reason why its line ends.
const GOOD_BYE: Duration = Duration::from_secs(1);
/// A client that takes no message for so long is gone.
const SEND_PATIENCE: Duration = Duration::from_secs(30);
/// Most operations at the same time on one line.
const MAX_OPERATIONS: usize = 32;

const GOING_AWAY: End = End(1001, "The server stops; connect again.");
const TRY_LATER: End = End(1013, "The session could not be checked; try again.");
const SILENT: End = End(3008, "Nothing was heard for too long.");
const BAD_MESSAGE: End = End(4400, "Not a message of graphql-transport-ws.");
const UNAUTHORIZED: End = End(4401, "Please sign in.");
const SESSION_ENDED: End = End(4401, "The session has ended.");
const FORBIDDEN: End = End(4403, "Not from this origin.");
const NO_INIT: End = End(4408, "No connection_init came.");

/// How a line ends: close code and reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End(u16, &'static str);

/// What the parts of one line share.
struct Line {
    state: AppState,
    request_id: Arc<str>,
    /// Who is at the other end; `None` until `connection_init` says so.
    user: watch::Sender<Option<UserActor>>,
    initialised: AtomicBool,
    /// Why `connection_init` was not accepted.
    refused: OnceLock<End>,
    heard: Mutex<Instant>,
    operations: AtomicUsize,
}

/// Answers an upgrade request. A cookie or token that is there must be valid; one that is not there may come with
/// `connection_init`.
pub(super) async fn upgrade(state: AppState, mut parts: Parts, request_id: Arc<str>) -> Response {
    let user = match auth::authenticate(&state, &parts.headers, auth::Channel::WebSocket).await {
        Ok(user) => user,
        Err(failure) => return failure.into_response(),
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &state).await {
        Ok(upgrade) => upgrade.protocols([PROTOCOL]),
        Err(rejection) => return refusal(rejection.into_response().status(), Media::Json, "Not a WebSocket request."),
    };
    if upgrade.selected_protocol().is_none() {
        let text = "Connect with the WebSocket protocol graphql-transport-ws.";
        return refusal(StatusCode::BAD_REQUEST, Media::Json, text);
    }
    let line = Arc::new(Line {
        state,
        request_id,
        user: watch::Sender::new(user),
        initialised: AtomicBool::new(false),
        refused: OnceLock::new(),
        heard: Mutex::new(Instant::now()),
        operations: AtomicUsize::new(0),
    });
    upgrade
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(MAX_BODY)
        .max_frame_size(MAX_BODY)
        .on_upgrade(|socket| serve(socket, line))
}

async fn serve(socket: WebSocket, line: Arc<Line>) {
    let _open = OpenSocket::new();
    let (mut sink, source) = socket.split();
    let end = tokio::select! {
        end = speak(&mut sink, source, &line) => end,
        end = line.listen() => Some(end),
        end = line.watch() => Some(end),
    };
    if let Some(End(code, reason)) = end {
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // A client that does not take it is gone anyway.
        let _ = time::timeout(GOOD_BYE, sink.send(close)).await;
    }
}

/// Speaks the protocol until one side has had enough.
async fn speak(
    sink: &mut (impl Sink<Message> + Unpin),
    source: impl stream::Stream<Item = Result<Message, axum::Error>> + Send,
    line: &Arc<Line>,
) -> Option<End> {
    let hearing = Arc::clone(line);
    let messages = source.take_while(|message| future::ready(message.is_ok())).filter_map(move |message| {
        *hearing.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        future::ready(match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => Some(message.into_data()),
            _ => None,
        })
    });
    let initialising = Arc::clone(line);
    let protocol = Protocol::new(Operations(Arc::clone(line)), messages, WebSocketProtocols::GraphQLWS)
        .on_connection_init(move |payload| async move { initialising.initialise(&payload).await });
    let mut protocol = std::pin::pin!(protocol);
    while let Some(message) = protocol.next().await {
        let text = match message {
            WsMessage::Text(text) => text,
            WsMessage::Close(code, _) => return Some(line.end_for(code)),
        };
        match time::timeout(SEND_PATIENCE, sink.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => {}
            _ => return None,
        }
    }
    None
}

impl Line {
    /// Accepts `connection_init`. A token in it wins over the cookie of the upgrade, as over HTTP.
    async fn initialise(&self, payload: &serde_json::Value) -> async_graphql::Result<Data> {
        let authorization = ["authorization", "Authorization"].iter().find_map(|name| payload.get(name)?.as_str());
        let end = match authorization {
            None if self.user.borrow().is_some() => None,
            None => Some(UNAUTHORIZED),
            Some(authorization) => match auth::authenticate_bearer(&self.state, authorization).await {
                Ok(user) => {
                    self.user.send_replace(Some(user));
                    None
                }
                Err(AuthFailure::Unauthenticated) => Some(UNAUTHORIZED),
                Err(AuthFailure::CrossOrigin) => Some(FORBIDDEN),
                Err(AuthFailure::Failed(_)) => Some(TRY_LATER),
            },
        };
        if let Some(end) = end {
            // The library would close with 1002, which clients take for the end of all tries.
            let _ = self.refused.set(end);
            return Err(async_graphql::Error::new(end.1));
        }
        self.initialised.store(true, Ordering::Release);
        Ok(Data::default())
    }

    /// Our code for one of the library's.
    fn end_for(&self, code: u16) -> End {
        match (self.refused.get(), code) {
            (Some(end), _) => *end,
            (None, 1011) => UNAUTHORIZED,
            (None, 4429) => End(4429, "connection_init came twice."),
            (None, _) => BAD_MESSAGE,
        }
    }

    /// Waits until nothing has been heard for too long.
    async fn listen(&self) -> End {
        time::sleep(INIT_PATIENCE).await;
        if !self.initialised.load(Ordering::Acquire) {
            return NO_INIT;
        }
        loop {
            let deadline = *self.heard.lock().unwrap_or_else(PoisonError::into_inner) + SILENCE;
            if deadline <= Instant::now() {
                return SILENT;
            }
            time::sleep_until(deadline).await;
        }
    }

    /// Waits until the session or the process ends, and keeps what the user may do up to date meanwhile.
    async fn watch(&self) -> End {
        let mut bus = self.state.app.bus().subscribe();
        let mut next_check = Instant::now() + SESSION_CHECK;
        loop {
            let check = tokio::select! {
                () = self.state.stopping().cancelled() => return GOING_AWAY,
                () = time::sleep_until(next_check) => true,
                message = bus.next() => if let Some(message) = message {
                    self.concerns(message)
                } else {
                    // The process is about to stop, or its bus is broken; the timer goes on.
                    bus = stream::pending().boxed();
                    false
                },
            };
            if !check {
                continue;
            }
            next_check = Instant::now() + SESSION_CHECK;
            let Some(user) = self.user.borrow().clone() else { continue };
            match sessions::alive(&self.state.app, user.session_id).await {
                Ok(None) => return SESSION_ENDED,
                Ok(Some(now)) => {
                    // Signed in as somebody else meanwhile: then this answer is about the wrong person.
                    self.user.send_if_modified(|known| match known {
                        Some(known) if known.session_id == now.session_id && differs(known, &now) => {
                            *known = now;
                            true
                        }
                        _ => false,
                    });
                }
                Err(error) => {
                    tracing::warn!(code = error.code(), "the session of a WebSocket could not be checked");
                    next_check = Instant::now() + RETRY;
                }
            }
        }
    }

    /// Might the message be about this session?
    fn concerns(&self, message: BusMessage) -> bool {
        let user = self.user.borrow();
        let Some(user) = user.as_ref() else { return false };
        match message {
            BusMessage::Resync => true,
            BusMessage::Event(Event::SessionEnded { session_id }) => session_id == user.session_id,
            BusMessage::Event(Event::AccessChanged { user_id }) => user_id == user.id,
            BusMessage::Event(_) => false,
        }
    }
}

fn differs(before: &UserActor, now: &UserActor) -> bool {
    before.permissions != now.permissions || before.role_id != now.role_id || before.name != now.name
}

/// Executes what comes over one line, each operation with the rights of its moment.
#[derive(Clone)]
struct Operations(Arc<Line>);

impl Executor for Operations {
    async fn execute(&self, operation: Operation) -> Answer {
        let mut answers = self.execute_stream(operation, None);
        answers.next().await.unwrap_or_default()
    }

    fn execute_stream(&self, mut operation: Operation, session: Option<Arc<Data>>) -> BoxStream<'static, Answer> {
        let (line, began) = (&self.0, StdInstant::now());
        let Some(place) = Place::take(line) else {
            return refused("Too many operations at the same time on one connection.", began, line);
        };
        let admitted = match limits::admit(&mut operation) {
            Ok(admitted) => admitted,
            Err(error) => return refused_with(error, began, line),
        };
        let edge = Edge {
            channel: Channel::WebSocket,
            request_id: Arc::clone(&line.request_id),
            browser: false,
            refresh_cookie: None,
            hub: batch::Hub::default(),
            state: Some(line.state.clone()),
        };
        let hub = edge.hub.clone();
        // Followed before it is read: a change in between is then seen as one.
        let followed = line.user.subscribe();
        let user = followed.borrow().clone();
        if let Some(user) = user {
            operation = operation.data(Viewer::new(&line.state.app, user, &edge));
        }
        let operation = operation.data(followed).data(edge);
        let answers = line.state.schema.execute_stream_with_session_data(operation, session.unwrap_or_default());
        let (request_id, mut first) = (Arc::clone(&line.request_id), true);
        batch::drive_stream(hub, answers)
            .map(move |mut answer| {
                let _held = &place;
                error::finish(&mut answer.errors, &request_id);
                if std::mem::take(&mut first) || !answer.errors.is_empty() {
                    outcome::record(Some(admitted.kind), began, error::code(&answer.errors));
                }
                answer
            })
            .boxed()
    }
}

fn refused(message: &str, began: StdInstant, line: &Line) -> BoxStream<'static, Answer> {
    refused_with(ServerError::new(message, None), began, line)
}

fn refused_with(error: ServerError, began: StdInstant, line: &Line) -> BoxStream<'static, Answer> {
    let mut answer = Answer::from_errors(vec![error]);
    error::finish(&mut answer.errors, &line.request_id);
    outcome::record(None, began, error::code(&answer.errors));
    stream::iter([answer]).boxed()
}

/// One of the operations that a line may have at the same time; given back when it is dropped.
struct Place(Arc<Line>);

impl Place {
    fn take(line: &Arc<Line>) -> Option<Self> {
        let taken = line
            .operations
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| (count < MAX_OPERATIONS).then_some(count + 1));
        taken.is_ok().then(|| Self(Arc::clone(line)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.operations.fetch_sub(1, Ordering::AcqRel);
    }
}
