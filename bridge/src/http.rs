//! A small HTTP client on top of [`Dialer`]: one server, kept connections, a deadline for the whole exchange.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri, header::HeaderValue};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::time::timeout;

use crate::{
    dial::{Dialer, Stream},
    target::Target,
    trouble::Trouble,
};

/// Idle connections are dropped after this, before the other side does it in the middle of a request.
const IDLE: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Connector {
    dialer: Dialer,
    target: Target,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Trouble>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { dialer, target } = self.clone();
        Box::pin(async move { dialer.dial(&target).await.map(TokioIo::new) })
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    /// Status code.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// Requests to one server.
#[derive(Clone, Debug)]
pub struct Http {
    target: Target,
    client: Client<Connector, Full<Bytes>>,
    patience: Duration,
}

impl Http {
    /// A client for the server of the target. No exchange takes longer than `patience`.
    pub fn new(dialer: Dialer, target: Target, patience: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(Connector { dialer, target: target.clone() });
        Self { target, client, patience }
    }

    /// Sends a request and reads the answer. A body of more than `limit` bytes, or one that breaks off, counts as empty: the
    /// status has been said. Redirects are not followed.
    pub async fn send(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
        limit: usize,
    ) -> Result<Reply, Trouble> {
        let peer = self.target.authority();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.target.http(path_and_query).parse().map_err(|_| {
            Trouble::Protocol(peer.clone(), "its address has characters that no address has".to_owned())
        })?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(
            hyper::header::USER_AGENT,
            HeaderValue::from_static(concat!("switchboard-bridge/", env!("CARGO_PKG_VERSION"))),
        );
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| Trouble::from_chain(&peer, &error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, limit).collect().await.map(http_body_util::Collected::to_bytes);
            Ok(Reply { status: parts.status, headers: parts.headers, body: body.unwrap_or_default() })
        };
        timeout(self.patience, exchange)
            .await
            .unwrap_or_else(|_| Err(Trouble::Slow(peer.clone(), self.patience.as_secs().max(1))))
    }

    /// Host and port, for messages.
    pub fn peer(&self) -> String {
        self.target.authority()
    }
}
