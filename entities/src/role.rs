//! A named set of permissions. The built-in ones are seeded at start-up; custom ones are rows like them.

use sea_orm::entity::prelude::*;

/// A named set of permissions. The built-in ones are seeded at start-up; custom ones are rows like them.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "role")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Stable name, e.g. `agent`.
    #[sea_orm(unique)]
    pub key: String,
    /// What people read.
    pub name: String,
    /// One sentence: what a person with it can and cannot do.
    pub description: String,
    /// Built-in roles follow the program and cannot be edited.
    pub built_in: bool,
    pub created_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
