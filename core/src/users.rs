//! People who sign in.

use std::fmt;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, SqlErr, sea_query::LockType,
};
use serde_json::Value;
use switchboard_entities::{
    role,
    user::{self, UserStatus},
};
use uuid::Uuid;

use crate::{
    App, Error, FieldError, Result,
    access::{Actor, Permission, Permissions},
    audit::{Change, Entry},
    db,
    events::Event,
    page::{Cursor, Page, PageRequest},
    passwords, roles,
};

const MAX_NAME: usize = 120;
/// RFC 5321, 4.5.3.1.3.
const MAX_EMAIL: usize = 254;

/// A person to be added.
#[derive(Clone)]
pub struct NewUser {
    /// Sign-in name; trimmed and lower-cased.
    pub email: String,
    /// What colleagues read.
    pub name: String,
    /// What they may do.
    pub role_id: Uuid,
    /// See [`passwords::check`].
    pub password: String,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("role_id", &self.role_id).finish_non_exhaustive()
    }
}

/// The one form in which an address is stored and looked up. Without NUL, which `PostgreSQL` refuses in a text.
pub fn normalise_email(email: &str) -> String {
    email.replace('\0', "").trim().to_lowercase()
}

/// Adds a person. Needs `users.create`, and everything that the role allows: nobody hands out what they lack.
pub async fn create(app: &App, actor: &Actor, new: NewUser, cause: &str) -> Result<user::Model> {
    actor.require(Permission::UsersCreate)?;
    let email = normalise_email(&new.email);
    let name = new.name.trim().to_owned();
    let mut wrong = Vec::new();
    wrong.extend(check_email(&email).err());
    wrong.extend(check_name(&name).err());
    wrong.extend(passwords::check(&new.password, &[&email, &name]).err());
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    // Before the transaction: hashing takes long, and SQLite has one writer.
    let password_hash = passwords::hash(app, &new.password).await?;

    let mut unit = app.begin(actor, Permission::UsersCreate, cause).await?;
    let role = find_role(unit.tx(), new.role_id).await?;
    require_all(actor, &*roles::permissions_of(unit.tx(), role.id).await?)?;
    let taken = || Error::invalid("email", "Somebody with this e-mail address exists already.");
    if user::Entity::find().filter(user::Column::Email.eq(&email)).count(unit.tx()).await? > 0 {
        return Err(taken());
    }
    let row = user::ActiveModel {
        id: Set(unit.new_id()),
        email: Set(email),
        name: Set(name),
        password_hash: Set(password_hash),
        role_id: Set(role.id),
        status: Set(UserStatus::Active),
        failed_logins: Set(0),
        locked_until: Set(None),
        last_seen_at: Set(None),
        version: Set(1),
        created_at: Set(unit.now()),
        updated_at: Set(unit.now()),
    };
    // Two at once on PostgreSQL: both found nobody above, and the second fails here.
    let row = row.insert(unit.tx()).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => taken(),
        _ => error.into(),
    })?;
    unit.audit(Entry {
        action: "user.create",
        object_type: "user",
        object_id: row.id,
        subject_id: Some(row.id),
        changes: vec![
            Change::personal("email", Value::Null, row.email.as_str()),
            Change::personal("name", Value::Null, row.name.as_str()),
            Change::plain("role", Value::Null, role.key),
        ],
    })
    .await?;
    unit.commit().await?;
    Ok(row)
}

/// Gives a person another role. Needs `users.role.assign`, and everything that the old and the new role allow: whoever has
/// more than oneself cannot be demoted. The last active admin stays one. With `version`, [`Error::Conflict`] when the person
/// was changed meanwhile.
pub async fn assign_role(
    app: &App,
    actor: &Actor,
    user_id: Uuid,
    role_id: Uuid,
    version: Option<i32>,
    cause: &str,
) -> Result<user::Model> {
    let mut unit = app.begin(actor, Permission::UsersRoleAssign, cause).await?;
    // The lock that orders all changes of roles: two admins who demote each other at the same moment would otherwise each
    // see the other one as the admin who remains.
    let admin = lock(role::Entity::find().filter(role::Column::Key.eq(roles::ADMIN)), unit.tx()).one(unit.tx()).await?;
    let user =
        lock(user::Entity::find_by_id(user_id), unit.tx()).one(unit.tx()).await?.ok_or(Error::NotFound("person"))?;
    if version.is_some_and(|version| version != user.version) {
        return Err(Error::conflict("This person was changed meanwhile. Look again before you change the role."));
    }
    let new = find_role(unit.tx(), role_id).await?;
    require_all(actor, &*roles::permissions_of(unit.tx(), new.id).await?)?;
    require_all(actor, &*roles::permissions_of(unit.tx(), user.role_id).await?)?;
    if new.id == user.role_id {
        return Ok(user);
    }
    if let Some(admin) = admin
        && user.role_id == admin.id
        && user.status == UserStatus::Active
    {
        let others = user::Entity::find()
            .filter(user::Column::RoleId.eq(admin.id))
            .filter(user::Column::Status.eq(UserStatus::Active))
            .filter(user::Column::Id.ne(user.id))
            .count(unit.tx())
            .await?;
        if others == 0 {
            return Err(Error::conflict("This is the last admin. Make somebody else an admin first."));
        }
    }
    let old = find_role(unit.tx(), user.role_id).await?;
    let row = user::Entity::update(user::ActiveModel {
        id: Set(user.id),
        role_id: Set(new.id),
        version: Set(user.version + 1),
        updated_at: Set(unit.now()),
        ..Default::default()
    })
    .exec(unit.tx())
    .await?;
    unit.audit(Entry {
        action: "user.assign_role",
        object_type: "user",
        object_id: row.id,
        subject_id: Some(row.id),
        changes: vec![Change::plain("role", old.key, new.key)],
    })
    .await?;
    unit.emit(Event::AccessChanged { user_id: row.id });
    unit.commit().await?;
    Ok(row)
}

/// People, newest first. Needs `users.read`.
pub async fn page(app: &App, actor: &Actor, request: PageRequest) -> Result<Page<user::Model>> {
    actor.require(Permission::UsersRead)?;
    let mut query = user::Entity::find();
    if let Some(after) = request.after {
        query = query.filter(after.condition(user::Column::CreatedAt, user::Column::Id));
    }
    let rows = query
        .order_by_desc(user::Column::CreatedAt)
        .order_by_desc(user::Column::Id)
        .limit(request.limit())
        .all(app.db())
        .await?;
    Ok(Page::new(request, rows, |row| Cursor { at: row.created_at, id: row.id }))
}

/// Some people, in no order; unknown ids are absent. For their names, which every colleague may see: no permission needed,
/// so show nothing else of them.
pub async fn by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<user::Model>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(user::Entity::find().filter(user::Column::Id.is_in(ids.iter().copied())).all(app.db()).await?)
}

/// The person who signs in with this address. For the command line and the set-up.
pub async fn find_by_email(app: &App, email: &str) -> Result<Option<user::Model>> {
    Ok(user::Entity::find().filter(user::Column::Email.eq(normalise_email(email))).one(app.db()).await?)
}

/// Is there anybody yet? The first start makes an admin when there is not.
pub async fn any(app: &App) -> Result<bool> {
    Ok(user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .limit(1)
        .into_tuple::<Uuid>()
        .one(app.db())
        .await?
        .is_some())
}

fn lock<E: EntityTrait>(query: sea_orm::Select<E>, db: &impl ConnectionTrait) -> sea_orm::Select<E> {
    if db::locks_rows(db) { query.lock(LockType::NoKeyUpdate) } else { query }
}

async fn find_role(db: &impl ConnectionTrait, id: Uuid) -> Result<role::Model> {
    role::Entity::find_by_id(id)
        .one(db)
        .await?
        .ok_or_else(|| Error::invalid("roleId", "There is no such role. Choose one from the list of roles."))
}

/// [`Error::Forbidden`] with the first permission that the actor lacks or has in a narrower scope.
fn require_all(actor: &Actor, permissions: &Permissions) -> Result<()> {
    for permission in Permission::ALL {
        if let Some(needed) = permissions.scope(*permission)
            && actor.scope(*permission).is_none_or(|own| own < needed)
        {
            return Err(Error::Forbidden(permission.as_str()));
        }
    }
    Ok(())
}

/// Rough on purpose: whether an address exists shows when it is written to.
fn check_email(email: &str) -> Result<(), FieldError> {
    let plausible = email.len() <= MAX_EMAIL
        && email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.contains('@') && domain.split('.').all(|label| !label.is_empty())
        })
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if plausible { Ok(()) } else { Err(FieldError::new("email", "Write an e-mail address such as name@example.com.")) }
}

fn check_name(name: &str) -> Result<(), FieldError> {
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(FieldError::new("name", format!("Write a name of 1 to {MAX_NAME} characters on one line.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_roughly() {
        for good in ["a@b", "ada@example.com", "ünï@exämple.com", "a+b@mail.example.co.uk"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in ["", "ada", "@example.com", "ada@", "a b@example.com", "a@b@c", "a@b..c", "a@b.", "a\n@b.c", &long] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
        assert_eq!(normalise_email("  Ada@Example.COM\n"), "ada@example.com");
    }
}
