//! The HTTP edge over a real database, with a queue that remembers.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "http/edge.rs"]
mod edge;
#[path = "http/hooks.rs"]
mod hooks;
#[path = "http/session.rs"]
mod session;
#[path = "http/settings.rs"]
mod settings;
#[path = "http/stopping.rs"]
mod stopping;
#[path = "http/world.rs"]
mod world;
