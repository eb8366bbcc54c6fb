//! `FreeSWITCH` `mod_json_cdr`: one report for each leg when it is over, in the three encodings that `encode` has. In the first
//! two, the values of variables are percent-encoded inside the JSON too (`encode-values`, the default); in the third not.

mod report;

use chrono::{DateTime, TimeDelta, Utc};
use switchboard_telephony::Secrets;

use super::{Credentials, Dialect, Retries};
use crate::{BeatKind, Call, End, Endpoint, Expected, Leg, Seen, Story, Talk, Tells, Wire};

/// How a report is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FreeSwitch {
    /// `encode` is `false`: the JSON itself.
    Json,
    /// `encode` is `true`: a form.
    Form,
    /// `encode` is `base64`.
    Base64,
}

impl Dialect for FreeSwitch {
    fn provider(&self) -> &'static str {
        "freeswitch"
    }

    fn variant(&self) -> &'static str {
        match self {
            Self::Json => "",
            Self::Form => "form",
            Self::Base64 => "base64",
        }
    }

    fn tells(&self) -> Tells {
        Tells {
            stories: Story::ALL,
            from: true,
            to: true,
            direction: true,
            talk: Talk::Legs,
            busy: true,
            // A report names no recordings.
            recordings: false,
            live: false,
        }
    }

    fn wires(&self, call: &Call) -> Vec<Wire> {
        let mut wires: Vec<Wire> = channels(call).iter().map(|channel| self.report(call, channel)).collect();
        wires.sort_by_key(|wire| wire.at);
        wires
    }

    fn keys(&self, call: &Call) -> Vec<String> {
        channels(call).iter().map(|channel| format!("leg:{}", channel.id)).collect()
    }

    fn recording_id(&self, _call: &Call) -> Option<String> {
        None
    }

    /// The phone of an agent shows its extension; the line is put in its place on the way out only.
    fn narrow(&self, call: &Call, expected: &mut Expected) {
        if let Some(agent) = call.root().agent.filter(|_| call.story().is_outbound()) {
            expected.from = Some(Seen::of(&Endpoint::Extension(agent.extension.to_owned())));
        }
    }

    /// `retries` of `json_cdr.conf.xml`; its `delay` of five seconds is shortened for somebody who waits.
    fn retries(&self) -> Retries {
        Retries { attempts: 4, pause: TimeDelta::milliseconds(250), on_server_errors: true }
    }

    fn credentials(&self, entropy: &mut dyn FnMut(&mut [u8])) -> Credentials {
        let mut password = [0; 16];
        entropy(&mut password);
        let password = format!("{:032x}", u128::from_be_bytes(password));
        let connection = Secrets::new().with("username", "freeswitch").with("password", password);
        Credentials { connection, private: Secrets::new() }
    }
}

/// A leg as the server has it.
struct Channel {
    id: String,
    /// The channel that dialled it.
    parent: Option<String>,
    /// The channels it dialled, with the cause of each; `NONE` while it goes on.
    dialled: Vec<(String, &'static str)>,
    /// The channel it was connected with last.
    bridged: Option<String>,
    bridged_at: Option<DateTime<Utc>>,
    inbound: bool,
    from: String,
    from_name: String,
    /// What was called first, and where the dialplan went on.
    to: String,
    sip_from: Option<String>,
    started_at: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
    ended_at: DateTime<Utc>,
    cause: &'static str,
    /// Who hung up, in the words of `mod_sofia`.
    disposition: &'static str,
    more: Vec<(&'static str, String)>,
}

fn id(call: &Call, number: usize) -> String {
    call.uuid("freeswitch leg", number)
}

/// Number of the channel on which an agent calls the second one before an attended transfer.
const CONSULTATION: usize = 50;

/// Every channel of a call.
fn channels(call: &Call) -> Vec<Channel> {
    if call.story().is_outbound() {
        return outbound(call);
    }
    let mut channels = vec![caller(call)];
    channels.extend(call.agent_legs().iter().map(|leg| agent(call, leg)));
    if call.story() == Story::AttendedTransfer
        && let [first, second] = call.agent_legs()
    {
        channels.push(consultation(call, first, second));
    }
    channels
}

/// The causes of a leg that was dialled, by how it ended.
fn cause(end: End) -> &'static str {
    match end {
        End::Completed => "NORMAL_CLEARING",
        End::NoAnswer => "NO_ANSWER",
        End::Busy => "USER_BUSY",
        End::Canceled => "ORIGINATOR_CANCEL",
    }
}

fn plain(call: &Call, leg: &Leg) -> Channel {
    let (from, from_name, sip_from) = match call.from() {
        Endpoint::Phone(number) | Endpoint::Extension(number) => {
            let name = call.caller_name().unwrap_or(&number).to_owned();
            (number, name, None)
        }
        Endpoint::Sip(address) => {
            let user = address.split('@').next().unwrap_or_default().to_owned();
            (user.clone(), user, Some(address))
        }
        Endpoint::Withheld => ("anonymous".to_owned(), "Anonymous".to_owned(), None),
    };
    Channel {
        id: id(call, leg.number),
        parent: None,
        dialled: Vec::new(),
        bridged: None,
        bridged_at: None,
        inbound: true,
        from,
        from_name,
        to: address(&call.to()),
        sip_from,
        started_at: leg.started_at,
        answered_at: leg.answered_at,
        ended_at: leg.ended_at,
        cause: cause(leg.end),
        disposition: "send_bye",
        more: Vec::new(),
    }
}

fn address(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Phone(text) | Endpoint::Extension(text) | Endpoint::Sip(text) => text.clone(),
        Endpoint::Withheld => "anonymous".to_owned(),
    }
}

/// The leg of whoever calls. It is answered when the dialled leg is, or by the queue or the mailbox.
fn caller(call: &Call) -> Channel {
    let root = call.root();
    let last = call.agent_legs().iter().rfind(|leg| leg.answered_at.is_some());
    let mut channel = plain(call, root);
    channel.answered_at = call.answered_at();
    channel.bridged_at = call.answered_at();
    channel.bridged = last.map(|leg| id(call, leg.number));
    let dialled = call.agent_legs().iter().filter(|leg| call.story() != Story::AttendedTransfer || leg.number == 1);
    channel.dialled = dialled
        .map(|leg| (id(call, leg.number), if leg.answered_at.is_some() { "NONE" } else { cause(leg.end) }))
        .collect();
    channel.disposition = match root.end {
        End::Completed if call.plan().remote_hangs_up => "recv_bye",
        End::Completed => "send_bye",
        End::Canceled => "recv_cancel",
        End::NoAnswer | End::Busy => "send_refuse",
    };
    if channel.bridged.is_some() {
        channel.more.push(("bridge_hangup_cause", "NORMAL_CLEARING".to_owned()));
        channel.more.push(("DIALSTATUS", "SUCCESS".to_owned()));
    } else {
        channel.more.push(("originate_disposition", channel.cause.to_owned()));
        channel.more.push(("DIALSTATUS", channel.cause.to_owned()));
    }
    let beat = |kind: BeatKind| call.scenes().find(|(beat, _)| beat.kind == kind).map(|(beat, _)| beat.at);
    if let Some(mailbox) = beat(BeatKind::VoicemailStarted) {
        channel.answered_at = Some(mailbox);
        channel.cause = "NORMAL_CLEARING";
        channel.disposition = "recv_bye";
        let seconds = call.recording().map_or(0, |recording| recording.seconds);
        channel.more.push(("last_app", "voicemail".to_owned()));
        channel.more.push(("last_arg", "default pbx1.example.com 201".to_owned()));
        channel.more.push(("voicemail_message_len", seconds.to_string()));
    } else {
        channel.more.push(("last_app", "bridge".to_owned()));
        channel.more.push(("last_arg", "user/201@pbx1.example.com".to_owned()));
    }
    // The call center answers the caller, and connects the agent whom it calls on a leg of its own.
    if let Some(queued) = beat(BeatKind::Queued) {
        channel.answered_at = Some(queued);
        channel.dialled.clear();
        channel.more.push(("cc_queue", format!("{}@default", call.plan().queue)));
        channel.more.push(("cc_side", "member".to_owned()));
        channel.more.push(("cc_cause", "answered".to_owned()));
        if let Some(agent) = last.and_then(|leg| leg.agent) {
            channel.more.push(("cc_agent", format!("{}@default", agent.extension)));
        }
    }
    if let (Some(held), Some(resumed)) = (beat(BeatKind::Held), beat(BeatKind::Resumed)) {
        channel.more.push(("hold_accum_seconds", (resumed - held).num_seconds().to_string()));
    }
    channel
}

/// The leg to an agent's phone.
fn agent(call: &Call, leg: &Leg) -> Channel {
    let mut channel = plain(call, leg);
    channel.inbound = false;
    channel.sip_from = None;
    channel.to = leg.agent.map_or_else(String::new, |agent| agent.extension.to_owned());
    channel.more.push(("dialed_user", channel.to.clone()));
    let root = id(call, 0);
    let consulted = call.story() == Story::AttendedTransfer && leg.number == 2;
    if call.story() == Story::Queued {
        channel.more.push(("cc_member_session_uuid", root.clone()));
        channel.more.push(("cc_side", "agent".to_owned()));
        channel.more.push(("cc_queue", format!("{}@default", call.plan().queue)));
    } else if consulted {
        channel.parent = Some(id(call, CONSULTATION));
    } else {
        channel.parent = Some(root.clone());
    }
    if leg.answered_at.is_some() {
        channel.bridged = Some(root);
        channel.bridged_at = leg.answered_at;
    }
    let passed_on = leg.number == 1 && call.agent_legs().len() > 1;
    channel.cause = match call.story() {
        Story::BlindTransfer if passed_on => "BLIND_TRANSFER",
        Story::AttendedTransfer if passed_on => "ATTENDED_TRANSFER",
        _ => channel.cause,
    };
    channel.disposition = match leg.end {
        End::Completed if call.plan().remote_hangs_up => "send_bye",
        End::Completed => "recv_bye",
        End::Busy => "recv_refuse",
        End::NoAnswer | End::Canceled => "send_cancel",
    };
    channel
}

/// The agent calls the colleague on a second line of the phone; its legs are a call of their own until they are joined.
fn consultation(call: &Call, first: &Leg, second: &Leg) -> Channel {
    let extension = |leg: &Leg| leg.agent.map_or_else(String::new, |agent| agent.extension.to_owned());
    let mut channel = plain(call, second);
    channel.id = id(call, CONSULTATION);
    channel.from = extension(first);
    channel.from_name = extension(first);
    channel.sip_from = None;
    channel.to = extension(second);
    channel.dialled = vec![(id(call, second.number), "NONE")];
    channel.bridged = Some(id(call, second.number));
    channel.bridged_at = second.answered_at;
    channel.ended_at = first.ended_at;
    channel.cause = "ATTENDED_TRANSFER";
    channel
}

/// The phone of an agent calls the server, which dials the number through a trunk.
fn outbound(call: &Call) -> Vec<Channel> {
    let root = call.root();
    let extension = root.agent.map_or_else(String::new, |agent| agent.extension.to_owned());
    let mut phone = plain(call, root);
    phone.from.clone_from(&extension);
    phone.from_name = extension;
    let mut trunk = plain(call, root);
    trunk.id = id(call, 1);
    trunk.parent = Some(phone.id.clone());
    trunk.inbound = false;
    phone.dialled = vec![(trunk.id.clone(), if root.answered_at.is_some() { "NONE" } else { cause(root.end) })];
    if root.answered_at.is_some() {
        phone.bridged = Some(trunk.id.clone());
        trunk.bridged = Some(phone.id.clone());
        phone.bridged_at = root.answered_at;
        trunk.bridged_at = root.answered_at;
        phone.more.push(("bridge_hangup_cause", "NORMAL_CLEARING".to_owned()));
    } else {
        phone.more.push(("originate_disposition", cause(root.end).to_owned()));
        phone.disposition = "send_refuse";
        trunk.disposition = if root.end == End::Busy { "recv_refuse" } else { "send_cancel" };
    }
    vec![phone, trunk]
}
