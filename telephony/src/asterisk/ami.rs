//! Call detail records of the manager interface (`cdr_manager`): the `Cdr` event, lines of `Name: value`.
//!
//! One record tells of one dialled channel, so a call can have several.

use chrono::{NaiveDateTime, TimeDelta};

use super::Message;
use crate::phone_system::{extension, party};
use crate::signature::sha256_hex;
use crate::{CallEvent, EventKind, LegState, Outcome, ParseError, keys};

/// Lines that are looked at: an event has some thirty.
const MAX_LINES: usize = 500;

pub(super) fn parse(body: &[u8], message: &Message<'_>) -> Result<CallEvent, ParseError> {
    let text = String::from_utf8_lossy(body);
    let lines = Lines::read(&text);
    let name = lines.get("Event");
    let name =
        name.ok_or(ParseError::Body { expected: "an ARI event (JSON) or an AMI event (lines of Name: value)" })?;
    if !name.eq_ignore_ascii_case("Cdr") {
        let mut event = CallEvent::new(message.key, EventKind::Ignored, message.received_at);
        event.leg_id = lines.get("Uniqueid").map(ToOwned::to_owned);
        event.provider_status = Some(name.to_owned());
        return Ok(event);
    }
    let id = lines.get("UniqueID").ok_or(ParseError::Missing { field: "UniqueID" })?;
    Ok(Cdr { lines, id, message }.event())
}

struct Lines<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Lines<'a> {
    fn read(text: &'a str) -> Self {
        let lines = text.lines().map(str::trim).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
        let pairs = lines.take(MAX_LINES).filter_map(|line| line.split_once(':'));
        Self(pairs.map(|(name, value)| (name.trim(), value.trim())).collect())
    }

    /// A value as it was sent, also an empty one.
    fn sent(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.sent(name).filter(|value| !value.is_empty())
    }

    fn seconds(&self, name: &str) -> Option<u32> {
        self.get(name)?.parse().ok()
    }
}

struct Cdr<'a> {
    lines: Lines<'a>,
    id: &'a str,
    message: &'a Message<'a>,
}

impl Cdr<'_> {
    fn event(&self) -> CallEvent {
        let mut event = CallEvent::new(self.key(), EventKind::CallEnded, self.message.received_at);
        event.leg_id = Some(self.id.to_owned());
        event.session_id = self.lines.get("LinkedID").map(ToOwned::to_owned);
        event.state = Some(LegState::Ended);
        event.duration_seconds = self.lines.seconds("Duration");
        self.add_parties(&mut event);
        self.add_times(&mut event);
        self.add_outcome(&mut event);
        event
    }

    /// `<uniqueid>:Cdr:<end>:<destination>`. Where that is not enough to tell the records of one channel apart (another
    /// dialled channel than the destination, an answer), a hash of what does follows. A destination that could be a
    /// person's number is hashed too.
    fn key(&self) -> String {
        let destination = self.lines.get("Destination").unwrap_or_default();
        let end = self.lines.get("EndTime").unwrap_or_default();
        let is_extension = destination.len() <= 5 && destination.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let shown = if is_extension { destination.to_owned() } else { short_hash(destination) };
        let key = format!("{}:Cdr:{}:{shown}", keys::part(self.id), keys::part(end));
        let dialled = self.lines.get("DestinationChannel").unwrap_or_default();
        let plain = (dialled.is_empty() || endpoint(dialled) == destination) && self.disposition() == "NO ANSWER";
        if plain && self.lines.get("Sequence").is_none() {
            return key;
        }
        let names = ["Sequence", "Channel", "DestinationChannel", "Disposition", "StartTime", "AnswerTime"];
        let values = names.map(|name| self.lines.get(name).unwrap_or_default());
        format!("{key}:{}", short_hash(&format!("{values:?}")))
    }

    fn disposition(&self) -> String {
        self.lines.get("Disposition").unwrap_or_default().to_ascii_uppercase()
    }

    fn add_parties(&self, event: &mut CallEvent) {
        let region = self.message.region;
        let (name, number) = caller_id(self.lines.get("CallerID").unwrap_or_default());
        let source = self.lines.get("Source").or(number).or_else(|| self.lines.sent("Source"));
        event.from = source.map(|raw| party(raw, region).named(name.filter(|name| *name != raw)));
        let to = self.lines.get("Destination").filter(|text| text.bytes().any(|byte| byte.is_ascii_digit()));
        event.to = to.map(|raw| party(raw, region));
        event.agent_ref = extension(event.from.as_ref());
    }

    /// The times are those of the server's clock without its zone. The unique id begins with the second in which the
    /// channel began, so the zone is the difference; where that is no zone, our time of receipt stands for the end.
    fn add_times(&self, event: &mut CallEvent) {
        let local = |name: &str| NaiveDateTime::parse_from_str(self.lines.get(name)?, "%Y-%m-%d %H:%M:%S").ok();
        let Some(offset) = local("StartTime").and_then(|start| self.zone(start)) else { return };
        let time = |name: &str| local(name)?.checked_sub_signed(offset).map(|time| time.and_utc());
        event.started_at = time("StartTime");
        event.ended_at = time("EndTime");
        event.occurred_at = event.ended_at;
    }

    fn zone(&self, start: NaiveDateTime) -> Option<TimeDelta> {
        // `1714719181.4`, or with the name of the system in front: `pbx-1714719181.4`.
        let (before, _) = self.id.rsplit_once('.')?;
        let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().filter(|digits| digits.len() >= 9)?;
        let began: i64 = digits.parse().ok()?;
        let difference = start.and_utc().timestamp().checked_sub(began)?;
        // Zones differ by quarters of an hour; a record begins in the minute in which its channel does, or is a later one.
        let zone = difference.div_euclid(900) * 900;
        let fits = difference - zone < 60 && (-12 * 3600..=14 * 3600).contains(&zone);
        fits.then(|| TimeDelta::seconds(zone))
    }

    /// The record is that of the channel that called. Whether a person came is told by the channel that was dialled for it:
    /// without one the dialplan answered (a menu, a mailbox).
    fn add_outcome(&self, event: &mut CallEvent) {
        let disposition = self.disposition();
        let outcome = match disposition.as_str() {
            "ANSWERED" => Some(Outcome::Completed),
            "NO ANSWER" => Some(Outcome::NoAnswer),
            "BUSY" => Some(Outcome::Busy),
            "FAILED" | "CONGESTION" => Some(Outcome::Failed),
            _ => None,
        };
        event.outcome = outcome;
        event.answered_by_platform = true;
        event.provider_status = Some(disposition).filter(|word| !word.is_empty());
        event.provider_reason = self.lines.get("LastApplication").map(ToOwned::to_owned);
        if let Some(dialled) = self.lines.get("DestinationChannel") {
            event.dial_outcome = outcome;
            // Names of channels are used again after a restart, so the leg has the id of its caller in its own.
            event.child_leg_id = Some(format!("{}/{}", self.id, short_hash(dialled)));
            event.talk_seconds = self.lines.seconds("BillableSeconds");
        } else if outcome != Some(Outcome::Completed) {
            event.talk_seconds = Some(0);
        } else if event.provider_reason.as_deref().is_some_and(|app| app.eq_ignore_ascii_case("VoiceMail")) {
            event.outcome = Some(Outcome::Voicemail);
        }
    }
}

/// `PJSIP/1002-00000005` → `1002`.
fn endpoint(channel: &str) -> &str {
    let name = channel.split_once('/').map_or(channel, |(_, name)| name);
    name.rsplit_once('-').map_or(name, |(name, _)| name)
}

/// `"ALICE" <12025550143>` → name and number.
fn caller_id(text: &str) -> (Option<&str>, Option<&str>) {
    let filled = |text: &'_ str| !text.is_empty();
    match text.split_once('<') {
        Some((name, number)) => {
            let name = name.trim().trim_matches('"').trim();
            (
                Some(name).filter(|name| filled(name)),
                Some(number.trim_end_matches('>').trim()).filter(|text| filled(text)),
            )
        }
        None => (None, Some(text.trim()).filter(|text| filled(text))),
    }
}

/// Enough of a hash to tell the records of one channel apart.
fn short_hash(text: &str) -> String {
    sha256_hex(text.as_bytes()).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn parts_of_channels_and_caller_ids_are_read() {
        assert_eq!(endpoint("PJSIP/1002-00000005"), "1002");
        assert_eq!(endpoint("Local/1002@from-queue-0001;1"), "1002@from-queue");
        assert_eq!(endpoint("console"), "console");
        assert_eq!(caller_id("\"ALICE\" <12025550143>"), (Some("ALICE"), Some("12025550143")));
        assert_eq!(caller_id("\"\" <1002>"), (None, Some("1002")));
        assert_eq!(caller_id("1002"), (None, Some("1002")));
        assert_eq!(caller_id(""), (None, None));
        let received_at = DateTime::UNIX_EPOCH;
        let message = Message { key: "m", received_at, region: None, platform_answers: false };
        let zone = |id: &str, start: &str| {
            let lines = Lines::read("");
            let cdr = Cdr { lines, id, message: &message };
            let start = NaiveDateTime::parse_from_str(start, "%Y-%m-%d %H:%M:%S").ok()?;
            cdr.zone(start).map(|zone| zone.num_minutes())
        };
        // 1714719181 is 2024-05-03 06:53:01 UTC.
        assert_eq!(zone("1714719181.4", "2024-05-03 08:53:01"), Some(120));
        assert_eq!(zone("pbx-1-1714719181.4", "2024-05-03 06:53:02"), Some(0));
        assert_eq!(zone("1714719181.4", "2024-05-02 23:53:01"), Some(-420));
        assert_eq!(zone("1714719181.4", "2024-05-03 12:38:01"), Some(345));
        assert_eq!(zone("1714719181.4", "2024-05-03 08:58:01"), None);
        assert_eq!(zone("1714719181.4", "2024-05-04 08:53:01"), None);
        assert_eq!(zone("call-1", "2024-05-03 08:53:01"), None);
        assert_eq!(zone("17.4", "2024-05-03 08:53:01"), None);
    }
}
