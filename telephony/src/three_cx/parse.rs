//! From the report of a finished call to an event.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};

use crate::json::{self, Fields};
use crate::signature::sha256_hex;
use crate::{
    CallEvent, Dialect, Direction, EventKind, LegState, Outcome, ParseContext, ParseError, Party, PartyKind,
    RecordingFact, RecordingStatus, times,
};

/// Digits of the shortest bare number that may be an international one without its `+`.
const SHORTEST_INTERNATIONAL: usize = 8;

pub(super) fn parse(body: &[u8], received_at: DateTime<Utc>, context: &ParseContext) -> Result<CallEvent, ParseError> {
    let value = json::read(body)?;
    let report = Report { fields: Fields::of_object(&value)?, region: context.default_region.as_deref() };
    let call_type = report.text("callType");
    let word = call_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let direction = report.direction(&word);
    let digest = report.digest(direction)?;
    let outcome = match word.as_str() {
        "inbound" | "outbound" => Some(Outcome::Completed),
        // Without the type the time of the answer tells.
        "" if report.time("establishedUtc").is_some() => Some(Outcome::Completed),
        "missed" | "notanswered" | "" => Some(Outcome::NoAnswer),
        _ => None,
    };
    let kind = if outcome.is_some() { EventKind::CallEnded } else { EventKind::Ignored };
    let mut event = CallEvent::new(format!("sha256(start|agent|number|direction)={digest}"), kind, received_at);
    event.session_id = Some(digest);
    event.provider_status = call_type;
    event.outcome = outcome;
    event.state = outcome.map(|_| LegState::Ended);
    event.direction = direction;
    event.direction_raw = report.text("callDirection");
    report.add_parties(&mut event);
    report.add_times(&mut event);
    event.recording = report.recording(&event);
    Ok(event)
}

struct Report<'a> {
    fields: Fields<'a>,
    region: Option<&'a str>,
}

impl Report<'_> {
    /// A field; a variable that 3CX did not fill (`[RecordingUrl]`, also with a method behind it) counts as absent.
    fn text(&self, name: &str) -> Option<String> {
        self.fields.text(name).filter(|text| !(text.starts_with('[') && text.ends_with(']')))
    }

    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        times::read(&self.text(name)?)
    }

    /// The direction, which older versions only tell by the type.
    fn direction(&self, call_type: &str) -> Option<Direction> {
        let direction = self.text("callDirection").unwrap_or_default().to_ascii_lowercase();
        match (direction.as_str(), call_type) {
            ("", "inbound" | "missed") | ("inbound", _) => Some(Direction::Inbound),
            ("", "outbound" | "notanswered") | ("outbound", _) => Some(Direction::Outbound),
            _ => None,
        }
    }

    /// What makes the report of one call different from all others: 3CX gives no id of the call. A hash, because the
    /// number is personal data.
    fn digest(&self, direction: Option<Direction>) -> Result<String, ParseError> {
        let start = self.text("startUtc").or_else(|| self.text("endUtc"));
        let start = start.ok_or(ParseError::Missing { field: "startUtc" })?;
        let seconds = |time: DateTime<Utc>| time.trunc_subsecs(0).to_rfc3339_opts(SecondsFormat::Secs, true);
        let start = times::read(&start).map_or(start, seconds);
        let [agent, number] = ["agent", "number"].map(|name| self.text(name).unwrap_or_default());
        let direction = match direction {
            Some(Direction::Inbound) => "Inbound",
            Some(Direction::Outbound) => "Outbound",
            Some(Direction::Internal) | None => "",
        };
        Ok(sha256_hex(format!("{start}|{agent}|{number}|{direction}").as_bytes()))
    }

    fn add_parties(&self, event: &mut CallEvent) {
        // An empty number is a hidden one; a variable that was not filled says nothing.
        let sent = self.fields.sent("number").filter(|raw| raw.trim().is_empty() || self.text("number").is_some());
        let name = self.text("name");
        let other = sent.map(|raw| self.number(&raw).named(name.as_deref()));
        event.agent_ref = self.text("agent");
        event.queue = self.text("queueExtension");
        let agent = event.agent_ref.as_deref().map(|raw| Party::parse(raw, Dialect::PhoneSystem, self.region));
        let agent = agent.filter(|party| party.kind == PartyKind::Extension);
        (event.from, event.to) =
            if event.direction == Some(Direction::Outbound) { (agent, other) } else { (other, agent) };
    }

    /// A number as the trunk or the address book wrote it: an extension, a national one, or an international one, which
    /// may lack its `+`.
    fn number(&self, raw: &str) -> Party {
        let digits = raw.trim();
        let party = Party::parse(digits, Dialect::PhoneSystem, self.region);
        let bare = digits.len() >= SHORTEST_INTERNATIONAL && digits.bytes().all(|byte| byte.is_ascii_digit());
        if party.kind != PartyKind::Unknown || !bare {
            return party;
        }
        let rest = digits.strip_prefix("00").unwrap_or(digits);
        if rest.starts_with('0') {
            return party;
        }
        Party::parse(&format!("+{rest}"), Dialect::PhoneSystem, self.region)
    }

    fn add_times(&self, event: &mut CallEvent) {
        event.started_at = self.time("startUtc");
        event.ended_at = self.time("endUtc");
        event.occurred_at = event.ended_at;
        if event.outcome != Some(Outcome::Completed) {
            return;
        }
        event.answered_at = self.time("establishedUtc");
        let between = || u32::try_from((event.ended_at? - event.answered_at?).num_seconds()).ok();
        event.talk_seconds = self.text("duration").and_then(|text| seconds(&text)).or_else(between);
    }

    /// The recording, whose address needs a login at 3CX. It has no id of its own either.
    fn recording(&self, event: &CallEvent) -> Option<RecordingFact> {
        let url = self.text("recordingUrl")?;
        let id = event.session_id.clone()?;
        Some(RecordingFact { url: Some(url), needs_auth: true, ..RecordingFact::new(id, RecordingStatus::Ready) })
    }
}

/// Whole seconds of a length such as `01:02:03`, also with days (`1.01:02:03`) and fractions, or of a plain number.
fn seconds(text: &str) -> Option<u32> {
    let digits =
        |text: &str| (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok());
    let number = |text: &str| -> Option<u64> { digits(text)? };
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (days, hours, minutes, seconds) = match parts.as_slice() {
        [seconds] => ("0", "0", "0", *seconds),
        [minutes, seconds] => ("0", "0", *minutes, *seconds),
        [hours, minutes, seconds] => match hours.split_once('.') {
            Some((days, hours)) => (days, hours, *minutes, *seconds),
            None => ("0", *hours, *minutes, *seconds),
        },
        _ => return None,
    };
    let whole = seconds.split_once('.').map_or(seconds, |(whole, _)| whole);
    let units = [(days, 86_400_u64), (hours, 3600), (minutes, 60), (whole, 1)];
    let mut total = 0_u64;
    for (text, length) in units {
        total = total.checked_add(number(text)?.checked_mul(length)?)?;
    }
    u32::try_from(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_whole_seconds() {
        let examples = [
            ("00:01:05", 65),
            ("01:02:03", 3723),
            ("1.00:00:01", 86_401),
            ("00:00:59.9990000", 59),
            ("07", 7),
            ("2:30", 150),
        ];
        for (text, expected) in examples {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", ":", "a:b:c", "-00:00:01", "1:2:3:4", "99999999999:00:00", "00:00:", "+1:00", "1.5.0:0:0"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
