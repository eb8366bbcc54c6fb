//! Why a request is refused before anything is stored.

/// Why a request was refused. Nothing of a refused request is stored; each is counted by its [`Rejection::label`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// The signature (or a header it needs) is missing.
    #[error("the request is not signed")]
    MissingSignature,
    /// The signature does not match the request; for providers whose convention is 403.
    #[error("the signature does not match the request")]
    BadSignature,
    /// The signature or token does not match; for providers whose convention is 401.
    #[error("the credentials of the request are not valid")]
    BadCredentials,
    /// The request names a key, or needs a mode, that this connection does not have.
    #[error("the request is signed with a key that is not configured")]
    UnknownKey,
    /// The signature is for another time: a replay, or a clock that is wrong.
    #[error("the timestamp of the request is too far from the present")]
    Stale,
}

impl Rejection {
    /// Every reason, for registering the counters.
    pub const ALL: &'static [Self] =
        &[Self::MissingSignature, Self::BadSignature, Self::BadCredentials, Self::UnknownKey, Self::Stale];

    /// HTTP status of the answer: 401, 403, or 400 for a stale timestamp (Standard Webhooks).
    pub const fn http_status(self) -> u16 {
        match self {
            Self::MissingSignature | Self::BadCredentials => 401,
            Self::BadSignature | Self::UnknownKey => 403,
            Self::Stale => 400,
        }
    }

    /// The value of the metric label `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::MissingSignature => "missing_signature",
            Self::BadSignature => "bad_signature",
            Self::BadCredentials => "bad_credentials",
            Self::UnknownKey => "unknown_key",
            Self::Stale => "stale",
        }
    }
}
