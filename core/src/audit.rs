//! The audit record: what was changed, by whom, why, from what to what. Written in the transaction of the change.
//!
//! Personal values are sealed with a key of their subject (a caller or a user): deleting that key erases them from the
//! record, and the record still verifies, because the content hash covers what is stored.

use std::collections::{HashMap, hash_map::Entry as Slot};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchboard_entities::{audit_entry, subject_key};
use uuid::Uuid;

use crate::{
    App, Error, Result,
    access::{Actor, Permission},
    entropy,
    keyring::Keyring,
    page::{Cursor, Page, PageRequest},
};

/// One changed field.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    field: &'static str,
    before: Value,
    after: Value,
    personal: bool,
}

impl Change {
    /// A field whose values may be read by whoever reads the record.
    pub fn plain(field: &'static str, before: impl Into<Value>, after: impl Into<Value>) -> Self {
        Self { field, before: before.into(), after: after.into(), personal: false }
    }

    /// A field with personal values: sealed.
    pub fn personal(field: &'static str, before: impl Into<Value>, after: impl Into<Value>) -> Self {
        Self { field, before: before.into(), after: after.into(), personal: true }
    }
}

/// What happened to one thing.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `noun.verb`, e.g. `caller.update`.
    pub action: &'static str,
    /// Noun, e.g. `caller`.
    pub object_type: &'static str,
    /// Which one.
    pub object_id: Uuid,
    /// Whose key seals personal values; the object itself when it is a person.
    pub subject_id: Option<Uuid>,
    /// The changed fields; may be empty (e.g. a sign-in).
    pub changes: Vec<Change>,
}

/// A change as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredChange {
    field: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    before: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    after: Value,
    /// Subject whose key sealed the two values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed_for: Option<Uuid>,
}

/// Keys of the subjects that a transaction writes about.
#[derive(Debug, Default)]
pub(crate) struct SubjectKeys(HashMap<Uuid, Keyring>);

impl SubjectKeys {
    /// The key, made when the subject has none. Two transactions at once: the second insert does nothing, and both read
    /// the row that won.
    async fn get(&mut self, app: &App, db: &impl ConnectionTrait, subject: Uuid) -> Result<&Keyring> {
        match self.0.entry(subject) {
            Slot::Occupied(known) => Ok(known.into_mut()),
            Slot::Vacant(slot) => {
                let row = match subject_key::Entity::find_by_id(subject).one(db).await? {
                    Some(row) => row,
                    None => make_key(app, db, subject).await?,
                };
                Ok(slot.insert(open_key(app, &row)?))
            }
        }
    }
}

async fn make_key(app: &App, db: &impl ConnectionTrait, subject: Uuid) -> Result<subject_key::Model> {
    let mut key = [0; 32];
    app.entropy().fill(&mut key);
    let row = subject_key::ActiveModel {
        subject_id: Set(subject),
        key: Set(app.keyring().seal(subject.as_bytes(), &key, app.entropy())?),
        created_at: Set(app.now()),
    };
    subject_key::Entity::insert(row)
        .on_conflict_do_nothing_on([subject_key::Column::SubjectId])
        .exec_without_returning(db)
        .await?;
    subject_key::Entity::find_by_id(subject)
        .one(db)
        .await?
        .ok_or_else(|| Error::internal("a subject key was not stored"))
}

fn open_key(app: &App, row: &subject_key::Model) -> Result<Keyring> {
    let key: [u8; 32] = app
        .keyring()
        .open(row.subject_id.as_bytes(), &row.key)?
        .try_into()
        .map_err(|_| Error::internal("a subject key has the wrong length"))?;
    Ok(Keyring::new(key))
}

/// Writes one entry.
pub(crate) async fn append(
    app: &App,
    db: &impl ConnectionTrait,
    keys: &mut SubjectKeys,
    actor: &Actor,
    cause: &str,
    now: DateTime<Utc>,
    entry: Entry,
) -> Result<()> {
    let mut changes = Vec::with_capacity(entry.changes.len());
    for change in entry.changes {
        let sealed_for = change.personal.then(|| entry.subject_id.unwrap_or(entry.object_id));
        let (before, after) = match sealed_for {
            None => (change.before, change.after),
            Some(subject) => {
                let key = keys.get(app, db, subject).await?;
                let seal = |value: Value| -> Result<Value> {
                    if value.is_null() {
                        return Ok(value);
                    }
                    let sealed = key.seal(change.field.as_bytes(), value.to_string().as_bytes(), app.entropy())?;
                    Ok(Value::String(STANDARD.encode(sealed)))
                };
                (seal(change.before)?, seal(change.after)?)
            }
        };
        changes.push(StoredChange { field: change.field.to_owned(), before, after, sealed_for });
    }
    let changes = serde_json::to_string(&changes).map_err(|_| Error::internal("audit changes do not serialise"))?;
    let id = entropy::new_id(app.entropy(), now);
    let hash = content_hash(&ContentOf {
        id,
        at: now,
        actor_kind: actor.kind(),
        actor_id: actor.id(),
        cause,
        action: entry.action,
        object_type: entry.object_type,
        object_id: entry.object_id,
        changes: &changes,
    });
    audit_entry::Entity::insert(audit_entry::ActiveModel {
        seq: sea_orm::ActiveValue::NotSet,
        id: Set(id),
        at: Set(now),
        actor_kind: Set(actor.kind().to_owned()),
        actor_id: Set(actor.id()),
        cause: Set(cause.to_owned()),
        action: Set(entry.action.to_owned()),
        object_type: Set(entry.object_type.to_owned()),
        object_id: Set(entry.object_id),
        changes: Set(changes),
        content_hash: Set(hash),
    })
    .exec_without_returning(db)
    .await?;
    Ok(())
}

/// What the content hash covers: everything but the sequence number, which the database gives.
#[derive(Serialize)]
struct ContentOf<'a> {
    id: Uuid,
    at: DateTime<Utc>,
    actor_kind: &'a str,
    actor_id: Option<Uuid>,
    cause: &'a str,
    action: &'a str,
    object_type: &'a str,
    object_id: Uuid,
    changes: &'a str,
}

fn content_hash(content: &ContentOf<'_>) -> String {
    hex::encode(Sha256::digest(serde_json::to_vec(content).unwrap_or_default()))
}

/// Does the row still hold what was written?
pub fn is_genuine(row: &audit_entry::Model) -> bool {
    let content = ContentOf {
        id: row.id,
        at: row.at,
        actor_kind: &row.actor_kind,
        actor_id: row.actor_id,
        cause: &row.cause,
        action: &row.action,
        object_type: &row.object_type,
        object_id: row.object_id,
        changes: &row.changes,
    };
    content_hash(&content) == row.content_hash
}

/// A change as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct VisibleChange {
    /// Name of the field.
    pub field: String,
    /// Value before; `None` when there was none or it is not shown.
    pub before: Option<String>,
    /// Value after; `None` when there was none or it is not shown.
    pub after: Option<String>,
    /// Values exist but are not shown: the reader may not see them, or they were erased.
    pub redacted: bool,
}

/// Entries, newest first. Needs `audit.read`.
pub async fn page(
    app: &App,
    actor: &Actor,
    request: PageRequest,
    object: Option<Uuid>,
) -> Result<Page<audit_entry::Model>> {
    actor.require(Permission::AuditRead)?;
    let mut query = audit_entry::Entity::find();
    if let Some(object) = object {
        query = query.filter(audit_entry::Column::ObjectId.eq(object));
    }
    if let Some(after) = request.after {
        query = query.filter(after.condition(audit_entry::Column::At, audit_entry::Column::Id));
    }
    let rows = query
        .order_by_desc(audit_entry::Column::At)
        .order_by_desc(audit_entry::Column::Id)
        .limit(request.limit())
        .all(app.db())
        .await?;
    Ok(Page::new(request, rows, |row| Cursor { at: row.at, id: row.id }))
}

/// The changes of some entries, opened as far as the reader may see: personal values need `audit.read_values`.
pub async fn changes(app: &App, actor: &Actor, rows: &[audit_entry::Model]) -> Result<Vec<Vec<VisibleChange>>> {
    let may_read = actor.scope(Permission::AuditReadValues).is_some();
    let stored: Vec<Vec<StoredChange>> =
        rows.iter().map(|row| serde_json::from_str(&row.changes).unwrap_or_default()).collect();
    let subjects: Vec<Uuid> = stored.iter().flatten().filter_map(|change| change.sealed_for).collect();
    let mut keys = HashMap::new();
    if may_read && !subjects.is_empty() {
        for row in
            subject_key::Entity::find().filter(subject_key::Column::SubjectId.is_in(subjects)).all(app.db()).await?
        {
            keys.insert(row.subject_id, open_key(app, &row)?);
        }
    }
    Ok(stored.into_iter().map(|changes| changes.into_iter().map(|change| visible(change, &keys)).collect()).collect())
}

fn visible(change: StoredChange, keys: &HashMap<Uuid, Keyring>) -> VisibleChange {
    let text = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let Some(subject) = change.sealed_for else {
        return VisibleChange {
            field: change.field,
            before: text(change.before),
            after: text(change.after),
            redacted: false,
        };
    };
    let open = |value: &Value| {
        let sealed = STANDARD.decode(value.as_str()?).ok()?;
        let plain = keys.get(&subject)?.open(change.field.as_bytes(), &sealed).ok()?;
        text(serde_json::from_slice(&plain).ok()?)
    };
    let (before, after) = (open(&change.before), open(&change.after));
    let redacted = (before.is_none() && !change.before.is_null()) || (after.is_none() && !change.after.is_null());
    VisibleChange { field: change.field, before, after, redacted }
}
