//! Which call an event belongs to.
//!
//! Providers name legs and sessions, not calls. Every name that an event mentions is a row of `call_key`; all names of one
//! event belong to one call. An event that mentions names of two calls shows that they are one: the older row carries on.

use std::collections::BTreeSet;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use switchboard_entities::{call_key, delivery, interaction, note};
use uuid::Uuid;

use super::actor_of;
use crate::{
    Error, Result,
    audit::{Change, Entry},
    db,
    envelope::Envelope,
    events::Event,
    unit::Unit,
};

/// The call of an event.
pub(super) struct Call {
    pub id: Uuid,
    /// `None` when the event begins it.
    pub row: Option<interaction::Model>,
}

/// Finds or begins the call of some names, and locks it for this transaction.
///
/// The names are inserted in order, each unique: of two workers that see the first events of a call at once, the second
/// waits at its first insert until the first has committed, and then finds the first one's call. Because the names are
/// sorted, they cannot wait for each other.
pub(super) async fn claim(unit: &mut Unit, envelope: &Envelope, keys: &[String]) -> Result<Call> {
    let fresh = unit.new_id();
    for key in keys {
        let row = call_key::ActiveModel {
            connection_id: Set(envelope.connection_id),
            key: Set(key.clone()),
            interaction_id: Set(fresh),
        };
        call_key::Entity::insert(row)
            .on_conflict_do_nothing_on([call_key::Column::ConnectionId, call_key::Column::Key])
            .exec_without_returning(unit.tx())
            .await?;
    }
    let named = calls_of(unit, envelope, keys).await?;
    let mut existing = lock(unit, &named).await?;
    // Somebody may have merged one of them between our look and our lock: look again, now nobody can.
    if existing.iter().any(|row| row.merged_into.is_some()) {
        let named = calls_of(unit, envelope, keys).await?;
        existing = lock(unit, &named).await?;
    }
    existing.retain(|row| row.merged_into.is_none());
    let mut rows = existing.into_iter();
    let Some(mut oldest) = rows.next() else {
        return Ok(Call { id: fresh, row: None });
    };
    for other in rows {
        oldest = merge(unit, envelope, oldest, other).await?;
    }
    call_key::Entity::update_many()
        .col_expr(call_key::Column::InteractionId, Expr::value(oldest.id))
        .filter(call_key::Column::ConnectionId.eq(envelope.connection_id))
        .filter(call_key::Column::Key.is_in(keys.iter().map(String::as_str)))
        .filter(call_key::Column::InteractionId.ne(oldest.id))
        .exec(unit.tx())
        .await?;
    Ok(Call { id: oldest.id, row: Some(oldest) })
}

async fn calls_of(unit: &Unit, envelope: &Envelope, keys: &[String]) -> Result<BTreeSet<Uuid>> {
    let rows = call_key::Entity::find()
        .filter(call_key::Column::ConnectionId.eq(envelope.connection_id))
        .filter(call_key::Column::Key.is_in(keys.iter().map(String::as_str)))
        .all(unit.tx())
        .await?;
    Ok(rows.into_iter().map(|row| row.interaction_id).collect())
}

/// The calls that exist among some ids, oldest first, locked in that order.
async fn lock(unit: &Unit, ids: &BTreeSet<Uuid>) -> Result<Vec<interaction::Model>> {
    let query = interaction::Entity::find()
        .filter(interaction::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(interaction::Column::CreatedAt)
        .order_by_asc(interaction::Column::Id);
    let query = if db::locks_rows(unit.app().db()) { query.lock_exclusive() } else { query };
    Ok(query.all(unit.tx()).await?)
}

/// Makes `other` part of `survivor`: names, deliveries, notes, and what people did to it. Its row stays as a signpost.
async fn merge(
    unit: &mut Unit,
    envelope: &Envelope,
    survivor: interaction::Model,
    other: interaction::Model,
) -> Result<interaction::Model> {
    let (into, from) = (survivor.id, other.id);
    call_key::Entity::update_many()
        .col_expr(call_key::Column::InteractionId, Expr::value(into))
        .filter(call_key::Column::InteractionId.eq(from))
        .exec(unit.tx())
        .await?;
    delivery::Entity::update_many()
        .col_expr(delivery::Column::InteractionId, Expr::value(into))
        .filter(delivery::Column::InteractionId.eq(from))
        .exec(unit.tx())
        .await?;
    note::Entity::update_many()
        .col_expr(note::Column::InteractionId, Expr::value(into))
        .filter(note::Column::InteractionId.eq(from))
        .exec(unit.tx())
        .await?;
    interaction::Entity::update_many()
        .col_expr(interaction::Column::MergedInto, Expr::value(into))
        .col_expr(interaction::Column::CallerId, Expr::value(Option::<Uuid>::None))
        .col_expr(interaction::Column::UpdatedAt, Expr::value(unit.now()))
        .filter(interaction::Column::Id.eq(from))
        .exec(unit.tx())
        .await?;
    if let Some(caller) = other.caller_id {
        super::identify::uncount(unit, caller).await?;
    }
    // What a person did to either stands; where both were touched, the older call's is kept.
    let agent = survivor.agent_id.or(other.agent_id);
    let disposed = survivor.disposition_id.or(other.disposition_id);
    interaction::Entity::update_many()
        .col_expr(interaction::Column::AgentId, Expr::value(agent))
        .col_expr(interaction::Column::TakenAt, Expr::value(survivor.taken_at.or(other.taken_at)))
        .col_expr(interaction::Column::DispositionId, Expr::value(disposed))
        .col_expr(interaction::Column::DisposedAt, Expr::value(survivor.disposed_at.or(other.disposed_at)))
        .col_expr(interaction::Column::DisposedBy, Expr::value(survivor.disposed_by.or(other.disposed_by)))
        .filter(interaction::Column::Id.eq(into))
        .exec(unit.tx())
        .await?;
    unit.audit_as(
        &actor_of(envelope),
        &envelope.id.to_string(),
        Entry {
            action: "call.merge",
            object_type: "call",
            object_id: from,
            subject_id: None,
            changes: vec![Change::plain("merged_into", (), into.to_string())],
        },
    )
    .await?;
    unit.emit(Event::CallChanged { interaction_id: from });
    interaction::Entity::find_by_id(into).one(unit.tx()).await?.ok_or_else(|| Error::internal("a call vanished"))
}
