//! Distributed mode while Redis is away: the inbox is the spool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_core::entropy::SystemEntropy;
use switchboard_core::ports::Queue;
use switchboard_worker::{RedisConfig, RedisQueue, Source, SpoolingQueue};

use super::recorder::Recorder;
use super::rig::{Kind, Node, PREFIX, Rig, quick};
use crate::support::proxy::FaultProxy;
use crate::support::redis::RedisServer;
use crate::support::wait::{SOON, eventually};

/// A process in distributed mode: Redis by way of a proxy, and the rig's database as the spool.
struct Distributed {
    rig: Rig,
    redis: RedisServer,
    proxy: FaultProxy,
    node: Node,
}

async fn distributed() -> Distributed {
    let (rig, redis) = (Rig::start(Kind::Postgres).await, RedisServer::start().await);
    let proxy = FaultProxy::start(redis.address()).await;
    let mut node = rig.node().await;
    let client = redis::Client::open(format!("redis://{}", proxy.address())).expect("a URL");
    let first = RedisQueue::new(&client, PREFIX);
    node.queue = Arc::new(SpoolingQueue::new(first, node.inbox.queue(), Arc::new(SystemEntropy)));
    node.source = Source::Redis(RedisConfig { client, prefix: PREFIX.to_owned() });
    Distributed { rig, redis, proxy, node }
}

async fn healthy(queue: &Arc<dyn Queue>) {
    eventually("redis is the first choice again", SOON, async || queue.health().await.reachable).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_go_to_the_spool_while_redis_is_away_and_are_worked_off_meanwhile() {
    let Distributed { rig, mut redis, proxy: _proxy, node } = distributed().await;
    node.push(0..10).await;
    assert!(node.queue.health().await.reachable);
    assert_eq!(rig.left().await, 0, "spooled without need");

    redis.kill9();
    node.push(10..60).await;
    let health = node.queue.health().await;
    assert!(!health.reachable);
    assert_eq!(health.spooled, 50);
    assert_eq!(health.waiting, None);

    // Redis is still away: the spool is worked off, what is in Redis waits.
    let recorder = Recorder::new();
    let workers = node.work_with(&recorder, None, quick());
    recorder.settles(10..60).await;
    rig.drained().await;
    assert!(!recorder.log().settled.contains_key(&0));

    redis.restart().await;
    recorder.settles(0..10).await;
    healthy(&node.queue).await;
    node.push(60..70).await;
    recorder.settles(60..70).await;
    eventually("nothing waits", SOON, async || node.queue.health().await.waiting == Some(0)).await;
    workers.stop().await;
    assert!(recorder.log().settled.values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_does_not_answer_delays_only_the_first_requests() {
    let Distributed { rig, redis: _redis, proxy, node } = distributed().await;
    node.push([0]).await;
    proxy.swallow();
    let pushed = tokio::time::timeout(Duration::from_secs(5), node.push_together(1..10)).await;
    assert_eq!(pushed.expect("in time for every provider").len(), 9);
    // Now it is known to be away. If each of these waited for it, one after the other, it would take five minutes.
    tokio::time::timeout(SOON, node.push(10..200)).await.expect("at once to the spool");
    assert_eq!(rig.left().await, 199);
    proxy.heal().await;
    healthy(&node.queue).await;
    node.push([200]).await;
    assert_eq!(rig.left().await, 199);
    let recorder = Recorder::new();
    let _workers = node.work_with(&recorder, None, quick());
    recorder.settles(0..=200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_takes_no_writes_is_away_although_it_answers() {
    let Distributed { rig, redis, proxy: _proxy, node } = distributed().await;
    node.push([0]).await;
    let mut connection = super::rig::redis(&redis.url()).await;
    let set = async |connection: &mut redis::aio::MultiplexedConnection, limit: &str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("maxmemory").arg(limit);
        command.query_async::<()>(connection).await.expect("redis answers");
    };
    set(&mut connection, "1").await;
    node.push(1..20).await;
    assert_eq!(rig.left().await, 19);
    let begun = Instant::now();
    eventually("redis is asked a few times", SOON, async || begun.elapsed() > Duration::from_secs(2)).await;
    assert!(!node.queue.health().await.reachable);
    set(&mut connection, "0").await;
    healthy(&node.queue).await;
    node.push([20]).await;
    assert_eq!(rig.left().await, 19);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_refused_only_when_neither_redis_nor_the_database_took_it() {
    let Distributed { rig, redis: _redis, proxy, node } = distributed().await;
    let recorder = Recorder::new();
    let mut accepted = node.push_together(0..10).await;
    assert_eq!(accepted.len(), 10);
    proxy.refuse().await;
    accepted.extend(node.push_together(10..20).await);
    assert_eq!(accepted.len(), 20, "the database was there");
    rig.proxy().refuse().await;
    assert!(node.push_together(20..30).await.is_empty(), "nobody was there");
    // Redis alone is back, and the circuit does not know it yet: it is asked all the same.
    proxy.heal().await;
    accepted.extend(node.push_together([30]).await);
    assert!(accepted.contains(&30), "redis was there");
    rig.proxy().heal().await;
    let workers = node.work_with(&recorder, None, quick());
    recorder.settles(accepted.clone()).await;
    rig.drained().await;
    workers.stop().await;
    let settled: Vec<_> = recorder.log().settled.keys().copied().collect();
    assert_eq!(settled, accepted.into_iter().collect::<Vec<_>>(), "what was refused was stored nowhere");
}
