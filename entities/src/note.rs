//! What a colleague wrote about a caller or a call.

use sea_orm::entity::prelude::*;

/// What a colleague wrote about a caller or a call.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "note")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub caller_id: Option<Uuid>,
    pub interaction_id: Option<Uuid>,
    pub author_id: Uuid,
    pub body: String,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
