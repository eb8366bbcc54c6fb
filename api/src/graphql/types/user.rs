//! A person who signs in.

use async_graphql::{Object, SimpleObject};
use chrono::{DateTime, Utc};
use switchboard_core::access::Permission;
use switchboard_entities::user;
use uuid::Uuid;

use super::{Role, UserStatus};
use crate::graphql::{error::Result, loaders::RoleId, viewer::Viewer};

/// A colleague, by name only: everybody may know who took a call.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserRef {
    /// Id of the user.
    id: Uuid,
    /// Their name.
    name: String,
}

impl From<user::Model> for UserRef {
    fn from(row: user::Model) -> Self {
        Self { id: row.id, name: row.name }
    }
}

/// A person who signs in.
#[derive(Clone, Debug)]
pub struct User {
    viewer: Viewer,
    row: user::Model,
}

impl User {
    pub(in crate::graphql) fn new(viewer: &Viewer, row: user::Model) -> Self {
        Self { viewer: viewer.clone(), row }
    }
}

/// A person who signs in.
#[Object]
impl User {
    /// Id of the user.
    async fn id(&self) -> Uuid {
        self.row.id
    }

    /// Goes up with every change; `assignRole` may want the one that was looked at.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// Their name.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// The e-mail address they sign in with; masked for viewers without `users.read`.
    async fn email(&self) -> &str {
        if self.viewer.may(Permission::UsersRead) || self.viewer.user().id == self.row.id {
            &self.row.email
        } else {
            "•••"
        }
    }

    /// What they may do.
    async fn role(&self) -> Result<Role> {
        Ok(Role::new(&self.viewer, self.viewer.load_existing(RoleId(self.row.role_id), "role").await?))
    }

    /// May they sign in?
    async fn status(&self) -> UserStatus {
        self.row.status.into()
    }

    /// When they were added.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When they were last here; null when never, and for viewers without `users.read`.
    async fn last_seen_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_seen_at.filter(|_| self.viewer.may(Permission::UsersRead))
    }
}
