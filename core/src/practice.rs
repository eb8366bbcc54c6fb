//! Practice calls: a call that rings, is answered and ends, for whoever wants to see how the desk feels. It comes over the
//! same way as every other call, on a connection of its own, so that it can be told from real ones for ever.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::LockType};
use switchboard_entities::{audit_entry, provider_connection, user};
use switchboard_telephony::Secrets;
use uuid::Uuid;

use crate::{
    App, Error, Result,
    access::{Actor, Permission},
    audit::{Change, Entry},
    connections::{self, NewConnection},
    db,
    ports::PracticeUnavailable,
    unit::Unit,
};

/// Provider of the connection that practice calls come over.
pub const PROVIDER: &str = "generic";
/// Its slug.
pub const SLUG: &str = "practice";
/// Its name.
pub const NAME: &str = "Practice";
/// Who calls, by name; the number is from a range that is kept free for fiction.
pub const CALLER: &str = "Practice caller";
/// Who acts when the connection is made.
const SYSTEM: Actor = Actor::System("practice");
/// What a start is called in the record.
const ACTION: &str = "practice.start";

/// How long it rings.
pub const RINGS: TimeDelta = TimeDelta::seconds(10);
/// How long people talk.
pub const TALKS: TimeDelta = TimeDelta::seconds(45);
/// From start to end, with a moment for the last request.
const LASTS: TimeDelta = TimeDelta::seconds(60);
/// Starts of one user in [`PERIOD`].
const MOST: usize = 20;
/// See [`MOST`].
const PERIOD: TimeDelta = TimeDelta::hours(1);

/// A practice call that is to be played.
#[derive(Clone, Debug, PartialEq)]
pub struct PracticeCall {
    /// From which its ids follow; random, because nobody may guess the ids of calls.
    pub seed: u64,
    /// The connection it comes over.
    pub connection: provider_connection::Model,
    /// When it began to ring.
    pub started_at: DateTime<Utc>,
}

impl PracticeCall {
    /// When it ends.
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.started_at + RINGS + TALKS
    }
}

/// Is this the connection that practice calls come over?
pub fn is_practice(connection: &provider_connection::Model) -> bool {
    connection.provider == PROVIDER && connection.slug == SLUG
}

/// Lets a practice call ring. Needs `interactions.take`. One at a time for each user, and at most twenty in an hour:
/// [`Error::RateLimited`]. [`Error::Unavailable`] when the server's own webhooks cannot be reached.
pub async fn start(app: &App, actor: &Actor, cause: &str) -> Result<PracticeCall> {
    let me = actor.user()?.id;
    actor.require(Permission::InteractionsTake)?;
    let line = app.practice_line().ok_or(Error::Unavailable("practice line"))?;
    let connection = connection(app, cause).await?;

    let mut unit = app.begin(actor, Permission::InteractionsTake, cause).await?;
    check_rate(&unit, me).await?;
    unit.audit(Entry {
        action: ACTION,
        object_type: "user",
        object_id: me,
        subject_id: None,
        changes: vec![Change::plain("connection_id", (), connection.id.to_string())],
    })
    .await?;
    let started_at = unit.now();
    unit.commit().await?;

    let mut seed = [0; 8];
    app.entropy().fill(&mut seed);
    let call = PracticeCall { seed: u64::from_le_bytes(seed), connection, started_at };
    line.ring(call.clone()).await.map_err(|PracticeUnavailable| Error::Unavailable("practice line"))?;
    Ok(call)
}

/// The record of changes knows every start, also those at other processes.
async fn check_rate(unit: &Unit, me: Uuid) -> Result<()> {
    // Two starts of one user at once: the second waits here for the first, and then sees it.
    let mine = user::Entity::find_by_id(me);
    let mine = if db::locks_rows(unit.tx()) { mine.lock(LockType::NoKeyUpdate) } else { mine };
    mine.one(unit.tx()).await?.ok_or(Error::NotFound("user"))?;
    let starts: Vec<DateTime<Utc>> = audit_entry::Entity::find()
        .select_only()
        .column(audit_entry::Column::At)
        .filter(audit_entry::Column::ObjectId.eq(me))
        .filter(audit_entry::Column::Action.eq(ACTION))
        .filter(audit_entry::Column::At.gt(unit.now() - PERIOD))
        .order_by_desc(audit_entry::Column::Seq)
        .limit(u64::try_from(MOST).unwrap_or(u64::MAX))
        .into_tuple()
        .all(unit.tx())
        .await?;
    match next_start(&starts) {
        Some(next) if next > unit.now() => {
            let seconds = (next - unit.now() + TimeDelta::milliseconds(999)).num_seconds();
            Err(Error::RateLimited { retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
        }
        _ => Ok(()),
    }
}

/// When the next call may start, after these starts (the newest first).
fn next_start(starts: &[DateTime<Utc>]) -> Option<DateTime<Utc>> {
    let after_last = starts.first().map(|last| *last + LASTS);
    let within_period = starts.get(MOST - 1).map(|oldest| *oldest + PERIOD);
    after_last.max(within_period)
}

/// The connection of practice calls, made with a secret of its own when it is not there.
async fn connection(app: &App, cause: &str) -> Result<provider_connection::Model> {
    let known = || async {
        let rows = connections::list(app, &SYSTEM).await?;
        Ok::<_, Error>(rows.into_iter().find(is_practice))
    };
    if let Some(row) = known().await? {
        return Ok(row);
    }
    let mut key = [0; 32];
    app.entropy().fill(&mut key);
    let new = NewConnection {
        provider: PROVIDER.to_owned(),
        name: Some(NAME.to_owned()),
        slug: Some(SLUG.to_owned()),
        secrets: Secrets::new().with("secret", format!("whsec_{}", STANDARD.encode(key))),
        default_region: None,
    };
    match connections::add(app, &SYSTEM, new, cause).await {
        // Another process made it at the same moment.
        Err(Error::Invalid(fields)) => known().await?.ok_or(Error::Invalid(fields)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
    use super::*;

    #[test]
    fn one_at_a_time_and_twenty_in_an_hour() {
        let now: DateTime<Utc> = "2026-02-12T12:00:00Z".parse().unwrap();
        assert_eq!(next_start(&[]), None);
        assert_eq!(next_start(&[now]), Some(now + TimeDelta::seconds(60)));
        let minute = |ago: i64| now - TimeDelta::minutes(ago);
        let starts: Vec<_> = (0..20).map(|number| minute(number * 2)).collect();
        assert_eq!(next_start(&starts), Some(minute(38) + TimeDelta::hours(1)));
        let few: Vec<_> = starts.iter().copied().take(19).collect();
        assert_eq!(next_start(&few), Some(now + TimeDelta::seconds(60)));
    }
}
