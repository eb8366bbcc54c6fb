//! One report: its JSON, and how it is packed.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Channel, FreeSwitch};
use crate::{Call, Wire};

impl FreeSwitch {
    pub(super) fn report(self, call: &Call, channel: &Channel) -> Wire {
        let body = json!({
            "core-uuid": call.uuid("freeswitch core", 0),
            "switchname": "pbx1",
            "channel_data": {
                "state": "CS_REPORTING", "direction": direction(channel), "state_number": "11", "flags": "0=1;1=1;37=1",
                "caps": "1=1;2=1;3=1;4=1;5=1;6=1",
            },
            "variables": self.variables(call, channel),
            "app_log": { "applications": [] },
            "callflow": callflow(channel),
        });
        let text = body.to_string();
        let (content_type, body) = match self {
            Self::Json => ("application/json", text),
            Self::Form => ("application/x-www-form-urlencoded", format!("cdr={}", encoded(&text))),
            Self::Base64 => ("application/x-www-form-base64-encoded", format!("cdr={}", base64(&text))),
        };
        let wire = Wire::post(channel.ended_at, content_type, body).with("User-Agent", "freeswitch-json/1.0");
        Wire { query: format!("uuid={}", channel.id), ..wire }
    }

    /// The variables of the channel: all of them texts.
    fn variables(self, call: &Call, channel: &Channel) -> Map<String, Value> {
        let stamp = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S").to_string();
        let epoch = |time: Option<DateTime<Utc>>| time.map_or(0, |time| time.timestamp()).to_string();
        let micros = |time: Option<DateTime<Utc>>| time.map_or(0, |time| time.timestamp_micros()).to_string();
        let (start, end) = (channel.started_at, channel.ended_at);
        let seconds =
            |from: Option<DateTime<Utc>>| from.map_or(0, |from| end.timestamp() - from.timestamp()).to_string();
        let q850 = match channel.cause {
            "NO_ANSWER" => "19",
            "USER_BUSY" => "17",
            "ORIGINATOR_CANCEL" => "487",
            "NORMAL_CLEARING" => "16",
            _ => "0",
        };
        // A channel that was dialled belongs to the call of the one that dialled it.
        let call_uuid = channel.parent.as_ref().unwrap_or(&channel.id);
        let mut all = vec![
            ("direction", direction(channel).to_owned()),
            ("uuid", channel.id.clone()),
            ("call_uuid", call_uuid.clone()),
            ("session_id", call.random("freeswitch session", 0).between(1, 99_999).to_string()),
            ("sip_from_user", channel.from.clone()),
            ("sip_from_uri", channel.sip_from.clone().unwrap_or_else(|| format!("{}@203.0.113.7", channel.from))),
            ("sip_to_user", channel.to.clone()),
            ("channel_name", format!("sofia/external/{}@203.0.113.7", channel.from)),
            ("caller_id", format!("\"{}\" <{}>", channel.from_name, channel.from)),
            ("hangup_cause", channel.cause.to_owned()),
            ("hangup_cause_q850", q850.to_owned()),
            ("sip_hangup_disposition", channel.disposition.to_owned()),
            ("start_stamp", stamp(start)),
            ("end_stamp", stamp(end)),
            ("start_epoch", epoch(Some(start))),
            ("start_uepoch", micros(Some(start))),
            ("answer_epoch", epoch(channel.answered_at)),
            ("answer_uepoch", micros(channel.answered_at)),
            ("bridge_epoch", epoch(channel.bridged_at)),
            ("bridge_uepoch", micros(channel.bridged_at)),
            ("resurrect_epoch", "0".to_owned()),
            ("end_epoch", epoch(Some(end))),
            ("end_uepoch", micros(Some(end))),
            ("duration", seconds(Some(start))),
            ("billsec", seconds(channel.answered_at)),
        ];
        all.extend(channel.more.iter().cloned());
        if let Some(bridged) = &channel.bridged {
            all.extend(["bridge_uuid", "last_bridge_to", "signal_bond"].map(|name| (name, bridged.clone())));
        }
        let entry = |(id, _): &(String, &str)| format!("{id};Outbound Call;{}", channel.to);
        let causes = |(id, cause): &(String, &str)| format!("{id};{cause}");
        if !channel.dialled.is_empty() {
            all.push(("originated_legs", array(channel.dialled.iter().map(entry))));
            all.push(("originate_causes", array(channel.dialled.iter().map(causes))));
        }
        let write = |text: String| if self == Self::Base64 { text } else { encoded(&text) };
        all.into_iter().map(|(name, text)| (name.to_owned(), write(text).into())).collect()
    }
}

fn direction(channel: &Channel) -> &'static str {
    if channel.inbound { "inbound" } else { "outbound" }
}

/// What the dialplan did, newest first. Its values are never percent-encoded.
fn callflow(channel: &Channel) -> Value {
    let micros = |time: Option<DateTime<Utc>>| time.map_or(0, |time| time.timestamp_micros()).to_string();
    let profile = |id: &str| {
        json!({
            "username": "", "dialplan": "XML", "caller_id_name": channel.from_name, "ani": channel.from, "aniii": "",
            "caller_id_number": channel.from, "network_addr": "203.0.113.7", "rdnis": "", "destination_number": channel.to,
            "uuid": id, "source": "mod_sofia", "context": "public", "chan_name": "sofia/external/trunk",
        })
    };
    let originator = channel.parent.as_deref().map(|parent| json!({ "originator_caller_profiles": [profile(parent)] }));
    let dialled: Vec<Value> = channel.dialled.iter().map(|(id, _)| profile(id)).collect();
    let originatee = (!dialled.is_empty()).then(|| json!({ "originatee_caller_profiles": dialled }));
    let mut own = profile(&channel.id);
    if let Some(own) = own.as_object_mut() {
        let others = [("originator", originator), ("originatee", originatee)];
        own.extend(others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    json!([{
        "dialplan": "XML", "profile_index": "1", "caller_profile": own,
        "times": {
            "created_time": micros(Some(channel.started_at)), "profile_created_time": micros(Some(channel.started_at)),
            "progress_time": "0", "answered_time": micros(channel.answered_at), "bridged_time": micros(channel.bridged_at),
            "hangup_time": micros(Some(channel.ended_at)), "resurrect_time": "0", "transfer_time": "0",
        },
    }])
}

/// Several values of one variable.
fn array(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    if let [value] = values.as_slice() { value.clone() } else { format!("ARRAY::{}", values.join("|:")) }
}

/// `switch_url_encode`: these characters and all that are not printable ASCII become `%` and two digits.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte <= b' ' || byte > b'~' || b"#%&+:;<=>?@[\\]^`{|}\"".contains(&byte) {
            encoded.push('%');
            let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
            encoded.extend([digit(byte >> 4), digit(byte & 15)]);
        } else {
            encoded.push(char::from(byte));
        }
    }
    encoded
}

/// `switch_b64_encode`: a line break after every 72 characters.
fn base64(text: &str) -> String {
    let whole = STANDARD.encode(text);
    let mut broken = String::with_capacity(whole.len() + whole.len() / 72);
    for (at, character) in whole.char_indices() {
        if at > 0 && at % 72 == 0 {
            broken.push('\n');
        }
        broken.push(character);
    }
    broken
}
