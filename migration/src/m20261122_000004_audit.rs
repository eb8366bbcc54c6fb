//! The audit record: append-only by trigger on both databases, so that neither a bug nor an operator's quick fix changes it
//! unnoticed through the program's own connection.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            Table::create()
                .table("audit_entry")
                .col(big_integer("seq").primary_key().auto_increment())
                .col(uuid("id").unique_key())
                .col(timestamp_with_time_zone("at"))
                .col(string("actor_kind"))
                .col(uuid_null("actor_id"))
                .col(string("cause"))
                .col(string("action"))
                .col(string("object_type"))
                .col(uuid("object_id"))
                .col(text("changes"))
                .col(string_len("content_hash", 64))
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create().name("ix_audit_entry_object").table("audit_entry").col("object_id").col("seq").to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("subject_key")
                .col(uuid("subject_id").primary_key())
                .col(binary("key"))
                .col(timestamp_with_time_zone("created_at"))
                .to_owned(),
        )
        .await?;
        let statements: &[&str] = match m.get_database_backend() {
            DbBackend::Sqlite => &[
                "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit record is append-only'); END",
                "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit record is append-only'); END",
            ],
            _ => &[
                "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit record is append-only'; END $$",
                "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
            ],
        };
        for statement in statements {
            m.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
