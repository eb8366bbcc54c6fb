//! Proxies in front, and what they may say about the address that the provider called.
//!
//! A signature covers the URL. Whoever may choose that URL could send here what was signed for another installation, so
//! forwarding headers count only when the peer of the connection is one of the configured proxies **and** the connection to
//! the provider is told to believe them. Of several values the last one counts: the nearest proxy wrote it, everything
//! before it may come from the sender.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::http::HeaderMap;
use ipnet::IpNet;
use switchboard_core::connections::{ConnectionSettings, is_authority};

use crate::state::ApiConfig;

/// An address or a network in CIDR notation, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// A text that is neither an address nor a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANetwork;

impl std::fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this is neither an IP address nor a network such as 10.0.0.0/8")
    }
}

impl std::error::Error for NotANetwork {}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let text = text.trim();
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| address()).map(Self).map_err(|_| NotANetwork)
    }
}

impl Network {
    /// Is the address in it? An IPv4 address counts as one also when it comes wrapped into IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// Scheme and host under which the provider called this connection.
pub(super) fn base_url<'a>(
    config: &'a ApiConfig,
    settings: &'a ConnectionSettings,
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
) -> Cow<'a, str> {
    let configured = settings.base_url.as_deref().unwrap_or(&config.public_url);
    let is_ours = |peer: SocketAddr| config.trusted_proxies.iter().any(|network| network.contains(peer.ip()));
    if !settings.trust_forwarded || !peer.is_some_and(is_ours) {
        return Cow::Borrowed(configured);
    }
    let told = Told::by(headers);
    if told.scheme.is_none() && told.host.is_none() {
        return Cow::Borrowed(configured);
    }
    // What the proxy does not say is as configured.
    let (scheme, host) = configured.split_once("://").unwrap_or(("https", configured));
    Cow::Owned(format!("{}://{}", told.scheme.as_deref().unwrap_or(scheme), told.host.as_deref().unwrap_or(host)))
}

/// What the nearest proxy says. Values that are none are as if they were not there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    scheme: Option<String>,
    host: Option<String>,
}

impl Told {
    /// By `X-Forwarded-Proto` and `-Host`, and by `Forwarded` (RFC 7239). A proxy writes one kind and may pass the other one
    /// on as the sender wrote it: where the two contradict each other, neither counts.
    fn by(headers: &HeaderMap) -> Self {
        let simple = |name| last(headers, name).and_then(|text| elements(text, ',').pop()).map(unquoted);
        let mut standard = Self::default();
        if let Some(element) = last(headers, "forwarded").and_then(|text| elements(text, ',').pop()) {
            for pair in elements(element, ';') {
                match pair.split_once('=') {
                    Some((name, value)) if name.trim().eq_ignore_ascii_case("proto") => {
                        standard.scheme = scheme(unquoted(value));
                    }
                    Some((name, value)) if name.trim().eq_ignore_ascii_case("host") => {
                        standard.host = host(unquoted(value));
                    }
                    _ => {}
                }
            }
        }
        Self {
            scheme: agreed(simple("x-forwarded-proto").and_then(scheme), standard.scheme),
            host: agreed(simple("x-forwarded-host").and_then(host), standard.host),
        }
    }
}

/// The last of the headers of this name.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(name).iter().next_back()?.to_str().ok()
}

/// The parts between separators that are not inside quotes.
fn elements(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .collect()
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn scheme(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    matches!(text.as_str(), "http" | "https").then_some(text)
}

fn host(text: &str) -> Option<String> {
    is_authority(text).then(|| text.to_owned())
}

fn agreed(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(&other).then_some(one),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn told(headers: &[(&str, &str)]) -> (Option<String>, Option<String>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let Told { scheme, host } = Told::by(&map);
        (scheme, host)
    }

    fn some(scheme: &str, host: &str) -> (Option<String>, Option<String>) {
        (Some(scheme.to_owned()), Some(host.to_owned()))
    }

    #[test]
    fn the_nearest_proxy_is_believed() {
        let (proto, name, standard) = ("x-forwarded-proto", "x-forwarded-host", "forwarded");
        assert_eq!(told(&[(proto, "https"), (name, "a.example:8443")]), some("https", "a.example:8443"));
        assert_eq!(told(&[(proto, "http, HTTPS"), (name, "evil.example , a.example")]), some("https", "a.example"));
        assert_eq!(told(&[(name, "evil.example"), (name, "a.example")]).1.as_deref(), Some("a.example"));
        assert_eq!(told(&[(standard, "for=1.2.3.4;proto=https;host=a.example")]), some("https", "a.example"));
        assert_eq!(
            told(&[(standard, r#"host=evil.example, For="[2001:db8::1]:47";Host="[::1]:80"; Proto=http"#)]),
            some("http", "[::1]:80")
        );
        assert_eq!(told(&[(standard, r#"host="evil,host=x""#)]), (None, None));
    }

    #[test]
    fn contradictions_and_nonsense_do_not_count() {
        let (proto, name, standard) = ("x-forwarded-proto", "x-forwarded-host", "forwarded");
        assert_eq!(told(&[(name, "a.example"), (standard, "host=b.example")]), (None, None));
        assert_eq!(told(&[(name, "a.example"), (standard, "host=A.example;proto=https")]), some("https", "a.example"));
        for nonsense in ["", "a/b", "a@b", "a b", "https://a", "a?b", "a#b"] {
            assert_eq!(told(&[(name, nonsense)]), (None, None), "{nonsense}");
        }
        for nonsense in ["", "ftp", "https:", "javascript"] {
            assert_eq!(told(&[(proto, nonsense)]), (None, None), "{nonsense}");
        }
    }

    #[test]
    fn networks_are_addresses_or_ranges() {
        let network = |text: &str| text.parse::<Network>();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(network("10.0.0.0/8").unwrap().contains(address("10.9.8.7")));
        assert!(network(" 10.0.0.1 ").unwrap().contains(address("10.0.0.1")));
        assert!(!network("10.0.0.1").unwrap().contains(address("10.0.0.2")));
        assert!(network("10.0.0.1").unwrap().contains(address("::ffff:10.0.0.1")), "as an IPv6 socket shows it");
        assert!(network("fd00::/8").unwrap().contains(address("fd12::1")));
        assert!(!network("fd00::/8").unwrap().contains(address("10.0.0.1")));
        for bad in ["", "proxy.example", "10.0.0.0/33", "10.0.0", "10.0.0.1:80"] {
            assert_eq!(network(bad), Err(NotANetwork), "{bad}");
        }
    }

    #[test]
    fn what_the_proxy_does_not_say_is_as_configured() {
        let mut config = ApiConfig::new("https://crm.example.com");
        config.trusted_proxies = vec!["10.0.0.1".parse().unwrap()];
        let mut settings = ConnectionSettings { trust_forwarded: true, ..ConnectionSettings::default() };
        let mut headers = HeaderMap::new();
        let proxy = Some("10.0.0.1:4000".parse().unwrap());
        assert_eq!(base_url(&config, &settings, proxy, &headers), "https://crm.example.com");
        headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
        assert_eq!(base_url(&config, &settings, proxy, &headers), "http://crm.example.com");
        settings.base_url = Some("https://tunnel.example:444".to_owned());
        assert_eq!(base_url(&config, &settings, proxy, &headers), "http://tunnel.example:444");
        headers.insert("x-forwarded-host", HeaderValue::from_static("a.example"));
        assert_eq!(base_url(&config, &settings, proxy, &headers), "http://a.example");

        for stranger in [None, Some("10.0.0.2:4000".parse().unwrap())] {
            assert_eq!(base_url(&config, &settings, stranger, &headers), "https://tunnel.example:444");
        }
        settings.trust_forwarded = false;
        assert_eq!(base_url(&config, &settings, proxy, &headers), "https://tunnel.example:444");
    }
}
