//! `RingCentral` telephony session notifications: JSON, with a shared token in a header.

mod parse;
mod status;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::{
    Answer, CallEvent, HookRequest, Method, ParseContext, ParseError, Provider, Rejection, SecretError, SecretField,
    Secrets, VerifyContext, credentials,
};

/// The adapter.
pub(crate) struct RingCentral;

const TOKEN: &str = "verification_token";
const TOKEN_PREVIOUS: &str = "verification_token_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: TOKEN,
        required: true,
        description: "the token that you give the subscription as deliveryMode.verificationToken (older API versions: \
                      deliveryMode.validationToken)",
        previous: Some(TOKEN_PREVIOUS),
    },
    SecretField {
        name: TOKEN_PREVIOUS,
        required: false,
        description: "the token that is being replaced, until every subscription has the new one",
        previous: None,
    },
];

/// The header of the handshake, and of notifications after the older guide.
const VALIDATION: &str = "validation-token";
/// The header of notifications.
const VERIFICATION: &str = "verification-token";

/// Bytes of the longest token that is echoed; those of `RingCentral` have 36.
const MAX_ECHO: usize = 256;

/// The token to be echoed, when the request is the handshake of a subscription: it has the header and no payload. A
/// notification may have the same header, but never without a payload.
fn handshake_token<'a>(request: &HookRequest<'a>) -> Option<&'a str> {
    let token = request.header(VALIDATION).map(str::trim).filter(|_| request.body.is_empty())?;
    let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
    (request.method == Method::Post && printable && (1..=MAX_ECHO).contains(&token.len())).then_some(token)
}

impl Provider for RingCentral {
    fn key(&self) -> &'static str {
        "ringcentral"
    }

    fn title(&self) -> &'static str {
        "RingCentral"
    }

    fn purposes(&self) -> &'static [&'static str] {
        &[]
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

    fn handshake(&self, request: &HookRequest<'_>, _context: &VerifyContext<'_>) -> Option<Answer> {
        handshake_token(request).map(|token| Answer::OK.with_header(VALIDATION, token))
    }

    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        let verdict = |name| {
            let tokens = [TOKEN, TOKEN_PREVIOUS].into_iter().filter_map(|name| context.secrets.get(name));
            credentials::header(request, name, tokens)
        };
        match (verdict(VERIFICATION), verdict(VALIDATION)) {
            (Ok(()), _) | (_, Ok(())) => Ok(()),
            (Err(Rejection::MissingSignature), Err(rejection)) | (Err(rejection), Err(_)) => Err(rejection),
        }
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        _purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        parse::parse(request.body, received_at, context)
    }

    fn answer(&self, _request: &HookRequest<'_>, _purpose: Option<&str>) -> Answer {
        Answer::OK
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "RingCentral blacklists a subscription whose address fails for some minutes, and never lifts that by itself: \
             look at the subscription's status after every outage and create it again.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Choose a long random token, and enter it here as the verification token.",
            "Create a subscription (`POST /restapi/v1.0/subscription`) with the event filter \
             `/restapi/v1.0/account/~/telephony/sessions`, and in `deliveryMode` the transport type `WebHook`, this URL as \
             `address` and the token as `verificationToken`. RingCentral calls the address at once, and Switchboard answers.",
            "Give it a long `expiresIn`, and renew or create it again before it ends or when its status is not `Active`.",
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
        let token = secrets.get(TOKEN).or_else(|| secrets.get(TOKEN_PREVIOUS));
        let hint = "the token of the subscription";
        let token = token.ok_or(SecretError::Missing { name: TOKEN, hint })?;
        Ok(vec![("Verification-Token".to_owned(), token.to_owned())])
    }
}
