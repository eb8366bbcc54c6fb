//! The queue on Redis: a stream with one consumer group. Needs Redis 7 or newer (or Valkey), without eviction and with an
//! append-only file.
//!
//! Data structures, all in the cluster slot of `{prefix}`:
//!
//! | key | what |
//! | --- | --- |
//! | `{prefix}:deliveries` | stream; an entry has the fields `m` (envelope without body, JSON) and `b` (raw body) |
//! | its group `workers` | which entry is in work at which consumer, since when, and how often it was handed out |
//!
//! A consumer is one process; its name is a new UUID at every start. Entries of a consumer that released them in good order
//! belong to the consumer `returned` until somebody takes them.
//!
//! Protocol:
//!
//! | step | commands |
//! | --- | --- |
//! | store (producer) | `XADD`; whether a group exists does not matter |
//! | fetch | `XREADGROUP … COUNT 100 BLOCK 1000 STREAMS … >` on a connection of its own, because it blocks; without an answer two seconds after that, the connection is half open and is replaced |
//! | keep fresh | each second, of what is still ours (one script): `XCLAIM … 0 id JUSTID`, which sets the idle time to zero and leaves the count of hand-outs |
//! | settle | nothing in Redis |
//! | acknowledge | `MULTI XACK XDEL EXEC`, after the commit: the stream holds exactly what waits or is in work |
//! | take over | each second `XPENDING … IDLE 3000`; then `XCLAIM` with the same minimal idle time, so that of two workers one gets each entry; counts the hand-out |
//! | hand back | `XCLAIM … returned 0 id IDLE (a day) RETRYCOUNT (one less) JUSTID`: free for everybody at once |
//! | sign off | `CLIENT KILL` of the own blocking connection (no reply with entries can come after that), release of everything left, `XGROUP DELCONSUMER` |
//! | tidy up | every ten seconds: consumers without entries that have not asked for 20 lease times (a minute) are removed, in one script, because removing one with entries would lose them |
//!
//! The group is made, with the stream, when a command says `NOGROUP`: at first use, after a `FLUSHALL`, or when Redis came
//! back empty. It starts at `0`: everything in the stream is unsettled, whoever put it there.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use redis::{
    RedisError, RedisResult, Value,
    aio::MultiplexedConnection,
    from_redis_value,
    streams::{StreamId, StreamReadReply},
};
use tokio::time::Instant;
use tracing::{debug, info};

use super::{Abandoned, Entry, Fault, Store, WAIT, redis_link};
use crate::backend::redis_link::Link;

/// The one consumer group.
const GROUP: &str = "workers";
/// How long its answer may take beyond that.
const GRACE: Duration = Duration::from_secs(2);
/// Consumers that have not asked for so many lease times, and have nothing in work, are gone.
const GONE: u32 = 20;
/// How often to look for them.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// The idle time of what was handed back.
const FREE: Duration = Duration::from_hours(24);

/// Sets what is still ours to "just handed out", without counting it. In a script, because between asking and claiming
/// somebody else might take over, and claiming would then rob them.
const KEEP: &str = "
local mine = {}
for _, e in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 10000, ARGV[2])) do mine[e[1]] = true end
local kept = 0
for i = 3, #ARGV do
  if mine[ARGV[i]] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
    kept = kept + 1
  end
end
return kept";

/// Frees what is still ours: pairs of id and count from `ARGV[5]`, or everything when there are none; then, if `ARGV[4]` says
/// so and nothing is left, removes the consumer.
const RELEASE: &str = "
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 10000, ARGV[2])
local counts = {}
for i = 5, #ARGV, 2 do counts[ARGV[i]] = ARGV[i + 1] end
for _, e in ipairs(pending) do
  local count = counts[e[1]]
  if ARGV[4] == 'leave' then count = count or e[4] end
  if count then
    redis.call('XCLAIM', KEYS[1], ARGV[1], 'returned', 0, e[1], 'IDLE', ARGV[3], 'RETRYCOUNT', count, 'JUSTID')
  end
end
if ARGV[4] == 'leave' and #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return #pending";

/// Removes consumers without entries that have been silent for `ARGV[2]` milliseconds.
const TIDY: &str = "
local gone = 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local c = {}
  for i = 1, #info, 2 do c[info[i]] = info[i + 1] end
  if c['pending'] == 0 and c['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], c['name'])
    gone = gone + 1
  end
end
return gone";

/// The stream's key for a prefix.
pub fn key(prefix: &str) -> String {
    format!("{{{prefix}}}:deliveries")
}

/// The queue on Redis, as the workers see it. See the module.
pub struct RedisStream {
    client: redis::Client,
    link: Link,
    stream: String,
    consumer: String,
    lease: Duration,
    /// The blocking connection; one fetch at a time.
    reader: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Redis's number of the blocking connection.
    reader_id: Option<i64>,
    tidied: Option<Instant>,
}

impl fmt::Debug for RedisStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStream")
            .field("stream", &self.stream)
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}

fn says(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code)
}

/// The group is not there: never made, or lost with everything else. A blocked reader hears `UNBLOCKED` instead when its
/// stream is deleted.
fn group_is_missing(error: &RedisError) -> bool {
    says(error, "NOGROUP") || says(error, "UNBLOCKED")
}

fn entry(mut id: StreamId, attempt: u32) -> Entry<String> {
    // A field that is missing or not a string leaves nothing, which is no envelope and becomes a dead letter.
    let mut field = |name: &str| -> Bytes {
        id.map.remove(name).and_then(|value| from_redis_value::<Vec<u8>>(value).ok()).unwrap_or_default().into()
    };
    let (meta, body) = (field("m"), field("b"));
    Entry { key: id.id, attempt, meta, body }
}

/// A reply of `XCLAIM`: entries that no longer exist are nil or absent, by version.
fn claimed(reply: Vec<Value>) -> RedisResult<Vec<StreamId>> {
    reply
        .into_iter()
        .filter(|value| *value != Value::Nil)
        .map(|value| {
            let (id, fields): (String, HashMap<String, Value>) = from_redis_value(value)?;
            Ok(StreamId { id, map: fields, ..StreamId::default() })
        })
        .collect()
}

impl RedisStream {
    /// Connects when first used. `consumer` must be new at every start; `lease` is how long entries may go without being
    /// kept fresh before others take them over.
    pub fn new(client: redis::Client, prefix: &str, consumer: String, lease: Duration) -> Self {
        let link = Link::new(client.clone(), GRACE);
        Self {
            client,
            link,
            stream: key(prefix),
            consumer,
            lease,
            reader: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        }
    }

    fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn make_group(&self) -> RedisResult<()> {
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(&self.stream).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.link.command::<()>(&command).await {
            Ok(()) => {
                info!("made the consumer group");
                Ok(())
            }
            // Another worker was quicker.
            Err(error) if says(&error, "BUSYGROUP") => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn reader<'a>(
        &self,
        reader: &'a mut Option<MultiplexedConnection>,
    ) -> RedisResult<&'a mut MultiplexedConnection> {
        if reader.is_none() {
            let mut connection = redis_link::connect(&self.client, None).await?;
            let ask = redis::cmd("CLIENT").arg("ID").to_owned();
            let id = tokio::time::timeout(GRACE, ask.query_async::<i64>(&mut connection)).await;
            let id = id.map_err(|_| silent())??;
            self.state(|state| state.reader_id = Some(id));
            *reader = Some(connection);
        }
        reader.as_mut().ok_or_else(silent)
    }

    async fn script<T: redis::FromRedisValue>(&self, script: &str, arguments: &[&str]) -> RedisResult<T> {
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(1).arg(&self.stream).arg(GROUP).arg(arguments);
        self.link.command(&command).await
    }

    /// Entries that nobody has kept fresh for the lease time, and how often each was handed out.
    async fn abandoned(&self, mine: &[String]) -> RedisResult<Vec<(String, u64)>> {
        let mut command = redis::cmd("XPENDING");
        command.arg(&self.stream).arg(GROUP).arg("IDLE").arg(millis(self.lease)).arg("-").arg("+");
        command.arg(super::BATCH + mine.len());
        match self.link.command::<Vec<(String, String, u64, u64)>>(&command).await {
            Ok(found) => {
                let not_mine = found.into_iter().filter(|(id, ..)| !mine.contains(id));
                Ok(not_mine.map(|(id, _, _, times)| (id, times)).collect())
            }
            // Nothing was handed out yet. The fetch that follows makes the group.
            Err(error) if group_is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn silent() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

#[async_trait::async_trait]
impl Store for RedisStream {
    type Key = String;

    const NAME: &'static str = "stream";

    async fn fresh(&self, limit: usize, wait: bool) -> Result<Vec<Entry<String>>, Fault> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(limit);
        if wait {
            command.arg("BLOCK").arg(millis(WAIT));
        }
        command.arg("STREAMS").arg(&self.stream).arg(">");
        let mut reader = self.reader.lock().await;
        let connection = self.reader(&mut reader).await?;
        let reply =
            tokio::time::timeout(WAIT + GRACE, command.query_async::<Option<StreamReadReply>>(connection)).await;
        match reply.unwrap_or_else(|_| Err(silent())) {
            Ok(reply) => {
                let keys = reply.into_iter().flat_map(|reply| reply.keys);
                Ok(keys.flat_map(|key| key.ids).map(|id| entry(id, 1)).collect())
            }
            Err(error) if group_is_missing(&error) => {
                self.make_group().await?;
                Ok(Vec::new())
            }
            Err(error) => {
                if redis_link::breaks(&error) {
                    *reader = None;
                }
                Err(error.into())
            }
        }
    }

    async fn look(&self, mine: &[String]) -> Result<Option<Abandoned>, Fault> {
        Ok(self.abandoned(mine).await?.first().map(|(_, times)| Abandoned::after(*times)))
    }

    async fn take_over(&self, kind: Abandoned, limit: usize, mine: &[String]) -> Result<Vec<Entry<String>>, Fault> {
        let limit = if kind == Abandoned::Suspect { 1 } else { limit };
        let found = self.abandoned(mine).await?;
        let wanted: HashMap<String, u64> =
            found.into_iter().filter(|(_, times)| Abandoned::after(*times) == kind).take(limit).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("XCLAIM");
        command.arg(&self.stream).arg(GROUP).arg(&self.consumer).arg(millis(self.lease));
        command.arg(wanted.keys().collect::<Vec<_>>());
        let claimed = claimed(self.link.command(&command).await?)?;
        let count = |id: &str| wanted.get(id).map_or(1, |times| times.saturating_add(1));
        let mut entries: Vec<_> = claimed
            .into_iter()
            .map(|id| {
                let attempt = u32::try_from(count(&id.id)).unwrap_or(u32::MAX);
                entry(id, attempt)
            })
            .collect();
        entries.sort_by_key(|entry| order(&entry.key));
        Ok(entries)
    }

    async fn keep(&self, keys: &[String]) -> Result<(), Fault> {
        let mut arguments = vec![self.consumer.as_str()];
        arguments.extend(keys.iter().map(String::as_str));
        match self.script::<u64>(KEEP, &arguments).await {
            Ok(kept) => {
                if usize::try_from(kept) != Ok(keys.len()) {
                    debug!(kept, of = keys.len(), "some entries in work are settled or taken over");
                }
                Ok(())
            }
            Err(error) if group_is_missing(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn acknowledge(&self, keys: &[String]) -> Result<(), Fault> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.cmd("XACK").arg(&self.stream).arg(GROUP).arg(keys).ignore();
        pipeline.cmd("XDEL").arg(&self.stream).arg(keys).ignore();
        Ok(self.link.pipeline::<()>(&pipeline).await?)
    }

    async fn hand_back(&self, entries: &[Entry<String>]) -> Result<(), Fault> {
        let free = millis(FREE).to_string();
        let counts: Vec<_> = entries.iter().map(|entry| entry.attempt.saturating_sub(1).to_string()).collect();
        let mut arguments = vec![self.consumer.as_str(), &free, "stay"];
        for (entry, count) in entries.iter().zip(&counts) {
            arguments.extend([entry.key.as_str(), count]);
        }
        match self.script::<u64>(RELEASE, &arguments).await {
            Err(error) if !group_is_missing(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn waiting(&self) -> Result<u64, Fault> {
        let due = self.state(|state| {
            let due = state.tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY);
            if due {
                state.tidied = Some(Instant::now());
            }
            due
        });
        if due {
            match self.script::<u64>(TIDY, &[&millis(self.lease * GONE).to_string()]).await {
                Ok(0) => {}
                Ok(gone) => debug!(gone, "removed consumers that are gone"),
                // No stream or group yet: nobody to remove.
                Err(error) if group_is_missing(&error) || says(&error, "ERR") => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.link.command(redis::cmd("XLEN").arg(&self.stream)).await?)
    }

    async fn close(&self) -> Result<(), Fault> {
        if let Some(id) = self.state(|state| state.reader_id.take()) {
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("ID").arg(id);
            // An error is a server that forbids the command: what a late reply may carry is taken over after the lease.
            if let Err(error) = self.link.command::<i64>(&kill).await {
                debug!(fault = %Fault::from(error), "the blocking connection could not be ended");
            }
        }
        let free = millis(FREE).to_string();
        match self.script::<u64>(RELEASE, &[&self.consumer, &free, "leave"]).await {
            Err(error) if !group_is_missing(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Stream ids are two numbers.
fn order(id: &str) -> (u64, u64) {
    let (time, number) = id.split_once('-').unwrap_or((id, "0"));
    (time.parse().unwrap_or(0), number.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_prefix_share_a_cluster_slot() {
        assert_eq!(key("switchboard"), "{switchboard}:deliveries");
    }

    #[test]
    fn ids_are_ordered_as_numbers() {
        assert!(order("9-1") < order("10-0"));
        assert!(order("10-9") < order("10-10"));
    }

    #[test]
    fn an_entry_without_its_fields_is_no_envelope() {
        let entry = entry(StreamId::default(), 3);
        assert!(entry.incoming().entry.is_err());
        assert_eq!(entry.incoming().attempt, 3);
    }
}
