//! Words and causes of an end.

use crate::Outcome;

/// The outcome of a status or of a dial; `None` when it is no end.
pub(super) fn ended(word: Option<&str>) -> Option<Outcome> {
    match word?.to_ascii_lowercase().as_str() {
        "completed" => Some(Outcome::Completed),
        "busy" => Some(Outcome::Busy),
        "rejected" => Some(Outcome::Rejected),
        "no-answer" | "timeout" => Some(Outcome::NoAnswer),
        "cancel" | "canceled" | "cancelled" => Some(Outcome::Canceled),
        "failed" => Some(Outcome::Failed),
        _ => None,
    }
}

/// What the cause of a hangup says about why nobody talked: Plivo's code first, then the name of the telephone network's
/// cause.
pub(super) fn refused(code: Option<&str>, cause: Option<&str>) -> Option<Outcome> {
    let by_code = match code {
        Some("3010") => Some(Outcome::Busy),
        Some("3020") => Some(Outcome::Rejected),
        _ => None,
    };
    by_code.or(match cause {
        Some("USER_BUSY") => Some(Outcome::Busy),
        Some("CALL_REJECTED") => Some(Outcome::Rejected),
        _ => None,
    })
}

/// The number of a cause after ITU-T Q.850 by its name.
pub(super) fn q850(cause: &str) -> Option<u8> {
    let causes = [
        ("UNALLOCATED_NUMBER", 1),
        ("NO_ROUTE_DESTINATION", 3),
        ("NORMAL_CLEARING", 16),
        ("USER_BUSY", 17),
        ("NO_USER_RESPONSE", 18),
        ("NO_ANSWER", 19),
        ("SUBSCRIBER_ABSENT", 20),
        ("CALL_REJECTED", 21),
        ("NUMBER_CHANGED", 22),
        ("DESTINATION_OUT_OF_ORDER", 27),
        ("INVALID_NUMBER_FORMAT", 28),
        ("NORMAL_UNSPECIFIED", 31),
        ("NORMAL_CIRCUIT_CONGESTION", 34),
        ("NETWORK_OUT_OF_ORDER", 38),
        ("NORMAL_TEMPORARY_FAILURE", 41),
        ("SWITCH_CONGESTION", 42),
        ("BEARERCAPABILITY_NOTAVAIL", 58),
        ("INCOMPATIBLE_DESTINATION", 88),
        ("RECOVERY_ON_TIMER_EXPIRE", 102),
        ("INTERWORKING", 127),
    ];
    causes.into_iter().find(|(name, _)| *name == cause).map(|(_, number)| number)
}
