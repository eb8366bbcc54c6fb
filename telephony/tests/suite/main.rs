//! The promises of the crate, one module each.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test ends at the first surprise")]

mod amazon_connect;
mod bandwidth;
mod equal_legs;
mod fixtures;
mod fold_rules;
mod generic_format;
mod odd_json;
mod phone_numbers;
mod properties;
mod ringcentral;
mod scenarios;
mod support;
mod tampering;
mod three_cx;
mod twilio_requests;
mod twilio_signatures;
