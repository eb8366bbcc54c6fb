//! The record of changes.

use async_graphql::{Object, SimpleObject};
use chrono::{DateTime, Utc};
use switchboard_core::audit::VisibleChange;
use switchboard_entities::audit_entry;
use uuid::Uuid;

use crate::graphql::{
    error::Result,
    loaders::{ConnectionId, UserId},
    viewer::Viewer,
};

/// One change, as it was written in the transaction of the change.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    viewer: Viewer,
    row: audit_entry::Model,
    changes: Vec<VisibleChange>,
}

impl AuditEntry {
    pub(in crate::graphql) fn new(viewer: &Viewer, row: audit_entry::Model, changes: Vec<VisibleChange>) -> Self {
        Self { viewer: viewer.clone(), row, changes }
    }
}

/// One change, as it was written in the transaction of the change. Entries are never edited or removed.
#[Object]
impl AuditEntry {
    /// Id of the entry.
    async fn id(&self) -> Uuid {
        self.row.id
    }

    /// When it happened.
    async fn at(&self) -> DateTime<Utc> {
        self.row.at
    }

    /// Who did it: `user`, `connection` (a phone provider) or `system` (Switchboard itself).
    async fn actor_kind(&self) -> &str {
        &self.row.actor_kind
    }

    /// Name of who did it.
    async fn actor_name(&self) -> Result<String> {
        let name = match (self.row.actor_kind.as_str(), self.row.actor_id) {
            ("user", Some(id)) => self.viewer.load(UserId(id)).await?.map(|user| user.name),
            ("connection", Some(id)) => self.viewer.load(ConnectionId(id)).await?.map(|connection| connection.name),
            _ => None,
        };
        Ok(name.unwrap_or_else(|| "Switchboard".to_owned()))
    }

    /// What was done, as `noun.verb`, e.g. `caller.update`.
    async fn action(&self) -> &str {
        &self.row.action
    }

    /// The noun: what kind of thing was changed.
    async fn object_type(&self) -> &str {
        &self.row.object_type
    }

    /// Id of the thing that was changed.
    async fn object_id(&self) -> String {
        self.row.object_id.to_string()
    }

    /// The changed fields. Personal values are shown to viewers with `audit.read_values` only.
    async fn changes(&self) -> Vec<AuditChange> {
        self.changes.iter().cloned().map(AuditChange::from).collect()
    }
}

/// One changed field.
#[derive(Clone, Debug, SimpleObject)]
pub struct AuditChange {
    /// Name of the field.
    field: String,
    /// The value before; null when there was none or it is not shown.
    before: Option<String>,
    /// The value after; null when there is none or it is not shown.
    after: Option<String>,
    /// There are values that are not shown: the viewer may not see them, or they were erased.
    redacted: bool,
}

impl From<VisibleChange> for AuditChange {
    fn from(change: VisibleChange) -> Self {
        Self { field: change.field, before: change.before, after: change.after, redacted: change.redacted }
    }
}
