//! People and companies that call or are called: reading within scope, changing with optimistic concurrency.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, LikeExpr, Query},
};
use switchboard_entities::{caller, caller_number, interaction, user};
use uuid::Uuid;

use crate::{
    App, Error, FieldError, Result,
    access::{Actor, Permission, Scope},
    audit::{Change, Entry},
    events::Event,
    page::{Cursor, Page, PageRequest},
};

/// Longest name, company and e-mail address, in characters.
const MAX_TEXT: usize = 200;

/// Which callers are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerFilter {
    /// Part of the name or company, or digits of a number.
    pub search: Option<String>,
    /// Only those that nobody has named yet, or only the others.
    pub provisional: Option<bool>,
    /// Only those assigned to the actor.
    pub owned_by_me: bool,
}

/// A change; `None` leaves a field alone, `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateCaller {
    /// Which caller.
    pub id: Uuid,
    /// The version that the change was made from.
    pub version: i32,
    /// Naming a provisional caller makes it a real one.
    pub name: Option<Option<String>>,
    /// Company.
    pub company: Option<Option<String>>,
    /// E-mail address.
    pub email: Option<Option<String>>,
    /// The colleague it is assigned to; needs `callers.assign`.
    pub owner_id: Option<Option<Uuid>>,
}

/// May the actor see phone numbers and e-mail addresses in full?
pub fn sees_numbers(actor: &Actor) -> bool {
    actor.scope(Permission::CallersReadNumbers).is_some()
}

/// The rows that a scope reaches. `own` is what is assigned to me, what is assigned to nobody, and whoever is on a call of
/// mine or on one that nobody has taken: an agent must see who is ringing. (`team` reaches no further until there are teams.)
pub fn visible(actor: &Actor, permission: Permission) -> Result<Condition> {
    let scope = actor.require(permission)?;
    if scope == Scope::All {
        return Ok(Condition::all());
    }
    let me = actor.user()?.id;
    let on_my_calls = Query::select()
        .expr(Expr::value(1))
        .from(interaction::Entity)
        .and_where(
            Expr::col((interaction::Entity, interaction::Column::CallerId))
                .equals((caller::Entity, caller::Column::Id)),
        )
        .and_where(interaction::Column::MergedInto.is_null())
        .cond_where(
            Condition::any().add(interaction::Column::AgentId.eq(me)).add(interaction::Column::AgentId.is_null()),
        )
        .to_owned();
    Ok(Condition::any()
        .add(caller::Column::OwnerId.eq(me))
        .add(caller::Column::OwnerId.is_null())
        .add(Expr::exists(on_my_calls)))
}

/// Not left behind by ingestion. The first event of a call may be about a leg that only later events show to be somebody
/// else's (a transfer), and then the caller that was made for it has no call. It is not deleted, because another worker may be
/// giving it one at this very moment; until then it is in no list.
fn not_left_behind() -> Condition {
    Condition::any()
        .add(caller::Column::Provisional.eq(false))
        .add(caller::Column::CallCount.gt(0))
        .add(caller::Column::OwnerId.is_not_null())
        .add(caller::Column::Company.is_not_null())
        .add(caller::Column::Email.is_not_null())
}

/// Callers in the actor's scope, last call first. Needs `callers.read`.
pub async fn page(app: &App, actor: &Actor, request: PageRequest, filter: CallerFilter) -> Result<Page<caller::Model>> {
    let mut query = caller::Entity::find().filter(visible(actor, Permission::CallersRead)?).filter(not_left_behind());
    if let Some(search) = filter.search.as_deref().map(str::trim).filter(|search| !search.is_empty()) {
        query = query.filter(matching(actor, search)?);
    }
    if let Some(provisional) = filter.provisional {
        query = query.filter(caller::Column::Provisional.eq(provisional));
    }
    if filter.owned_by_me {
        query = query.filter(caller::Column::OwnerId.eq(actor.user()?.id));
    }
    if let Some(after) = request.after {
        query = query.filter(after.condition(caller::Column::SortAt, caller::Column::Id));
    }
    let rows = query
        .order_by_desc(caller::Column::SortAt)
        .order_by_desc(caller::Column::Id)
        .limit(request.limit())
        .all(app.db())
        .await?;
    Ok(Page::new(request, rows, |row| Cursor { at: row.sort_at, id: row.id }))
}

/// Name or company holds the text; or a number holds its digits, for those who see numbers anyway: for the others, asking
/// digit by digit would read out what the mask hides.
fn matching(actor: &Actor, search: &str) -> Result<Condition> {
    if search.chars().count() > MAX_TEXT {
        return Err(Error::invalid("search", format!("Search for at most {MAX_TEXT} characters.")));
    }
    // PostgreSQL takes no NUL in a text, so nothing can hold one.
    let escaped = search.to_lowercase().replace('\0', "").replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let pattern = || LikeExpr::new(format!("%{escaped}%")).escape('\\');
    let mut any = Condition::any()
        .add(Expr::expr(Func::lower(Expr::col((caller::Entity, caller::Column::Name)))).like(pattern()))
        .add(Expr::expr(Func::lower(Expr::col((caller::Entity, caller::Column::Company)))).like(pattern()));
    let digits: String = search.chars().filter(char::is_ascii_digit).collect();
    if digits.len() >= 3 && sees_numbers(actor) {
        // A trunk zero ("0321 ...") is not part of the international number.
        let digits = digits.trim_start_matches('0').to_owned();
        any = any.add(
            caller::Column::Id.in_subquery(
                Query::select()
                    .column(caller_number::Column::CallerId)
                    .from(caller_number::Entity)
                    .and_where(caller_number::Column::Digits.contains(&digits))
                    .to_owned(),
            ),
        );
    }
    Ok(any)
}

/// Some by id, as far as they are in the actor's scope. Needs `callers.read`.
pub async fn by_ids(app: &App, actor: &Actor, ids: &[Uuid]) -> Result<Vec<caller::Model>> {
    Ok(caller::Entity::find()
        .filter(caller::Column::Id.is_in(ids.iter().copied()))
        .filter(visible(actor, Permission::CallersRead)?)
        .all(app.db())
        .await?)
}

/// The numbers of some callers, oldest first. Whoever calls this has checked that the callers may be seen, and masks.
pub async fn numbers(app: &App, callers: &[Uuid]) -> Result<Vec<caller_number::Model>> {
    Ok(caller_number::Entity::find()
        .filter(caller_number::Column::CallerId.is_in(callers.iter().copied()))
        .order_by_asc(caller_number::Column::CreatedAt)
        .order_by_asc(caller_number::Column::Id)
        .all(app.db())
        .await?)
}

/// Changes a caller. Needs `callers.update`, and `callers.assign` for the owner.
pub async fn update(app: &App, actor: &Actor, input: UpdateCaller, cause: &str) -> Result<caller::Model> {
    let input = validated(input)?;
    if input.owner_id.is_some() {
        actor.require(Permission::CallersAssign)?;
    }
    let mut unit = app.begin(actor, Permission::CallersUpdate, cause).await?;
    if matches!(&input.name, Some(Some(_))) {
        // The calls so far were from "a new number"; from now on everybody knows who it is. Calls before the caller, as
        // ingestion locks them: the other way round an event arriving now and we could wait for each other.
        interaction::Entity::update_many()
            .col_expr(interaction::Column::MatchLevel, Expr::value(interaction::MatchLevel::Known))
            .filter(interaction::Column::CallerId.eq(input.id))
            .filter(interaction::Column::MatchLevel.eq(interaction::MatchLevel::New))
            .exec(unit.tx())
            .await?;
    }
    let query = caller::Entity::find_by_id(input.id).filter(visible(actor, Permission::CallersUpdate)?);
    let query = if crate::db::locks_rows(app.db()) { query.lock_exclusive() } else { query };
    let old = query.one(unit.tx()).await?.ok_or(Error::NotFound("caller"))?;
    if old.version != input.version {
        return Err(Error::conflict(
            "Someone else changed this caller a moment ago. Look at the new details, then save again.",
        ));
    }
    if let Some(Some(owner)) = input.owner_id
        && user::Entity::find_by_id(owner).one(unit.tx()).await?.is_none()
    {
        return Err(Error::invalid("ownerId", "There is no such colleague."));
    }
    let mut changes = Vec::new();
    let mut row = old.clone().into_active_model();
    if let Some(name) = input.name.filter(|name| *name != old.name) {
        changes.push(Change::personal("name", old.name.clone(), name.clone()));
        if name.is_some() && old.provisional {
            changes.push(Change::plain("provisional", true, false));
            row.provisional = Set(false);
        }
        row.name = Set(name);
    }
    if let Some(company) = input.company.filter(|company| *company != old.company) {
        changes.push(Change::personal("company", old.company.clone(), company.clone()));
        row.company = Set(company);
    }
    if let Some(email) = input.email.filter(|email| *email != old.email) {
        changes.push(Change::personal("email", old.email.clone(), email.clone()));
        row.email = Set(email);
    }
    if let Some(owner) = input.owner_id.filter(|owner| *owner != old.owner_id) {
        changes.push(Change::plain("owner_id", old.owner_id.map(|id| id.to_string()), owner.map(|id| id.to_string())));
        row.owner_id = Set(owner);
    }
    if changes.is_empty() {
        return Ok(old);
    }
    row.version = Set(old.version + 1);
    row.updated_at = Set(unit.now());
    let new = row.update(unit.tx()).await?;
    unit.audit(Entry {
        action: "caller.update",
        object_type: "caller",
        object_id: new.id,
        subject_id: Some(new.id),
        changes,
    })
    .await?;
    unit.emit(Event::CallerChanged { caller_id: new.id });
    unit.commit().await?;
    Ok(new)
}

/// Trims, turns empty into absent, and checks.
fn validated(mut input: UpdateCaller) -> Result<UpdateCaller> {
    let mut wrong = Vec::new();
    for (path, field) in [("name", &mut input.name), ("company", &mut input.company), ("email", &mut input.email)] {
        if let Some(text) = field {
            *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            if text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT) {
                wrong.push(FieldError::new(path, format!("At most {MAX_TEXT} characters, please.")));
            } else if text.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
                wrong.push(FieldError::new(path, "Please write it on one line, without control characters."));
            }
        }
    }
    if let Some(Some(email)) = &input.email {
        let plausible = email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(char::is_whitespace)
        });
        if !plausible {
            wrong.push(FieldError::new("email", "This does not look like an e-mail address, e.g. name@example.com."));
        }
    }
    if wrong.is_empty() { Ok(input) } else { Err(Error::Invalid(wrong)) }
}
