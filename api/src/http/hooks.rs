//! Webhooks: verified, queued, answered. Nothing else happens while the provider waits, and the database is not asked
//! (but for the list of connections, every two seconds at most).
//!
//! The signature is checked over the raw body and over the **configured** URL (of the installation, or of the connection)
//! with the path and query as they came. `Host` is never looked at, and forwarding headers only when a trusted proxy sent
//! them and the connection believes it ([`super::proxies`]): otherwise whoever sends the request writes them.
//!
//! | refused | status | `reason` |
//! | --- | --- | --- |
//! | not a provider, purpose or connection of ours | 404 | `unknown_provider`, `unknown_purpose`, `unknown_connection` |
//! | another method than GET and POST; OPTIONS that is no handshake | 405 | `method` |
//! | body over the limit, slow, or broken off | 413, 408, 400 | `too_large`, `slow`, `broken` |
//! | signature | 401, 403, 400 | [`Rejection::label`] |
//! | nothing could store it | 503 | `unavailable` |
//!
//! Nothing of a refused request is stored or logged; each is counted. A connection in **monitor mode** refuses nothing for
//! its signature: the request is accepted, counted apart and marked.

use std::{net::SocketAddr, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, StatusCode,
        header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use switchboard_core::{connections::DEFAULT_SLUG, envelope::Envelope};
use switchboard_telephony::{Answer, HookRequest, Method, Provider, Rejection, provider};

use super::{
    metrics::{HOOK_ANSWER, HOOK_HANDSHAKES, HOOKS_ACCEPTED, HOOKS_REFUSED, HOOKS_UNVERIFIED, UNKNOWN},
    proxies,
    verdict::{Verdict, decide},
};
use crate::state::{ApiConfig, AppState};

/// When a provider may come again after 503, in seconds.
const RETRY_SECONDS: &str = "5";

/// `/hooks/{provider}`, `/hooks/{provider}/{purpose}`, and `{provider}.{slug}` in place of the provider.
pub fn routes() -> Router<AppState> {
    // One pattern for all depths: the path is taken apart here, undecoded, because anything else is not ours.
    Router::new().route("/hooks/{*address}", any(receive))
}

async fn receive(State(state): State<AppState>, request: Request) -> Response {
    let began = Instant::now();
    let uri = request.uri().clone();
    let (provider, outcome) = match Address::parse(uri.path()) {
        Ok(address) => (address.provider.key(), take(&state, &address, request).await),
        Err((provider, refusal)) => (provider.unwrap_or(UNKNOWN), Err(refusal)),
    };
    let (result, response) = match outcome {
        Ok(Taken::Stored(answer)) => {
            ::metrics::counter!(HOOKS_ACCEPTED, "provider" => provider).increment(1);
            ("accepted", respond(answer))
        }
        Ok(Taken::Handshake(answer)) => {
            ::metrics::counter!(HOOK_HANDSHAKES, "provider" => provider).increment(1);
            ("handshake", respond(answer))
        }
        Err(refusal) => {
            ::metrics::counter!(HOOKS_REFUSED, "provider" => provider, "reason" => refusal.reason()).increment(1);
            tracing::debug!(provider, reason = refusal.reason(), "a webhook was refused");
            let result = if matches!(refusal, Refusal::Unavailable) { "unavailable" } else { "refused" };
            (result, refusal.into_response())
        }
    };
    ::metrics::histogram!(HOOK_ANSWER, "provider" => provider, "result" => result).record(began.elapsed());
    response
}

/// Where a request is addressed to. The labels of metrics come from here: only words of the registry.
struct Address<'a> {
    provider: &'static dyn Provider,
    slug: &'a str,
    purpose: Option<&'static str>,
}

impl<'a> Address<'a> {
    fn parse(path: &'a str) -> Result<Self, (Option<&'static str>, Refusal)> {
        let rest = path.strip_prefix("/hooks/").unwrap_or_default();
        let (name, purpose) = match rest.split_once('/') {
            Some((name, purpose)) => (name, Some(purpose)),
            None => (rest, None),
        };
        let (key, slug) = name.split_once('.').unwrap_or((name, DEFAULT_SLUG));
        let provider = provider(key).ok_or((None, Refusal::UnknownProvider))?;
        let purpose = match purpose {
            None => None,
            Some(purpose) => {
                let known = provider.purposes().iter().find(|known| **known == purpose);
                Some(*known.ok_or((Some(provider.key()), Refusal::UnknownPurpose))?)
            }
        };
        Ok(Self { provider, slug, purpose })
    }
}

/// A request that was not refused.
enum Taken {
    /// Stored, to be answered so.
    Stored(Answer),
    /// Only asked whether we are there.
    Handshake(Answer),
}

async fn take(state: &AppState, address: &Address<'_>, request: Request) -> Result<Taken, Refusal> {
    let method = match *request.method() {
        HttpMethod::GET => Method::Get,
        HttpMethod::POST => Method::Post,
        HttpMethod::OPTIONS => Method::Options,
        _ => return Err(Refusal::Method),
    };
    let connection = state
        .directory
        .find(address.provider.key(), address.slug)
        .await
        .map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "connections cannot be read: a webhook was put off"
            );
            Refusal::Unavailable
        })?
        .ok_or(Refusal::UnknownConnection)?;

    let (parts, body) = request.into_parts();
    let body = read(&parts.headers, body, &state.config).await?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let url = format!("{}{path}", proxies::base_url(&state.config, &connection.settings, peer, &parts.headers));
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let now = state.app.now();
    let hook = HookRequest { method, url: &url, headers: &headers, body: &body };
    let (answer, unverified) = match decide(&connection, &hook, address.purpose, now) {
        Verdict::Handshake(answer) => return Ok(Taken::Handshake(answer)),
        Verdict::Accept { answer, unverified } => (answer, unverified),
        Verdict::NoSuchMethod => return Err(Refusal::Method),
        Verdict::Refuse(rejection) => return Err(Refusal::Signature(rejection)),
    };

    let stored = connection.provider.stored_headers();
    let envelope = Envelope {
        id: state.app.new_id(),
        connection_id: connection.id,
        provider: connection.provider.key().to_owned(),
        purpose: address.purpose.map(str::to_owned),
        method,
        headers: headers.into_iter().filter(|(name, _)| stored.contains(&name.as_str())).collect(),
        url,
        received_at: now,
        unverified: unverified.map(|rejection| rejection.label().to_owned()),
        body,
    };
    // An answer that says "again" is better than none; what was stored nevertheless is recognised when it comes again.
    match tokio::time::timeout(state.config.patience, state.app.queue().push(envelope)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => return Err(Refusal::Unavailable),
    }
    if let Some(rejection) = unverified {
        let (provider, reason) = (connection.provider.key(), rejection.label());
        ::metrics::counter!(HOOKS_UNVERIFIED, "provider" => provider, "reason" => reason).increment(1);
        if state.monitor_warnings.may_say(connection.id, now) {
            tracing::warn!(connection_id = %connection.id, provider, reason, "accepted in monitor mode: verification fails");
        }
    }
    Ok(Taken::Stored(answer))
}

/// What the provider expects as the answer.
fn respond(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.into_owned()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if let Some(content_type) = answer.content_type {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in answer.headers {
        // A value comes from the request at most: what is no header value is left out.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The whole body, or why not. The limit is checked while it arrives, whatever the length that was announced.
async fn read(headers: &HeaderMap, body: Body, config: &ApiConfig) -> Result<Bytes, Refusal> {
    let limit = config.body_limit;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > limit)) {
        return Err(Refusal::TooLarge);
    }
    let collect = async {
        let mut stream = body.into_data_stream();
        let mut whole = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Refusal::Broken)?;
            if whole.len() + chunk.len() > limit {
                return Err(Refusal::TooLarge);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout(config.patience, collect).await.unwrap_or(Err(Refusal::Slow))
}

/// Why nothing was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    UnknownProvider,
    UnknownPurpose,
    UnknownConnection,
    Method,
    TooLarge,
    Slow,
    Broken,
    Signature(Rejection),
    Unavailable,
}

impl Refusal {
    /// Label for the metric.
    fn reason(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown_provider",
            Self::UnknownPurpose => "unknown_purpose",
            Self::UnknownConnection => "unknown_connection",
            Self::Method => "method",
            Self::TooLarge => "too_large",
            Self::Slow => "slow",
            Self::Broken => "broken",
            Self::Signature(rejection) => rejection.label(),
            Self::Unavailable => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::UnknownProvider | Self::UnknownPurpose | Self::UnknownConnection => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::Signature(rejection) => {
                StatusCode::from_u16(rejection.http_status()).unwrap_or(StatusCode::FORBIDDEN)
            }
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// For the person who reads the provider's debugger.
    fn text(self) -> String {
        match self {
            Self::UnknownProvider => "No such provider. The addresses are on the page of the connection.".to_owned(),
            Self::UnknownPurpose => "This provider does not call such an address.".to_owned(),
            Self::UnknownConnection => "There is no such connection. Add it first.".to_owned(),
            Self::Method => "Send webhooks with GET or POST.".to_owned(),
            Self::TooLarge => "The body is too large.".to_owned(),
            Self::Slow => "The body took too long to arrive.".to_owned(),
            Self::Broken => "The body could not be read to its end.".to_owned(),
            Self::Signature(rejection) => format!("Refused: {rejection}."),
            Self::Unavailable => "The delivery could not be stored just now. Please send it again.".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.text()).into_response();
        match self {
            Self::Method => {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
            }
            Self::Unavailable => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_only_ours_pass() {
        let parse = |path| Address::parse(path).map(|a| (a.provider.key(), a.slug.to_owned(), a.purpose));
        let default = "default".to_owned();
        assert_eq!(parse("/hooks/twilio"), Ok(("twilio", default.clone(), None)));
        assert_eq!(parse("/hooks/twilio/voice"), Ok(("twilio", default, Some("voice"))));
        assert_eq!(parse("/hooks/twilio.berlin/status"), Ok(("twilio", "berlin".to_owned(), Some("status"))));
        for path in [
            "/hooks/",
            "/hooks/acme",
            "/hooks/Twilio",
            "/hooks/acme/voice",
            "/hooks/.x",
            "/hooks//voice",
            "/hooks/twilio%2Fvoice",
        ] {
            assert_eq!(parse(path), Err((None, Refusal::UnknownProvider)), "{path}");
        }
        for path in [
            "/hooks/twilio/",
            "/hooks/twilio/x",
            "/hooks/twilio/voice/",
            "/hooks/twilio/voice/x",
            "/hooks/twilio/Voice",
        ] {
            assert_eq!(parse(path), Err((Some("twilio"), Refusal::UnknownPurpose)), "{path}");
        }
    }
}
