//! What a colleague wrote.

use async_graphql::Object;
use chrono::{DateTime, Utc};
use switchboard_entities::note;
use uuid::Uuid;

use super::UserRef;
use crate::graphql::{error::Result, loaders::UserId, viewer::Viewer};

/// What a colleague wrote about a caller or a call.
#[derive(Clone, Debug)]
pub struct Note {
    viewer: Viewer,
    row: note::Model,
}

impl Note {
    pub(in crate::graphql) fn new(viewer: &Viewer, row: note::Model) -> Self {
        Self { viewer: viewer.clone(), row }
    }
}

/// What a colleague wrote about a caller or a call.
#[Object]
impl Note {
    /// Id of the note.
    async fn id(&self) -> Uuid {
        self.row.id
    }

    /// The text, with its line breaks.
    async fn body(&self) -> &str {
        &self.row.body
    }

    /// Who wrote it.
    async fn author(&self) -> Result<UserRef> {
        Ok(self.viewer.load_existing(UserId(self.row.author_id), "user").await?.into())
    }

    /// When it was written.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// The call it is about.
    async fn interaction_id(&self) -> Option<Uuid> {
        self.row.interaction_id
    }

    /// The caller it is about, also when it was written about one of their calls.
    async fn caller_id(&self) -> Option<Uuid> {
        self.row.caller_id
    }
}
