//! Every fuzz target: which one is told by the name of the binary, `parse_<provider>` or `verify_<provider>`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| switchboard_telephony_fuzz::run(env!("CARGO_BIN_NAME"), data));
