//! What Asterisk says, as it goes to the CRM: which types, what is left out, in which order, under which id.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The types of ARI events that the CRM makes something of. All others end here.
pub const FORWARDED: &[&str] = &[
    "BridgeAttendedTransfer",
    "BridgeBlindTransfer",
    "ChannelCreated",
    "ChannelDestroyed",
    "ChannelDialplan",
    "ChannelEnteredBridge",
    "ChannelHold",
    "ChannelLeftBridge",
    "ChannelStateChange",
    "ChannelUnhold",
    "Dial",
    "RecordingFailed",
    "RecordingFinished",
    "RecordingStarted",
    "StasisStart",
];

/// Dialplan applications that answer a call by themselves or let it wait: of all others the CRM learns nothing, and a
/// dialplan runs many.
const APPLICATIONS: &[&str] =
    &["answer", "background", "directory", "playback", "queue", "read", "voicemail", "waitexten"];

/// Names under which `channelvars` of `ari.conf` can carry what joins the legs of a call; all other channel variables may
/// hold anything (keys, names, numbers) and stay on the PBX.
const KEPT_VARIABLES: &[&str] = &["CHANNEL(linkedid)", "CHANNEL(LINKEDID)", "linkedid", "LINKEDID"];

/// Marks an event that Asterisk did not send.
pub const SYNTHESISED: &str = "switchboard_synthesised";

/// Longest id that is used as it is; longer ones are hashed.
const MAX_ID: usize = 120;

/// One message of the websocket.
#[derive(Debug)]
pub enum Message {
    /// For the CRM.
    Forward(Event),
    /// Of no use to the CRM.
    Ignored,
    /// Another program has taken over the application.
    Replaced,
}

/// An event on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `webhook-id`: the same on every attempt and after a restart.
    pub id: String,
    /// The channel (or what comes closest) whose events keep their order.
    pub lane: String,
    /// JSON.
    pub body: String,
}

/// Reads a message. `None`: not an object with a type, so not an event.
pub fn read(text: &str) -> Option<Message> {
    let Ok(Value::Object(mut event)) = serde_json::from_str(text) else { return None };
    let kind = event.get("type")?.as_str()?;
    if kind == "ApplicationReplaced" {
        return Some(Message::Replaced);
    }
    if !FORWARDED.contains(&kind) {
        return Some(Message::Ignored);
    }
    if kind == "ChannelDialplan" && !keep_dialplan(&mut event) {
        return Some(Message::Ignored);
    }
    strip(&mut event);
    Some(Message::Forward(Event::new(event)))
}

impl Event {
    /// An event from its JSON object.
    pub(crate) fn new(event: Map<String, Value>) -> Self {
        let lane = lane(&event);
        let text = |name| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let (kind, timestamp) = (text("type"), text("timestamp"));
        // What is about no channel (the check of `--once`) still has a name.
        let about = if lane.is_empty() { "bridge" } else { lane.as_str() };
        let readable = format!("{about}:{kind}:{timestamp}");
        let body = Value::Object(event).to_string();
        Self { id: id(&readable, &body), lane, body }
    }
}

/// `<uniqueid>:<event>:<timestamp>:<digest>`. The digest of the body keeps two events of one type in one millisecond apart.
/// What is long or has characters that do not belong into a header becomes a hash.
fn id(readable: &str, body: &str) -> String {
    let digest = hex::encode(Sha256::digest(body.as_bytes()));
    let short = digest.get(..8).unwrap_or_default();
    let plain = readable.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte));
    if plain && readable.len() + 1 + short.len() <= MAX_ID {
        format!("{readable}:{short}")
    } else {
        format!("ari:{}", hex::encode(Sha256::digest(format!("{readable}\n{body}"))))
    }
}

/// The channel an event is about: its own, the dialled one, the transferring one, the recorded one.
fn lane(event: &Map<String, Value>) -> String {
    let of = |name: &str| event.get(name).and_then(|channel| channel.get("id")).and_then(Value::as_str);
    let recorded = || {
        let target = event.get("recording")?.get("target_uri")?.as_str()?;
        Some(target.strip_prefix("channel:").unwrap_or(target))
    };
    ["channel", "peer", "transferer", "transferer_first_leg"]
        .into_iter()
        .find_map(of)
        .or_else(recorded)
        .or_else(|| ["caller", "bridge"].into_iter().find_map(of))
        .unwrap_or_default()
        .to_owned()
}

/// Whether the application is one of those that matter. Of its arguments only the name of a queue is left.
fn keep_dialplan(event: &mut Map<String, Value>) -> bool {
    let application = event.get("dialplan_app").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let arguments = event.remove("dialplan_app_data");
    if application == "queue"
        && let Some(queue) = arguments.as_ref().and_then(Value::as_str).and_then(|all| all.split(',').next())
    {
        event.insert("dialplan_app_data".to_owned(), Value::from(queue));
    }
    APPLICATIONS.contains(&application.as_str())
}

/// Leaves out the channel variables and the arguments of dialplan applications, at whatever depth.
fn strip(object: &mut Map<String, Value>) {
    if let Some(Value::Object(variables)) = object.get_mut("channelvars") {
        variables.retain(|name, _| KEPT_VARIABLES.contains(&name.as_str()));
    }
    if object.get("channelvars").is_some_and(|variables| variables.as_object().is_none_or(Map::is_empty)) {
        object.remove("channelvars");
    }
    object.remove("app_data");
    for value in object.values_mut() {
        if let Value::Object(inner) = value {
            strip(inner);
        }
    }
}

/// A channel of the list, without what does not leave the PBX.
pub(crate) fn stripped(channel: Value) -> Value {
    match channel {
        Value::Object(mut object) => {
            strip(&mut object);
            Value::Object(object)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn forwarded(event: &Value) -> Event {
        match read(&event.to_string()) {
            Some(Message::Forward(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_the_crm_uses_passes() {
        for kind in FORWARDED {
            assert!(
                matches!(read(&json!({"type": kind, "dialplan_app": "Answer"}).to_string()), Some(Message::Forward(_))),
                "{kind}"
            );
        }
        for kind in ["ChannelVarset", "ChannelDtmfReceived", "PlaybackStarted", "", "channelcreated"] {
            assert!(matches!(read(&json!({"type": kind}).to_string()), Some(Message::Ignored)), "{kind}");
        }
        assert!(matches!(read(r#"{"type":"ApplicationReplaced"}"#), Some(Message::Replaced)));
        for text in ["", "[]", "{}", "null", r#"{"type":1}"#, "{"] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn variables_stay_on_the_pbx() {
        let event = forwarded(&json!({
            "type": "Dial", "dialstatus": "",
            "peer": {"id": "2", "dialplan": {"context": "in", "exten": "100", "app_name": "Curl", "app_data": "https://x/?key=1"},
                     "channelvars": {"SECRET": "x", "CHANNEL(linkedid)": "1"}},
            "caller": {"id": "1", "channelvars": {"SECRET": "x"}, "caller": {"number": "+12025550143"}},
        }));
        let body: Value = serde_json::from_str(&event.body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "Dial", "dialstatus": "",
                "peer": {"id": "2", "dialplan": {"context": "in", "exten": "100", "app_name": "Curl"},
                         "channelvars": {"CHANNEL(linkedid)": "1"}},
                "caller": {"id": "1", "caller": {"number": "+12025550143"}},
            })
        );
        assert_eq!(event.lane, "2");
    }

    #[test]
    fn of_the_dialplan_only_what_answers_or_waits_passes() {
        let step = |application: &str, arguments: &str| {
            json!({"type": "ChannelDialplan", "dialplan_app": application, "dialplan_app_data": arguments,
                   "channel": {"id": "1"}})
        };
        let queue: Value = serde_json::from_str(&forwarded(&step("Queue", "support,t,,,30")).body).unwrap();
        assert_eq!(queue["dialplan_app_data"], "support");
        let mailbox = forwarded(&step("VoiceMail", "1001@default")).body;
        assert!(!mailbox.contains("1001"), "{mailbox}");
        for application in ["Set", "Gosub", "CURL", ""] {
            let step = step(application, "https://x/?key=1").to_string();
            assert!(matches!(read(&step), Some(Message::Ignored)), "{application}");
        }
    }

    #[test]
    fn ids_are_stable_tell_events_apart_and_fit_a_header() {
        let event = json!({"type": "ChannelStateChange", "timestamp": "2016-09-12T13:53:52.110+0200",
                           "channel": {"id": "1473681228.6", "state": "Up"}});
        let first = forwarded(&event);
        assert!(first.id.starts_with("1473681228.6:ChannelStateChange:2016-09-12T13:53:52.110+0200:"), "{}", first.id);
        assert_eq!(first, forwarded(&event));
        let mut other = event.clone();
        other["channel"]["state"] = json!("Ringing");
        assert_ne!(first.id, forwarded(&other).id);

        for id in ["x".repeat(200), "a b".to_owned(), "ü".to_owned(), "a\nb".to_owned()] {
            let mut odd = event.clone();
            odd["channel"]["id"] = json!(id);
            let odd = forwarded(&odd);
            assert!(odd.id.starts_with("ari:") && odd.id.len() == 68, "{}", odd.id);
            assert_eq!(odd.lane, id);
        }
    }

    #[test]
    fn the_lane_is_the_channel_that_it_is_about() {
        for (event, lane) in [
            (json!({"type": "StasisStart", "channel": {"id": "c"}}), "c"),
            (json!({"type": "Dial", "caller": {"id": "a"}, "peer": {"id": "b"}}), "b"),
            (json!({"type": "BridgeBlindTransfer", "channel": {"id": "t"}, "bridge": {"id": "x"}}), "t"),
            (json!({"type": "BridgeAttendedTransfer", "transferer_first_leg": {"id": "l"}}), "l"),
            (json!({"type": "RecordingFinished", "recording": {"target_uri": "channel:r"}}), "r"),
            (json!({"type": "RecordingFinished", "recording": {"target_uri": "bridge:r"}}), "bridge:r"),
            (json!({"type": "RecordingFinished"}), ""),
        ] {
            assert_eq!(forwarded(&event).lane, lane, "{event}");
        }
    }
}
