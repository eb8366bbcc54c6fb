//! Provider connections, what they delivered, what could not be applied, and the inbox.

use sea_orm_migration::{prelude::*, schema::*};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            Table::create()
                .table("provider_connection")
                .col(uuid("id").primary_key())
                .col(string("provider"))
                .col(string("slug"))
                .col(string("name"))
                .col(binary("secrets"))
                .col(string_null("default_region"))
                .col(timestamp_with_time_zone_null("last_delivery_at"))
                .col(timestamp_with_time_zone_null("removed_at"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("updated_at"))
                .to_owned(),
        )
        .await?;
        // Partial: a removed connection gives its URL free.
        m.get_connection()
            .execute_unprepared("CREATE UNIQUE INDEX ux_provider_connection_url ON provider_connection (provider, slug) WHERE removed_at IS NULL")
            .await?;
        m.create_table(
            Table::create()
                .table("delivery")
                .col(uuid("id").primary_key())
                .col(uuid("connection_id"))
                .col(string("event_key"))
                .col(uuid("intake_id"))
                .col(uuid_null("interaction_id"))
                .col(string("kind"))
                .col(json_binary("event"))
                .col(json_binary("request"))
                .col(binary("body"))
                .col(integer("duplicates"))
                .col(timestamp_with_time_zone("received_at"))
                .col(timestamp_with_time_zone("applied_at"))
                .foreign_key(ForeignKey::create().from("delivery", "connection_id").to("provider_connection", "id"))
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create()
                .name("ux_delivery_event")
                .table("delivery")
                .col("connection_id")
                .col("event_key")
                .unique()
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create().name("ix_delivery_interaction").table("delivery").col("interaction_id").to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("dead_letter")
                .col(uuid("id").primary_key())
                .col(uuid("intake_id").unique_key())
                .col(uuid_null("connection_id"))
                .col(string("provider"))
                .col(string("reason"))
                .col(string("detail"))
                .col(json_binary("request"))
                .col(binary("body"))
                .col(integer("attempts"))
                .col(string_len("status", 16))
                .col(timestamp_with_time_zone("received_at"))
                .col(timestamp_with_time_zone("failed_at"))
                .to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("inbox")
                .col(uuid("id").primary_key())
                .col(text("meta"))
                .col(binary("body"))
                .col(timestamp_with_time_zone("available_at"))
                .col(timestamp_with_time_zone_null("lease_until"))
                .col(string_null("lease_owner"))
                .col(integer("attempts"))
                .col(timestamp_with_time_zone("created_at"))
                .to_owned(),
        )
        .await?;
        m.create_index(Index::create().name("ix_inbox_due").table("inbox").col("available_at").col("id").to_owned())
            .await
    }
}
