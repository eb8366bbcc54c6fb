//! Mutations that a client may send twice: a key of its choice is remembered with what it made.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use switchboard_entities::idempotency_key;
use uuid::Uuid;

use crate::{Error, Result, unit::Unit};

/// What the key made before, or `None` when it is new; it is then remembered for `object` in this unit of work.
///
/// Two requests with one key at once: the second insert waits for the first transaction and then does nothing, so exactly
/// one of them goes on.
pub(crate) async fn claim(
    unit: &Unit,
    key: Option<Uuid>,
    operation: &'static str,
    object: Uuid,
) -> Result<Option<Uuid>> {
    let Some(key) = key else { return Ok(None) };
    let user_id = unit.actor().user()?.id;
    let row = idempotency_key::ActiveModel {
        key: Set(key),
        user_id: Set(user_id),
        operation: Set(operation.to_owned()),
        object_id: Set(object),
        created_at: Set(unit.now()),
    };
    let inserted = idempotency_key::Entity::insert(row)
        .on_conflict_do_nothing_on([idempotency_key::Column::Key, idempotency_key::Column::UserId])
        .exec_without_returning(unit.tx())
        .await?;
    if matches!(inserted, sea_orm::TryInsertResult::Inserted(1)) {
        return Ok(None);
    }
    let earlier = idempotency_key::Entity::find()
        .filter(idempotency_key::Column::Key.eq(key))
        .filter(idempotency_key::Column::UserId.eq(user_id))
        .one(unit.tx())
        .await?
        .ok_or_else(|| Error::internal("an idempotency key vanished"))?;
    if earlier.operation != operation {
        return Err(Error::invalid("idempotencyKey", "This key was already used for something else. Use a new one."));
    }
    Ok(Some(earlier.object_id))
}
