//! The signature scheme of forms: the URL, followed by the names and values of all parameters in order of the names.

use crate::request::without_fragment;
use crate::signature::{equal, sha256_hex};
use crate::{HookRequest, Method, form};

const BODY_HASH: &str = "bodySHA256";

/// In which order the values of a repeated name are signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// Sorted, equal ones once (Twilio).
    SortedOnce,
    /// As they were sent (SignalWire).
    AsSent,
}

/// Which ports may be left out of the URL that was signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Any (Twilio).
    Any,
    /// The standard port of the scheme (SignalWire).
    Standard,
}

/// What is signed after the URL. `None`: the body is not covered by any signature, or is not the one that was signed.
pub(crate) fn signed_parameters(request: &HookRequest<'_>, repeated: Repeated) -> Option<Vec<u8>> {
    // The parameters of a GET are in the URL. A body beside it would be covered by nothing.
    if request.method == Method::Get {
        return request.body.is_empty().then(Vec::new);
    }
    let hash = request.query().split('&').find_map(|piece| piece.strip_prefix(BODY_HASH)?.strip_prefix('='));
    if let Some(hash) = hash
        && (!is_form(request) || request.body.is_empty())
    {
        return equal(&sha256_hex(request.body), &hash.to_ascii_lowercase()).then(Vec::new);
    }
    if !is_form(request) && !request.body.is_empty() {
        return None;
    }
    let mut pairs = form::pairs(request.body)?;
    match repeated {
        Repeated::SortedOnce => {
            pairs.sort();
            pairs.dedup();
        }
        // A stable sort: values of one name stay in their order.
        Repeated::AsSent => pairs.sort_by(|a, b| a.0.cmp(&b.0)),
    }
    Some(pairs.into_iter().flat_map(|(name, value)| [name, value].concat()).collect())
}

/// Requests without a content type are taken for forms: that is what these providers send. JSON is none, whatever the
/// header says: parsing goes by the body.
fn is_form(request: &HookRequest<'_>) -> bool {
    if super::is_json(request) {
        return false;
    }
    let content_type = request.header("Content-Type").and_then(|value| value.split(';').next());
    content_type.is_none_or(|value| value.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// The URL as it is, with the default port, and without a port: providers sign HTTPS without and HTTP with the port, and
/// the configured public URL may have it either way.
pub(crate) fn url_variants(url: &str, ports: Ports) -> Vec<String> {
    let mut variants = vec![url.to_owned()];
    let url = without_fragment(url);
    let Some((scheme, rest)) = url.split_once("://") else { return variants };
    let standard = match scheme {
        "https" => Some("443"),
        "http" => Some("80"),
        _ => None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // The port is behind the last colon that is not inside the brackets of an IPv6 address or in the user part.
    let host_at = authority.rfind(['@', ']']).map_or(0, |at| at + 1);
    let host_at = host_at.min(authority.len());
    let (before, host) = authority.split_at(host_at);
    match (host.rsplit_once(':'), standard) {
        (Some((host, port)), _) if ports == Ports::Any || Some(port) == standard => {
            variants.push(format!("{scheme}://{before}{host}{path}"));
        }
        (None, Some(port)) => variants.push(format!("{scheme}://{authority}:{port}{path}")),
        _ => {}
    }
    variants
}
