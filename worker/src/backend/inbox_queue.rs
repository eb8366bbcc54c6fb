//! The way into the inbox: committed rows, what arrives together in one statement.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, EntityTrait};
use switchboard_core::{
    db,
    entropy::Entropy,
    envelope::Envelope,
    ports::{Queue, QueueHealth, QueueUnavailable},
};
use switchboard_entities::inbox::{ActiveModel, Entity};
use tracing::warn;
use uuid::Uuid;

use super::{
    group_commit::{Commit, GroupCommit},
    inbox::Inbox,
};

/// The longest a request waits. `SQLite` has one writer, and settling a full batch takes its time.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most rows of a statement: eight values each, of the 32766 that `SQLite` takes.
const GROUP: usize = 128;
/// Requests that may wait; more wait for their turn at the door.
const IN_FLIGHT: usize = 1024;

/// The queue in embedded mode and the spool in distributed mode, as the intake sees it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct InboxQueue {
    inbox: Inbox,
    commits: GroupCommit<Envelope>,
}

impl InboxQueue {
    pub(super) fn new(inbox: Inbox) -> Self {
        let inserts = Inserts { inbox: inbox.clone(), ids: Ids::default(), faulty: false };
        Self { inbox, commits: GroupCommit::spawn(inserts, GROUP, IN_FLIGHT, PATIENCE) }
    }

    /// Rows that wait or are in work; `None` when the database is away.
    pub async fn waiting(&self) -> Option<u64> {
        tokio::time::timeout(PATIENCE, self.inbox.waiting()).await.ok()?.ok()
    }
}

struct Inserts {
    inbox: Inbox,
    ids: Ids,
    faulty: bool,
}

/// Ids of version 7 (RFC 9562) that increase strictly, also within a millisecond and when the clock is set back: the 12
/// bits after the version count, method 1 of its section 6.2.
#[derive(Default)]
struct Ids {
    millis: u64,
    count: u16,
}

impl Ids {
    fn next(&mut self, now: DateTime<Utc>, entropy: &dyn Entropy) -> Uuid {
        let now = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        if now > self.millis {
            (self.millis, self.count) = (now, 0);
        } else if self.count < 0x0fff {
            self.count += 1;
        } else {
            // Borrowed from the next millisecond.
            (self.millis, self.count) = (self.millis + 1, 0);
        }
        let mut random = [0; 10];
        entropy.fill(&mut random);
        // The builder puts the version over the upper four bits of the first byte.
        let [high, low, ..] = &mut random;
        [*high, *low] = self.count.to_be_bytes();
        uuid::Builder::from_unix_timestamp_millis(self.millis, &random).into_uuid()
    }
}

#[async_trait::async_trait]
impl Commit<Envelope> for Inserts {
    async fn commit(&mut self, envelopes: Vec<Envelope>) -> Vec<bool> {
        let count = envelopes.len();
        let now = self.inbox.clock.now();
        let rows = envelopes.into_iter().map(|envelope| ActiveModel {
            id: Set(self.ids.next(now, &*self.inbox.entropy)),
            meta: Set(envelope.encode_meta()),
            body: Set(envelope.body.into()),
            available_at: Set(now),
            lease_until: Set(None),
            lease_owner: Set(None),
            attempts: Set(0),
            created_at: Set(now),
        });
        // Nobody closes the semaphore.
        let _turn = self.inbox.turnstile.acquire().await;
        let insert = Entity::insert_many(rows).exec_without_returning(&self.inbox.db);
        // Limited: a connection that is half open never answers, and everybody else waits behind this insert.
        let fault = match tokio::time::timeout(PATIENCE, insert).await {
            Ok(Ok(_)) => {
                self.faulty = false;
                self.inbox.wake.notify_waiters();
                return vec![true; count];
            }
            Ok(Err(error)) => db::describe(&error),
            Err(_) => "database: no answer".to_owned(),
        };
        // Once an outage: every request would fill the log.
        if !std::mem::replace(&mut self.faulty, true) {
            warn!(fault, "the inbox does not take deliveries");
        }
        vec![false; count]
    }
}

#[async_trait::async_trait]
impl Queue for InboxQueue {
    async fn push(&self, envelope: Envelope) -> Result<(), QueueUnavailable> {
        self.commits.push(envelope).await
    }

    async fn health(&self) -> QueueHealth {
        let waiting = self.waiting().await;
        QueueHealth { reachable: waiting.is_some(), spooled: 0, waiting }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use switchboard_core::entropy::SeededEntropy;

    use super::*;

    #[test]
    fn ids_increase_within_a_millisecond_and_when_the_clock_is_set_back() {
        let (mut ids, entropy, now) =
            (Ids::default(), SeededEntropy::new(1), DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
        let mut last = Uuid::nil();
        for step in 0..20_000_i64 {
            let id = ids.next(now - TimeDelta::milliseconds(step % 7), &entropy);
            assert!(id > last, "step {step}");
            assert_eq!(id.get_version_num(), 7);
            last = id;
        }
    }
}
