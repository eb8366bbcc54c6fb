//! Calls: reading within scope, taking one, saying how it ended.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};
use serde::{Deserialize, Serialize};
use switchboard_entities::{caller, disposition, interaction, note, user};
use switchboard_telephony::{LegState, Outcome, Party, PartyKind, RecordingStatus};
use uuid::Uuid;

use crate::{
    App, Error, Result,
    access::{Actor, Permission, Scope},
    audit::{Change, Entry},
    events::Event,
    idempotency, notes,
    page::{Cursor, Page, PageRequest},
    unit::Unit,
};

/// A call without an end is shown as live for so long; after that its last event was surely lost.
const LIVE_FOR: TimeDelta = TimeDelta::hours(4);
/// A call without a disposition stays on its agent's desk for so long.
const UNDISPOSED_FOR: TimeDelta = TimeDelta::days(7);
/// Most calls on a desk: more cannot be looked at anyway.
const DESK_LIMIT: u64 = 200;

/// Which calls are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InteractionFilter {
    /// Of this caller.
    pub caller_id: Option<Uuid>,
    /// In this state.
    pub state: Option<String>,
    /// Only those that have not ended, or only those that have.
    pub live: Option<bool>,
    /// `inbound`, `outbound`, `internal`.
    pub direction: Option<String>,
    /// How they ended.
    pub outcome: Option<String>,
    /// Only those that were taken, ended, and whose agent has not said how; or only the others.
    pub needs_disposition: Option<bool>,
    /// Only those the actor took.
    pub mine: bool,
    /// Started at or after.
    pub from: Option<DateTime<Utc>>,
    /// Started before.
    pub to: Option<DateTime<Utc>>,
}

/// How a call ended, said by a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetDisposition {
    /// Which call.
    pub interaction_id: Uuid,
    /// How it ended.
    pub disposition_id: Uuid,
    /// Written to the call in the same transaction.
    pub note: Option<String>,
    /// The same key twice does it once.
    pub idempotency_key: Option<Uuid>,
}

/// One leg of a call, as stored with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallLeg {
    /// The provider's id.
    pub id: String,
    /// The leg that dialled it.
    pub parent_id: Option<String>,
    /// How far it came.
    pub state: LegState,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The party at the far end: who calls on the first leg of an inbound call, else who is called.
    pub party: Option<Party>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Seconds of talk.
    pub talk_seconds: Option<u32>,
}

/// One recording of a call, as stored with it. Its address stays on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecording {
    /// The provider's id.
    pub id: String,
    /// How far it came.
    pub status: RecordingStatus,
    /// Length in seconds.
    pub duration_seconds: Option<u32>,
    /// Is it a message that the caller left?
    pub voicemail: bool,
}

/// The rows that a scope reaches, merged rows never. `own` is what I took and what nobody has taken yet. (`team` reaches no
/// further until there are teams.)
pub fn visible(actor: &Actor, permission: Permission) -> Result<Condition> {
    let standing = Condition::all().add(interaction::Column::MergedInto.is_null());
    if actor.require(permission)? == Scope::All {
        return Ok(standing);
    }
    let me = actor.user()?.id;
    Ok(standing
        .add(Condition::any().add(interaction::Column::AgentId.eq(me)).add(interaction::Column::AgentId.is_null())))
}

/// The rows that may be read: beyond what is [`visible`], an agent reads the history of whoever is theirs or is on the line
/// with them (their own call, or a live one that nobody has taken), colleagues' calls included. Without it the screen pop
/// could not say what happened before.
pub fn readable(actor: &Actor, permission: Permission) -> Result<Condition> {
    let visible = visible(actor, permission)?;
    if actor.require(permission)? == Scope::All {
        return Ok(visible);
    }
    let me = actor.user()?.id;
    // Both ask about the one caller of the row at hand, along an index: an agent of many years has many callers.
    let other = |column: interaction::Column| Expr::col(("other", column));
    let on_the_line = Query::select()
        .expr(Expr::value(1))
        .from_as(interaction::Entity, "other")
        .and_where(other(interaction::Column::CallerId).equals((interaction::Entity, interaction::Column::CallerId)))
        .and_where(other(interaction::Column::MergedInto).is_null())
        .cond_where(
            Condition::any().add(other(interaction::Column::AgentId).eq(me)).add(
                Condition::all()
                    .add(other(interaction::Column::AgentId).is_null())
                    .add(other(interaction::Column::State).ne(LegState::Ended.as_str())),
            ),
        )
        .to_owned();
    let owned = Query::select()
        .expr(Expr::value(1))
        .from(caller::Entity)
        .and_where(
            Expr::col((caller::Entity, caller::Column::Id))
                .equals((interaction::Entity, interaction::Column::CallerId)),
        )
        .and_where(caller::Column::OwnerId.eq(me))
        .to_owned();
    let history = Condition::all()
        .add(interaction::Column::MergedInto.is_null())
        .add(Condition::any().add(Expr::exists(on_the_line)).add(Expr::exists(owned)));
    Ok(Condition::any().add(visible).add(history))
}

/// Calls in the actor's scope, newest first; with a caller named, that caller's whole history as far as it is [`readable`]. Needs `interactions.read`.
pub async fn page(
    app: &App,
    actor: &Actor,
    request: PageRequest,
    filter: InteractionFilter,
) -> Result<Page<interaction::Model>> {
    use interaction::Column;
    let reach = if filter.caller_id.is_some() { readable } else { visible };
    let mut query = interaction::Entity::find().filter(reach(actor, Permission::InteractionsRead)?);
    if let Some(caller) = filter.caller_id {
        query = query.filter(Column::CallerId.eq(caller));
    }
    if let Some(state) = filter.state {
        query = query.filter(Column::State.eq(state));
    }
    if let Some(live) = filter.live {
        let ended = LegState::Ended.as_str();
        query = query.filter(if live { Column::State.ne(ended) } else { Column::State.eq(ended) });
    }
    if let Some(direction) = filter.direction {
        query = query.filter(Column::Direction.eq(direction));
    }
    if let Some(outcome) = filter.outcome {
        query = query.filter(Column::Outcome.eq(outcome));
    }
    if let Some(needs) = filter.needs_disposition {
        query = query.filter(if needs { undisposed() } else { undisposed().not() });
    }
    if filter.mine {
        query = query.filter(Column::AgentId.eq(actor.user()?.id));
    }
    if let Some(from) = filter.from {
        query = query.filter(Column::StartedAt.gte(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(Column::StartedAt.lt(to));
    }
    if let Some(after) = request.after {
        query = query.filter(after.condition(Column::StartedAt, Column::Id));
    }
    let rows =
        query.order_by_desc(Column::StartedAt).order_by_desc(Column::Id).limit(request.limit()).all(app.db()).await?;
    Ok(Page::new(request, rows, |row| Cursor { at: row.started_at, id: row.id }))
}

/// Some by id, as far as they are [`readable`]. Needs `interactions.read`.
pub async fn by_ids(app: &App, actor: &Actor, ids: &[Uuid]) -> Result<Vec<interaction::Model>> {
    Ok(interaction::Entity::find()
        .filter(interaction::Column::Id.is_in(ids.iter().copied()))
        .filter(readable(actor, Permission::InteractionsRead)?)
        .all(app.db())
        .await?)
}

fn undisposed() -> Condition {
    Condition::all()
        .add(interaction::Column::State.eq(LegState::Ended.as_str()))
        .add(interaction::Column::AgentId.is_not_null())
        .add(interaction::Column::DispositionId.is_null())
}

/// Does its agent still have to say how it ended?
pub fn needs_disposition(call: &interaction::Model) -> bool {
    call.state == LegState::Ended.as_str() && call.agent_id.is_some() && call.disposition_id.is_none()
}

/// What stands on the actor's desk: every live call in scope, and their own ended calls that need a disposition; newest
/// first. Needs `interactions.read`.
pub async fn desk(app: &App, actor: &Actor) -> Result<Vec<interaction::Model>> {
    let now = app.now();
    let live = Condition::all()
        .add(interaction::Column::State.ne(LegState::Ended.as_str()))
        .add(interaction::Column::StartedAt.gt(now - LIVE_FOR));
    let mut wanted = Condition::any().add(live);
    if let Ok(user) = actor.user() {
        wanted = wanted.add(
            undisposed()
                .add(interaction::Column::AgentId.eq(user.id))
                .add(interaction::Column::StartedAt.gt(now - UNDISPOSED_FOR)),
        );
    }
    Ok(interaction::Entity::find()
        .filter(visible(actor, Permission::InteractionsRead)?)
        .filter(wanted)
        .order_by_desc(interaction::Column::StartedAt)
        .order_by_desc(interaction::Column::Id)
        .limit(DESK_LIMIT)
        .all(app.db())
        .await?)
}

/// Does a call stand on the actor's desk? The same rule as [`desk`], for one row that was just read.
pub fn on_desk(app: &App, actor: &Actor, call: &interaction::Model) -> bool {
    let now = app.now();
    let scope = actor.scope(Permission::InteractionsRead);
    let in_scope =
        scope == Some(Scope::All) || scope.is_some() && (call.agent_id.is_none() || call.agent_id == actor.id());
    if call.merged_into.is_some() || !in_scope {
        return false;
    }
    if call.state != LegState::Ended.as_str() {
        return call.started_at > now - LIVE_FOR;
    }
    needs_disposition(call) && call.agent_id == actor.id() && call.started_at > now - UNDISPOSED_FOR
}

/// Takes a call: from now on it is the actor's. Of several who try, one wins; the others learn who did. Taking one's own
/// call again changes nothing. Needs `interactions.take`.
pub async fn take(app: &App, actor: &Actor, id: Uuid, cause: &str) -> Result<interaction::Model> {
    let me = actor.user()?.id;
    let mut unit = app.begin(actor, Permission::InteractionsTake, cause).await?;
    // The comparison and the setting are one statement: between a read and a write another agent could slip in.
    let taken = interaction::Entity::update_many()
        .col_expr(interaction::Column::AgentId, Expr::value(me))
        .col_expr(interaction::Column::TakenAt, Expr::value(unit.now()))
        .col_expr(interaction::Column::UpdatedAt, Expr::value(unit.now()))
        .col_expr(interaction::Column::Version, interaction::COLUMN.version.add(1))
        .filter(interaction::Column::Id.eq(id))
        .filter(interaction::Column::AgentId.is_null())
        .filter(interaction::Column::MergedInto.is_null())
        .exec(unit.tx())
        .await?;
    let call = interaction::Entity::find_by_id(id).one(unit.tx()).await?.filter(|call| call.merged_into.is_none());
    let call = call.ok_or(Error::NotFound("call"))?;
    if taken.rows_affected == 0 {
        if call.agent_id == Some(me) {
            return Ok(call);
        }
        let winner = match call.agent_id {
            Some(agent) => user::Entity::find_by_id(agent).one(unit.tx()).await?.map(|user| user.name),
            None => None,
        };
        return Err(Error::Conflict { message: "A colleague took this call first.".into(), taken_by: winner });
    }
    unit.audit(Entry {
        action: "call.take",
        object_type: "call",
        object_id: id,
        subject_id: None,
        changes: vec![Change::plain("agent_id", (), me.to_string())],
    })
    .await?;
    unit.emit(Event::CallChanged { interaction_id: id });
    unit.commit().await?;
    Ok(call)
}

/// Says how a call ended. A call that nobody took becomes the actor's. Needs `dispositions.set`, in whose scope the call
/// must be.
pub async fn set_disposition(
    app: &App,
    actor: &Actor,
    input: SetDisposition,
    cause: &str,
) -> Result<interaction::Model> {
    let body = input
        .note
        .as_deref()
        .filter(|note| !note.trim().is_empty())
        .map(|note| notes::checked_body("note", note))
        .transpose()?;
    let mut unit = app.begin(actor, Permission::DispositionsSet, cause).await?;
    let query =
        interaction::Entity::find_by_id(input.interaction_id).filter(visible(actor, Permission::DispositionsSet)?);
    let query = if crate::db::locks_rows(app.db()) { query.lock_exclusive() } else { query };
    let call = query.one(unit.tx()).await?.ok_or(Error::NotFound("call"))?;
    if idempotency::claim(&unit, input.idempotency_key, "call.disposition", call.id).await?.is_some() {
        return Ok(call);
    }
    let disposition = disposition::Entity::find_by_id(input.disposition_id)
        .filter(disposition::Column::Active.eq(true))
        .one(unit.tx())
        .await?
        .ok_or_else(|| Error::invalid("dispositionId", "This outcome is not in use any more. Choose another one."))?;
    if disposition.needs_note && body.is_none() && !has_note(&unit, call.id).await? {
        return Err(Error::invalid("note", "This outcome needs a note: please write what happened."));
    }
    let agent_id = call.agent_id.unwrap_or(actor.user()?.id);
    interaction::Entity::update_many()
        .col_expr(interaction::Column::DispositionId, Expr::value(disposition.id))
        .col_expr(interaction::Column::DisposedAt, Expr::value(unit.now()))
        .col_expr(interaction::Column::DisposedBy, Expr::value(actor.user()?.id))
        .col_expr(interaction::Column::AgentId, Expr::value(agent_id))
        .col_expr(interaction::Column::UpdatedAt, Expr::value(unit.now()))
        .col_expr(interaction::Column::Version, interaction::COLUMN.version.add(1))
        .filter(interaction::Column::Id.eq(call.id))
        .exec(unit.tx())
        .await?;
    unit.audit(Entry {
        action: "call.disposition",
        object_type: "call",
        object_id: call.id,
        subject_id: None,
        changes: vec![
            Change::plain("disposition_id", call.disposition_id.map(|id| id.to_string()), disposition.id.to_string()),
            Change::plain("agent_id", call.agent_id.map(|id| id.to_string()), agent_id.to_string()),
        ],
    })
    .await?;
    if let Some(body) = body {
        let note_id = unit.new_id();
        notes::write(&mut unit, note_id, call.caller_id, Some(call.id), body).await?;
    }
    unit.emit(Event::CallChanged { interaction_id: call.id });
    let call = interaction::Entity::find_by_id(call.id).one(unit.tx()).await?.ok_or(Error::NotFound("call"))?;
    unit.commit().await?;
    Ok(call)
}

async fn has_note(unit: &Unit, call: Uuid) -> Result<bool> {
    Ok(note::Entity::find().filter(note::Column::InteractionId.eq(call)).one(unit.tx()).await?.is_some())
}

/// The legs, the first one first. A row of an older program that cannot be read has none.
pub fn legs(call: &interaction::Model) -> Vec<CallLeg> {
    serde_json::from_value(call.legs.clone()).unwrap_or_default()
}

/// The recordings.
pub fn recordings(call: &interaction::Model) -> Vec<CallRecording> {
    serde_json::from_value(call.recordings.clone()).unwrap_or_default()
}

/// Who calls.
pub fn party_from(call: &interaction::Model) -> Party {
    party(&call.from_party)
}

/// Who is called.
pub fn party_to(call: &interaction::Model) -> Party {
    party(&call.to_party)
}

fn party(stored: &serde_json::Value) -> Party {
    serde_json::from_value(stored.clone()).unwrap_or_else(|_| unknown_party())
}

/// A side about which nothing is known yet.
pub(crate) fn unknown_party() -> Party {
    Party { kind: PartyKind::Unknown, value: None, name: None, raw: None }
}
