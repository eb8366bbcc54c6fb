//! GraphQL over HTTP (the GraphQL-over-HTTP specification, draft of 2025): one operation per request, POST for everything,
//! GET for queries.
//!
//! | what | status |
//! | --- | --- |
//! | executed, also with errors of fields | 200 |
//! | the document is wrong | 400 with `application/graphql-response+json`, 200 with `application/json` |
//! | not JSON, no document | 400 |
//! | no valid session, except for `login` and `refresh` | 401 |
//! | a cookie without `x-switchboard: 1`, or from another origin | 403 |
//! | GET with anything but a query | 405 |
//! | none of our media types is accepted | 406 |
//! | body too large | 413 |
//! | body of another media type | 415 |

use std::{sync::Arc, time::Instant};

use async_graphql::{Request as Operation, Response as Answer, ServerError, Value, http::GraphiQLSource};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, UPGRADE},
    },
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use switchboard_core::access::UserActor;

use super::{
    batch,
    edge::{Channel, Edge},
    error,
    limits::{self, Admitted, Kind},
    outcome, socket,
    viewer::Viewer,
};
use crate::{
    http::{
        auth::{self, AuthFailure},
        request_id::RequestId,
    },
    state::AppState,
};

/// Largest body: the longest note with its JSON is a fifth of this.
pub(super) const MAX_BODY: usize = 256 * 1024;

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// The routes of the GraphQL API: `/graphql` (POST, GET, WebSocket) and, in development, `/graphiql`.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/graphql", get(get_operation).post(post_operation))
        .route("/graphiql", get(graphiql))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn graphiql(State(state): State<AppState>) -> Response {
    if !state.config.graphiql {
        return StatusCode::NOT_FOUND.into_response();
    }
    let page = GraphiQLSource::build().endpoint("/graphql").subscription_endpoint("/graphql");
    Html(page.header("x-switchboard", "1").title("Switchboard").finish()).into_response()
}

async fn get_operation(State(state): State<AppState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let request_id = id_of(&state, &parts.extensions);
    if parts.headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return socket::upgrade(state, parts, request_id).await;
    }
    let Some(media) = Media::accepted(&parts.headers) else { return not_acceptable() };
    match async_graphql::http::parse_query_string(parts.uri.query().unwrap_or_default()) {
        Ok(operation) => answer(&state, &parts.headers, Method::GET, media, &request_id, operation).await,
        Err(_) => refusal(
            StatusCode::BAD_REQUEST,
            media,
            "The address is not a GraphQL request: it needs \"query\", and \"variables\" must be JSON.",
        ),
    }
}

async fn post_operation(State(state): State<AppState>, request: Request) -> Response {
    let request_id = id_of(&state, request.extensions());
    let headers = request.headers().clone();
    let Some(media) = Media::accepted(&headers) else { return not_acceptable() };
    if !is_json(&headers) {
        return refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            media,
            "Send the request as JSON, with the header \"content-type: application/json\".",
        );
    }
    let body = match Bytes::from_request(request, &state).await {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, media, "The request is too large.");
        }
        Err(_) => return refusal(StatusCode::BAD_REQUEST, media, "The request could not be read to its end."),
    };
    // A list would be read as the fields one after the other. What the parser says may quote the request, which may hold a
    // password.
    let operation = match body.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice::<Operation>(&body).ok(),
        _ => None,
    };
    match operation {
        Some(operation) => answer(&state, &headers, Method::POST, media, &request_id, operation).await,
        None => refusal(
            StatusCode::BAD_REQUEST,
            media,
            "The body is not a GraphQL request: a JSON object with \"query\" and, if needed, \"variables\" and \"operationName\".",
        ),
    }
}

/// Decides whether an operation may run, runs it, and answers.
async fn answer(
    state: &AppState,
    headers: &HeaderMap,
    method: Method,
    media: Media,
    request_id: &Arc<str>,
    mut operation: Operation,
) -> Response {
    let began = Instant::now();
    let admitted = match limits::admit(&mut operation) {
        Ok(admitted) => admitted,
        Err(error) => return finished(None, began, media, request_id, Answer::from_errors(vec![error])),
    };
    if method == Method::GET && admitted.kind != Kind::Query {
        let mut refused =
            refusal(StatusCode::METHOD_NOT_ALLOWED, media, "GET is for queries. Send this operation with POST.");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return refused;
    }
    if admitted.kind == Kind::Subscription {
        let text = "Subscriptions need a WebSocket: connect to this address with the protocol graphql-transport-ws.";
        return refusal(StatusCode::BAD_REQUEST, media, text);
    }
    let (edge, user) = match who(state, headers, request_id, admitted).await {
        Ok(known) => known,
        Err(failure) => {
            outcome::record(Some(admitted.kind), began, failure.code());
            return failure.into_response();
        }
    };
    if let Some(user) = user {
        operation = operation.data(Viewer::new(&state.app, user, &edge));
    }
    let hub = edge.hub.clone();
    let answer = batch::drive(&hub, state.schema.execute(operation.data(edge))).await;
    finished(Some(admitted.kind), began, media, request_id, answer)
}

/// Who asks, and how tokens travel. Signing in asks for no session: the old one may just have ended.
async fn who(
    state: &AppState,
    headers: &HeaderMap,
    request_id: &Arc<str>,
    admitted: Admitted,
) -> Result<(Edge, Option<UserActor>), AuthFailure> {
    let browser = auth::wants_cookies(state, headers)?;
    let edge = Edge {
        channel: Channel::Http,
        request_id: Arc::clone(request_id),
        browser,
        refresh_cookie: if browser && admitted.public { auth::refresh_cookie(state, headers)? } else { None },
        hub: batch::Hub::default(),
        state: Some(state.clone()),
    };
    if admitted.public {
        return Ok((edge, None));
    }
    match auth::authenticate(state, headers, auth::Channel::Http).await? {
        Some(user) => Ok((edge, Some(user))),
        None => Err(AuthFailure::Unauthenticated),
    }
}

/// The answer as HTTP.
fn finished(kind: Option<Kind>, began: Instant, media: Media, request_id: &Arc<str>, mut answer: Answer) -> Response {
    error::finish(&mut answer.errors, request_id);
    outcome::record(kind, began, error::code(&answer.errors));
    // Errors of the request, as opposed to those of a field, have no path; nothing was executed then.
    let executed = answer.errors.first().is_none_or(|error| !error.path.is_empty());
    let status = if executed || media == Media::Json { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let body = Body { data: executed.then_some(&answer.data), errors: &answer.errors };
    let mut response = json(status, media, &body);
    for (name, value) in &answer.http_headers {
        response.headers_mut().append(name, value.clone());
    }
    response
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

fn json(status: StatusCode, media: Media, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let headers = [(CONTENT_TYPE, media.header()), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (status, headers, body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer does not serialise");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An answer to something that is not even a GraphQL request.
pub(super) fn refusal(status: StatusCode, media: Media, message: &str) -> Response {
    let mut errors = [ServerError::new(message, None)];
    error::finish(&mut errors, "");
    json(status, media, &Body { data: None, errors: &errors })
}

fn not_acceptable() -> Response {
    let text = "The answer is application/graphql-response+json or application/json. Accept one of them.";
    refusal(StatusCode::NOT_ACCEPTABLE, Media::Json, text)
}

/// The id that the outer layer gave the request.
fn id_of(state: &AppState, extensions: &axum::http::Extensions) -> Arc<str> {
    match extensions.get::<RequestId>() {
        Some(id) => id.as_str().into(),
        None => state.app.new_id().to_string().into(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = value.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    // JSON is UTF-8 (RFC 8259); a client that announces something else means something else.
    let charset = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("charset"));
    let utf8 = charset.is_none_or(|(_, value)| value.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    media.eq_ignore_ascii_case(JSON) && utf8
}

/// Media type of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// The status tells whether the document was right.
    GraphqlResponse,
    /// For older clients: 200 also for wrong documents.
    Json,
}

impl Media {
    fn header(self) -> HeaderValue {
        match self {
            Self::GraphqlResponse => HeaderValue::from_static("application/graphql-response+json; charset=utf-8"),
            Self::Json => HeaderValue::from_static("application/json; charset=utf-8"),
        }
    }

    /// What the client likes best; `None` when it takes neither. Without a header, or with a wildcard, plain JSON.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let values: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        if values.is_empty() {
            return Some(Self::Json);
        }
        let mut best: Option<(f32, Self)> = None;
        for range in values.iter().flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                GRAPHQL_RESPONSE => Self::GraphqlResponse,
                JSON | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let weight = parts.filter_map(|part| part.strip_prefix("q=")).find_map(|q| q.parse().ok()).unwrap_or(1.0);
            // The first of equals wins.
            if weight > 0.0 && best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, media));
            }
        }
        best.map(|(_, media)| media)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_media_type_is_negotiated() {
        assert_eq!(Media::accepted(&HeaderMap::new()), Some(Media::Json));
        for (accept, media) in [
            ("application/graphql-response+json, application/json;q=0.9", Some(Media::GraphqlResponse)),
            ("application/json, application/graphql-response+json", Some(Media::Json)),
            ("application/json;q=0.5, application/graphql-response+json;q=0.8", Some(Media::GraphqlResponse)),
            ("*/*", Some(Media::Json)),
            ("text/html, */*;q=0.1", Some(Media::Json)),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(Media::accepted(&headers(ACCEPT, accept)), media, "{accept}");
        }
    }

    #[test]
    fn only_json_bodies_are_read() {
        for json in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
            assert!(is_json(&headers(CONTENT_TYPE, json)), "{json}");
        }
        for other in
            ["text/plain", "application/json; charset=utf-16", "application/graphql", "multipart/form-data", ""]
        {
            assert!(!is_json(&headers(CONTENT_TYPE, other)), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
