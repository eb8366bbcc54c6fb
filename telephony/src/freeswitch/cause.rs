//! Hangup causes of `FreeSWITCH` (`switch_cause_t`): the names of ITU-T Q.850 and its own.

use crate::Outcome;
use crate::phone_system::{outcome_of_cause, q850};

/// What is known about a leg beside its cause.
#[derive(Clone, Copy)]
pub(super) struct Circumstances {
    /// It was answered (by whomever).
    pub(super) answered: bool,
    /// A person answered it.
    pub(super) by_person: bool,
    /// It came from outside and was not dialled by another leg.
    pub(super) inbound: bool,
    /// `hangup_cause_q850`.
    pub(super) number: Option<i64>,
}

/// How a leg ended.
pub(super) fn outcome(cause: &str, leg: Circumstances) -> Option<Outcome> {
    // Where people talked, the cause only tells how the talk was cut off.
    if leg.by_person {
        return Some(Outcome::Completed);
    }
    match cause {
        "" | "NONE" | "UNSPECIFIED" | "SUCCESS" => {
            let number = leg.number.and_then(q850);
            number
                .and_then(|number| outcome_of_cause(number, leg.answered))
                .or(leg.answered.then_some(Outcome::Completed))
        }
        "NORMAL_CLEARING" => Some(if leg.answered { Outcome::Completed } else { Outcome::NoAnswer }),
        // Completed needs an answer; a call that was passed on before one ends on another leg.
        "ATTENDED_TRANSFER" | "BLIND_TRANSFER" => leg.answered.then_some(Outcome::Completed),
        "ALLOTTED_TIMEOUT" if leg.answered => Some(Outcome::Completed),
        "NO_ANSWER" | "NO_USER_RESPONSE" | "ALLOTTED_TIMEOUT" => Some(Outcome::NoAnswer),
        "ORIGINATOR_CANCEL" => Some(if leg.inbound { Outcome::NoAnswer } else { Outcome::Canceled }),
        "USER_BUSY" => Some(Outcome::Busy),
        "CALL_REJECTED" => Some(Outcome::Rejected),
        "LOSE_RACE" | "PICKED_OFF" => Some(Outcome::Canceled),
        _ => Some(Outcome::Failed),
    }
}

/// Whether a leg that ended so was passed on to someone else.
pub(super) fn is_transfer(cause: &str) -> bool {
    matches!(cause, "ATTENDED_TRANSFER" | "BLIND_TRANSFER")
}

/// Whether a dialled leg that ended so was never answered. What its name does not say counts as answered.
pub(super) fn is_unanswered(cause: &str) -> bool {
    matches!(
        cause,
        "NO_ANSWER"
            | "NO_USER_RESPONSE"
            | "ORIGINATOR_CANCEL"
            | "USER_BUSY"
            | "CALL_REJECTED"
            | "LOSE_RACE"
            | "PICKED_OFF"
            | "NO_ROUTE_DESTINATION"
            | "UNALLOCATED_NUMBER"
            | "USER_NOT_REGISTERED"
            | "SUBSCRIBER_ABSENT"
            | "INVALID_NUMBER_FORMAT"
            | "PROGRESS_TIMEOUT"
    )
}
