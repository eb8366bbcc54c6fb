//! The words of a call: what happened, how far a leg came, how it ended.

use crate::words::words;

words! {
    /// What an event reports.
    EventKind {
        /// The leg exists: being set up, nothing rings yet.
        CallInitiated = "call.initiated",
        /// The leg rings, or an inbound call arrived.
        CallRinging = "call.ringing",
        /// The caller waits in a queue.
        CallQueued = "call.queued",
        /// The leg was answered; see [`crate::CallEvent::answered_by_platform`].
        CallAnswered = "call.answered",
        /// Two legs were connected.
        CallBridged = "call.bridged",
        /// The leg was put on hold.
        CallHeld = "call.held",
        /// The leg came back from hold.
        CallUnheld = "call.unheld",
        /// The call was transferred.
        CallTransferred = "call.transferred",
        /// The leg is over.
        CallEnded = "call.ended",
        /// A parent leg learns how the leg that it dialled ended.
        DialResult = "dial.result",
        /// A recording exists or is being made, its file may not be there yet.
        RecordingProvisional = "recording.provisional",
        /// The file of a recording can be fetched.
        RecordingReady = "recording.ready",
        /// A recording failed or is empty.
        RecordingFailed = "recording.failed",
        /// The caller reached a voicemail box.
        VoicemailStarted = "voicemail.started",
        /// The caller left a message.
        VoicemailReady = "voicemail.ready",
        /// Something worth keeping that does not change the call (machine detection, cost).
        CallAnnotation = "call.annotation",
        /// A kind that we do not know: kept, counted, without any effect.
        Ignored = "ignored",
    }
}

words! {
    /// Who called whom.
    Direction {
        /// From outside to us.
        Inbound = "inbound",
        /// From us to outside.
        Outbound = "outbound",
        /// Between two of our own.
        Internal = "internal",
    }
}

words! {
    /// How far a leg (or the call) came. The order is the rank: a later state is never taken back by an earlier one.
    LegState {
        /// Being set up.
        Initiated = "initiated",
        /// Ringing.
        Ringing = "ringing",
        /// Waiting in a queue.
        Queued = "queued",
        /// Answered.
        Answered = "answered",
        /// Over.
        Ended = "ended",
    }
}

words! {
    /// How a leg or a call ended.
    Outcome {
        /// People talked.
        Completed = "completed",
        /// Nobody answered; on an inbound call: missed.
        NoAnswer = "no_answer",
        /// The line was busy.
        Busy = "busy",
        /// The called party refused.
        Rejected = "rejected",
        /// The calling side gave up before an answer.
        Canceled = "canceled",
        /// The network or the provider could not do it.
        Failed = "failed",
        /// The caller left a message.
        Voicemail = "voicemail",
        /// No end was ever reported; set by the clock and replaced by any report that comes later.
        Stale = "stale",
    }
}

impl Outcome {
    /// Which of two reported ends of the same leg stands: the higher one, so that the order of reports is without
    /// effect (`completed > voicemail > busy > rejected > no_answer > canceled > failed > stale`).
    pub const fn precedence(self) -> u8 {
        match self {
            Self::Completed => 7,
            Self::Voicemail => 6,
            Self::Busy => 5,
            Self::Rejected => 4,
            Self::NoAnswer => 3,
            Self::Canceled => 2,
            Self::Failed => 1,
            Self::Stale => 0,
        }
    }
}

words! {
    /// What kind of address a party has.
    PartyKind {
        /// A number of the public telephone network.
        Pstn = "pstn",
        /// A SIP address.
        Sip = "sip",
        /// A software client of our own provider account (a browser or app).
        Client = "client",
        /// An extension of our own phone system.
        Extension = "extension",
        /// The caller hides the number.
        Withheld = "withheld",
        /// An address that cannot be understood.
        Unknown = "unknown",
    }
}

words! {
    /// What the network says about the caller's right to the number (STIR/SHAKEN).
    Attestation {
        /// Full: the number is verified.
        A = "a",
        /// Partial.
        B = "b",
        /// Gateway only.
        C = "c",
        /// The check failed.
        Failed = "failed",
    }
}

words! {
    /// How far a recording came. The order is the rank: it only ever moves up.
    RecordingStatus {
        /// Being recorded, or recorded and not yet to be fetched.
        InProgress = "in_progress",
        /// Nothing was recorded.
        Absent = "absent",
        /// Recording failed.
        Failed = "failed",
        /// The file can be fetched.
        Ready = "ready",
    }
}
