//! Wrong passwords, wrong secrets, unwanted events: told in plain words, and never a reason to lose something else.

use super::asterisk::PASSWORD;
use super::crm::Plan;
use super::delivery::numbered;
use super::rig::{Rig, in_order_and_once, secret, write_private};
use crate::support::wait::{SOON, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_named_and_not_shown() {
    let mut rig = Rig::prepare(&[]).await;
    write_private(&rig.path("password"), "Wrong-Horse-8\n");
    let output = rig.output(&["--once"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("Asterisk refuses the user or the password (401)"), "{text}");
    assert!(!text.contains("Wrong-Horse-8"));

    rig.run().await;
    eventually("it tries again", SOON, async || rig.asterisk.refused() >= 3).await;
    let log = rig.log();
    assert!(log.contains("Asterisk refuses the user or the password (401)") && !log.contains("Wrong-Horse-8"), "{log}");
    let id = rig.process().id();
    let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&command).contains("Horse"), "the password shows in the list of processes");
    assert_eq!(rig.asterisk.connections(), 0);
    assert!(!PASSWORD.is_empty() && rig.process().terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_mistakes_are_named_too() {
    let rig = Rig::prepare(&[]).await;
    let said = |more: &[&str]| {
        let output = rig.output(more);
        assert!(!output.status.success(), "{more:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let at = |scheme: &str, path: &str| format!("{scheme}://{}{path}", rig.asterisk.address());
    for (more, words) in [
        (
            vec!["--once".to_owned(), "--ari-url".to_owned(), at("ws", "/prefix")],
            "there is no ARI at this address (404)",
        ),
        (
            vec!["--once".to_owned(), "--ari-url".to_owned(), format!("wss://{}", rig.crm.address())],
            "no TLS connection to",
        ),
        (vec!["--ari-url".to_owned(), "ws://user:secret@pbx".to_owned()], "must not hold a user or password"),
        (vec!["--crm-url".to_owned(), at("http", "/hooks/twilio")], "the connection is called asterisk"),
        (vec!["--app".to_owned(), "a,b".to_owned()], "one word"),
        (vec!["--secret-file".to_owned(), "/nonexistent/secret".to_owned()], "cannot be read"),
    ] {
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let text = said(&more);
        assert!(text.contains(words), "{more:?}: {text}");
        assert!(!text.contains("user:secret"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unwanted_event_is_put_aside_and_the_others_go_on() {
    let rig = Rig::start(&[]).await;
    rig.crm.rule(|body| if body["n"] == 2 { Plan::Answer(422) } else { Plan::Take });
    for n in 0..5 {
        rig.asterisk.say(numbered("ChannelStateChange", "c", n));
    }
    in_order_and_once(&rig.crm.has(4).await);
    rig.says("the CRM does not want an event").await;
    let text = std::fs::read_to_string(rig.spool().join("refused.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["status"], 422);
    let body: serde_json::Value = serde_json::from_str(lines[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["n"], 2);
    let refused = rig.crm.attempts().into_iter().find(|delivery| !delivery.taken).unwrap();
    assert_eq!(lines[0]["id"], refused.id.as_str());
    assert!(!rig.log().contains("+442071838750"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_costs_no_event_and_a_new_one_needs_no_restart() {
    let rig = Rig::start(&[]).await;
    let new = secret();
    rig.crm.set_secret(&new);
    for n in 0..10 {
        rig.asterisk.say(numbered("ChannelStateChange", "c", n));
    }
    rig.says("the CRM refuses the signature").await;
    eventually("it is tried again", SOON, async || rig.crm.badly_signed() >= 3).await;
    assert!(!rig.spool().join("refused.jsonl").exists());
    // In place of the old file at once, as one should: never half a secret.
    write_private(&rig.path("secret.new"), &new);
    std::fs::rename(rig.path("secret.new"), rig.path("secret")).unwrap();
    in_order_and_once(&rig.crm.has(10).await);
    rig.says("the webhook secret has changed").await;
}
