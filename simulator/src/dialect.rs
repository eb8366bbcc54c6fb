//! The formats of the providers, from the side of the provider.
//!
//! # Writing a dialect
//!
//! One file `dialect/<name>.rs` with a unit struct that implements [`Dialect`], `mod <name>;` below, and one line in
//! [`DIALECTS`]. `twilio.rs` (many legs, forms, callbacks of several kinds) and `generic.rs` (JSON, one connection) are the
//! models. A provider with several formats (`TeXML` beside Call Control, the three encodings of `FreeSWITCH`, the three
//! modes of `CloudEvents`, the JSON of `SignalWire`) has several dialects with the same [`Dialect::provider`], in one file; each call
//! is told in one of them.
//!
//! **The source is the provider's documentation and its captures, never our adapter.** Field names, spellings of values,
//! order, times and their precision, empty fields: as the real provider sends them, or the simulator proves nothing. Write
//! also what the adapter does not read.
//!
//! [`Dialect::wires`] goes through [`Call::scenes`], which yields each [`Beat`](crate::Beat) with its [`Leg`](crate::Leg) in
//! the order of time, and pushes zero or more [`Wire`]s for each:
//!
//! ```text
//! fn wires(&self, call: &Call) -> Vec<Wire> {
//!     let mut wires = Vec::new();
//!     for (beat, leg) in call.scenes() {
//!         match beat.kind {
//!             BeatKind::Arrived => wires.push(Wire::json(beat.at, &json!({ … })).to("event")),
//!             …
//!         }
//!     }
//!     wires
//! }
//! ```
//!
//! * **The call** ([`Call`]): `direction()`, `from()`, `to()`, `caller_name()`, `root()`, `agent_legs()`, `recording()`,
//!   `plan()` (queue, agents, who hangs up). Inbound: the root leg is the caller's, each agent who is tried has a leg.
//!   Outbound: the root leg alone, answered by the person outside; `root().agent` is who calls. Internal: the root is the
//!   calling extension's leg, `agent_legs()[0]` the called one's. A call may have any number of agents' legs.
//! * **The beats** of an answered inbound call: `Arrived` (root), `Dialled`, `Rings`, `Answered` (agent's leg), `LegEnded`
//!   (the same leg), `Ended` (root), and perhaps `RecordingReady` (root). See [`BeatKind`](crate::BeatKind) for each, and
//!   `timeline.rs` for the order of each story.
//! * **Ids** come from the call's seed and nothing else: `call.uuid("leg", leg.number)`, `call.hex("leg", leg.number, 32)`,
//!   `call.token(…)`. Equal labels and numbers give equal ids. Every id that must be unique among all calls has at least 64
//!   random bits.
//! * **Times** are `beat.at`, which is also `Wire::at` unless the provider sends later than it happens. All times of one call
//!   have the same fraction of a second, so that lengths are whole seconds whichever way a format cuts. A provider that gives no
//!   times in its format gives none here.
//! * **Numbers**: [`Endpoint`](crate::Endpoint) is E.164 with `+`, `user@host` without `sip:`, extension digits or hidden;
//!   the dialect writes each as the provider does (`15551234567`, `anonymous`, `+266696687`).
//! * **No I/O, no clock, no other randomness**, no `unwrap`. The same call must give the same bytes.
//!
//! [`Dialect::tells`] says what can be known from the requests **by the documentation**; [`Expected`] then demands exactly
//! that much. Be honest rather than lenient: whatever the format says must be demanded. A story that a format would tell
//! wrongly is left out of [`Tells::stories`]. What does not fit the fields of [`Tells`] goes into [`Dialect::narrow`], which
//! may only take demands back (`expected.to = None`) or say how the format sees it (the callee of a blind transfer), with
//! the reason in a comment.
//!
//! [`Dialect::keys`] are the ids of the call as stored: `leg:<id>` and `session:<id>`, as
//! [`switchboard_telephony::CallEvent::correlation_keys`] builds them, for every leg that the requests name. They are how a
//! played call is found again, and what the adapter must have understood.
//!
//! `simulator/tests/` then proves for every dialect in the registry, without any further line: the same seed gives the same
//! bytes; every request, signed with [`Dialect::credentials`], is verified by the adapter and not when a byte is changed;
//! its purpose exists; it parses into at least one event; no request is a stranger ([`switchboard_telephony::EventKind::Ignored`])
//! unless [`Dialect::may_be_ignored`] says so; the fold of all of a call's events, in any order and with any repetition, is
//! what [`Expected`] says. Run `cargo test -p switchboard-simulator`.

mod amazon_connect;
mod asterisk;
mod bandwidth;
mod cloudevents;
mod freeswitch;
mod generic;
mod plivo;
mod ringcentral;
mod signalwire;
mod telnyx;
mod three_cx;
mod twilio;
mod vonage;

use chrono::TimeDelta;
use switchboard_telephony::Secrets;

use crate::{Call, Expected, Tells, Wire};

/// Every dialect: one line each. The order has no meaning but that a provider's first dialect makes its credentials.
#[rustfmt::skip]
static DIALECTS: &[&dyn Dialect] = &[
    &twilio::Twilio,
    &signalwire::Cxml,
    &signalwire::Swml,
    &telnyx::CallControl,
    &telnyx::Texml,
    &vonage::Vonage,
    &plivo::Plivo,
    &bandwidth::Bandwidth,
    &ringcentral::RingCentral,
    &amazon_connect::AmazonConnect,
    &amazon_connect::WithAttributes,
    &three_cx::ThreeCx,
    &freeswitch::FreeSwitch::Json,
    &freeswitch::FreeSwitch::Form,
    &freeswitch::FreeSwitch::Base64,
    &asterisk::Asterisk,
    &asterisk::Cdr,
    &cloudevents::CloudEvents::Structured,
    &cloudevents::CloudEvents::Binary,
    &cloudevents::CloudEvents::Batch,
    &cloudevents::CloudEvents::EventStreams,
    &generic::Generic,
];

/// Every dialect.
pub fn dialects() -> &'static [&'static dyn Dialect] {
    DIALECTS
}

/// The dialects of a provider, by its key.
pub fn dialects_of(provider: &str) -> impl Iterator<Item = &'static dyn Dialect> {
    DIALECTS.iter().copied().filter(move |dialect| dialect.provider() == provider)
}

/// A format in which a provider tells of calls. Implementations are pure.
pub trait Dialect: Send + Sync {
    /// Key of the provider, as in the URL: `twilio`.
    fn provider(&self) -> &'static str;

    /// What tells it from the provider's other dialects (`texml`); empty for the only or the main one.
    fn variant(&self) -> &'static str {
        ""
    }

    /// What the format can say.
    fn tells(&self) -> Tells;

    /// Everything that the provider sends about a call whose story is one of [`Tells::stories`], in the order of time.
    fn wires(&self, call: &Call) -> Vec<Wire>;

    /// The ids of the call as they are stored: `leg:<id>`, `session:<id>`.
    fn keys(&self, call: &Call) -> Vec<String>;

    /// The provider's id of [`Call::recording`]. `None` only when [`Tells::recordings`] is false.
    fn recording_id(&self, call: &Call) -> Option<String>;

    /// Takes back what the format cannot say about this very call.
    fn narrow(&self, _call: &Call, _expected: &mut Expected) {}

    /// The request as it is sent again after `attempts` tries, for providers that count them in the body.
    fn again(&self, wire: &Wire, _attempts: u32) -> Wire {
        wire.clone()
    }

    /// How the provider tries again.
    fn retries(&self) -> Retries;

    /// Whether a request may be of a kind that means nothing to us; real providers send such too.
    fn may_be_ignored(&self, _wire: &Wire) -> bool {
        false
    }

    /// Fresh secrets as the provider or its customer would make them; `entropy` fills bytes with secure randomness (in tests
    /// with anything).
    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials;
}

/// Secrets of a connection, and what only the provider has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// What the connection holds.
    pub connection: Secrets,
    /// What is needed for signing beside it: the private half of a key. Empty for shared secrets.
    pub private: Secrets,
}

/// How a provider tries again when a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Tries altogether, the first one counted.
    pub attempts: u32,
    /// Time before the first repetition; it doubles with each.
    pub pause: TimeDelta,
    /// Whether answers of 5xx and 429 are tried again; otherwise only when nothing answers.
    pub on_server_errors: bool,
}
