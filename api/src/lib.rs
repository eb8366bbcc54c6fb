//! The HTTP edge: provider webhooks, GraphQL, health, metrics and the dashboard.
//!
//! [`http::server::router`] is everything as one `axum::Router` over an [`AppState`]; [`http::server::serve`] runs it until
//! it is told to stop.

pub mod graphql;
pub mod http;
pub mod state;

pub use http::Network;
pub use state::{ApiConfig, AppState};

/// Was the dashboard built before this program was? Otherwise a page says how to.
pub const DASHBOARD_BUILT: bool = switchboard_web::BUILT;
