//! The queue in distributed mode: Redis first, the inbox while Redis cannot take deliveries, and "not now" (503) only when
//! neither can.
//!
//! The first request that Redis does not take pays for finding out, at most 1.5 s. From then on Redis counts as away:
//! requests go to the inbox at once, and Redis is asked in the background until it takes writes again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use metrics::{counter, gauge};
use switchboard_core::{
    entropy::Entropy,
    envelope::Envelope,
    ports::{Queue, QueueHealth, QueueUnavailable},
};
use tracing::{info, warn};

use super::{inbox_queue::InboxQueue, redis_queue::RedisQueue};
use crate::{backoff::Backoff, measures};

/// How often Redis is asked while it is away.
const PROBE_FIRST: Duration = Duration::from_millis(250);
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SpoolingQueue {
    redis: RedisQueue,
    inbox: InboxQueue,
    away: Arc<AtomicBool>,
    backoff: Backoff,
}

impl SpoolingQueue {
    /// Redis in front of the inbox.
    pub fn new(redis: RedisQueue, inbox: InboxQueue, entropy: Arc<dyn Entropy>) -> Self {
        gauge!(measures::AWAY).set(0);
        Self { redis, inbox, away: Arc::default(), backoff: Backoff::new(PROBE_FIRST, PROBE_LIMIT, entropy) }
    }

    /// Redis did not take a delivery.
    fn trip(&self) {
        if self.away.swap(true, Ordering::SeqCst) {
            return;
        }
        warn!("redis is away: deliveries go to the inbox until it is back");
        gauge!(measures::AWAY).set(1);
        let (redis, mut backoff) = (self.redis.clone(), self.backoff.clone());
        // The task must not keep a queue alive that nobody uses any more.
        let away = Arc::downgrade(&self.away);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(backoff.next_wait()).await;
                let Some(away) = away.upgrade() else { return };
                if redis.probe().await.is_ok() {
                    info!("redis is back: deliveries go there again");
                    gauge!(measures::AWAY).set(0);
                    away.store(false, Ordering::SeqCst);
                    return;
                }
            }
        });
    }
}

#[async_trait::async_trait]
impl Queue for SpoolingQueue {
    async fn push(&self, envelope: Envelope) -> Result<(), QueueUnavailable> {
        let away = self.away.load(Ordering::SeqCst);
        if !away {
            if self.redis.push(envelope.clone()).await.is_ok() {
                return Ok(());
            }
            self.trip();
        }
        if self.inbox.push(envelope.clone()).await.is_ok() {
            counter!(measures::SPOOLED).increment(1);
            return Ok(());
        }
        // The database is away too. If Redis was not asked yet, it may be back by now.
        if away && self.redis.push(envelope).await.is_ok() {
            return Ok(());
        }
        counter!(measures::REFUSED).increment(1);
        Err(QueueUnavailable)
    }

    async fn health(&self) -> QueueHealth {
        // Both at the same time, and not longer than a readiness probe waits.
        let (redis, spooled) = tokio::join!(self.redis.health(), self.inbox.waiting());
        let reachable = redis.reachable && !self.away.load(Ordering::SeqCst);
        QueueHealth { reachable, spooled: spooled.unwrap_or_default(), waiting: redis.waiting }
    }
}
