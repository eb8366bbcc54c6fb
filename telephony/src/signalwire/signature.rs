//! `X-SignalWire-Signature` (cXML requests carry it as `X-Twilio-Signature` too): HMAC-SHA1 with the Signing Key.
//!
//! Scheme A signs the URL and the raw body, in hexadecimal digits; scheme B the URL and the sorted parameters of a form, in
//! base64. SignalWire's own validator also accepts scheme B over the URL alone beside any JSON body. We do not: it would
//! prove nothing about the body.

use super::{SIGNING_KEY, SIGNING_KEY_PREVIOUS};
use crate::cxml::form_scheme::{Ports, Repeated, signed_parameters, url_variants};
use crate::cxml::is_json;
use crate::signature::{equal, hmac_sha1, hmac_sha1_hex};
use crate::{HookRequest, Method, Rejection, SecretError, Secrets};

const HEADERS: [&str; 2] = ["X-SignalWire-Signature", "X-Twilio-Signature"];

pub(super) fn verify(request: &HookRequest<'_>, secrets: &Secrets) -> Result<(), Rejection> {
    let given = HEADERS.map(|name| request.header(name).filter(|value| !value.is_empty()));
    if given.iter().all(Option::is_none) {
        return Err(Rejection::MissingSignature);
    }
    let keys: Vec<&str> = keys(secrets).collect();
    if keys.is_empty() {
        return Err(Rejection::UnknownKey);
    }
    let body = raw_body(request).ok_or(Rejection::BadSignature)?;
    let parameters = signed_parameters(request, Repeated::AsSent);
    let mut valid = false;
    // Every candidate is computed, so that the time says nothing about which one matched.
    for url in url_variants(request.url_without_fragment(), Ports::Standard) {
        for key in &keys {
            let hex = hmac_sha1_hex(key.as_bytes(), &[url.as_bytes(), body].concat());
            let form = parameters.as_ref().map(|pairs| hmac_sha1(key.as_bytes(), &[url.as_bytes(), pairs].concat()));
            for given in given.iter().flatten() {
                valid |= equal(&hex, given);
                valid |= form.as_ref().is_some_and(|form| equal(form, given));
            }
        }
    }
    if valid { Ok(()) } else { Err(Rejection::BadSignature) }
}

pub(super) fn sign(request: &HookRequest<'_>, secrets: &Secrets) -> Result<Vec<(String, String)>, SecretError> {
    let hint = "signing needs the Signing Key of the project";
    let key = keys(secrets).next().ok_or(SecretError::Missing { name: SIGNING_KEY, hint })?.as_bytes();
    let url = request.url_without_fragment().as_bytes();
    let signature = if is_json(request) {
        hmac_sha1_hex(key, &[url, request.body].concat())
    } else {
        hmac_sha1(key, &[url, &signed_parameters(request, Repeated::AsSent).unwrap_or_default()].concat())
    };
    Ok(HEADERS.map(|name| (name.to_owned(), signature.clone())).to_vec())
}

fn keys(secrets: &Secrets) -> impl Iterator<Item = &str> {
    [SIGNING_KEY, SIGNING_KEY_PREVIOUS].into_iter().filter_map(|name| secrets.get(name))
}

/// The body of scheme A. A GET is read from its URL, so it must have none.
fn raw_body<'a>(request: &HookRequest<'a>) -> Option<&'a [u8]> {
    (request.method != Method::Get || request.body.is_empty()).then_some(request.body)
}
