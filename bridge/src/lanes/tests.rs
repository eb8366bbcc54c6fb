#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use super::*;

const NONE: Duration = Duration::ZERO;

fn lanes(most: usize) -> (Lanes, Instant) {
    (Lanes::new(most, Backoff::new(Duration::from_secs(1), Duration::from_secs(30))), Instant::now())
}

fn add(lanes: &mut Lanes, events: &[(u64, &str)]) {
    for (n, lane) in events {
        lanes.add(Entry::made_up(*n, lane));
    }
}

/// The numbers of everything that may go out now.
fn take(lanes: &mut Lanes, now: Instant) -> Vec<Entry> {
    std::iter::from_fn(|| lanes.next(now)).collect()
}

fn numbers(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.n).collect()
}

#[test]
fn a_lane_keeps_its_order_and_lanes_do_not_wait_for_each_other() {
    let (mut lanes, now) = lanes(8);
    add(&mut lanes, &[(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b")]);
    let first = take(&mut lanes, now);
    assert_eq!(numbers(&first), [1, 3]);
    // "a" is slow; "b" goes on.
    assert!(!lanes.settled(&first[1]));
    let second = take(&mut lanes, now);
    assert_eq!(numbers(&second), [5]);
    lanes.settled(&second[0]);
    lanes.settled(&first[0]);
    let third = take(&mut lanes, now);
    assert_eq!(numbers(&third), [2]);
    lanes.settled(&third[0]);
    let fourth = take(&mut lanes, now);
    lanes.settled(&fourth[0]);
    assert!(lanes.is_empty() && lanes.by_name.is_empty() && lanes.ready.is_empty());
    assert_eq!(lanes.wake_at(), None);
}

#[test]
fn no_more_than_allowed_at_once_oldest_first() {
    let (mut lanes, now) = lanes(2);
    add(&mut lanes, &[(1, "a"), (2, "b"), (3, "c")]);
    let first = take(&mut lanes, now);
    assert_eq!((numbers(&first), lanes.waiting(), lanes.wake_at()), (vec![1, 2], 1, None));
    lanes.settled(&first[0]);
    assert_eq!(numbers(&take(&mut lanes, now)), [3]);
}

#[test]
fn one_that_fails_waits_alone_and_longer_each_time() {
    let (mut lanes, now) = lanes(2);
    add(&mut lanes, &[(1, "a"), (2, "a"), (3, "b")]);
    let first = take(&mut lanes, now);
    assert_eq!(lanes.failed(first[0].clone(), Failure::Once, NONE, now, 1.0), None);
    lanes.settled(&first[1]);
    assert_eq!(lanes.failures("a"), 1);
    assert_eq!(numbers(&take(&mut lanes, now)), [0_u64; 0]);
    let again = now + Duration::from_secs(1);
    assert_eq!(lanes.wake_at(), Some(again));
    let second = take(&mut lanes, again);
    assert_eq!(numbers(&second), [1]);
    lanes.failed(second[0].clone(), Failure::Once, Duration::from_secs(7), again, 1.0);
    // What the CRM asks for counts when it is longer.
    assert_eq!(lanes.wake_at(), Some(again + Duration::from_secs(7)));
    assert!(!lanes.is_away());
}

#[test]
fn while_the_crm_is_away_one_at_a_time_probes() {
    let (mut lanes, now) = lanes(4);
    add(&mut lanes, &[(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")]);
    let first = take(&mut lanes, now);
    assert_eq!(first.len(), 4);
    assert_eq!(lanes.failed(first[0].clone(), Failure::Everywhere, NONE, now, 1.0), Some(Duration::from_secs(1)));
    for entry in &first[1..] {
        assert_eq!(lanes.failed(entry.clone(), Failure::Everywhere, NONE, now, 1.0), None);
    }
    assert_eq!(lanes.next(now), None);
    let mut at = now;
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(lanes.wake_at(), Some(at + Duration::from_secs(pause)), "{pause}");
        at += Duration::from_secs(pause);
        let probe = take(&mut lanes, at);
        assert_eq!(probe.len(), 1);
        assert_eq!(lanes.wake_at(), None);
        lanes.failed(probe[0].clone(), Failure::Everywhere, NONE, at, 1.0);
    }
    let at = lanes.wake_at().unwrap();
    let probe = take(&mut lanes, at);
    assert!(lanes.settled(&probe[0]), "it is back");
    // All others go out at once, whatever pause they were in.
    assert_eq!(take(&mut lanes, at).len(), 4);
}

#[test]
fn the_probes_take_turns() {
    let (mut lanes, mut now) = lanes(1);
    add(&mut lanes, &[(1, "poisoned"), (2, "good")]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let entry = lanes.next(now).unwrap();
        seen.push(entry.n);
        lanes.failed(entry, Failure::Everywhere, NONE, now, 1.0);
        now = lanes.wake_at().unwrap();
    }
    assert!(seen.contains(&2), "{seen:?}");
}

#[test]
fn failures_in_a_row_mean_that_the_crm_is_away() {
    let (mut lanes, now) = lanes(2);
    add(&mut lanes, &[(1, "a"), (2, "b"), (3, "c")]);
    let first = take(&mut lanes, now);
    assert_eq!(lanes.failed(first[0].clone(), Failure::Once, NONE, now, 0.0), None);
    assert_eq!(lanes.failed(first[1].clone(), Failure::Once, NONE, now, 0.0), None);
    let third = take(&mut lanes, now);
    assert!(lanes.failed(third[0].clone(), Failure::Once, NONE, now, 0.0).is_some());
    assert!(lanes.is_away());
}

#[test]
fn new_events_of_a_failing_lane_stay_behind_it() {
    let (mut lanes, now) = lanes(2);
    add(&mut lanes, &[(1, "a")]);
    let first = take(&mut lanes, now);
    add(&mut lanes, &[(2, "a")]);
    assert_eq!(lanes.next(now), None);
    lanes.failed(first[0].clone(), Failure::Once, NONE, now, 1.0);
    add(&mut lanes, &[(3, "a")]);
    let later = now + Duration::from_secs(1);
    let second = take(&mut lanes, later);
    assert_eq!(numbers(&second), [1]);
    lanes.settled(&second[0]);
    assert_eq!(numbers(&take(&mut lanes, later)), [2]);
}
