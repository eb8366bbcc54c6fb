//! A person or company that calls or is called.

use async_graphql::{InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use switchboard_core::{access::Permission, callers, interactions, notes};
use switchboard_entities::{caller, caller_number};
use switchboard_telephony::{Address, PhoneNumber};
use uuid::Uuid;

use super::{Disposition, Interaction, Note, UserRef, party::ShownAddress};
use crate::graphql::{
    error::Result,
    loaders::{DispositionId, LastDispositionOf, NumbersOf, UserId},
    page::{self, InteractionConnection, NESTED, NESTED_FIRST, NoteConnection},
    viewer::Viewer,
};

/// A number or SIP address of a caller, as the viewer may see it.
#[derive(Clone, Debug, SimpleObject)]
pub struct CallerNumber {
    /// Id of the number.
    id: Uuid,
    /// To be shown: the number in international notation, or its mask.
    display: String,
    /// The number in E.164; null when it is masked or a SIP address.
    e164: Option<String>,
    /// Is it hidden because the viewer may not see numbers in full?
    masked: bool,
    /// What people call it, e.g. "office".
    label: Option<String>,
}

impl CallerNumber {
    fn new(row: caller_number::Model, sees_numbers: bool) -> Self {
        let shown = ShownAddress::new(&address(&row), sees_numbers);
        Self { id: row.id, display: shown.display, e164: shown.e164, masked: shown.masked, label: row.label }
    }
}

fn address(row: &caller_number::Model) -> Address {
    match row.kind {
        caller_number::NumberKind::Sip => Address::Sip(row.value.clone()),
        caller_number::NumberKind::E164 => match PhoneNumber::parse(&row.value, None) {
            Some(number) => Address::Phone(number),
            None => Address::Other(row.value.clone()),
        },
    }
}

/// A person or company that calls or is called.
#[derive(Clone, Debug)]
pub struct Caller {
    viewer: Viewer,
    row: caller::Model,
}

impl Caller {
    pub(in crate::graphql) fn new(viewer: &Viewer, row: caller::Model) -> Self {
        Self { viewer: viewer.clone(), row }
    }
}

/// A person or company that calls or is called. Made by the first call from a new number.
#[Object]
impl Caller {
    /// Id of the caller.
    async fn id(&self) -> Uuid {
        self.row.id
    }

    /// Goes up with every change by a person; `updateCaller` wants the one that was looked at.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// The name; null until somebody gives one.
    async fn name(&self) -> Option<&str> {
        self.row.name.as_deref()
    }

    /// What to show: the name, else the first number as the viewer may see it, else "Unknown caller".
    async fn display_name(&self) -> Result<String> {
        if let Some(name) = &self.row.name {
            return Ok(name.clone());
        }
        let numbers = self.viewer.load(NumbersOf(self.row.id)).await?.unwrap_or_default();
        Ok(match numbers.into_iter().next() {
            Some(number) => CallerNumber::new(number, self.viewer.sees_numbers()).display,
            None => "Unknown caller".to_owned(),
        })
    }

    /// The company.
    async fn company(&self) -> Option<&str> {
        self.row.company.as_deref()
    }

    /// The e-mail address; null when there is none, and for viewers without `callers.read_numbers`.
    async fn email(&self) -> Option<&str> {
        self.row.email.as_deref().filter(|_| self.viewer.sees_numbers())
    }

    /// Made by a call, and nobody has named it yet.
    async fn provisional(&self) -> bool {
        self.row.provisional
    }

    /// Numbers and SIP addresses, the oldest first; masked for viewers without `callers.read_numbers`.
    #[graphql(complexity = "2 * child_complexity + 1")]
    async fn numbers(&self) -> Result<Vec<CallerNumber>> {
        let numbers = self.viewer.load(NumbersOf(self.row.id)).await?.unwrap_or_default();
        Ok(numbers.into_iter().map(|row| CallerNumber::new(row, self.viewer.sees_numbers())).collect())
    }

    /// The colleague it is assigned to.
    async fn owner(&self) -> Option<Result<UserRef>> {
        let id = self.row.owner_id?;
        self.viewer.load(UserId(id)).await.map(|user| user.map(UserRef::from)).transpose()
    }

    /// Number of calls with this caller.
    async fn call_count(&self) -> i32 {
        self.row.call_count
    }

    /// When the last call began.
    async fn last_call_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_call_at
    }

    /// How the last call ended that anybody said it about, among those the viewer may see.
    async fn last_disposition(&self) -> Option<Result<Disposition>> {
        if !self.viewer.may(Permission::InteractionsRead) {
            return None;
        }
        let found = async {
            let Some(id) = self.viewer.load(LastDispositionOf(self.row.id)).await? else { return Ok(None) };
            self.viewer.load(DispositionId(id)).await
        };
        found.await.map(|row| row.map(Disposition::from)).transpose()
    }

    /// When the caller was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When anything about it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// Calls with this caller that the viewer may see, newest first. Needs `interactions.read`.
    #[graphql(complexity = "page::cost(first, child_complexity) + NESTED")]
    async fn interactions(
        &self,
        #[graphql(desc = "Rows wanted, 1 to 100.", default_with = "Some(NESTED_FIRST)")] first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<InteractionConnection> {
        let filter = interactions::InteractionFilter { caller_id: Some(self.row.id), ..Default::default() };
        let request = page::request(first, after.as_deref())?;
        let rows = interactions::page(self.viewer.app(), self.viewer.actor(), request, filter).await?;
        Ok(InteractionConnection::new(rows, |row| Interaction::new(&self.viewer, row)))
    }

    /// Notes about this caller and about its calls, newest first. Needs `notes.read`.
    #[graphql(complexity = "page::cost(first, child_complexity) + NESTED")]
    async fn notes(
        &self,
        #[graphql(desc = "Rows wanted, 1 to 100.", default_with = "Some(NESTED_FIRST)")] first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<NoteConnection> {
        let request = page::request(first, after.as_deref())?;
        let rows = notes::page_of_caller(self.viewer.app(), self.viewer.actor(), self.row.id, request).await?;
        Ok(NoteConnection::new(rows, |row| Note::new(&self.viewer, row)))
    }
}

/// Which callers are wanted; all conditions must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct CallerFilter {
    /// Part of the name or the company, or at least three digits of a number (for those who see numbers).
    search: Option<String>,
    /// Only those that nobody has named yet (true), or only the others (false).
    provisional: Option<bool>,
    /// Only those assigned to the viewer.
    owned_by_me: Option<bool>,
}

impl From<CallerFilter> for callers::CallerFilter {
    fn from(filter: CallerFilter) -> Self {
        Self {
            search: filter.search,
            provisional: filter.provisional,
            owned_by_me: filter.owned_by_me.unwrap_or_default(),
        }
    }
}
