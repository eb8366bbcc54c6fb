//! Vonage Voice (formerly Nexmo): answer URL by GET or POST, events as JSON, signed with a JSON Web Token.

mod parse;
mod token;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::{
    Answer, CallControl, CallEvent, HookRequest, Method, OptionField, Options, ParseContext, ParseError, Provider,
    Rejection, SecretError, SecretField, Secrets, Syntax, VerifyContext,
};

/// The adapter.
pub(crate) struct Vonage;

const NCCO: Answer = Answer::document("application/json", "[]");
/// What steers the call. Vonage asks the fallback URL when the answer URL fails, and the event URL of an `input`, `notify`
/// or synchronous `connect` action what comes next.
const STEERING: &[&str] = &["answer", "fallback", "input"];

const SIGNATURE_SECRET: &str = "signature_secret";
const SIGNATURE_SECRET_PREVIOUS: &str = "signature_secret_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: SIGNATURE_SECRET,
        required: true,
        description: "the signature secret of the account (Vonage dashboard, API settings, Signed webhooks)",
        previous: Some(SIGNATURE_SECRET_PREVIOUS),
    },
    SecretField {
        name: SIGNATURE_SECRET_PREVIOUS,
        required: false,
        description: "the signature secret before, while it is being replaced",
        previous: None,
    },
];

const GET_REQUESTS: OptionField = OptionField {
    name: "get_requests",
    description: "whether GET requests are accepted: Vonage's signature does not cover their parameters, so choose refuse \
                  once every URL of the application is set to POST",
    default: "accept",
    values: &["accept", "refuse"],
};

/// The secrets that are valid at the moment, the present one first.
fn valid_secrets(secrets: &Secrets) -> Vec<&str> {
    [SIGNATURE_SECRET, SIGNATURE_SECRET_PREVIOUS].into_iter().filter_map(|name| secrets.get(name)).collect()
}

fn refuses_get(options: &Options) -> bool {
    options.get(&GET_REQUESTS) == "refuse"
}

impl Provider for Vonage {
    fn key(&self) -> &'static str {
        "vonage"
    }

    fn title(&self) -> &'static str {
        "Vonage"
    }

    /// `answer`: the answer URL; `event`: the event URL, also of recordings; `fallback`: the fallback answer URL; `input`:
    /// the event URL of actions whose answer is an NCCO; `voicemail`: the event URL of a `record` action that takes a
    /// caller's message. Without a purpose: what the content says.
    fn purposes(&self) -> &'static [&'static str] {
        &["answer", "event", "fallback", "input", "voicemail"]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn options(&self) -> &'static [OptionField] {
        &[GET_REQUESTS]
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// A request without a token is refused with 401 although Vonage asks for an answer that makes it repeat its rare
    /// unsigned requests: that answer would make it repeat those of anyone else as well.
    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        if request.method == Method::Get && refuses_get(context.options) {
            return Err(Rejection::MissingSignature);
        }
        token::verify(request, context, &valid_secrets(context.secrets))
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

    /// An empty NCCO where Vonage asks what to do, 200 where it only reports.
    fn answer(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Answer {
        if self.steers(request, purpose).is_some() { NCCO } else { Answer::OK }
    }

    fn call_control(&self) -> Option<CallControl> {
        Some(CallControl {
            language: "NCCO",
            content_type: "application/json",
            purposes: STEERING,
            syntax: Syntax::JsonArray,
            default_effect: "An empty NCCO, []: Vonage ends the call.",
        })
    }

    /// Without a purpose the content tells: the answer URL is the one that is asked about a call without a status.
    fn steers(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Option<&'static str> {
        match purpose {
            Some(purpose) => STEERING.iter().find(|known| **known == purpose).copied(),
            None => parse::asks(request),
        }
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "Set every URL of the application to POST: Vonage's signature covers the body and not the parameters of a \
             GET. The answer address replies with this connection's NCCO, and an empty one ends the call: keep your own \
             answer URL if you have one, and give Switchboard the event URL alone.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "API settings > Signed webhooks: copy the *signature secret* (HMAC-SHA256) into this connection.",
            "Applications > your application > Voice: paste the `event` URL as *Event URL* with HTTP POST. Saving the \
             application may switch signed callbacks off: look that *Use signed webhooks* is still on.",
            "Give the `record` actions of your NCCO the `event` URL as `eventUrl`, and those that take a message of the \
             caller the `voicemail` URL.",
            "To let Switchboard answer the calls, paste the `answer` URL as *Answer URL* with HTTP POST (and the \
             `fallback` URL as *Fallback URL*) and write the NCCO on this connection's page. Actions whose event URL \
             must return an NCCO (`input`, `notify`) get the `input` URL.",
        ]
    }

    fn sign(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &Secrets,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        let missing = SecretError::Missing { name: SIGNATURE_SECRET, hint: "signing needs the signature secret" };
        let secret = valid_secrets(secrets).first().copied().ok_or(missing)?;
        Ok(vec![token::sign(&HookRequest { method, url, headers, body }, secret, now)])
    }
}
