//! Which calls some events belong to.
//!
//! Providers name legs and sessions, not calls. Every name that an event mentions is a row of `call_key`; all names of one
//! event belong to one call. An event that mentions names of two calls shows that they are one: the older row carries on.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use switchboard_entities::{call_key, delivery, interaction, note};
use uuid::Uuid;

use super::{
    actor_of,
    apply::{Item, assign},
    identify,
};
use crate::{
    Error, Result,
    audit::{Change, Entry},
    db,
    envelope::Envelope,
    events::Event,
    unit::Unit,
};

/// A call that the batch changes.
pub(super) struct Call<'a> {
    pub id: Uuid,
    /// `None` when the batch begins it.
    pub row: Option<interaction::Model>,
    /// A delivery that changed it, for the audit record.
    pub envelope: &'a Envelope,
}

/// A name, unique within its connection.
type Name = (Uuid, String);

/// Events of the batch that share names, and so belong to one call.
struct Group<'a> {
    names: BTreeSet<Name>,
    deliveries: Vec<Uuid>,
    envelope: &'a Envelope,
}

/// Finds or begins the calls of some events, locked for this transaction, by id.
///
/// Of two workers that see the first events of a call at once, the second waits at its first insert of a name until the
/// first has committed, and then finds the first one's call.
pub(super) async fn claim<'a>(unit: &mut Unit, items: Vec<Item<'a>>) -> Result<Vec<Call<'a>>> {
    let groups = grouped(items);
    // A name that is new stands for the call that its group would begin.
    let mut fresh: BTreeMap<&Name, Uuid> = BTreeMap::new();
    for group in &groups {
        let id = unit.new_id();
        fresh.extend(group.names.iter().map(|name| (name, id)));
    }
    for ((connection_id, key), interaction_id) in &fresh {
        let row = call_key::ActiveModel {
            connection_id: Set(*connection_id),
            key: Set(key.clone()),
            interaction_id: Set(*interaction_id),
        };
        call_key::Entity::insert(row)
            .on_conflict_do_nothing_on([call_key::Column::ConnectionId, call_key::Column::Key])
            .exec_without_returning(unit.tx())
            .await?;
    }
    let mut meaning = meaning(unit, &groups).await?;
    let mut rows = lock(unit, &meaning).await?;
    // Somebody may have merged a call between our look and our lock: look again, now nobody can.
    if rows.values().any(|row| row.merged_into.is_some()) {
        meaning = self::meaning(unit, &groups).await?;
        rows = lock(unit, &meaning).await?;
        rows.retain(|_, row| row.merged_into.is_none());
    }
    let mut calls: BTreeMap<Uuid, Call<'a>> = BTreeMap::new();
    for group in joined(groups, &meaning, &rows) {
        let ids: BTreeSet<Uuid> = group.names.iter().filter_map(|name| meaning.get(name)).copied().collect();
        let mut existing: Vec<interaction::Model> = ids.iter().filter_map(|id| rows.remove(id)).collect();
        existing.sort_by_key(|row| (row.created_at, row.id));
        let mut existing = existing.into_iter();
        let mut oldest = existing.next();
        for other in existing {
            if let Some(survivor) = oldest.take() {
                oldest = Some(merge(unit, group.envelope, survivor, other).await?);
            }
        }
        // Without a row, every id is a fresh one of this batch: any of them may begin the call, if all names say the same.
        let Some(id) = oldest.as_ref().map(|row| row.id).or_else(|| ids.first().copied()) else { continue };
        if ids.len() > 1 {
            rename(unit, &group.names, id).await?;
        }
        assign(unit, &group.deliveries, id).await?;
        calls.insert(id, Call { id, row: oldest, envelope: group.envelope });
    }
    Ok(calls.into_values().collect())
}

/// Puts events together that share a name.
fn grouped(items: Vec<Item<'_>>) -> Vec<Group<'_>> {
    let groups = items.into_iter().map(|item| Group {
        names: item.keys.into_iter().map(|key| (item.envelope.connection_id, key)).collect(),
        deliveries: vec![item.delivery_id],
        envelope: item.envelope,
    });
    unite(groups, |group| group.names.iter().cloned().collect())
}

/// Puts groups together whose names stand for the same existing call.
fn joined<'a>(
    groups: Vec<Group<'a>>,
    meaning: &BTreeMap<Name, Uuid>,
    rows: &BTreeMap<Uuid, interaction::Model>,
) -> Vec<Group<'a>> {
    unite(groups.into_iter(), |group| {
        group.names.iter().filter_map(|name| meaning.get(name)).filter(|id| rows.contains_key(id)).copied().collect()
    })
}

/// Unites groups that share a tie, directly or through others.
fn unite<'a, T: Ord>(
    groups: impl Iterator<Item = Group<'a>>,
    ties: impl Fn(&Group<'a>) -> BTreeSet<T>,
) -> Vec<Group<'a>> {
    let mut united: Vec<(BTreeSet<T>, Group<'a>)> = Vec::new();
    for mut group in groups {
        let mut own = ties(&group);
        let (same, rest): (Vec<_>, Vec<_>) = united.into_iter().partition(|(others, _)| !own.is_disjoint(others));
        united = rest;
        for (others, other) in same {
            own.extend(others);
            group.names.extend(other.names);
            group.deliveries.extend(other.deliveries);
        }
        united.push((own, group));
    }
    united.into_iter().map(|(_, group)| group).collect()
}

/// Which call each name stands for now.
async fn meaning(unit: &Unit, groups: &[Group<'_>]) -> Result<BTreeMap<Name, Uuid>> {
    let mut by_connection: BTreeMap<Uuid, Vec<&str>> = BTreeMap::new();
    for (connection, key) in groups.iter().flat_map(|group| &group.names) {
        by_connection.entry(*connection).or_default().push(key);
    }
    let mut meaning = BTreeMap::new();
    for (connection, keys) in by_connection {
        let rows = call_key::Entity::find()
            .filter(call_key::Column::ConnectionId.eq(connection))
            .filter(call_key::Column::Key.is_in(keys))
            .all(unit.tx())
            .await?;
        meaning.extend(rows.into_iter().map(|row| ((row.connection_id, row.key), row.interaction_id)));
    }
    Ok(meaning)
}

/// The calls that exist, locked by id.
async fn lock(unit: &Unit, meaning: &BTreeMap<Name, Uuid>) -> Result<BTreeMap<Uuid, interaction::Model>> {
    let ids: BTreeSet<Uuid> = meaning.values().copied().collect();
    let query =
        interaction::Entity::find().filter(interaction::Column::Id.is_in(ids)).order_by_asc(interaction::Column::Id);
    let query = if db::locks_rows(unit.app().db()) { query.lock_exclusive() } else { query };
    Ok(query.all(unit.tx()).await?.into_iter().map(|row| (row.id, row)).collect())
}

/// From now on all these names stand for one call.
async fn rename(unit: &Unit, names: &BTreeSet<Name>, call: Uuid) -> Result<()> {
    for (connection, key) in names {
        call_key::Entity::update_many()
            .col_expr(call_key::Column::InteractionId, Expr::value(call))
            .filter(call_key::Column::ConnectionId.eq(*connection))
            .filter(call_key::Column::Key.eq(key.as_str()))
            .filter(call_key::Column::InteractionId.ne(call))
            .exec(unit.tx())
            .await?;
    }
    Ok(())
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
        identify::uncount(unit, caller).await?;
    }
    // What a person did to either stands; where both were touched, the older call's is kept.
    interaction::Entity::update_many()
        .col_expr(interaction::Column::AgentId, Expr::value(survivor.agent_id.or(other.agent_id)))
        .col_expr(interaction::Column::TakenAt, Expr::value(survivor.taken_at.or(other.taken_at)))
        .col_expr(interaction::Column::DispositionId, Expr::value(survivor.disposition_id.or(other.disposition_id)))
        .col_expr(interaction::Column::DisposedAt, Expr::value(survivor.disposed_at.or(other.disposed_at)))
        .col_expr(interaction::Column::DisposedBy, Expr::value(survivor.disposed_by.or(other.disposed_by)))
        .filter(interaction::Column::Id.eq(into))
        .exec(unit.tx())
        .await?;
    let entry = Entry {
        action: "call.merge",
        object_type: "call",
        object_id: from,
        subject_id: None,
        changes: vec![Change::plain("merged_into", (), into.to_string())],
    };
    unit.audit_as(&actor_of(envelope), &envelope.id.to_string(), entry).await?;
    unit.emit(Event::CallChanged { interaction_id: from });
    interaction::Entity::find_by_id(into).one(unit.tx()).await?.ok_or_else(|| Error::internal("a call vanished"))
}
