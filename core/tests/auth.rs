//! Who may sign in, stay signed in and do what; and the connections to phone providers.

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

/// No server: a file for each test.
fn server() -> Option<String> {
    None
}
