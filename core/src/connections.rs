//! Connections to phone providers, with their secrets sealed.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, SqlErr, sea_query::LockType,
};
use serde_json::Value;
use switchboard_entities::provider_connection;
use switchboard_telephony::{Provider, Secrets, provider, providers};
use uuid::Uuid;

use crate::{
    App, Error, FieldError, Result,
    access::{Actor, Permission},
    audit::{Change, Entry},
    db,
    unit::Unit,
};

mod directory;
mod secrets;
mod settings;
mod update;

pub use directory::{Directory, OpenConnection};
pub use secrets::{RotateSecrets, SecretState, retire_previous_secrets, rotate_secrets, secret_states};
pub(crate) use settings::parse_context;
pub use settings::{
    CLOCK_SKEW_DEFAULT, CLOCK_SKEW_RANGE, ConnectionSettings, MONITOR_DEFAULT, MONITOR_MAX, is_authority, is_origin,
};
pub use update::{UpdateConnection, update};

/// Slug of the connection whose URL has none.
pub const DEFAULT_SLUG: &str = "default";
const MAX_SLUG: usize = 32;
const MAX_NAME: usize = 80;

/// A connection to be added.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Key of the provider, e.g. `twilio`.
    pub provider: String,
    /// What people read; the provider's name when there is none.
    pub name: Option<String>,
    /// Its part of the URL; made from the name when there is none.
    pub slug: Option<String>,
    /// What its requests are signed with.
    pub secrets: Secrets,
    /// ISO 3166 country for numbers in national format.
    pub default_region: Option<String>,
}

/// Which connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// By id.
    Id(Uuid),
    /// By its URL.
    Url {
        /// Key of the provider.
        provider: String,
        /// Its slug; [`DEFAULT_SLUG`] for the one without.
        slug: String,
    },
}

/// A webhook address to register at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookUrl {
    /// What the provider calls there; empty when the provider has one address for everything.
    pub purpose: &'static str,
    /// The full URL.
    pub url: String,
}

/// Adds a connection. Needs `connections.manage`.
pub async fn add(app: &App, actor: &Actor, new: NewConnection, cause: &str) -> Result<provider_connection::Model> {
    actor.require(Permission::ConnectionsManage)?;
    let Some(provider) = provider(&new.provider) else {
        let known: Vec<&str> = providers().iter().map(|provider| provider.key()).collect();
        return Err(Error::invalid("provider", format!("Choose one of these providers: {}.", known.join(", "))));
    };
    let Checked { name, slug, default_region } = check(&new, provider)?;

    let mut unit = app.begin(actor, Permission::ConnectionsManage, cause).await?;
    let taken = || {
        Error::invalid(
            "slug",
            format!(
                "There is a connection to {} with the slug \"{slug}\" already. Give this one another name or slug.",
                provider.title()
            ),
        )
    };
    if active().filter(is_at(provider.key(), &slug)).count(unit.tx()).await? > 0 {
        return Err(taken());
    }
    let id = unit.new_id();
    let row = provider_connection::ActiveModel {
        id: Set(id),
        provider: Set(provider.key().to_owned()),
        slug: Set(slug.clone()),
        name: Set(name),
        secrets: Set(secrets::seal(app, id, &new.secrets)?),
        default_region: Set(default_region),
        settings: Set(ConnectionSettings::default().to_json()?),
        version: Set(1),
        unverified_count: Set(0),
        unverified_reason: Set(None),
        unverified_at: Set(None),
        last_delivery_at: Set(None),
        removed_at: Set(None),
        created_at: Set(unit.now()),
        updated_at: Set(unit.now()),
    };
    // Two at once on PostgreSQL: both found the slug free above, and the second fails here.
    let row = row.insert(unit.tx()).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => taken(),
        _ => error.into(),
    })?;
    let names: Vec<&str> = new.secrets.names().collect();
    unit.audit(Entry {
        action: "connection.add",
        object_type: "connection",
        object_id: row.id,
        subject_id: None,
        changes: vec![
            Change::plain("provider", Value::Null, row.provider.as_str()),
            Change::plain("slug", Value::Null, row.slug.as_str()),
            Change::plain("name", Value::Null, row.name.as_str()),
            Change::plain("secret_names", Value::Null, names),
            Change::plain("default_region", Value::Null, row.default_region.clone()),
        ],
    })
    .await?;
    unit.commit().await?;
    Ok(row)
}

/// Removes a connection: its URL answers 404 within two seconds, its secrets are erased, its calls stay. Needs
/// `connections.manage`.
pub async fn remove(app: &App, actor: &Actor, which: &Which, cause: &str) -> Result<provider_connection::Model> {
    let mut unit = app.begin(actor, Permission::ConnectionsManage, cause).await?;
    let query = match which {
        Which::Id(id) => active().filter(provider_connection::Column::Id.eq(*id)),
        Which::Url { provider, slug } => active().filter(is_at(provider, slug)),
    };
    let row = locked(&unit, query).await?;
    let row = provider_connection::Entity::update(provider_connection::ActiveModel {
        id: Set(row.id),
        secrets: Set(Vec::new()),
        version: Set(row.version + 1),
        removed_at: Set(Some(unit.now())),
        updated_at: Set(unit.now()),
        ..Default::default()
    })
    .exec(unit.tx())
    .await?;
    unit.audit(Entry {
        action: "connection.remove",
        object_type: "connection",
        object_id: row.id,
        subject_id: None,
        changes: vec![
            Change::plain("provider", row.provider.as_str(), Value::Null),
            Change::plain("slug", row.slug.as_str(), Value::Null),
        ],
    })
    .await?;
    unit.commit().await?;
    Ok(row)
}

/// One connection that is not removed. Needs `connections.read`.
pub async fn find(app: &App, actor: &Actor, id: Uuid) -> Result<Option<provider_connection::Model>> {
    actor.require(Permission::ConnectionsRead)?;
    Ok(active().filter(provider_connection::Column::Id.eq(id)).one(app.db()).await?)
}

/// The connections that are not removed, by provider and slug. Needs `connections.read`.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<provider_connection::Model>> {
    actor.require(Permission::ConnectionsRead)?;
    Ok(active()
        .order_by_asc(provider_connection::Column::Provider)
        .order_by_asc(provider_connection::Column::Slug)
        .all(app.db())
        .await?)
}

/// Some connections, removed ones too, in no order; unknown ids are absent. For the name of the line that a visible call
/// came over: no permission needed, so show nothing else of them.
pub async fn by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<provider_connection::Model>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(provider_connection::Entity::find()
        .filter(provider_connection::Column::Id.is_in(ids.iter().copied()))
        .all(app.db())
        .await?)
}

/// The addresses to register at the provider.
pub fn hook_urls(app: &App, connection: &provider_connection::Model) -> Vec<HookUrl> {
    let slug = match connection.slug.as_str() {
        DEFAULT_SLUG => String::new(),
        slug => format!(".{slug}"),
    };
    // Settings that cannot be read are reported where webhooks come in; here the usual address has to do.
    let base_url = ConnectionSettings::of(connection).ok().and_then(|settings| settings.base_url);
    let base =
        format!("{}/hooks/{}{slug}", base_url.as_deref().unwrap_or_else(|| app.public_url()), connection.provider);
    // A provider that this version does not know (a newer one added the row) has an address all the same.
    let (purposes, fragment) =
        provider(&connection.provider).map_or((&[][..], ""), |provider| (provider.purposes(), provider.url_fragment()));
    if purposes.is_empty() {
        return vec![HookUrl { purpose: "", url: format!("{base}{fragment}") }];
    }
    purposes.iter().map(|purpose| HookUrl { purpose, url: format!("{base}/{purpose}{fragment}") }).collect()
}

fn active() -> Select<provider_connection::Entity> {
    provider_connection::Entity::find().filter(provider_connection::Column::RemovedAt.is_null())
}

fn is_at(provider: &str, slug: &str) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(provider_connection::Column::Provider.eq(provider))
        .add(provider_connection::Column::Slug.eq(slug))
}

/// The row for a change made from a version of it, locked; [`Error::Conflict`] when it is another version by now.
async fn looked_at(unit: &Unit, id: Uuid, version: i32) -> Result<provider_connection::Model> {
    let row = locked(unit, active().filter(provider_connection::Column::Id.eq(id))).await?;
    if row.version != version {
        return Err(Error::conflict(
            "Somebody changed this connection since you opened it. Look at it again, then repeat your change.",
        ));
    }
    Ok(row)
}

async fn locked(unit: &Unit, query: Select<provider_connection::Entity>) -> Result<provider_connection::Model> {
    let query = if db::locks_rows(unit.tx()) { query.lock(LockType::NoKeyUpdate) } else { query };
    query.one(unit.tx()).await?.ok_or(Error::NotFound("connection"))
}

struct Checked {
    name: String,
    slug: String,
    default_region: Option<String>,
}

fn check(new: &NewConnection, provider: &dyn Provider) -> Result<Checked> {
    let mut wrong = Vec::new();
    let given_name = new.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let name = given_name.unwrap_or(provider.title()).to_owned();
    wrong.extend(check_name(&name).err());
    let slug = match (&new.slug, given_name) {
        (Some(slug), _) => slug.trim().to_owned(),
        (None, Some(name)) => slug_of(name),
        (None, None) => DEFAULT_SLUG.to_owned(),
    };
    if !is_slug(&slug) {
        wrong.push(FieldError::new(
            "slug",
            format!("Write a slug of 1 to {MAX_SLUG} of these characters: a-z 0-9 and the hyphen. It becomes part of the URL."),
        ));
    }
    let default_region = check_region(new.default_region.as_deref()).unwrap_or_else(|error| {
        wrong.push(error);
        None
    });
    if let Err(error) = provider.check_secrets(&new.secrets) {
        wrong.push(FieldError::new("secrets", format!("For {}: {error}", provider.title())));
    }
    if wrong.is_empty() { Ok(Checked { name, slug, default_region }) } else { Err(Error::Invalid(wrong)) }
}

fn check_name(name: &str) -> Result<(), FieldError> {
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(FieldError::new("name", format!("Write a name of at most {MAX_NAME} characters on one line.")));
    }
    Ok(())
}

/// The country in capitals; nothing stays nothing.
fn check_region(region: Option<&str>) -> Result<Option<String>, FieldError> {
    let Some(region) = region.map(|region| region.trim().to_ascii_uppercase()).filter(|region| !region.is_empty())
    else {
        return Ok(None);
    };
    if region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(Some(region));
    }
    Err(FieldError::new("defaultRegion", "Write the two letters of a country, such as DE or US."))
}

fn is_slug(slug: &str) -> bool {
    (1..=MAX_SLUG).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `Berlin office` becomes `berlin-office`. Empty, and then refused, when the name has no such character.
fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(MAX_SLUG);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_made_of_names() {
        assert_eq!(slug_of("Berlin office"), "berlin-office");
        assert_eq!(slug_of("  Köln -- 2. Etage! "), "k-ln-2-etage");
        assert_eq!(slug_of("☎"), "");
        assert_eq!(slug_of(&"ab ".repeat(30)).len(), 32);
        for good in ["default", "a", "0-9", &"x".repeat(32)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "A", "a.b", "a/b", "a b", "ü", &"x".repeat(33)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
