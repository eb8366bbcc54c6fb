//! What telephony providers say: signatures, event keys, parsing, and the fold from events to a call.
//!
//! Pure: no input or output, no clock, no randomness. The time is always an argument, so that a delivery gives the
//! same events whenever it is replayed.
//!
//! The way of one request:
//! 1. [`provider()`] finds the adapter, [`Provider::verify`] checks the request over its raw bytes and its public URL;
//! 2. the request is queued as it came (of its headers only [`Provider::stored_headers`]) and answered with
//!    [`Provider::answer`];
//! 3. later [`Provider::parse`] turns it into [`CallEvent`]s, which [`CallEvent::correlation_keys`] ties to a call;
//! 4. [`fold()`] turns all events of a call, in any order and with duplicates, into its [`CallState`].
//!
//! A new provider is one new file, its fixtures and one line in `registry.rs`.

mod amazon_connect;
mod answer;
mod asterisk;
mod bandwidth;
mod cloudevents;
mod credentials;
mod cxml;
mod event;
mod fold;
mod form;
mod freeswitch;
mod generic;
mod json;
mod keys;
mod kinds;
mod options;
mod party;
pub mod phone;
mod phone_system;
mod plivo;
mod provider;
mod recording;
mod registry;
mod rejection;
mod request;
mod ringcentral;
mod secrets;
mod signalwire;
mod signature;
mod standard_webhooks;
mod telnyx;
mod three_cx;
mod times;
mod twilio;
mod user_password;
mod vonage;
mod words;
mod xml;

pub use answer::{Answer, CallControl, DocumentError, MAX_DOCUMENT, Syntax};
pub use event::CallEvent;
pub use fold::{CallState, Leg, fold};
pub use kinds::{Attestation, Direction, EventKind, LegState, Outcome, PartyKind, RecordingStatus};
pub use options::{OptionError, OptionField, Options};
pub use party::{Address, Dialect, Party};
pub use phone::PhoneNumber;
pub use provider::{ParseContext, ParseError, Provider, VerifyContext};
pub use recording::{Recording, RecordingFact};
pub use registry::{provider, providers};
pub use rejection::Rejection;
pub use request::{HookRequest, Method};
pub use secrets::{SecretError, SecretField, Secrets};
pub use words::UnknownWord;
