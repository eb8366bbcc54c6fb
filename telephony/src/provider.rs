//! What every provider adapter can do.

use chrono::{DateTime, Utc};

use crate::{CallEvent, HookRequest, Method, Rejection, SecretError, SecretField, Secrets};

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

    /// Checks the signature over the raw bytes and the public URL, in constant time.
    fn verify(&self, request: &HookRequest<'_>, secrets: &Secrets, now: DateTime<Utc>) -> Result<(), Rejection>;

    /// Reads the events of a request that was verified earlier. Kinds that are not known give
    /// [`crate::EventKind::Ignored`], never an error.
    fn parse(
        &self,
        request: &HookRequest<'_>,
        purpose: Option<&str>,
        received_at: DateTime<Utc>,
        context: &ParseContext,
    ) -> Result<Vec<CallEvent>, ParseError>;

    /// What the provider expects as the answer to an accepted request.
    fn answer(&self, purpose: Option<&str>) -> Answer;

    /// Appended to the URL that is shown for registration at the provider (it steers the provider's retries and is not
    /// sent to us); starts with `#` or is empty.
    fn url_fragment(&self) -> &'static str;

    /// What whoever registers the URLs must know, as a sentence or two; `None` when they speak for themselves.
    fn advice(&self) -> Option<&'static str> {
        None
    }

    /// Signs a request as the provider would: the headers to add. For the simulator and for tests.
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

/// The answer to an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, when there is a body.
    pub content_type: Option<&'static str>,
    /// The body; may be empty.
    pub body: &'static str,
}

impl Answer {
    /// 204 without a body.
    pub const NO_CONTENT: Self = Self { status: 204, content_type: None, body: "" };
}

/// What parsing needs to know about the receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParseContext {
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
