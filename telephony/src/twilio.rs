//! Twilio Programmable Voice: form requests, signed with the account's Auth Token or with a `SharedKey`.

mod signature;

use chrono::{DateTime, Utc};

use crate::cxml::{self, Dialect, Hangup, Recordings};
use crate::secrets::check_names;
use crate::{
    Answer, CallControl, CallEvent, HookRequest, Method, ParseContext, ParseError, Provider, Rejection, SecretError,
    SecretField, Secrets, VerifyContext,
};

/// The adapter.
pub(crate) struct Twilio;

/// Recordings need the account's credentials unless that was switched off, which no request tells.
const DIALECT: Dialect = Dialect {
    sip_code: &["SipResponseCode"],
    reason: None,
    hangup: Hangup::Untold,
    caller_name: "CallerName",
    session: None,
    recordings: Recordings::Authenticated,
    explicit_times: false,
    first_leg: None,
    voice_without_status: false,
};

pub(crate) const AUTH_TOKEN: &str = "auth_token";
pub(crate) const AUTH_TOKEN_SECONDARY: &str = "auth_token_secondary";
pub(crate) const SHARED_KEY_ID: &str = "shared_key_id";
pub(crate) const SHARED_KEY_SECRET: &str = "shared_key_secret";
pub(crate) const SHARED_KEY_ID_SECONDARY: &str = "shared_key_id_secondary";
pub(crate) const SHARED_KEY_SECRET_SECONDARY: &str = "shared_key_secret_secondary";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: AUTH_TOKEN,
        required: false,
        description: "the primary Auth Token of the account (Twilio console, Account Info); leave it out to accept only \
                      requests signed with a SharedKey",
        previous: Some(AUTH_TOKEN_SECONDARY),
    },
    SecretField {
        name: AUTH_TOKEN_SECONDARY,
        required: false,
        description: "the secondary Auth Token, while tokens are being rotated",
        previous: None,
    },
    SecretField {
        name: SHARED_KEY_ID,
        required: false,
        description: "id of a SharedKey (webhooks_sharedkey_…); requests that name it must be signed with HMAC-SHA256",
        previous: Some(SHARED_KEY_ID_SECONDARY),
    },
    SecretField {
        name: SHARED_KEY_SECRET,
        required: false,
        description: "the secret of that SharedKey",
        previous: Some(SHARED_KEY_SECRET_SECONDARY),
    },
    SecretField {
        name: SHARED_KEY_ID_SECONDARY,
        required: false,
        description: "id of a second SharedKey, while keys are being rotated",
        previous: None,
    },
    SecretField {
        name: SHARED_KEY_SECRET_SECONDARY,
        required: false,
        description: "the secret of the second SharedKey",
        previous: None,
    },
];

impl Provider for Twilio {
    fn key(&self) -> &'static str {
        "twilio"
    }

    fn title(&self) -> &'static str {
        "Twilio"
    }

    fn purposes(&self) -> &'static [&'static str] {
        cxml::PURPOSES
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)?;
        for (id, secret) in [(SHARED_KEY_ID, SHARED_KEY_SECRET), (SHARED_KEY_ID_SECONDARY, SHARED_KEY_SECRET_SECONDARY)]
        {
            let hint = "a SharedKey needs both its id and its secret";
            match (secrets.get(id), secrets.get(secret)) {
                (Some(_), None) => return Err(SecretError::Missing { name: secret, hint }),
                (None, Some(_)) => return Err(SecretError::Missing { name: id, hint }),
                _ => {}
            }
        }
        let any = [AUTH_TOKEN, AUTH_TOKEN_SECONDARY, SHARED_KEY_ID, SHARED_KEY_ID_SECONDARY];
        if any.iter().all(|name| secrets.get(name).is_none()) {
            let hint = "set the account's Auth Token, or the id and the secret of a SharedKey";
            return Err(SecretError::Missing { name: AUTH_TOKEN, hint });
        }
        Ok(())
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
        cxml::parse(request, purpose, received_at, context, DIALECT)
    }

    /// `TwiML` where Twilio asks what to do next, 204 where it only reports.
    fn answer(&self, _request: &HookRequest<'_>, purpose: Option<&str>) -> Answer {
        if cxml::only_reports(purpose) { Answer::NO_CONTENT } else { cxml::EMPTY_DOCUMENT }
    }

    fn call_control(&self) -> Option<CallControl> {
        Some(cxml::call_control("TwiML", "An empty <Response/>: Twilio ends the call."))
    }

    /// Five retries, also after an answer of 5xx: Twilio's default is to retry only when it cannot connect.
    fn url_fragment(&self) -> &'static str {
        "#rc=5&rp=all"
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "Give status, dial and recording to your own call flow (TwiML) as callbacks. The voice address answers with \
             an empty <Response/>, which ends the call: make it a number's Voice URL only if you want that.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Phone Numbers > Active numbers > your number: paste the `status` URL as *Call status changes* (HTTP POST).",
            "In the TwiML that answers your calls, give `<Dial>` the `dial` URL as `action`, its `<Number>`, `<Client>` or \
             `<Sip>` the `status` URL as `statusCallback` with `statusCallbackEvent=\"initiated ringing answered completed\"`, \
             and recordings the `recording` URL as `recordingStatusCallback`.",
            "To let Switchboard answer the calls, paste the `voice` URL as *A call comes in* and write the TwiML on this \
             connection's page.",
        ]
    }

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
