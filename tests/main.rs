//! The integration tests, one binary: a module for each promise, `support` for what they stand on.
//! The ones that need servers are run by `make test`, which starts them.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod architecture;
mod bridge;
mod ingestion;
mod journey;
mod simulation;
mod support;
mod worker_contract;
