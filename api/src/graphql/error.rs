//! What a client is told when something goes wrong: a sentence, a stable code and, where it helps, more.
//!
//! | code | `extensions` besides `code` |
//! | --- | --- |
//! | `INVALID` | `fields: [{path, message}]` |
//! | `RATE_LIMITED` | `retryAfterSeconds` |
//! | `CONFLICT` | `takenBy`, where it is known |
//! | `INTERNAL` | `requestId`; what happened is in the log only |
//! | `BAD_REQUEST` | the document or its variables are wrong |
//! | others | nothing |

use std::sync::Arc;

use async_graphql::{ErrorExtensions, ServerError, Value, indexmap::IndexMap};
use switchboard_core as core;

/// Result of a resolver.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// Code of errors in the request itself.
pub const BAD_REQUEST: &str = "BAD_REQUEST";

/// An error on its way to a client. Made from the rules' errors alone: with `async-graphql`'s own conversion the text of
/// *any* error, also a database's, would be sent to the client through a `?`.
#[derive(Clone, Debug)]
pub struct Fault(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Rule(Arc<core::Error>),
    BadRequest(&'static str),
}

impl Fault {
    /// The request cannot be meant like this.
    pub fn bad_request(message: &'static str) -> Self {
        Self(Kind::BadRequest(message))
    }
}

impl From<core::Error> for Fault {
    fn from(error: core::Error) -> Self {
        Self(Kind::Rule(Arc::new(error)))
    }
}

impl From<Fault> for async_graphql::Error {
    fn from(fault: Fault) -> Self {
        let error = match fault.0 {
            Kind::BadRequest(message) => {
                return Self::new(message).extend_with(|_, extensions| extensions.set("code", BAD_REQUEST));
            }
            Kind::Rule(error) => error,
        };
        let mut shown = Self::new(error.to_string()).extend_with(|_, extensions| {
            extensions.set("code", error.code());
            match &*error {
                core::Error::Invalid(fields) => extensions.set("fields", fields.iter().map(field).collect::<Vec<_>>()),
                core::Error::RateLimited { retry_after_seconds } => {
                    extensions.set("retryAfterSeconds", *retry_after_seconds);
                }
                core::Error::Conflict { taken_by: Some(name), .. } => extensions.set("takenBy", name.as_str()),
                _ => {}
            }
        });
        // Not serialised; `finish` writes it to the log, where the request id is known.
        shown.source = Some(error);
        shown
    }
}

fn field(field: &core::FieldError) -> Value {
    Value::Object(IndexMap::from_iter([
        (async_graphql::Name::new("path"), Value::from(field.path)),
        (async_graphql::Name::new("message"), Value::from(field.message.as_ref())),
    ]))
}

/// Completes the errors of an answer: those of the library itself are mistakes of the request; internal ones go to the log
/// and leave only the id by which they are found there.
pub(super) fn finish(errors: &mut [ServerError], request_id: &str) {
    for error in errors {
        let source = error.source.take();
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", BAD_REQUEST);
        }
        let Some(rule) = source.as_ref().and_then(|source| source.downcast_ref::<core::Error>()) else { continue };
        if let core::Error::Internal(cause) = rule {
            tracing::error!(request_id, error = &**cause as &dyn std::error::Error, "a GraphQL operation failed");
            extensions.set("requestId", request_id);
        }
    }
}

/// The code of an answer for metrics: of its first error, or `OK`. One of a fixed list, so that nobody can fill the metrics
/// with labels.
pub(super) fn code(errors: &[ServerError]) -> &'static str {
    const CODES: [&str; 9] = [
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "NOT_FOUND",
        "INVALID",
        "CONFLICT",
        "RATE_LIMITED",
        "UNAVAILABLE",
        "INTERNAL",
        BAD_REQUEST,
    ];
    let Some(first) = errors.first() else { return "OK" };
    let code = first.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    CODES.into_iter().find(|known| code == Some(&Value::from(*known))).unwrap_or(BAD_REQUEST)
}
