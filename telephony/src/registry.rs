//! The providers that exist: one line each.

use crate::Provider;
use crate::amazon_connect::AmazonConnect;
use crate::asterisk::Asterisk;
use crate::bandwidth::Bandwidth;
use crate::cloudevents::CloudEvents;
use crate::freeswitch::FreeSwitch;
use crate::generic::Generic;
use crate::plivo::Plivo;
use crate::ringcentral::RingCentral;
use crate::signalwire::SignalWire;
use crate::telnyx::Telnyx;
use crate::three_cx::ThreeCx;
use crate::twilio::Twilio;
use crate::vonage::Vonage;

/// Every provider, in the order in which they are shown.
#[rustfmt::skip]
static PROVIDERS: &[&dyn Provider] = &[
    &Twilio,
    &SignalWire,
    &Telnyx,
    &Vonage,
    &Plivo,
    &Bandwidth,
    &RingCentral,
    &AmazonConnect,
    &FreeSwitch,
    &Asterisk,
    &ThreeCx,
    &CloudEvents,
    &Generic,
];

/// Every provider, in the order in which they are shown.
pub fn providers() -> &'static [&'static dyn Provider] {
    PROVIDERS
}

/// The provider with this key.
pub fn provider(key: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().find(|provider| provider.key() == key).copied()
}
