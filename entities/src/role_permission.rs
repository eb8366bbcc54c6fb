//! One permission granted to a role, with its scope.

use sea_orm::entity::prelude::*;

/// One permission granted to a role, with its scope.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "role_permission")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub role_id: Uuid,
    /// `resource.action`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub permission: String,
    /// `own`, `team` or `all`.
    pub scope: String,
}

impl ActiveModelBehavior for ActiveModel {}
