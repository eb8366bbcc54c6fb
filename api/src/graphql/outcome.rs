//! How operations went, for the metrics. Neither names nor texts of operations: they come from clients, and may hold
//! anything.

use std::time::Instant;

use metrics::{Gauge, counter, gauge, histogram};

use super::limits::Kind;

/// Operations by kind and code.
const OPERATIONS: &str = "switchboard_graphql_operations_total";
/// Seconds from the request to its answer, by kind; not for subscriptions, which last as long as somebody looks.
const DURATION: &str = "switchboard_graphql_operation_seconds";
/// Open WebSockets.
const SOCKETS: &str = "switchboard_graphql_sockets_open";

/// Counts an operation that was answered; without a kind it was not even understood.
pub(super) fn record(kind: Option<Kind>, began: Instant, code: &'static str) {
    let kind = kind.map_or("none", Kind::as_str);
    let took = began.elapsed();
    tracing::debug!(kind, code, ms = took.as_secs_f64() * 1000.0, "GraphQL operation");
    counter!(OPERATIONS, "kind" => kind, "code" => code).increment(1);
    if kind != "subscription" {
        histogram!(DURATION, "kind" => kind).record(took.as_secs_f64());
    }
}

/// Counts a WebSocket as open until it is dropped.
pub(super) struct OpenSocket(Gauge);

impl OpenSocket {
    pub(super) fn new() -> Self {
        let gauge = gauge!(SOCKETS);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
