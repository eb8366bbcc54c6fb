//! The HTTP edge, one file a concern. [`server::router`] puts it together.

pub mod auth;
pub mod headers;
pub mod health;
pub mod hooks;
pub mod metrics;
pub mod request_id;
pub mod server;
pub mod trace;
