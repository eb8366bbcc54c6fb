//! The call's row is a projection: the fold of all its events, written again whenever one arrives. What people did to the
//! call (agent, disposition) is not touched.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter,
};
use serde::Serialize;
use serde_json::Value;
use switchboard_entities::{delivery, interaction};
use switchboard_telephony::{CallEvent, CallState, Direction, Leg, fold};

use uuid::Uuid;

use super::{
    actor_of,
    calls::Call,
    identify::{self, Callers, Count},
};
use crate::{
    Error, Result,
    audit::{Change, Entry},
    envelope::Envelope,
    events::Event,
    interactions::{CallLeg, CallRecording, unknown_party},
    unit::Unit,
};

/// A call as its events tell it.
pub(super) struct Projection<'a> {
    pub call: Call<'a>,
    pub state: CallState,
    started_at: DateTime<Utc>,
}

impl Projection<'_> {
    /// The name that the network gave with the remote party's number.
    pub fn carrier_name(&self) -> Option<&str> {
        self.state.remote_party().and_then(|party| party.name.as_deref())
    }
}

/// Folds the calls. The events being applied are among those read: their rows were written in this transaction.
pub(super) async fn fold_all<'a>(unit: &Unit, calls: Vec<Call<'a>>) -> Result<Vec<Projection<'a>>> {
    let ids = calls.iter().map(|call| call.id);
    let rows = delivery::Entity::find().filter(delivery::Column::InteractionId.is_in(ids)).all(unit.tx()).await?;
    let mut events: BTreeMap<Uuid, Vec<CallEvent>> = BTreeMap::new();
    for row in rows {
        let event = serde_json::from_value(row.event).map_err(|_| Error::internal("a stored event cannot be read"))?;
        events.entry(row.interaction_id.unwrap_or_default()).or_default().push(event);
    }
    let projections = calls.into_iter().map(|call| {
        let events = events.remove(&call.id).unwrap_or_default();
        let state = fold(&events);
        // A call of which only a recording is known so far begins when that was reported; later events correct it.
        let reported = events.iter().map(CallEvent::time).min().unwrap_or(call.envelope.received_at);
        Projection { started_at: state.started_at.unwrap_or(reported), call, state }
    });
    Ok(projections.collect())
}

/// Writes the calls' rows. Returns what is to be counted for their callers.
pub(super) async fn write_all(
    unit: &mut Unit,
    projections: Vec<Projection<'_>>,
    callers: &Callers,
) -> Result<BTreeMap<Uuid, Count>> {
    let mut counts: BTreeMap<Uuid, Count> = BTreeMap::new();
    for projection in projections {
        let (old, new) = write(unit, projection, callers).await?;
        let before = old.and_then(|old| old.caller_id);
        if before == new.caller_id {
            continue;
        }
        if let Some(before) = before {
            counts.entry(before).or_default().calls -= 1;
        }
        if let Some(after) = new.caller_id {
            let count = counts.entry(after).or_default();
            count.calls += 1;
            count.last = count.last.max(Some(new.started_at));
        }
    }
    Ok(counts)
}

async fn write(
    unit: &mut Unit,
    projection: Projection<'_>,
    callers: &Callers,
) -> Result<(Option<interaction::Model>, interaction::Model)> {
    let Projection { call, state, started_at } = projection;
    let (caller_id, match_level) = identify::matched(callers, state.remote_party());
    let columns = Columns::of(&state)?;
    let old = call.row;
    let is_new = old.is_none();
    let row = interaction::ActiveModel {
        id: if is_new { Set(call.id) } else { Unchanged(call.id) },
        connection_id: Set(call.envelope.connection_id),
        caller_id: Set(caller_id),
        direction: Set(columns.direction),
        state: Set(state.state.as_str().to_owned()),
        outcome: Set(state.outcome.map(|outcome| outcome.as_str().to_owned())),
        from_party: Set(columns.from),
        to_party: Set(columns.to),
        match_level: Set(match_level),
        started_at: Set(started_at),
        answered_at: Set(state.answered_at),
        ended_at: Set(state.ended_at),
        talk_seconds: Set(seconds(state.talk_seconds)),
        duration_seconds: Set(seconds(state.duration_seconds)),
        legs: Set(columns.legs),
        recordings: Set(columns.recordings),
        version: Set(old.as_ref().map_or(1, |old| old.version + 1)),
        updated_at: Set(unit.now()),
        created_at: if is_new { Set(unit.now()) } else { NotSet },
        agent_id: if is_new { Set(None) } else { NotSet },
        taken_at: if is_new { Set(None) } else { NotSet },
        disposition_id: if is_new { Set(None) } else { NotSet },
        disposed_at: if is_new { Set(None) } else { NotSet },
        disposed_by: if is_new { Set(None) } else { NotSet },
        merged_into: if is_new { Set(None) } else { NotSet },
    };
    let new = if is_new { row.insert(unit.tx()).await? } else { row.update(unit.tx()).await? };
    audit(unit, call.envelope, old.as_ref(), &new).await?;
    unit.emit(Event::CallChanged { interaction_id: new.id });
    Ok((old, new))
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
struct Columns {
    direction: String,
    from: Value,
    to: Value,
    legs: Value,
    recordings: Value,
}

impl Columns {
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
