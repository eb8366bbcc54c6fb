//! What is done with a batch, as a trait: the rules in production, a recorder in the contract tests.

use switchboard_core::{App, Result, ingest};

pub use switchboard_core::ingest::{Incoming, Settled};

/// Settles batches.
#[async_trait::async_trait]
pub trait Settle: Send + Sync + 'static {
    /// `Ok`: every entry is settled for good and will be acknowledged. `Err`: nothing is; when the error is transient the
    /// same batch comes again after a pause.
    async fn settle(&self, batch: Vec<Incoming>) -> Result<Settled>;
}

#[async_trait::async_trait]
impl Settle for App {
    async fn settle(&self, batch: Vec<Incoming>) -> Result<Settled> {
        ingest::settle(self, batch).await
    }
}
