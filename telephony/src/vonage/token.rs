//! Vonage's signed webhooks: `Authorization: Bearer` with a JSON Web Token, HMAC-SHA256 with the account's signature
//! secret (RFC 7515, RFC 7519; Vonage's guide "Signed webhooks").
//!
//! The algorithm is ours: a token whose header names any other is refused before anything is computed, and nothing else of
//! the header has a meaning. The token covers the body through its claim `payload_hash`. Vonage's own helpers check the
//! signature alone, which accepts any body beside a valid token.
//!
//! A GET has no body, and so its token proves that Vonage made a request at that time, but nothing about the parameters in
//! the URL: whoever got hold of a token (from the log of a proxy, say) could use it with other parameters until it is
//! stale. GET is nevertheless Vonage's default for the answer URL, and a call that is not taken is worse than a forged
//! ringing; so GET is accepted unless the connection's option says `refuse`, and the setup steps ask for POST.

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Number, json};

use crate::credentials;
use crate::signature::{equal, hmac_sha256, sha256_hex};
use crate::{HookRequest, Method, Rejection, VerifyContext};

/// Bytes of the longest token that is looked at; Vonage's have about 500.
const MAX_TOKEN: usize = 8 * 1024;
const ALGORITHM: &str = "HS256";
const ISSUER: &str = "Vonage";

/// What matters of a token's header.
#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood; we understand none (RFC 7515, 4.1.11).
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

/// What a token says. A name that stands twice is an error.
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    iat: Option<Number>,
    exp: Option<Number>,
    nbf: Option<Number>,
    payload_hash: Option<String>,
}

/// Checks the token of a request: signature, issuer, time and the hash of the body.
pub(super) fn verify(
    request: &HookRequest<'_>,
    context: &VerifyContext<'_>,
    secrets: &[&str],
) -> Result<(), Rejection> {
    let token = credentials::scheme(request, "bearer").ok_or(Rejection::MissingSignature)?;
    if secrets.is_empty() {
        return Err(Rejection::UnknownKey);
    }
    let claims = claims(token, secrets).ok_or(Rejection::BadCredentials)?;
    if claims.iss.as_deref() != Some(ISSUER) {
        return Err(Rejection::BadCredentials);
    }
    check_body(request, claims.payload_hash.as_deref())?;
    check_time(&claims, context)
}

/// The claims of a token that one of the secrets signed; `None` when none did, or when it is no such token.
fn claims(token: &str, secrets: &[&str]) -> Option<Claims> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let header: Header = decoded(header)?;
    if header.alg != ALGORITHM || header.crit.is_some() {
        return None;
    }
    // Decoding is strict, without padding and stray bits: each signature has one spelling.
    let given = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).ok()?);
    let valid = secrets.iter().fold(false, |valid, secret| {
        // All are computed: which one matched does not show in the time.
        valid | equal(&hmac_sha256(secret.as_bytes(), signed.as_bytes()), &given)
    });
    // Nothing of the payload is read before it is known to be Vonage's. A third dot is no letter of its alphabet.
    if valid { decoded(payload) } else { None }
}

fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A POST needs the hash of its body. A GET may leave it out, and may not have a body, which nothing would cover.
fn check_body(request: &HookRequest<'_>, payload_hash: Option<&str>) -> Result<(), Rejection> {
    let is_get = request.method == Method::Get;
    let matches = match payload_hash {
        Some(hash) => equal(&sha256_hex(request.body), &hash.to_ascii_lowercase()),
        None => is_get,
    };
    if matches && (!is_get || request.body.is_empty()) { Ok(()) } else { Err(Rejection::BadCredentials) }
}

/// The time of issue must be near the present. Vonage sets no end of validity; one that is set counts.
fn check_time(claims: &Claims, context: &VerifyContext<'_>) -> Result<(), Rejection> {
    let issued = claims.iat.as_ref().and_then(seconds).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let issued = issued.ok_or(Rejection::BadCredentials)?;
    let skew = context.clock_skew.num_seconds();
    let now = context.now.timestamp();
    let over = |end: &Number| seconds(end).is_none_or(|end| now.saturating_sub(end) > skew);
    let ahead = |start: &Number| seconds(start).is_none_or(|start| start.saturating_sub(now) > skew);
    if context.is_stale(issued) || claims.exp.as_ref().is_some_and(over) || claims.nbf.as_ref().is_some_and(ahead) {
        return Err(Rejection::Stale);
    }
    Ok(())
}

/// Seconds since 1970, without their fraction.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn seconds(number: &Number) -> Option<i64> {
    let fraction = || number.as_f64().filter(|seconds| seconds.abs() < 1e15).map(|seconds| seconds as i64);
    number.as_i64().or_else(fraction)
}

/// The `Authorization` header that Vonage would send.
pub(super) fn sign(request: &HookRequest<'_>, secret: &str, now: DateTime<Utc>) -> (String, String) {
    // An id for each delivery; which one does not matter, so it follows from the request.
    let moment = now.timestamp_nanos_opt().unwrap_or_default().to_string();
    let id = sha256_hex(&[request.url.as_bytes(), b"\n", request.body, b"\n", moment.as_bytes()].concat());
    let mut claims = json!({ "iat": now.timestamp(), "jti": id, "iss": ISSUER });
    if let (Method::Post | Method::Options, Some(claims)) = (request.method, claims.as_object_mut()) {
        claims.insert("payload_hash".to_owned(), sha256_hex(request.body).into());
    }
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": ALGORITHM, "typ": "JWT" })), part(&claims));
    let signature = hmac_sha256(secret.as_bytes(), signed.as_bytes());
    let signature = STANDARD.decode(signature).map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default();
    ("Authorization".to_owned(), format!("Bearer {signed}.{signature}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use super::*;

    /// The token of the vendor's own test suites (`vonage_jwt` 1.1.5, `@vonage/jwt` 1.14.0). It is of another issuer and
    /// without a hash, so only its signature can be checked.
    const VECTOR: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2ODAsImV4cCI6MzMyNTQ1NDA4MjgsImF1ZCI6IiIsInN1YiI6IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM";
    const SECRET: &str = "qwertyuiopasdfghjklzxcvbnm123456";

    #[test]
    fn the_vendors_vector_is_valid_under_its_secret_alone() {
        let read = claims(VECTOR, &[SECRET]).unwrap();
        assert_eq!(read.iss.as_deref(), Some("Online JWT Builder"));
        assert_eq!(read.iat.as_ref().and_then(seconds), Some(1_697_634_680));
        assert_eq!(read.exp.as_ref().and_then(seconds), Some(33_254_540_828));
        assert!(claims(VECTOR, &["other", SECRET]).is_some());
        assert!(claims(VECTOR, &["other"]).is_none() && claims(VECTOR, &[]).is_none());
        for at in 0..VECTOR.len() {
            let mut bytes = VECTOR.as_bytes().to_vec();
            for other in [b'A', b'.', b'=', b'+'].into_iter().filter(|other| Some(other) != VECTOR.as_bytes().get(at)) {
                *bytes.get_mut(at).unwrap() = other;
                assert!(claims(std::str::from_utf8(&bytes).unwrap(), &[SECRET]).is_none(), "{at}");
            }
        }
    }
}
