//! Failed sign-ins: counted and delayed, per account.
//!
//! The delay grows and never becomes a lock-out for good, which anybody could use against a colleague. Sessions that exist
//! are not touched by it. An address without an account is counted in memory and delayed by the same rule: otherwise the
//! first delay would tell that the account exists.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use switchboard_entities::user;
use uuid::Uuid;

use crate::{
    App, Error, Result,
    audit::{Change, Entry},
    unit::Unit,
};

/// Failures without a delay: people mistype.
const FREE: i32 = 4;
/// The first delay; each further failure doubles it.
const FIRST_DELAY: TimeDelta = TimeDelta::seconds(5);
/// The longest delay: at most 288 guesses a day, against at least ten characters.
const LONGEST_DELAY: TimeDelta = TimeDelta::minutes(5);
/// After so long without a try, counting starts again.
const FORGIVEN_AFTER: TimeDelta = TimeDelta::hours(24);
/// Addresses without an account that are remembered.
const STRANGERS: usize = 10_000;

/// Failures so far, and the end of the delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Record {
    failures: i32,
    locked_until: Option<DateTime<Utc>>,
}

impl Record {
    fn after_failure(self, now: DateTime<Utc>) -> Self {
        let forgiven = self.locked_until.is_some_and(|until| now - until > FORGIVEN_AFTER);
        let failures = if forgiven { 1 } else { self.failures.saturating_add(1) };
        Self { failures, locked_until: delay(failures).map(|delay| now + delay) }
    }
}

/// How long the next try waits after so many failures in a row.
fn delay(failures: i32) -> Option<TimeDelta> {
    let doublings = u32::try_from(failures - FREE - 1).ok()?;
    let factor = 1_i32.checked_shl(doublings.min(16)).unwrap_or(i32::MAX);
    Some(FIRST_DELAY.checked_mul(factor).unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY))
}

/// Refuses while a delay lasts. Whole seconds, rounded up.
pub(super) fn check(locked_until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<()> {
    match locked_until {
        Some(until) if until > now => {
            let seconds = (until - now + TimeDelta::milliseconds(999)).num_seconds();
            Err(Error::RateLimited { retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
        }
        _ => Ok(()),
    }
}

/// Counts a failure on an account whose row is locked by this unit.
pub(super) async fn record_failure(unit: &mut Unit, user: &user::Model) -> Result<()> {
    let before = Record { failures: user.failed_logins, locked_until: user.locked_until };
    let after = before.after_failure(unit.now());
    write(unit, user.id, after).await?;
    audit(unit, "user", user.id, before, after).await
}

/// The end of the delay of an address without an account.
pub(super) fn stranger_locked_until(app: &App, email: &str) -> Option<DateTime<Utc>> {
    strangers(|known| known.get(&pseudonym(app, email)).and_then(|record| record.locked_until))
}

/// Counts a failure on an address without an account, with the same statements and the same committed write as for one that
/// has an account. Refused when another try started a delay meanwhile.
pub(super) async fn record_stranger(unit: &mut Unit, email: &str) -> Result<()> {
    let (now, key) = (unit.now(), pseudonym(unit.app(), email));
    let (before, after) = strangers(|known| {
        let before = known.get(&key).copied().unwrap_or_default();
        check(before.locked_until, now)?;
        let after = before.after_failure(now);
        if known.len() >= STRANGERS && !known.contains_key(&key) {
            // The one with the fewest failures goes: flooding with fresh addresses does not free a delayed one.
            let least = known.iter().min_by_key(|(_, record)| (record.failures, record.locked_until)).map(|(k, _)| *k);
            least.and_then(|least| known.remove(&least));
        }
        known.insert(key, after);
        Ok::<_, Error>((before, after))
    })?;
    write(unit, Uuid::nil(), after).await?;
    audit(unit, "sign_in_name", key, before, after).await
}

async fn write(unit: &Unit, id: Uuid, record: Record) -> Result<()> {
    user::Entity::update_many()
        .set(user::ActiveModel {
            failed_logins: Set(record.failures),
            locked_until: Set(record.locked_until),
            ..Default::default()
        })
        .filter(user::Column::Id.eq(id))
        .exec(unit.tx())
        .await?;
    Ok(())
}

async fn audit(unit: &mut Unit, object_type: &'static str, id: Uuid, before: Record, after: Record) -> Result<()> {
    unit.audit(Entry {
        action: "session.refuse",
        object_type,
        object_id: id,
        subject_id: None,
        changes: vec![Change::plain("failed_logins", before.failures, after.failures)],
    })
    .await
}

/// Stands for an address: the same one every time, and not to be turned back without the installation key.
fn pseudonym(app: &App, email: &str) -> Uuid {
    let bytes = app.keyring().derive("sign-in name", email.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(bytes.split_at(16).0);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

fn strangers<T>(with: impl FnOnce(&mut HashMap<Uuid, Record>) -> T) -> T {
    static KNOWN: LazyLock<Mutex<HashMap<Uuid, Record>>> = LazyLock::new(Mutex::default);
    with(&mut KNOWN.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_limit_and_are_forgiven() {
        let seconds: Vec<Option<i64>> = (0..14).map(|n| delay(n).map(|d| d.num_seconds())).collect();
        let expected = [0, 0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300].map(|s| (s > 0).then_some(s));
        assert_eq!(seconds, expected);
        assert_eq!(delay(i32::MAX), Some(LONGEST_DELAY));

        let now = DateTime::<Utc>::UNIX_EPOCH;
        let record = Record { failures: 9, locked_until: Some(now) };
        assert_eq!(record.after_failure(now + TimeDelta::hours(23)).failures, 10);
        assert_eq!(record.after_failure(now + TimeDelta::hours(25)).failures, 1);
        assert_eq!(Record { failures: i32::MAX, locked_until: None }.after_failure(now).failures, i32::MAX);
    }

    #[test]
    fn the_rest_of_a_delay_is_told_in_whole_seconds() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let retry = |until| match check(Some(until), now) {
            Err(Error::RateLimited { retry_after_seconds }) => retry_after_seconds,
            _ => 0,
        };
        assert_eq!(retry(now + TimeDelta::milliseconds(1)), 1);
        assert_eq!(retry(now + TimeDelta::seconds(5)), 5);
        assert_eq!(retry(now), 0);
        assert!(check(None, now).is_ok());
    }
}
