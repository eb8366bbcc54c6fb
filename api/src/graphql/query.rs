//! What can be asked.

#![expect(clippy::unused_async, reason = "the macro wants every resolver to be async")]

use async_graphql::{Context, Object};
use switchboard_core::{access::Permission, audit, callers, connections, dispositions, interactions, roles, users};
use uuid::Uuid;

use super::{
    error::Result,
    guard::{Requires, SignedIn},
    loaders::CallerId,
    page::{self, AuditEntryConnection, CallerConnection, InteractionConnection, UserConnection},
    types::{
        AuditEntry, Caller, CallerFilter, Disposition, Interaction, InteractionFilter, Me, Provider,
        ProviderConnection, Role, User,
    },
    viewer::Viewer,
};

/// What can be asked.
#[derive(Clone, Copy, Debug)]
pub struct Query;

/// What can be asked. Everything needs a session; lists hold what the viewer may see, and nothing else.
#[Object]
impl Query {
    /// Who is signed in.
    #[graphql(guard = "SignedIn")]
    async fn me(&self, ctx: &Context<'_>) -> Result<Me> {
        Ok(Me(Viewer::of(ctx)?.clone()))
    }

    /// Callers, the last call first. Needs `callers.read`.
    #[graphql(guard = "Requires(Permission::CallersRead)", complexity = "page::cost(first, child_complexity)")]
    async fn callers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows wanted, 1 to 100; 25 when it is left out.")] first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Which callers are wanted.")] filter: Option<CallerFilter>,
    ) -> Result<CallerConnection> {
        let viewer = Viewer::of(ctx)?;
        let request = page::request(first, after.as_deref())?;
        let rows = callers::page(viewer.app(), viewer.actor(), request, filter.unwrap_or_default().into()).await?;
        Ok(CallerConnection::new(rows, |row| Caller::new(viewer, row)))
    }

    /// One caller; null when there is none or the viewer may not see it. Needs `callers.read`.
    #[graphql(guard = "Requires(Permission::CallersRead)")]
    async fn caller(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the caller.")] id: Uuid,
    ) -> Option<Result<Caller>> {
        let found = async {
            let viewer = Viewer::of(ctx)?;
            Ok(viewer.load(CallerId(id)).await?.map(|row| Caller::new(viewer, row)))
        };
        found.await.transpose()
    }

    /// Calls, newest first. Needs `interactions.read`.
    #[graphql(guard = "Requires(Permission::InteractionsRead)", complexity = "page::cost(first, child_complexity)")]
    async fn interactions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows wanted, 1 to 100; 25 when it is left out.")] first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Which calls are wanted.")] filter: Option<InteractionFilter>,
    ) -> Result<InteractionConnection> {
        let viewer = Viewer::of(ctx)?;
        let request = page::request(first, after.as_deref())?;
        let rows = interactions::page(viewer.app(), viewer.actor(), request, filter.unwrap_or_default().into()).await?;
        Ok(InteractionConnection::new(rows, |row| Interaction::new(viewer, row)))
    }

    /// One call; null when there is none or the viewer may not see it. Needs `interactions.read`.
    #[graphql(guard = "Requires(Permission::InteractionsRead)")]
    async fn interaction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the call.")] id: Uuid,
    ) -> Option<Result<Interaction>> {
        let found = async {
            let viewer = Viewer::of(ctx)?;
            let rows = interactions::by_ids(viewer.app(), viewer.actor(), &[id]).await?;
            Ok(rows.into_iter().next().map(|row| Interaction::new(viewer, row)))
        };
        found.await.transpose()
    }

    /// How calls can end, in the organisation's order.
    #[graphql(guard = "SignedIn")]
    async fn dispositions(&self, ctx: &Context<'_>) -> Result<Vec<Disposition>> {
        let rows = dispositions::list(Viewer::of(ctx)?.app()).await?;
        Ok(rows.into_iter().map(Disposition::from).collect())
    }

    /// People who sign in, newest first. Needs `users.read`.
    #[graphql(guard = "Requires(Permission::UsersRead)", complexity = "page::cost(first, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows wanted, 1 to 100; 25 when it is left out.")] first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<UserConnection> {
        let viewer = Viewer::of(ctx)?;
        let rows = users::page(viewer.app(), viewer.actor(), page::request(first, after.as_deref())?).await?;
        Ok(UserConnection::new(rows, |row| User::new(viewer, row)))
    }

    /// Roles and what they allow. Needs `roles.read`.
    #[graphql(guard = "Requires(Permission::RolesRead)")]
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        let viewer = Viewer::of(ctx)?;
        let rows = roles::list(viewer.app(), viewer.actor()).await?;
        Ok(rows.into_iter().map(|row| Role::new(viewer, row)).collect())
    }

    /// Connections to phone providers. Needs `connections.read`.
    #[graphql(guard = "Requires(Permission::ConnectionsRead)")]
    async fn provider_connections(&self, ctx: &Context<'_>) -> Result<Vec<ProviderConnection>> {
        let viewer = Viewer::of(ctx)?;
        let rows = connections::list(viewer.app(), viewer.actor()).await?;
        rows.into_iter().map(|row| ProviderConnection::new(viewer.app(), row)).collect()
    }

    /// One connection; null when there is none. Needs `connections.read`.
    #[graphql(guard = "Requires(Permission::ConnectionsRead)")]
    async fn provider_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the connection.")] id: Uuid,
    ) -> Option<Result<ProviderConnection>> {
        let found = async {
            let viewer = Viewer::of(ctx)?;
            let row = connections::find(viewer.app(), viewer.actor(), id).await?;
            row.map(|row| ProviderConnection::new(viewer.app(), row)).transpose()
        };
        found.await.transpose()
    }

    /// Phone providers that can be connected, in the order in which they are to be shown. Needs `connections.read`.
    #[graphql(guard = "Requires(Permission::ConnectionsRead)")]
    async fn providers(&self) -> Vec<Provider> {
        switchboard_telephony::providers().iter().map(|provider| Provider::from(*provider)).collect()
    }

    /// The record of changes, newest first. Needs `audit.read`.
    #[graphql(guard = "Requires(Permission::AuditRead)", complexity = "page::cost(first, child_complexity)")]
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows wanted, 1 to 100; 25 when it is left out.")] first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Only changes of the thing with this id.")] object_id: Option<Uuid>,
    ) -> Result<AuditEntryConnection> {
        let viewer = Viewer::of(ctx)?;
        let request = page::request(first, after.as_deref())?;
        let page = audit::page(viewer.app(), viewer.actor(), request, object_id).await?;
        let rows: Vec<_> = page.rows.iter().map(|(_, row)| row.clone()).collect();
        let mut changes = audit::changes(viewer.app(), viewer.actor(), &rows).await?.into_iter();
        let page = switchboard_core::page::Page {
            rows: page
                .rows
                .into_iter()
                .map(|(cursor, row)| (cursor, (row, changes.next().unwrap_or_default())))
                .collect(),
            has_next: page.has_next,
            has_previous: page.has_previous,
        };
        Ok(AuditEntryConnection::new(page, |(row, changes)| AuditEntry::new(viewer, row, changes)))
    }
}
