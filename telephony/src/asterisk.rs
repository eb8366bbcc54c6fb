//! Asterisk: events of its REST interface (ARI) and call detail records of its manager interface (AMI), posted by a bridge,
//! because Asterisk itself calls no webhooks.
//!
//! The bridge posts each event as it came (ARI: the JSON; AMI: its lines), signed after Standard Webhooks at the moment of
//! sending, so that a retry hours later is signed anew and within the clock skew. `webhook-id` is
//! `<uniqueid>:<event>:<timestamp>`, the same on each attempt.

mod ami;
mod ari;
mod dial;

use chrono::{DateTime, Utc};

use crate::secrets::check_names;
use crate::standard_webhooks::{self, ID_NAMES, Key, SHARED_FORM};
use crate::{
    Answer, CallEvent, HookRequest, Method, OptionField, ParseContext, ParseError, Provider, Rejection, SecretError,
    SecretField, Secrets, VerifyContext,
};

/// The adapter.
pub(crate) struct Asterisk;

const SECRET: &str = "secret";
const SECRET_PREVIOUS: &str = "secret_previous";

const FIELDS: &[SecretField] = &[
    SecretField {
        name: SECRET,
        required: true,
        description: "the secret that the bridge signs with: whsec_ and 24 to 64 random bytes in base64",
        previous: Some(SECRET_PREVIOUS),
    },
    SecretField {
        name: SECRET_PREVIOUS,
        required: false,
        description: "the secret that is being replaced, until every bridge has the new one",
        previous: None,
    },
];

/// Who is meant when a channel that came from outside goes up.
const ANSWERED_BY: OptionField = OptionField {
    name: "answered_by",
    description: "what answers a call from outside: channel (its own channel goes up when a person answers), or dialled \
                  (your dialplan or application answers first, with a menu or music: only channels that are dialled for \
                  it count as people)",
    default: "channel",
    values: &["channel", "dialled"],
};

fn keys(secrets: &Secrets) -> Result<Vec<Key>, SecretError> {
    let keys = [SECRET, SECRET_PREVIOUS].map(|name| Key::optional(secrets, name, SHARED_FORM, Key::shared));
    keys.into_iter().filter_map(Result::transpose).collect()
}

impl Provider for Asterisk {
    fn key(&self) -> &'static str {
        "asterisk"
    }

    fn title(&self) -> &'static str {
        "Asterisk"
    }

    fn purposes(&self) -> &'static [&'static str] {
        &[]
    }

    fn secret_fields(&self) -> &'static [SecretField] {
        FIELDS
    }

    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError> {
        check_names(secrets, FIELDS)?;
        keys(secrets).map(|_| ())
    }

    fn stored_headers(&self) -> &'static [&'static str] {
        &ID_NAMES
    }

    fn options(&self) -> &'static [OptionField] {
        &[ANSWERED_BY]
    }

    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection> {
        let keys = keys(context.secrets).map_err(|_| Rejection::UnknownKey)?;
        standard_webhooks::verify(request, &keys, context)
    }

    /// ARI events are JSON objects, AMI events are lines.
    fn parse(
        &self,
        request: &HookRequest<'_>,
        _purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError> {
        let id = standard_webhooks::message_id(request).ok_or(ParseError::Missing { field: "webhook-id" })?;
        let message = Message {
            key: id,
            received_at,
            region: context.default_region.as_deref(),
            platform_answers: context.options.get(&ANSWERED_BY) == "dialled",
        };
        if request.body.trim_ascii_start().starts_with(b"{") {
            ari::parse(request.body, &message)
        } else {
            ami::parse(request.body, &message).map(|event| vec![event])
        }
    }

    fn answer(&self, _request: &HookRequest<'_>, _purpose: Option<&str>) -> Answer {
        Answer::NO_CONTENT
    }

    fn url_fragment(&self) -> &'static str {
        ""
    }

    fn advice(&self) -> Option<&'static str> {
        Some(
            "Asterisk calls no webhooks: `switchboard bridge asterisk` listens to its events and posts them to this URL. \
             If your dialplan answers calls before people do (menus, queues), set the option `answered_by` to `dialled`.",
        )
    }

    fn setup(&self) -> &'static [&'static str] {
        &[
            "In `http.conf` set `enabled=yes`; in `ari.conf` add a user with `read_only=yes` and, in `[general]`, \
             `channelvars=CHANNEL(linkedid)`, so that the channels of one call are known as one.",
            "Run `switchboard bridge asterisk` near Asterisk with that user, the URL and the secret of this connection.",
        ]
    }

    fn sign(
        &self,
        _method: Method,
        _url: &str,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &Secrets,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError> {
        match keys(secrets)?.into_iter().next() {
            Some(Key::Shared(key)) => {
                let sign = |id: &str| standard_webhooks::sign_shared(&key, id, now, body);
                Ok(standard_webhooks::signed_headers(headers, body, now, sign))
            }
            _ => Err(SecretError::Missing { name: SECRET, hint: SHARED_FORM }),
        }
    }
}

/// What is known of a request beside its body.
struct Message<'a> {
    /// The key of the message, for events that have no identity of their own.
    key: &'a str,
    received_at: DateTime<Utc>,
    region: Option<&'a str>,
    platform_answers: bool,
}
