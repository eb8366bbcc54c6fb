//! The tables, one file each, shape only: what a row holds. Rules about rows live in `switchboard-core`.

#![expect(
    missing_docs,
    reason = "the entity macros make items that cannot carry a docstring; fields have one where the name does not say it all"
)]

pub mod audit_entry;
pub mod call_key;
pub mod caller;
pub mod caller_number;
pub mod dead_letter;
pub mod delivery;
pub mod disposition;
pub mod idempotency_key;
pub mod inbox;
pub mod interaction;
pub mod note;
pub mod provider_connection;
pub mod role;
pub mod role_permission;
pub mod session;
pub mod session_token;
pub mod subject_key;
pub mod user;
