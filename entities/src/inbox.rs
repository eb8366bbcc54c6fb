//! The embedded queue, and the spool while Redis is away.

use sea_orm::entity::prelude::*;

/// The embedded queue, and the spool while Redis is away.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The envelope without its body, JSON.
    pub meta: String,
    /// Raw body.
    pub body: Vec<u8>,
    /// Not handed out before.
    pub available_at: ChronoDateTimeUtc,
    /// Handed out until then; expired leases are taken over.
    pub lease_until: Option<ChronoDateTimeUtc>,
    pub lease_owner: Option<String>,
    /// How often it was handed out.
    pub attempts: i32,
    pub created_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
