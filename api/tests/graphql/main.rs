//! What the GraphQL API promises, over the real router, the real rules and a real database file.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected must stop them"
)]

mod connections;
mod http;
mod lists;
mod live;
mod roles;
mod schema;
mod session;
mod socket;
mod world;
mod writes;
