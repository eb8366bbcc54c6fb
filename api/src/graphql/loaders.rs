//! What is read by key, many keys with one statement, always with the rights of the viewer.

use std::{collections::HashMap, hash::Hash};

use async_graphql::dataloader::Loader;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr, SubQueryStatement},
};
use switchboard_core::{
    App, Error,
    access::{Actor, Permission, Permissions},
    callers, connections, dispositions, interactions, roles, users,
};
use switchboard_entities::{caller, caller_number, disposition, interaction, provider_connection, role, user};
use uuid::Uuid;

use super::error::{Fault, Result};

/// A key that can be loaded.
pub trait Key: Copy + Eq + Hash + Send + Sync + 'static {}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub Uuid);

        impl Key for $name {}
    )*};
}

keys! {
    /// A caller, if it is in the viewer's scope.
    CallerId,
    /// The numbers of a caller that the viewer sees.
    NumbersOf,
    /// The disposition of a caller's last call that has one, as far as the viewer sees the calls.
    LastDispositionOf,
    /// A user.
    UserId,
    /// A role.
    RoleId,
    /// What a role allows.
    PermissionsOf,
    /// A disposition.
    DispositionId,
    /// A connection to a phone provider.
    ConnectionId,
}

/// Reads for one viewer.
#[derive(Debug)]
pub struct Reader {
    app: App,
    actor: Actor,
}

impl Reader {
    pub(super) fn new(app: App, actor: Actor) -> Self {
        Self { app, actor }
    }
}

fn by_id<K: Key, M>(rows: Vec<M>, key: impl Fn(&M) -> K) -> HashMap<K, M> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

impl Loader<CallerId> for Reader {
    type Value = caller::Model;
    type Error = Fault;

    async fn load(&self, keys: &[CallerId]) -> Result<HashMap<CallerId, caller::Model>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        Ok(by_id(callers::by_ids(&self.app, &self.actor, &ids).await?, |row| CallerId(row.id)))
    }
}

impl Loader<NumbersOf> for Reader {
    type Value = Vec<caller_number::Model>;
    type Error = Fault;

    async fn load(&self, keys: &[NumbersOf]) -> Result<HashMap<NumbersOf, Vec<caller_number::Model>>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let mut numbers: HashMap<_, Vec<_>> = HashMap::new();
        for row in callers::numbers(&self.app, &ids).await? {
            numbers.entry(NumbersOf(row.caller_id)).or_default().push(row);
        }
        Ok(numbers)
    }
}

impl Loader<LastDispositionOf> for Reader {
    type Value = Uuid;
    type Error = Fault;

    /// One look into the index (caller, start) for each caller, whatever the number of its calls.
    async fn load(&self, keys: &[LastDispositionOf]) -> Result<HashMap<LastDispositionOf, Uuid>> {
        let last: SelectStatement = Query::select()
            .column((interaction::Entity, interaction::Column::DispositionId))
            .from(interaction::Entity)
            .and_where(
                Expr::col((interaction::Entity, interaction::Column::CallerId))
                    .equals((caller::Entity, caller::Column::Id)),
            )
            .and_where(interaction::Column::DispositionId.is_not_null())
            .cond_where(interactions::visible(&self.actor, Permission::InteractionsRead)?)
            .order_by((interaction::Entity, interaction::Column::StartedAt), sea_orm::Order::Desc)
            .order_by((interaction::Entity, interaction::Column::Id), sea_orm::Order::Desc)
            .limit(1)
            .to_owned();
        let rows: Vec<(Uuid, Option<Uuid>)> = caller::Entity::find()
            .select_only()
            .column(caller::Column::Id)
            .expr_as(SimpleExpr::SubQuery(None, Box::new(SubQueryStatement::SelectStatement(last))), "last_disposition")
            .filter(caller::Column::Id.is_in(keys.iter().map(|key| key.0)))
            .into_tuple()
            .all(self.app.db())
            .await
            .map_err(Error::from)?;
        Ok(rows.into_iter().filter_map(|(id, last)| Some((LastDispositionOf(id), last?))).collect())
    }
}

impl Loader<UserId> for Reader {
    type Value = user::Model;
    type Error = Fault;

    async fn load(&self, keys: &[UserId]) -> Result<HashMap<UserId, user::Model>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        Ok(by_id(users::by_ids(&self.app, &ids).await?, |row| UserId(row.id)))
    }
}

impl Loader<RoleId> for Reader {
    type Value = role::Model;
    type Error = Fault;

    async fn load(&self, keys: &[RoleId]) -> Result<HashMap<RoleId, role::Model>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        Ok(by_id(roles::by_ids(&self.app, &ids).await?, |row| RoleId(row.id)))
    }
}

impl Loader<PermissionsOf> for Reader {
    type Value = Permissions;
    type Error = Fault;

    async fn load(&self, keys: &[PermissionsOf]) -> Result<HashMap<PermissionsOf, Permissions>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let permissions = roles::permissions(&self.app, &ids).await?;
        Ok(permissions.into_iter().map(|(role, permissions)| (PermissionsOf(role), permissions)).collect())
    }
}

impl Loader<DispositionId> for Reader {
    type Value = disposition::Model;
    type Error = Fault;

    async fn load(&self, keys: &[DispositionId]) -> Result<HashMap<DispositionId, disposition::Model>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        Ok(by_id(dispositions::by_ids(&self.app, &ids).await?, |row| DispositionId(row.id)))
    }
}

impl Loader<ConnectionId> for Reader {
    type Value = provider_connection::Model;
    type Error = Fault;

    async fn load(&self, keys: &[ConnectionId]) -> Result<HashMap<ConnectionId, provider_connection::Model>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        Ok(by_id(connections::by_ids(&self.app, &ids).await?, |row| ConnectionId(row.id)))
    }
}
