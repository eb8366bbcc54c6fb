//! Signing in and staying signed in.
//!
//! A session is one sign-in on one device. It has short access tokens and a chain of refresh tokens, each exchanged once.
//! The database holds nothing but SHA-256 hashes of tokens; the tokens have 256 random bits, so a plain hash suffices.
//!
//! **Reuse.** Whoever presents a refresh token that was exchanged before holds a copy, or the answer to the exchange was
//! lost. Within [`REUSE_GRACE`], and while the successor is itself unused, the same successor is given again (two tabs, a
//! lost answer): it is derived from the old token with the installation key. Otherwise the whole session ends.
//!
//! **Guessing.** Failures are counted per account and delay the next try progressively. What is wrong is never told: an
//! address without an account gives the same answers, costs the same hash and the same committed write, and is delayed alike
//! (see [`attempts`]).

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult,
    JoinType, QueryFilter, QueryOrder, QuerySelect, Select, sea_query::LockType,
};
use serde_json::Value;
use switchboard_entities::{
    session,
    session_token::{self, TokenKind},
    user::{self, UserStatus},
};
use uuid::Uuid;

use crate::{
    App, Error, Result,
    access::{Actor, UserActor},
    audit::{Change, Entry},
    db,
    events::Event,
    passwords, roles,
    unit::Unit,
    users,
};

mod attempts;
mod token;

pub use token::Token;

/// How long an access token lasts.
pub const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How long a session lasts, whatever is refreshed (NIST SP 800-63B: sign in again after 30 days at the latest).
pub const SESSION_LIFETIME: TimeDelta = TimeDelta::days(30);
/// How long an exchanged refresh token gives its successor again.
pub const REUSE_GRACE: TimeDelta = TimeDelta::seconds(30);
/// How long the row of an ended session stays.
const ENDED_KEPT: TimeDelta = TimeDelta::days(7);

/// What a client gets for signing in or refreshing.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Authenticates requests.
    pub access: Token,
    /// Exchanged once for a new pair.
    pub refresh: Token,
    /// When the access token ends.
    pub access_expires_at: DateTime<Utc>,
    /// When the refresh token ends, and the session with it.
    pub refresh_expires_at: DateTime<Utc>,
    /// Who signed in.
    pub actor: UserActor,
}

/// Signs in. Wrong address, wrong password and deactivated account are the same [`Error::Unauthenticated`];
/// [`Error::RateLimited`] after too many failures, whatever the password is.
pub async fn login(app: &App, email: &str, password: &str, cause: &str) -> Result<Tokens> {
    let result = attempt(app, &users::normalise_email(email), password, cause).await;
    let outcome = match &result {
        Ok(_) => "ok",
        Err(Error::Unauthenticated(_)) => "mismatch",
        Err(Error::RateLimited { .. }) => "limited",
        Err(_) => "error",
    };
    metrics::counter!("switchboard_logins_total", "outcome" => outcome).increment(1);
    result
}

async fn attempt(app: &App, email: &str, password: &str, cause: &str) -> Result<Tokens> {
    let found = user::Entity::find().filter(user::Column::Email.eq(email)).one(app.db()).await?;
    let locked_until = match &found {
        Some(user) => user.locked_until,
        None => attempts::stranger_locked_until(app, email),
    };
    attempts::check(locked_until, app.now())?;
    let matches = passwords::verify(password, found.as_ref().map(|user| user.password_hash.as_str())).await?;

    let mut unit = app.begin_internal(Actor::System("sign-in"), cause).await?;
    // Read again under the row's lock. Many tries at once are checked side by side above, but they pass here one by one, and
    // once the account is locked the later ones are told nothing, not even that they were right.
    let current = lock_user(unit.tx(), found.as_ref().map_or(Uuid::nil(), |user| user.id)).await?;
    if let (Some(current), Some(found)) = (current, found) {
        attempts::check(current.locked_until, unit.now())?;
        let unchanged = current.status == UserStatus::Active && current.password_hash == found.password_hash;
        if matches && unchanged {
            return start(unit, current, cause).await;
        }
        attempts::record_failure(&mut unit, &current).await?;
    } else {
        attempts::record_stranger(&mut unit, email).await?;
    }
    unit.commit().await?;
    Err(mismatch())
}

/// The password was right: a new session with new random tokens, never one that the client brought (no fixation).
async fn start(mut unit: Unit, user: user::Model, cause: &str) -> Result<Tokens> {
    let now = unit.now();
    let session = session::ActiveModel {
        id: Set(unit.new_id()),
        user_id: Set(user.id),
        created_at: Set(now),
        last_used_at: Set(now),
        expires_at: Set(now + SESSION_LIFETIME),
        revoked_at: Set(None),
        revoke_reason: Set(None),
    }
    .insert(unit.tx())
    .await?;
    let access = Token::random(unit.app(), token::ACCESS);
    let refresh = Token::random(unit.app(), token::REFRESH);
    store(&unit, &session, &access, &refresh).await?;

    user::Entity::update(user::ActiveModel {
        id: Set(user.id),
        failed_logins: Set(0),
        locked_until: Set(None),
        last_seen_at: Set(Some(now)),
        ..Default::default()
    })
    .exec(unit.tx())
    .await?;
    let actor = actor_of(unit.tx(), user, session.id).await?;
    let entry = Entry {
        action: "session.start",
        object_type: "session",
        object_id: session.id,
        subject_id: None,
        changes: vec![Change::plain("user_id", Value::Null, actor.id.to_string())],
    };
    unit.audit_as(&Actor::User(actor.clone()), cause, entry).await?;
    unit.commit().await?;
    Ok(Tokens {
        access,
        refresh,
        access_expires_at: access_end(&session, now),
        refresh_expires_at: session.expires_at,
        actor,
    })
}

/// Exchanges a refresh token for a new pair; see the module for what happens when it was exchanged before.
/// [`Error::Unauthenticated`] when it is not valid (any more).
pub async fn refresh(app: &App, refresh_token: &str, cause: &str) -> Result<Tokens> {
    let old = Token::read(refresh_token, token::REFRESH).ok_or_else(ended)?;
    // Looked up before the transaction, so that guesses do not take the writer's lock.
    let found = session_token::Entity::find_by_id(old.hash()).one(app.db()).await?.ok_or_else(ended)?;

    let mut unit = app.begin_internal(Actor::System("refresh"), cause).await?;
    let now = unit.now();
    // The session's lock orders every exchange in the family; the token is read under it, or two exchanges at once would
    // both find it unused.
    let session = lock_session(unit.tx(), found.session_id).await?.ok_or_else(ended)?;
    let token = session_token::Entity::find_by_id(old.hash()).one(unit.tx()).await?.ok_or_else(ended)?;
    let user = user::Entity::find_by_id(session.user_id).one(unit.tx()).await?.ok_or_else(ended)?;
    let alive = session.revoked_at.is_none() && session.expires_at > now && user.status == UserStatus::Active;
    if !alive || token.kind != TokenKind::Refresh || token.expires_at <= now {
        return Err(ended());
    }

    let refresh = Token::new(token::REFRESH, app.keyring().derive("refresh", old.expose().as_bytes()));
    let access = Token::new(token::ACCESS, app.keyring().derive("access", old.expose().as_bytes()));
    let Some(used_at) = token.used_at else {
        session_token::Entity::update(session_token::ActiveModel {
            hash: Set(token.hash),
            used_at: Set(Some(now)),
            ..Default::default()
        })
        .exec(unit.tx())
        .await?;
        store(&unit, &session, &access, &refresh).await?;
        session::Entity::update(session::ActiveModel {
            id: Set(session.id),
            last_used_at: Set(now),
            ..Default::default()
        })
        .exec(unit.tx())
        .await?;
        user::Entity::update(user::ActiveModel {
            id: Set(user.id),
            last_seen_at: Set(Some(now)),
            ..Default::default()
        })
        .exec(unit.tx())
        .await?;
        let actor = actor_of(unit.tx(), user, session.id).await?;
        unit.commit_unaudited().await?;
        let access_expires_at = access_end(&session, now);
        return Ok(Tokens { access, refresh, access_expires_at, refresh_expires_at: session.expires_at, actor });
    };

    // It was exchanged before. A successor that was exchanged too proves that its owner received it: then this is a copy,
    // however fresh.
    let successor = session_token::Entity::find_by_id(refresh.hash()).one(unit.tx()).await?;
    let pristine = successor.is_some_and(|successor| successor.used_at.is_none());
    if pristine && now - used_at <= REUSE_GRACE {
        let actor = actor_of(unit.tx(), user, session.id).await?;
        let access_expires_at = access_end(&session, used_at);
        return Ok(Tokens { access, refresh, access_expires_at, refresh_expires_at: session.expires_at, actor });
    }
    end(&mut unit, &session, "refresh_reuse").await?;
    unit.commit().await?;
    metrics::counter!("switchboard_refresh_reuse_total").increment(1);
    tracing::warn!(session_id = %session.id, "a refresh token was used twice: the session was ended");
    Err(ended())
}

/// Who presents this access token. Two statements. [`Error::Unauthenticated`] when it is not valid (any more).
pub async fn authenticate(app: &App, access_token: &str) -> Result<UserActor> {
    let token = Token::read(access_token, token::ACCESS).ok_or_else(ended)?;
    let to_token = session::Entity::belongs_to(session_token::Entity)
        .from(session::Column::Id)
        .to(session_token::Column::SessionId)
        .into();
    let holder = holders()
        .column_as(session_token::Column::ExpiresAt, "credential_expires_at")
        .join(JoinType::InnerJoin, to_token)
        .filter(session_token::Column::Hash.eq(token.hash()))
        .filter(session_token::Column::Kind.eq(TokenKind::Access))
        .into_model::<Holder>()
        .one(app.db())
        .await?
        .ok_or_else(ended)?;
    holder.actor(app).await?.ok_or_else(ended)
}

/// Who a session belongs to, with what they may do now; `None` when it has ended, expired, or its user was deactivated. For
/// sockets, which outlive their access token.
pub async fn alive(app: &App, session_id: Uuid) -> Result<Option<UserActor>> {
    let holder = holders()
        .column_as(session::Column::ExpiresAt, "credential_expires_at")
        .filter(session::Column::Id.eq(session_id))
        .into_model::<Holder>()
        .one(app.db())
        .await?;
    match holder {
        Some(holder) => holder.actor(app).await,
        None => Ok(None),
    }
}

/// Signs out: this session, or every session of the user. Doing it again changes nothing.
pub async fn logout(app: &App, user: &UserActor, everywhere: bool, cause: &str) -> Result<()> {
    let mut unit = app.begin_internal(Actor::User(user.clone()), cause).await?;
    let mut query = session::Entity::find()
        .filter(session::Column::UserId.eq(user.id))
        .filter(session::Column::RevokedAt.is_null())
        .order_by_asc(session::Column::Id);
    if !everywhere {
        query = query.filter(session::Column::Id.eq(user.session_id));
    }
    if db::locks_rows(unit.tx()) {
        query = query.lock(LockType::NoKeyUpdate);
    }
    let sessions = query.all(unit.tx()).await?;
    if sessions.is_empty() {
        return Ok(());
    }
    for session in &sessions {
        end(&mut unit, session, if everywhere { "logout_everywhere" } else { "logout" }).await?;
    }
    unit.commit().await
}

/// Removes what can no longer be used: expired tokens and sessions, and sessions that ended a week ago. Returns the number
/// of sessions removed. Call it from a timer.
pub async fn purge(app: &App) -> Result<u64> {
    let unit = app.begin_internal(Actor::System("purge of sessions"), "timer").await?;
    let now = unit.now();
    session_token::Entity::delete_many().filter(session_token::Column::ExpiresAt.lte(now)).exec(unit.tx()).await?;
    let removed = session::Entity::delete_many()
        .filter(
            Condition::any()
                .add(session::Column::ExpiresAt.lte(now))
                .add(session::Column::RevokedAt.lte(now - ENDED_KEPT)),
        )
        .exec(unit.tx())
        .await?
        .rows_affected;
    unit.commit_unaudited().await?;
    Ok(removed)
}

async fn end(unit: &mut Unit, session: &session::Model, reason: &'static str) -> Result<()> {
    session::Entity::update(session::ActiveModel {
        id: Set(session.id),
        revoked_at: Set(Some(unit.now())),
        revoke_reason: Set(Some(reason.to_owned())),
        ..Default::default()
    })
    .exec(unit.tx())
    .await?;
    unit.audit(Entry {
        action: "session.end",
        object_type: "session",
        object_id: session.id,
        subject_id: None,
        changes: vec![Change::plain("reason", Value::Null, reason)],
    })
    .await?;
    unit.emit(Event::SessionEnded { session_id: session.id });
    Ok(())
}

/// A session with its user, in one row.
#[derive(FromQueryResult)]
struct Holder {
    session_id: Uuid,
    session_expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    credential_expires_at: DateTime<Utc>,
    user_id: Uuid,
    name: String,
    email: String,
    role_id: Uuid,
    status: UserStatus,
}

fn holders() -> Select<session::Entity> {
    let to_user = session::Entity::belongs_to(user::Entity).from(session::Column::UserId).to(user::Column::Id).into();
    session::Entity::find()
        .select_only()
        .column_as(session::Column::Id, "session_id")
        .column_as(session::Column::ExpiresAt, "session_expires_at")
        .column(session::Column::RevokedAt)
        .column_as(user::Column::Id, "user_id")
        .column(user::Column::Name)
        .column(user::Column::Email)
        .column(user::Column::RoleId)
        .column(user::Column::Status)
        .join(JoinType::InnerJoin, to_user)
}

impl Holder {
    /// The actor, unless something has ended.
    async fn actor(self, app: &App) -> Result<Option<UserActor>> {
        let now = app.now();
        let alive = self.revoked_at.is_none()
            && self.session_expires_at > now
            && self.credential_expires_at > now
            && self.status == UserStatus::Active;
        if !alive {
            return Ok(None);
        }
        Ok(Some(UserActor {
            id: self.user_id,
            name: self.name,
            email: self.email,
            role_id: self.role_id,
            session_id: self.session_id,
            permissions: roles::permissions_of(app.db(), self.role_id).await?,
        }))
    }
}

async fn actor_of(db: &impl ConnectionTrait, user: user::Model, session_id: Uuid) -> Result<UserActor> {
    let permissions = roles::permissions_of(db, user.role_id).await?;
    Ok(UserActor { id: user.id, name: user.name, email: user.email, role_id: user.role_id, session_id, permissions })
}

fn access_end(session: &session::Model, issued: DateTime<Utc>) -> DateTime<Utc> {
    (issued + ACCESS_LIFETIME).min(session.expires_at)
}

async fn store(unit: &Unit, session: &session::Model, access: &Token, refresh: &Token) -> Result<()> {
    let now = unit.now();
    let row = |token: &Token, kind, expires_at| session_token::ActiveModel {
        hash: Set(token.hash()),
        session_id: Set(session.id),
        kind: Set(kind),
        created_at: Set(now),
        expires_at: Set(expires_at),
        used_at: Set(None),
    };
    session_token::Entity::insert_many([
        row(access, TokenKind::Access, access_end(session, now)),
        row(refresh, TokenKind::Refresh, session.expires_at),
    ])
    .exec_without_returning(unit.tx())
    .await?;
    Ok(())
}

async fn lock_user(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<user::Model>> {
    let mut query = user::Entity::find_by_id(id);
    if db::locks_rows(db) {
        query = query.lock(LockType::NoKeyUpdate);
    }
    Ok(query.one(db).await?)
}

async fn lock_session(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<session::Model>> {
    let mut query = session::Entity::find_by_id(id);
    if db::locks_rows(db) {
        query = query.lock(LockType::NoKeyUpdate);
    }
    Ok(query.one(db).await?)
}

fn mismatch() -> Error {
    Error::Unauthenticated("That e-mail and password do not match.".into())
}

fn ended() -> Error {
    Error::Unauthenticated("Your session has ended. Please sign in again.".into())
}
