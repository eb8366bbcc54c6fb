//! What can be set for a provider connection beside its secrets, and what its monitor mode saw.

use sea_orm_migration::{prelude::*, schema::*};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // One statement each: SQLite adds one column at a time.
        for column in [
            json_binary("settings").default("{}").take(),
            integer("version").default(1).take(),
            big_integer("unverified_count").default(0).take(),
            string_null("unverified_reason"),
            timestamp_with_time_zone_null("unverified_at"),
        ] {
            m.alter_table(Table::alter().table("provider_connection").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
