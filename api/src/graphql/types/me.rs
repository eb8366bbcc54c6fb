//! Who is signed in.

use async_graphql::Object;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Role;
use crate::graphql::{error::Result, loaders::RoleId, viewer::Viewer};

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Me(pub(in crate::graphql) Viewer);

/// Who is signed in.
#[Object]
impl Me {
    /// Id of the user.
    async fn id(&self) -> Uuid {
        self.0.user().id
    }

    /// Their name.
    async fn name(&self) -> &str {
        &self.0.user().name
    }

    /// The e-mail address they sign in with.
    async fn email(&self) -> &str {
        &self.0.user().email
    }

    /// Their role.
    async fn role(&self) -> Result<Role> {
        Ok(Role::new(&self.0, self.0.load_existing(RoleId(self.0.user().role_id), "role").await?))
    }

    /// What they may do, with how far that reaches where it makes a difference: `users.create`, `callers.read:own`.
    async fn permissions(&self) -> Vec<String> {
        self.0.user().permissions.to_strings()
    }

    /// The server's clock, by which a client corrects its own.
    async fn server_time(&self) -> DateTime<Utc> {
        self.0.app().now()
    }
}
