//! The schema's history. A migration is frozen in time: it never imports the entities, and is never edited once released.
//!
//! Expand, then contract: a migration adds; what it replaces goes away in a later release, so that the old program keeps
//! running on the new schema while it is being replaced.
//!
//! Migrate by a connection of its own, and close it before others are opened. An `SQLite` connection that read the schema
//! before a column was added takes the column's quoted name for a text when it next prepares a statement. `SQLite` notices
//! and prepares it again, but the driver keeps the names that it saw first, and misses the column from then on.

#![cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "the builders of the migration library are made to be used so")
)]

use sea_orm_migration::async_trait;
pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod m20261122_000001_people;
mod m20261122_000002_telephony;
mod m20261122_000003_calls;
mod m20261122_000004_audit;
mod m20261122_000005_connection_settings;

/// Runs the migrations in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_people::Migration),
            Box::new(m20261122_000002_telephony::Migration),
            Box::new(m20261122_000003_calls::Migration),
            Box::new(m20261122_000004_audit::Migration),
            Box::new(m20261122_000005_connection_settings::Migration),
        ]
    }
}
