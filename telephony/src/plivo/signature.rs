//! Plivo's signature V3: HMAC-SHA256 with the Auth Token over URL, parameters and a nonce, in base64.
//!
//! The text that is signed glues names and values together without marks between them, so one text can stand for several
//! sets of parameters. Of those that would let somebody turn a request that Plivo signed into another one, these are
//! refused here although the vendor's own check accepts them: a nonce with a dot (the end of the parameters could be moved
//! into it), a dot in the query of a POST (the form could be moved behind it), a form piece without `=` (the border of name
//! and value could be moved), and, in a GET, a value that contains `&name=` (it could be read as a parameter of its own).
//! V2, which does not sign the parameters, is never accepted.

use chrono::{DateTime, Utc};

use crate::request::without_fragment;
use crate::signature::{equal, hmac_sha256, sha256_hex};
use crate::{HookRequest, Method, Rejection, form};

/// Signatures that are looked at: Plivo sends one for the subaccount and one for the main account, more while tokens change.
const MAX_SIGNATURES: usize = 16;
/// Characters of the longest nonce; Plivo's have 20.
const MAX_NONCE: usize = 128;

/// Checks the signatures of the headers `X-{prefix}-Signature-V3` and `X-{prefix}-Signature-Ma-V3`, each a list separated by
/// commas. One that matches one of the tokens is enough.
pub(super) fn verify(request: &HookRequest<'_>, prefix: &str, tokens: &[&str]) -> Result<(), Rejection> {
    let names = [format!("X-{prefix}-Signature-V3"), format!("X-{prefix}-Signature-Ma-V3")];
    let is_signature = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let headers = request.headers.iter().filter(|(name, _)| is_signature(name));
    let given = headers.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|one| !one.is_empty());
    let given: Vec<&str> = given.take(MAX_SIGNATURES).collect();
    let nonce = request.header(&format!("X-{prefix}-Signature-V3-Nonce")).map(str::trim);
    let nonce = nonce.filter(|nonce| !nonce.is_empty()).ok_or(Rejection::MissingSignature)?;
    if given.is_empty() {
        return Err(Rejection::MissingSignature);
    }
    if tokens.is_empty() {
        return Err(Rejection::UnknownKey);
    }
    let covered = covered(request).filter(|_| nonce.len() <= MAX_NONCE && !nonce.contains('.'));
    let message = [covered.ok_or(Rejection::BadSignature)?.as_slice(), b".", nonce.as_bytes()].concat();
    let mut valid = false;
    // Every pair is computed, so that the time says nothing about which one matched.
    for token in tokens {
        let expected = hmac_sha256(token.as_bytes(), &message);
        for given in &given {
            valid |= equal(&expected, given);
        }
    }
    if valid { Ok(()) } else { Err(Rejection::BadSignature) }
}

/// The headers that Plivo would send.
pub(super) fn sign(request: &HookRequest<'_>, prefix: &str, token: &str, now: DateTime<Utc>) -> Vec<(String, String)> {
    // A nonce for each delivery; which one does not matter, so it follows from the request. Plivo's are digits.
    let moment = now.timestamp_nanos_opt().unwrap_or_default().to_string();
    let hash = sha256_hex(&[request.url.as_bytes(), b"\n", request.body, b"\n", moment.as_bytes()].concat());
    let nonce = hash.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
    let nonce = format!("{nonce:020}");
    let message = [covered(request).unwrap_or_default().as_slice(), b".", nonce.as_bytes()].concat();
    vec![
        (format!("X-{prefix}-Signature-V3"), hmac_sha256(token.as_bytes(), &message)),
        (format!("X-{prefix}-Signature-V3-Nonce"), nonce),
    ]
}

/// What is signed before the nonce. `None`: the request has something that no signature covers, or that could be the
/// disguise of another one.
fn covered(request: &HookRequest<'_>) -> Option<Vec<u8>> {
    let url = without_fragment(request.url);
    let plain = url.split_once('?').map_or(url, |(plain, _)| plain);
    let mut query = form::parameters(request.query().as_bytes());
    query.sort();
    let form = match request.method {
        Method::Get => {
            let unambiguous = request.body.is_empty() && query.iter().all(reads_one_way);
            unambiguous.then(Vec::new)?
        }
        // A dot stands between query and form. The addresses that we hand out have no query, so nothing is lost.
        Method::Post if query.iter().any(|(name, value)| name.contains(&b'.') || value.contains(&b'.')) => return None,
        Method::Post if request.body.is_empty() => Vec::new(),
        Method::Post => {
            let mut form = is_form(request).then(|| form::pairs(request.body)).flatten()?;
            form.sort();
            form
        }
        Method::Options => return None,
    };
    let mut text = plain.as_bytes().to_vec();
    // With parameters and without a query a bare question mark stands between them.
    if !query.is_empty() || !form.is_empty() {
        text.push(b'?');
    }
    for (index, (name, value)) in query.iter().enumerate() {
        if index > 0 {
            text.push(b'&');
        }
        text.extend([name.as_slice(), b"=", value].concat());
    }
    if !query.is_empty() && !form.is_empty() {
        text.push(b'.');
    }
    text.extend(form.into_iter().flat_map(|(name, value)| [name, value].concat()));
    Some(text)
}

/// Whether `name=value` cannot be mistaken for several pairs.
fn reads_one_way((name, value): &form::Pair) -> bool {
    let mut pieces = value.split(|byte| *byte == b'&').skip(1);
    !name.iter().any(|byte| matches!(byte, b'&' | b'=')) && !pieces.any(|piece| piece.contains(&b'='))
}

/// Requests without a content type are taken for forms: that is what Plivo sends.
fn is_form(request: &HookRequest<'_>) -> bool {
    let content_type = request.header("Content-Type").and_then(|value| value.split(';').next());
    content_type.is_none_or(|value| value.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}
