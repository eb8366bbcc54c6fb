//! The promises of the crate, one module each.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test ends at the first surprise")]

mod asterisk;
mod cloudevents;
mod fixtures;
mod fold_rules;
mod freeswitch;
mod generic_format;
mod phone_numbers;
mod plivo;
mod properties;
mod scenarios;
mod signalwire;
mod support;
mod tampering;
mod telnyx;
mod texml;
mod twilio_calls;
mod twilio_requests;
mod twilio_signatures;
mod vonage;
