//! Guards of root fields. Inside objects values are masked or null instead: an attribute there would make the key vanish
//! from the answer, and give one error per row of a list.

use async_graphql::{Context, Guard};
use switchboard_core::{Error, access::Permission};

use super::{error::Fault, viewer::Viewer};

/// Somebody must be signed in.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn;

impl Guard for SignedIn {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        Viewer::of(ctx)?;
        Ok(())
    }
}

/// Somebody must be signed in and have the permission, in any scope; how far the scope reaches is decided row by row in
/// the rules.
#[derive(Clone, Copy, Debug)]
pub struct Requires(pub Permission);

impl Guard for Requires {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        let viewer = Viewer::of(ctx)?;
        if viewer.may(self.0) { Ok(()) } else { Err(Fault::from(Error::Forbidden(self.0.as_str())).into()) }
    }
}
