//! How a call ended, in the words of this organisation.

use sea_orm::entity::prelude::*;

/// How a call ended, in the words of this organisation.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "disposition")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Stable name.
    #[sea_orm(unique)]
    pub key: String,
    pub label: String,
    /// Order, and the digit that picks it.
    pub position: i32,
    /// `good`, `warn`, `bad`, `info`, `off`.
    pub tone: String,
    pub needs_note: bool,
    pub active: bool,
    pub created_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
