//! What Twilio, SignalWire and Telnyx have in common: call control in XML, and requests about calls as forms with the
//! same parameters. Each provider is a [`Dialect`] of it.

pub(crate) mod form_scheme;
mod read;
mod reader;

pub(crate) use read::parse;

use crate::{Answer, CallControl, Direction, HookRequest, Syntax};

/// The purposes of these requests. `voice`: a number's voice URL; `status`: status callbacks; `dial`: the action of
/// `<Dial>`; `recording`: recording status callbacks; `voicemail-done`: the action of `<Record>`. Without a purpose: as
/// `voice`.
pub(crate) const PURPOSES: &[&str] = &["voice", "status", "dial", "recording", "voicemail-done"];

/// An empty document: the provider ends the call.
pub(crate) const EMPTY_DOCUMENT: Answer =
    Answer::document("text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>");

/// The purposes whose answer steers the call.
const STEERING: &[&str] = &["voice", "dial", "voicemail-done"];

/// Whether a purpose only takes reports, so that the answer steers nothing.
pub(crate) fn only_reports(purpose: Option<&str>) -> bool {
    matches!(purpose, Some("status" | "recording"))
}

/// Call control with documents of this language.
pub(crate) const fn call_control(language: &'static str, default_effect: &'static str) -> CallControl {
    CallControl {
        language,
        content_type: "text/xml",
        purposes: STEERING,
        syntax: Syntax::Xml { root: "Response" },
        default_effect,
    }
}

/// How one provider writes these requests.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    /// Parameters with the SIP response code, the first that is there counts.
    pub(crate) sip_code: &'static [&'static str],
    /// The parameter with the reason of the end.
    pub(crate) reason: Option<&'static str>,
    /// Where it says which side ended the call.
    pub(crate) hangup: Hangup,
    /// The parameter with the caller's name.
    pub(crate) caller_name: &'static str,
    /// The parameter with the id of the whole call.
    pub(crate) session: Option<&'static str>,
    /// How its recordings are fetched.
    pub(crate) recordings: Recordings,
    /// Whether it sends the start, the answer and the end of the leg as times.
    pub(crate) explicit_times: bool,
    /// Direction of a leg that no other one dialled, when the request does not tell; `None`: it stays open.
    pub(crate) first_leg: Option<Direction>,
    /// Whether a request for instructions has no status.
    pub(crate) voice_without_status: bool,
}

/// Which side ended the call.
#[derive(Clone, Copy)]
pub(crate) enum Hangup {
    /// It is not told.
    Untold,
    /// The parameter has a word for it.
    Word(&'static str),
    /// The parameter has the address of that side.
    Address(&'static str),
}

/// How recordings are fetched.
#[derive(Clone, Copy)]
pub(crate) enum Recordings {
    /// With the account's credentials.
    Authenticated,
    /// Without, by whoever knows the address.
    Public,
    /// Without, for this many seconds.
    Expiring(i64),
}

/// Whether the body is JSON. Told by its first byte: the header is not covered by every signature.
pub(crate) fn is_json(request: &HookRequest<'_>) -> bool {
    request.body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'{' | b'['))
}

/// What a request steers that may also be JSON: JSON only reports.
pub(crate) fn steered(request: &HookRequest<'_>, purpose: Option<&str>) -> Option<&'static str> {
    let purpose = purpose.unwrap_or("voice");
    STEERING.iter().find(|known| **known == purpose).copied().filter(|_| !is_json(request))
}
