//! What colleagues write about callers and calls.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Query,
};
use switchboard_entities::{interaction, note};
use uuid::Uuid;

use crate::{
    App, Error, Result,
    access::{Actor, Permission},
    audit::{Change, Entry},
    callers,
    events::Event,
    idempotency, interactions,
    page::{Cursor, Page, PageRequest},
    unit::Unit,
};

/// Longest note, in characters.
pub const MAX_BODY: usize = 10_000;

/// A note to be written about a call or a caller, exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewNote {
    /// About this caller.
    pub caller_id: Option<Uuid>,
    /// About this call.
    pub interaction_id: Option<Uuid>,
    /// The text.
    pub body: String,
    /// The same key twice writes one note.
    pub idempotency_key: Option<Uuid>,
}

/// Writes a note. Needs `notes.create`, and the call or caller must be in that scope.
pub async fn add(app: &App, actor: &Actor, input: NewNote, cause: &str) -> Result<note::Model> {
    let body = checked_body("body", &input.body)?;
    let mut unit = app.begin(actor, Permission::NotesCreate, cause).await?;
    let (caller_id, interaction_id) = match (input.caller_id, input.interaction_id) {
        (Some(caller_id), None) => {
            let found = switchboard_entities::caller::Entity::find_by_id(caller_id)
                .filter(callers::visible(actor, Permission::NotesCreate)?)
                .one(unit.tx())
                .await?;
            (Some(found.ok_or(Error::NotFound("caller"))?.id), None)
        }
        (None, Some(interaction_id)) => {
            let found = interaction::Entity::find_by_id(interaction_id)
                .filter(interactions::visible(actor, Permission::NotesCreate)?)
                .one(unit.tx())
                .await?
                .ok_or(Error::NotFound("call"))?;
            (found.caller_id, Some(found.id))
        }
        _ => return Err(Error::invalid("interactionId", "Name either the call or the caller that the note is about.")),
    };
    let id = unit.new_id();
    if let Some(earlier) = idempotency::claim(&unit, input.idempotency_key, "note.create", id).await? {
        return note::Entity::find_by_id(earlier).one(unit.tx()).await?.ok_or(Error::NotFound("note"));
    }
    let row = write(&mut unit, id, caller_id, interaction_id, body).await?;
    unit.commit().await?;
    Ok(row)
}

/// Writes the row, its audit entry and its events.
pub(crate) async fn write(
    unit: &mut Unit,
    id: Uuid,
    caller_id: Option<Uuid>,
    interaction_id: Option<Uuid>,
    body: String,
) -> Result<note::Model> {
    let author_id = unit.actor().user()?.id;
    let row = note::ActiveModel {
        id: Set(id),
        caller_id: Set(caller_id),
        interaction_id: Set(interaction_id),
        author_id: Set(author_id),
        body: Set(body.clone()),
        created_at: Set(unit.now()),
        updated_at: Set(unit.now()),
    }
    .insert(unit.tx())
    .await?;
    unit.audit(Entry {
        action: "note.create",
        object_type: "note",
        object_id: id,
        subject_id: caller_id.or(interaction_id),
        changes: vec![
            Change::plain("caller_id", (), caller_id.map(|id| id.to_string())),
            Change::plain("interaction_id", (), interaction_id.map(|id| id.to_string())),
            Change::personal("body", (), body),
        ],
    })
    .await?;
    if let Some(interaction_id) = interaction_id {
        unit.emit(Event::CallChanged { interaction_id });
    }
    if let Some(caller_id) = caller_id {
        unit.emit(Event::CallerChanged { caller_id });
    }
    Ok(row)
}

/// Trimmed text of 1 to [`MAX_BODY`] characters.
pub(crate) fn checked_body(path: &'static str, body: &str) -> Result<String> {
    let body = body.trim();
    if body.is_empty() {
        return Err(Error::invalid(path, "Please write something first."));
    }
    if body.chars().count() > MAX_BODY {
        return Err(Error::invalid(path, format!("A note may have at most {MAX_BODY} characters.")));
    }
    // PostgreSQL keeps no NUL in text.
    Ok(body.replace('\0', ""))
}

/// Notes about a caller and about its calls, newest first. Needs `notes.read`.
pub async fn page_of_caller(
    app: &App,
    actor: &Actor,
    caller_id: Uuid,
    request: PageRequest,
) -> Result<Page<note::Model>> {
    page(app, actor, request, note::Column::CallerId.eq(caller_id)).await
}

/// Notes about a call, newest first. Needs `notes.read`.
pub async fn page_of_interaction(
    app: &App,
    actor: &Actor,
    interaction_id: Uuid,
    request: PageRequest,
) -> Result<Page<note::Model>> {
    page(app, actor, request, note::Column::InteractionId.eq(interaction_id)).await
}

/// A note on a call is seen by whoever may read the call; a note on a caller by whoever sees the caller. The author sees both.
async fn page(
    app: &App,
    actor: &Actor,
    request: PageRequest,
    of: sea_orm::sea_query::SimpleExpr,
) -> Result<Page<note::Model>> {
    let calls = Query::select()
        .column(interaction::Column::Id)
        .from(interaction::Entity)
        .cond_where(interactions::readable(actor, Permission::NotesRead)?)
        .to_owned();
    let mine = actor.user().map(|user| user.id).unwrap_or_default();
    let mut query = note::Entity::find().filter(of).filter(
        Condition::any()
            .add(note::Column::InteractionId.is_null())
            .add(note::Column::AuthorId.eq(mine))
            .add(note::Column::InteractionId.in_subquery(calls)),
    );
    if let Some(after) = request.after {
        query = query.filter(after.condition(note::Column::CreatedAt, note::Column::Id));
    }
    let rows = query
        .order_by_desc(note::Column::CreatedAt)
        .order_by_desc(note::Column::Id)
        .limit(request.limit())
        .all(app.db())
        .await?;
    Ok(Page::new(request, rows, |row| Cursor { at: row.created_at, id: row.id }))
}
