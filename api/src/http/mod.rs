//! The HTTP edge, one file a concern. [`server::router`] puts it together.

pub mod auth;
pub mod request_id;
