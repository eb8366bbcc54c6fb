//! Who sends a request: a bearer token, or the session cookies of the dashboard.
//!
//! Cookies are sent by browsers on their own, so a request that is authenticated by cookie must prove that a page of this
//! origin made it: it carries `x-switchboard: 1`, a header that a foreign page cannot add without a CORS preflight (which
//! is never granted here), and its `Origin`, when there is one, is ours. `SameSite=Strict` is the second wall.

use axum::{
    Json,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, SET_COOKIE},
    },
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde_json::json;
use switchboard_core::{
    Error,
    access::UserActor,
    sessions::{self, Tokens},
};

use crate::state::{ApiConfig, AppState};

/// Cookie with the access token.
pub const ACCESS_COOKIE: &str = "sb_access";
/// Cookie with the refresh token; only ever sent to [`REFRESH_PATH`].
pub const REFRESH_COOKIE: &str = "sb_refresh";
/// The one path that exchanges refresh tokens.
pub const REFRESH_PATH: &str = "/graphql";
/// The header by which the dashboard says that it is one of our own pages. Its value is `1`.
pub const BROWSER_HEADER: HeaderName = HeaderName::from_static("x-switchboard");

/// How the request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// An ordinary request: a cookie needs [`BROWSER_HEADER`].
    Http,
    /// The upgrade to a WebSocket, to which a browser cannot add headers: the `Origin` alone decides.
    WebSocket,
}

/// Why a request was not let in.
#[derive(Debug)]
pub enum AuthFailure {
    /// There are credentials, but they are not valid (any more).
    Unauthenticated,
    /// A cookie came without the proof that one of our pages sent it.
    CrossOrigin,
    /// The check could not be made.
    Failed(Error),
}

impl AuthFailure {
    /// HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::Failed(error) if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Code for `extensions.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::CrossOrigin => "FORBIDDEN",
            Self::Failed(error) => error.code(),
        }
    }

    /// A sentence for people.
    pub fn message(&self) -> String {
        match self {
            Self::Unauthenticated => "Your session has ended. Please sign in again.".to_owned(),
            Self::CrossOrigin => {
                "This request came from another site. Requests with the session cookie must come from the dashboard itself and carry the header x-switchboard: 1.".to_owned()
            }
            Self::Failed(error) => error.to_string(),
        }
    }
}

impl IntoResponse for AuthFailure {
    fn into_response(self) -> Response {
        if let Self::Failed(error) = &self {
            tracing::error!(error = error as &dyn std::error::Error, "a session could not be checked");
        }
        let body = json!({"errors": [{"message": self.message(), "extensions": {"code": self.code()}}]});
        (self.status(), Json(body)).into_response()
    }
}

/// Who sends this request. `None`: nobody says so (no token, no cookie). A bearer token wins over cookies, which are then
/// not looked at: a client that sets it by hand is not a page that was tricked.
pub async fn authenticate(
    state: &AppState,
    headers: &HeaderMap,
    channel: Channel,
) -> Result<Option<UserActor>, AuthFailure> {
    let token = match headers.get(AUTHORIZATION) {
        Some(value) => bearer(value).ok_or(AuthFailure::Unauthenticated)?,
        None => match cookie(headers, ACCESS_COOKIE) {
            Some(token) => {
                check_page(&state.config, headers, channel)?;
                token
            }
            None => return Ok(None),
        },
    };
    match sessions::authenticate(&state.app, &token).await {
        Ok(actor) => Ok(Some(actor)),
        Err(Error::Unauthenticated(_)) => Err(AuthFailure::Unauthenticated),
        Err(error) => Err(AuthFailure::Failed(error)),
    }
}

/// Authenticates `Bearer ...`, e.g. from the payload of `connection_init`.
pub async fn authenticate_bearer(state: &AppState, authorization: &str) -> Result<UserActor, AuthFailure> {
    let token = bearer_text(authorization).ok_or(AuthFailure::Unauthenticated)?;
    match sessions::authenticate(&state.app, token).await {
        Ok(actor) => Ok(actor),
        Err(Error::Unauthenticated(_)) => Err(AuthFailure::Unauthenticated),
        Err(error) => Err(AuthFailure::Failed(error)),
    }
}

/// Does the sender want its tokens as cookies (`x-switchboard: 1`)? Refused when such a request comes from another origin:
/// otherwise a foreign page could sign its victim in as somebody else.
pub fn wants_cookies(state: &AppState, headers: &HeaderMap) -> Result<bool, AuthFailure> {
    if !has_browser_header(headers) {
        return Ok(false);
    }
    check_page(&state.config, headers, Channel::Http)?;
    Ok(true)
}

/// The refresh token of the dashboard; `None` when there is none. Refused like [`authenticate`] when another site asks.
pub fn refresh_cookie(state: &AppState, headers: &HeaderMap) -> Result<Option<String>, AuthFailure> {
    let Some(token) = cookie(headers, REFRESH_COOKIE) else { return Ok(None) };
    check_page(&state.config, headers, Channel::Http)?;
    Ok(Some(token))
}

/// `Set-Cookie` headers that sign the dashboard in.
pub fn session_cookies(state: &AppState, tokens: &Tokens) -> [(HeaderName, HeaderValue); 2] {
    let now = state.app.now();
    let seconds = |until: chrono::DateTime<chrono::Utc>| (until - now).num_seconds().max(0);
    [
        set_cookie(&state.config, ACCESS_COOKIE, "/", tokens.access.expose(), seconds(tokens.access_expires_at)),
        set_cookie(
            &state.config,
            REFRESH_COOKIE,
            REFRESH_PATH,
            tokens.refresh.expose(),
            seconds(tokens.refresh_expires_at),
        ),
    ]
}

/// `Set-Cookie` headers that sign the dashboard out.
pub fn cleared_cookies(state: &AppState) -> [(HeaderName, HeaderValue); 2] {
    [
        set_cookie(&state.config, ACCESS_COOKIE, "/", "", 0),
        set_cookie(&state.config, REFRESH_COOKIE, REFRESH_PATH, "", 0),
    ]
}

fn set_cookie(config: &ApiConfig, name: &str, path: &str, value: &str, seconds: i64) -> (HeaderName, HeaderValue) {
    let cookie = Cookie::build((name, value))
        .path(path)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(config.is_https())
        .build();
    // The builder would want the `time` crate's duration for one number.
    let text = format!("{cookie}; Max-Age={seconds}");
    // Names, paths and tokens are ours and plain ASCII.
    (SET_COOKIE, HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("")))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name && !cookie.value().is_empty())
        .map(|cookie| cookie.value().to_owned())
}

fn bearer(value: &HeaderValue) -> Option<String> {
    value.to_str().ok().and_then(bearer_text).map(str::to_owned)
}

/// RFC 6750; the scheme's name is compared without regard to case (RFC 9110, 11.1).
fn bearer_text(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

fn has_browser_header(headers: &HeaderMap) -> bool {
    headers.get(BROWSER_HEADER).is_some_and(|value| value == "1")
}

/// Was it one of our own pages?
fn check_page(config: &ApiConfig, headers: &HeaderMap, channel: Channel) -> Result<(), AuthFailure> {
    if channel == Channel::Http && !has_browser_header(headers) {
        return Err(AuthFailure::CrossOrigin);
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        // Browsers always send it with a POST and with the upgrade; a client that sends none is no browser.
        (None, _) => Ok(()),
        (Some(origin), None) => match origin.to_str() {
            Ok(origin) if is_ours(config, headers, origin) => Ok(()),
            _ => Err(AuthFailure::CrossOrigin),
        },
        (Some(_), Some(_)) => Err(AuthFailure::CrossOrigin),
    }
}

/// The public URL's origin, a configured one, or the host that was asked. The last is safe: a page of another name does
/// not get our cookies, whatever address its name points to.
fn is_ours(config: &ApiConfig, headers: &HeaderMap, origin: &str) -> bool {
    let Some(origin) = Origin::parse(origin) else { return false };
    let configured = std::iter::once(&config.public_url).chain(&config.extra_origins);
    if configured.filter_map(|url| Origin::parse(url)).any(|own| own == origin) {
        return true;
    }
    // Whoever sits in the network can serve a plain page under our name, and such a page must not open our sockets.
    if config.is_https() && origin.scheme != "https" {
        return false;
    }
    headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| {
        // The scheme under which the browser came is not known here (a proxy may end TLS), so the page's is taken.
        Origin::parse(&format!("{}://{host}", origin.scheme)).is_some_and(|own| own == origin)
    })
}

/// Scheme, host and port (RFC 6454), in lower case, the default port filled in.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    fn parse(url: &str) -> Option<Self> {
        let uri: axum::http::Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        Some(Self { port: uri.port_u16().unwrap_or(default_port), scheme, host })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn pages_of_this_origin_pass_and_others_do_not() {
        let mut config = ApiConfig::new("https://crm.example.com/");
        config.extra_origins.push("http://localhost:5173".to_owned());
        let check = |origin, host| {
            check_page(&config, &headers(&[("x-switchboard", "1"), ("origin", origin), ("host", host)]), Channel::Http)
                .is_ok()
        };
        assert!(check("https://crm.example.com", "10.0.0.1"));
        assert!(check("https://CRM.example.com:443", "10.0.0.1"));
        assert!(check("http://localhost:5173", "10.0.0.1"));
        assert!(check("https://desk.example.com", "desk.example.com"));
        assert!(!check("http://crm.example.com", "crm.example.com"), "a plain page under our name");
        let plain = ApiConfig::new("http://127.0.0.1:8080");
        let from_lan =
            headers(&[("x-switchboard", "1"), ("origin", "http://192.168.1.5:8080"), ("host", "192.168.1.5:8080")]);
        assert!(check_page(&plain, &from_lan, Channel::Http).is_ok());
        for foreign in [
            "https://evil.example",
            "http://crm.example.com",
            "https://crm.example.com.evil.example",
            "https://crm.example.com:8443",
            "http://192.168.1.5",
            "null",
            "",
            "file://",
        ] {
            assert!(!check(foreign, "192.168.1.5:8080"), "{foreign}");
        }
    }

    #[test]
    fn a_cookie_needs_the_header_except_on_an_upgrade() {
        let config = ApiConfig::new("http://127.0.0.1:8080");
        let own = [("origin", "http://127.0.0.1:8080")];
        assert!(check_page(&config, &headers(&own), Channel::Http).is_err());
        assert!(check_page(&config, &headers(&own), Channel::WebSocket).is_ok());
        assert!(check_page(&config, &headers(&[("x-switchboard", "0")]), Channel::Http).is_err());
        assert!(check_page(&config, &headers(&[("x-switchboard", "1")]), Channel::Http).is_ok());
        assert!(check_page(&config, &headers(&[("origin", "http://evil.example")]), Channel::WebSocket).is_err());
        let mut two = headers(&own);
        two.append(ORIGIN, HeaderValue::from_static("http://127.0.0.1:8080"));
        assert!(check_page(&config, &two, Channel::WebSocket).is_err());
    }

    #[test]
    fn bearer_tokens_are_read_and_other_schemes_are_not() {
        assert_eq!(bearer_text("Bearer abc"), Some("abc"));
        assert_eq!(bearer_text("bearer  abc "), Some("abc"));
        for other in ["Basic abc", "Bearer", "Bearer ", "abc", ""] {
            assert_eq!(bearer_text(other), None, "{other}");
        }
    }

    #[test]
    fn cookies_are_found_among_others() {
        let map = headers(&[("cookie", "a=b; sb_access=token; sb_refresh=")]);
        assert_eq!(cookie(&map, ACCESS_COOKIE).unwrap(), "token");
        assert_eq!(cookie(&map, REFRESH_COOKIE), None);
    }
}
