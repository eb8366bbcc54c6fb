//! What every provider adapter can do.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Answer, CallControl, CallEvent, HookRequest, Method, OptionField, Options, Rejection, SecretError, SecretField,
    Secrets,
};

/// A telephony provider. Implementations are pure: no input or output, no clock, no state.
pub trait Provider: Send + Sync {
    /// The word in the URL and in the database, e.g. `twilio`.
    fn key(&self) -> &'static str;

    /// The name that people read.
    fn title(&self) -> &'static str;

    /// The purposes that may follow the key in the URL (`/hooks/twilio/status`). A request without a purpose is always
    /// accepted; any purpose that is not here is an unknown address (404).
    fn purposes(&self) -> &'static [&'static str];

    /// The secrets that a connection has.
    fn secret_fields(&self) -> &'static [SecretField];

    /// Whether requests could be verified with these secrets: unknown names, missing ones, wrong forms.
    fn check_secrets(&self, secrets: &Secrets) -> Result<(), SecretError>;

    /// Lower-case names of the headers that [`Provider::parse`] needs. All others are dropped at intake.
    fn stored_headers(&self) -> &'static [&'static str];

    /// What can be set for a connection beside its secrets.
    fn options(&self) -> &'static [OptionField] {
        &[]
    }

    /// Answers a request that only asks whether we are there (an `OPTIONS` request, a token to be echoed): it is answered
    /// at once and nothing is stored. `None`: an ordinary request. Never answers a request with a payload.
    fn handshake(&self, _request: &HookRequest<'_>, _context: &VerifyContext<'_>) -> Option<Answer> {
        None
    }

    /// Checks the signature over the raw bytes and the public URL, in constant time. Every secret that is valid at the
    /// moment (the present and the previous one) is accepted.
    fn verify(&self, request: &HookRequest<'_>, context: &VerifyContext<'_>) -> Result<(), Rejection>;

    /// Reads the events of a request that was verified earlier. Kinds that are not known give
    /// [`crate::EventKind::Ignored`], never an error.
    fn parse(
        &self,
        request: &HookRequest<'_>,
        purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError>;

    /// What the provider expects as the answer to an accepted request. Where the answer steers the call: the harmless
    /// default, for a connection that configures none.
    fn answer(&self, request: &HookRequest<'_>, purpose: Option<&str>) -> Answer;

    /// How the provider asks what to do with a call; `None`: it never does.
    fn call_control(&self) -> Option<CallControl> {
        None
    }

    /// The purpose (one of [`CallControl::purposes`]) whose configured document answers this request; `None` when the
    /// answer steers nothing. A request without a purpose counts as the first one.
    fn steers(&self, _request: &HookRequest<'_>, purpose: Option<&str>) -> Option<&'static str> {
        let purposes = self.call_control()?.purposes;
        match purpose {
            None => purposes.first().copied(),
            Some(purpose) => purposes.iter().find(|known| **known == purpose).copied(),
        }
    }

    /// Appended to the URL that is shown for registration at the provider (it steers the provider's retries and is not
    /// sent to us); starts with `#` or is empty.
    fn url_fragment(&self) -> &'static str;

    /// What whoever registers the URLs must know, as a sentence or two; `None` when they speak for themselves.
    fn advice(&self) -> Option<&'static str> {
        None
    }

    /// What to do at the provider so that calls arrive: where to paste which URL, as short Markdown steps.
    fn setup(&self) -> &'static [&'static str];

    /// Signs a request as the provider would: the headers to add. For the simulator and for tests; with the present
    /// secret, else with the previous one.
    fn sign(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        secrets: &Secrets,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, SecretError>;
}

/// What a request is checked against.
#[derive(Debug, Clone, Copy)]
pub struct VerifyContext<'a> {
    /// The secrets of the connection.
    pub secrets: &'a Secrets,
    /// Its options.
    pub options: &'a Options,
    /// The present.
    pub now: DateTime<Utc>,
    /// How far the time of a signature may be from the present, either way.
    pub clock_skew: TimeDelta,
}

impl<'a> VerifyContext<'a> {
    /// The clock skew of a connection that sets none: what the specifications and SDKs of Standard Webhooks and Telnyx
    /// allow.
    pub const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(300);

    /// A context with default options and clock skew.
    pub fn new(secrets: &'a Secrets, options: &'a Options, now: DateTime<Utc>) -> Self {
        Self { secrets, options, now, clock_skew: Self::CLOCK_SKEW }
    }

    /// Whether a time is further from the present than allowed.
    pub fn is_stale(&self, time: DateTime<Utc>) -> bool {
        (self.now - time).abs() > self.clock_skew
    }
}

/// What parsing needs to know about the receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParseContext {
    /// Options of the connection.
    pub options: Options,
    /// ISO 3166 code of the country whose national number format is understood (`DE`); `None`: only international
    /// numbers are understood.
    pub default_region: Option<String>,
}

/// Why a verified request could not be read. The text becomes the reason of the dead letter: it names fields, never
/// their values, because those are personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The body is not in the format of the provider.
    #[error("the body is not {expected}")]
    Body {
        /// The format that was expected.
        expected: &'static str,
    },
    /// A field is missing or empty.
    #[error("the field {field} is missing")]
    Missing {
        /// Name of the field.
        field: &'static str,
    },
    /// A field cannot be read.
    #[error("the field {field} is not {expected}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}
