//! What an operation knows about the request that brought it.

use std::sync::Arc;

use async_graphql::Context;
use switchboard_core::{App, Error};

use super::{
    batch::Hub,
    error::{Fault, Result},
};
use crate::state::AppState;

/// How an operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A request of its own: the answer may set cookies.
    Http,
    /// One of many on a WebSocket.
    WebSocket,
}

/// What an operation knows about the request that brought it.
#[derive(Clone, Debug)]
pub struct Edge {
    /// How it came.
    pub channel: Channel,
    /// Id of the request, or of the one that opened the WebSocket: the cause in the audit record, and in the log.
    pub request_id: Arc<str>,
    /// Does the sender want its tokens as cookies (`x-switchboard: 1`)?
    pub browser: bool,
    /// The refresh token from the cookie; only ever there together with `browser`, so that no script can have the token
    /// of a cookie written into an answer.
    pub refresh_cookie: Option<String>,
    /// The reads of this operation.
    pub hub: Hub,
    /// For building cookies. `None` where there is no HTTP around the operation.
    pub state: Option<AppState>,
}

impl Edge {
    /// An operation that has no HTTP request around it, for embedding and for tests.
    pub fn bare(request_id: &str) -> Self {
        Self {
            channel: Channel::WebSocket,
            request_id: request_id.into(),
            browser: false,
            refresh_cookie: None,
            hub: Hub::default(),
            state: None,
        }
    }

    /// The edge of the operation that is being resolved.
    pub(super) fn of<'a>(ctx: &Context<'a>) -> Result<&'a Self> {
        ctx.data_opt().ok_or_else(|| Error::internal("an operation was started without its edge").into())
    }

    /// The application.
    pub(super) fn app<'a>(ctx: &Context<'a>) -> Result<&'a App> {
        ctx.data_opt().ok_or_else(|| Error::internal("the schema was made without the application").into())
    }

    /// Signing in and out needs an answer of its own: on a WebSocket no cookie can be set, and tokens of a browser would
    /// come into the hands of its scripts.
    pub(super) fn require_http(&self) -> Result<&AppState> {
        match (self.channel, &self.state) {
            (Channel::Http, Some(state)) => Ok(state),
            _ => Err(Fault::bad_request("Sign in and out with a POST request, not on a WebSocket.")),
        }
    }
}
