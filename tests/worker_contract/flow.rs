//! Without faults: everything is handed out once, in order, in batches, and gone afterwards.

use std::time::{Duration, Instant};

use super::on_each;
use super::recorder::Recorder;
use super::rig::{Kind, Rig, quick};
use crate::support::wait::{SOON, eventually};

on_each!(delivers_and_leaves_nothing_behind);

async fn delivers_and_leaves_nothing_behind(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    let workers = node.work(&recorder);
    assert_eq!(node.push_together(0..250).await.len(), 250);
    recorder.settles(0..250).await;
    rig.drained().await;
    workers.stop().await;

    let log = recorder.log();
    assert!(log.settled.values().all(|times| *times == 1), "{log:?}");
    assert!(log.attempts.values().all(|attempts| attempts == &[1]), "{log:?}");
}

on_each!(a_lone_delivery_wakes_an_idle_worker);

async fn a_lone_delivery_wakes_an_idle_worker(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    let _workers = node.work(&recorder);
    // Each only when the one before is settled, so that the worker is idle again. A lost wake-up costs up to a second:
    // sixty of them would be over the limit.
    let all = async {
        for number in 0..60 {
            node.push([number]).await;
            recorder.settles([number]).await;
        }
    };
    tokio::time::timeout(SOON, all).await.expect("the worker wakes at once");
}

on_each!(a_backlog_comes_in_full_batches);

async fn a_backlog_comes_in_full_batches(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    assert_eq!(node.push_together(0..500).await.len(), 500);
    let _workers = node.work(&recorder);
    recorder.settles(0..500).await;
    assert_eq!(recorder.log().batches, [100; 5]);
}

on_each!(one_producers_deliveries_keep_their_order);

async fn one_producers_deliveries_keep_their_order(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    node.push(0..150).await;
    // One batch at a time: two would be settled beside each other.
    let _workers = node.work_with(&recorder, Some(1), quick());
    node.push(150..300).await;
    recorder.settles(0..300).await;
    let log = recorder.log();
    assert!(log.begun.is_sorted(), "{:?}", log.begun);
}

on_each!(two_workers_share_without_settling_anything_twice);

async fn two_workers_share_without_settling_anything_twice(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let (one, two) = (rig.node().await, rig.node().await);
    let _workers = (one.work_with(&recorder, Some(2), quick()), two.work_with(&recorder, Some(2), quick()));
    for round in 0..10 {
        assert_eq!(one.push_together(round * 200..(round + 1) * 200).await.len(), 200);
    }
    recorder.settles(0..2000).await;
    rig.drained().await;
    let log = recorder.log();
    assert_eq!(log.overlaps, 0);
    assert!(log.settled.values().all(|times| *times == 1));
}

on_each!(a_slow_worker_is_not_robbed);

async fn a_slow_worker_is_not_robbed(kind: Kind) {
    let (rig, slow, quick_one) = (Rig::start(kind).await, Recorder::new(), Recorder::new());
    let (one, two) = (rig.node().await, rig.node().await);
    let tunables = quick();
    slow.hold(true);
    assert_eq!(one.push_together(0..100).await.len(), 100);
    let _slow = one.work_with(&slow, Some(1), tunables);
    slow.begins(100).await;
    // The other one has nothing to do and looks for abandoned deliveries all the time.
    let _quick = two.work_with(&quick_one, Some(1), tunables);
    two.push([1000]).await;
    quick_one.settles([1000]).await;
    let begun = Instant::now();
    eventually("three lease times pass", SOON, async || begun.elapsed() > tunables.lease * 3).await;
    slow.hold(false);
    slow.settles(0..100).await;
    rig.drained().await;
    let log = quick_one.log();
    assert_eq!(log.settled.len(), 1, "{log:?}");
}

on_each!(a_backlog_of_20_000_is_drained);

async fn a_backlog_of_20_000_is_drained(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    assert_eq!(node.push_together(0..20_000).await.len(), 20_000);
    assert_eq!(rig.left().await, 20_000);
    let _workers = node.work(&recorder);
    recorder.settles_within(Duration::from_mins(2), 0..20_000).await;
    rig.drained().await;
    let log = recorder.log();
    assert_eq!(log.settled.len(), 20_000);
    assert!(log.settled.values().all(|times| *times == 1));
}
