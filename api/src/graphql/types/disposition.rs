//! How a call ended, in the words of this organisation.

use async_graphql::SimpleObject;
use switchboard_entities::disposition;
use uuid::Uuid;

/// How a call ended, in the words of this organisation.
#[derive(Clone, Debug, SimpleObject)]
pub struct Disposition {
    /// Id of the disposition.
    id: Uuid,
    /// Stable name for programs, e.g. `call_back`.
    key: String,
    /// What people read.
    label: String,
    /// Order; 1 to 9 is also the digit key that picks it.
    position: i32,
    /// Colour: `good`, `warn`, `bad`, `info` or `off`.
    tone: String,
    /// Must a note say more?
    needs_note: bool,
}

impl From<disposition::Model> for Disposition {
    fn from(row: disposition::Model) -> Self {
        Self {
            id: row.id,
            key: row.key,
            label: row.label,
            position: row.position,
            tone: row.tone,
            needs_note: row.needs_note,
        }
    }
}
