//! `Telnyx-Signature-Ed25519` over `{Telnyx-Timestamp}|{raw body}`.
//!
//! What a GET has signed is documented nowhere. Its parameters are in the query, so the query must stand in the place of
//! the body: a signature over nothing but the time would prove nothing about them, and is refused.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{PRIVATE_KEY, PUBLIC_KEY, PUBLIC_KEY_PREVIOUS};
use crate::{HookRequest, Method, Rejection, SecretError, Secrets, VerifyContext};

const SIGNATURE: &str = "Telnyx-Signature-Ed25519";
const TIMESTAMP: &str = "Telnyx-Timestamp";

const PUBLIC_FORM: &str = "the 32 bytes of the account's Ed25519 public key in base64";
const PRIVATE_FORM: &str = "the 32 bytes of an Ed25519 seed in base64";

/// The public keys that are valid at the moment.
pub(super) fn keys(secrets: &Secrets) -> Result<Vec<VerifyingKey>, SecretError> {
    let read = |name: &'static str| {
        let text = secrets.get(name)?;
        let key = bytes(text).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        // Anybody can sign for a weak key (a point of small order).
        let key = key.filter(|key| !key.is_weak());
        Some(key.ok_or(SecretError::Malformed { name, hint: PUBLIC_FORM }))
    };
    [PUBLIC_KEY, PUBLIC_KEY_PREVIOUS].into_iter().filter_map(read).collect()
}

pub(super) fn verify(request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
    let header = |name| request.header(name).map(str::trim).filter(|value| !value.is_empty());
    let given = header(SIGNATURE).ok_or(Rejection::MissingSignature)?;
    let timestamp = header(TIMESTAMP).ok_or(Rejection::MissingSignature)?;
    let keys = keys(context.secrets).map_err(|_| Rejection::UnknownKey)?;
    if keys.is_empty() {
        return Err(Rejection::UnknownKey);
    }
    let time = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    if context.is_stale(time.ok_or(Rejection::BadSignature)?) {
        return Err(Rejection::Stale);
    }
    let message = message(request, timestamp).ok_or(Rejection::BadSignature)?;
    let given = STANDARD.decode(given).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    let given = given.ok_or(Rejection::BadSignature)?;
    // The strict check also refuses signatures that would be valid for several messages.
    let valid = keys.iter().any(|key| key.verify_strict(&message, &given).is_ok());
    if valid { Ok(()) } else { Err(Rejection::BadSignature) }
}

pub(super) fn sign(
    request: &HookRequest<'_>,
    secrets: &Secrets,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String)>, SecretError> {
    let text = secrets.get(PRIVATE_KEY).ok_or(SecretError::Missing { name: PRIVATE_KEY, hint: PRIVATE_FORM })?;
    let seed = bytes(text).ok_or(SecretError::Malformed { name: PRIVATE_KEY, hint: PRIVATE_FORM })?;
    let timestamp = now.timestamp().to_string();
    let message = message(request, &timestamp).unwrap_or_default();
    let signature = STANDARD.encode(SigningKey::from_bytes(&seed).sign(&message).to_bytes());
    Ok(vec![(TIMESTAMP.to_owned(), timestamp), (SIGNATURE.to_owned(), signature)])
}

/// What is signed; `None` when no signature could cover the request.
fn message(request: &HookRequest<'_>, timestamp: &str) -> Option<Vec<u8>> {
    let signed = match request.method {
        // A body beside the query would be covered by nothing, and an empty query says nothing.
        Method::Get if request.body.is_empty() && !request.query().is_empty() => request.query().as_bytes(),
        Method::Get => return None,
        Method::Post | Method::Options => request.body,
    };
    Some([timestamp.as_bytes(), b"|", signed].concat())
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}
