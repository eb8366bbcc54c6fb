//! Enumerations, each tied to the one of the rules or of the tables.

use std::str::FromStr;

use async_graphql::Enum;
use switchboard_core::Error;
use switchboard_entities::{interaction, user};
use switchboard_telephony as telephony;

use crate::graphql::error::Result;

/// How far a call or a leg came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "telephony::LegState")]
pub enum CallState {
    /// Being set up; nothing rings yet.
    Initiated,
    /// Ringing.
    Ringing,
    /// Waiting in a queue.
    Queued,
    /// A person answered.
    Answered,
    /// Over.
    Ended,
}

/// How a call or a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "telephony::Outcome")]
pub enum CallOutcome {
    /// People talked.
    Completed,
    /// Nobody answered. On an inbound call: missed.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The called party refused.
    Rejected,
    /// The calling side gave up before anybody answered.
    Canceled,
    /// The network or the provider could not do it.
    Failed,
    /// The caller left a message.
    Voicemail,
    /// No end was ever reported, so the clock ended it; a late report corrects this.
    Stale,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "telephony::Direction")]
pub enum CallDirection {
    /// From outside to us.
    Inbound,
    /// From us to outside.
    Outbound,
    /// Between two of our own.
    Internal,
}

/// What kind of address a party has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "telephony::PartyKind")]
pub enum PartyKind {
    /// A number of the public telephone network.
    Pstn,
    /// A SIP address.
    Sip,
    /// A software client of our own provider account, such as a browser.
    Client,
    /// An extension of our own phone system.
    Extension,
    /// The caller hides the number.
    Withheld,
    /// Not given, or not understood.
    Unknown,
}

/// How far a recording came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "telephony::RecordingStatus")]
pub enum RecordingStatus {
    /// Being recorded, or not yet to be fetched.
    InProgress,
    /// It can be listened to.
    Ready,
    /// Recording failed.
    Failed,
    /// Nothing was recorded.
    Absent,
}

/// How sure we are who is on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "interaction::MatchLevel")]
pub enum MatchLevel {
    /// A named caller has this number.
    Known,
    /// The caller was made by a call and nobody has named it yet.
    New,
    /// The number is withheld or unknown, so there is no caller.
    Hidden,
}

/// May a person sign in?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "user::UserStatus")]
pub enum UserStatus {
    /// Yes.
    Active,
    /// No. What they wrote and did keeps their name.
    Deactivated,
}

/// Reads a stored word.
pub(super) fn stored<W: FromStr, E: From<W>>(word: &str, of: &str) -> Result<E> {
    match W::from_str(word) {
        Ok(word) => Ok(E::from(word)),
        Err(_) => Err(Error::internal(format!("a stored {of} is none of the known words")).into()),
    }
}
