//! Deliveries that cannot be settled do not stop the others.

use std::time::Instant;

use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use switchboard_core::db;
use switchboard_entities::inbox;
use switchboard_worker::backend::redis_stream;
use uuid::Uuid;

use super::on_each;
use super::recorder::{LAST_ATTEMPT, Recorder};
use super::rig::{Kind, PREFIX, Rig, quick, redis};
use crate::support::wait::{SOON, eventually};

on_each!(a_delivery_that_panics_comes_again_alone_until_it_is_put_aside);

async fn a_delivery_that_panics_comes_again_alone_until_it_is_put_aside(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::panics_at(42));
    let node = rig.node().await;
    node.push(0..100).await;
    let workers = node.work_with(&recorder, None, quick());
    // Its neighbours in the batch, and calls that come later.
    recorder.settles((0..100).filter(|number| *number != 42)).await;
    node.push(100..120).await;
    recorder.settles(100..120).await;
    recorder.settles([42]).await;
    rig.drained().await;
    workers.stop().await;

    let log = recorder.log();
    assert_eq!(log.dead.iter().collect::<Vec<_>>(), [&42]);
    assert!(log.settled.values().all(|times| *times == 1), "{log:?}");
    assert_eq!(log.attempts.get(&42).and_then(|attempts| attempts.last()), Some(&(LAST_ATTEMPT + 1)));
}

on_each!(what_was_lost_twice_is_worked_on_alone);

async fn what_was_lost_twice_is_worked_on_alone(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::panics_at(42));
    let node = rig.node().await;
    let tunables = quick();
    // Two batches at a time, so that there is room beside the one that is held below.
    let _workers = node.work_with(&recorder, Some(2), tunables);
    node.push([42]).await;
    let attempts = async || recorder.log().attempts.get(&42).map_or(0, Vec::len);
    eventually("it is lost twice", SOON, async || attempts().await >= 2).await;
    recorder.hold(true);
    node.push([0]).await;
    recorder.begins(3).await;
    let begun = Instant::now();
    eventually("two lease times pass", SOON, async || begun.elapsed() > tunables.lease * 2).await;
    recorder.hold(false);
    recorder.settles([0, 42]).await;
    rig.drained().await;
    assert_eq!(recorder.log().beside_a_suspect, 0);
}

on_each!(entries_that_are_no_envelopes_are_handed_to_the_rules_as_such);

async fn entries_that_are_no_envelopes_are_handed_to_the_rules_as_such(kind: Kind) {
    let (rig, recorder) = (Rig::start(kind).await, Recorder::new());
    let node = rig.node().await;
    node.push(0..5).await;
    let count = foreign_entries(&rig).await;
    node.push(5..10).await;
    let _workers = node.work(&recorder);
    recorder.settles(0..10).await;
    eventually("the others are settled too", SOON, async || recorder.log().undecodable == count).await;
    rig.drained().await;
}

/// Puts entries into the queue that nobody of ours would.
async fn foreign_entries(rig: &Rig) -> usize {
    if let Some(url) = rig.redis_url(None) {
        let mut connection = redis(&url).await;
        let entries: [&[(&str, &[u8])]; 4] = [
            &[("m", b"{}"), ("b", b"x")],
            &[("m", &[0xff, 0xfe]), ("b", &[0xff])],
            &[("other", b"field")],
            &[("b", b"")],
        ];
        for fields in entries {
            let id: String = redis::cmd("XADD")
                .arg(redis_stream::key(PREFIX))
                .arg("*")
                .arg(fields)
                .query_async(&mut connection)
                .await
                .expect("redis takes it");
            assert!(!id.is_empty());
        }
        return entries.len();
    }
    let db = db::connect(&rig.database(None), 1).await.expect("the database is there");
    let metas = ["{}", "", "{\"v\":99}", "no json"];
    for meta in metas {
        let row = inbox::ActiveModel {
            id: Set(Uuid::now_v7()),
            meta: Set(meta.to_owned()),
            body: Set(vec![0xff, 0]),
            available_at: Set(chrono::Utc::now()),
            lease_until: Set(None),
            lease_owner: Set(None),
            attempts: Set(0),
            created_at: Set(chrono::Utc::now()),
        };
        row.insert(&db).await.expect("the inbox takes it");
    }
    metas.len()
}
