//! One event of a call, the same for all providers.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::keys::bounded;
use crate::{Attestation, Direction, EventKind, LegState, Outcome, Party, RecordingFact};

/// One event of a call as a provider reported it.
///
/// Serialisation is for storage: it holds phone numbers in clear text. Every field but the key, the kind and the time of
/// receipt may be absent, and an absent one says nothing ("not reported"), so that stored events survive new fields.
/// `Debug` masks numbers. The order (`Ord`) has no meaning but to be total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, stored under its own name")]
pub struct CallEvent {
    /// Equal keys mean the same event (unique per connection).
    pub dedupe_key: String,
    /// What happened.
    pub kind: EventKind,
    /// When the request reached us.
    pub received_at: DateTime<Utc>,
    /// When it happened, by the provider's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
    /// The leg it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg_id: Option<String>,
    /// The leg that dialled this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_leg_id: Option<String>,
    /// The leg that this one dialled (with [`CallEvent::dial_outcome`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_leg_id: Option<String>,
    /// The other leg of a bridge, when that is all the event says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridged_leg_id: Option<String>,
    /// What the provider calls the whole call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The session that goes on in this one (a transfer of Vonage): both are one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_session_id: Option<String>,
    /// The provider's sequence number within the leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Direction of the leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The provider's word for the direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction_raw: Option<String>,
    /// Who calls on this leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Party>,
    /// Who is called on this leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Party>,
    /// Who forwarded the call to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_from: Option<Party>,
    /// What the network says about the caller's right to the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
    /// How far the leg came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<LegState>,
    /// On this leg "answered" and "completed" only say that the provider's platform took the call (Twilio: that `TwiML`
    /// ran), not that a person did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered_by_platform: bool,
    /// On this leg "answered" and "completed" are a person's only while the call has no other leg: as soon as another one
    /// exists, the platform took this leg to dial it (Vonage answers every inbound leg with its NCCO, and never says
    /// whether a person or an announcement was behind it).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered_by_platform_to_dial: bool,
    /// The legs of the session are equals, none of them dials the others: the call is over when all of them are
    /// (parties of `RingCentral`, contacts of Amazon Connect).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub equal_leg: bool,
    /// How the leg ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What [`CallEvent::outcome`] means depends on the rest of the leg: a `completed` is one only when the leg was
    /// answered, and a leg that was not is `canceled` when it is outbound, else `no_answer` (`normal_clearing` and
    /// `originator_cancel` of Telnyx). Any other end (a connection that broke off) stands only for a leg that was not
    /// answered; one that was is completed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outcome_in_context: bool,
    /// How the dialled leg ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial_outcome: Option<Outcome>,
    /// The provider's word for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_status: Option<String>,
    /// The provider's word for why the leg ended (`NORMAL_CLEARING`, `originator_cancel`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_reason: Option<String>,
    /// Cause of the end after ITU-T Q.850, 1 to 127.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q850: Option<u8>,
    /// Which side ended the leg, in the provider's word (`caller`, `callee`, `platform`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangup_source: Option<String>,
    /// SIP response code. Not enough to tell an outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_code: Option<u16>,
    /// Explicit start of the leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// Explicit time of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    /// Explicit end of the leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Length of the leg in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// Seconds that people talked; for [`EventKind::DialResult`] on the dialled leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk_seconds: Option<u32>,
    /// What is said about a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingFact>,
    /// The provider's reference of the agent on this leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_ref: Option<String>,
    /// The queue the caller waits in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

impl CallEvent {
    /// An event of which only the key, the kind and the time of receipt are known. A key longer than 200 bytes is replaced
    /// by its hash: keys are kept in an index, and a verified sender may still send a name of any length.
    pub fn new(dedupe_key: impl Into<String>, kind: EventKind, received_at: DateTime<Utc>) -> Self {
        Self {
            dedupe_key: bounded(dedupe_key.into()),
            kind,
            received_at,
            occurred_at: None,
            leg_id: None,
            parent_leg_id: None,
            child_leg_id: None,
            bridged_leg_id: None,
            session_id: None,
            linked_session_id: None,
            seq: None,
            direction: None,
            direction_raw: None,
            from: None,
            to: None,
            forwarded_from: None,
            attestation: None,
            state: None,
            answered_by_platform: false,
            answered_by_platform_to_dial: false,
            equal_leg: false,
            outcome: None,
            outcome_in_context: false,
            dial_outcome: None,
            provider_status: None,
            provider_reason: None,
            q850: None,
            hangup_source: None,
            sip_code: None,
            started_at: None,
            answered_at: None,
            ended_at: None,
            duration_seconds: None,
            talk_seconds: None,
            recording: None,
            agent_ref: None,
            queue: None,
        }
    }

    /// What ties the event to its call: `leg:…` for the leg, its parent, its child and the one it is bridged with,
    /// `session:…` for the session and the one it goes on from. Sorted, without repetition; too long ones are hashed. Two
    /// events of one connection that share a key belong to one call; an event without any key belongs to none.
    pub fn correlation_keys(&self) -> Vec<String> {
        let legs = [&self.leg_id, &self.parent_leg_id, &self.child_leg_id, &self.bridged_leg_id];
        let legs = legs.into_iter().flatten().map(|id| bounded(format!("leg:{id}")));
        let sessions = self.session_id.iter().chain(&self.linked_session_id).map(|id| bounded(format!("session:{id}")));
        legs.chain(sessions).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The best known time of the event: the provider's, else that of receipt.
    pub fn time(&self) -> DateTime<Utc> {
        self.occurred_at.unwrap_or(self.received_at)
    }
}
