//! What the two backends have in common.
//!
//! A [`Store`] knows how entries are fetched, kept, acknowledged and taken over. [`source`] makes an apalis backend of it,
//! [`hold`] knows what this process has in work. A task is a batch of up to 100 entries, because a round trip and a commit
//! for each entry would be the limit of everything.
//!
//! The life of an entry:
//!
//! ```text
//!            fetched                 settled, acknowledged
//!  waiting ──────────► in work at W ──────────────────────► gone
//!                        │  ▲  W keeps it fresh once a second
//!                        │  └── taken over by W' when nobody has kept it fresh for the lease time (3 s)
//!                        └───── handed back at once when W stops gracefully
//! ```
//!
//! *Freshness belongs to entries, not to workers.* A worker that lives but has lost an entry (the reply with it was on a
//! connection that broke) does not keep it fresh, so it comes again without anybody noticing the loss.
//!
//! *After an outage of the store* the entries of live workers look abandoned, because they could not be kept fresh. So a
//! worker that had to wait for the store takes nothing over until everybody had two lease times to speak up.
//!
//! *Attempts.* The queue counts how often it handed an entry out. Entries that one worker lost are taken over together.
//! Entries that were lost twice are suspects, one of which may kill whoever touches it: each is taken over by itself while
//! this process works on nothing else. So the count of an innocent entry stops, that of the culprit goes on until the rules
//! make it a dead letter.

pub mod group_commit;
pub mod hold;
pub mod inbox;
pub mod inbox_queue;
pub mod redis_link;
pub mod redis_queue;
pub mod redis_stream;
pub mod source;
pub mod spooling;

use std::{fmt::Debug, time::Duration};

use bytes::Bytes;
use switchboard_core::ingest::Incoming;

/// Most entries of a batch.
pub const BATCH: usize = 100;

/// How long [`Store::fresh`] waits for entries when there are none.
pub const WAIT: Duration = Duration::from_secs(1);

/// One entry that was handed out to this process.
#[derive(Clone)]
pub struct Entry<K> {
    /// How the store calls it.
    pub key: K,
    /// How often it was handed out, with this time.
    pub attempt: u32,
    /// The envelope without its body.
    pub meta: Bytes,
    /// Raw body.
    pub body: Bytes,
}

impl<K> Entry<K> {
    /// For settling. Cheap to do again: the bytes are shared.
    pub fn incoming(&self) -> Incoming {
        Incoming::new(self.meta.clone(), self.body.clone(), self.attempt)
    }
}

/// Entries hold personal data: only what identifies one is printed.
impl<K: Debug> Debug for Entry<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("key", &self.key).field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

/// What lies about without a worker that keeps it fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// Lost once: may be taken over together.
    Once,
    /// Lost at least twice: to be taken over one at a time, alone.
    Suspect,
}

impl Abandoned {
    /// What an entry is that has been handed out `times` so far.
    pub fn after(times: u64) -> Self {
        if times >= 2 { Self::Suspect } else { Self::Once }
    }
}

/// The store could not be asked. For the log: classes and codes, no data.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// A queue as the workers see it. One value a process and queue; its name in the store is unique.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// How the store calls an entry.
    type Key: Clone + Debug + Ord + Send + Sync;

    /// For logs and metrics.
    const NAME: &'static str;

    /// Hands out entries that wait, oldest first; when there are none and `wait` is set, waits for some, about [`WAIT`] long.
    ///
    /// May be dropped at any point: what it had fetched then is given back by [`Store::close`].
    async fn fresh(&self, limit: usize, wait: bool) -> Result<Vec<Entry<Self::Key>>, Fault>;

    /// Is there anything to take over? Looks at the oldest that `mine` does not contain.
    async fn look(&self, mine: &[Self::Key]) -> Result<Option<Abandoned>, Fault>;

    /// Takes over up to `limit` of the kind. Empty when another worker was quicker.
    async fn take_over(
        &self,
        kind: Abandoned,
        limit: usize,
        mine: &[Self::Key],
    ) -> Result<Vec<Entry<Self::Key>>, Fault>;

    /// Keeps entries fresh, as far as they have not been taken over.
    async fn keep(&self, keys: &[Self::Key]) -> Result<(), Fault>;

    /// Removes entries for good.
    async fn acknowledge(&self, keys: &[Self::Key]) -> Result<(), Fault>;

    /// Gives entries back that were not tried: they may be handed out at once, and this time does not count.
    async fn hand_back(&self, entries: &[Entry<Self::Key>]) -> Result<(), Fault>;

    /// How many entries wait or are in work. Also the time for tidying up in the store.
    async fn waiting(&self) -> Result<u64, Fault>;

    /// Gives everything back that is still in work here, and signs off. Nothing is fetched afterwards.
    async fn close(&self) -> Result<(), Fault>;
}
