//! Roles, users, sessions and their tokens.

use sea_orm_migration::{prelude::*, schema::*};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            Table::create()
                .table("role")
                .col(uuid("id").primary_key())
                .col(string("key").unique_key())
                .col(string("name"))
                .col(string("description"))
                .col(boolean("built_in"))
                .col(timestamp_with_time_zone("created_at"))
                .to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("role_permission")
                .col(uuid("role_id"))
                .col(string("permission"))
                .col(string("scope"))
                .primary_key(Index::create().col("role_id").col("permission"))
                .foreign_key(
                    ForeignKey::create()
                        .from("role_permission", "role_id")
                        .to("role", "id")
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("user_account")
                .col(uuid("id").primary_key())
                .col(string("email").unique_key())
                .col(string("name"))
                .col(string("password_hash"))
                .col(uuid("role_id"))
                .col(string_len("status", 16))
                .col(integer("failed_logins"))
                .col(timestamp_with_time_zone_null("locked_until"))
                .col(timestamp_with_time_zone_null("last_seen_at"))
                .col(integer("version"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("updated_at"))
                .foreign_key(ForeignKey::create().from("user_account", "role_id").to("role", "id"))
                .to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("session")
                .col(uuid("id").primary_key())
                .col(uuid("user_id"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("last_used_at"))
                .col(timestamp_with_time_zone("expires_at"))
                .col(timestamp_with_time_zone_null("revoked_at"))
                .col(string_null("revoke_reason"))
                .foreign_key(ForeignKey::create().from("session", "user_id").to("user_account", "id"))
                .to_owned(),
        )
        .await?;
        m.create_index(Index::create().name("ix_session_user").table("session").col("user_id").to_owned()).await?;
        m.create_table(
            Table::create()
                .table("session_token")
                .col(string_len("hash", 64).primary_key())
                .col(uuid("session_id"))
                .col(string_len("kind", 16))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("expires_at"))
                .col(timestamp_with_time_zone_null("used_at"))
                .foreign_key(
                    ForeignKey::create()
                        .from("session_token", "session_id")
                        .to("session", "id")
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create().name("ix_session_token_session").table("session_token").col("session_id").to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("idempotency_key")
                .col(uuid("key"))
                .col(uuid("user_id"))
                .col(string("operation"))
                .col(uuid("object_id"))
                .col(timestamp_with_time_zone("created_at"))
                .primary_key(Index::create().col("key").col("user_id"))
                .to_owned(),
        )
        .await
    }
}
