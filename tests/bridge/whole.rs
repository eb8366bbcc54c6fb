//! Asterisk, the bridge, and the real CRM: a call that was taken, and one that ended while nobody listened.

use std::process::Command;

use serde_json::{Value, json};

use super::asterisk::{Asterisk, PASSWORD, USER, channel_of, event};
use super::rig::{secret, write_private};
use crate::support::both_modes;
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::server::{Mode, Server};
use crate::support::wait::{SOON, eventually};

const CALLS: &str =
    "{ interactions(first: 10) { nodes { provider state outcome direction from { e164 } to { e164 } legs { id } } } }";

both_modes!(what_asterisk_says_becomes_calls);

async fn what_asterisk_says_becomes_calls(mode: Mode) {
    let server = Server::start(mode).await;
    let secret = secret();
    server.run(&["connection", "add", "asterisk", "--name", "Berlin", "--set", &format!("secret={secret}")], "");
    let asterisk = Asterisk::start().await;
    write_private(&server.dir().join("password"), PASSWORD);
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("SWITCHBOARD_") || name == "DATABASE_URL" || name == "REDIS_URL" {
                command.env_remove(name);
            }
        }
        // Beside the CRM, with its settings: the secret is in the database.
        command
            .envs(server.prepared.environment())
            .env_remove("SWITCHBOARD_ADDRESS_FILE")
            .args(["bridge", "asterisk", "--ari-url", &format!("ws://{}/ari/events", asterisk.address())])
            .args(["--ari-user", USER, "--crm-url", &server.url(""), "--connection", "asterisk.berlin"])
            .args(["--keep-alive", "1", "--longest-pause", "1", "--ari-password-file"])
            .arg(server.dir().join("password"));
        Process::start("bridge", &mut command, &server.dir().join("bridge.log"))
    };
    let mut bridge = start();
    asterisk.connected(1).await;

    // A call from outside, on which an agent's phone is dialled and answers.
    asterisk.say(event("ChannelCreated", "1795384479.1", "Ring", 0));
    let phone = |state: &str| {
        let mut phone = channel_of("1795384479.2", state);
        phone["dialplan"] = json!({"context": "phones", "exten": "1001", "priority": 1, "app_name": "AppDial"});
        phone["caller"] = json!({"name": "", "number": "1001"});
        phone["connected"] = json!({"name": "Alice", "number": "+442071838750"});
        phone["channelvars"] = json!({"CHANNEL(linkedid)": "1795384479.1"});
        phone
    };
    let dial = |status: &str, state: &str, n: usize| {
        let mut dial = event("Dial", "1795384479.1", "Ring", n);
        let caller = dial.as_object_mut().unwrap().remove("channel").unwrap();
        dial["caller"] = caller;
        dial["peer"] = phone(state);
        dial["dialstatus"] = json!(status);
        dial
    };
    asterisk.say(dial("", "Down", 1000));
    asterisk.say(dial("RINGING", "Ringing", 2000));
    asterisk.say(dial("ANSWER", "Up", 5000));
    asterisk.say(event("ChannelStateChange", "1795384479.1", "Up", 5001));
    // And one that only rings.
    asterisk.say(event("ChannelCreated", "1795384500.7", "Ring", 6000));

    let admin = Client::login(&server, &server.admin).await;
    let calls = async || -> Vec<Value> {
        let calls = admin.query(CALLS, Value::Null).await;
        calls["interactions"]["nodes"].as_array().unwrap().clone()
    };
    eventually("one call is answered, and one rings", SOON, async || {
        let calls = calls().await;
        let states: Vec<_> = calls.iter().map(|call| call["state"].as_str().unwrap()).collect();
        calls.len() == 2 && states.contains(&"ANSWERED") && states.contains(&"RINGING")
    })
    .await;

    // The bridge dies; the first call goes on, the second ends.
    bridge.kill9();
    asterisk.set_channels(vec![channel_of("1795384479.1", "Up"), phone("Up")]);
    bridge = start();
    eventually("the call that ended in the meantime has ended", SOON, async || {
        calls().await.iter().any(|call| call["state"] == "ENDED")
    })
    .await;
    for channel in ["1795384479.2", "1795384479.1"] {
        let mut ended = event("ChannelDestroyed", channel, "Up", 20_000);
        ended["cause"] = json!(16);
        asterisk.say(ended);
    }
    eventually("both calls have ended", SOON, async || calls().await.iter().all(|call| call["state"] == "ENDED")).await;
    let mut ended: Vec<_> = calls()
        .await
        .iter()
        .map(|call| {
            assert_eq!((&call["provider"], &call["direction"]), (&json!("asterisk"), &json!("INBOUND")));
            assert_eq!(call["from"]["e164"], "+442071838750");
            assert_eq!(call["to"]["e164"], "+442079460000");
            (call["outcome"].as_str().unwrap().to_owned(), call["legs"].as_array().unwrap().len())
        })
        .collect();
    ended.sort();
    assert_eq!(ended, [("COMPLETED".to_owned(), 2), ("NO_ANSWER".to_owned(), 1)]);
    assert!(bridge.terminate().await.success(), "{}", bridge.log());
    assert!(!bridge.log().contains("+442071838750") && !bridge.log().contains(PASSWORD));
}
