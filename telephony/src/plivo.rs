//! Plivo Voice and its clones: form requests with signature V3.

mod cause;
mod parse;
mod signature;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::{
    Answer, CallControl, CallEvent, HookRequest, Method, OptionField, ParseContext, ParseError, Provider, Rejection,
    SecretError, SecretField, Secrets, Syntax, VerifyContext,
};

/// The adapter.
pub(crate) struct Plivo;

const XML: Answer = Answer::document("application/xml", "<Response/>");
/// What steers the call: Plivo runs the XML that it is answered.
const STEERING: &[&str] = &["answer", "fallback", "dial", "voicemail-done"];

const AUTH_TOKEN: &str = "auth_token";
const AUTH_TOKEN_PREVIOUS: &str = "auth_token_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: AUTH_TOKEN,
        required: true,
        description: "the Auth Token of the account, or of the subaccount that owns the number (Plivo console, overview)",
        previous: Some(AUTH_TOKEN_PREVIOUS),
    },
    SecretField {
        name: AUTH_TOKEN_PREVIOUS,
        required: false,
        description: "the Auth Token before, while it is being replaced",
        previous: None,
    },
];

const HEADER_PREFIX: OptionField = OptionField {
    name: "header_prefix",
    description: "the name in the signature headers, X-Plivo-Signature-V3: providers that are compatible with Plivo put \
                  their own, such as Vobiz",
    default: "Plivo",
    values: &[],
};

/// The tokens that are valid at the moment, the present one first.
fn valid_tokens(secrets: &Secrets) -> Vec<&str> {
    [AUTH_TOKEN, AUTH_TOKEN_PREVIOUS].into_iter().filter_map(|name| secrets.get(name)).collect()
}

impl Provider for Plivo {
    fn key(&self) -> &'static str {
        "plivo"
    }

    fn title(&self) -> &'static str {
        "Plivo"
    }

    /// `answer`, `fallback`, `ring`, `hangup`: the URLs of an application or call; `dial`: the action of `<Dial>`;
    /// `dial-events`: its callback URL; `recording`: the callback URL of `<Record>`; `voicemail-done`: the action of the
    /// `<Record>` that takes a caller's message. Without a purpose: what the parameters say.
    fn purposes(&self) -> &'static [&'static str] {
        &["answer", "fallback", "ring", "hangup", "dial", "dial-events", "recording", "voicemail-done"]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn options(&self) -> &'static [OptionField] {
        &[HEADER_PREFIX]
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// The signature has no time: a request that comes again is told by its key.
    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        signature::verify(request, context.options.get(&HEADER_PREFIX), &valid_tokens(context.secrets))
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        parse::parse(request, purpose, received_at, context).map(|event| vec![event])
    }

    /// XML where Plivo asks what to do next, 200 where it only reports.
    fn answer(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Answer {
        if self.steers(request, purpose).is_some() { XML } else { Answer::OK }
    }

    fn call_control(&self) -> Option<CallControl> {
        Some(CallControl {
            language: "Plivo XML",
            content_type: "application/xml",
            purposes: STEERING,
            syntax: Syntax::Xml { root: "Response" },
            default_effect: "An empty <Response/>: Plivo ends the call.",
        })
    }

    /// Without a purpose the parameters tell: what reports an end, a ringing, a recording or a dialled leg steers nothing.
    fn steers(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Option<&'static str> {
        match purpose {
            Some(purpose) => STEERING.iter().find(|known| **known == purpose).copied(),
            None => parse::asks(request),
        }
    }

    /// Five retries, also after an answer that is not 200: Plivo's default is one.
    fn url_fragment(&self) -> &'static str {
        "#rc=5&rp=all"
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "Give hangup, dial, dial-events and recording to your own call flow (XML) as callbacks. The answer address \
             replies with this connection's XML, and an empty <Response/> ends the call: make it an application's Answer \
             URL only if you want that. A call counts as answered when a dialled leg is, so a missed and an answered call \
             can only be told apart with the dial or dial-events address. Add no query with a dot in it to the addresses \
             (such as ?v=1.2): Plivo's signature could not tell it from the parameters, so such requests are refused.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Voice > Applications > your application: paste the `hangup` URL as *Hangup URL* (POST).",
            "In the XML that answers your calls, give `<Dial>` the `dial` URL as `action` and the `dial-events` URL as \
             `callbackUrl`, and `<Record>` the `recording` URL as `callbackUrl`; a `<Record>` that takes a message also \
             the `voicemail-done` URL as `action`.",
            "To let Switchboard answer the calls, paste the `answer` URL as *Primary Answer URL* (POST), the `fallback` URL \
             as *Fallback Answer URL*, and write the XML on this connection's page.",
            "With a provider that is compatible with Plivo, set this connection's option `header_prefix` to the name in its \
             signature headers.",
        ]
    }

    /// With the default header prefix.
    fn sign(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &Secrets,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        let missing = SecretError::Missing { name: AUTH_TOKEN, hint: "signing needs the Auth Token" };
        let token = valid_tokens(secrets).first().copied().ok_or(missing)?;
        Ok(signature::sign(&HookRequest { method, url, headers, body }, HEADER_PREFIX.default, token, now))
    }
}
