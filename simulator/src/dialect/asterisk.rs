//! Asterisk through a bridge: the events of its REST interface for calls of an ordinary dialplan, and, as a dialect of its own,
//! the call detail records of its manager interface.

mod cdr;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use switchboard_telephony::Secrets;

pub(super) use self::cdr::Cdr;
use super::{Credentials, Dialect, Retries};
use crate::{BeatKind, Call, End, Endpoint, Expected, Leg, Seen, Story, Talk, Tells, Wire};

pub(super) struct Asterisk;

impl Dialect for Asterisk {
    fn provider(&self) -> &'static str {
        "asterisk"
    }

    fn tells(&self) -> Tells {
        Tells {
            stories: Story::ALL,
            from: true,
            to: true,
            direction: true,
            talk: Talk::Legs,
            busy: true,
            // Recordings of the dialplan (`MixMonitor`, `VoiceMail`) are not events of ARI.
            recordings: false,
            live: true,
        }
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        let mut pbx = Pbx { call, sent: Vec::new() };
        for (beat, leg) in call.scenes() {
            let at = beat.at;
            match beat.kind {
                BeatKind::Arrived => pbx.send(at, "ChannelCreated", json!({ "channel": pbx.root("Ring", "") })),
                BeatKind::Queued => {
                    // Queue() answers a caller who waits.
                    pbx.send(at, "ChannelStateChange", json!({ "channel": pbx.root("Up", "Queue") }));
                }
                BeatKind::Dialled => pbx.dialled(at, leg),
                BeatKind::Rings => pbx.rings(at, leg),
                BeatKind::Answered => pbx.answered(at, leg),
                BeatKind::Held => pbx.send(at, "ChannelHold", json!({ "channel": pbx.of(leg, "Up") })),
                BeatKind::Resumed => pbx.send(at, "ChannelUnhold", json!({ "channel": pbx.of(leg, "Up") })),
                BeatKind::Transferred { to } => pbx.transferred(at, leg, to),
                BeatKind::LegEnded => pbx.leg_ended(at, leg),
                BeatKind::VoicemailStarted => {
                    pbx.send(at, "ChannelStateChange", json!({ "channel": pbx.root("Up", "VoiceMail") }));
                }
                BeatKind::Ended => pbx.ended(at),
                BeatKind::RecordingReady => {}
            }
        }
        pbx.sent
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        let numbers = (0..=call.agent_legs().len()).chain(call.story().is_outbound().then_some(1));
        let consultation = (call.story() == Story::AttendedTransfer).then_some(CONSULTATION);
        numbers.chain(consultation).map(|number| format!("leg:{}", id(call, number))).collect()
    }

    fn recording_id(&self, _call: &Call) -> Option<String> {
        None
    }

    fn narrow(&self, call: &Call, expected: &mut Expected) {
        narrow(call, expected);
    }

    /// The bridge keeps events on disk until they are taken.
    fn retries(&self) -> Retries {
        Retries { attempts: 8, pause: TimeDelta::milliseconds(250), on_server_errors: true }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut key = [0; 32];
        entropy(&mut key);
        let secret = format!("whsec_{}", STANDARD.encode(key));
        Credentials { connection: Secrets::new().with("secret", secret), private: Secrets::new() }
    }
}

/// What Asterisk sees otherwise, in both formats.
fn narrow(call: &Call, expected: &mut Expected) {
    // The phone of an agent shows its extension; the line is put in its place on the way out only.
    if let Some(agent) = call.root().agent.filter(|_| call.story().is_outbound()) {
        expected.from = Some(Seen::of(&Endpoint::Extension(agent.extension.to_owned())));
    }
    // Of a SIP address only the user part is told.
    if call.story() == Story::SipCaller {
        expected.from = None;
    }
}

/// Number of the channel on which an agent calls the second one before an attended transfer.
const CONSULTATION: usize = 50;

/// `<systemname>-<second>.<number>`. The name makes it unique among all servers.
fn id(call: &Call, number: usize) -> String {
    let started = call.leg(number).unwrap_or(call.root()).started_at;
    let name = call.hex("asterisk system", 0, 16);
    format!("pbx{name}x-{}.{}", started.timestamp(), 100 + number)
}

/// Number and name of a party as a trunk delivers them.
fn caller_id(call: &Call) -> (String, String) {
    match call.from() {
        Endpoint::Phone(number) => (number, call.caller_name().unwrap_or_default().to_owned()),
        Endpoint::Extension(digits) => (digits, name_of(call.root())),
        Endpoint::Sip(address) => (address.split('@').next().unwrap_or_default().to_owned(), String::new()),
        Endpoint::Withheld => (String::new(), "Anonymous".to_owned()),
    }
}

fn name_of(leg: &Leg) -> String {
    leg.agent.map_or_else(String::new, |agent| agent.name.to_owned())
}

fn extension_of(leg: &Leg) -> String {
    leg.agent.map_or_else(String::new, |agent| agent.extension.to_owned())
}

/// What was dialled: agents dial numbers abroad with 00.
fn exten(call: &Call) -> String {
    match call.to() {
        Endpoint::Phone(number) if call.story().is_outbound() => number.replacen('+', "00", 1),
        Endpoint::Phone(text) | Endpoint::Extension(text) | Endpoint::Sip(text) => text,
        Endpoint::Withheld => "s".to_owned(),
    }
}

/// `2026-02-12T12:48:25.318+0100`: the offset of the server has no colon.
fn timestamp(time: DateTime<Utc>) -> String {
    (time + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%S%.3f+0100").to_string()
}

struct Pbx<'a> {
    call: &'a Call,
    sent: Vec<Wire>,
}

impl Pbx<'_> {
    fn send(&mut self, at: DateTime<Utc>, kind: &str, fields: Value) {
        let mut event = json!({
            "type": kind, "timestamp": timestamp(at), "asterisk_id": "08:00:27:18:d8:cf", "application": "switchboard",
        });
        let about = ["channel", "peer", "transferer_first_leg"]
            .into_iter()
            .find_map(|name| fields.get(name)?.get("id")?.as_str());
        let lane = about.unwrap_or_default().to_owned();
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        let digest = self.call.hex("asterisk event", self.sent.len(), 8);
        let id = format!("{lane}:{kind}:{}:{digest}", timestamp(at));
        self.sent.push(Wire::json(at, &event).with("webhook-id", id));
    }

    /// A channel as ARI shows it: `caller` is the party on the channel itself, `connected` the one it talks with.
    fn channel(&self, number: usize, state: &str, caller: [&str; 2], connected: [&str; 2], app: &str) -> Value {
        let name = if caller[0].len() <= 3 && !caller[0].is_empty() { caller[0] } else { "trunk" };
        let leg = self.call.leg(number).unwrap_or(self.call.root());
        json!({
            "id": id(self.call, number),
            "name": format!("PJSIP/{name}-{:08x}", 100 + number),
            "state": state,
            "protocol_id": self.call.hex("asterisk protocol", number, 32),
            "caller": { "number": caller[0], "name": caller[1] },
            "connected": { "number": connected[0], "name": connected[1] },
            "accountcode": "",
            "dialplan": { "context": "from-trunk", "exten": exten(self.call), "priority": 3, "app_name": app },
            "creationtime": timestamp(leg.started_at),
            "language": "en",
            "channelvars": { "CHANNEL(linkedid)": id(self.call, if number == CONSULTATION { number } else { 0 }) },
        })
    }

    /// The channel that calls us, or the phone of the agent who calls.
    fn root(&self, state: &str, app: &str) -> Value {
        let call = self.call;
        let (number, name) = caller_id(call);
        if call.story().is_outbound() {
            let root = call.root();
            return self.channel(0, state, [&extension_of(root), &name_of(root)], ["", ""], app);
        }
        self.channel(0, state, [&number, &name], ["", ""], app)
    }

    /// A channel that is dialled: the phone of an agent, or the trunk on the way out.
    fn of(&self, leg: &Leg, state: &str) -> Value {
        let call = self.call;
        let (number, name) = caller_id(call);
        if leg.is_root() {
            return self.channel(1, state, ["", ""], [&number, &name], "AppDial");
        }
        self.channel(leg.number, state, [&extension_of(leg), &name_of(leg)], [&number, &name], "AppDial")
    }

    /// The state of the root: up once it was answered by anyone.
    fn root_state(&self, at: DateTime<Utc>) -> &'static str {
        let up = self.call.answered_at().is_some_and(|answered| answered <= at);
        let taken = |kind: &BeatKind| matches!(kind, BeatKind::Queued | BeatKind::VoicemailStarted);
        let by_platform = self.call.scenes().any(|(beat, _)| taken(&beat.kind) && beat.at <= at);
        if up || by_platform { "Up" } else { "Ring" }
    }

    /// The application that runs on the root.
    fn root_app(&self, at: DateTime<Utc>) -> &'static str {
        let since = |kind: BeatKind| self.call.scenes().any(|(beat, _)| beat.kind == kind && beat.at <= at);
        match () {
            () if since(BeatKind::VoicemailStarted) => "VoiceMail",
            () if since(BeatKind::Queued) => "Queue",
            () => "Dial",
        }
    }

    /// The channel that dials a leg: the root, or the second line of an agent who asks a colleague.
    fn dialler(&self, at: DateTime<Utc>, leg: &Leg) -> Value {
        if self.is_consulted(leg) {
            let state = if leg.answered_at.is_some_and(|answered| answered <= at) { "Up" } else { "Ring" };
            return self.consultation(leg, state);
        }
        self.root(self.root_state(at), self.root_app(at))
    }

    fn is_consulted(&self, leg: &Leg) -> bool {
        self.call.story() == Story::AttendedTransfer && leg.number == 2
    }

    fn consultation(&self, colleague: &Leg, state: &str) -> Value {
        let Some(asking) = self.call.agent_legs().first() else { return Value::Null };
        let mut channel =
            self.channel(CONSULTATION, state, [&extension_of(asking), &name_of(asking)], ["", ""], "Dial");
        let own = [("/dialplan/exten", extension_of(colleague)), ("/creationtime", timestamp(colleague.started_at))];
        for (field, text) in own {
            if let Some(value) = channel.pointer_mut(field) {
                *value = text.into();
            }
        }
        channel
    }

    fn dial(&mut self, at: DateTime<Utc>, leg: &Leg, peer_state: &str, status: &str) {
        let dialstring = if leg.is_root() { format!("{}@trunk", exten(self.call)) } else { extension_of(leg) };
        let fields = json!({
            "caller": self.dialler(at, leg), "peer": self.of(leg, peer_state), "dialstatus": status, "dialstring": dialstring,
            "forward": "",
        });
        self.send(at, "Dial", fields);
    }

    fn dialled(&mut self, at: DateTime<Utc>, leg: &Leg) {
        if self.is_consulted(leg) {
            self.send(at, "ChannelCreated", json!({ "channel": self.consultation(leg, "Ring") }));
        }
        self.send(at, "ChannelCreated", json!({ "channel": self.of(leg, "Down") }));
        self.dial(at, leg, "Down", "");
    }

    fn rings(&mut self, at: DateTime<Utc>, leg: &Leg) {
        if leg.is_root() {
            self.dialled(at, leg);
        }
        self.send(at, "ChannelStateChange", json!({ "channel": self.of(leg, "Ringing") }));
        self.dial(at, leg, "Ringing", "RINGING");
    }

    fn answered(&mut self, at: DateTime<Utc>, leg: &Leg) {
        self.send(at, "ChannelStateChange", json!({ "channel": self.of(leg, "Up") }));
        self.dial(at, leg, "Up", "ANSWER");
        let dialler = self.dialler(at, leg);
        let was_up = self.call.answered_at().is_some_and(|first| first < at) || self.root_app(at) == "Queue";
        if self.is_consulted(leg) || !was_up {
            self.send(at, "ChannelStateChange", json!({ "channel": dialler }));
        }
        let peer = self.of(leg, "Up");
        self.enters(at, &peer, &[&peer]);
        self.enters(at, &dialler, &[&dialler, &peer]);
    }

    fn bridge(&self, channels: &[&Value]) -> Value {
        let channels: Vec<_> = channels.iter().filter_map(|channel| channel.get("id")).collect();
        json!({
            "id": self.call.uuid("asterisk bridge", 0), "technology": "simple_bridge", "bridge_type": "mixing",
            "bridge_class": "basic", "creator": "", "name": "", "channels": channels, "video_mode": "talker",
        })
    }

    fn enters(&mut self, at: DateTime<Utc>, channel: &Value, channels: &[&Value]) {
        let bridge = self.bridge(channels);
        self.send(at, "ChannelEnteredBridge", json!({ "bridge": bridge, "channel": channel }));
    }

    fn leaves(&mut self, at: DateTime<Utc>, channel: &Value) {
        let bridge = self.bridge(&[]);
        self.send(at, "ChannelLeftBridge", json!({ "bridge": bridge, "channel": channel }));
    }

    fn transferred(&mut self, at: DateTime<Utc>, leg: &Leg, to: usize) {
        let root = self.root("Up", "Dial");
        let first = self.of(leg, "Up");
        let bridge = self.bridge(&[&root, &first]);
        let Some(next) = self.call.leg(to) else { return };
        if self.call.story() == Story::BlindTransfer {
            let fields = json!({
                "channel": first, "transferee": root, "bridge": bridge, "exten": extension_of(next),
                "context": "from-internal", "result": "Success", "is_external": true,
            });
            return self.send(at, "BridgeBlindTransfer", fields);
        }
        let second = self.consultation(next, "Up");
        let fields = json!({
            "transferer_first_leg": first, "transferer_first_leg_bridge": bridge, "transferer_second_leg": second,
            "transferee": root, "transfer_target": self.of(next, "Up"), "destination_type": "bridge", "result": "Success",
            "is_external": true,
        });
        self.send(at, "BridgeAttendedTransfer", fields);
        self.leaves(at, &second);
        self.destroyed(at, &second, 16);
        let target = self.of(next, "Up");
        self.enters(at, &root, &[&root, &target]);
    }

    fn destroyed(&mut self, at: DateTime<Utc>, channel: &Value, cause: u8) {
        let text = match cause {
            16 => "Normal Clearing",
            17 => "User busy",
            19 => "User alerting, no answer",
            _ => "Unknown",
        };
        self.send(at, "ChannelDestroyed", json!({ "channel": channel, "cause": cause, "cause_txt": text }));
    }

    fn leg_ended(&mut self, at: DateTime<Utc>, leg: &Leg) {
        if leg.answered_at.is_some() {
            let channel = self.of(leg, "Up");
            self.leaves(at, &channel);
            return self.destroyed(at, &channel, 16);
        }
        let (status, state, cause) = match leg.end {
            End::Busy => ("BUSY", "Down", 17),
            End::Canceled => ("CANCEL", "Ringing", 16),
            End::NoAnswer | End::Completed => ("NOANSWER", "Ringing", 19),
        };
        self.dial(at, leg, state, status);
        let channel = self.of(leg, state);
        self.destroyed(at, &channel, cause);
    }

    fn ended(&mut self, at: DateTime<Utc>) {
        let call = self.call;
        let root = call.root();
        if call.story().is_outbound() {
            if root.end == End::Busy {
                self.dialled(at, root);
            }
            self.leg_ended(at, root);
        }
        let channel = self.root(self.root_state(at), self.root_app(at));
        if call.answered_at().is_some() {
            self.leaves(at, &channel);
        }
        let cause = match root.end {
            _ if call.story() == Story::Voicemail => 16,
            End::Completed | End::Canceled => 16,
            End::Busy => 17,
            End::NoAnswer => 19,
        };
        self.destroyed(at, &channel, cause);
    }
}
