//! One change, written in the transaction of the change. Append-only by trigger.

use sea_orm::entity::prelude::*;

/// One change, written in the transaction of the change. Append-only by trigger.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// Order of writing; gaps are rolled-back transactions.
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub at: ChronoDateTimeUtc,
    /// `user`, `connection` or `system`.
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    /// What a system actor acted for, or the request id.
    pub cause: String,
    /// `caller.update`.
    pub action: String,
    pub object_type: String,
    pub object_id: Uuid,
    /// `[{field, before, after}]`; personal values are sealed.
    pub changes: String,
    /// SHA-256 over the canonical form of the row, hexadecimal.
    pub content_hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
