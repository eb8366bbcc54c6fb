//! Callers, calls, notes and dispositions.

use sea_orm_migration::{prelude::*, schema::*};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            Table::create()
                .table("disposition")
                .col(uuid("id").primary_key())
                .col(string("key").unique_key())
                .col(string("label"))
                .col(integer("position"))
                .col(string("tone"))
                .col(boolean("needs_note"))
                .col(boolean("active"))
                .col(timestamp_with_time_zone("created_at"))
                .to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("caller")
                .col(uuid("id").primary_key())
                .col(string_null("name"))
                .col(string_null("company"))
                .col(string_null("email"))
                .col(boolean("provisional"))
                .col(uuid_null("owner_id"))
                .col(integer("call_count"))
                .col(timestamp_with_time_zone_null("last_call_at"))
                .col(timestamp_with_time_zone("sort_at"))
                .col(integer("version"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("updated_at"))
                .foreign_key(ForeignKey::create().from("caller", "owner_id").to("user_account", "id"))
                .to_owned(),
        )
        .await?;
        m.create_index(Index::create().name("ix_caller_sort").table("caller").col("sort_at").col("id").to_owned())
            .await?;
        m.create_index(Index::create().name("ix_caller_owner").table("caller").col("owner_id").to_owned()).await?;
        m.create_table(
            Table::create()
                .table("caller_number")
                .col(uuid("id").primary_key())
                .col(uuid("caller_id"))
                .col(string_len("kind", 16))
                .col(string("value").unique_key())
                .col(string("digits"))
                .col(string_null("label"))
                .col(timestamp_with_time_zone("created_at"))
                .foreign_key(ForeignKey::create().from("caller_number", "caller_id").to("caller", "id"))
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create().name("ix_caller_number_caller").table("caller_number").col("caller_id").to_owned(),
        )
        .await?;
        m.create_index(Index::create().name("ix_caller_number_digits").table("caller_number").col("digits").to_owned())
            .await?;
        m.create_table(
            Table::create()
                .table("interaction")
                .col(uuid("id").primary_key())
                .col(uuid("connection_id"))
                .col(uuid_null("caller_id"))
                .col(string("direction"))
                .col(string("state"))
                .col(string_null("outcome"))
                .col(json_binary("from_party"))
                .col(json_binary("to_party"))
                .col(string_len("match_level", 16))
                .col(uuid_null("agent_id"))
                .col(timestamp_with_time_zone_null("taken_at"))
                .col(timestamp_with_time_zone("started_at"))
                .col(timestamp_with_time_zone_null("answered_at"))
                .col(timestamp_with_time_zone_null("ended_at"))
                .col(integer_null("talk_seconds"))
                .col(integer_null("duration_seconds"))
                .col(json_binary("legs"))
                .col(json_binary("recordings"))
                .col(uuid_null("disposition_id"))
                .col(timestamp_with_time_zone_null("disposed_at"))
                .col(uuid_null("disposed_by"))
                .col(uuid_null("merged_into"))
                .col(integer("version"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("updated_at"))
                .foreign_key(ForeignKey::create().from("interaction", "connection_id").to("provider_connection", "id"))
                .foreign_key(ForeignKey::create().from("interaction", "caller_id").to("caller", "id"))
                .foreign_key(ForeignKey::create().from("interaction", "agent_id").to("user_account", "id"))
                .foreign_key(ForeignKey::create().from("interaction", "disposition_id").to("disposition", "id"))
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create().name("ix_interaction_started").table("interaction").col("started_at").col("id").to_owned(),
        )
        .await?;
        m.create_index(
            Index::create()
                .name("ix_interaction_caller")
                .table("interaction")
                .col("caller_id")
                .col("started_at")
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create()
                .name("ix_interaction_agent")
                .table("interaction")
                .col("agent_id")
                .col("started_at")
                .to_owned(),
        )
        .await?;
        // The live list reads open calls only; there are never many of them.
        m.get_connection()
            .execute_unprepared("CREATE INDEX ix_interaction_live ON interaction (started_at) WHERE state <> 'ended' AND merged_into IS NULL")
            .await?;
        m.get_connection()
            .execute_unprepared(
                "CREATE INDEX ix_interaction_undisposed ON interaction (agent_id, started_at) WHERE disposition_id IS NULL AND merged_into IS NULL",
            )
            .await?;
        m.create_table(
            Table::create()
                .table("call_key")
                .col(uuid("connection_id"))
                .col(string("key"))
                .col(uuid("interaction_id"))
                .primary_key(Index::create().col("connection_id").col("key"))
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create().name("ix_call_key_interaction").table("call_key").col("interaction_id").to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("note")
                .col(uuid("id").primary_key())
                .col(uuid_null("caller_id"))
                .col(uuid_null("interaction_id"))
                .col(uuid("author_id"))
                .col(text("body"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("updated_at"))
                .foreign_key(ForeignKey::create().from("note", "caller_id").to("caller", "id"))
                .foreign_key(ForeignKey::create().from("note", "interaction_id").to("interaction", "id"))
                .foreign_key(ForeignKey::create().from("note", "author_id").to("user_account", "id"))
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create().name("ix_note_caller").table("note").col("caller_id").col("created_at").to_owned(),
        )
        .await?;
        m.create_index(
            Index::create()
                .name("ix_note_interaction")
                .table("note")
                .col("interaction_id")
                .col("created_at")
                .to_owned(),
        )
        .await
    }
}
