//! Who looks: the actor, as of this operation or this event, and the loaders that read with their rights.

use std::{fmt, sync::Arc};

use async_graphql::{
    Context,
    dataloader::{DataLoader, Loader},
};
use switchboard_core::{
    App, Error, Result as RuleResult,
    access::{Actor, Permission, UserActor},
    callers,
};

use super::{
    edge::Edge,
    error::{Fault, Result},
    loaders::{Key, Reader},
};

/// Who looks. Cheap to clone; every object of an answer holds it.
#[derive(Clone)]
pub struct Viewer(Arc<Inner>);

struct Inner {
    app: App,
    user: UserActor,
    actor: Actor,
    edge: Edge,
    sees_numbers: bool,
    loader: DataLoader<Reader>,
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewer").field("user", &self.0.user.id).finish_non_exhaustive()
    }
}

impl Viewer {
    /// Looks as `user` within one operation, or one event of a subscription.
    pub fn new(app: &App, user: UserActor, edge: &Edge) -> Self {
        let actor = Actor::User(user.clone());
        Self(Arc::new(Inner {
            app: app.clone(),
            sees_numbers: callers::sees_numbers(&actor),
            loader: edge.hub.loader(Reader::new(app.clone(), actor.clone())),
            actor,
            user,
            edge: edge.clone(),
        }))
    }

    /// The same viewer at a later moment, with rights as they are now and nothing read yet.
    pub(super) fn renewed(&self, user: UserActor) -> Self {
        Self::new(&self.0.app, user, &self.0.edge)
    }

    /// The viewer of the operation that is being resolved.
    pub(super) fn of<'a>(ctx: &Context<'a>) -> Result<&'a Self> {
        ctx.data_opt().ok_or_else(|| Error::Unauthenticated("Please sign in.".into()).into())
    }

    /// The application.
    pub(super) fn app(&self) -> &App {
        &self.0.app
    }

    /// For the rules.
    pub(super) fn actor(&self) -> &Actor {
        &self.0.actor
    }

    /// The person.
    pub(super) fn user(&self) -> &UserActor {
        &self.0.user
    }

    /// The request.
    pub(super) fn edge(&self) -> &Edge {
        &self.0.edge
    }

    /// For the audit record.
    pub(super) fn cause(&self) -> &str {
        &self.0.edge.request_id
    }

    /// Is the permission granted, in any scope?
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.0.actor.scope(permission).is_some()
    }

    /// Are phone numbers and e-mail addresses shown in full?
    pub(super) fn sees_numbers(&self) -> bool {
        self.0.sees_numbers
    }

    /// Reads by key, together with everything else that is read at this moment.
    pub(super) async fn load<K: Key>(&self, key: K) -> Result<Option<<Reader as Loader<K>>::Value>>
    where
        Reader: Loader<K, Error = Fault>,
    {
        self.0.loader.load_one(key).await
    }

    /// Reads a row that must be there, because another row points at it.
    pub(super) async fn load_existing<K: Key>(&self, key: K, what: &'static str) -> Result<<Reader as Loader<K>>::Value>
    where
        Reader: Loader<K, Error = Fault>,
    {
        let found: RuleResult<_> =
            self.load(key).await?.ok_or_else(|| Error::internal(format!("a {what} that is pointed at is not there")));
        Ok(found?)
    }
}
