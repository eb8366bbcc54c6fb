//! Accepted requests that could not be applied: kept whole, visible, never lost and never in the way.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;
use switchboard_entities::dead_letter;
use uuid::Uuid;

use crate::{
    App, Result,
    access::Actor,
    audit::{Change, Entry},
    envelope::Envelope,
};

/// Why a request could not be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The queue entry was not an envelope.
    Undecodable,
    /// The provider's body could not be read.
    Malformed,
    /// The connection it came through does not exist any more.
    UnknownConnection,
    /// Applying it failed for a reason that trying again does not cure, or it ended the worker several times.
    Internal,
}

impl Reason {
    /// Stored form, and metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Malformed => "malformed",
            Self::UnknownConnection => "unknown_connection",
            Self::Internal => "internal",
        }
    }
}

/// One request to be put aside.
#[derive(Debug)]
pub(crate) struct DeadLetter {
    pub intake_id: Uuid,
    pub connection_id: Option<Uuid>,
    pub provider: String,
    pub reason: Reason,
    /// Readable, without personal data.
    pub detail: String,
    pub request: serde_json::Value,
    pub body: Bytes,
    pub attempts: u32,
    pub received_at: DateTime<Utc>,
}

impl DeadLetter {
    /// An envelope that could not be applied.
    pub fn of(envelope: &Envelope, reason: Reason, detail: impl Into<String>, attempts: u32) -> Self {
        Self {
            intake_id: envelope.id,
            connection_id: Some(envelope.connection_id),
            provider: envelope.provider.clone(),
            reason,
            detail: detail.into(),
            request: stored_request(envelope),
            body: envelope.body.clone(),
            attempts,
            received_at: envelope.received_at,
        }
    }
}

/// Method, URL and kept headers, as they are stored beside the body; `unverified` says why verification failed, when it did.
pub(crate) fn stored_request(envelope: &Envelope) -> serde_json::Value {
    let method = match envelope.method {
        switchboard_telephony::Method::Get => "GET",
        switchboard_telephony::Method::Post => "POST",
        switchboard_telephony::Method::Options => "OPTIONS",
    };
    let mut request =
        json!({ "method": method, "url": envelope.url, "purpose": envelope.purpose, "headers": envelope.headers });
    if let (Some(reason), Some(request)) = (&envelope.unverified, request.as_object_mut()) {
        request.insert("unverified".to_owned(), reason.as_str().into());
    }
    request
}

/// Puts a request aside. Doing it twice leaves one row, so that a crash between this and the acknowledgement is harmless.
pub(crate) async fn put_aside(app: &App, letter: DeadLetter) -> Result<()> {
    let mut unit = app.begin_internal(Actor::System("ingestion"), "dead letter").await?;
    let id = unit.new_id();
    let row = dead_letter::ActiveModel {
        id: Set(id),
        intake_id: Set(letter.intake_id),
        connection_id: Set(letter.connection_id),
        provider: Set(letter.provider),
        reason: Set(letter.reason.as_str().to_owned()),
        detail: Set(letter.detail),
        request: Set(letter.request),
        body: Set(letter.body.to_vec()),
        attempts: Set(i32::try_from(letter.attempts).unwrap_or(i32::MAX)),
        status: Set(dead_letter::DeadLetterStatus::Open),
        received_at: Set(letter.received_at),
        failed_at: Set(unit.now()),
    };
    let inserted = dead_letter::Entity::insert(row)
        .on_conflict_do_nothing_on([dead_letter::Column::IntakeId])
        .exec_without_returning(unit.tx())
        .await?;
    if !matches!(inserted, sea_orm::TryInsertResult::Inserted(1)) {
        return unit.commit_unaudited().await;
    }
    tracing::warn!(intake_id = %letter.intake_id, reason = letter.reason.as_str(), "a delivery became a dead letter");
    unit.audit(Entry {
        action: "delivery.dead_letter",
        object_type: "dead_letter",
        object_id: id,
        subject_id: None,
        changes: vec![Change::plain("reason", (), letter.reason.as_str())],
    })
    .await?;
    unit.commit().await
}
