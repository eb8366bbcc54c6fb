//! `generic`: any phone system that can send our own documented JSON, signed after Standard Webhooks.
//! The format is described in `docs/generic-webhook.md`.

pub(crate) mod body;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::standard_webhooks::{self, ID_NAMES, Key, SHARED_FORM};
use crate::{
    Answer, CallEvent, HookRequest, Method, ParseContext, ParseError, Provider, Rejection, SecretError, SecretField,
    Secrets, VerifyContext,
};

/// The adapter.
pub(crate) struct Generic;

const SECRET: &str = "secret";
const SECRET_PREVIOUS: &str = "secret_previous";
const PUBLIC_KEY: &str = "public_key";
const PUBLIC_KEY_PREVIOUS: &str = "public_key_previous";
/// Only for signing in the simulator and in tests; a connection never holds it.
const PRIVATE_KEY: &str = "private_key";

const PUBLIC_FORM: &str = "whpk_ followed by the 32 bytes of an Ed25519 public key in base64";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: SECRET,
        required: false,
        description: "shared secret of v1 signatures (HMAC-SHA256): whsec_ and 24 to 64 random bytes in base64",
        previous: Some(SECRET_PREVIOUS),
    },
    SecretField {
        name: SECRET_PREVIOUS,
        required: false,
        description: "the shared secret that is being replaced, until every sender has the new one",
        previous: None,
    },
    SecretField {
        name: PUBLIC_KEY,
        required: false,
        description: "public key of v1a signatures (Ed25519): whpk_ and 32 bytes in base64",
        previous: Some(PUBLIC_KEY_PREVIOUS),
    },
    SecretField {
        name: PUBLIC_KEY_PREVIOUS,
        required: false,
        description: "the public key that is being replaced, until every sender has the new one",
        previous: None,
    },
];

fn keys(secrets: &Secrets) -> Result<Vec<Key>, SecretError> {
    let keys = [
        Key::optional(secrets, SECRET, SHARED_FORM, Key::shared)?,
        Key::optional(secrets, SECRET_PREVIOUS, SHARED_FORM, Key::shared)?,
        Key::optional(secrets, PUBLIC_KEY, PUBLIC_FORM, Key::public)?,
        Key::optional(secrets, PUBLIC_KEY_PREVIOUS, PUBLIC_FORM, Key::public)?,
    ];
    Ok(keys.into_iter().flatten().collect())
}

impl Provider for Generic {
    fn key(&self) -> &'static str {
        "generic"
    }

    fn title(&self) -> &'static str {
        "Generic webhook"
    }

    fn purposes(&self) -> &'static [&'static str] {
        &[]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)?;
        if keys(secrets)?.is_empty() {
            return Err(SecretError::Missing { name: SECRET, hint: SHARED_FORM });
        }
        Ok(())
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &ID_NAMES
    }

    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        let keys = keys(context.secrets).map_err(|_| Rejection::UnknownKey)?;
        standard_webhooks::verify(request, &keys, context)
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        _purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        let id = standard_webhooks::message_id(request).ok_or(ParseError::Missing { field: "webhook-id" })?;
        body::parse(request.body, id.to_owned(), received_at, context).map(|event| vec![event])
    }

    fn answer(&self, _request: &HookRequest<'_>, _purpose: Option<&str>) -> Answer {
        Answer::NO_CONTENT
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Let your phone system POST one JSON event for each change of a call to the URL, in the format of \
             `docs/generic-webhook.md`.",
            "Sign each request after Standard Webhooks with the secret of this connection (libraries exist for most \
             languages), and send it again with the same `webhook-id` until the answer is 2xx.",
        ]
    }

    /// Signs with `private_key` (`whsk_…`, `v1a`) when it is given, else with `secret` (`v1`).
    fn sign(
        &self,
        _method: Method,
        _url: &str,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &Secrets,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        if let Some(text) = secrets.get(PRIVATE_KEY) {
            let hint = "whsk_ followed by the 32 bytes of an Ed25519 seed in base64";
            let key = standard_webhooks::private_key(text);
            let key = key.ok_or(SecretError::Malformed { name: PRIVATE_KEY, hint })?;
            let sign = |id: &str| standard_webhooks::sign_private(&key, id, now, body);
            return Ok(standard_webhooks::signed_headers(headers, body, now, sign));
        }
        let present = Key::optional(secrets, SECRET, SHARED_FORM, Key::shared)?;
        match present.or(Key::optional(secrets, SECRET_PREVIOUS, SHARED_FORM, Key::shared)?) {
            Some(Key::Shared(key)) => {
                let sign = |id: &str| standard_webhooks::sign_shared(&key, id, now, body);
                Ok(standard_webhooks::signed_headers(headers, body, now, sign))
            }
            _ => Err(SecretError::Missing { name: SECRET, hint: SHARED_FORM }),
        }
    }
}
