//! An accepted request that could not be applied: kept whole, visible, replayable.

use sea_orm::entity::prelude::*;

/// Where a dead letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum DeadLetterStatus {
    /// Waits for somebody.
    Open,
    /// Was given to the queue again.
    Replayed,
    /// Somebody decided that it is not needed.
    Discarded,
}

/// An accepted request that could not be applied: kept whole, visible, replayable.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "dead_letter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Unique: settling a request twice leaves one row.
    #[sea_orm(unique)]
    pub intake_id: Uuid,
    pub connection_id: Option<Uuid>,
    pub provider: String,
    /// Code: `malformed`, `undecodable`, `connection_removed`, `internal`.
    pub reason: String,
    /// Readable, without personal data.
    pub detail: String,
    pub request: Json,
    pub body: Vec<u8>,
    pub attempts: i32,
    pub status: DeadLetterStatus,
    pub received_at: ChronoDateTimeUtc,
    pub failed_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
