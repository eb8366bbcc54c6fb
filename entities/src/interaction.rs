//! A call, folded from its events, and what people made of it.

use sea_orm::entity::prelude::*;

/// How sure we are who is on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum MatchLevel {
    /// A named caller has this number.
    Known,
    /// The caller was made by a call and has no name yet.
    New,
    /// Withheld or unknown: no caller.
    Hidden,
}

/// A call, folded from its events, and what people made of it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "interaction")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub connection_id: Uuid,
    pub caller_id: Option<Uuid>,
    /// `inbound`, `outbound`, `internal`.
    pub direction: String,
    /// `initiated` ... `ended`.
    pub state: String,
    pub outcome: Option<String>,
    pub from_party: Json,
    pub to_party: Json,
    pub match_level: MatchLevel,
    /// The colleague who took it.
    pub agent_id: Option<Uuid>,
    pub taken_at: Option<ChronoDateTimeUtc>,
    pub started_at: ChronoDateTimeUtc,
    pub answered_at: Option<ChronoDateTimeUtc>,
    pub ended_at: Option<ChronoDateTimeUtc>,
    pub talk_seconds: Option<i32>,
    pub duration_seconds: Option<i32>,
    /// Projection of the fold.
    pub legs: Json,
    /// Projection of the fold.
    pub recordings: Json,
    pub disposition_id: Option<Uuid>,
    pub disposed_at: Option<ChronoDateTimeUtc>,
    pub disposed_by: Option<Uuid>,
    /// Two calls turned out to be one: the row that carries on.
    pub merged_into: Option<Uuid>,
    /// Optimistic concurrency.
    pub version: i32,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
