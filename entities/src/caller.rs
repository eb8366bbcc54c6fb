//! A person or company that calls or is called.

use sea_orm::entity::prelude::*;

/// A person or company that calls or is called.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "caller")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: Option<String>,
    pub company: Option<String>,
    pub email: Option<String>,
    /// Made by a call; nobody has named it yet.
    pub provisional: bool,
    /// The colleague it is assigned to.
    pub owner_id: Option<Uuid>,
    /// Rollup kept by the worker.
    pub call_count: i32,
    /// Rollup kept by the worker.
    pub last_call_at: Option<ChronoDateTimeUtc>,
    /// Last call, or creation: the list is ordered by it.
    pub sort_at: ChronoDateTimeUtc,
    /// Optimistic concurrency: every change by a person adds one.
    pub version: i32,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
