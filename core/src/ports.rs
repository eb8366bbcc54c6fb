//! The things that have two implementations. Which one is used is decided in the composition root alone.

use futures::stream::BoxStream;

use crate::{
    envelope::Envelope,
    events::{BusMessage, Event},
    practice::PracticeCall,
};

/// Nothing could take the envelope: it was not stored, and the provider must be told so (503).
#[derive(Debug, thiserror::Error)]
#[error("no queue could store the delivery")]
pub struct QueueUnavailable;

/// How the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueHealth {
    /// Is the first choice (the Redis stream, or the embedded inbox) reachable?
    pub reachable: bool,
    /// Envelopes waiting in the spool because the first choice was away; always 0 when embedded.
    pub spooled: u64,
    /// Envelopes waiting in the first choice, or `None` when it cannot be asked.
    pub waiting: Option<u64>,
}

/// Takes verified webhooks. Redis stream (with the inbox as spool) or inbox.
#[async_trait::async_trait]
pub trait Queue: Send + Sync {
    /// Stores the envelope durably. When this answers `Ok`, the provider is told that the delivery was accepted.
    async fn push(&self, envelope: Envelope) -> Result<(), QueueUnavailable>;

    /// How it is, for readiness and metrics.
    async fn health(&self) -> QueueHealth;
}

/// Tells live subscribers, in this and every other process, that something changed. Redis pub/sub or the process itself.
#[async_trait::async_trait]
pub trait EventBus: Send + Sync {
    /// Tells. Never fails the caller: the commit has happened, and a bus that lost its connection makes every subscriber
    /// resync when it is back.
    async fn publish(&self, events: &[Event]);

    /// Listens from now on.
    fn subscribe(&self) -> BoxStream<'static, BusMessage>;
}

/// Plays practice calls: sends what a phone system would, signed, to this server's own webhooks.
#[async_trait::async_trait]
pub trait PracticeLine: Send + Sync {
    /// Lets a call ring. Answers when the server has accepted that it rings; the rest is played in the background.
    async fn ring(&self, call: PracticeCall) -> Result<(), PracticeUnavailable>;
}

/// The practice call did not reach the server's own webhooks.
#[derive(Debug, thiserror::Error)]
#[error("the practice call was not accepted")]
pub struct PracticeUnavailable;
