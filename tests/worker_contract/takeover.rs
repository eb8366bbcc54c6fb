//! Workers that die.

use std::collections::BTreeMap;
use std::time::Duration;

use super::recorder::{LAST_ATTEMPT, Recorder};
use super::rig::{Kind, Rig, quick};
use super::{child, on, on_each};
use crate::support::wait::{SOON, eventually, eventually_some};

on_each!(a_killed_workers_deliveries_are_taken_over_within_five_seconds);

async fn a_killed_workers_deliveries_are_taken_over_within_five_seconds(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    let mut child = child::start(&rig, None, "child.log");
    node.push(0..50).await;
    eventually("the child holds deliveries", SOON, async || child.log().contains("holds 0")).await;
    // A second worker with the times of production; it gets what the child has no room for.
    let workers = node.work(&recorder);
    node.push([1000]).await;
    eventually("the second worker works, or the child holds all", SOON, async || {
        recorder.log().settled.contains_key(&1000) || child.log().contains("holds 1000")
    })
    .await;
    child.kill9();
    // The promise.
    recorder.settles_within(Duration::from_secs(5), child_held(&child.log())).await;
    recorder.settles((0..50).chain([1000])).await;
    rig.drained().await;
    workers.stop().await;
    let log = recorder.log();
    assert!(log.settled.values().all(|times| *times == 1), "{log:?}");
    assert!(log.attempts.values().flatten().all(|attempt| *attempt <= 2), "{:?}", log.attempts);
}

fn child_held(output: &str) -> Vec<u32> {
    let held: Vec<_> = output.lines().filter_map(|line| line.split("holds ").nth(1)?.trim().parse().ok()).collect();
    assert!(!held.is_empty(), "{output}");
    held
}

on_each!(workers_that_vanish_in_the_process_are_taken_over_too);

async fn workers_that_vanish_in_the_process_are_taken_over_too(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    recorder.hold(true);
    let vanishing = node.work_with(&recorder, Some(1), quick());
    node.push(0..5).await;
    recorder.begins(1).await;
    drop(vanishing);
    recorder.hold(false);
    let _workers = node.work_with(&recorder, Some(1), quick());
    recorder.settles(0..5).await;
    rig.drained().await;
}

// The inbox has the same policy for what was lost twice; SQLite and PostgreSQL differ in nothing here.
on!(a_delivery_that_kills_its_worker_is_put_aside_and_takes_nobody_along: Stream, Sqlite);

async fn a_delivery_that_kills_its_worker_is_put_aside_and_takes_nobody_along(kind: Kind) {
    let rig = Rig::start(kind).await;
    let node = rig.node().await;
    node.push(0..20).await;
    let mut outputs = String::new();
    // Dies with the poison five times; the sixth puts it aside.
    for life in 0..=LAST_ATTEMPT {
        let mut child = child::start(&rig, Some(7), &format!("child-{life}.log"));
        let ended = eventually_some("the child dies, or has put the poison aside", SOON, async || {
            if child.log().contains("dead 7 ") {
                return Some(false);
            }
            child.exited().map(|_| true)
        })
        .await;
        if !ended {
            rig.drained().await;
        }
        outputs += &child.log();
        assert_eq!(ended, life < LAST_ATTEMPT, "life {life}:\n{outputs}");
    }
    // Number and attempt of each that was settled.
    let settled: BTreeMap<u32, u32> = outputs
        .lines()
        .filter_map(|line| {
            let (number, attempt) = line.split("settled ").nth(1)?.split_once(" at ")?;
            Some((number.parse().ok()?, attempt.trim().parse().ok()?))
        })
        .collect();
    assert_eq!(
        settled.keys().copied().collect::<Vec<_>>(),
        (0..20).filter(|n| *n != 7).collect::<Vec<_>>(),
        "{outputs}"
    );
    assert!(settled.values().all(|attempt| *attempt <= 3), "an innocent one came too close to its end: {settled:?}");
    assert!(outputs.contains("dead 7 at 6"), "{outputs}");
}
