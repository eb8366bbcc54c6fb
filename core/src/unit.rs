//! The unit of work: the only way to write. One transaction, one actor, one instant, the audit entries of every change, and
//! the events that are published after the commit, never before.

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use crate::{
    App, Error, Result,
    access::Actor,
    audit::{self, Entry, SubjectKeys},
    db, entropy,
    events::Event,
};

/// Writes that belong together. Dropped without [`Unit::commit`], nothing has happened.
#[derive(Debug)]
pub struct Unit {
    app: App,
    tx: DatabaseTransaction,
    actor: Actor,
    cause: String,
    now: DateTime<Utc>,
    keys: SubjectKeys,
    audited: usize,
    events: Vec<Event>,
}

impl Unit {
    pub(crate) async fn begin(app: &App, actor: Actor, cause: String) -> Result<Self> {
        let tx = db::begin(app.db()).await?;
        // Taken after the lock: two units that waited for each other are ordered by their instants too.
        let now = app.now();
        Ok(Self {
            app: app.clone(),
            tx,
            actor,
            cause,
            now,
            keys: SubjectKeys::default(),
            audited: 0,
            events: Vec::new(),
        })
    }

    /// The transaction, for reading and writing rows.
    pub fn tx(&self) -> &DatabaseTransaction {
        &self.tx
    }

    /// What everything starts from.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The instant of the whole unit.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        entropy::new_id(self.app.entropy(), self.now)
    }

    /// Records a change by the unit's actor.
    pub async fn audit(&mut self, entry: Entry) -> Result<()> {
        let (actor, cause) = (self.actor.clone(), self.cause.clone());
        self.audit_as(&actor, &cause, entry).await
    }

    /// Records a change by another actor: a batch of deliveries has many.
    pub async fn audit_as(&mut self, actor: &Actor, cause: &str, entry: Entry) -> Result<()> {
        audit::append(&self.app, &self.tx, &mut self.keys, actor, cause, self.now, entry).await?;
        self.audited += 1;
        Ok(())
    }

    /// To be told after the commit. The same event twice is told once.
    pub fn emit(&mut self, event: Event) {
        if !self.events.contains(&event) {
            self.events.push(event);
        }
    }

    /// Makes it all happen, then tells. A unit that audited nothing is a bug: every write must leave a trace.
    pub async fn commit(self) -> Result<()> {
        if self.audited == 0 {
            return Err(Error::internal("a unit of work was committed without an audit entry"));
        }
        self.finish().await
    }

    /// Commits writes that change nothing about the business: counters, leases, a session's last use, a duplicate delivery.
    pub async fn commit_unaudited(self) -> Result<()> {
        self.finish().await
    }

    async fn finish(self) -> Result<()> {
        self.tx.commit().await?;
        self.app.bus().publish(&self.events).await;
        Ok(())
    }
}
