//! Which channels exist, as far as the events say, and what to make of a list that says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    ari::App,
    event::{Event, SYNTHESISED, stripped},
};

/// Events that bring a channel into being for us. Others may come late (a `Dial` that ends after its channel) and would
/// bring back one that is gone.
const OPENS: &[&str] = &["ChannelCreated", "ChannelStateChange", "StasisStart"];

/// The open channels, each as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Channels(BTreeMap<String, Value>);

impl Channels {
    /// Takes in an event.
    pub fn observe(&mut self, body: &str) {
        let Ok(Value::Object(mut event)) = serde_json::from_str(body) else { return };
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(channel) = event.get_mut("channel").map(Value::take) else { return };
        let Some(id) = channel.get("id").and_then(Value::as_str).map(ToOwned::to_owned) else { return };
        if kind == "ChannelDestroyed" {
            self.0.remove(&id);
        } else if OPENS.contains(&kind.as_str()) || self.0.contains_key(&id) {
            self.0.insert(id, channel);
        }
    }

    /// How many.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// The comparison of what was known when a connection began with what Asterisk listed right after.
///
/// The list is made while events already arrive: a channel that is missing in it may have ended a moment ago, and its
/// `ChannelDestroyed` is on its way with the true cause. So the comparison is used only some seconds later, and then for
/// the channels that are still open ([`Comparison::missed`]).
#[derive(Debug)]
pub struct Comparison {
    gone: BTreeSet<String>,
    /// Channels that are new to us, or in another state than we know.
    changed: Vec<(String, Value)>,
}

impl Comparison {
    /// Compares.
    pub fn new(known: &Channels, listed: Vec<Value>) -> Self {
        let listed: BTreeMap<String, Value> = listed
            .into_iter()
            .filter_map(|channel| Some((channel.get("id")?.as_str()?.to_owned(), stripped(channel))))
            .collect();
        let gone = known.0.keys().filter(|id| !listed.contains_key(*id)).cloned().collect();
        let state = |channel: &Value| channel.get("state").cloned();
        let changed = listed
            .into_iter()
            .filter(|(id, channel)| known.0.get(id).is_none_or(|old| state(old) != state(channel)))
            .collect();
        Self { gone, changed }
    }

    /// What was missed, as events: a state change for each channel that began or went on, and an end for each that is
    /// gone. `open`: the open channels after the events that came in the meantime. `heard`: the channels these were about;
    /// of those Asterisk itself has told the state.
    pub fn missed(&self, open: &Channels, heard: &BTreeSet<String>, app: &App, now: DateTime<Utc>) -> Vec<Event> {
        let timestamp = now.format("%Y-%m-%dT%H:%M:%S%.3f%z").to_string();
        let event = |kind: &str, channel: &Value| {
            let mut event = Map::new();
            event.insert("type".to_owned(), json!(kind));
            event.insert("application".to_owned(), json!(app.as_str()));
            event.insert("timestamp".to_owned(), json!(timestamp));
            event.insert("channel".to_owned(), channel.clone());
            event.insert(SYNTHESISED.to_owned(), json!(true));
            event
        };
        let went_on = self
            .changed
            .iter()
            // "Down" says nothing yet.
            .filter(|(id, channel)| !heard.contains(id) && channel.get("state").and_then(Value::as_str) != Some("Down"))
            .map(|(_, channel)| Event::new(event("ChannelStateChange", channel)));
        let ended = self.gone.iter().filter_map(|id| open.0.get(id)).map(|channel| {
            let mut event = event("ChannelDestroyed", channel);
            // Q.850 has no cause 0; Asterisk uses it for "unknown".
            event.insert("cause".to_owned(), json!(0));
            event.insert("cause_txt".to_owned(), json!("Unknown"));
            Event::new(event)
        });
        went_on.chain(ended).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn event(kind: &str, id: &str, state: &str) -> String {
        json!({"type": kind, "channel": {"id": id, "state": state}}).to_string()
    }

    fn known(events: &[(&str, &str, &str)]) -> Channels {
        let mut channels = Channels::default();
        for (kind, id, state) in events {
            channels.observe(&event(kind, id, state));
        }
        channels
    }

    fn kinds(events: &[Event]) -> Vec<(String, String, String)> {
        events
            .iter()
            .map(|event| {
                let body: Value = serde_json::from_str(&event.body).unwrap();
                assert_eq!(body.get(SYNTHESISED), Some(&json!(true)));
                assert_eq!(body.get("timestamp"), Some(&json!("2026-11-22T12:00:00.250+0000")));
                let text = |pointer| body.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
                (text("/type"), text("/channel/id"), text("/channel/state"))
            })
            .collect()
    }

    fn missed(comparison: &Comparison, open: &Channels, heard: &[&str]) -> Vec<(String, String, String)> {
        let now = "2026-11-22T12:00:00.25Z".parse().unwrap();
        let heard = heard.iter().map(|id| (*id).to_owned()).collect();
        kinds(&comparison.missed(open, &heard, &App::parse("crm").unwrap(), now))
    }

    fn words(expected: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
        expected.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect()
    }

    #[test]
    fn channels_open_and_close() {
        let mut channels = known(&[("ChannelCreated", "1", "Ring"), ("ChannelStateChange", "2", "Up")]);
        assert_eq!(channels.count(), 2);
        channels.observe(&event("ChannelDestroyed", "1", "Up"));
        // Late, and not one of those that open a channel.
        channels.observe(&event("ChannelLeftBridge", "1", "Up"));
        channels.observe(r#"{"type":"Dial","peer":{"id":"3"},"caller":{"id":"1"}}"#);
        channels.observe("not json");
        assert_eq!(channels, known(&[("StasisStart", "2", "Up")]));
        channels.observe(&event("ChannelDestroyed", "2", "Up"));
        assert_eq!(channels.count(), 0);
    }

    #[test]
    fn what_was_missed_is_told() {
        let before = known(&[
            ("ChannelCreated", "gone", "Ring"),
            ("ChannelCreated", "same", "Ring"),
            ("ChannelCreated", "answered", "Ring"),
        ]);
        let listed = vec![
            json!({"id": "same", "state": "Ring"}),
            json!({"id": "answered", "state": "Up"}),
            json!({"id": "new", "state": "Ringing"}),
            json!({"id": "too-new", "state": "Down"}),
            json!({"name": "without an id"}),
        ];
        let comparison = Comparison::new(&before, listed);
        assert_eq!(
            missed(&comparison, &before, &[]),
            words(&[
                ("ChannelStateChange", "answered", "Up"),
                ("ChannelStateChange", "new", "Ringing"),
                ("ChannelDestroyed", "gone", "Ring"),
            ])
        );
    }

    #[test]
    fn what_asterisk_says_in_the_meantime_stands() {
        let mut channels = known(&[("ChannelCreated", "ended", "Ring"), ("ChannelCreated", "answered", "Ring")]);
        let comparison = Comparison::new(
            &channels,
            vec![json!({"id": "answered", "state": "Up"}), json!({"id": "new", "state": "Ring"})],
        );
        channels.observe(&event("ChannelDestroyed", "ended", "Ring"));
        channels.observe(&event("ChannelStateChange", "answered", "Up"));
        // Came and went.
        channels.observe(&event("ChannelDestroyed", "new", "Ring"));
        assert_eq!(missed(&comparison, &channels, &["ended", "answered", "new"]), []);
    }
}
