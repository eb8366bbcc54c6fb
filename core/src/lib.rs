//! What the CRM does: rules, one file a noun, over one transactional unit of work.
//!
//! Nothing here knows axum, async-graphql, apalis or Redis. Storage is `SeaORM`, over `SQLite` or `PostgreSQL`; the few
//! real differences sit in [`db`]. The three things that have two implementations are traits: [`ports::Queue`],
//! [`ports::EventBus`] and [`clock::Clock`]. [`ports::PracticeLine`] is one because it speaks HTTP.
//!
//! To read: [`app`] (what everything starts from), [`mod@unit`] (the only way to write), [`access`] (who may do what),
//! [`ingest`] (a delivery becomes a caller and a call).

pub mod access;
pub mod app;
pub mod audit;
pub mod callers;
pub mod clock;
pub mod connections;
pub mod db;
pub mod dead_letters;
pub mod dispositions;
pub mod entropy;
pub mod envelope;
pub mod error;
pub mod events;
mod idempotency;
pub mod ingest;
pub mod interactions;
pub mod keyring;
pub mod notes;
pub mod page;
pub mod passwords;
pub mod ports;
pub mod practice;
pub mod roles;
pub mod sessions;
pub mod unit;
pub mod users;

pub use app::App;
pub use error::{Error, FieldError, Result};
