//! Amazon Connect contact events, posted by an API destination of Amazon `EventBridge`.

mod numbers;
mod parse;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::{
    Answer, CallEvent, HookRequest, Method, OptionField, ParseContext, ParseError, Provider, Rejection, SecretError,
    SecretField, Secrets, VerifyContext, credentials, user_password,
};

/// The adapter.
pub(crate) struct AmazonConnect;

const API_KEY: &str = "api_key";
const API_KEY_PREVIOUS: &str = "api_key_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: API_KEY,
        required: false,
        description: "the API key value of the EventBridge connection; leave it out when the connection uses Basic \
                      authorization",
        previous: Some(API_KEY_PREVIOUS),
    },
    SecretField {
        name: API_KEY_PREVIOUS,
        required: false,
        description: "the API key that is being replaced",
        previous: None,
    },
    user_password::username(false, "the user name of the EventBridge connection, when it uses Basic authorization"),
    user_password::password(false, "the password of the EventBridge connection, when it uses Basic authorization"),
    user_password::PREVIOUS,
];

const API_KEY_HEADER: OptionField = OptionField {
    name: "api_key_header",
    description: "the API key name of the EventBridge connection: the header that carries the key",
    default: "x-api-key",
    values: &[],
};

impl Provider for AmazonConnect {
    fn key(&self) -> &'static str {
        "amazon-connect"
    }

    fn title(&self) -> &'static str {
        "Amazon Connect"
    }

    fn purposes(&self) -> &'static [&'static str] {
        &[]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)?;
        user_password::check(secrets)?;
        let has_key = [API_KEY, API_KEY_PREVIOUS].iter().any(|name| secrets.get(name).is_some());
        if has_key || user_password::is_set(secrets) {
            return Ok(());
        }
        let hint = "set the API key of the EventBridge connection, or its user name and password";
        Err(SecretError::Missing { name: API_KEY, hint })
    }

    fn options(&self) -> &'static [OptionField] {
        &[API_KEY_HEADER]
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Either credential is enough. Of two refusals the one that says more stands: that there is none at all only when
    /// both are missing.
    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        let keys = [API_KEY, API_KEY_PREVIOUS].into_iter().filter_map(|name| context.secrets.get(name));
        let by_key = credentials::header(request, context.options.get(&API_KEY_HEADER), keys);
        let by_password = user_password::verify(request, context.secrets);
        match (by_key, by_password) {
            (Ok(()), _) | (_, Ok(())) => Ok(()),
            (Err(Rejection::BadCredentials), _) | (_, Err(Rejection::BadCredentials)) => Err(Rejection::BadCredentials),
            (Err(Rejection::UnknownKey), _) | (_, Err(Rejection::UnknownKey)) => Err(Rejection::UnknownKey),
            (Err(rejection), Err(_)) => Err(rejection),
        }
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
            "Contact events hold no phone numbers. To see who calls, let the contact flow set the contact attributes \
             customerNumber and systemNumber, and add them to the event as `detail.attributes` (an EventBridge Pipe or a \
             Lambda function can); until then calls have an unknown caller.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "EventBridge > API destinations > Connections: create one with *API key* authorization (key name `x-api-key`, or \
             set another one as this connection's option) or with *Basic*, and enter the same values here.",
            "Create an API destination with that connection, this URL, and the method POST.",
            "Create a rule on the default event bus with the pattern `{\"source\": [\"aws.connect\"], \"detail-type\": \
             [\"Amazon Connect Contact Event\"]}` and the API destination as its target. Leave the input unchanged \
             (*Matched events*), and give the target a dead-letter queue.",
        ]
    }

    /// With the API key when there is one, in the header that a connection without options has; else with Basic.
    fn sign(
        &self,
        _method: Method,
        _url: &str,
        _headers: &[(String, String)],
        _body: &[u8],
        secrets: &Secrets,
        _now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        self.check_secrets(secrets)?;
        match secrets.get(API_KEY).or_else(|| secrets.get(API_KEY_PREVIOUS)) {
            Some(key) => Ok(vec![(API_KEY_HEADER.default.to_owned(), key.to_owned())]),
            None => user_password::sign(secrets),
        }
    }
}
