//! The GraphQL edge: what `schema.graphql` promises, over HTTP and WebSockets.
//!
//! To read: [`mod@schema`] (how it is put together), [`transport`] and [`socket`] (how requests come in), [`viewer`] (who
//! looks, and through which loaders), [`error`] (what a client is told), [`desk`] (the live subscription).
//!
//! Every object holds its [`viewer::Viewer`], so that an event of a subscription is resolved with the rights of that
//! moment and never with those of the moment at which the subscription began.

mod batch;
mod connections;
pub mod desk;
mod edge;
pub mod error;
pub mod guard;
pub mod limits;
mod loaders;
mod mutation;
mod outcome;
mod page;
mod practice;
mod query;
mod schema;
mod socket;
mod subscription;
mod transport;
pub mod types;
mod viewer;

pub use batch::Hub;
pub use edge::{Channel, Edge};
pub use schema::{AppSchema, schema, sdl};
pub use transport::routes;
pub use viewer::Viewer;
