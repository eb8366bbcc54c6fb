//! Events of the Asterisk REST interface.

use serde_json::Value;

use super::{Message, dial};
use crate::json::Fields;
use crate::phone_system::{extension, outcome_of_cause, party, q850};
use crate::{
    CallEvent, Direction, EventKind, LegState, Outcome, ParseError, Party, RecordingFact, RecordingStatus, json, keys,
    times,
};

/// Bytes of the longest text that is taken for a time.
const LONGEST_TIME: usize = 40;

pub(super) fn parse(body: &[u8], message: &Message<'_>) -> Result<Vec<CallEvent>, ParseError> {
    let body: Value = json::read(body)?;
    let fields = Fields::of_object(&body)?;
    let kind = fields.required("type")?;
    let event = Event { fields, kind: &kind, message };
    match kind.as_str() {
        "StasisStart" | "ChannelCreated" | "ChannelStateChange" => event.channel_state(),
        "Dial" => return dial::parse(&event),
        "ChannelEnteredBridge" | "ChannelLeftBridge" => event.bridge(),
        "ChannelHold" => event.of_channel(EventKind::CallHeld),
        "ChannelUnhold" => event.of_channel(EventKind::CallUnheld),
        "BridgeBlindTransfer" => event.transfer("channel", "transferee"),
        "BridgeAttendedTransfer" => event.transfer("transferer_first_leg", "transferer_second_leg"),
        "ChannelDestroyed" => event.destroyed(),
        "ChannelDialplan" => event.dialplan(),
        "ChannelHangupRequest" | "StasisEnd" => event.of_channel(EventKind::CallAnnotation),
        "RecordingStarted" | "RecordingFinished" | "RecordingFailed" => event.recording(),
        _ => Ok(event.ignored()),
    }
    .map(|event| vec![event])
}

/// An event as it came.
pub(super) struct Event<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) kind: &'a str,
    pub(super) message: &'a Message<'a>,
}

/// A channel of an event. A channel is a leg.
#[derive(Clone)]
pub(super) struct Channel<'a> {
    pub(super) id: String,
    /// `Down`, `Ring` (somebody calls us on it), `Ringing` (we call somebody on it), `Up`, …
    pub(super) state: String,
    fields: Fields<'a>,
}

impl<'a> Channel<'a> {
    pub(super) fn read(fields: Fields<'a>) -> Option<Self> {
        Some(Self { id: fields.text("id")?, state: fields.text("state").unwrap_or_default(), fields })
    }

    /// The id of the oldest channel of the call. Not a field of ARI itself: `channelvars` in ari.conf adds it.
    fn linked_id(&self) -> Option<String> {
        let variables = self.fields.object("channelvars");
        let variable = variables.and_then(|all| all.text("CHANNEL(linkedid)").or_else(|| all.text("linkedid")));
        self.fields.text("linkedid").or(variable)
    }

    /// The application of the dialplan that runs on the channel (told since Asterisk 18), in lower case.
    fn application(&self) -> String {
        let name = self.fields.object("dialplan").and_then(|dialplan| dialplan.text("app_name"));
        name.unwrap_or_default().to_ascii_lowercase()
    }

    /// Whether the channel runs one of the pseudo applications of channels that `Dial()` and `Queue()` make.
    fn is_made_by_dial(&self) -> bool {
        matches!(self.application().as_str(), "appdial" | "appdial2" | "appqueue")
    }

    /// Whether Asterisk dials on this channel (`true`) or is called on it (`false`), where that can be told.
    fn is_dialled(&self) -> Option<bool> {
        match self.state.as_str() {
            _ if self.is_made_by_dial() => Some(true),
            "Ring" => Some(false),
            "Down" | "Dialing" | "Ringing" => Some(true),
            _ => None,
        }
    }

    /// The party on the channel itself: who calls on one that we are called on, who is called on one that we dial.
    pub(super) fn own_party(&self, region: Option<&str>) -> Option<Party> {
        let caller = self.fields.object("caller")?;
        let number = caller.sent("number")?;
        let name = caller.text("name").filter(|name| *name != number);
        Some(party(&number, region).named(name.as_deref()))
    }

    /// The party that it is connected with, when it is known.
    fn connected_party(&self, region: Option<&str>) -> Option<Party> {
        let connected = self.fields.object("connected")?;
        let number = connected.text("number")?;
        let name = connected.text("name").filter(|name| *name != number);
        Some(party(&number, region).named(name.as_deref()))
    }

    /// The number that was dialled; not the special extensions of the dialplan (`s` start, `h` hangup, …).
    fn dialled_party(&self, region: Option<&str>) -> Option<Party> {
        let exten = self.fields.object("dialplan")?.text("exten")?;
        let is_number = exten.len() > 1 && exten.bytes().any(|byte| byte.is_ascii_digit());
        (is_number || exten.bytes().all(|byte| byte.is_ascii_digit())).then(|| party(&exten, region))
    }
}

impl<'a> Event<'a> {
    /// `<uniqueid>:<event>[:<detail>]:<timestamp>`; without a time the key of the message stands for it.
    pub(super) fn key(&self, id: &str, detail: &str) -> String {
        let detail = if detail.is_empty() { String::new() } else { format!(":{}", keys::part(detail)) };
        let what = format!("{}:{}{detail}", keys::part(id), self.kind);
        match self.fields.text("timestamp").filter(|text| text.len() <= LONGEST_TIME) {
            Some(timestamp) => format!("{what}:{timestamp}"),
            None => format!("{what}:{}", self.message.key),
        }
    }

    pub(super) fn channel(&self, name: &str, field: &'static str) -> Result<Channel<'a>, ParseError> {
        self.fields.object(name).and_then(Channel::read).ok_or(ParseError::Missing { field })
    }

    /// An event about one channel.
    pub(super) fn about(&self, channel: &Channel<'_>, kind: EventKind, detail: &str) -> CallEvent {
        let mut event = CallEvent::new(self.key(&channel.id, detail), kind, self.message.received_at);
        event.leg_id = Some(channel.id.clone());
        event.session_id = channel.linked_id();
        event.occurred_at = self.fields.time("timestamp");
        event.started_at = channel.fields.time("creationtime");
        event.provider_status = Some(channel.state.clone()).filter(|state| !state.is_empty());
        event.state = match channel.state.as_str() {
            "Ring" | "Ringing" => Some(LegState::Ringing),
            "Up" => Some(LegState::Answered),
            "Down" | "Rsrvd" | "OffHook" | "Dialing" | "Dialing Offhook" | "Pre-ring" => Some(LegState::Initiated),
            _ => None,
        };
        self.add_parties(&mut event, channel);
        event.answered_by_platform |= answers_by_itself(&channel.application());
        event
    }

    /// The two sides, as far as the channel tells which way it goes.
    fn add_parties(&self, event: &mut CallEvent, channel: &Channel<'_>) {
        let region = self.message.region;
        match channel.is_dialled() {
            Some(true) => {
                event.direction = Some(Direction::Outbound);
                event.from = channel.connected_party(region);
                event.to = channel.own_party(region).filter(Party::is_known);
                event.agent_ref = extension(event.to.as_ref());
            }
            Some(false) => {
                event.direction = Some(Direction::Inbound);
                event.from = channel.own_party(region);
                event.to = channel.dialled_party(region);
                let forwarded = channel.fields.text("caller_rdnis");
                event.forwarded_from = forwarded.map(|raw| party(&raw, region));
                event.agent_ref = extension(event.from.as_ref());
                // Asterisk answers a channel that it is called on by itself (a menu, music) before it dials for it.
                event.answered_by_platform_to_dial = true;
                event.answered_by_platform = self.message.platform_answers;
            }
            None => {}
        }
    }

    fn of_channel(&self, kind: EventKind) -> Result<CallEvent, ParseError> {
        let channel = self.channel("channel", "channel.id")?;
        let mut event = self.about(&channel, kind, "");
        if kind == EventKind::CallAnnotation {
            event.provider_status = Some(self.kind.to_owned());
            event.q850 = self.fields.integer("cause").and_then(q850);
        }
        Ok(event)
    }

    fn channel_state(&self) -> Result<CallEvent, ParseError> {
        let channel = self.channel("channel", "channel.id")?;
        let detail = if self.kind == "ChannelStateChange" { channel.state.as_str() } else { "" };
        let event = self.about(&channel, EventKind::CallAnnotation, detail);
        Ok(CallEvent { kind: kind_of(event.state), ..event })
    }

    /// A bridge connects the channels in it; of two it also says with whom. Waiting alone, or being parked, connects nobody,
    /// and of a bridge that was left nobody knows who else had been there.
    fn bridge(&self) -> Result<CallEvent, ParseError> {
        let channel = self.channel("channel", "channel.id")?;
        let bridge = self.fields.object("bridge");
        let text = |name: &str| bridge.and_then(|bridge| bridge.text(name)).unwrap_or_default();
        let ids = bridge.map(|bridge| bridge.list("channels")).unwrap_or_default();
        let others: Vec<&str> = ids.iter().filter_map(Value::as_str).filter(|id| *id != channel.id).take(2).collect();
        let connects = !others.is_empty() && text("bridge_type") != "holding";
        let kind = if connects { EventKind::CallBridged } else { EventKind::CallAnnotation };
        let mut event = self.about(&channel, kind, &text("id"));
        if let ([other], true) = (others.as_slice(), connects) {
            event.bridged_leg_id = Some((*other).to_owned());
        }
        event.provider_status = Some(self.kind.to_owned());
        Ok(event)
    }

    /// A transfer ties the legs of whoever transfers to whom is transferred. One that failed changes nothing.
    fn transfer(&self, first: &'static str, second: &'static str) -> Result<CallEvent, ParseError> {
        let field = if first == "channel" { "channel.id" } else { "transferer_first_leg.id" };
        let channel = self.channel(first, field)?;
        let result = self.fields.text("result").unwrap_or_else(|| "Success".to_owned());
        let succeeded = result.eq_ignore_ascii_case("success");
        let kind = if succeeded { EventKind::CallTransferred } else { EventKind::CallAnnotation };
        let mut event = self.about(&channel, kind, "");
        // The channel of whoever transfers is as it was: what the transfer does to it is told by its own events.
        event.state = None;
        event.provider_status = Some(result);
        let other =
            [second, "transferee", "transfer_target"].iter().find_map(|name| self.fields.object(name)?.text("id"));
        event.bridged_leg_id = other.filter(|other| succeeded && *other != channel.id);
        Ok(event)
    }

    fn destroyed(&self) -> Result<CallEvent, ParseError> {
        let channel = self.channel("channel", "channel.id")?;
        let mut event = self.about(&channel, EventKind::CallEnded, "");
        let answered = event.state == Some(LegState::Answered);
        event.state = Some(LegState::Ended);
        // An end that the bridge made up, because it was away, happened before its time.
        if self.fields.flag("switchboard_synthesised") != Some(true) {
            event.ended_at = event.occurred_at;
        }
        let cause = self.fields.integer("cause").unwrap_or_default();
        event.outcome = outcome_of_cause(q850(cause).unwrap_or_default(), answered);
        if answered && channel.application() == "voicemail" {
            event.outcome = Some(Outcome::Voicemail);
        }
        event.q850 = q850(cause);
        event.provider_reason = self.fields.text("cause_txt");
        let code = self.fields.integer("tech_cause").and_then(|code| u16::try_from(code).ok());
        event.sip_code = code.filter(|code| (100..=699).contains(code));
        // At its end `Ringing` is no longer a sign that we dialled: phones show it in both directions. The sides are kept
        // as a last resort, for a channel of which nothing else was seen.
        if !channel.is_made_by_dial() && !matches!(channel.state.as_str(), "Ring" | "Down") {
            let region = self.message.region;
            event.direction = None;
            event.agent_ref = None;
            event.from = channel.own_party(region);
            event.to = channel.dialled_party(region).or_else(|| channel.connected_party(region));
        }
        Ok(event)
    }

    /// The dialplan runs applications on a channel. Those that answer it by themselves take the call before a person does.
    fn dialplan(&self) -> Result<CallEvent, ParseError> {
        let channel = self.channel("channel", "channel.id")?;
        let application = self.fields.text("dialplan_app").unwrap_or_default();
        let lower = application.to_ascii_lowercase();
        let kind = match lower.as_str() {
            "voicemail" => EventKind::VoicemailStarted,
            "queue" => EventKind::CallQueued,
            lower if answers_by_itself(lower) => EventKind::CallInitiated,
            _ => return Ok(self.ignored()),
        };
        let mut event = self.about(&channel, kind, &lower);
        if kind == EventKind::CallInitiated {
            event.kind = kind_of(event.state);
        }
        event.provider_status = Some(application);
        event.answered_by_platform = true;
        if kind == EventKind::CallQueued {
            let data = self.fields.text("dialplan_app_data").unwrap_or_default();
            event.queue = data.split(',').next().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
            event.state = event.state.max(Some(LegState::Queued)).filter(|state| *state < LegState::Answered);
        }
        Ok(event)
    }

    /// A recording has no address, only a name: its file is fetched through ARI with the account of the bridge.
    fn recording(&self) -> Result<CallEvent, ParseError> {
        let recording = self.fields.object("recording").ok_or(ParseError::Missing { field: "recording" })?;
        let name = recording.required("name").map_err(|_| ParseError::Missing { field: "recording.name" })?;
        let word = recording.text("state").unwrap_or_default();
        let (kind, status) = match (self.kind, word.as_str()) {
            (_, "canceled") => (EventKind::RecordingFailed, RecordingStatus::Absent),
            ("RecordingFailed", _) | (_, "failed") => (EventKind::RecordingFailed, RecordingStatus::Failed),
            ("RecordingFinished", _) => (EventKind::RecordingReady, RecordingStatus::Ready),
            _ => (EventKind::RecordingProvisional, RecordingStatus::InProgress),
        };
        let mut event = CallEvent::new(self.key(&name, ""), kind, self.message.received_at);
        event.occurred_at = self.fields.time("timestamp");
        let target = recording.text("target_uri").unwrap_or_default();
        event.leg_id = target.strip_prefix("channel:").map(ToOwned::to_owned).filter(|id| !id.is_empty());
        event.provider_status = Some(word).filter(|word| !word.is_empty());
        event.recording = Some(RecordingFact {
            duration_seconds: recording.seconds("duration"),
            needs_auth: true,
            ..RecordingFact::new(name, status)
        });
        Ok(event)
    }

    /// A kind that says nothing about calls, or that is new.
    fn ignored(&self) -> CallEvent {
        let channel = self.fields.object("channel").and_then(Channel::read);
        // Several events of one kind can have one time (a variable set twice): the message tells them apart.
        let mut event = CallEvent::new(self.message.key, EventKind::Ignored, self.message.received_at);
        event.session_id = channel.as_ref().and_then(Channel::linked_id);
        event.leg_id = channel.map(|channel| channel.id);
        event.occurred_at = times::read(&self.fields.text("timestamp").unwrap_or_default());
        event.provider_status = Some(self.kind.to_owned());
        event
    }
}

/// Whether an application of the dialplan takes calls before a person does.
fn answers_by_itself(application: &str) -> bool {
    matches!(
        application,
        "answer" | "background" | "directory" | "playback" | "queue" | "read" | "voicemail" | "waitexten"
    )
}

/// The kind of an event that only says how far a leg is.
fn kind_of(state: Option<LegState>) -> EventKind {
    match state {
        Some(LegState::Initiated) => EventKind::CallInitiated,
        Some(LegState::Ringing) => EventKind::CallRinging,
        Some(LegState::Answered) => EventKind::CallAnswered,
        _ => EventKind::CallAnnotation,
    }
}
