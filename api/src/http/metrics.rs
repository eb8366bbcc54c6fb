//! Prometheus metrics of the edge, and `/metrics`. Labels are few and fixed: never a path, a slug or anything else that a
//! sender chooses.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics::{Unit, describe_counter, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::state::AppState;

/// Webhooks taken into the queue, by `provider`.
pub const HOOKS_ACCEPTED: &str = "switchboard_hooks_accepted_total";
/// Webhooks of which nothing was stored, by `provider` and `reason`.
pub const HOOKS_REFUSED: &str = "switchboard_hooks_refused_total";
/// Webhooks that monitor mode took into the queue though their verification failed, by `provider` and `reason`.
pub const HOOKS_UNVERIFIED: &str = "switchboard_hooks_unverified_total";
/// Requests of providers that only asked whether we are there, by `provider`.
pub const HOOK_HANDSHAKES: &str = "switchboard_hooks_handshakes_total";
/// Seconds from the first byte of a webhook to its answer, by `provider` and `result`: `accepted`, `handshake`, `refused`,
/// `unavailable`.
pub const HOOK_ANSWER: &str = "switchboard_hooks_answer_seconds";
/// Seconds of answering a request, by `method`, `route` (the pattern) and `status`.
pub const REQUESTS: &str = "switchboard_http_request_seconds";
/// Request handlers that panicked.
pub const PANICS: &str = "switchboard_http_panics_total";

/// Label of what is in no registry.
pub const UNKNOWN: &str = "unknown";

/// Limits of the buckets of every histogram of seconds: from a webhook in a quarter of a millisecond to a provider's
/// patience.
const SECONDS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0];

/// Limits of the buckets of every histogram of sizes: from one to a full batch.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// Installs the recorder of this process and says what the edge's metrics mean. Once a process. The handle goes into
/// [`AppState`]; call its `run_upkeep` every few seconds, or histograms that nobody scrapes grow.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), SIZES)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_counter!(HOOKS_ACCEPTED, Unit::Count, "Webhooks taken into the queue, by provider");
    describe_counter!(HOOKS_REFUSED, Unit::Count, "Webhooks of which nothing was stored, by provider and reason");
    describe_counter!(
        HOOKS_UNVERIFIED,
        Unit::Count,
        "Webhooks accepted in monitor mode though their verification failed, by provider and reason"
    );
    describe_counter!(HOOK_HANDSHAKES, Unit::Count, "Requests that only asked whether we are there, by provider");
    describe_histogram!(HOOK_ANSWER, Unit::Seconds, "Time to answer a webhook, by provider and result");
    describe_histogram!(REQUESTS, Unit::Seconds, "Time to answer a request, by method, route and status");
    describe_counter!(PANICS, Unit::Count, "Request handlers that panicked");
    describe_counter!("switchboard_logins_total", Unit::Count, "Sign-ins, by outcome");
    describe_counter!(
        "switchboard_refresh_reuse_total",
        Unit::Count,
        "Sessions ended because a refresh token was reused"
    );
}

/// `/metrics`.
pub fn routes() -> Router<AppState> {
    Router::new().route("/metrics", get(render))
}

async fn render(State(state): State<AppState>) -> Response {
    match &state.metrics {
        Some(handle) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response(),
        None => (StatusCode::NOT_FOUND, "Metrics are switched off in this process.\n").into_response(),
    }
}
