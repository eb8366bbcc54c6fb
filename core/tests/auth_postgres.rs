//! The tests of `auth.rs` once more, on the `PostgreSQL` server of `make test` (`SWITCHBOARD_TEST_POSTGRES_URL`). Without
//! one they run on `SQLite` again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "auth/connections.rs"]
mod connections;
#[path = "auth/refresh.rs"]
mod refresh;
#[path = "auth/roles.rs"]
mod roles;
#[path = "auth/settings.rs"]
mod settings;
#[path = "auth/sign_in.rs"]
mod sign_in;
#[path = "auth/users.rs"]
mod users;
#[path = "auth/world.rs"]
mod world;

/// Where the databases of this binary are made.
fn server() -> Option<String> {
    std::env::var("SWITCHBOARD_TEST_POSTGRES_URL").ok()
}
