//! Signing after the Standard Webhooks specification, version `v1`: HMAC-SHA256 over `{id}.{timestamp}.{body}`.

use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Secrets are copied by people: with or without the padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes of a key, by the specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret has a wrong form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook secret has a wrong form: it is whsec_ and 24 to 64 bytes in base64, as the CRM shows it")]
pub struct MalformedSecret;

/// The key of a webhook secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// Reads `whsec_…` (the prefix may be left out).
    pub fn parse(secret: &str) -> Result<Self, MalformedSecret> {
        let bytes = LENIENT.decode(secret.trim().trim_start_matches("whsec_")).map_err(|_| MalformedSecret)?;
        if KEY_BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(MalformedSecret) }
    }

    /// The headers `webhook-timestamp` and `webhook-signature` of a message. Signed anew at every attempt: receivers
    /// refuse timestamps that are minutes old.
    pub fn headers(&self, id: &str, now: DateTime<Utc>, body: &[u8]) -> (String, String) {
        let timestamp = now.timestamp().to_string();
        // HMAC takes keys of any length, so the error cannot happen; an empty signature would be refused.
        let signature = Hmac::<Sha256>::new_from_slice(&self.0)
            .map(|mac| {
                let mac = mac.chain_update(id).chain_update(b".").chain_update(&timestamp).chain_update(b".");
                STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
            })
            .unwrap_or_default();
        (timestamp, format!("v1,{signature}"))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// The vector of the specification's reference implementation.
    #[test]
    fn signatures_are_the_standards() {
        let key = SigningKey::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let now = DateTime::from_timestamp(1_649_367_553, 999_000_000).unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let (timestamp, signature) = key.headers("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", now, body);
        assert_eq!(timestamp, "1649367553");
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn secrets_are_read_as_people_copy_them() {
        let padded = format!("whsec_{}", STANDARD.encode([7; 25]));
        let key = SigningKey::parse(&padded).unwrap();
        assert_eq!(SigningKey::parse(&format!(" {}\n", padded.trim_end_matches('='))), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "SigningKey(…)");
        for bad in ["", "whsec_", "whsec_####", "whsec_AAAA", &format!("whsec_{}", STANDARD.encode([7; 65]))] {
            assert_eq!(SigningKey::parse(bad), Err(MalformedSecret), "{bad}");
        }
    }
}
