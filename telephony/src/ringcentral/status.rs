//! What a party's status means.

use crate::{EventKind, LegState, Outcome};

/// What a status and its reason say of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) kind: EventKind,
    pub(super) state: Option<LegState>,
    pub(super) outcome: Option<Outcome>,
    /// The outcome is that of a party that was not answered, with `completed` for an ordinary end.
    pub(super) in_context: bool,
    /// What answered was a menu or a queue.
    pub(super) by_platform: bool,
}

impl Meaning {
    const fn new(kind: EventKind, state: Option<LegState>) -> Self {
        Self { kind, state, outcome: None, in_context: false, by_platform: false }
    }

    const fn ended(outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..Self::new(EventKind::CallEnded, Some(LegState::Ended)) }
    }

    const fn if_unanswered(outcome: Outcome) -> Self {
        Self { in_context: true, ..Self::ended(outcome) }
    }

    /// The party is gone, the call goes on with another one.
    const MOVED: Self = Self::new(EventKind::CallTransferred, Some(LegState::Ended));
}

/// The meaning of a status code with its reason. The codes and reasons are those of `CallStatusInfo` in `RingCentral`'s
/// API definition; its guide spells two of them `Voicemail` and `VMScreening`.
pub(super) fn meaning(code: &str, reason: Option<&str>, missed: bool) -> Meaning {
    let state = |kind, state| Meaning::new(kind, Some(state));
    match code.to_ascii_lowercase().as_str() {
        "setup" => state(EventKind::CallInitiated, LegState::Initiated),
        "proceeding" => state(EventKind::CallRinging, LegState::Ringing),
        // Also what comes after a hold.
        "answered" => state(EventKind::CallAnswered, LegState::Answered),
        "hold" | "parked" => state(EventKind::CallHeld, LegState::Answered),
        "voicemail" | "voicemailscreening" | "vmscreening" => Meaning::new(EventKind::VoicemailStarted, None),
        "gone" => Meaning::MOVED,
        "disconnected" if missed => Meaning::ended(Outcome::NoAnswer),
        "disconnected" => end(reason.unwrap_or_default()),
        _ => Meaning::new(EventKind::Ignored, None),
    }
}

fn end(reason: &str) -> Meaning {
    match reason {
        "NoAnswer" | "Timeout" => Meaning::ended(Outcome::NoAnswer),
        "TargetBusy" => Meaning::ended(Outcome::Busy),
        "Rejected" => Meaning::ended(Outcome::Rejected),
        "Cancelled" => Meaning::ended(Outcome::Canceled),
        "InvalidNumber" | "NoSuchUser" | "DestinationBlocked" | "InternationalDisabled" | "NotEnoughFunds" => {
            Meaning::ended(Outcome::Failed)
        }
        // These can also cut off people who talk.
        "InternalError" | "CallDropped" => Meaning::if_unanswered(Outcome::Failed),
        // A menu passed the caller on, a queue found an agent: it was they who had answered on this party.
        "CallerInputRedirect" | "AgentAnswered" => Meaning { by_platform: true, ..Meaning::MOVED },
        "Pickup" | "TakeOver" | "BlindTransfer" | "RccTransfer" | "AttendedTransfer" | "CallFlip" | "ParkLocation"
        | "DtmfTransfer" | "CallPark" | "CallRedirected" | "CallReplied" | "CallSwitch" | "Supervising"
        | "AgentDropped" => Meaning::MOVED,
        // CallFinished, no reason, and reasons that are new.
        _ => Meaning::if_unanswered(Outcome::Completed),
    }
}
