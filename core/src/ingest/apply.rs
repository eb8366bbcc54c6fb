//! One transaction for a whole batch, in phases, each over all of it and in sorted order:
//!
//! 1. delivery rows (is an event new?), by connection and event key;
//! 2. names of calls, by connection and name; then the calls they stand for, locked by id;
//! 3. callers of numbers, by number;
//! 4. the calls' rows, the callers' counters, by id; audit entries.
//!
//! Rows that several workers may want are therefore always taken in the same order, table by table and key by key, and two
//! workers never wait for each other in a circle. A call that has several events in the batch is folded and written once.

use std::collections::BTreeMap;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TryInsertResult, sea_query::Expr};
use switchboard_entities::delivery;
use switchboard_telephony::{CallEvent, EventKind};
use uuid::Uuid;

use super::{Parsed, Settled, calls, identify, project};
use crate::{
    App, Error, Result, access::Actor, dead_letters::stored_request, envelope::Envelope, events::Event, unit::Unit,
};

/// A new event, and what is known about its way.
pub(super) struct Item<'a> {
    pub delivery_id: Uuid,
    pub envelope: &'a Envelope,
    pub keys: Vec<String>,
}

/// What an event did; a delivery of several counts as its strongest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Ignored,
    Duplicate,
    Changed,
}

/// Applies deliveries in one transaction, then publishes.
pub(super) async fn batch(app: &App, deliveries: &[Parsed]) -> Result<Settled> {
    let mut unit = app.begin_internal(Actor::System("ingestion"), "ingestion").await?;
    let (items, results) = record_all(&mut unit, deliveries).await?;
    if !items.is_empty() {
        let calls = calls::claim(&mut unit, items).await?;
        let projections = project::fold_all(&unit, calls).await?;
        let callers = identify::callers_of(&mut unit, &projections).await?;
        let counts = project::write_all(&mut unit, projections, &callers).await?;
        identify::count(&unit, counts).await?;
    }
    // What changed is audited; a batch of nothing but duplicates has nothing to audit.
    unit.commit_unaudited().await?;
    let mut settled = Settled::default();
    for result in results {
        match result {
            Effect::Ignored => settled.ignored += 1,
            Effect::Duplicate => settled.duplicates += 1,
            Effect::Changed => settled.applied += 1,
        }
    }
    Ok(settled)
}

/// Phase 1. The new events that belong to a call, and what each delivery did.
async fn record_all<'a>(unit: &mut Unit, deliveries: &'a [Parsed]) -> Result<(Vec<Item<'a>>, Vec<Effect>)> {
    let mut ordered = BTreeMap::new();
    let mut results = vec![Effect::Ignored; deliveries.len()];
    for (index, delivery) in deliveries.iter().enumerate() {
        for (place, event) in delivery.events.iter().enumerate() {
            ordered.insert((delivery.envelope.connection_id, event.dedupe_key.as_str(), index, place), event);
        }
    }
    let mut items = Vec::new();
    for ((.., index, _), event) in ordered {
        let Some(envelope) = deliveries.get(index).map(|delivery| &delivery.envelope) else { continue };
        // What we do not understand is kept and changes nothing, even if it names a call.
        let keys = if event.kind == EventKind::Ignored { Vec::new() } else { event.correlation_keys() };
        let applied = match record(unit, envelope, event).await? {
            None => duplicate(unit, envelope, event).await?,
            Some(_) if keys.is_empty() => Effect::Ignored,
            Some(delivery_id) => {
                items.push(Item { delivery_id, envelope, keys });
                Effect::Changed
            }
        };
        if let Some(result) = results.get_mut(index) {
            *result = applied.max(*result);
        }
    }
    Ok((items, results))
}

/// Writes the delivery row: the unique key of connection and event decides who applies an event. `None`: it is known.
///
/// On `PostgreSQL` the insert of a second worker waits for the transaction of the first and then does nothing.
async fn record(unit: &Unit, envelope: &Envelope, event: &CallEvent) -> Result<Option<Uuid>> {
    let id = unit.new_id();
    let row = delivery::ActiveModel {
        id: Set(id),
        connection_id: Set(envelope.connection_id),
        event_key: Set(event.dedupe_key.clone()),
        intake_id: Set(envelope.id),
        interaction_id: Set(None),
        kind: Set(event.kind.as_str().to_owned()),
        event: Set(serde_json::to_value(event).map_err(|_| Error::internal("an event does not serialise"))?),
        request: Set(stored_request(envelope)),
        body: Set(envelope.body.to_vec()),
        duplicates: Set(0),
        received_at: Set(envelope.received_at),
        applied_at: Set(unit.now()),
    };
    let inserted = delivery::Entity::insert(row)
        .on_conflict_do_nothing_on([delivery::Column::ConnectionId, delivery::Column::EventKey])
        .exec_without_returning(unit.tx())
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)).then_some(id))
}

/// The provider sent it again: counted. Our own queue handed it out again: its worker may have died between commit and
/// publication, so subscribers are told once more.
async fn duplicate(unit: &mut Unit, envelope: &Envelope, event: &CallEvent) -> Result<Effect> {
    let known = delivery::Entity::find()
        .filter(delivery::Column::ConnectionId.eq(envelope.connection_id))
        .filter(delivery::Column::EventKey.eq(event.dedupe_key.as_str()))
        .one(unit.tx())
        .await?
        .ok_or_else(|| Error::internal("a delivery vanished"))?;
    if known.intake_id == envelope.id {
        if let Some(interaction_id) = known.interaction_id {
            unit.emit(Event::CallChanged { interaction_id });
        }
    } else {
        delivery::Entity::update_many()
            .col_expr(delivery::Column::Duplicates, delivery::COLUMN.duplicates.add(1))
            .filter(delivery::Column::Id.eq(known.id))
            .exec(unit.tx())
            .await?;
    }
    Ok(Effect::Duplicate)
}

/// Says for some deliveries which call they belong to.
pub(super) async fn assign(unit: &Unit, deliveries: &[Uuid], call: Uuid) -> Result<()> {
    delivery::Entity::update_many()
        .col_expr(delivery::Column::InteractionId, Expr::value(call))
        .filter(delivery::Column::Id.is_in(deliveries.iter().copied()))
        .exec(unit.tx())
        .await?;
    Ok(())
}
