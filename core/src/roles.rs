//! Roles: named sets of permissions. The built-in ones follow the program.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::LockType,
};
use serde_json::Value;
use switchboard_entities::{role, role_permission};
use uuid::Uuid;

use crate::{
    App, Error, Result,
    access::{Actor, Permission, Permissions, Scope},
    audit::{Change, Entry},
    db,
    unit::Unit,
};

/// Key of the role that administers the installation. There is always an active user who has it.
pub const ADMIN: &str = "admin";

/// A role that comes with the program.
struct BuiltIn {
    key: &'static str,
    name: &'static str,
    description: &'static str,
    grants: fn() -> Permissions,
}

const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        key: "agent",
        name: "Agent",
        description: "Answers calls. Sees their own callers and calls and those that nobody has taken yet.",
        grants: || conversation(Scope::Own).into_iter().collect(),
    },
    BuiltIn {
        key: "supervisor",
        name: "Supervisor",
        description: "Leads a team. Sees and changes every caller and call, assigns callers, and sees who works here.",
        grants: || {
            let further = [Permission::CallersAssign, Permission::UsersRead, Permission::DeadLettersRead]
                .map(|p| (p, Scope::All));
            conversation(Scope::All).into_iter().chain(further).collect()
        },
    },
    BuiltIn {
        key: ADMIN,
        name: "Admin",
        description: "Runs the installation. May do everything but read personal values in the record of changes.",
        grants: || {
            let all = Permission::ALL.iter().filter(|permission| **permission != Permission::AuditReadValues);
            all.map(|permission| (*permission, Scope::All)).collect()
        },
    },
    BuiltIn {
        key: "auditor",
        name: "Auditor",
        description: "Looks and changes nothing. Sees calls, people and the record of changes; phone numbers are masked.",
        grants: || {
            [
                Permission::CallersRead,
                Permission::InteractionsRead,
                Permission::UsersRead,
                Permission::RolesRead,
                Permission::ConnectionsRead,
                Permission::DeadLettersRead,
                Permission::AuditRead,
            ]
            .map(|permission| (permission, Scope::All))
            .into_iter()
            .collect()
        },
    },
];

/// What working on calls needs. Permissions that are not scoped are granted with [`Scope::All`].
fn conversation(scope: Scope) -> [(Permission, Scope); 8] {
    [
        (Permission::CallersRead, scope),
        (Permission::CallersUpdate, scope),
        (Permission::CallersReadNumbers, scope),
        (Permission::InteractionsRead, scope),
        (Permission::InteractionsTake, Scope::All),
        (Permission::NotesRead, scope),
        (Permission::NotesCreate, scope),
        (Permission::DispositionsSet, scope),
    ]
}

/// Makes the built-in roles what this version of the program says. At every start; two processes may do it at once.
pub async fn seed(app: &App) -> Result<()> {
    let mut unit = app.begin_internal(Actor::System("set-up"), "start").await?;
    let mut changed = false;
    for built_in in BUILT_IN {
        changed |= follow(&mut unit, built_in).await?;
    }
    if changed { unit.commit().await } else { Ok(()) }
}

/// Brings one role up to date; was anything different?
async fn follow(unit: &mut Unit, built_in: &BuiltIn) -> Result<bool> {
    let row = role::ActiveModel {
        id: Set(unit.new_id()),
        key: Set(built_in.key.to_owned()),
        name: Set(built_in.name.to_owned()),
        description: Set(built_in.description.to_owned()),
        built_in: Set(true),
        created_at: Set(unit.now()),
    };
    // A second process waits here until the first has committed, then does nothing and finds nothing to change.
    role::Entity::insert(row).on_conflict_do_nothing_on([role::Column::Key]).exec_without_returning(unit.tx()).await?;
    let mut query = role::Entity::find().filter(role::Column::Key.eq(built_in.key));
    if db::locks_rows(unit.tx()) {
        query = query.lock(LockType::NoKeyUpdate);
    }
    let row = query.one(unit.tx()).await?.ok_or_else(|| Error::internal("a built-in role was not stored"))?;

    let before = stored_permissions(unit.tx(), &[row.id]).await?.remove(&row.id).unwrap_or_default();
    let after = (built_in.grants)();
    let same_text = row.name == built_in.name && row.description == built_in.description && row.built_in;
    if before == after && same_text {
        return Ok(false);
    }
    role::Entity::update(role::ActiveModel {
        id: Set(row.id),
        name: Set(built_in.name.to_owned()),
        description: Set(built_in.description.to_owned()),
        built_in: Set(true),
        ..Default::default()
    })
    .exec(unit.tx())
    .await?;
    role_permission::Entity::delete_many().filter(role_permission::Column::RoleId.eq(row.id)).exec(unit.tx()).await?;
    let grants = Permission::ALL.iter().filter_map(|permission| {
        Some(role_permission::ActiveModel {
            role_id: Set(row.id),
            permission: Set(permission.as_str().to_owned()),
            scope: Set(after.scope(*permission)?.as_str().to_owned()),
        })
    });
    role_permission::Entity::insert_many(grants).exec_without_returning(unit.tx()).await?;
    unit.audit(Entry {
        action: "role.follow",
        object_type: "role",
        object_id: row.id,
        subject_id: None,
        changes: vec![
            Change::plain("key", Value::Null, built_in.key),
            Change::plain("permissions", before.to_strings(), after.to_strings()),
        ],
    })
    .await?;
    Ok(true)
}

/// Every role, built-in ones first, in the order of the program. Needs `roles.read`.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<role::Model>> {
    actor.require(Permission::RolesRead)?;
    let mut roles =
        role::Entity::find().order_by_asc(role::Column::CreatedAt).order_by_asc(role::Column::Id).all(app.db()).await?;
    // The built-in ones were made at the same instant, so no column orders them.
    roles.sort_by_key(|role| BUILT_IN.iter().position(|built_in| built_in.key == role.key).unwrap_or(usize::MAX));
    Ok(roles)
}

/// Some roles, in no order; unknown ids are absent. For naming the role of a person one may see.
pub async fn by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<role::Model>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(role::Entity::find().filter(role::Column::Id.is_in(ids.iter().copied())).all(app.db()).await?)
}

/// The role with this key, e.g. `agent`.
pub async fn find_by_key(app: &App, key: &str) -> Result<Option<role::Model>> {
    Ok(role::Entity::find().filter(role::Column::Key.eq(key)).one(app.db()).await?)
}

/// What some roles allow; every id asked for is present.
pub async fn permissions(app: &App, role_ids: &[Uuid]) -> Result<HashMap<Uuid, Permissions>> {
    let mut found: HashMap<_, _> = stored_permissions(app.db(), role_ids).await?.into_iter().collect();
    for id in role_ids {
        found.entry(*id).or_default();
    }
    Ok(found)
}

/// What one role allows.
pub(crate) async fn permissions_of(db: &impl ConnectionTrait, role_id: Uuid) -> Result<Arc<Permissions>> {
    Ok(Arc::new(stored_permissions(db, &[role_id]).await?.remove(&role_id).unwrap_or_default()))
}

/// Words that this version does not know (a newer one wrote them) allow nothing.
async fn stored_permissions(db: &impl ConnectionTrait, role_ids: &[Uuid]) -> Result<BTreeMap<Uuid, Permissions>> {
    let mut found: BTreeMap<Uuid, Permissions> = BTreeMap::new();
    if role_ids.is_empty() {
        return Ok(found);
    }
    let rows = role_permission::Entity::find()
        .filter(role_permission::Column::RoleId.is_in(role_ids.iter().copied()))
        .all(db)
        .await?;
    for row in rows {
        if let (Ok(permission), Ok(scope)) = (row.permission.parse(), row.scope.parse()) {
            found.entry(row.role_id).or_default().grant(permission, scope);
        }
    }
    Ok(found)
}
