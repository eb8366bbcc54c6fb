//! Everything as one router, and serving it until told to stop.

use std::{future::IntoFuture, io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{ALLOW, CONTENT_TYPE},
    },
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, Predicate, predicate::SizeAbove},
    timeout::TimeoutLayer,
};

use super::{headers, health, hooks, metrics, request_id, trace};
use crate::{graphql, state::AppState};

/// Longest time until an answer begins. A WebSocket's answer begins (and ends) with the upgrade, so it is not cut.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long requests in work may take to end when the process stops.
const FINISH_WITHIN: Duration = Duration::from_secs(10);
/// Smaller answers do not gain by compression.
const COMPRESS_ABOVE: u64 = 1024;

/// First parts of paths that belong to the API: what does not exist below them is 404, never a page of the dashboard.
const API_PATHS: &[&str] = &["hooks", "graphql", "graphiql", "healthz", "readyz", "metrics"];

/// Everything that is served.
pub fn router(state: AppState) -> Router {
    let api = graphql::routes()
        .layer(CompressionLayer::new().gzip(true).compress_when(SizeAbove::new(COMPRESS_ABOVE).and(is_json)))
        .merge(hooks::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .layer(from_fn(headers::api));
    // The last is the outermost: whatever happens inside, the answer has its id and its headers and is counted.
    api.fallback(files)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(CatchPanicLayer::custom(trace::panicked))
        .layer(from_fn(trace::layer))
        .layer(from_fn_with_state(state.clone(), headers::everywhere))
        .layer(from_fn_with_state(state.clone(), request_id::layer))
        .with_state(state)
}

/// What a process without an API shows of itself: health, readiness and metrics, and nothing else.
pub fn probes(state: AppState) -> Router {
    let probes = health::routes().merge(metrics::routes()).layer(from_fn(headers::api));
    probes
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(CatchPanicLayer::custom(trace::panicked))
        .layer(from_fn(trace::layer))
        .layer(from_fn_with_state(state.clone(), headers::everywhere))
        .layer(from_fn_with_state(state.clone(), request_id::layer))
        .with_state(state)
}

/// Other compressible things (the dashboard's files) were compressed when they were built.
fn is_json(_: StatusCode, _: axum::http::Version, headers: &HeaderMap, _: &axum::http::Extensions) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    content_type.starts_with(b"application/json") || content_type.starts_with(b"application/graphql-response+json")
}

/// What no route matched: the dashboard.
async fn files(request: Request) -> Response {
    let first = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
    if API_PATHS.contains(&first) {
        return trace::error(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing at this address.");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response =
            trace::error(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", "Only GET is possible at this address.");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let (parts, _) = request.into_parts();
    let (uri, headers): (Uri, HeaderMap) = (parts.uri, parts.headers);
    switchboard_web::serve(uri, headers).await.into_response()
}

/// Serves until `shutdown`, then stops in order: readiness fails and sockets say good-bye, after the configured notice no
/// connection is accepted any more, requests in work end, for ten seconds at most.
pub async fn serve(listener: TcpListener, state: AppState, shutdown: CancellationToken) -> io::Result<()> {
    serve_router(listener, router(state.clone()), state, shutdown).await
}

/// Serves [`probes`] in the same way.
pub async fn serve_probes(listener: TcpListener, state: AppState, shutdown: CancellationToken) -> io::Result<()> {
    serve_router(listener, probes(state.clone()), state, shutdown).await
}

async fn serve_router(
    listener: TcpListener,
    router: Router,
    state: AppState,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let stop_accepting = CancellationToken::new();
    // Answers are written whole, so waiting for more to send (Nagle's algorithm) would only delay them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
    });
    // With the address of the peer: whether it is a trusted proxy decides about its headers.
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(stop_accepting.clone().cancelled_owned()).into_future();
    tokio::pin!(serving);

    tokio::select! {
        result = &mut serving => return result,
        () = shutdown.cancelled() => state.begin_stopping(),
    }
    tokio::select! {
        result = &mut serving => return result,
        () = tokio::time::sleep(state.config.notice) => stop_accepting.cancel(),
    }
    tokio::time::timeout(FINISH_WITHIN, serving).await.unwrap_or_else(|_| {
        tracing::warn!("requests that were still in work after {} s were cut", FINISH_WITHIN.as_secs());
        Ok(())
    })
}
