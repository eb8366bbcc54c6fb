//! Headers that keep browsers from doing what nobody asked for.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
    response::Response,
};

use crate::state::AppState;

/// On every answer. Those that a handler set itself stay (the dashboard's pages have their own).
static EVERYWHERE: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), display-capture=()",
    ),
];

/// Two years; the subdomains are not ours to decide.
const HSTS: &str = "max-age=63072000";

/// An answer of the API is data: nothing in it may run, load or be framed.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// `GraphiQL` loads itself from a public server and runs inline scripts; it exists in development only.
const GRAPHIQL_POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline' https://unpkg.com https://esm.sh; style-src 'self' 'unsafe-inline' https://unpkg.com https://esm.sh; font-src 'self' data: https://unpkg.com https://esm.sh; img-src 'self' data:; worker-src 'self' blob:; connect-src 'self' ws: wss: https://esm.sh; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// For every answer.
pub async fn everywhere(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in &EVERYWHERE {
        set_if_absent(headers, name, value);
    }
    if state.config.is_https() {
        set_if_absent(headers, &STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// For the answers of the API, not for the dashboard's files: a page's policy is in the page, with the hash of its script.
pub async fn api(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    set_if_absent(headers, &CONTENT_SECURITY_POLICY, if is_page { GRAPHIQL_POLICY } else { API_POLICY });
    set_if_absent(headers, &CACHE_CONTROL, "no-store");
    response
}

fn set_if_absent(headers: &mut HeaderMap, name: &HeaderName, value: &'static str) {
    headers.entry(name).or_insert_with(|| HeaderValue::from_static(value));
}
