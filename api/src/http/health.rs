//! Is the process alive, and should it be sent requests?

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use serde::Serialize;
use switchboard_core::ports::QueueHealth;

use crate::state::AppState;

/// Longest wait for one dependency: a check that hangs is a check that failed.
const PATIENCE: Duration = Duration::from_secs(1);

/// `/healthz` and `/readyz`.
pub fn routes() -> Router<AppState> {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready))
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Readiness {
    /// `ready`; `degraded` while the queue is away and webhooks go to the spool; `unavailable`; `stopping`.
    status: &'static str,
    checks: Checks,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Checks {
    /// `ok` or `unavailable`.
    database: &'static str,
    /// `ok` or `unavailable`.
    queue: &'static str,
    /// `empty`, `waiting` (deliveries wait in it for the worker), or `unknown`.
    spool: &'static str,
}

impl Readiness {
    /// The database is needed for everything but webhooks, and is where the spool is: without it the process is not ready.
    /// The queue is not: while it is away webhooks go to the spool. (Webhooks are taken whatever is answered here.)
    fn new(database: bool, queue: Option<QueueHealth>, stopping: bool) -> Self {
        let reachable = queue.is_some_and(|queue| queue.reachable);
        let spool = match queue {
            Some(QueueHealth { spooled: 0, .. }) => "empty",
            Some(_) => "waiting",
            None => "unknown",
        };
        let status = match (stopping, database, reachable) {
            (true, _, _) => "stopping",
            (_, false, _) => "unavailable",
            (_, _, false) => "degraded",
            (_, _, true) => "ready",
        };
        let word = |ok| if ok { "ok" } else { "unavailable" };
        Self { status, checks: Checks { database: word(database), queue: word(reachable), spool } }
    }

    fn code(&self) -> StatusCode {
        match self.status {
            "ready" | "degraded" => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

async fn ready(State(state): State<AppState>) -> impl IntoResponse {
    let (database, queue) = tokio::join!(
        tokio::time::timeout(PATIENCE, state.app.db().ping()),
        tokio::time::timeout(PATIENCE, state.app.queue().health()),
    );
    let readiness = Readiness::new(matches!(database, Ok(Ok(()))), queue.ok(), state.is_stopping());
    (readiness.code(), Json(readiness))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_decides() {
        let queue = |reachable, spooled| Some(QueueHealth { reachable, spooled, waiting: None });
        for (database, queue, stopping, status, code) in [
            (true, queue(true, 0), false, "ready", 200),
            (true, queue(true, 7), false, "ready", 200),
            (true, queue(false, 7), false, "degraded", 200),
            (true, None, false, "degraded", 200),
            (false, queue(true, 0), false, "unavailable", 503),
            (false, None, false, "unavailable", 503),
            (true, queue(true, 0), true, "stopping", 503),
        ] {
            let readiness = Readiness::new(database, queue, stopping);
            assert_eq!((readiness.status, readiness.code().as_u16()), (status, code), "{database} {queue:?}");
        }
        assert_eq!(Readiness::new(true, queue(true, 7), false).checks.spool, "waiting");
        assert_eq!(Readiness::new(true, None, false).checks.spool, "unknown");
    }
}
