//! From Asterisk to the CRM, when all is well or slow.

use serde_json::{Value, json};

use super::asterisk::event;
use super::crm::Plan;
use super::rig::{Rig, holds, in_order_and_once};

/// A numbered event.
pub fn numbered(kind: &str, channel: &str, n: usize) -> Value {
    let mut event = event(kind, channel, "Up", n);
    event["n"] = json!(n);
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_signed_and_stripped_and_others_do_not() {
    let mut rig = Rig::start(&[]).await;
    rig.asterisk.say(numbered("ChannelVarset", "1.1", 0));
    rig.asterisk.say(numbered("ChannelCreated", "1.1", 1));
    rig.asterisk.say(json!({"type": "Dial", "timestamp": "x", "dialstatus": "", "n": 2,
                            "caller": {"id": "1.1"}, "peer": {"id": "1.2"}}));
    rig.asterisk.say(numbered("ChannelDestroyed", "1.1", 3));
    let taken = rig.crm.has(3).await;
    assert_eq!(rig.crm.badly_signed(), 0);
    let mut kinds: Vec<_> = taken.iter().map(|delivery| delivery.kind().to_owned()).collect();
    kinds.sort();
    assert_eq!(kinds, ["ChannelCreated", "ChannelDestroyed", "Dial"]);
    for delivery in &taken {
        assert_eq!(delivery.path, "/hooks/asterisk");
        let text = String::from_utf8(delivery.raw.clone()).unwrap();
        assert!(!text.contains("do-not-tell") && !text.contains("4711"), "{text}");
    }
    let created = taken.iter().find(|delivery| delivery.kind() == "ChannelCreated").unwrap();
    assert!(created.id.starts_with("1.1:ChannelCreated:2026-11-22T12:00:00.001+0100:"), "{}", created.id);
    assert_eq!(created.body["channel"]["channelvars"], json!({"CHANNEL(linkedid)": "1.1"}));
    assert_eq!(created.body["channel"]["caller"]["number"], "+442071838750");

    rig.ready(200, "asterisk: connected").await;
    assert_eq!(rig.probe("/healthz").await, (200, "ok".to_owned()));
    assert!(rig.process().terminate().await.success());
    let log = rig.log();
    for secret in ["+442071838750", "Alice", super::asterisk::PASSWORD, "whsec_"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    assert!(holds(&rig.spool(), "ChannelDestroyed"), "the check below looks in the wrong place");
    assert!(!holds(&rig.path("data"), "do-not-tell"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept_within_a_channel() {
    let rig = Rig::start(&["--at-once", "16"]).await;
    for n in 0..400 {
        rig.asterisk.say(numbered("ChannelStateChange", &format!("c.{}", n % 7), n));
    }
    in_order_and_once(&rig.crm.has(400).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_request_holds_up_its_own_channel_alone() {
    let mut rig = Rig::start(&["--at-once", "2"]).await;
    rig.crm.rule(|body| if body["channel"]["id"] == "slow" { Plan::Hang } else { Plan::Take });
    rig.asterisk.say(numbered("ChannelStateChange", "slow", 0));
    rig.asterisk.say(numbered("ChannelStateChange", "slow", 1));
    for n in 2..50 {
        rig.asterisk.say(numbered("ChannelStateChange", &format!("c.{}", n % 5), n));
    }
    rig.crm.has(48).await;
    let slow = rig.crm.attempts().into_iter().filter(|delivery| delivery.channel() == "slow").count();
    assert_eq!(slow, 1, "the second event of the channel waits for the first");
    // It ends although a request is under way, and the next start sends what was not answered.
    rig.process().signal("TERM");
    rig.says("still under way were cut").await;
    assert!(rig.process().terminate().await.success());
    rig.crm.rule(|_| Plan::Take);
    rig.run().await;
    in_order_and_once(&rig.crm.has(50).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_says_that_all_is_well() {
    let rig = Rig::prepare(&[]).await;
    let output = rig.output(&["--once"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("the CRM takes events"));
    let taken = rig.crm.has(1).await;
    assert_eq!(taken[0].kind(), "BridgeCheck");

    rig.to_crm.refuse().await;
    let output = rig.output(&["--once"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("refuses the connection"));
}
