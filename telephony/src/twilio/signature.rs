//! `X-Twilio-Signature`: HMAC-SHA1 with the Auth Token, or HMAC-SHA256 with a `SharedKey`.
//!
//! The header that names key and algorithm is not signed. So the key is looked up by its id in our configuration, and
//! our configuration says which algorithm belongs to it: nobody can choose a weaker one by writing it into a header.

use super::{
    AUTH_TOKEN, AUTH_TOKEN_SECONDARY, SHARED_KEY_ID, SHARED_KEY_ID_SECONDARY, SHARED_KEY_SECRET,
    SHARED_KEY_SECRET_SECONDARY,
};
use crate::cxml::form_scheme::{Ports, Repeated, signed_parameters, url_variants};
use crate::signature::{equal, hmac_sha1, hmac_sha256};
use crate::{HookRequest, Rejection, SecretError, Secrets};

const SIGNATURE: &str = "X-Twilio-Signature";
const SETTINGS: &str = "X-Twilio-Webhooks-Signature-Settings";

/// A key with the algorithm that belongs to it.
enum Key<'a> {
    AuthToken(&'a str),
    Shared(&'a str),
}

impl Key<'_> {
    fn sign(&self, message: &[u8]) -> String {
        match self {
            Self::AuthToken(token) => hmac_sha1(token.as_bytes(), message),
            Self::Shared(secret) => hmac_sha256(secret.as_bytes(), message),
        }
    }
}

pub(super) fn verify(request: &HookRequest<'_>, secrets: &Secrets) -> Result<(), Rejection> {
    let given = request.header(SIGNATURE).filter(|value| !value.is_empty()).ok_or(Rejection::MissingSignature)?;
    let keys = keys(request.header(SETTINGS), secrets)?;
    let parameters = signed_parameters(request, Repeated::SortedOnce).ok_or(Rejection::BadSignature)?;
    let mut valid = false;
    // Every candidate is computed, so that the time says nothing about which one matched.
    for url in url_variants(request.url_without_fragment(), Ports::Any) {
        let message = [url.as_bytes(), &parameters].concat();
        for key in &keys {
            valid |= equal(&key.sign(&message), given);
        }
    }
    if valid { Ok(()) } else { Err(Rejection::BadSignature) }
}

/// Signs with the `SharedKey` when there is one, else with the Auth Token.
pub(super) fn sign(request: &HookRequest<'_>, secrets: &Secrets) -> Result<Vec<(String, String)>, SecretError> {
    let parameters = signed_parameters(request, Repeated::SortedOnce).unwrap_or_default();
    let message = [request.url_without_fragment().as_bytes(), &parameters].concat();
    let signed = |key: &Key<'_>| (SIGNATURE.to_owned(), key.sign(&message));
    if let (Some(id), Some(secret)) = (secrets.get(SHARED_KEY_ID), secrets.get(SHARED_KEY_SECRET)) {
        let settings = (SETTINGS.to_owned(), format!("key={id},algorithm=HMAC_SHA256"));
        return Ok(vec![settings, signed(&Key::Shared(secret))]);
    }
    match secrets.get(AUTH_TOKEN).or_else(|| secrets.get(AUTH_TOKEN_SECONDARY)) {
        Some(token) => Ok(vec![signed(&Key::AuthToken(token))]),
        None => Err(SecretError::Missing { name: AUTH_TOKEN, hint: "signing needs a primary key" }),
    }
}

/// The keys that may have signed the request.
fn keys<'a>(settings: Option<&str>, secrets: &'a Secrets) -> Result<Vec<Key<'a>>, Rejection> {
    let setting = |name: &str| {
        let pairs = settings.unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let key_id = setting("key").map(|(_, id)| id);
    let shared: Vec<Key<'a>> =
        [(SHARED_KEY_ID, SHARED_KEY_SECRET), (SHARED_KEY_ID_SECONDARY, SHARED_KEY_SECRET_SECONDARY)]
            .into_iter()
            .filter_map(|(id, secret)| Some((secrets.get(id)?, secrets.get(secret)?)))
            .filter(|(id, _)| key_id.is_none_or(|named| named == *id))
            .map(|(_, secret)| Key::Shared(secret))
            .collect();
    let tokens = || [AUTH_TOKEN, AUTH_TOKEN_SECONDARY].into_iter().filter_map(|name| secrets.get(name));
    let tokens: Vec<Key<'a>> = tokens().map(Key::AuthToken).collect();
    let keys = match setting("algorithm").map(|(_, algorithm)| algorithm) {
        // A key of ours was named: its own algorithm counts, whatever the header claims.
        _ if key_id.is_some() && !shared.is_empty() => shared,
        None | Some("HMAC_SHA1") => tokens,
        Some("HMAC_SHA256") => shared,
        Some(_) => return Err(Rejection::UnknownKey),
    };
    if keys.is_empty() { Err(Rejection::UnknownKey) } else { Ok(keys) }
}
