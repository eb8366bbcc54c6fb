//! `FreeSWITCH` `mod_json_cdr`: one report for each leg, when it is over, with HTTP Basic credentials.

mod body;
mod cause;
mod cdr;
mod legs;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::{
    Answer, CallEvent, HookRequest, Method, OptionField, ParseContext, ParseError, Provider, Rejection, SecretError,
    SecretField, Secrets, VerifyContext, credentials,
};

/// The adapter.
pub(crate) struct FreeSwitch;

const USERNAME: &str = "username";
const USERNAME_PREVIOUS: &str = "username_previous";
const PASSWORD: &str = "password";
const PASSWORD_PREVIOUS: &str = "password_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: USERNAME,
        required: true,
        description: "the user name of `cred` in json_cdr.conf.xml, without colon; choose any",
        previous: Some(USERNAME_PREVIOUS),
    },
    SecretField {
        name: USERNAME_PREVIOUS,
        required: false,
        description: "the user name that is being replaced, until every server has the new one",
        previous: None,
    },
    SecretField {
        name: PASSWORD,
        required: true,
        description: "the password of `cred` in json_cdr.conf.xml; choose a long random one",
        previous: Some(PASSWORD_PREVIOUS),
    },
    SecretField {
        name: PASSWORD_PREVIOUS,
        required: false,
        description: "the password that is being replaced, until every server has the new one",
        previous: None,
    },
];

/// Whether the values of `variables` are percent-encoded inside the JSON.
const ENCODE_VALUES: OptionField = OptionField {
    name: "encode_values",
    description: "how `encode-values` is set in json_cdr.conf.xml: on (values of variables are percent-encoded), off, or \
                  auto (told by each report: encoded values hold no spaces and quotes)",
    default: "auto",
    values: &["auto", "on", "off"],
};

/// Every pair that is valid at the moment. User name and password are replaced one after the other, so each may be the
/// old or the new one.
fn pairs(secrets: &Secrets) -> Vec<(&str, &str)> {
    let users = [USERNAME, USERNAME_PREVIOUS].into_iter().filter_map(|name| secrets.get(name));
    let passwords = || [PASSWORD, PASSWORD_PREVIOUS].into_iter().filter_map(|name| secrets.get(name));
    users.flat_map(|user| passwords().map(move |password| (user, password))).collect()
}

impl Provider for FreeSwitch {
    fn key(&self) -> &'static str {
        "freeswitch"
    }

    fn title(&self) -> &'static str {
        "FreeSWITCH"
    }

    fn purposes(&self) -> &'static [&'static str] {
        &[]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)?;
        // Basic credentials end the user name at the first colon (RFC 7617).
        match [USERNAME, USERNAME_PREVIOUS].iter().find(|name| secrets.get(name).is_some_and(|user| user.contains(':')))
        {
            Some(name) => Err(SecretError::Malformed { name, hint: "a user name without colon" }),
            None => Ok(()),
        }
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &["content-type"]
    }

    fn options(&self) -> &'static [OptionField] {
        &[ENCODE_VALUES]
    }

    /// The credentials only: a report has no time of sending, and files that could not be delivered are sent again by hand
    /// days later.
    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        credentials::basic(request, pairs(context.secrets))
    }

    fn parse(
        &self,
        request: &HookRequest<'_>,
        _purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        let report = body::read(request, context.options.get(&ENCODE_VALUES))?;
        cdr::parse(&report, received_at, context)
    }

    fn answer(&self, _request: &HookRequest<'_>, _purpose: Option<&str>) -> Answer {
        Answer::OK
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "FreeSWITCH reports a call when it is over: it appears here then, not while it rings. Reports that could not \
             be delivered are kept in `err-log-dir` and can be posted later; each counts once.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "Load `mod_json_cdr` (`autoload_configs/modules.conf.xml`).",
            "In `autoload_configs/json_cdr.conf.xml`, set `url` to the URL, `cred` to `username:password` of this \
             connection, and `auth-scheme` to `basic`.",
            "There too, set `log-b-leg` to `true` (who answered is told by the second leg), `retries` to at least 3, \
             `enable-cacert-check` and `enable-ssl-verifyhost` to `true`, then `reload mod_json_cdr`.",
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
        let missing =
            |name| SecretError::Missing { name, hint: "user name and password of `cred` in json_cdr.conf.xml" };
        let user = secrets.get(USERNAME).or_else(|| secrets.get(USERNAME_PREVIOUS)).ok_or(missing(USERNAME))?;
        let password = secrets.get(PASSWORD).or_else(|| secrets.get(PASSWORD_PREVIOUS)).ok_or(missing(PASSWORD))?;
        Ok(vec![("authorization".to_owned(), credentials::basic_value(user, password))])
    }
}
