//! Addresses of other programs.

use hyper::Uri;

/// An address was given that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not an address at all.
    #[error("{0} is not an address; it looks like {1}")]
    Form(&'static str, &'static str),
    /// A user or password within the address.
    #[error("{0} must not hold a user or password: addresses end up in logs and lists of processes")]
    Credentials(&'static str),
    /// A query or fragment.
    #[error("{0} must not hold a query or a fragment")]
    Query(&'static str),
}

/// A server, and a path on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whether TLS protects the way.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path without a slash at its end; empty for the root.
    pub path: String,
}

impl Target {
    /// Reads `http://`, `https://`, `ws://` or `wss://`. `option` names the setting in errors, `example` shows its form.
    pub fn parse(text: &str, option: &'static str, example: &'static str) -> Result<Self, TargetError> {
        let text = text.trim();
        // `Uri` drops fragments silently.
        if text.contains(['?', '#']) {
            return Err(TargetError::Query(option));
        }
        let uri: Uri = text.parse().map_err(|_| TargetError::Form(option, example))?;
        let tls = match uri.scheme_str() {
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            _ => return Err(TargetError::Form(option, example)),
        };
        let authority = uri.authority().ok_or(TargetError::Form(option, example))?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Credentials(option));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(TargetError::Form(option, example));
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if tls => 443,
            None => 80,
        };
        Ok(Self { tls, host, port, path: uri.path().trim_end_matches('/').to_owned() })
    }

    /// Host and port, for messages and as the `Host` header.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The address of another path on the same server, in the scheme of HTTP.
    pub fn http(&self, path_and_query: &str) -> String {
        format!("{}://{}{path_and_query}", if self.tls { "https" } else { "http" }, self.authority())
    }

    /// The same in the scheme of WebSockets.
    pub fn ws(&self, path_and_query: &str) -> String {
        format!("{}://{}{path_and_query}", if self.tls { "wss" } else { "ws" }, self.authority())
    }

    /// Whether what is sent there could be read on the way: no TLS, and another machine.
    pub fn is_exposed(&self) -> bool {
        let loopback =
            self.host.parse::<std::net::IpAddr>().map_or(self.host == "localhost", |address| address.is_loopback());
        !self.tls && !loopback
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn parse(text: &str) -> Result<Target, TargetError> {
        Target::parse(text, "--ari-url", "http://host:8088")
    }

    #[test]
    fn addresses_are_read() {
        let target = parse("ws://pbx.example:8088/").unwrap();
        assert_eq!(
            (target.tls, target.host.as_str(), target.port, target.path.as_str()),
            (false, "pbx.example", 8088, "")
        );
        assert_eq!(target.ws("/ari/events?app=a"), "ws://pbx.example:8088/ari/events?app=a");
        assert!(target.is_exposed());
        let target = parse("https://crm.example/hooks/asterisk.berlin").unwrap();
        assert_eq!((target.tls, target.port, target.path.as_str()), (true, 443, "/hooks/asterisk.berlin"));
        assert_eq!(target.http("/x"), "https://crm.example:443/x");
        assert!(!target.is_exposed());
        let target = parse("http://[::1]:80").unwrap();
        assert_eq!((target.host.as_str(), target.authority().as_str()), ("::1", "[::1]:80"));
        assert!(!target.is_exposed() && !parse("http://localhost").unwrap().is_exposed());
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_repeating_it() {
        for bad in ["", "pbx", "pbx:8088", "ftp://pbx", "http://", "/ari", "http://:80"] {
            assert!(matches!(parse(bad), Err(TargetError::Form(..))), "{bad}");
        }
        assert_eq!(parse("ws://u:secret@pbx"), Err(TargetError::Credentials("--ari-url")));
        assert_eq!(parse("ws://pbx/?api_key=u:secret"), Err(TargetError::Query("--ari-url")));
        assert!(!parse("ws://u:secret@pbx").unwrap_err().to_string().contains("secret"));
    }
}
