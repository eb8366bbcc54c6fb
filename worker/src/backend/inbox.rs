//! The queue in the database: the whole queue in embedded mode, the spool while Redis is away in distributed mode.
//!
//! One table, `inbox`. A row waits while `lease_until` is null, is in work until that instant, and is deleted when it is
//! settled. `attempts` counts hand-outs, `lease_owner` names the process. `id` is a UUID of version 7 made by the producer,
//! strictly increasing within its process, so the order of ids is first in, first out.
//!
//! | step | statements |
//! | --- | --- |
//! | store (producer) | one `INSERT` of all requests that wait, committed; then workers of this process are woken |
//! | fetch | in one transaction: the first 100 rows that wait, locked (`FOR UPDATE SKIP LOCKED`; on SQLite `BEGIN IMMEDIATE`), leased for 3 s, counted |
//! | keep fresh | each second: `UPDATE … SET lease_until WHERE lease_owner = me` |
//! | acknowledge | `DELETE`, after the commit of the settling |
//! | take over | each second a look at the first 500 rows for expired leases; then as fetch |
//! | hand back | lease ended now, count lowered by one |
//! | sign off | all leases of this process ended now |
//!
//! A look at the first rows finds every expired lease sooner or later without an index for it: rows are handed out from the
//! front, and what stands before an expired lease is settled and goes away.
//!
//! *No lost wake-up*: a worker listens before it looks. Rows of other processes are found by looking once a second.
//!
//! Leases are instants of the processes' clocks; clocks that differ by more than the lease make two workers
//! settle the same row, which the rules recognise.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, LockBehavior, LockType},
};
use switchboard_core::{clock::Clock, db, entropy::Entropy};
use switchboard_entities::inbox::{Column, Entity, Model};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use super::{Abandoned, BATCH, Entry, Fault, Store, WAIT, inbox_queue::InboxQueue};

/// The longest wait for the database, above its own waits for a connection or for SQLite's writer (5 s): a connection that is
/// half open never answers.
const ANSWER: Duration = Duration::from_secs(6);
/// The longest a worker stands back for an insert.
const STAND_BACK: Duration = Duration::from_millis(500);
/// How far from the front to look for expired leases.
const LOOK_AT: u64 = 500;

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        Self(db::describe(&error))
    }
}

/// The inbox of one process: makes the producer and is given to the workers, so that the one wakes the other. Cheap to
/// clone.
#[derive(Clone)]
pub struct Inbox {
    pub(super) db: DatabaseConnection,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) wake: Arc<Notify>,
    /// Taken by an insert for as long as it takes; see [`InboxStore::let_inserts_pass`].
    pub(super) turnstile: Arc<Semaphore>,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

impl Inbox {
    /// Over a migrated database.
    pub fn new(db: DatabaseConnection, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { db, clock, entropy, wake: Arc::default(), turnstile: Arc::new(Semaphore::new(1)) }
    }

    /// The way in; needs a tokio runtime.
    pub fn queue(&self) -> InboxQueue {
        InboxQueue::new(self.clone())
    }

    /// Rows that wait or are in work.
    pub async fn waiting(&self) -> Result<u64, Fault> {
        Ok(Entity::find().count(&self.db).await?)
    }

    /// One batch in work on `SQLite`, which has one writer; two elsewhere, so that one waits for the database while the
    /// other is parsed.
    pub fn concurrency(&self) -> usize {
        if db::locks_rows(&self.db) { 2 } else { 1 }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }
}

/// The inbox as the workers see it. See the module.
#[derive(Debug)]
pub struct InboxStore {
    inbox: Inbox,
    owner: String,
    lease: Duration,
}

/// Which rows to hand out.
#[derive(Clone, Copy)]
enum Wanted {
    Waiting,
    Abandoned(Abandoned),
}

impl InboxStore {
    /// `owner` must be new at every start; `lease` is how long rows may go without being kept fresh.
    pub fn new(inbox: Inbox, owner: String, lease: Duration) -> Self {
        Self { inbox, owner, lease }
    }

    fn db(&self) -> &DatabaseConnection {
        &self.inbox.db
    }

    fn lease_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::from_std(self.lease).unwrap_or(TimeDelta::MAX)
    }

    /// `SQLite` has one writer and no queue for it: whoever waits tries again after a while, and a worker with a backlog is
    /// always quicker. So before each batch it stands back until an insert that waits has got through, though not for long:
    /// the wait may be somebody else's doing.
    async fn let_inserts_pass(&self) {
        if !db::locks_rows(self.db()) {
            // Elapsed or passed, the batch is next.
            let _ = tokio::time::timeout(STAND_BACK, self.inbox.turnstile.acquire()).await;
        }
    }

    async fn claim(&self, wanted: Wanted, limit: usize, mine: &[Uuid]) -> Result<Vec<Model>, DbErr> {
        let now = self.inbox.clock.now();
        let condition = match wanted {
            Wanted::Waiting => Condition::all().add(Column::LeaseUntil.is_null()).add(Column::AvailableAt.lte(now)),
            Wanted::Abandoned(kind) => Condition::all().add(Column::LeaseUntil.lte(now)).add(match kind {
                Abandoned::Once => Column::Attempts.lt(2),
                Abandoned::Suspect => Column::Attempts.gte(2),
            }),
        };
        let not_mine = (!mine.is_empty()).then(|| Column::Id.is_not_in(mine.iter().copied()));
        let waiting = Entity::find()
            .filter(condition.add_option(not_mine))
            .order_by_asc(Column::Id)
            .limit(limit.try_into().unwrap_or(u64::MAX));
        let locks = db::locks_rows(self.db());
        // Without the write lock first: an idle worker must not stand in the way of SQLite's only writer.
        if !locks
            && waiting.clone().select_only().column(Column::Id).into_tuple::<Uuid>().one(self.db()).await?.is_none()
        {
            return Ok(Vec::new());
        }
        let tx = db::begin(self.db()).await?;
        let rows = if locks {
            waiting.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).all(&tx).await?
        } else {
            waiting.all(&tx).await?
        };
        if !rows.is_empty() {
            Entity::update_many()
                .col_expr(Column::LeaseUntil, Expr::value(self.lease_from(now)))
                .col_expr(Column::LeaseOwner, Expr::value(self.owner.clone()))
                .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
                .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
                .exec(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(rows)
    }
}

/// Asks the database, not for ever.
async fn ask<T>(question: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, Fault> {
    let answer = tokio::time::timeout(ANSWER, question).await;
    Ok(answer.map_err(|_| Fault("database: no answer".to_owned()))??)
}

fn entry(row: Model) -> Entry<Uuid> {
    Entry {
        key: row.id,
        attempt: u32::try_from(row.attempts).unwrap_or_default().saturating_add(1),
        meta: row.meta.into(),
        body: row.body.into(),
    }
}

#[async_trait::async_trait]
impl Store for InboxStore {
    type Key = Uuid;

    const NAME: &'static str = "inbox";

    async fn fresh(&self, limit: usize, wait: bool) -> Result<Vec<Entry<Uuid>>, Fault> {
        self.let_inserts_pass().await;
        // Listening begins before looking: a row that is committed in between wakes the wait below.
        let pushed = self.inbox.wake.notified();
        tokio::pin!(pushed);
        pushed.as_mut().enable();
        let mut rows = ask(self.claim(Wanted::Waiting, limit, &[])).await?;
        if rows.is_empty() && wait {
            // Which of the two ended it does not matter: both mean "look again".
            let _ = tokio::time::timeout(WAIT, pushed).await;
            rows = ask(self.claim(Wanted::Waiting, limit, &[])).await?;
        }
        Ok(rows.into_iter().map(entry).collect())
    }

    async fn look(&self, mine: &[Uuid]) -> Result<Option<Abandoned>, Fault> {
        let front = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Attempts, Column::LeaseUntil])
            .order_by_asc(Column::Id)
            .limit(LOOK_AT)
            .into_tuple::<(Uuid, i32, Option<DateTime<Utc>>)>()
            .all(self.db());
        let mut front = ask(front).await?.into_iter();
        let now = self.inbox.clock.now();
        let oldest = front.find(|(id, _, until)| until.is_some_and(|until| until <= now) && !mine.contains(id));
        Ok(oldest.map(|(_, attempts, _)| Abandoned::after(u64::try_from(attempts).unwrap_or_default())))
    }

    async fn take_over(&self, kind: Abandoned, limit: usize, mine: &[Uuid]) -> Result<Vec<Entry<Uuid>>, Fault> {
        let limit = if kind == Abandoned::Suspect { 1 } else { limit };
        let rows = ask(self.claim(Wanted::Abandoned(kind), limit, mine)).await?;
        Ok(rows.into_iter().map(entry).collect())
    }

    async fn keep(&self, keys: &[Uuid]) -> Result<(), Fault> {
        let until = self.lease_from(self.inbox.clock.now());
        let kept = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(until))
            .filter(Column::LeaseOwner.eq(self.owner.as_str()))
            .filter(Column::Id.is_in(keys.iter().copied()))
            .exec(self.db());
        ask(kept).await.map(drop)
    }

    async fn acknowledge(&self, keys: &[Uuid]) -> Result<(), Fault> {
        for keys in keys.chunks(BATCH) {
            let gone = Entity::delete_many().filter(Column::Id.is_in(keys.iter().copied())).exec(self.db());
            ask(gone).await?;
        }
        Ok(())
    }

    async fn hand_back(&self, entries: &[Entry<Uuid>]) -> Result<(), Fault> {
        let freed = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(self.inbox.clock.now()))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
            .filter(Column::LeaseOwner.eq(self.owner.as_str()))
            .filter(Column::Id.is_in(entries.iter().map(|entry| entry.key)))
            .exec(self.db());
        ask(freed).await.map(drop)
    }

    async fn waiting(&self) -> Result<u64, Fault> {
        ask(Entity::find().count(self.db())).await
    }

    async fn close(&self) -> Result<(), Fault> {
        let freed = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(self.inbox.clock.now()))
            .filter(Column::LeaseOwner.eq(self.owner.as_str()))
            .exec(self.db());
        ask(freed).await.map(drop)
    }
}
