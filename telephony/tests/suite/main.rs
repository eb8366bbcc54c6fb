//! The promises of the crate, one module each.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test ends at the first surprise")]

mod amazon_connect;
mod asterisk;
mod bandwidth;
mod cloudevents;
mod equal_legs;
mod fixtures;
mod fold_rules;
mod freeswitch;
mod generic_format;
mod odd_json;
mod phone_numbers;
mod plivo;
mod properties;
mod ringcentral;
mod scenarios;
mod signalwire;
mod support;
mod tampering;
mod telnyx;
mod texml;
mod three_cx;
mod twilio_calls;
mod twilio_requests;
mod twilio_signatures;
mod vonage;
