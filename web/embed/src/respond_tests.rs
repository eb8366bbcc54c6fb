//! The serving rules, on files made up here: they hold with and without a web build.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
};

use super::respond;
use crate::assets::{Asset, Assets, Embedded};

/// A build with a script in three encodings and a picture in one.
struct Made;

impl Assets for Made {
    fn get(&self, path: &str) -> Option<Asset> {
        let (bytes, media_type): (&'static [u8], _) = match path {
            "200.html" => (b"<shell>", "text/html"),
            "favicon.svg" => (b"<svg/>", "image/svg+xml"),
            "_app/immutable/entry/a.js" => (b"plain script", "application/javascript"),
            "_app/immutable/entry/a.js.br" => (b"brotli script", "application/octet-stream"),
            "_app/immutable/entry/a.js.gz" => (b"gzip script", "application/gzip"),
            _ => return None,
        };
        let mut sha256 = [0; 32];
        for (to, from) in sha256.iter_mut().zip(path.bytes()) {
            *to = from;
        }
        Some(Asset { bytes: Cow::Borrowed(bytes), media_type: media_type.to_owned(), sha256 })
    }
}

fn get(path: &str, headers: &[(HeaderName, &'static str)]) -> Response<Body> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, HeaderValue::from_static(value));
    }
    respond(&Made, true, path, &map)
}

fn header_of(response: &Response<Body>, name: HeaderName) -> Option<&str> {
    response.headers().get(name).map(|v| v.to_str().unwrap())
}

async fn body_of(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn every_page_gets_the_shell() {
    for path in ["/", "/login", "/callers/0193-abc", "/admin/people", "//callers", "/no.such.file"] {
        let response = get(path, &[]);
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(header_of(&response, header::CONTENT_TYPE), Some("text/html; charset=utf-8"), "{path}");
        assert_eq!(header_of(&response, header::CACHE_CONTROL), Some("no-cache"), "{path}");
        assert_eq!(header_of(&response, header::CONTENT_SECURITY_POLICY), Some("frame-ancestors 'none'"), "{path}");
        assert_eq!(header_of(&response, header::REFERRER_POLICY), Some("same-origin"), "{path}");
        assert_eq!(body_of(response).await, "<shell>", "{path}");
    }
}

#[tokio::test]
async fn a_file_is_sent_with_its_type_and_may_be_kept() {
    let response = get("/_app/immutable/entry/a.js", &[]);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header_of(&response, header::CONTENT_TYPE), Some("text/javascript; charset=utf-8"));
    assert_eq!(header_of(&response, header::CACHE_CONTROL), Some("public, max-age=31536000, immutable"));
    assert_eq!(header_of(&response, header::X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
    assert_eq!(header_of(&response, header::VARY), Some("accept-encoding"));
    assert_eq!(header_of(&response, header::CONTENT_ENCODING), None);
    assert_eq!(header_of(&response, header::CONTENT_SECURITY_POLICY), None);
    assert_eq!(body_of(response).await, "plain script");

    let picture = get("/favicon.svg", &[]);
    assert_eq!(header_of(&picture, header::CONTENT_TYPE), Some("image/svg+xml"));
    assert_eq!(header_of(&picture, header::CACHE_CONTROL), Some("no-cache"));
}

#[test]
fn a_missing_file_of_the_app_is_404_and_never_the_shell() {
    for path in ["/_app/immutable/entry/gone.js", "/_app/version.json", "/_app/"] {
        assert_eq!(get(path, &[]).status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn compressed_twins_cannot_be_asked_for_by_name() {
    for path in ["/_app/immutable/entry/a.js.br", "/_app/immutable/entry/a.js.gz"] {
        assert_eq!(get(path, &[]).status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(body_of(get("/200.html.gz", &[])).await, "<shell>");
}

#[tokio::test]
async fn the_best_encoding_that_the_client_takes() {
    let cases = [
        ("gzip, deflate, br, zstd", Some("br"), "brotli script"),
        ("gzip", Some("gzip"), "gzip script"),
        ("GZIP;q=0.5", Some("gzip"), "gzip script"),
        ("br;q=0, gzip;q=1.0", Some("gzip"), "gzip script"),
        ("br;q=0.0, gzip; q=0", None, "plain script"),
        ("identity", None, "plain script"),
        ("brotli", None, "plain script"),
        ("", None, "plain script"),
    ];
    for (accept, encoding, body) in cases {
        let response = get("/_app/immutable/entry/a.js", &[(header::ACCEPT_ENCODING, accept)]);
        assert_eq!(header_of(&response, header::CONTENT_ENCODING), encoding, "{accept}");
        // The type is the script's, not the archive's.
        assert_eq!(header_of(&response, header::CONTENT_TYPE), Some("text/javascript; charset=utf-8"), "{accept}");
        assert_eq!(body_of(response).await, body, "{accept}");
    }
    // No twin: as it is.
    let picture = get("/favicon.svg", &[(header::ACCEPT_ENCODING, "br, gzip")]);
    assert_eq!(header_of(&picture, header::CONTENT_ENCODING), None);
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let first = get("/", &[(header::ACCEPT_ENCODING, "br")]);
    let etag: &'static str = header_of(&first, header::ETAG).unwrap().to_owned().leak();
    let opaque: &'static str = etag.trim_start_matches("W/");
    let listed: &'static str = format!("\"other\", {etag}").leak();
    for tag in [etag, opaque, listed, "*"] {
        let again = get("/callers", &[(header::IF_NONE_MATCH, tag)]);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{tag}");
        assert_eq!(header_of(&again, header::ETAG), Some(etag), "{tag}");
        assert_eq!(header_of(&again, header::CACHE_CONTROL), Some("no-cache"), "{tag}");
        assert_eq!(body_of(again).await, "", "{tag}");
    }
    assert_eq!(get("/", &[(header::IF_NONE_MATCH, "\"other\"")]).status(), StatusCode::OK);
    assert_ne!(header_of(&get("/favicon.svg", &[]), header::ETAG), Some(etag));
}

#[tokio::test]
async fn a_binary_without_the_dashboard_says_so_on_every_page() {
    let mut asks_again = HeaderMap::new();
    asks_again.insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
    for headers in [HeaderMap::new(), asks_again] {
        let response = respond(&Made, false, "/callers", &headers);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body_of(response).await, "<shell>");
    }
}

/// What is really in this binary: a shell, whether built or not, and the notice names the command.
#[tokio::test]
async fn the_embedded_shell_is_there() {
    let response = crate::serve("/".parse().unwrap(), HeaderMap::new()).await;
    let status = response.status();
    let page = body_of(response).await;
    if crate::BUILT {
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("http-equiv=\"content-security-policy\""), "the page carries its policy");
        assert!(Embedded.get("_app/version.json").is_some());
    } else {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.contains("make run"));
    }
}
