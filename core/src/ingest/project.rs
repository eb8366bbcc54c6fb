//! The call's row is a projection: the fold of all its events, written again whenever one arrives. What people did to the
//! call (agent, disposition) is not touched.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};
use serde::Serialize;
use serde_json::Value;
use switchboard_entities::{delivery, interaction};
use switchboard_telephony::{CallEvent, CallState, Direction, Leg, fold};

use super::{actor_of, calls::Call, identify};
use crate::{
    Error, Result,
    audit::{Change, Entry},
    envelope::Envelope,
    events::Event,
    interactions::{CallLeg, CallRecording, unknown_party},
    unit::Unit,
};

/// Folds the call's events and writes its row.
pub(super) async fn refresh(unit: &mut Unit, envelope: &Envelope, call: Call) -> Result<()> {
    let events = events_of(unit, &call).await?;
    let state = fold(&events);
    let (caller_id, match_level) = identify::caller_of(unit, envelope, state.remote_party()).await?;
    // A call of which only a recording is known so far begins when that was reported; later events correct it.
    let reported = events.iter().map(CallEvent::time).min().unwrap_or(envelope.received_at);
    let started_at = state.started_at.unwrap_or(reported);
    let projection = Projection::of(&state)?;
    let old = call.row;
    let row = interaction::ActiveModel {
        id: if old.is_some() { Unchanged(call.id) } else { Set(call.id) },
        connection_id: Set(envelope.connection_id),
        caller_id: Set(caller_id),
        direction: Set(projection.direction.clone()),
        state: Set(state.state.as_str().to_owned()),
        outcome: Set(state.outcome.map(|outcome| outcome.as_str().to_owned())),
        from_party: Set(projection.from),
        to_party: Set(projection.to),
        match_level: Set(match_level),
        started_at: Set(started_at),
        answered_at: Set(state.answered_at),
        ended_at: Set(state.ended_at),
        talk_seconds: Set(seconds(state.talk_seconds)),
        duration_seconds: Set(seconds(state.duration_seconds)),
        legs: Set(projection.legs),
        recordings: Set(projection.recordings),
        version: Set(old.as_ref().map_or(1, |old| old.version + 1)),
        updated_at: Set(unit.now()),
        created_at: if old.is_some() { NotSet } else { Set(unit.now()) },
        agent_id: if old.is_some() { NotSet } else { Set(None) },
        taken_at: if old.is_some() { NotSet } else { Set(None) },
        disposition_id: if old.is_some() { NotSet } else { Set(None) },
        disposed_at: if old.is_some() { NotSet } else { Set(None) },
        disposed_by: if old.is_some() { NotSet } else { Set(None) },
        merged_into: if old.is_some() { NotSet } else { Set(None) },
    };
    let new = if old.is_some() { row.update(unit.tx()).await? } else { row.insert(unit.tx()).await? };

    let before = old.as_ref().and_then(|old| old.caller_id);
    if before != new.caller_id {
        if let Some(before) = before {
            identify::uncount(unit, before).await?;
        }
        if let Some(after) = new.caller_id {
            identify::count(unit, after, started_at).await?;
        }
    }
    audit(unit, envelope, old.as_ref(), &new).await?;
    unit.emit(Event::CallChanged { interaction_id: new.id });
    Ok(())
}

/// All events of the call. The one being applied is among them: its row was written in this transaction.
async fn events_of(unit: &Unit, call: &Call) -> Result<Vec<CallEvent>> {
    let rows = delivery::Entity::find()
        .filter(delivery::Column::InteractionId.eq(call.id))
        .order_by_asc(delivery::Column::Id)
        .all(unit.tx())
        .await?;
    rows.into_iter()
        .map(|row| serde_json::from_value(row.event).map_err(|_| Error::internal("a stored event cannot be read")))
        .collect()
}

async fn audit(
    unit: &mut Unit,
    envelope: &Envelope,
    old: Option<&interaction::Model>,
    new: &interaction::Model,
) -> Result<()> {
    let text = |value: &Option<String>| value.clone();
    let fields: [(&'static str, Option<String>, Option<String>); 4] = [
        ("direction", old.map(|old| old.direction.clone()), Some(new.direction.clone())),
        ("state", old.map(|old| old.state.clone()), Some(new.state.clone())),
        ("outcome", old.and_then(|old| text(&old.outcome)), text(&new.outcome)),
        (
            "caller_id",
            old.and_then(|old| old.caller_id).map(|id| id.to_string()),
            new.caller_id.map(|id| id.to_string()),
        ),
    ];
    let changes: Vec<Change> = fields
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(field, before, after)| Change::plain(field, before, after))
        .collect();
    if changes.is_empty() {
        return Ok(());
    }
    let action = if old.is_some() { "call.update" } else { "call.create" };
    let entry = Entry { action, object_type: "call", object_id: new.id, subject_id: None, changes };
    unit.audit_as(&actor_of(envelope), &envelope.id.to_string(), entry).await
}

/// The parts of the row that are JSON.
struct Projection {
    direction: String,
    from: Value,
    to: Value,
    legs: Value,
    recordings: Value,
}

impl Projection {
    fn of(state: &CallState) -> Result<Self> {
        // Until the first leg has told, nothing is known about the direction; most calls come in.
        let direction = state.direction.unwrap_or(Direction::Inbound);
        let root_party =
            |leg: &Leg| if leg.direction == Some(Direction::Inbound) { leg.from.clone() } else { leg.to.clone() };
        let legs: Vec<CallLeg> = state
            .legs
            .iter()
            .map(|leg| CallLeg {
                id: leg.id.clone(),
                parent_id: leg.parent_id.clone(),
                state: leg.state,
                outcome: leg.outcome,
                party: root_party(leg),
                started_at: leg.started_at,
                answered_at: leg.answered_at,
                ended_at: leg.ended_at,
                talk_seconds: leg.talk_seconds,
            })
            .collect();
        let recordings: Vec<CallRecording> = state
            .recordings
            .iter()
            .map(|recording| CallRecording {
                id: recording.id.clone(),
                status: recording.status,
                duration_seconds: recording.duration_seconds,
                voicemail: recording.voicemail,
            })
            .collect();
        Ok(Self {
            direction: direction.as_str().to_owned(),
            from: json(state.from.as_ref().unwrap_or(&unknown_party()))?,
            to: json(state.to.as_ref().unwrap_or(&unknown_party()))?,
            legs: json(&legs)?,
            recordings: json(&recordings)?,
        })
    }
}

fn json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|_| Error::internal("a projection does not serialise"))
}

fn seconds(value: Option<u32>) -> Option<i32> {
    value.and_then(|value| i32::try_from(value).ok())
}
