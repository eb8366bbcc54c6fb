//! A call.

#![expect(clippy::unused_async, reason = "the macro wants every resolver to be async")]

use async_graphql::{InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use switchboard_core::{access::Permission, interactions, notes, practice};
use switchboard_entities::{interaction, provider_connection};
use switchboard_telephony as telephony;
use uuid::Uuid;

use super::{
    CallDirection, CallOutcome, CallState, Caller, Disposition, MatchLevel, Note, Party, RecordingStatus, UserRef,
    words::stored,
};
use crate::graphql::{
    error::Result,
    loaders::{CallerId, ConnectionId, DispositionId, UserId},
    page::{self, NESTED, NESTED_FIRST, NoteConnection},
    viewer::Viewer,
};

/// A call.
#[derive(Clone, Debug)]
pub struct Interaction {
    viewer: Viewer,
    row: Box<interaction::Model>,
}

impl Interaction {
    pub(in crate::graphql) fn new(viewer: &Viewer, row: interaction::Model) -> Self {
        Self { viewer: viewer.clone(), row: Box::new(row) }
    }

    async fn connection(&self) -> Result<provider_connection::Model> {
        self.viewer.load_existing(ConnectionId(self.row.connection_id), "connection").await
    }
}

/// A call, folded from everything the provider reported about it, and what people made of it.
#[Object]
impl Interaction {
    /// Id of the call.
    async fn id(&self) -> Uuid {
        self.row.id
    }

    /// Goes up with every change: of two copies of the call the one with the higher version is newer.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// Key of the phone provider, e.g. `twilio`.
    async fn provider(&self) -> Result<String> {
        Ok(self.connection().await?.provider)
    }

    /// Name of the connection it came through.
    async fn connection_name(&self) -> Result<String> {
        Ok(self.connection().await?.name)
    }

    /// Is it a practice call, which nobody real made?
    async fn is_practice(&self) -> Result<bool> {
        Ok(practice::is_practice(&self.connection().await?))
    }

    /// Who called whom.
    async fn direction(&self) -> Result<CallDirection> {
        stored::<telephony::Direction, _>(&self.row.direction, "direction")
    }

    /// How far it came.
    async fn state(&self) -> Result<CallState> {
        stored::<telephony::LegState, _>(&self.row.state, "state")
    }

    /// How it ended; null while it lives.
    async fn outcome(&self) -> Option<Result<CallOutcome>> {
        self.row.outcome.as_deref().map(|word| stored::<telephony::Outcome, _>(word, "outcome"))
    }

    /// Who calls.
    async fn from(&self) -> Party {
        Party::new(interactions::party_from(&self.row), self.viewer.sees_numbers())
    }

    /// Who is called.
    async fn to(&self) -> Party {
        Party::new(interactions::party_to(&self.row), self.viewer.sees_numbers())
    }

    /// The person outside; null when the number is withheld or unknown, and when the viewer may not see the caller.
    async fn caller(&self) -> Option<Result<Caller>> {
        let id = self.row.caller_id.filter(|_| self.viewer.may(Permission::CallersRead))?;
        self.viewer.load(CallerId(id)).await.map(|row| row.map(|row| Caller::new(&self.viewer, row))).transpose()
    }

    /// How sure we are who is on the line.
    async fn match_level(&self) -> MatchLevel {
        self.row.match_level.into()
    }

    /// The colleague who took it; null while nobody has.
    async fn agent(&self) -> Option<Result<UserRef>> {
        let id = self.row.agent_id?;
        self.viewer.load(UserId(id)).await.map(|user| user.map(UserRef::from)).transpose()
    }

    /// When it began.
    async fn started_at(&self) -> DateTime<Utc> {
        self.row.started_at
    }

    /// When a person answered.
    async fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.row.answered_at
    }

    /// When it ended.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.row.ended_at
    }

    /// Seconds that people talked.
    async fn talk_seconds(&self) -> Option<i32> {
        self.row.talk_seconds
    }

    /// Seconds from start to end.
    async fn duration_seconds(&self) -> Option<i32> {
        self.row.duration_seconds
    }

    /// How it ended in the words of this organisation; null until a person says so.
    async fn disposition(&self) -> Option<Result<Disposition>> {
        let id = self.row.disposition_id?;
        self.viewer.load(DispositionId(id)).await.map(|row| row.map(Disposition::from)).transpose()
    }

    /// When the disposition was set.
    async fn disposition_set_at(&self) -> Option<DateTime<Utc>> {
        self.row.disposed_at
    }

    /// Does its agent still have to say how it ended?
    async fn needs_disposition(&self) -> bool {
        interactions::needs_disposition(&self.row)
    }

    /// The connections between the provider and each party, the first one first.
    #[graphql(complexity = "3 * child_complexity + 1")]
    async fn legs(&self) -> Vec<CallLeg> {
        let sees_numbers = self.viewer.sees_numbers();
        interactions::legs(&self.row).into_iter().map(|leg| CallLeg::new(leg, sees_numbers)).collect()
    }

    /// What was recorded.
    async fn recordings(&self) -> Vec<Recording> {
        interactions::recordings(&self.row).into_iter().map(|fact| Recording::new(self.row.id, &fact)).collect()
    }

    /// Notes about this call, newest first. Needs `notes.read`.
    #[graphql(complexity = "page::cost(first, child_complexity) + NESTED")]
    async fn notes(
        &self,
        #[graphql(desc = "Rows wanted, 1 to 100.", default_with = "Some(NESTED_FIRST)")] first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<NoteConnection> {
        let request = page::request(first, after.as_deref())?;
        let rows = notes::page_of_interaction(self.viewer.app(), self.viewer.actor(), self.row.id, request).await?;
        Ok(NoteConnection::new(rows, |row| Note::new(&self.viewer, row)))
    }
}

/// One leg of a call: the connection between the provider and one party.
#[derive(Clone, Debug, SimpleObject)]
pub struct CallLeg {
    /// The provider's id of the leg.
    id: String,
    /// The leg that dialled this one.
    parent_id: Option<String>,
    /// How far it came.
    state: CallState,
    /// How it ended; null while it lives.
    outcome: Option<CallOutcome>,
    /// The party at the far end.
    party: Option<Party>,
    /// When it began.
    started_at: Option<DateTime<Utc>>,
    /// When it was answered.
    answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// Seconds of talk on this leg.
    talk_seconds: Option<i32>,
}

impl CallLeg {
    fn new(leg: interactions::CallLeg, sees_numbers: bool) -> Self {
        Self {
            id: leg.id,
            parent_id: leg.parent_id,
            state: leg.state.into(),
            outcome: leg.outcome.map(Into::into),
            party: leg.party.map(|party| Party::new(party, sees_numbers)),
            started_at: leg.started_at,
            answered_at: leg.answered_at,
            ended_at: leg.ended_at,
            talk_seconds: leg.talk_seconds.map(seconds),
        }
    }
}

/// A recording of a call, without its address.
#[derive(Clone, Debug, SimpleObject)]
pub struct Recording {
    /// Id of the recording.
    id: Uuid,
    /// How far it came.
    status: RecordingStatus,
    /// Length in seconds, once it is known.
    duration_seconds: Option<i32>,
    /// Is it a message that the caller left?
    voicemail: bool,
}

impl Recording {
    fn new(call: Uuid, recording: &interactions::CallRecording) -> Self {
        Self {
            id: recording_id(call, &recording.id),
            status: recording.status.into(),
            duration_seconds: recording.duration_seconds.map(seconds),
            voicemail: recording.voicemail,
        }
    }
}

/// The provider's id stays on the server, since some providers make the file's address of it. Derived (UUID version 8, RFC
/// 9562), so that it is the same whenever it is asked.
fn recording_id(call: Uuid, provider_id: &str) -> Uuid {
    let digest = Sha256::new().chain_update(call.as_bytes()).chain_update(provider_id.as_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest.iter()).for_each(|(byte, digest)| *byte = *digest);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// GraphQL's integers have 32 bits and a sign; no call lasts 68 years.
fn seconds(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Which calls are wanted; all conditions must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct InteractionFilter {
    /// Only calls with this caller.
    caller_id: Option<Uuid>,
    /// Only calls in this state.
    state: Option<CallState>,
    /// Only calls that have not ended (true), or only those that have (false).
    live: Option<bool>,
    /// Only calls in this direction.
    direction: Option<CallDirection>,
    /// Only calls that ended like this.
    outcome: Option<CallOutcome>,
    /// Only calls that were taken and have ended, and whose agent has not said how (true), or only the others (false).
    needs_disposition: Option<bool>,
    /// Only calls that the viewer took.
    mine: Option<bool>,
    /// Only calls that began at or after this instant.
    from: Option<DateTime<Utc>>,
    /// Only calls that began before this instant.
    to: Option<DateTime<Utc>>,
}

impl From<InteractionFilter> for interactions::InteractionFilter {
    fn from(filter: InteractionFilter) -> Self {
        let word = |word: &str| word.to_owned();
        Self {
            caller_id: filter.caller_id,
            state: filter.state.map(|state| word(telephony::LegState::from(state).as_str())),
            live: filter.live,
            direction: filter.direction.map(|direction| word(telephony::Direction::from(direction).as_str())),
            outcome: filter.outcome.map(|outcome| word(telephony::Outcome::from(outcome).as_str())),
            needs_disposition: filter.needs_disposition,
            mine: filter.mine.unwrap_or_default(),
            from: filter.from,
            to: filter.to,
        }
    }
}
