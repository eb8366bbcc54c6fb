//! One connection to a phone provider, with its secrets sealed.

use sea_orm::entity::prelude::*;

/// One connection to a phone provider, with its secrets sealed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_connection")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Key of the provider, e.g. `twilio`.
    pub provider: String,
    /// Its part of the webhook URL; `default` has none.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// JSON of the secrets, sealed with the installation key.
    pub secrets: Vec<u8>,
    /// ISO 3166 country for numbers in national format.
    pub default_region: Option<String>,
    /// What else is set, as JSON; what is absent has its default.
    pub settings: Json,
    /// Goes up with every change by a person.
    pub version: i32,
    /// Deliveries that monitor mode accepted though their verification failed, since it was last switched on.
    pub unverified_count: i64,
    /// Why the last of them would have been refused: the label of the rejection.
    pub unverified_reason: Option<String>,
    /// When the last of them came.
    pub unverified_at: Option<ChronoDateTimeUtc>,
    pub last_delivery_at: Option<ChronoDateTimeUtc>,
    /// Removed connections keep their row: calls point at it.
    pub removed_at: Option<ChronoDateTimeUtc>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
