//! The key under which the personal values of one caller or user are sealed in the audit record. Deleting it erases them.

use sea_orm::entity::prelude::*;

/// The key under which the personal values of one caller or user are sealed in the audit record. Deleting it erases them.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "subject_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    /// A random key, sealed with the installation key.
    pub key: Vec<u8>,
    pub created_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
