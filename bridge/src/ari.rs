//! Asterisk's REST interface (ARI): the websocket with the events, and the list of channels.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::{
    HeaderMap, Method,
    header::{AUTHORIZATION, HeaderValue},
};
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, client::IntoClientRequest, protocol::WebSocketConfig},
};

use crate::{
    dial::{Dialer, Stream},
    http::Http,
    target::Target,
    trouble::Trouble,
};

/// How long Asterisk may take to answer a handshake or a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest message that is taken. The largest events (bridges with many channels) have some hundred kilobytes.
const MAX_MESSAGE: usize = 16 << 20;
/// Largest list of channels that is taken: about a kilobyte each.
const MAX_LIST: usize = 64 << 20;
/// Longest name of an application.
const MAX_APP: usize = 64;

/// The connection's name for Asterisk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App(String);

impl App {
    /// Takes the name of one application.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        // It becomes the name of a folder too.
        if name.is_empty() || name.len() > MAX_APP || name.starts_with('.') || !name.bytes().all(fits) {
            return Err("the application's name (--app) is one word of letters, digits, hyphens and underscores");
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The websocket.
pub type Events = WebSocketStream<Stream>;

/// Asterisk, as one of its users.
#[derive(Clone)]
pub struct Ari {
    target: Target,
    app: App,
    authorization: HeaderValue,
    dialer: Dialer,
    http: Http,
}

impl fmt::Debug for Ari {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ari").field("target", &self.target).field("app", &self.app).finish_non_exhaustive()
    }
}

impl Ari {
    /// Asterisk at the address (a path is the prefix of `http.conf`; `/ari` and `/ari/events` at its end are taken as
    /// given), as the user with the password.
    pub fn new(dialer: Dialer, mut target: Target, user: &str, password: &str, app: App) -> Result<Self, &'static str> {
        for suffix in ["/events", "/ari"] {
            if let Some(prefix) = target.path.strip_suffix(suffix) {
                target.path = prefix.to_owned();
            }
        }
        if user.is_empty() || user.contains(':') {
            return Err("the ARI user must not be empty or hold a colon");
        }
        let mut authorization =
            HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
                .map_err(|_| "the ARI user cannot be sent")?;
        authorization.set_sensitive(true);
        let http = Http::new(dialer.clone(), target.clone(), PATIENCE);
        Ok(Self { target, app, authorization, dialer, http })
    }

    /// The application.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Host and port, for messages.
    pub fn peer(&self) -> String {
        self.target.authority()
    }

    /// Opens the websocket on which Asterisk says everything that happens on every channel. Asterisk makes the application
    /// by this, and gives its events to the newest connection only.
    pub async fn events(&self) -> Result<Events, Trouble> {
        let stream = self.dialer.dial(&self.target).await?;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("app", self.app.as_str())
            .append_pair("subscribeAll", "true")
            .finish();
        let url = self.target.ws(&format!("{}/ari/events?{query}", self.target.path));
        let mut request = url.into_client_request().map_err(|error| self.error_means(error))?;
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        match timeout(PATIENCE, client_async_with_config(request, stream, Some(config))).await {
            Ok(Ok((events, _))) => Ok(events),
            Ok(Err(error)) => Err(self.error_means(error)),
            Err(_) => Err(Trouble::Slow(self.peer(), PATIENCE.as_secs())),
        }
    }

    /// The channels that exist at this moment.
    pub async fn channels(&self) -> Result<Vec<Value>, Trouble> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone())]);
        let path = format!("{}/ari/channels", self.target.path);
        let reply = self.http.send(Method::GET, &path, headers, Bytes::new(), MAX_LIST).await?;
        if reply.status != 200 {
            return Err(self.status_means(reply.status.as_u16()));
        }
        serde_json::from_slice(&reply.body)
            .map_err(|_| Trouble::Protocol(self.peer(), "its list of channels cannot be read".to_owned()))
    }

    fn status_means(&self, status: u16) -> Trouble {
        match status {
            400 => Trouble::Application(self.app.0.clone()),
            401 => Trouble::Password,
            403 => Trouble::NotAllowed,
            404 => Trouble::NoAri,
            other => Trouble::Status(self.peer(), other),
        }
    }

    /// What an error of the websocket means.
    pub(crate) fn error_means(&self, error: tungstenite::Error) -> Trouble {
        match error {
            tungstenite::Error::Http(response) => self.status_means(response.status().as_u16()),
            tungstenite::Error::Io(error) => Trouble::from_io(&self.peer(), &error),
            tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
                | tungstenite::error::ProtocolError::HandshakeIncomplete,
            ) => Trouble::Closed(self.peer()),
            other => Trouble::Protocol(self.peer(), other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_applications_are_one_word() {
        for good in ["switchboard", "crm-2", "a.b_c"] {
            assert!(App::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a,b", "a b", "../x", ".", "a/b", "ä", &"x".repeat(65)] {
            assert!(App::parse(bad).is_err(), "{bad}");
        }
    }
}
