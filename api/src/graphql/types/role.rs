//! A named set of permissions.

use async_graphql::Object;
use switchboard_entities::role;
use uuid::Uuid;

use crate::graphql::{error::Result, loaders::PermissionsOf, viewer::Viewer};

/// A named set of permissions.
#[derive(Clone, Debug)]
pub struct Role {
    viewer: Viewer,
    row: role::Model,
}

impl Role {
    pub(in crate::graphql) fn new(viewer: &Viewer, row: role::Model) -> Self {
        Self { viewer: viewer.clone(), row }
    }
}

/// A named set of permissions. Everybody has one role.
#[Object]
impl Role {
    /// Id of the role.
    async fn id(&self) -> Uuid {
        self.row.id
    }

    /// Stable name for programs, e.g. `agent`.
    async fn key(&self) -> &str {
        &self.row.key
    }

    /// What people read.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// One sentence: what a person with it can and cannot do.
    async fn description(&self) -> &str {
        &self.row.description
    }

    /// Built-in roles come with the program and cannot be edited.
    async fn built_in(&self) -> bool {
        self.row.built_in
    }

    /// What it allows, with how far that reaches where it makes a difference: `users.create`, `callers.read:own`.
    async fn permissions(&self) -> Result<Vec<String>> {
        let permissions = self.viewer.load(PermissionsOf(self.row.id)).await?.unwrap_or_default();
        Ok(permissions.to_strings())
    }
}
