//! The serving rules.

use std::fmt::Write as _;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
};

use crate::assets::{Asset, Assets};

const SHELL: &str = "200.html";
/// Content encodings in the order we prefer them, with the ending of the file that holds it.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Answers `path`; `built` is false when the shell is only the notice that the dashboard was not built.
pub fn respond(assets: &impl Assets, built: bool, path: &str, request: &HeaderMap) -> Response<Body> {
    let name = path.trim_start_matches('/');
    let compressed_twin = ENCODINGS.iter().any(|(_, ending)| name.ends_with(ending));
    let named = if name.is_empty() || compressed_twin { None } else { assets.get(name) };
    match named {
        Some(asset) => file(assets, name, asset, StatusCode::OK, request),
        None if name.starts_with("_app/") => empty(StatusCode::NOT_FOUND),
        None => {
            let status = if built { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            match assets.get(SHELL) {
                Some(shell) => file(assets, SHELL, shell, status, request),
                None => empty(StatusCode::INTERNAL_SERVER_ERROR),
            }
        }
    }
}

fn file(assets: &impl Assets, name: &str, asset: Asset, status: StatusCode, request: &HeaderMap) -> Response<Body> {
    let etag = etag(&asset.sha256);
    let unchanged = status == StatusCode::OK && has_etag(request, &etag);
    let mut response = if unchanged {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        let twin = ENCODINGS
            .iter()
            .filter(|(encoding, _)| accepts(request, encoding))
            .find_map(|(encoding, ending)| Some((*encoding, assets.get(&format!("{name}{ending}"))?)));
        let (encoding, bytes) = match twin {
            Some((encoding, twin)) => (Some(encoding), twin.bytes),
            None => (None, asset.bytes),
        };
        let mut response = Response::new(Body::from(bytes.into_owned()));
        *response.status_mut() = status;
        if let Some(encoding) = encoding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        set(&mut response, header::CONTENT_TYPE, &media_type(name, asset.media_type));
        response
    };
    set(&mut response, header::ETAG, &etag);
    let keep = if name.starts_with("_app/immutable/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    set(&mut response, header::CACHE_CONTROL, keep);
    set(&mut response, header::VARY, "accept-encoding");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_html(name) {
        set(&mut response, header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'");
        set(&mut response, header::REFERRER_POLICY, "same-origin");
    }
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    // Every value here is ours and ASCII; one that is not would only leave its header out.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// 96 bits of the file's SHA-256. The same for every encoding of the file, so it is compared weakly (RFC 9110, 8.8.3).
fn etag(sha256: &[u8; 32]) -> String {
    let mut etag = String::from("W/\"");
    for byte in sha256.iter().take(12) {
        // Writing to a String cannot fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

/// `If-None-Match` with weak comparison (RFC 9110, 13.1.2).
fn has_etag(request: &HeaderMap, etag: &str) -> bool {
    let opaque = etag.trim_start_matches("W/");
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == opaque)
}

/// Whether `Accept-Encoding` lists the encoding without refusing it by `q=0` (RFC 9110, 12.5.3).
fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let listed = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
            let refused = parts.any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
            listed && !refused
        })
}

fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending)
}

fn is_html(name: &str) -> bool {
    ending(name) == Some("html")
}

/// Text is UTF-8 and says so; the media type of a script must be one that browsers run with `nosniff`.
fn media_type(name: &str, guessed: String) -> String {
    match ending(name) {
        Some("html") => "text/html; charset=utf-8".to_owned(),
        Some("js") => "text/javascript; charset=utf-8".to_owned(),
        Some("css") => "text/css; charset=utf-8".to_owned(),
        _ => guessed,
    }
}

#[cfg(test)]
#[path = "respond_tests.rs"]
mod tests;
