//! One sign-in on one device: the family of its tokens. Ending it ends them all.

use sea_orm::entity::prelude::*;

/// One sign-in on one device: the family of its tokens. Ending it ends them all.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: ChronoDateTimeUtc,
    pub last_used_at: ChronoDateTimeUtc,
    /// Absolute end, whatever is refreshed.
    pub expires_at: ChronoDateTimeUtc,
    pub revoked_at: Option<ChronoDateTimeUtc>,
    /// `logout`, `logout_everywhere`, `refresh_reuse`, `deactivated`.
    pub revoke_reason: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
