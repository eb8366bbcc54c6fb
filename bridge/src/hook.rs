//! The CRM's hook: one signed request, and what its answer means.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER},
};
use tokio::sync::RwLock;

use crate::{
    ambient::Ambient,
    event::Event,
    http::{Http, Reply},
    secret::SecretSource,
    sign::SigningKey,
    trouble::Trouble,
};

/// How much of an answer is kept to show a person why an event was refused.
const ANSWER: usize = 2048;
/// From here on a 400 is put down to the clocks: less than what receivers allow (300 s), more than a request takes.
const CLOCKS_APART: i64 = 120;
/// A 400 with clocks that agree may be a body that broke off on its way: so often it is tried again.
const BAD_REQUESTS: u32 = 5;

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The CRM has it.
    Taken,
    /// The CRM does not want this event, now or later.
    Unwanted {
        /// Status of its answer.
        status: u16,
        /// Its text.
        answer: String,
    },
    /// To be tried again.
    Again {
        /// Label for the metric.
        reason: &'static str,
        /// Whether every event would fare the same.
        everywhere: bool,
        /// What is wrong, in plain words.
        why: String,
        /// What the CRM asks to wait.
        after: Duration,
    },
}

/// The hook.
pub struct Hook {
    http: Http,
    path: String,
    key: RwLock<SigningKey>,
    source: Arc<dyn SecretSource>,
    ambient: Arc<dyn Ambient>,
}

impl Hook {
    /// A hook at the path, with the secret of the source.
    pub async fn new(
        http: Http,
        path: String,
        source: Arc<dyn SecretSource>,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, String> {
        let key = read(&*source).await?;
        Ok(Self { http, path, key: RwLock::new(key), source, ambient })
    }

    /// Sends an event once. `failures`: how often it has failed before.
    pub async fn deliver(&self, event: &Event, failures: u32) -> Verdict {
        let now = self.ambient.now();
        let (timestamp, signature) = self.key.read().await.headers(&event.id, now, event.body.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in
            [("webhook-id", event.id.as_str()), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)]
        {
            // Ids are made of characters that headers may have.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let body = Bytes::copy_from_slice(event.body.as_bytes());
        match self.http.send(Method::POST, &self.path, headers, body, ANSWER).await {
            Ok(reply) => {
                let verdict = judge(&reply, now, failures, &self.http.peer());
                if matches!(reply.status.as_u16(), 401 | 403) {
                    self.read_again().await;
                }
                verdict
            }
            Err(trouble) => {
                let slow = matches!(trouble, Trouble::Slow(..));
                Verdict::Again {
                    reason: if slow { "slow" } else { "unreachable" },
                    everywhere: !slow,
                    why: trouble.to_string(),
                    after: Duration::ZERO,
                }
            }
        }
    }

    /// The secret may have been replaced since it was read.
    async fn read_again(&self) {
        match read(&*self.source).await {
            Ok(key) => {
                let mut old = self.key.write().await;
                if *old != key {
                    tracing::info!("the webhook secret has changed; the new one is used from now on");
                    *old = key;
                }
            }
            Err(why) => tracing::warn!(why, "the webhook secret cannot be read again; the old one is used on"),
        }
    }
}

async fn read(source: &dyn SecretSource) -> Result<SigningKey, String> {
    SigningKey::parse(source.read().await?.reveal()).map_err(|error| error.to_string())
}

/// What an answer means. `now`: when the request was signed.
fn judge(reply: &Reply, now: DateTime<Utc>, failures: u32, peer: &str) -> Verdict {
    let configuration =
        |why: String| Verdict::Again { reason: "configuration", everywhere: true, why, after: retry_after(reply) };
    let fault = |everywhere| Verdict::Again {
        reason: "status",
        everywhere,
        why: format!("the CRM at {peer} answered with status {}", reply.status.as_u16()),
        after: retry_after(reply),
    };
    match reply.status.as_u16() {
        200..=299 => Verdict::Taken,
        401 | 403 => configuration(
            "the CRM refuses the signature: the webhook secret is not the one of its connection".to_owned(),
        ),
        404 | 410 => configuration(
            "the CRM has no such connection: check the part of the URL after /hooks/, or add the connection".to_owned(),
        ),
        status @ (300..=399 | 405 | 407) => configuration(format!(
            "what answers at {peer} is not the CRM's hook (status {status}): check --crm-url, with https:// if it redirects there"
        )),
        400 => match clocks_apart(&reply.headers, now) {
            Some(seconds) => configuration(format!(
                "the clocks of this machine and of the CRM are {seconds} s apart, so it refuses signatures: set both by NTP"
            )),
            None if failures < BAD_REQUESTS => fault(false),
            None => unwanted(reply),
        },
        429 | 502..=504 => fault(true),
        408 | 425 | 500..=599 => fault(false),
        _ => unwanted(reply),
    }
}

fn unwanted(reply: &Reply) -> Verdict {
    Verdict::Unwanted {
        status: reply.status.as_u16(),
        answer: String::from_utf8_lossy(&reply.body).chars().filter(|c| !c.is_control()).collect(),
    }
}

/// Seconds by which the clocks differ, if that is enough to refuse a signature.
fn clocks_apart(headers: &HeaderMap, now: DateTime<Utc>) -> Option<i64> {
    let theirs = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
    let apart = (theirs.to_utc() - now).num_seconds().abs();
    (apart >= CLOCKS_APART).then_some(apart)
}

/// Seconds of `Retry-After`; its other form, a date, counts as nothing.
fn retry_after(reply: &Reply) -> Duration {
    let relevant = matches!(reply.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = reply.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    if relevant { Duration::from_secs(seconds.unwrap_or(0)) } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn verdict(status: u16, headers: &[(HeaderName, &'static str)], failures: u32) -> Verdict {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let reply = Reply { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from_static(b"no\n") };
        judge(&reply, "2026-11-22T12:00:00Z".parse().unwrap(), failures, "crm:443")
    }

    #[test]
    fn answers_mean_taken_again_or_unwanted() {
        for status in [200, 202, 204] {
            assert_eq!(verdict(status, &[], 0), Verdict::Taken);
        }
        for status in [402, 409, 413, 415, 422, 431, 451] {
            assert_eq!(verdict(status, &[], 0), Verdict::Unwanted { status, answer: "no".to_owned() });
        }
        for status in [301, 307, 401, 403, 404, 405, 410] {
            let verdict = verdict(status, &[], 99);
            assert!(
                matches!(verdict, Verdict::Again { reason: "configuration", everywhere: true, .. }),
                "{status} {verdict:?}"
            );
        }
        for (status, expected) in [(408, false), (500, false), (501, false), (429, true), (502, true), (503, true)] {
            let Verdict::Again { reason: "status", everywhere, .. } = verdict(status, &[], 99) else { unreachable!() };
            assert_eq!(everywhere, expected, "{status}");
        }
    }

    #[test]
    fn a_bad_request_may_be_the_clock_or_the_way() {
        let far = [(DATE, "Sun, 22 Nov 2026 12:10:00 GMT")];
        let Verdict::Again { everywhere: true, why, .. } = verdict(400, &far, 99) else { unreachable!() };
        assert!(why.contains("600 s apart"), "{why}");
        let near = [(DATE, "Sun, 22 Nov 2026 12:00:09 GMT")];
        assert!(matches!(verdict(400, &near, 4), Verdict::Again { everywhere: false, .. }));
        assert!(matches!(verdict(400, &near, 5), Verdict::Unwanted { status: 400, .. }));
        assert!(matches!(verdict(400, &[], 5), Verdict::Unwanted { .. }));
    }

    #[test]
    fn the_crm_says_how_long_to_wait() {
        let after = |status, value| match verdict(status, &[(RETRY_AFTER, value)], 0) {
            Verdict::Again { after, .. } => after.as_secs(),
            _ => unreachable!(),
        };
        assert_eq!((after(503, "5"), after(429, " 7 "), after(503, "soon"), after(500, "5")), (5, 7, 0, 0));
    }
}
