//! Changing what is set for a connection.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Map, Value};
use switchboard_entities::provider_connection;
use switchboard_telephony::{Options, Provider, provider};
use uuid::Uuid;

use super::{
    CLOCK_SKEW_DEFAULT, ConnectionSettings, check_name, check_region, looked_at,
    settings::{check_base_url, check_clock_skew, check_monitor},
};
use crate::{
    App, Error, FieldError, Result,
    access::{Actor, Permission},
    audit::{Change, Entry},
};

/// A change; `None` leaves a field alone, `Some(None)` takes it back to its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateConnection {
    /// Which connection.
    pub id: Uuid,
    /// The version that the change was made from.
    pub version: i32,
    /// What people read; the provider's name by default.
    pub name: Option<Option<String>>,
    /// ISO 3166 country for numbers in national format.
    pub default_region: Option<Option<String>>,
    /// Seconds that the time of a signature may be off.
    pub clock_skew_seconds: Option<Option<u32>>,
    /// Scheme and host under which the provider calls this connection.
    pub base_url: Option<Option<String>>,
    /// Believe the forwarding headers of trusted proxies.
    pub trust_forwarded: Option<bool>,
    /// Monitor mode for so long from now, or `Some(None)`: no more.
    pub monitor: Option<Option<TimeDelta>>,
    /// Options of the provider by name; an empty value takes one back to its default. Others stay as they are.
    pub options: BTreeMap<String, String>,
    /// Call control documents by purpose; an empty one is removed. Others stay as they are.
    pub answers: BTreeMap<String, String>,
}

/// Changes a connection. Webhooks go by it within two seconds. Needs `connections.manage`; [`Error::Conflict`] when somebody
/// changed it since the version that was looked at.
pub async fn update(
    app: &App,
    actor: &Actor,
    input: UpdateConnection,
    cause: &str,
) -> Result<provider_connection::Model> {
    let mut unit = app.begin(actor, Permission::ConnectionsManage, cause).await?;
    let old = looked_at(&unit, input.id, input.version).await?;
    let before = ConnectionSettings::of(&old)?;
    let Wanted { name, default_region, settings } = wanted(&old, &before, input, unit.now())?;

    let mut changes = Vec::new();
    let mut note = |field: &'static str, before: Value, after: Value| {
        if before != after {
            changes.push(Change::plain(field, before, after));
        }
    };
    note("name", old.name.as_str().into(), name.as_str().into());
    note("default_region", old.default_region.clone().into(), default_region.clone().into());
    note("clock_skew_seconds", before.clock_skew_seconds.into(), settings.clock_skew_seconds.into());
    note("base_url", before.base_url.clone().into(), settings.base_url.clone().into());
    note("trust_forwarded", before.trust_forwarded.into(), settings.trust_forwarded.into());
    note("monitor_until", instant(before.monitor_until), instant(settings.monitor_until));
    let (from, to) = differences(before.options.iter(), settings.options.iter());
    note("options", from, to);
    let texts = |(purpose, document): (&'_ String, &'_ String)| (purpose.clone(), document.clone());
    let (from, to) = differences(before.answers.iter().map(texts), settings.answers.iter().map(texts));
    note("answers", from, to);
    if changes.is_empty() {
        return Ok(old);
    }

    let mut row = provider_connection::ActiveModel {
        id: Set(old.id),
        name: Set(name),
        default_region: Set(default_region),
        settings: Set(settings.to_json()?),
        version: Set(old.version + 1),
        updated_at: Set(unit.now()),
        ..Default::default()
    };
    if before.monitor_since != settings.monitor_since {
        // Switched on anew: what an earlier time saw is not counted with it.
        row.unverified_count = Set(0);
        row.unverified_reason = Set(None);
        row.unverified_at = Set(None);
    }
    let row = provider_connection::Entity::update(row).exec(unit.tx()).await?;
    unit.audit(Entry {
        action: "connection.update",
        object_type: "connection",
        object_id: row.id,
        subject_id: None,
        changes,
    })
    .await?;
    unit.commit().await?;
    Ok(row)
}

/// The connection as it is to be.
struct Wanted {
    name: String,
    default_region: Option<String>,
    settings: ConnectionSettings,
}

fn wanted(
    row: &provider_connection::Model,
    before: &ConnectionSettings,
    input: UpdateConnection,
    now: DateTime<Utc>,
) -> Result<Wanted> {
    let provider = provider(&row.provider);
    let mut wrong = Vec::new();
    let mut settings = before.clone();

    let name = match input.name {
        None => row.name.clone(),
        Some(name) => {
            let name = name.as_deref().map(str::trim).filter(|name| !name.is_empty());
            let usual = provider.map(Provider::title);
            name.or(usual).unwrap_or(&row.provider).to_owned()
        }
    };
    wrong.extend(check_name(&name).err());
    let default_region = match input.default_region {
        None => row.default_region.clone(),
        Some(region) => check_region(region.as_deref()).unwrap_or_else(|error| {
            wrong.push(error);
            None
        }),
    };
    if let Some(seconds) = input.clock_skew_seconds {
        match check_clock_skew(seconds.unwrap_or(CLOCK_SKEW_DEFAULT)) {
            Ok(seconds) => settings.clock_skew_seconds = seconds,
            Err(error) => wrong.push(error),
        }
    }
    if let Some(url) = input.base_url {
        match url.filter(|url| !url.trim().is_empty()).map(|url| check_base_url(&url)).transpose() {
            Ok(url) => settings.base_url = url,
            Err(error) => wrong.push(error),
        }
    }
    settings.trust_forwarded = input.trust_forwarded.unwrap_or(settings.trust_forwarded);
    match input.monitor.map(|monitor| monitor.map(check_monitor).transpose()) {
        None => {}
        // Over already: when it ended stays to be seen.
        Some(Ok(None)) if !before.is_monitoring(now) => {}
        Some(Ok(None)) => settings.monitor_until = None,
        Some(Ok(Some(duration))) => {
            if !before.is_monitoring(now) {
                settings.monitor_since = Some(now);
            }
            settings.monitor_until = Some(now + duration);
        }
        Some(Err(error)) => wrong.push(error),
    }
    set_options(&mut settings, provider, input.options, &mut wrong);
    set_answers(&mut settings, provider, input.answers, &mut wrong);
    if wrong.is_empty() { Ok(Wanted { name, default_region, settings }) } else { Err(Error::Invalid(wrong)) }
}

/// Only what is changed is checked: an option that a newer version set stays as it is.
fn set_options(
    settings: &mut ConnectionSettings,
    provider: Option<&'static dyn Provider>,
    changes: BTreeMap<String, String>,
    wrong: &mut Vec<FieldError>,
) {
    let fields = provider.map_or(&[][..], Provider::options);
    // Those that are taken back to their default would vanish from a map of options, and a wrong name with them.
    let unknown = changes.keys().find(|name| fields.iter().all(|field| field.name != name.as_str()));
    if let Some(name) = unknown {
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        wrong.push(FieldError::new("options", format!("There is no option {name:?}. This provider has: {known}.")));
        return;
    }
    if let Err(error) = changes.clone().into_iter().collect::<Options>().check(fields) {
        wrong.push(FieldError::new("options", format!("Correct this: {error}.")));
        return;
    }
    for (name, value) in changes {
        settings.options.set(name, value.trim());
    }
}

fn set_answers(
    settings: &mut ConnectionSettings,
    provider: Option<&'static dyn Provider>,
    changes: BTreeMap<String, String>,
    wrong: &mut Vec<FieldError>,
) {
    let control = provider.and_then(Provider::call_control);
    for (purpose, document) in changes {
        let purposes = control.map_or(&[][..], |control| control.purposes);
        let Some(control) = control.filter(|_| purposes.contains(&purpose.as_str())) else {
            let advice = if purposes.is_empty() {
                "This provider never asks what to do with a call, so it has no answers.".to_owned()
            } else {
                format!("There is no answer for {purpose:?}. This provider asks at: {}.", purposes.join(", "))
            };
            wrong.push(FieldError::new("answers", advice));
            continue;
        };
        if document.trim().is_empty() {
            settings.answers.remove(&purpose);
            continue;
        }
        // Neither XML nor JSON has them, and PostgreSQL keeps no NUL.
        if document.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            let message = format!("The answer for {purpose} holds control characters. Remove them.");
            wrong.push(FieldError::new("answers", message));
        } else if let Err(error) = control.check(&document) {
            wrong.push(FieldError::new("answers", format!("The answer for {purpose}: {error}.")));
        } else {
            settings.answers.insert(purpose, document);
        }
    }
}

fn instant(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, |at| at.to_rfc3339().into())
}

/// What differs between two maps, before and after; null where nothing does.
fn differences<N: Into<String>, V: Into<Value>>(
    before: impl Iterator<Item = (N, V)>,
    after: impl Iterator<Item = (N, V)>,
) -> (Value, Value) {
    let map = |(name, value): (N, V)| (name.into(), value.into());
    let (mut before, mut after): (Map<String, Value>, Map<String, Value>) =
        (before.map(map).collect(), after.map(map).collect());
    let same: Vec<String> =
        before.iter().filter(|(name, value)| after.get(*name) == Some(*value)).map(|(name, _)| name.clone()).collect();
    for name in same {
        before.remove(&name);
        after.remove(&name);
    }
    let value = |map: Map<String, Value>| if map.is_empty() { Value::Null } else { Value::Object(map) };
    (value(before), value(after))
}
