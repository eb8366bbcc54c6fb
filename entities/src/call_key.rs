//! Which call a leg or session id belongs to. Inserting it is also the lock under which a call is made.

use sea_orm::entity::prelude::*;

/// Which call a leg or session id belongs to. Inserting it is also the lock under which a call is made.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "call_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub connection_id: Uuid,
    /// `leg:...` or `session:...`, as the provider names it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub interaction_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
