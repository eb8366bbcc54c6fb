//! 3CX: one JSON report for each finished call, posted by the CRM template of `docs/providers/3cx-template.xml`, with a
//! bearer token of our own.

mod parse;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::{
    Answer, CallEvent, HookRequest, Method, ParseContext, ParseError, Provider, Rejection, SecretError, SecretField,
    Secrets, VerifyContext, credentials,
};

/// The adapter.
pub(crate) struct ThreeCx;

const TOKEN: &str = "token";
const TOKEN_PREVIOUS: &str = "token_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: TOKEN,
        required: true,
        description: "a long random text that you also enter as the template's token in 3CX (openssl rand -hex 32)",
        previous: Some(TOKEN_PREVIOUS),
    },
    SecretField {
        name: TOKEN_PREVIOUS,
        required: false,
        description: "the token that is being replaced, until the template has the new one",
        previous: None,
    },
];

/// A token must fit into a header.
fn check_token(secrets: &Secrets, name: &'static str) -> Result<(), SecretError> {
    let hint = "printable characters without spaces, such as openssl rand -hex 32 makes them";
    match secrets.get(name) {
        Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => Err(SecretError::Malformed { name, hint }),
        _ => Ok(()),
    }
}

impl Provider for ThreeCx {
    fn key(&self) -> &'static str {
        "3cx"
    }

    fn title(&self) -> &'static str {
        "3CX"
    }

    fn purposes(&self) -> &'static [&'static str] {
        &[]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)?;
        check_token(secrets, TOKEN)?;
        check_token(secrets, TOKEN_PREVIOUS)
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        let tokens = [TOKEN, TOKEN_PREVIOUS].into_iter().filter_map(|name| context.secrets.get(name));
        credentials::bearer(request, tokens)
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        _purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        parse::parse(request.body, received_at, context).map(|event| vec![event])
    }

    fn answer(&self, _request: &HookRequest<'_>, _purpose: Option<&str>) -> Answer {
        Answer::OK
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "3CX reports a call when it is over, once, without an id: live states do not appear, and calls that end while \
             Switchboard cannot be reached are not reported again.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Download `docs/providers/3cx-template.xml`. In the 3CX admin console open Integrations > CRM, choose *Add* and \
             upload it.",
            "Select *Switchboard* as the CRM, enter this URL and the token of this connection, leave *Report calls* on, and \
             save. 3CX may need a restart of its services before it uses a new template.",
            "Set the default country of Switchboard: 3CX passes on numbers as the trunk delivers them, often without `+`.",
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
        let token = token.ok_or(SecretError::Missing { name: TOKEN, hint: "the token of the template" })?;
        Ok(vec![("Authorization".to_owned(), format!("Bearer {token}"))])
    }
}
