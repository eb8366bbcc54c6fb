//! The types of the schema, one file a noun. A value that the viewer may not see is masked or null, never an error per row.

mod audit;
mod caller;
mod connection;
mod desk;
mod disposition;
mod interaction;
mod me;
mod note;
mod party;
mod provider;
mod role;
mod user;
mod words;

pub use audit::{AuditChange, AuditEntry};
pub use caller::{Caller, CallerFilter, CallerNumber};
pub use connection::{
    ConnectionAnswer, ConnectionMonitor, ConnectionOption, ConnectionSecret, ConnectionSettings, HookUrl,
    ProviderConnection,
};
pub use desk::{CallActivity, CallChanged, CallGone, CallResync, CallSnapshot};
pub use disposition::Disposition;
pub use interaction::{CallLeg, Interaction, InteractionFilter, Recording};
pub use me::Me;
pub use note::Note;
pub use party::Party;
pub use provider::{CallControl, DocumentSyntax, OptionField, Provider, SecretField};
pub use role::Role;
pub use user::{User, UserRef};
pub use words::{CallDirection, CallOutcome, CallState, MatchLevel, PartyKind, RecordingStatus, UserStatus};
