//! SignalWire: the cXML (compatibility) API, whose requests are those of Twilio with other ids, and the JSON callbacks of
//! SWML and RELAY. Both are signed with the project's Signing Key.

mod json;
mod signature;

use chrono::{DateTime, Utc};

use crate::cxml::{self, Dialect, Hangup, Recordings};
use crate::secrets::check_names;
use crate::{
    Answer, CallControl, CallEvent, HookRequest, Method, ParseContext, ParseError, Provider, Rejection, SecretError,
    SecretField, Secrets, VerifyContext,
};

/// The adapter.
pub(crate) struct SignalWire;

const SIGNING_KEY: &str = "signing_key";
const SIGNING_KEY_PREVIOUS: &str = "signing_key_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: SIGNING_KEY,
        required: true,
        description: "the Signing Key of the project (PSK_…; SignalWire dashboard, API Credentials), not the API token",
        previous: Some(SIGNING_KEY_PREVIOUS),
    },
    SecretField {
        name: SIGNING_KEY_PREVIOUS,
        required: false,
        description: "the Signing Key that is being replaced",
        previous: None,
    },
];

/// Audio files can be fetched without credentials by whoever knows their address.
const DIALECT: Dialect = Dialect {
    sip_code: &["SipResultCode"],
    reason: Some("SipInviteResultPhrase"),
    hangup: Hangup::Address("HangupBy"),
    caller_name: "CallerName",
    session: None,
    recordings: Recordings::Public,
    explicit_times: false,
    first_leg: None,
    voice_without_status: false,
};

impl Provider for SignalWire {
    fn key(&self) -> &'static str {
        "signalwire"
    }

    fn title(&self) -> &'static str {
        "SignalWire"
    }

    /// As for Twilio. JSON callbacks may come to any of them; what is recorded for `voicemail-done` is a message.
    fn purposes(&self) -> &'static [&'static str] {
        cxml::PURPOSES
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        signature::verify(request, context.secrets)
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        if cxml::is_json(request) {
            return json::parse(request.body, purpose, received_at, context).map(|event| vec![event]);
        }
        cxml::parse(request, purpose, received_at, context, DIALECT)
    }

    /// cXML where SignalWire asks what to do next, 204 where it only reports.
    fn answer(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Answer {
        if cxml::is_json(request) || cxml::only_reports(purpose) { Answer::NO_CONTENT } else { cxml::EMPTY_DOCUMENT }
    }

    fn call_control(&self) -> Option<CallControl> {
        Some(cxml::call_control("cXML", "An empty <Response/>: SignalWire ends the call."))
    }

    fn steers(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Option<&'static str> {
        cxml::steered(request, purpose)
    }

    /// Only time limits can be set; nothing makes SignalWire send a status callback again.
    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "SignalWire may lose status callbacks without notice, so give it all of status, dial and recording. The voice \
             address answers with an empty <Response/>, which ends the call: make it a number's address only if you want \
             that, or write the cXML on this connection's page.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Phone Numbers > your number > Edit Settings: paste the `status` URL as *Status Change Webhook* (POST).",
            "In the cXML that answers your calls, give `<Dial>` the `dial` URL as `action`, its `<Number>` or `<Sip>` the \
             `status` URL as `statusCallback` with `statusCallbackEvent=\"initiated ringing answered completed\"`, and \
             recordings the `recording` URL as `recordingStatusCallback`.",
            "In SWML, give `connect` the `status` URL as `call_state_url` with `call_state_events` set to `[created, ringing, \
             answered, ended]` and as `status_url`, and `record_call` the `recording` URL as `status_url`.",
            "To let Switchboard answer the calls, paste the `voice` URL as *When a call comes in* and write the cXML on this \
             connection's page.",
        ]
    }

    /// JSON with scheme A, everything else with scheme B.
    fn sign(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &Secrets,
        _now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        self.check_secrets(secrets)?;
        signature::sign(&HookRequest { method, url, headers, body }, secrets)
    }
}
