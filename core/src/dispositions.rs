//! How a call ended, in the words of the organisation ("outcome" to agents, "disposition" in the field).

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use switchboard_entities::disposition;
use uuid::Uuid;

use crate::{
    App, Result,
    access::{Actor, Permission},
    audit::{Change, Entry},
};

/// Key, label, tone, whether a note is required. The position is the digit that picks it.
const DEFAULTS: [(&str, &str, &str, bool); 9] = [
    ("solved", "Solved", "good", false),
    ("call_back", "Call back", "warn", false),
    ("information", "Gave information", "good", false),
    ("order", "Order or change", "info", false),
    ("billing", "Billing question", "info", false),
    ("complaint", "Complaint", "bad", true),
    ("transferred", "Passed on", "info", false),
    ("wrong_number", "Wrong number", "off", false),
    ("no_one_there", "No one there", "off", false),
];

/// Makes the default dispositions when there are none at all. An organisation that changed its own is left alone.
pub async fn seed(app: &App) -> Result<()> {
    if disposition::Entity::find().one(app.db()).await?.is_some() {
        return Ok(());
    }
    let mut unit = app.begin(&Actor::System("set-up"), Permission::DispositionsSet, "first start").await?;
    for (position, (key, label, tone, needs_note)) in (1..).zip(DEFAULTS) {
        let id = unit.new_id();
        let row = disposition::ActiveModel {
            id: Set(id),
            key: Set(key.to_owned()),
            label: Set(label.to_owned()),
            position: Set(position),
            tone: Set(tone.to_owned()),
            needs_note: Set(needs_note),
            active: Set(true),
            created_at: Set(unit.now()),
        };
        // Two processes that start at once both get here; the key is unique, and the second insert does nothing.
        disposition::Entity::insert(row)
            .on_conflict_do_nothing_on([disposition::Column::Key])
            .exec_without_returning(unit.tx())
            .await?;
        unit.audit(Entry {
            action: "disposition.create",
            object_type: "disposition",
            object_id: id,
            subject_id: None,
            changes: vec![Change::plain("key", (), key), Change::plain("label", (), label)],
        })
        .await?;
    }
    unit.commit().await
}

/// The active ones, in the organisation's order.
pub async fn list(app: &App) -> Result<Vec<disposition::Model>> {
    Ok(disposition::Entity::find()
        .filter(disposition::Column::Active.eq(true))
        .order_by_asc(disposition::Column::Position)
        .order_by_asc(disposition::Column::Id)
        .all(app.db())
        .await?)
}

/// Some by id, active or not: old calls keep theirs.
pub async fn by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<disposition::Model>> {
    Ok(disposition::Entity::find().filter(disposition::Column::Id.is_in(ids.iter().copied())).all(app.db()).await?)
}
