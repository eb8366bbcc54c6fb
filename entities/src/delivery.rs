//! One provider event that was applied. Unique per connection and event key: this is what makes a redelivery harmless.

use sea_orm::entity::prelude::*;

/// One provider event that was applied. Unique per connection and event key: this is what makes a redelivery harmless.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub connection_id: Uuid,
    /// The provider's event id, or the key derived from the event.
    pub event_key: String,
    /// The accepted request that brought it first.
    pub intake_id: Uuid,
    /// The call it belongs to; null when the event is stored but ignored.
    pub interaction_id: Option<Uuid>,
    /// `call.ringing`, `recording.ready`, `ignored` ...
    pub kind: String,
    /// The normalised event; a call is the fold of these.
    pub event: Json,
    /// Method, URL and kept headers of the request.
    pub request: Json,
    /// Raw body, byte for byte.
    pub body: Vec<u8>,
    /// How often the provider sent it again.
    pub duplicates: i32,
    pub received_at: ChronoDateTimeUtc,
    pub applied_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
