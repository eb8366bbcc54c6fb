//! Nothing that was read is lost: not while the CRM is away, not by `kill -9`, not at the bound of the spool.

use super::crm::Plan;
use super::delivery::numbered;
use super::rig::{Rig, in_order_and_once};
use crate::support::wait::{SOON, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crm_goes_away_and_comes_back() {
    let rig = Rig::start(&[]).await;
    rig.to_crm.refuse().await;
    for n in 0..100 {
        rig.asterisk.say(numbered("ChannelStateChange", &format!("c.{}", n % 5), n));
    }
    rig.says("the CRM takes no events").await;
    rig.ready(503, "crm: takes no events").await;
    rig.stored(100).await;
    assert_eq!(rig.crm.attempts().len(), 0);
    rig.to_crm.heal().await;
    in_order_and_once(&rig.crm.has(100).await);
    rig.says("the CRM takes events again").await;
    rig.ready(200, "crm: ok").await;

    // It is there and cannot store anything.
    rig.crm.rule(|_| Plan::Answer(503));
    for n in 100..150 {
        rig.asterisk.say(numbered("ChannelStateChange", &format!("c.{}", n % 5), n));
    }
    rig.ready(503, "crm: takes no events").await;
    rig.crm.rule(|_| Plan::Take);
    in_order_and_once(&rig.crm.has(150).await);
    // Signed anew each time, under the same id.
    let attempts = rig.crm.attempts();
    let again = attempts.iter().find(|delivery| !delivery.taken).unwrap();
    assert!(attempts.iter().any(|delivery| delivery.taken && delivery.id == again.id && delivery.raw == again.raw));
    assert_eq!(rig.crm.badly_signed(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_loses_nothing() {
    let mut rig = Rig::start(&[]).await;
    // A third is taken, a third refused for now, a third hangs: whatever the kill meets, it comes again.
    rig.crm.rule(|body| match body["n"].as_u64().unwrap() % 3 {
        0 => Plan::Take,
        1 => Plan::Answer(500),
        _ => Plan::Hang,
    });
    for n in 0..200 {
        rig.asterisk.say(numbered("ChannelStateChange", &format!("c.{}", n % 20), n));
    }
    rig.stored(200).await;
    eventually("some are taken", SOON, async || rig.crm.taken().len() > 3).await;
    rig.kill9();
    let before = rig.crm.taken().len();
    assert!(before < 200, "the kill came too late to show anything");

    // And again, while the backlog goes out.
    rig.crm.rule(|_| Plan::Take);
    rig.asterisk.set_channels((0..20).map(|n| super::asterisk::channel_of(&format!("c.{n}"), "Up")).collect());
    rig.run().await;
    eventually("the backlog goes out", SOON, async || rig.crm.taken().len() > before + 20).await;
    rig.kill9();
    rig.run().await;
    in_order_and_once(&rig.crm.has(200).await);
    assert!(rig.process().terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_its_bound_the_spool_says_so_and_leaves_asterisk() {
    let rig = Rig::start(&["--spool-mib", "1"]).await;
    rig.to_crm.refuse().await;
    let mut said = 0;
    eventually("the spool is full", SOON, async || {
        for _ in 0..100 {
            rig.asterisk.say(numbered("ChannelStateChange", &format!("c.{}", said % 5), said));
            said += 1;
        }
        rig.probe("/readyz").await.1.contains("spool: full")
    })
    .await;
    rig.says("THE SPOOL TAKES NO MORE EVENTS").await;
    let (_, metrics) = rig.probe("/metrics").await;
    let kept = value(&metrics, "switchboard_bridge_events_stored_total");
    assert!(kept > 500 && kept < said, "{kept} of {said}");
    assert!(value(&metrics, "switchboard_bridge_spool_bytes") < 2 << 20);
    let connections = rig.asterisk.connections();

    rig.asterisk.set_channels((0..5).map(|n| super::asterisk::channel_of(&format!("c.{n}"), "Up")).collect());
    rig.to_crm.heal().await;
    rig.says("the spool has room again").await;
    rig.asterisk.connected(connections + 1).await;
    // Some were read and not yet written when it was found full: they count too.
    let mut total = 0;
    eventually("everything that was read is delivered", SOON, async || {
        let (_, metrics) = rig.probe("/metrics").await;
        total = value(&metrics, "switchboard_bridge_events_stored_total");
        value(&metrics, "switchboard_bridge_events_delivered_total") == total
    })
    .await;
    assert!(total >= kept);
    in_order_and_once(&rig.crm.has(total).await);
}

/// The value of a metric without labels; 0 when it is not there yet.
fn value(metrics: &str, name: &str) -> usize {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}
