//! What can be followed.

#![expect(clippy::unused_async, reason = "the macro wants every resolver to be async")]

use async_graphql::{Context, Subscription as GraphqlSubscription};
use futures::Stream;
use switchboard_core::access::Permission;

use super::{
    desk::{self, LiveUser},
    error::Result,
    guard::Requires,
    types::CallActivity,
    viewer::Viewer,
};

/// What can be followed.
#[derive(Clone, Copy, Debug)]
pub struct Subscription;

/// What can be followed, over a WebSocket with the protocol `graphql-transport-ws`.
#[GraphqlSubscription]
impl Subscription {
    /// Calls as they happen: first everything that is live, then every change the viewer may see, decided with the rights
    /// of that moment. Needs `interactions.read`.
    #[graphql(guard = "Requires(Permission::InteractionsRead)")]
    async fn call_activity(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<CallActivity>>> {
        let viewer = Viewer::of(ctx)?.clone();
        Ok(desk::activity(viewer, ctx.data_opt::<LiveUser>().cloned()))
    }
}
