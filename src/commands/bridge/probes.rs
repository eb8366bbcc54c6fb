//! `/healthz`, `/readyz` and `/metrics` of the bridge.

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use switchboard_bridge::Status;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Answers until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    metrics: PrometheusHandle,
    status: Arc<Status>,
    stop: CancellationToken,
) {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(status)
        .route("/metrics", get(move || async move { metrics.render() }));
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the bridge no longer answers probes");
    }
}

/// 200 while events arrive and go on, else 503; the body says what is the matter.
async fn ready(State(status): State<Arc<Status>>) -> (StatusCode, String) {
    let code = if status.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |good: bool, yes: &'static str, no: &'static str| if good { yes } else { no };
    let body = format!(
        "asterisk: {}\ncrm: {}\nspool: {}, {} events wait\n",
        word(status.connected(), "connected", "not connected"),
        word(status.crm_away(), "takes no events", "ok"),
        word(status.full(), "full", "ok"),
        status.waiting(),
    );
    (code, body)
}
