//! The way into the Redis stream: `XADD` over one connection, what arrives together in one pipeline.

use std::{sync::Arc, time::Duration};

use redis::RedisResult;
use switchboard_core::{
    envelope::Envelope,
    ports::{Queue, QueueHealth, QueueUnavailable},
};
use tracing::warn;

use super::{
    Fault,
    group_commit::{Commit, GroupCommit},
    redis_link::Link,
    redis_stream,
};

/// The longest a request waits. With the spool behind it, this is what the first requests of an outage lose.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The longest a pipeline waits for its answer, less than the above: whoever waits for it hears why.
const ANSWER: Duration = Duration::from_millis(1200);
/// Most entries of a pipeline.
const GROUP: usize = 128;
/// Requests that may wait; more wait for their turn at the door.
const IN_FLIGHT: usize = 1024;

/// The queue in distributed mode, as the intake sees it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RedisQueue {
    link: Arc<Link>,
    stream: String,
    probe: String,
    commits: GroupCommit<Envelope>,
}

struct Adds {
    link: Arc<Link>,
    stream: String,
    faulty: bool,
}

impl RedisQueue {
    /// Connects when first used; needs a tokio runtime. `prefix` must be the workers' (default `switchboard`).
    pub fn new(client: &redis::Client, prefix: &str) -> Self {
        let link = Arc::new(Link::new(client.clone(), ANSWER));
        let stream = redis_stream::key(prefix);
        let adds = Adds { link: Arc::clone(&link), stream: stream.clone(), faulty: false };
        let commits = GroupCommit::spawn(adds, GROUP, IN_FLIGHT, PATIENCE);
        Self { link, stream, probe: format!("{{{prefix}}}:probe"), commits }
    }

    /// Would Redis take an entry now? Writes, because a Redis that is full, read-only or cannot save still answers `PING`.
    pub async fn probe(&self) -> Result<(), Fault> {
        let mut command = redis::cmd("SET");
        command.arg(&self.probe).arg(1).arg("PX").arg(1000);
        Ok(self.link.command(&command).await?)
    }

    /// Entries in the stream: what waits or is in work.
    pub async fn waiting(&self) -> Result<u64, Fault> {
        Ok(self.link.command(redis::cmd("XLEN").arg(&self.stream)).await?)
    }
}

#[async_trait::async_trait]
impl Commit<Envelope> for Adds {
    async fn commit(&mut self, envelopes: Vec<Envelope>) -> Vec<bool> {
        let mut pipeline = redis::pipe();
        // One entry that is refused (too large, say) must not refuse its neighbours.
        pipeline.ignore_errors();
        for envelope in &envelopes {
            let add = pipeline.cmd("XADD").arg(&self.stream).arg("*");
            add.arg("m").arg(envelope.encode_meta()).arg("b").arg(envelope.body.as_ref());
        }
        let answers = self.link.pipeline::<Vec<RedisResult<String>>>(&pipeline).await;
        let fault = match &answers {
            Ok(answers) => answers.iter().find_map(|answer| answer.as_ref().err()),
            Err(error) => Some(error),
        };
        // Once an outage: every request would fill the log.
        if let Some(error) = fault
            && !std::mem::replace(&mut self.faulty, true)
        {
            warn!(fault = %Fault::from(error.clone()), "redis does not take deliveries");
        }
        self.faulty = fault.is_some();
        answers.map_or_else(
            |_| vec![false; envelopes.len()],
            |answers| answers.into_iter().map(|answer| answer.is_ok()).collect(),
        )
    }
}

#[async_trait::async_trait]
impl Queue for RedisQueue {
    async fn push(&self, envelope: Envelope) -> Result<(), QueueUnavailable> {
        self.commits.push(envelope).await
    }

    async fn health(&self) -> QueueHealth {
        // Limited as a whole: it may have to wait for others that are connecting.
        let waiting = tokio::time::timeout(PATIENCE, self.waiting()).await.ok().and_then(Result::ok);
        QueueHealth { reachable: waiting.is_some(), spooled: 0, waiting }
    }
}
