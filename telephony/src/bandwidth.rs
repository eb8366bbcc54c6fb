//! Bandwidth Programmable Voice: JSON requests with HTTP Basic. Every request tells by its `eventType` what it is.

mod duration;
mod parse;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::{
    Answer, CallControl, CallEvent, HookRequest, Method, ParseContext, ParseError, Provider, Rejection, SecretError,
    SecretField, Secrets, Syntax, VerifyContext, user_password,
};

/// The adapter.
pub(crate) struct Bandwidth;

const BXML: Answer = Answer::document("application/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>");

const INITIATE: &str = "initiate";
const STATUS: &str = "status";
const VOICEMAIL: &str = "voicemail";

const FIELDS: &[SecretField] = &[
    user_password::username(
        true,
        "the callback user name of the voice application (Bandwidth Dashboard, Applications)",
    ),
    user_password::password(true, "the callback password of the voice application"),
    user_password::PREVIOUS,
];

impl Provider for Bandwidth {
    fn key(&self) -> &'static str {
        "bandwidth"
    }

    fn title(&self) -> &'static str {
        "Bandwidth"
    }

    /// `initiate`: the application's call-initiated callback; `voicemail`: the callbacks of a `<Record>` that takes messages;
    /// `status`: all others. What a request is follows from its `eventType` alone, but that a recording is a message.
    fn purposes(&self) -> &'static [&'static str] {
        &[INITIATE, STATUS, VOICEMAIL]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)?;
        user_password::check(secrets)
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        user_password::verify(request, context.secrets)
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        parse::parse(request, purpose == Some(VOICEMAIL), received_at, context).map(|event| vec![event])
    }

    /// BXML where Bandwidth waits for what to do next, 204 where it only reports.
    fn answer(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Answer {
        match parse::event_type(request) {
            Some(word) if parse::is_synchronous(&word) => BXML,
            // Whether it waits for BXML is unknown; it does no harm where it is not read.
            Some(word) if !parse::is_report(&word) && matches!(purpose, None | Some(INITIATE)) => BXML,
            _ => Answer::NO_CONTENT,
        }
    }

    fn call_control(&self) -> Option<CallControl> {
        Some(CallControl {
            language: "BXML",
            content_type: "application/xml",
            purposes: &[INITIATE],
            syntax: Syntax::Xml { root: "Response" },
            default_effect: "An empty <Response/>: Bandwidth ends the call.",
        })
    }

    /// The document begins a call. The events within a call (a transfer or a prompt is over) are not answered with it
    /// again: it would start from its beginning for ever.
    fn steers(&self, request: &HookRequest<'_>, _purpose: Option<&str>) -> Option<&'static str> {
        let word = parse::event_type(request)?;
        matches!(word.as_str(), "initiate" | "answer").then_some(INITIATE)
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "Bandwidth never repeats a request that was answered with an error. The call-initiated address answers with an \
             empty <Response/>, which ends the call, until you write BXML on this connection's page; make it the \
             application's callback only if Switchboard is to answer the calls.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Bandwidth Dashboard > Applications > your voice application: choose a callback user name and password, and \
             enter the same ones here.",
            "Paste the `status` URL as *Call status callback URL* (POST): the ends of inbound calls arrive there.",
            "In your BXML, give `<Transfer>` the `status` URL as `transferCompleteUrl`, its `<PhoneNumber>` or `<SipUri>` the \
             same as `transferAnswerUrl` and `transferDisconnectUrl`, and `<StartRecording>` as `recordingAvailableUrl`. Give \
             a `<Record>` that takes messages the `voicemail` URL as `recordCompleteUrl` and `recordingAvailableUrl`. Give \
             each of them `username` and `password`.",
            "To let Switchboard answer the calls, paste the `initiate` URL as *Call initiated callback URL* and write the \
             BXML on this connection's page.",
        ]
    }

    fn sign(
        &self,
        _method: Method,
        _url: &str,
        _headers: &[(String, String)],
        _body: &[u8],
        secrets: &Secrets,
        _now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        user_password::sign(secrets)
    }
}
