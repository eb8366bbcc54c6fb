//! Credentials that are sent along instead of a signature: HTTP Basic, bearer tokens, tokens in a header of their own.
//!
//! They prove who sends, and nothing about the body. Each check takes every secret that is valid at the moment, compares
//! with all of them in constant time, and tells a missing credential from a wrong one.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::signature::equal;
use crate::{HookRequest, Rejection};

/// `Authorization: Basic` with one of these pairs of user name and password (RFC 7617).
pub(crate) fn basic<'a>(
    request: &HookRequest<'_>,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), Rejection> {
    let given = scheme(request, "basic").ok_or(Rejection::MissingSignature)?;
    let given = STANDARD.decode(given).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let given = given.ok_or(Rejection::BadCredentials)?;
    one_of(&given, pairs.into_iter().map(|(user, password)| format!("{user}:{password}")))
}

/// `Authorization: Bearer` with one of these tokens (RFC 6750).
pub(crate) fn bearer<'a>(
    request: &HookRequest<'_>,
    tokens: impl IntoIterator<Item = &'a str>,
) -> Result<(), Rejection> {
    let given = scheme(request, "bearer").ok_or(Rejection::MissingSignature)?;
    one_of(given, tokens.into_iter().map(ToOwned::to_owned))
}

/// A header whose whole value is one of these tokens.
pub(crate) fn header<'a>(
    request: &HookRequest<'_>,
    name: &str,
    tokens: impl IntoIterator<Item = &'a str>,
) -> Result<(), Rejection> {
    let given = request.header(name).map(str::trim).filter(|value| !value.is_empty());
    one_of(given.ok_or(Rejection::MissingSignature)?, tokens.into_iter().map(ToOwned::to_owned))
}

/// Whether the text is one of these secrets.
pub(crate) fn one_of(given: &str, secrets: impl IntoIterator<Item = String>) -> Result<(), Rejection> {
    // Hashes of one length: how long the secret is does not show in the time either. All are compared: which one matched
    // does not show.
    let hash = |text: &str| hex::encode(Sha256::digest(text));
    let given_hash = hash(given);
    let mut any = false;
    let mut accepted = false;
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        any = true;
        accepted |= equal(&hash(&secret), &given_hash);
    }
    match (any, accepted) {
        (false, _) => Err(Rejection::UnknownKey),
        (true, true) => Ok(()),
        (true, false) => Err(Rejection::BadCredentials),
    }
}

/// The header value of `Authorization: Basic`, for signing.
pub(crate) fn basic_value(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// What follows the name of the scheme in the `Authorization` header.
pub(crate) fn scheme<'a>(request: &HookRequest<'a>, name: &str) -> Option<&'a str> {
    let (scheme, given) = request.header("authorization")?.trim().split_once(' ')?;
    Some(given.trim()).filter(|given| scheme.eq_ignore_ascii_case(name) && !given.is_empty())
}
