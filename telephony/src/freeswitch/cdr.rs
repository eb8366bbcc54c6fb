//! From a report to the events of its leg.

use chrono::{DateTime, TimeDelta, Utc};

use super::body::Report;
use super::cause::{self, Circumstances};
use super::legs::OtherLegs;
use crate::json::Fields;
use crate::phone_system::{extension, party, q850};
use crate::{
    CallEvent, Direction, EventKind, LegState, Outcome, ParseContext, ParseError, Party, PartyKind, keys, times,
};

pub(super) fn parse(
    report: &Report,
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<Vec<CallEvent>, ParseError> {
    let whole = report.whole();
    let callflow: Vec<Fields<'_>> =
        whole.iter().flat_map(|whole| whole.list("callflow")).filter_map(Fields::new).collect();
    let of_profile = || callflow.iter().find_map(|flow| flow.object("caller_profile")?.text("uuid"));
    let id = report.variable("uuid").or_else(of_profile).ok_or(ParseError::Missing { field: "variables.uuid" })?;
    let legs = OtherLegs::read(report, &callflow, &id);
    let reader = Reader { report, callflow, id, legs, region: context.default_region.as_deref() };
    Ok(reader.events(received_at))
}

struct Reader<'a> {
    report: &'a Report,
    /// Newest first: after a transfer the first one names the new target.
    callflow: Vec<Fields<'a>>,
    id: String,
    legs: OtherLegs,
    region: Option<&'a str>,
}

impl Reader<'_> {
    fn events(&self, received_at: DateTime<Utc>) -> Vec<CallEvent> {
        let ended = self.ended(received_at);
        let key = &ended.dedupe_key;
        let cause = ended.provider_reason.clone().unwrap_or_default();
        let about = |key: String, kind| {
            let mut event = CallEvent::new(key, kind, received_at);
            event.leg_id.clone_from(&ended.leg_id);
            event.session_id.clone_from(&ended.session_id);
            event.occurred_at = ended.occurred_at;
            event
        };
        let mut events = Vec::new();
        if cause::is_transfer(&cause) {
            let mut event = about(format!("{key}:transfer"), EventKind::CallTransferred);
            event.provider_reason = Some(cause);
            events.push(event);
        }
        // One event names one dialled leg; the others of a ring group have their own.
        let others = self.legs.children.iter().filter(|(id, _)| Some(*id) != ended.child_leg_id.as_ref());
        for (child, cause) in others {
            let mut event = about(format!("{key}:dial:{}", keys::part(child)), EventKind::DialResult);
            event.child_leg_id = Some(child.clone());
            event.dial_outcome = cause.as_deref().and_then(dial_outcome);
            event.provider_reason.clone_from(cause);
            events.push(event);
        }
        events.insert(0, ended);
        events
    }

    fn ended(&self, received_at: DateTime<Utc>) -> CallEvent {
        let mut event = CallEvent::new(keys::part(&self.id), EventKind::CallEnded, received_at);
        event.leg_id = Some(self.id.clone());
        event.state = Some(LegState::Ended);
        event.parent_leg_id.clone_from(&self.legs.parent);
        event.bridged_leg_id.clone_from(&self.legs.bridged);
        event.session_id = self.report.variable("call_uuid").or_else(|| self.legs.parent.clone());
        event.started_at = self.time("start", "created_time");
        event.ended_at = self.time("end", "hangup_time");
        event.occurred_at = event.ended_at;
        event.duration_seconds = self.seconds("duration");
        self.add_parties(&mut event);
        self.add_end(&mut event);
        event
    }

    /// Direction and the two sides, as they were when the leg began.
    fn add_parties(&self, event: &mut CallEvent) {
        let channel = self.report.whole().and_then(|whole| whole.object("channel_data")?.text("direction"));
        event.direction_raw = self.report.variable("direction").or(channel);
        event.direction = match event.direction_raw.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("inbound") => Some(Direction::Inbound),
            Some("outbound") => Some(Direction::Outbound),
            // Old servers do not tell: a leg that was dialled by another one goes out.
            _ if self.legs.parent.is_some() => Some(Direction::Outbound),
            _ => Some(Direction::Inbound),
        };
        let profile = self.callflow.last().and_then(|flow| flow.object("caller_profile"));
        let sent = |name: &str| profile.and_then(|profile| profile.sent(name));
        let filled = |name: &str| sent(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let variable = |name: &str| self.report.sent_variable(name);
        let from = filled("caller_id_number").or_else(|| filled("ani"));
        let from = from.or_else(|| sent("caller_id_number")).or_else(|| variable("sip_from_user"));
        let name = filled("caller_id_name").filter(|name| from.as_deref().is_none_or(|from| from.trim() != name));
        event.from = from.map(|raw| self.caller(&raw).named(name.as_deref()));
        let to = filled("destination_number").or_else(|| self.report.variable("sip_to_user"));
        event.to = to.map(|raw| self.party(&raw));
        event.forwarded_from = filled("rdnis").map(|raw| self.party(&raw));
    }

    /// How the leg ended, and who answered it.
    fn add_end(&self, event: &mut CallEvent) {
        let answered_at = self.time("answer", "answered_time");
        let billed = self.seconds("billsec");
        let answered = answered_at.is_some() || billed.is_some_and(|seconds| seconds > 0);
        let inbound = event.direction == Some(Direction::Inbound) && event.parent_leg_id.is_none();
        // A leg from outside is answered by the dialplan too (a menu, a mailbox), and one that dials others (the phone of
        // an agent who clicked on a number) is there before them: a person came when it was bridged.
        let waits = event.parent_leg_id.is_none() && (inbound || !self.legs.children.is_empty());
        event.answered_by_platform = waits && answered && !self.bridged_to_person();
        let by_person = answered && !event.answered_by_platform;
        let cause = self.report.variable("hangup_cause").map(|cause| cause.to_ascii_uppercase());
        let number = self.report.variable("hangup_cause_q850").and_then(|number| number.parse().ok());
        let circumstances = Circumstances { answered, by_person, inbound, number };
        event.outcome = cause::outcome(cause.as_deref().unwrap_or_default(), circumstances);
        if event.answered_by_platform && self.reached_mailbox() {
            event.outcome = Some(Outcome::Voicemail);
        }
        event.q850 = number.and_then(q850);
        event.sip_code = self.sip_code();
        event.hangup_source = self.report.variable("sip_hangup_disposition");
        event.queue = self.report.variable("cc_queue");
        event.agent_ref = self.agent(event, inbound, by_person);
        self.add_talk(event, answered_at, billed, inbound);
        self.add_child(event, by_person, cause.as_deref());
        event.provider_status = self.report.variable("endpoint_disposition");
        event.provider_reason = cause;
    }

    /// When a person answered, and how long people talked: not the time in a menu before.
    fn add_talk(&self, event: &mut CallEvent, answered_at: Option<DateTime<Utc>>, billed: Option<u32>, inbound: bool) {
        if event.answered_by_platform {
            return;
        }
        event.answered_at = answered_at;
        event.talk_seconds = billed;
        let bridged_at = self.time("bridge", "bridged_time").filter(|_| inbound);
        let (Some(answered), Some(bridged)) = (answered_at, bridged_at) else { return };
        if bridged - answered >= TimeDelta::seconds(1) {
            event.answered_at = Some(bridged);
            let talk = event.ended_at.and_then(|end| u32::try_from((end - bridged).num_seconds()).ok());
            event.talk_seconds = talk.or(billed);
        }
    }

    /// The dialled leg that this event names: the one that was answered, else the last. With how it ended, when nobody
    /// answered: its own report may be switched off (`log-b-leg`).
    fn add_child(&self, event: &mut CallEvent, by_person: bool, cause: Option<&str>) {
        let bridged = event.bridged_leg_id.as_ref().filter(|id| self.legs.children.contains_key(*id));
        let Some(child) = bridged.or_else(|| self.legs.children.keys().next_back()) else { return };
        event.child_leg_id = Some(child.clone());
        if by_person {
            return;
        }
        let told = self.legs.children.get(child).cloned().flatten();
        let disposition = || self.report.variable("originate_disposition");
        event.dial_outcome = told.or_else(disposition).as_deref().or(cause).and_then(dial_outcome);
    }

    /// Whether the leg was connected to another one that was answered. Early media bridges too, and ends with the cause of
    /// a leg that nobody answered.
    fn bridged_to_person(&self) -> bool {
        let bridged = self.legs.bridged.is_some() || self.time("bridge", "bridged_time").is_some();
        let cause = self.report.variable("bridge_hangup_cause").unwrap_or_default().to_ascii_uppercase();
        bridged && !cause::is_unanswered(&cause)
    }

    /// Whether the caller left a message: the application ran to leave one (not to listen), and one is not said to be
    /// empty.
    fn reached_mailbox(&self) -> bool {
        let length = self.report.variable("voicemail_message_len").and_then(|length| length.parse::<u64>().ok());
        let last = self.report.variable("last_app").is_some_and(|app| app.eq_ignore_ascii_case("voicemail"));
        let checks = self.report.variable("last_arg").unwrap_or_default().to_ascii_lowercase();
        let checks = checks.split_whitespace().any(|word| word == "check" || word == "auth");
        length.map_or(last && !checks, |length| length > 0)
    }

    /// Our side of the leg: the agent of the call center, else the extension.
    fn agent(&self, event: &CallEvent, inbound: bool, by_person: bool) -> Option<String> {
        let dialled = || self.report.variable("dialed_user");
        let own = if inbound {
            extension(event.from.as_ref()).or_else(|| dialled().filter(|_| by_person))
        } else {
            dialled().or_else(|| extension(event.to.as_ref()))
        };
        self.report.variable("cc_agent").or(own)
    }

    fn sip_code(&self) -> Option<u16> {
        let protocol = || self.report.variable("proto_specific_hangup_cause");
        let of_protocol = || protocol()?.strip_prefix("sip:").map(ToOwned::to_owned);
        let code = self.report.variable("sip_term_status").or_else(of_protocol)?;
        code.parse().ok().filter(|code| (100..=699).contains(code))
    }

    /// A time of the variables (`NAME_uepoch`, microseconds; `NAME_epoch`, seconds), else of the callflow. Zero stands for
    /// "never".
    fn time(&self, name: &str, of_callflow: &str) -> Option<DateTime<Utc>> {
        let number = |name: String| self.report.variable(&name)?.parse::<i64>().ok();
        let micros = number(format!("{name}_uepoch")).and_then(times::from_micros);
        let seconds = || number(format!("{name}_epoch"))?.checked_mul(1_000_000).and_then(times::from_micros);
        let flows = || {
            let times = self.callflow.iter().filter_map(|flow| flow.object("times")?.integer(of_callflow));
            let known = times.filter_map(times::from_micros);
            // Each profile repeats what it saw: the leg began with the first and ended with the last.
            if of_callflow == "hangup_time" { known.max() } else { known.min() }
        };
        micros.or_else(seconds).or_else(flows)
    }

    fn seconds(&self, name: &str) -> Option<u32> {
        self.report.variable(name)?.parse().ok()
    }

    /// Who calls. The caller of a SIP address has only its user part for a number.
    fn caller(&self, raw: &str) -> Party {
        let party = self.party(raw);
        let address = || self.report.variable("sip_from_uri").filter(|uri| uri.split('@').next() == Some(raw.trim()));
        match party.kind {
            PartyKind::Unknown => address().map_or(party, |uri| self.party(&uri)),
            _ => party,
        }
    }

    fn party(&self, raw: &str) -> Party {
        // Numbers of SIP trunks come with a host now and then, without a scheme.
        let raw = raw.trim();
        match raw.split_once('@') {
            Some(_) if !raw.contains(':') => party(&format!("sip:{raw}"), self.region),
            _ => party(raw, self.region),
        }
    }
}

/// How a dialled leg ended by the name of its cause; nobody answered it, else its own report tells.
fn dial_outcome(cause: &str) -> Option<Outcome> {
    let cause = cause.to_ascii_uppercase();
    let unknown = Circumstances { answered: false, by_person: false, inbound: false, number: None };
    match cause.as_str() {
        "NORMAL_CLEARING" => None,
        cause => cause::outcome(cause, unknown),
    }
}
