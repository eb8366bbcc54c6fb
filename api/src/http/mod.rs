//! The HTTP edge, one file a concern. [`server::router`] puts it together.

pub mod auth;
pub mod headers;
pub mod health;
pub mod hooks;
pub mod metrics;
mod proxies;
pub mod request_id;
pub mod server;
pub mod trace;
mod verdict;

pub use proxies::{Network, NotANetwork};
pub(crate) use verdict::OncePerSecond;
