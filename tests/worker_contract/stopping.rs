//! Graceful shutdown.

use std::time::Duration;

use super::on_each;
use super::recorder::Recorder;
use super::rig::{Kind, Rig, quick};
use crate::support::wait::eventually;

on_each!(a_batch_in_work_is_finished_and_nothing_more_is_fetched);

async fn a_batch_in_work_is_finished_and_nothing_more_is_fetched(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    recorder.hold(true);
    node.push(0..150).await;
    let workers = node.work_with(&recorder, Some(1), quick());
    recorder.begins(100).await;
    workers.ask_to_stop();
    node.push(150..160).await;
    assert!(!workers.stopped(), "it left a batch behind");
    recorder.hold(false);
    workers.stop().await;
    assert_eq!(recorder.log().settled.len(), 100);
    // The finished batch is acknowledged, the rest was never handed out.
    assert_eq!(rig.left().await, 60);

    let next = Recorder::new();
    let workers = node.work_with(&next, None, quick());
    next.settles(100..160).await;
    rig.drained().await;
    workers.stop().await;
    assert_eq!(next.log().settled.len(), 60);
    assert!(next.log().attempts.values().flatten().all(|attempt| *attempt == 1));
}

on_each!(what_waits_for_the_database_goes_back_at_once_and_uncounted);

async fn what_waits_for_the_database_goes_back_at_once_and_uncounted(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    recorder.away(true);
    node.push(0..10).await;
    let mut tunables = quick();
    // Others may have it at once, not when the lease is over: that would be after the end of this test.
    tunables.lease = Duration::from_mins(10);
    let workers = node.work_with(&recorder, Some(1), tunables);
    recorder.begins(10).await;
    workers.stop().await;

    let next = Recorder::new();
    let _workers = node.work_with(&next, None, tunables);
    next.settles(0..10).await;
    rig.drained().await;
    assert!(next.log().attempts.values().flatten().all(|attempt| *attempt == 1), "{:?}", next.log().attempts);
}

on_each!(a_batch_that_does_not_end_in_time_is_given_back);

async fn a_batch_that_does_not_end_in_time_is_given_back(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    recorder.hold(true);
    node.push(0..10).await;
    let mut tunables = quick();
    tunables.lease = Duration::from_mins(10);
    tunables.stop_within = Duration::from_millis(300);
    let workers = node.work_with(&recorder, Some(1), tunables);
    recorder.begins(10).await;
    workers.stop().await;

    let next = Recorder::new();
    let _workers = node.work_with(&next, None, tunables);
    next.settles(0..10).await;
    rig.drained().await;
}

on_each!(idle_workers_stop_at_once);

async fn idle_workers_stop_at_once(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    let workers = node.work(&recorder);
    node.push([0]).await;
    recorder.settles([0]).await;
    workers.ask_to_stop();
    eventually("the workers stop", Duration::from_secs(10), async || workers.stopped()).await;
}
