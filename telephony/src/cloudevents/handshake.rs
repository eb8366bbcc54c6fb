//! The handshake of the CloudEvents webhook specification: a sender asks whether it may send, and how fast.

use crate::{Answer, HookRequest, Method};

/// Bytes of the longest origin: a DNS name.
const LONGEST_ORIGIN: usize = 255;

/// The answer to an `OPTIONS` request; `None` for any other request. `WebHook-Request-Callback` is not called: the
/// permission is given at once, and addresses in requests are nothing to call.
pub(super) fn answer(request: &HookRequest<'_>) -> Option<Answer> {
    if request.method != Method::Options || !request.body.is_empty() {
        return None;
    }
    let Some(origin) = request.header("webhook-request-origin").map(str::trim) else {
        return Some(Answer::NO_CONTENT.with_header("allow", "POST, OPTIONS"));
    };
    if !is_origin(origin) {
        return Some(Answer::empty(400));
    }
    let granted = Answer::OK.with_header("allow", "POST, OPTIONS").with_header("webhook-allowed-origin", origin);
    Some(match request.header("webhook-request-rate").map(str::trim) {
        Some(rate) => granted.with_header("webhook-allowed-rate", allowed_rate(rate)),
        None => granted,
    })
}

/// A DNS name or `*`: it goes into a header of the answer.
fn is_origin(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'*');
    (1..=LONGEST_ORIGIN).contains(&text.len()) && text.bytes().all(allowed)
}

/// Requests per minute: as many as were asked for; what is no number of requests is not limited either.
fn allowed_rate(asked: &str) -> String {
    asked.parse::<u32>().ok().filter(|rate| *rate > 0).map_or_else(|| "*".to_owned(), |rate| rate.to_string())
}
