//! Practice calls.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use switchboard_core::practice::{self, PracticeCall};

use super::{error::Result, viewer::Viewer};

/// A practice call rings.
#[derive(Clone, Debug, SimpleObject)]
pub struct StartPracticeCallPayload {
    /// Name of the caller.
    caller_name: &'static str,
    /// When it began to ring.
    started_at: DateTime<Utc>,
    /// When it will be answered.
    answered_at: DateTime<Utc>,
    /// When it will end by itself.
    ends_at: DateTime<Utc>,
}

impl From<PracticeCall> for StartPracticeCallPayload {
    fn from(call: PracticeCall) -> Self {
        Self {
            caller_name: practice::CALLER,
            started_at: call.started_at,
            answered_at: call.started_at + practice::RINGS,
            ends_at: call.ends_at(),
        }
    }
}

/// Lets a practice call ring.
pub(super) async fn start(viewer: &Viewer) -> Result<StartPracticeCallPayload> {
    Ok(practice::start(viewer.app(), viewer.actor(), viewer.cause()).await?.into())
}
