//! What is set for a connection beside its secrets. Stored as one JSON object, in which absent means default.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switchboard_entities::provider_connection;
use switchboard_telephony::{Options, ParseContext};

use crate::{Error, FieldError, Result};

/// How long monitor mode lasts when nobody says for how long: the first day.
pub const MONITOR_DEFAULT: TimeDelta = TimeDelta::hours(24);
/// How long monitor mode lasts at most: it ends by itself, whoever forgets it.
pub const MONITOR_MAX: TimeDelta = TimeDelta::days(7);
/// Seconds that a signature's time may be off when nothing else is set.
pub const CLOCK_SKEW_DEFAULT: u32 = 300;
/// The least and the most of it: less refuses providers that are a little slow, more lets anybody replay for hours.
pub const CLOCK_SKEW_RANGE: std::ops::RangeInclusive<u32> = 30..=3600;

/// What is set for a connection beside its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionSettings {
    /// When monitor mode was last switched on; what it saw is counted from then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_since: Option<DateTime<Utc>>,
    /// Until then, requests that fail verification are accepted and marked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_until: Option<DateTime<Utc>>,
    /// Seconds that the time of a signature may be off, either way; within [`CLOCK_SKEW_RANGE`].
    pub clock_skew_seconds: u32,
    /// Scheme, host and port under which the provider calls this connection, in place of the installation's public URL; no
    /// trailing slash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Take scheme and host of the signed URL from the forwarding headers of a trusted proxy.
    pub trust_forwarded: bool,
    /// Options of the provider.
    pub options: Options,
    /// Call control documents by purpose: what is answered where the answer steers the call.
    pub answers: BTreeMap<String, String>,
    /// What a newer version wrote: kept, so that going back for a day loses nothing.
    #[serde(flatten)]
    pub newer: Map<String, Value>,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            monitor_since: None,
            monitor_until: None,
            clock_skew_seconds: CLOCK_SKEW_DEFAULT,
            base_url: None,
            trust_forwarded: false,
            options: Options::new(),
            answers: BTreeMap::new(),
            newer: Map::new(),
        }
    }
}

impl ConnectionSettings {
    /// The settings of a row. [`Error::Internal`] when they cannot be read.
    pub fn of(row: &provider_connection::Model) -> Result<Self> {
        Self::deserialize(&row.settings).map_err(|_| Error::internal("the settings of a connection cannot be read"))
    }

    pub(super) fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|_| Error::internal("settings do not serialise"))
    }

    /// Is a request that fails verification accepted at this moment?
    pub fn is_monitoring(&self, now: DateTime<Utc>) -> bool {
        self.monitor_until.is_some_and(|until| now < until)
    }

    /// How far the time of a signature may be off.
    pub fn clock_skew(&self) -> TimeDelta {
        // Clamped: the range holds however the number got into the table.
        let seconds = self.clock_skew_seconds.clamp(*CLOCK_SKEW_RANGE.start(), *CLOCK_SKEW_RANGE.end());
        TimeDelta::seconds(i64::from(seconds))
    }
}

/// What parsing the deliveries of a connection needs to know of it, removed or not.
pub(crate) fn parse_context(row: &provider_connection::Model) -> Result<ParseContext> {
    let settings = ConnectionSettings::of(row)?;
    Ok(ParseContext { options: settings.options, default_region: row.default_region.clone() })
}

/// Is this a scheme and a host, perhaps with a port, and nothing else? Such as `https://crm.example.com`. The host may be
/// an IPv6 address in brackets.
pub fn is_origin(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(is_authority)
}

/// Is this a host, perhaps with a port, as in the `Host` header? Without user information.
pub fn is_authority(text: &str) -> bool {
    // The port follows the last colon, unless that is inside the brackets of an IPv6 address.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(address) => address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            host.len() <= 253
                && host.split('.').all(|label| {
                    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                })
        }
    };
    is_host && port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

pub(super) fn check_base_url(url: &str) -> Result<String, FieldError> {
    let url = url.trim().trim_end_matches('/');
    if is_origin(url) {
        return Ok(url.to_owned());
    }
    Err(FieldError::new(
        "baseUrl",
        "Write a scheme and a host without a path, such as https://calls.example.com, or leave it empty for the public URL of this installation.",
    ))
}

pub(super) fn check_clock_skew(seconds: u32) -> Result<u32, FieldError> {
    if CLOCK_SKEW_RANGE.contains(&seconds) {
        return Ok(seconds);
    }
    Err(FieldError::new(
        "clockSkewSeconds",
        format!("Choose from {} to {} seconds.", CLOCK_SKEW_RANGE.start(), CLOCK_SKEW_RANGE.end()),
    ))
}

pub(super) fn check_monitor(duration: TimeDelta) -> Result<TimeDelta, FieldError> {
    if duration > TimeDelta::zero() && duration <= MONITOR_MAX {
        return Ok(duration);
    }
    Err(FieldError::new(
        "monitorHours",
        format!(
            "Monitor mode lasts at least a moment and at most {} hours. Choose fewer, and prolong it when they are over.",
            MONITOR_MAX.num_hours()
        ),
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_means_default_and_what_is_newer_survives() {
        assert_eq!(ConnectionSettings::deserialize(&json!({})).unwrap(), ConnectionSettings::default());
        let stored = json!({"base_url": "https://a.example", "colour": {"deep": [1]}, "options": {"x": "y"}});
        let mut settings = ConnectionSettings::deserialize(&stored).unwrap();
        settings.base_url = None;
        settings.clock_skew_seconds = 60;
        let written = settings.to_json().unwrap();
        assert_eq!(written["colour"], json!({"deep": [1]}));
        assert_eq!(written["options"], json!({"x": "y"}));
        assert_eq!(written.get("base_url"), None);
        assert_eq!(ConnectionSettings::deserialize(&written).unwrap(), settings);
    }

    #[test]
    fn monitor_mode_ends_by_itself() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let mut settings = ConnectionSettings::default();
        assert!(!settings.is_monitoring(at(0)));
        settings.monitor_until = Some(at(100));
        assert!(settings.is_monitoring(at(99)));
        assert!(!settings.is_monitoring(at(100)));
    }

    #[test]
    fn the_clock_skew_has_limits_even_in_the_table() {
        for (stored, used) in [(0, 30), (45, 45), (u32::MAX, 3600)] {
            let settings = ConnectionSettings { clock_skew_seconds: stored, ..ConnectionSettings::default() };
            assert_eq!(settings.clock_skew(), TimeDelta::seconds(used));
        }
        assert!(check_clock_skew(29).is_err() && check_clock_skew(3601).is_err());
        assert_eq!((check_clock_skew(30), check_clock_skew(3600)), (Ok(30), Ok(3600)));
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for good in [
            "https://crm.example.com",
            "http://127.0.0.1:8080",
            "https://a_b-c.example:65535",
            "https://[2001:db8::1]",
            "http://[::1]:80",
            "https://Tunnel",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "crm.example.com",
            "https://",
            "ftp://a",
            "HTTPS://a",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://u:p@a",
            "https://a b",
            "https://a:",
            "https://a:65536",
            "https://a:+1",
            "https://a..b",
            "https://[::1",
            "https://::1",
            "https://[zz]",
            "https://ü.example",
            "https://a\nb",
        ] {
            assert!(!is_origin(bad), "{bad:?}");
        }
        assert_eq!(check_base_url(" https://a.example/ ").unwrap(), "https://a.example");
    }
}
