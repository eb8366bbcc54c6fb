//! The messages of the live subscription.

use async_graphql::{SimpleObject, Union};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Interaction;

/// Snapshot first, then every change. After a resync another snapshot follows at once and replaces everything.
#[derive(Debug, Union)]
pub enum CallActivity {
    /// Everything as it is now.
    Snapshot(CallSnapshot),
    /// A call changed or is new.
    Changed(CallChanged),
    /// A call must be forgotten.
    Gone(CallGone),
    /// Something may have been missed.
    Resync(CallResync),
}

/// Every live call that the viewer may see, and the viewer's ended calls that still need a disposition.
#[derive(Debug, SimpleObject)]
pub struct CallSnapshot {
    /// Number of the message within this subscription, from 1, without gaps.
    pub(in crate::graphql) seq: i32,
    /// The server's clock, by which a client corrects its own.
    pub(in crate::graphql) server_time: DateTime<Utc>,
    /// The calls, newest first.
    #[graphql(complexity = "10 * child_complexity + 1")]
    pub(in crate::graphql) calls: Vec<Interaction>,
}

/// A call is new or has changed, or its caller has. Also sent when it ends.
#[derive(Debug, SimpleObject)]
pub struct CallChanged {
    /// Number of the message within this subscription, from 1, without gaps.
    pub(in crate::graphql) seq: i32,
    /// The call as it is now.
    pub(in crate::graphql) call: Interaction,
}

/// A call is no longer visible to the viewer: a colleague took it, or it turned out to be part of another call.
#[derive(Debug, SimpleObject)]
pub struct CallGone {
    /// Number of the message within this subscription, from 1, without gaps.
    pub(in crate::graphql) seq: i32,
    /// Id of the call.
    pub(in crate::graphql) id: Uuid,
}

/// Something may have been missed, or the viewer's rights have changed. A snapshot follows at once.
#[derive(Debug, SimpleObject)]
pub struct CallResync {
    /// Number of the message within this subscription, from 1, without gaps.
    pub(in crate::graphql) seq: i32,
    /// Why: `missed` or `access`.
    pub(in crate::graphql) reason: String,
}
