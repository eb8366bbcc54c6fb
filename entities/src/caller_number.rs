//! An address at which a caller is reached: unique, so that two workers cannot make two callers of one number.

use sea_orm::entity::prelude::*;

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum NumberKind {
    /// A telephone number in E.164.
    E164,
    /// A SIP address.
    Sip,
}

/// An address at which a caller is reached: unique, so that two workers cannot make two callers of one number.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "caller_number")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub caller_id: Uuid,
    pub kind: NumberKind,
    /// E.164 (with `;ext=`) or SIP address, lower case.
    #[sea_orm(unique)]
    pub value: String,
    /// The digits alone, for searching by any part.
    pub digits: String,
    pub label: Option<String>,
    pub created_at: ChronoDateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
