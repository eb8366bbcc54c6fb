//! Recordings: what one event says, and what all of them say together.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{CallEvent, RecordingStatus};

/// What one event says about a recording.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordingFact {
    /// The provider's id: one recording per connection and id.
    pub id: String,
    /// Where the file can be fetched. May carry access rights in its query: never log it.
    #[serde(default)]
    pub url: Option<String>,
    /// How far it came.
    #[serde(default = "in_progress")]
    pub status: RecordingStatus,
    /// Length in seconds.
    #[serde(default)]
    pub duration_seconds: Option<u32>,
    /// Audio channels.
    #[serde(default)]
    pub channels: Option<u8>,
    /// The provider's word for what made it (Twilio: `RecordVerb`, `DialVerb`, …).
    #[serde(default)]
    pub source: Option<String>,
    /// Whether the file needs the account's credentials.
    #[serde(default)]
    pub needs_auth: bool,
    /// When the recording began.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// This event by itself shows that a caller left a message.
    #[serde(default)]
    pub voicemail: bool,
    /// Until when the URL can be used (presigned addresses).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

fn in_progress() -> RecordingStatus {
    RecordingStatus::InProgress
}

impl RecordingFact {
    /// A fact of which only the id and the status are known.
    pub fn new(id: impl Into<String>, status: RecordingStatus) -> Self {
        Self {
            id: id.into(),
            url: None,
            status,
            duration_seconds: None,
            channels: None,
            source: None,
            needs_auth: false,
            started_at: None,
            voicemail: false,
            expires_at: None,
        }
    }
}

impl std::fmt::Debug for RecordingFact {
    /// Without the URL, which may carry access rights.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordingFact")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("duration_seconds", &self.duration_seconds)
            .field("voicemail", &self.voicemail)
            .finish_non_exhaustive()
    }
}

/// A recording of a call, from everything that was said about it.
#[derive(Clone, PartialEq, Eq)]
pub struct Recording {
    /// The provider's id.
    pub id: String,
    /// The leg that was recorded, when it is known.
    pub leg_id: Option<String>,
    /// How far it came.
    pub status: RecordingStatus,
    /// Where the file can be fetched. May carry access rights in its query: never log it.
    pub url: Option<String>,
    /// Length in seconds.
    pub duration_seconds: Option<u32>,
    /// Audio channels.
    pub channels: Option<u8>,
    /// The provider's word for what made it.
    pub source: Option<String>,
    /// Whether the file needs the account's credentials.
    pub needs_auth: bool,
    /// When the recording began.
    pub started_at: Option<DateTime<Utc>>,
    /// It is a message that the caller of a missed call left.
    pub voicemail: bool,
}

impl std::fmt::Debug for Recording {
    /// Without the URL, which may carry access rights.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("id", &self.id)
            .field("leg_id", &self.leg_id)
            .field("status", &self.status)
            .field("duration_seconds", &self.duration_seconds)
            .field("voicemail", &self.voicemail)
            .finish_non_exhaustive()
    }
}

/// Everything that was said about one recording. Order and repetition are without effect.
#[derive(Default)]
pub(crate) struct Joined<'a> {
    status: Option<RecordingStatus>,
    leg_id: Option<&'a str>,
    url: Option<(Reverse<RecordingStatus>, &'a str, &'a str)>,
    source: Option<&'a str>,
    duration_seconds: Option<u32>,
    channels: Option<u8>,
    needs_auth: bool,
    started_at: Option<DateTime<Utc>>,
    voicemail: bool,
}

impl<'a> Joined<'a> {
    pub(crate) fn add(&mut self, event: &'a CallEvent, fact: &'a RecordingFact) {
        self.status = self.status.max(Some(fact.status));
        // The link of the most advanced report: an earlier one may lead nowhere yet.
        let url = fact.url.as_deref().map(|url| (Reverse(fact.status), event.dedupe_key.as_str(), url));
        self.url = smaller(self.url, url);
        self.leg_id = smaller(self.leg_id, event.leg_id.as_deref());
        self.source = smaller(self.source, fact.source.as_deref());
        self.started_at = smaller(self.started_at, fact.started_at);
        self.duration_seconds = self.duration_seconds.max(fact.duration_seconds);
        self.channels = self.channels.max(fact.channels);
        self.needs_auth |= fact.needs_auth;
        self.voicemail |= fact.voicemail;
    }

    /// The recording; it is a voicemail only when nobody answered the inbound call.
    pub(crate) fn recording(&self, id: &str, missed_inbound: bool) -> Recording {
        Recording {
            id: id.to_owned(),
            leg_id: self.leg_id.map(ToOwned::to_owned),
            status: self.status.unwrap_or(RecordingStatus::InProgress),
            url: self.url.map(|(.., url)| url.to_owned()),
            duration_seconds: self.duration_seconds,
            channels: self.channels,
            source: self.source.map(ToOwned::to_owned),
            needs_auth: self.needs_auth,
            started_at: self.started_at,
            voicemail: self.voicemail && missed_inbound,
        }
    }
}

fn smaller<T: Ord>(old: Option<T>, new: Option<T>) -> Option<T> {
    [old, new].into_iter().flatten().min()
}
