//! One span and one line for each request: method, matched route, status, duration, request id. Never a URL (its query may
//! hold phone numbers), never a header, never a body.

use std::{any::Any, time::Instant};

use axum::{
    Json,
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tracing::Instrument;

use super::{
    metrics::{PANICS, REQUESTS},
    request_id::RequestId,
};

/// Label of what no route matched: the dashboard's pages and files.
const FILES: &str = "files";

/// Around every request.
pub async fn layer(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(FILES, |path| path.as_str()).to_owned();
    let request_id = request.extensions().get::<RequestId>().cloned();
    let request_id = request_id.as_ref().map_or("-", RequestId::as_str);
    let span = tracing::info_span!("request", method, route, request_id);
    let response = next.run(request).instrument(span.clone()).await;

    let (status, took) = (response.status(), began.elapsed());
    span.in_scope(|| {
        let (status, ms) = (status.as_u16(), took.as_secs_f64() * 1e3);
        match (status, route.as_str()) {
            (500.., _) => tracing::warn!(status, ms, "answered with an error"),
            // Thousands a second, or asked by machines every few seconds: in the metrics.
            (_, "/graphql") => tracing::info!(status, ms, "answered"),
            _ => tracing::debug!(status, ms, "answered"),
        }
    });
    let status = status.as_str().to_owned();
    ::metrics::histogram!(REQUESTS, "method" => method, "route" => route, "status" => status).record(took);
    response
}

/// The methods that exist; anything else is free text of the sender.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The answer to a request whose handler panicked. What the panic says may quote the request, so it is not logged here.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    ::metrics::counter!(PANICS).increment(1);
    tracing::error!("a request handler panicked");
    error(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Switchboard had a problem.")
}

/// An error in the form of GraphQL, which every client of the API reads.
pub fn error(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({"errors": [{"message": message, "extensions": {"code": code}}]}))).into_response()
}
