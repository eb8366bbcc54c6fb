//! The connection to Asterisk: lost, half-open, taken over, and what is made up for afterwards.

use serde_json::json;

use super::asterisk::channel_of;
use super::delivery::numbered;
use super::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_is_made_again() {
    let rig = Rig::start(&[]).await;
    rig.asterisk.say(numbered("ChannelStateChange", "1", 1));
    rig.crm.has(1).await;
    rig.asterisk.set_channels(vec![channel_of("1", "Up")]);
    rig.to_asterisk.cut();
    rig.asterisk.connected(2).await;
    rig.says("closed the connection").await;
    rig.asterisk.say(numbered("ChannelStateChange", "1", 2));
    rig.crm.has(2).await;

    rig.to_asterisk.refuse().await;
    rig.says("refuses the connection: nothing listens there").await;
    rig.ready(503, "asterisk: not connected").await;
    rig.to_asterisk.heal().await;
    rig.asterisk.connected(3).await;
    rig.asterisk.say(numbered("ChannelStateChange", "1", 3));
    rig.crm.has(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_connection_is_noticed() {
    let rig = Rig::start(&[]).await;
    // It lives on for longer than the deadline as long as pings are answered, though no event comes.
    rig.ready(200, "asterisk: connected").await;
    rig.to_asterisk.forget();
    rig.says("did not answer a ping").await;
    rig.asterisk.connected(2).await;
    rig.asterisk.say(numbered("ChannelCreated", "1", 1));
    rig.crm.has(1).await;
    assert_eq!(rig.log().matches("did not answer a ping").count(), 1, "{}", rig.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_is_taken_over_is_not_waited_for_in_silence() {
    let rig = Rig::start(&[]).await;
    rig.asterisk.replace();
    rig.says("another program has taken over the ARI application switchboard").await;
    rig.asterisk.connected(2).await;
    rig.asterisk.say(numbered("ChannelCreated", "1", 1));
    rig.crm.has(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_during_an_absence_is_made_up_for() {
    let mut rig = Rig::start(&[]).await;
    for channel in ["ended", "answered", "same"] {
        let mut event = numbered("ChannelCreated", channel, 1);
        event["channel"]["state"] = json!("Ring");
        rig.asterisk.say(event);
    }
    rig.crm.has(3).await;
    // Gone without a word to anybody: what is known must come from the disk.
    rig.kill9();
    rig.asterisk.set_channels(vec![
        channel_of("answered", "Up"),
        channel_of("same", "Ring"),
        channel_of("new", "Ringing"),
    ]);
    rig.run().await;
    let taken = rig.crm.has(6).await;
    let mut made_up: Vec<_> = taken
        .iter()
        .filter(|delivery| delivery.body["switchboard_synthesised"] == true)
        .map(|delivery| (delivery.kind(), delivery.channel(), delivery.body["channel"]["state"].as_str().unwrap()))
        .collect();
    made_up.sort_unstable();
    assert_eq!(
        made_up,
        [
            ("ChannelDestroyed", "ended", "Ring"),
            ("ChannelStateChange", "answered", "Up"),
            ("ChannelStateChange", "new", "Ringing")
        ]
    );
    let ended = taken.iter().find(|delivery| delivery.kind() == "ChannelDestroyed").unwrap();
    assert_eq!((&ended.body["cause"], &ended.body["cause_txt"]), (&json!(0), &json!("Unknown")));
    assert!(!String::from_utf8_lossy(&ended.raw).contains("do-not-tell"));

    // Once: another interruption finds nothing that has changed.
    rig.to_asterisk.cut();
    rig.asterisk.connected(3).await;
    rig.asterisk.set_channels(vec![channel_of("answered", "Up"), channel_of("new", "Ringing")]);
    rig.to_asterisk.cut();
    rig.asterisk.connected(4).await;
    let taken = rig.crm.has(7).await;
    let last = taken.last().unwrap();
    assert_eq!((last.kind(), last.channel()), ("ChannelDestroyed", "same"));
}
