//! From a notification to the events of its parties.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::status::meaning;
use crate::json::{self, Fields};
use crate::keys::bounded;
use crate::signature::sha256_hex;
use crate::{
    CallEvent, Dialect, Direction, EventKind, ParseContext, ParseError, Party, PartyKind, RecordingFact,
    RecordingStatus,
};

/// Parties of the largest notification that is read.
const MAX_PARTIES: usize = 1000;

pub(super) fn parse(
    body: &[u8],
    received_at: DateTime<Utc>,
    context: &ParseContext,
) -> Result<Vec<CallEvent>, ParseError> {
    let value = json::read(body)?;
    let outer = Fields::of_object(&value)?;
    // Push notifications have the same fields one level deeper, which the documentation shows for webhooks too.
    let nested = outer.object("pn_apns");
    let text = |name: &str| outer.text(name).or_else(|| nested.and_then(|nested| nested.text(name)));
    let session = outer.object("body").or_else(|| nested.and_then(|nested| nested.object("body")));
    let uuid = text("uuid");
    let has_parties = |session: &Fields<'_>| session.list("parties").iter().any(Value::is_object);
    let Some(session) = session.filter(has_parties) else {
        // Another kind of notification (presence, messages), or one without parties.
        let key = uuid.map_or_else(|| sha256_hex(body), bounded);
        let mut event = CallEvent::new(key, EventKind::Ignored, received_at);
        event.session_id = session.and_then(|session| session.text("telephonySessionId"));
        return Ok(vec![event]);
    };
    let session_id = session.text("telephonySessionId").or_else(|| session.text("sessionId"));
    let session_id = session_id.ok_or(ParseError::Missing { field: "body.telephonySessionId" })?;
    let parties = session.list("parties");
    if parties.len() > MAX_PARTIES {
        return Err(ParseError::Field { field: "body.parties", expected: "a list of at most 1000 parties" });
    }
    let notification = Notification {
        uuid: uuid.unwrap_or_else(|| sha256_hex(body)),
        session_id,
        sequence: session.integer("sequence"),
        // The API definition calls it the start of the call, but it moves on with each event of a call.
        occurred_at: session.time("eventTime").or_else(|| outer.time("timestamp")),
        received_at,
        region: context.default_region.as_deref(),
    };
    let parties = parties.iter().filter_map(Fields::new).enumerate();
    Ok(parties.map(|(index, party)| notification.event(index, party)).collect())
}

/// What all parties of a notification share.
struct Notification<'a> {
    uuid: String,
    session_id: String,
    sequence: Option<i64>,
    occurred_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
    region: Option<&'a str>,
}

impl Notification<'_> {
    fn event(&self, index: usize, party: Fields<'_>) -> CallEvent {
        let id = party.text("id");
        let status = party.object("status");
        let code = status.and_then(|status| status.text("code"));
        let reason = status.and_then(|status| status.text("reason"));
        let missed = party.flag("missedCall") == Some(true);
        let meaning = meaning(code.as_deref().unwrap_or_default(), reason.as_deref(), missed);
        let key = match (index, &id) {
            (0, _) => self.uuid.clone(),
            (_, Some(id)) => format!("{}:{id}", self.uuid),
            (_, None) => format!("{}:{index}", self.uuid),
        };
        let mut event = CallEvent::new(bounded(key), meaning.kind, self.received_at);
        event.leg_id = id;
        event.session_id = Some(self.session_id.clone());
        event.equal_leg = true;
        event.seq = self.sequence;
        event.occurred_at = self.occurred_at;
        event.state = meaning.state;
        event.outcome = meaning.outcome;
        event.outcome_in_context = meaning.in_context;
        event.answered_by_platform = meaning.by_platform;
        event.provider_status = code;
        event.provider_reason = reason;
        self.add_parties(&mut event, party);
        if let Some(peer) = status.and_then(|status| status.object("peerId")) {
            event.bridged_leg_id = peer.text("partyId").filter(|peer| Some(peer) != event.leg_id.as_ref());
            event.linked_session_id = peer.text("telephonySessionId").filter(|session| *session != self.session_id);
        }
        event.recording = recording(party);
        event
    }

    fn add_parties(&self, event: &mut CallEvent, party: Fields<'_>) {
        let side = |name: &str| party.object(name).map(|side| self.side(side));
        event.from = side("from");
        event.to = side("to");
        event.direction_raw = party.text("direction");
        let ours = |party: &Option<Party>| party.as_ref().is_some_and(|party| party.kind == PartyKind::Extension);
        event.direction = match event.direction_raw.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("outbound") if ours(&event.from) && ours(&event.to) => {
                // "Answered" says that the rules of the called extension run. Its own party tells whether somebody came.
                event.answered_by_platform_to_dial = true;
                Some(Direction::Internal)
            }
            Some("inbound") if ours(&event.from) && ours(&event.to) => Some(Direction::Internal),
            Some("inbound") => Some(Direction::Inbound),
            Some("outbound") => Some(Direction::Outbound),
            _ => None,
        };
        let calls = event.direction_raw.as_deref().is_some_and(|word| word.eq_ignore_ascii_case("outbound"));
        let of_side = || party.object(if calls { "from" } else { "to" })?.text("extensionId");
        event.agent_ref = party.text("extensionId").or_else(of_side);
    }

    fn side(&self, side: Fields<'_>) -> Party {
        let number = side.text("phoneNumber").or_else(|| side.text("extensionNumber"));
        let name = side.text("name");
        // In place of the name of a hidden caller there may be the word that says so.
        let hidden = name.as_deref().map(|name| Party::parse(name, Dialect::Public, None));
        let hidden = hidden.filter(|party| party.kind == PartyKind::Withheld);
        let name = name.filter(|_| hidden.is_none());
        let party = match number {
            Some(number) => Party::parse(&number, Dialect::PhoneSystem, self.region),
            // Someone of our own account, by an internal id that nobody dials.
            None if side.text("extensionId").is_some() => nobody(PartyKind::Extension),
            None => hidden.unwrap_or(nobody(PartyKind::Unknown)),
        };
        party.named(name.as_deref())
    }
}

const fn nobody(kind: PartyKind) -> Party {
    Party { kind, value: None, name: None, raw: None }
}

/// The recording of a party. When its file can be fetched is never told here.
fn recording(party: Fields<'_>) -> Option<RecordingFact> {
    let recordings = || party.list("recordings").iter().filter_map(Fields::new);
    let active = recordings().find(|recording| recording.flag("active") == Some(true));
    let id = active.or_else(|| recordings().next_back())?.text("id")?;
    Some(RecordingFact { needs_auth: true, ..RecordingFact::new(id, RecordingStatus::InProgress) })
}
