//! Signatures of the Standard Webhooks specification, versions `v1` (HMAC-SHA256) and `v1a` (Ed25519).
//!
//! Signed is `{id}.{timestamp}.{raw body}`. A header may hold several signatures, while the sender changes keys; one
//! that matches is enough, versions that are not known are passed over.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::signature::{equal, hmac_sha256, sha256_hex};
use crate::{HookRequest, Rejection, SecretError, Secrets, VerifyContext};

/// Bytes of a shared secret.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Signatures of one header that are looked at: rotation needs two or three.
const MAX_SIGNATURES: usize = 16;

/// What a shared secret looks like and how to make one.
pub(crate) const SHARED_FORM: &str =
    "whsec_ followed by 24 to 64 random bytes in base64 (echo \"whsec_$(openssl rand -base64 32)\")";

/// Secrets are copied by people: with or without the padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key that requests are checked with.
pub(crate) enum Key {
    /// `v1`: the decoded bytes of a `whsec_…` secret.
    Shared(Vec<u8>),
    /// `v1a`: a `whpk_…` public key.
    Public(VerifyingKey),
}

impl Key {
    /// Reads a shared secret: `whsec_` (may be left out) and 24 to 64 bytes in base64.
    pub(crate) fn shared(text: &str) -> Option<Self> {
        let bytes = LENIENT.decode(text.trim().trim_start_matches("whsec_")).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then_some(Self::Shared(bytes))
    }

    /// Reads a public key: `whpk_` (may be left out) and 32 bytes in base64.
    pub(crate) fn public(text: &str) -> Option<Self> {
        let bytes = LENIENT.decode(text.trim().trim_start_matches("whpk_")).ok()?;
        VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok().map(Self::Public)
    }

    /// Reads a key of a connection with one of the two functions above; absent is fine, unreadable is an error.
    pub(crate) fn optional(
        secrets: &Secrets,
        name: &'static str,
        hint: &'static str,
        read: fn(&str) -> Option<Self>,
    ) -> Result<Option<Self>, SecretError> {
        match secrets.get(name) {
            None => Ok(None),
            Some(text) => read(text).map(Some).ok_or(SecretError::Malformed { name, hint }),
        }
    }

    fn accepts(&self, message: &[u8], version: &str, given: &str) -> bool {
        match self {
            Self::Shared(key) => version == "v1" && equal(&hmac_sha256(key, message), given),
            Self::Public(key) => {
                let signature = STANDARD.decode(given).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
                // The strict check also refuses keys and signatures that would be valid for several messages.
                version == "v1a" && signature.is_some_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
        }
    }
}

/// A private key that the simulator and tests sign with: `whsk_` and the 32 bytes of the seed (or seed and public key).
pub(crate) fn private_key(text: &str) -> Option<SigningKey> {
    let bytes = LENIENT.decode(text.trim().trim_start_matches("whsk_")).ok()?;
    let seed: [u8; 32] = bytes.get(..32)?.try_into().ok()?;
    matches!(bytes.len(), 32 | 64).then(|| SigningKey::from_bytes(&seed))
}

/// The three headers under one of their two names.
pub(crate) struct Headers<'a> {
    /// The same on every attempt: the key of idempotency.
    pub(crate) id: &'a str,
    timestamp: &'a str,
    signatures: &'a str,
}

/// Names of the headers; the second are those of the service where the specification comes from.
pub(crate) const ID_NAMES: [&str; 2] = ["webhook-id", "svix-id"];

/// The id of the message, under either name.
pub(crate) fn message_id<'a>(request: &HookRequest<'a>) -> Option<&'a str> {
    ID_NAMES.iter().find_map(|name| request.header(name)).filter(|id| !id.is_empty())
}

impl<'a> Headers<'a> {
    fn read(request: &HookRequest<'a>) -> Option<Self> {
        let named = |prefix: &str| {
            let header = |name: &str| request.header(&format!("{prefix}-{name}")).filter(|value| !value.is_empty());
            Some(Self { id: header("id")?, timestamp: header("timestamp")?, signatures: header("signature")? })
        };
        // Parsing takes the id from the first name that is there, so verification must not look past it.
        if request.header("webhook-id").is_some() { named("webhook") } else { named("svix") }
    }
}

/// Checks a request with the keys of a connection.
pub(crate) fn verify(request: &HookRequest<'_>, keys: &[Key], context: &VerifyContext<'_>) -> Result<(), Rejection> {
    let headers = Headers::read(request).ok_or(Rejection::MissingSignature)?;
    let timestamp: i64 = headers.timestamp.parse().map_err(|_| Rejection::BadCredentials)?;
    if context.now.timestamp().abs_diff(timestamp) > context.clock_skew.num_seconds().unsigned_abs() {
        return Err(Rejection::Stale);
    }
    let message = message(headers.id, headers.timestamp, request.body);
    let mut valid = false;
    for signature in headers.signatures.split(' ').take(MAX_SIGNATURES) {
        let Some((version, given)) = signature.split_once(',') else { continue };
        for key in keys {
            valid |= key.accepts(&message, version, given);
        }
    }
    if valid { Ok(()) } else { Err(Rejection::BadCredentials) }
}

/// The headers that a sender adds to a request. The id is taken from the headers when it is there, else made from the
/// body, so that a repeated body is a repeated message. `signature` signs a message with this id.
pub(crate) fn signed_headers(
    headers: &[(String, String)],
    body: &[u8],
    now: DateTime<Utc>,
    signature: impl FnOnce(&str) -> String,
) -> Vec<(String, String)> {
    let [id_name, _] = ID_NAMES;
    let given = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(id_name)).map(|(_, id)| id.as_str());
    let id = given.map_or_else(|| format!("msg_{}", sha256_hex(body)), ToOwned::to_owned);
    let signature = signature(&id);
    let added = [("webhook-timestamp", now.timestamp().to_string()), ("webhook-signature", signature)];
    let id = given.is_none().then_some((id_name, id));
    id.into_iter().chain(added).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The `v1` signature of a message.
pub(crate) fn sign_shared(key: &[u8], id: &str, now: DateTime<Utc>, body: &[u8]) -> String {
    format!("v1,{}", hmac_sha256(key, &message(id, &now.timestamp().to_string(), body)))
}

/// The `v1a` signature of a message.
pub(crate) fn sign_private(key: &SigningKey, id: &str, now: DateTime<Utc>, body: &[u8]) -> String {
    let signature = key.sign(&message(id, &now.timestamp().to_string(), body));
    format!("v1a,{}", STANDARD.encode(signature.to_bytes()))
}

fn message(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}
