//! One transaction: delivery rows, calls, callers, audit entries.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TryInsertResult, sea_query::Expr};
use switchboard_entities::delivery;
use switchboard_telephony::CallEvent;
use uuid::Uuid;

use super::{Parsed, Settled, calls, project};
use crate::{
    App, Error, Result, access::Actor, dead_letters::stored_request, envelope::Envelope, events::Event, unit::Unit,
};

/// Applies deliveries in one transaction, then publishes.
pub(super) async fn batch(app: &App, deliveries: &[Parsed]) -> Result<Settled> {
    let mut unit = app.begin_internal(Actor::System("ingestion"), "ingestion").await?;
    let mut settled = Settled::default();
    for delivery in deliveries {
        let mut result = None;
        for event in &delivery.events {
            result = result.max(Some(one(&mut unit, &delivery.envelope, event).await?));
        }
        match result {
            None | Some(Applied::Ignored) => settled.ignored += 1,
            Some(Applied::Duplicate) => settled.duplicates += 1,
            Some(Applied::Applied) => settled.applied += 1,
        }
    }
    unit.commit_batch().await?;
    Ok(settled)
}

/// What an event did; a delivery of several counts as its strongest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Applied {
    Ignored,
    Duplicate,
    Applied,
}

async fn one(unit: &mut Unit, envelope: &Envelope, event: &CallEvent) -> Result<Applied> {
    let Some(delivery_id) = record(unit, envelope, event).await? else {
        return duplicate(unit, envelope, event).await;
    };
    let keys = event.correlation_keys();
    if keys.is_empty() {
        return Ok(Applied::Ignored);
    }
    let call = calls::claim(unit, envelope, &keys).await?;
    delivery::Entity::update_many()
        .col_expr(delivery::Column::InteractionId, Expr::value(call.id))
        .filter(delivery::Column::Id.eq(delivery_id))
        .exec(unit.tx())
        .await?;
    project::refresh(unit, envelope, call).await?;
    Ok(Applied::Applied)
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
async fn duplicate(unit: &mut Unit, envelope: &Envelope, event: &CallEvent) -> Result<Applied> {
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
    Ok(Applied::Duplicate)
}
