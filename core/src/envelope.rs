//! An accepted webhook on its way from the HTTP edge to the worker.
//!
//! Travels as two parts, so that the body stays the provider's bytes and is never encoded: `meta` (JSON, versioned) and
//! `body` (raw). In Redis these are the stream fields `m` and `b`, in the inbox the columns `meta` and `body`.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use switchboard_telephony::Method;
use uuid::Uuid;

/// An accepted request, as it came.
#[derive(Clone, PartialEq)]
pub struct Envelope {
    /// Given at intake; the same on every hand-out of the queue. Tells a redelivery of ours from a provider's retry.
    pub id: Uuid,
    /// The provider connection it came through.
    pub connection_id: Uuid,
    /// Provider key, e.g. `twilio`.
    pub provider: String,
    /// Last part of the URL, e.g. `status`.
    pub purpose: Option<String>,
    /// How it came.
    pub method: Method,
    /// Full public URL with path and query.
    pub url: String,
    /// The headers that parsing needs, names in lower case. Never the signature or authorisation.
    pub headers: Vec<(String, String)>,
    /// When it was accepted.
    pub received_at: DateTime<Utc>,
    /// The label of the rejection when its verification failed and the connection was in monitor mode; `None`: verified.
    pub unverified: Option<String>,
    /// Raw body.
    pub body: Bytes,
}

/// Envelopes hold personal data: only what identifies one is printed.
impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("provider", &self.provider)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

/// Version of the layout of `meta`. A reader accepts every version it knows; entries outlive programs.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Meta {
    v: u8,
    id: Uuid,
    connection_id: Uuid,
    provider: String,
    purpose: Option<String>,
    get: bool,
    url: String,
    headers: Vec<(String, String)>,
    received_at: DateTime<Utc>,
    /// Younger than the version: entries without it were verified, and programs that do not know it lose the mark alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unverified: Option<String>,
}

/// A queue entry that is not an envelope of a known version. Such an entry becomes a dead letter, never an endless retry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue entry is not an envelope of a known version")]
pub struct NotAnEnvelope;

impl Envelope {
    /// The part beside the body.
    pub fn encode_meta(&self) -> String {
        let meta = Meta {
            v: VERSION,
            id: self.id,
            connection_id: self.connection_id,
            provider: self.provider.clone(),
            purpose: self.purpose.clone(),
            get: self.method == Method::Get,
            url: self.url.clone(),
            headers: self.headers.clone(),
            received_at: self.received_at,
            unverified: self.unverified.clone(),
        };
        // Strings, numbers and lists of them always serialise.
        serde_json::to_string(&meta).unwrap_or_default()
    }

    /// Puts the two parts together again.
    pub fn decode(meta: &[u8], body: Bytes) -> Result<Self, NotAnEnvelope> {
        let meta: Meta = serde_json::from_slice(meta).map_err(|_| NotAnEnvelope)?;
        if meta.v != VERSION {
            return Err(NotAnEnvelope);
        }
        Ok(Self {
            id: meta.id,
            connection_id: meta.connection_id,
            provider: meta.provider,
            purpose: meta.purpose,
            method: if meta.get { Method::Get } else { Method::Post },
            url: meta.url,
            headers: meta.headers,
            received_at: meta.received_at,
            unverified: meta.unverified,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn entries_outlive_programs() {
        // As the first program wrote it.
        let old = r#"{"v":1,"id":"01927000-0000-7000-8000-000000000001","connection_id":"01927000-0000-7000-8000-000000000002","provider":"twilio","purpose":"voice","get":false,"url":"https://crm.example.com/hooks/twilio/voice","headers":[],"received_at":"2026-02-12T12:00:00Z"}"#;
        let envelope = Envelope::decode(old.as_bytes(), Bytes::from_static(b"CallSid=CA1")).unwrap();
        assert_eq!(envelope.unverified, None);
        assert_eq!(envelope.encode_meta(), old, "what is verified is written as before");

        let marked = Envelope { unverified: Some("bad_signature".to_owned()), ..envelope };
        let again = Envelope::decode(marked.encode_meta().as_bytes(), marked.body.clone()).unwrap();
        assert!(again == marked);
        assert!(Envelope::decode(br#"{"v":2}"#, Bytes::new()).is_err());
    }
}
