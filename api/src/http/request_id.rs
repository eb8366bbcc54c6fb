//! The id of a request: in the log, in the audit record and in the answer. Always made here: an id that came with the
//! request could be used to write anything into the log.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

use crate::state::AppState;

/// Name of the header of the answer.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, as an extension of it: `Extension<RequestId>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// As text; the `cause` of what the request writes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Gives every request its id and every answer the header.
pub async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = RequestId(state.app.new_id().to_string().into());
    let header = HeaderValue::from_str(id.as_str());
    request.headers_mut().remove(HEADER);
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    if let Ok(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    response
}
