//! The one error type of the rules, and which variant to use where.
//!
//! | variant | meaning | the client should |
//! | --- | --- | --- |
//! | [`Error::Unauthenticated`] | no valid session | sign in |
//! | [`Error::Forbidden`] | signed in, but not allowed | ask an admin |
//! | [`Error::NotFound`] | it does not exist *or the actor may not know that it does* | go back |
//! | [`Error::Invalid`] | fields are wrong, each with a sentence | correct them |
//! | [`Error::Conflict`] | somebody else was first | look again |
//! | [`Error::RateLimited`] | too many tries | wait |
//! | [`Error::Unavailable`] | a dependency is away for a moment | try again |
//! | [`Error::Internal`] | a bug or a broken installation; its text never reaches a client | report the request id |
//!
//! Texts are for people and hold no personal data.

use std::borrow::Cow;

use sea_orm::DbErr;

use crate::db;

/// Result of a rule.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One wrong input field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field in the input, e.g. `email`.
    pub path: &'static str,
    /// What is wrong and what to do, as a sentence.
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// A field error with a fixed sentence.
    pub fn new(path: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { path, message: message.into() }
    }
}

/// What can go wrong in a rule. See the module for which to use where.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No valid session, or wrong credentials.
    #[error("{0}")]
    Unauthenticated(Cow<'static, str>),
    /// The actor lacks the permission.
    #[error("You are not allowed to do this. Ask an admin for the permission \"{0}\".")]
    Forbidden(&'static str),
    /// The named kind of thing does not exist, or is outside the actor's scope.
    #[error("This {0} was not found. It may have been removed, or it is not yours to see.")]
    NotFound(&'static str),
    /// Some fields are wrong.
    #[error("Please correct the marked fields.")]
    Invalid(Vec<FieldError>),
    /// Somebody else was first.
    #[error("{message}")]
    Conflict {
        /// What happened, as a sentence.
        message: Cow<'static, str>,
        /// The colleague who was first, where that is known and may be told.
        taken_by: Option<String>,
    },
    /// Too many tries.
    #[error("Too many tries. Try again in {retry_after_seconds} seconds.")]
    RateLimited {
        /// Whole seconds until the next try is looked at.
        retry_after_seconds: u32,
    },
    /// A dependency is away; the same request may work in a moment.
    #[error("Switchboard cannot reach its {0} just now. Nothing was changed; please try again.")]
    Unavailable(&'static str),
    /// Everything else. The source is for the log only.
    #[error("Switchboard had a problem.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A bug or a broken installation, described for the log (no personal data).
    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal(what.into().into())
    }

    /// One wrong field.
    pub fn invalid(path: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(vec![FieldError::new(path, message)])
    }

    /// Somebody else was first.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict { message: message.into(), taken_by: None }
    }

    /// May the very same request succeed a moment later, without anybody doing anything?
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Stable code for clients (`extensions.code`) and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Invalid(_) => "INVALID",
            Self::Conflict { .. } => "CONFLICT",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Internal(_) => "INTERNAL",
        }
    }
}

/// Database texts may quote rows, so only the class and the SQLSTATE survive.
impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if db::is_transient(&error) {
            Self::Unavailable("database")
        } else {
            Self::Internal(db::describe(&error).into())
        }
    }
}
