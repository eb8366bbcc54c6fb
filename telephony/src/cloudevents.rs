//! CloudEvents 1.0 over HTTP: structured, binary and batched, with a token.
//!
//! Understood are our own call events (`docs/generic-webhook.md`) in `data`, under any type that ends like one of ours
//! (`com.example.call.ended`), and the status callbacks of Twilio Event Streams. All other types are kept and ignored.

mod envelope;
mod event_streams;
mod handshake;
mod modes;
mod sequence;

use chrono::{DateTime, Utc};

use crate::form::Params;
use crate::secrets::check_names;
use crate::{
    Answer, CallEvent, HookRequest, Method, ParseContext, ParseError, Provider, Rejection, SecretError, SecretField,
    Secrets, VerifyContext, credentials,
};

/// The adapter.
pub(crate) struct CloudEvents;

const TOKEN: &str = "token";
const TOKEN_PREVIOUS: &str = "token_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: TOKEN,
        required: true,
        description: "the token that senders give as `Authorization: Bearer …`; choose a long random one",
        previous: Some(TOKEN_PREVIOUS),
    },
    SecretField {
        name: TOKEN_PREVIOUS,
        required: false,
        description: "the token that is being replaced, until every sender has the new one",
        previous: None,
    },
];

fn tokens(secrets: &Secrets) -> impl Iterator<Item = &str> {
    [TOKEN, TOKEN_PREVIOUS].into_iter().filter_map(|name| secrets.get(name))
}

impl Provider for CloudEvents {
    fn key(&self) -> &'static str {
        "cloudevents"
    }

    fn title(&self) -> &'static str {
        "CloudEvents"
    }

    fn purposes(&self) -> &'static [&'static str] {
        &[]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        modes::HEADERS
    }

    fn handshake(&self, request: &HookRequest<'_>, _context: &VerifyContext<'_>) -> Option<Answer> {
        handshake::answer(request)
    }

    /// The bearer token of the header, else the query parameter `access_token` (both RFC 6750).
    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        match credentials::bearer(request, tokens(context.secrets)) {
            Err(Rejection::MissingSignature) => {}
            verdict => return verdict,
        }
        let query = Params::read(request.query().as_bytes());
        let given = query.get("access_token").ok_or(Rejection::MissingSignature)?;
        credentials::one_of(given, tokens(context.secrets).map(ToOwned::to_owned))
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        _purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        if request.method == Method::Options {
            return Ok(Vec::new());
        }
        modes::read(request)?.events(received_at, context)
    }

    fn answer(&self, _request: &HookRequest<'_>, _purpose: Option<&str>) -> Answer {
        Answer::NO_CONTENT
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "Prefer the header to `?access_token=…` behind the URL: addresses end up in the logs of proxies. A sender that \
             cannot set headers (Twilio Event Streams) needs the parameter.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Let the sender POST CloudEvents 1.0 (structured, binary or batches of up to 1000) to the URL with \
             `Authorization: Bearer` and the token of this connection. `OPTIONS` handshakes are answered.",
            "Give events a `type` that ends like ours, such as `com.example.call.ended`, and the fields of \
             `docs/generic-webhook.md` as `data`; `subject` may name the call in place of `call_id`.",
            "For Twilio Event Streams, make a webhook sink with the URL and `?access_token=` behind it, and subscribe it to \
             `com.twilio.voice.status-callback.call.*`.",
        ]
    }

    fn sign(
        &self,
        _method: Method,
        _url: &str,
        _headers: &[(String, String)],
        _body: &[u8],
        secrets: &Secrets,
        _now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        let hint = "the token that senders give as `Authorization: Bearer …`";
        let token = tokens(secrets).next().ok_or(SecretError::Missing { name: TOKEN, hint })?;
        Ok(vec![("authorization".to_owned(), format!("Bearer {token}"))])
    }
}
