//! Servers that go away and come back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use switchboard_worker::backend::{
    Store,
    redis_stream::{self, RedisStream},
};

use super::recorder::Recorder;
use super::rig::{Kind, PREFIX, Rig, quick, redis};
use super::{on, on_each};
use crate::support::wait::{SOON, eventually};

on_each!(a_database_that_is_away_costs_no_attempt_and_no_delivery);

async fn a_database_that_is_away_costs_no_attempt_and_no_delivery(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let (node, other) = (rig.node().await, rig.node().await);
    recorder.away(true);
    let tunables = quick();
    let _workers = (node.work_with(&recorder, None, tunables), other.work_with(&recorder, None, tunables));
    let begun = Instant::now();
    // Intake goes on.
    node.push(0..150).await;
    recorder.begins(1).await;
    eventually("two lease times pass", SOON, async || begun.elapsed() > tunables.lease * 2).await;
    assert!(recorder.log().settled.is_empty());
    recorder.away(false);
    recorder.settles(0..150).await;
    rig.drained().await;
    let log = recorder.log();
    assert!(log.settled.values().all(|times| *times == 1));
    assert!(log.attempts.values().flatten().all(|attempt| *attempt == 1), "{:?}", log.attempts);
    assert_eq!(log.overlaps, 0);
}

on!(a_connection_that_breaks_in_every_way_loses_nothing_that_was_accepted: Stream, Postgres);

async fn a_connection_that_breaks_in_every_way_loses_nothing_that_was_accepted(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    let workers = node.work_with(&recorder, None, quick());
    let mut accepted = node.push_together(0..100).await;
    assert_eq!(accepted.len(), 100);

    rig.proxy().cut();
    accepted.extend(node.push_together(100..200).await);

    rig.proxy().refuse().await;
    let refused = node.push_together(200..210).await;
    assert_eq!(refused, BTreeSet::new(), "accepted without a server");
    rig.proxy().heal().await;
    accepted.extend(works_again(&node, 1000).await);

    // Half open: nobody says that the connection is gone. Everything must find out by itself, and nobody may hang.
    rig.proxy().swallow();
    let pushed = tokio::time::timeout(Duration::from_secs(20), node.push_together(300..310)).await;
    assert_eq!(pushed.expect("a push ends, one way or the other"), BTreeSet::new(), "accepted by nobody");
    rig.proxy().heal().await;
    accepted.extend(works_again(&node, 2000).await);

    recorder.settles(accepted).await;
    rig.drained().await;
    workers.stop().await;
}

on!(workers_notice_a_half_open_connection_by_themselves: Stream, Postgres);

async fn workers_notice_a_half_open_connection_by_themselves(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    let _workers = node.work_with(&recorder, None, quick());
    node.push([0]).await;
    recorder.settles([0]).await;
    rig.drained().await;
    // Nobody ever closes the old connections; new ones would work.
    rig.proxy().forget();
    let accepted = works_again(&node, 1).await;
    recorder.settles(accepted).await;
    rig.drained().await;
}

/// Pushes numbers from `first` until one is accepted; returns it and ten after it.
async fn works_again(node: &super::rig::Node, first: u32) -> BTreeSet<u32> {
    let mut next = first;
    eventually("the queue takes deliveries again", SOON, async || {
        next += 1;
        node.push_together([next]).await.contains(&next)
    })
    .await;
    let accepted = node.push_together(next..next + 10).await;
    assert_eq!(accepted.len(), 10);
    accepted
}

on!(redis_that_is_killed_and_restarted_has_all_that_was_accepted: Stream);

async fn redis_that_is_killed_and_restarted_has_all_that_was_accepted(kind: Kind) {
    let (mut rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    recorder.hold(true);
    let workers = node.work_with(&recorder, None, quick());
    // Some are in work, some wait.
    let mut accepted = node.push_together(0..500).await;
    recorder.begins(1).await;
    rig.redis.as_mut().expect("redis").kill9();
    assert_eq!(node.push_together(500..510).await, BTreeSet::new(), "accepted without a server");
    rig.redis.as_mut().expect("redis").restart().await;
    recorder.hold(false);
    accepted.extend(works_again(&node, 1000).await);
    assert!(accepted.len() >= 510);
    recorder.settles(accepted).await;
    rig.drained().await;
    workers.stop().await;
    let log = recorder.log();
    // A worker that lives kept what it had, although it could not keep it fresh meanwhile.
    assert_eq!(log.overlaps, 0);
    assert!(log.attempts.values().flatten().all(|attempt| *attempt == 1), "{:?}", log.attempts);
}

on!(after_a_long_outage_live_workers_keep_what_they_have_in_hand: Stream, Postgres);

async fn after_a_long_outage_live_workers_keep_what_they_have_in_hand(kind: Kind) {
    let (rig, busy, idle) = (Rig::start(kind).await, Recorder::new(), Recorder::new());
    let (one, two) = (rig.node().await, rig.node().await);
    let tunables = quick();
    busy.hold(true);
    let _busy = one.work_with(&busy, Some(1), tunables);
    one.push_together(0..10).await;
    busy.begins(1).await;
    let _idle = two.work_with(&idle, Some(1), tunables);
    // Whatever the busy one did not take.
    let held = busy.log().begun.clone();
    idle.settles((0..10).filter(|number| !held.contains(number))).await;
    let begun = Instant::now();
    rig.proxy().refuse().await;
    eventually("two lease times pass", SOON, async || begun.elapsed() > tunables.lease * 2).await;
    rig.proxy().heal().await;
    let accepted = works_again(&two, 1000).await;
    idle.settles(accepted).await;
    let back = Instant::now();
    eventually("four more lease times pass", SOON, async || back.elapsed() > tunables.lease * 4).await;
    assert!(held.iter().all(|number| !idle.log().settled.contains_key(number)), "robbed: {:?}", idle.log());
    busy.hold(false);
    busy.settles(held).await;
    rig.drained().await;
}

on!(the_group_is_made_again_when_redis_comes_back_empty: Stream);

async fn the_group_is_made_again_when_redis_comes_back_empty(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    let _workers = node.work_with(&recorder, None, quick());
    let mut connection = redis(&rig.redis_url(None).expect("redis")).await;
    for round in 0..3 {
        node.push([round]).await;
        recorder.settles([round]).await;
        let _: () = redis::cmd("FLUSHALL").query_async(&mut connection).await.expect("redis answers");
    }
    node.push(3..10).await;
    recorder.settles(3..10).await;
    rig.drained().await;
}

on!(workers_that_stop_leave_no_consumer_behind: Stream);

async fn workers_that_stop_leave_no_consumer_behind(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    let mut connection = redis(&rig.redis_url(None).expect("redis")).await;
    for round in 0..3 {
        let workers = node.work_with(&recorder, None, quick());
        node.push([round]).await;
        recorder.settles([round]).await;
        workers.stop().await;
    }
    assert_eq!(consumers(&mut connection).await, [""; 0]);
}

on!(a_killed_workers_consumer_is_removed_once_its_entries_are_taken_over: Stream);

async fn a_killed_workers_consumer_is_removed_once_its_entries_are_taken_over(kind: Kind) {
    let rig = Rig::start(kind).await;
    let node = rig.node().await;
    let url = rig.redis_url(None).expect("redis");
    let mut connection = redis(&url).await;
    let store = |name: &str| {
        let client = redis::Client::open(url.as_str()).expect("a URL");
        RedisStream::new(client, PREFIX, name.to_owned(), Duration::from_millis(50))
    };
    // Two consumers that will never be heard of again: one has an entry in work, one has settled its own.
    let (busy, idle) = (store("busy"), store("idle"));
    assert!(busy.fresh(1, false).await.expect("redis answers").is_empty(), "this made the group");
    node.push([0, 1]).await;
    assert_eq!(busy.fresh(1, false).await.expect("redis answers").len(), 1);
    let settled = idle.fresh(1, false).await.expect("redis answers");
    let settled: Vec<_> = settled.into_iter().map(|entry| entry.key).collect();
    idle.acknowledge(&settled).await.expect("redis answers");
    assert_eq!(consumers(&mut connection).await, ["busy", "idle"]);
    eventually("the idle one is removed", SOON, async || {
        store("living").waiting().await.expect("redis answers");
        consumers(&mut connection).await == ["busy"]
    })
    .await;
    assert_eq!(rig.left().await, 1);
}

/// Names of the group's consumers.
async fn consumers(connection: &mut redis::aio::MultiplexedConnection) -> Vec<String> {
    let reply: redis::streams::StreamInfoConsumersReply = redis::cmd("XINFO")
        .arg("CONSUMERS")
        .arg(redis_stream::key(PREFIX))
        .arg("workers")
        .query_async(connection)
        .await
        .expect("redis answers");
    reply.consumers.into_iter().map(|consumer| consumer.name).collect()
}
