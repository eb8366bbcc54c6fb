//! Telnyx: the JSON events of Call Control v2, and the forms of `TeXML`, which are those of Twilio in other words. Both are
//! signed with the account's Ed25519 key.

mod event;
mod payload;
mod signature;

use chrono::{DateTime, Utc};

use crate::cxml::{self, Dialect, Hangup, Recordings};
use crate::form::Params;
use crate::secrets::check_names;
use crate::{
    Answer, CallControl, CallEvent, Direction, HookRequest, Method, OptionField, Options, ParseContext, ParseError,
    Provider, Rejection, SecretError, SecretField, Secrets, VerifyContext,
};

/// The adapter.
pub(crate) struct Telnyx;

const PUBLIC_KEY: &str = "public_key";
const PUBLIC_KEY_PREVIOUS: &str = "public_key_previous";
/// Only for signing in the simulator and in tests; a connection never holds it.
const PRIVATE_KEY: &str = "private_key";

/// Seconds for which the addresses of recordings can be used.
const RECORDING_SECONDS: i64 = 600;

const FIELDS: &[SecretField] = &[
    SecretField {
        name: PUBLIC_KEY,
        required: true,
        description: "the public key of the account, 32 bytes in base64 (Mission Control portal, Keys & Credentials, Public \
                      Key)",
        previous: Some(PUBLIC_KEY_PREVIOUS),
    },
    SecretField {
        name: PUBLIC_KEY_PREVIOUS,
        required: false,
        description: "the public key that is being replaced",
        previous: None,
    },
];

const TEXML_CALLS: OptionField = OptionField {
    name: "texml_calls",
    description: "Who begins the calls of your TeXML application: its callbacks do not tell. Set it to outbound for a \
                  connection that only gets calls made through the API; Call Control events need nothing",
    default: "inbound",
    values: &["inbound", "outbound"],
};

/// `TeXML`. Its callbacks have no direction, its requests for instructions often no status.
const TEXML: Dialect = Dialect {
    sip_code: &["SipHangupCause"],
    reason: Some("HangupCause"),
    hangup: Hangup::Word("HangupSource"),
    caller_name: "CallerId",
    session: Some("CallSessionId"),
    recordings: Recordings::Expiring(RECORDING_SECONDS),
    explicit_times: true,
    first_leg: Some(Direction::Inbound),
    voice_without_status: true,
};

impl Provider for Telnyx {
    fn key(&self) -> &'static str {
        "telnyx"
    }

    fn title(&self) -> &'static str {
        "Telnyx"
    }

    /// Of `TeXML`, as for Twilio. Call Control sends all its events to the address without a purpose.
    fn purposes(&self) -> &'static [&'static str] {
        cxml::PURPOSES
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)?;
        signature::keys(secrets).map(|_| ())
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn options(&self) -> &'static [OptionField] {
        &[TEXML_CALLS]
    }

    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        signature::verify(request, context)
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        if is_texml(request) {
            return cxml::parse(request, purpose, received_at, context, texml(&context.options));
        }
        event::parse(request, received_at, context).map(|event| vec![event])
    }

    /// `TeXML` where Telnyx asks what to do next, else 200 without a body: Telnyx ignores it.
    fn answer(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Answer {
        if is_texml(request) && !cxml::only_reports(purpose) { cxml::EMPTY_DOCUMENT } else { Answer::OK }
    }

    fn call_control(&self) -> Option<CallControl> {
        Some(cxml::call_control("TeXML", "An empty <Response/>: Telnyx ends the call."))
    }

    fn steers(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Option<&'static str> {
        cxml::steered(request, purpose).filter(|_| is_texml(request))
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "Call Control applications send all their events to the address without a purpose. Choose POST everywhere: the \
             parameters of a GET are accepted only when the signature covers them. Recordings can be fetched for ten minutes \
             only.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Voice > Programmable Voice > your Call Control application: paste the URL without a purpose as *Webhook URL*, API \
             version 2. The events of all its calls arrive; your application goes on steering them.",
            "With TeXML: paste the `status` URL as *Status callback* of the TeXML application (POST), give `<Dial>` the `dial` \
             URL as `action`, its `<Number>` or `<Sip>` the `status` URL as `statusCallback` with \
             `statusCallbackEvent=\"initiated ringing answered completed\"`, and recordings the `recording` URL as \
             `recordingStatusCallback`.",
            "Keys & Credentials > Public Key: copy the key into this connection.",
        ]
    }

    /// Signs with `private_key`, the 32 bytes of an Ed25519 seed in base64.
    fn sign(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &Secrets,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        signature::sign(&HookRequest { method, url, headers, body }, secrets, now)
    }
}

/// The dialect of `TeXML` for a connection with these options.
fn texml(options: &Options) -> Dialect {
    let outbound = options.get(&TEXML_CALLS) == "outbound";
    Dialect { first_leg: Some(if outbound { Direction::Outbound } else { Direction::Inbound }), ..TEXML }
}

/// Whether it is a request of `TeXML`: a form, or a query, that names a call or its recording.
fn is_texml(request: &HookRequest<'_>) -> bool {
    if cxml::is_json(request) {
        return false;
    }
    let form = if request.method == Method::Get { request.query().as_bytes() } else { request.body };
    let params = Params::read(form);
    ["CallSid", "RecordingSid"].iter().any(|name| params.get(name).is_some())
}
