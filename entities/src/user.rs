//! A person who signs in.

use sea_orm::entity::prelude::*;

/// May the person sign in?
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum UserStatus {
    /// Yes.
    Active,
    /// No; the row stays, because calls and notes keep their author.
    Deactivated,
}

/// A person who signs in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Sign-in name, trimmed and lower-cased.
    #[sea_orm(unique)]
    pub email: String,
    pub name: String,
    /// argon2id, PHC string.
    pub password_hash: String,
    pub role_id: Uuid,
    pub status: UserStatus,
    /// Consecutive failures; drives the progressive delay.
    pub failed_logins: i32,
    /// No attempt is checked before this instant.
    pub locked_until: Option<ChronoDateTimeUtc>,
    pub last_seen_at: Option<ChronoDateTimeUtc>,
    /// Optimistic concurrency: every change adds one.
    pub version: i32,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
