//! The secrets of a connection: opening them, and replacing them while providers go on sending.

use std::{collections::BTreeMap, fmt};

use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::Value;
use switchboard_entities::provider_connection;
use switchboard_telephony::{Provider, Secrets, provider};
use uuid::Uuid;

use super::looked_at;
use crate::{
    App, Error, Result,
    access::{Actor, Permission},
    audit::{Change, Entry},
    unit::Unit,
};

/// New values for some secrets of a connection.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RotateSecrets {
    /// Which connection.
    pub id: Uuid,
    /// The version that the change was made from.
    pub version: i32,
    /// New values by name; `None` takes a secret away. Others stay as they are.
    pub secrets: BTreeMap<String, Option<String>>,
}

impl fmt::Debug for RotateSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotateSecrets")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("secrets", &self.secrets.keys())
            .finish()
    }
}

/// How a secret stands; never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretState {
    /// Its name.
    pub name: &'static str,
    /// Does it have a value?
    pub set: bool,
    /// Is the value that it had before still accepted?
    pub previous_valid: bool,
}

/// Gives secrets new values. What they replace is accepted until [`retire_previous_secrets`], and what had been replaced
/// before that no more. Needs `connections.manage`; [`Error::Conflict`] when somebody changed the connection since the
/// version that was looked at.
pub async fn rotate_secrets(
    app: &App,
    actor: &Actor,
    input: RotateSecrets,
    cause: &str,
) -> Result<provider_connection::Model> {
    let unit = app.begin(actor, Permission::ConnectionsManage, cause).await?;
    let row = looked_at(&unit, input.id, input.version).await?;
    let (provider, old) = open_known(app, &row)?;
    let fields = provider.secret_fields();
    if input.secrets.is_empty() {
        return Err(Error::invalid("secrets", "Give at least one secret a new value."));
    }
    let mut new = old.clone();
    for (name, value) in &input.secrets {
        let value = match value.as_deref() {
            None => "",
            Some("") => {
                return Err(Error::invalid("secrets", format!("The new value of the secret {name} is empty.")));
            }
            // Rotated once more, the value that it replaced would be gone, and the provider may still sign with it.
            Some(value) if old.get(name) == Some(value) => {
                return Err(Error::invalid("secrets", format!("The secret {name} has this value already.")));
            }
            Some(value) => value,
        };
        new.rotate(fields, name, value);
    }
    let new = without_empty(&new);
    check(provider, &new)?;
    let rotated: Vec<&str> = input.secrets.keys().map(String::as_str).collect();
    let changes =
        vec![Change::plain("rotated", Value::Null, rotated), Change::plain("secret_names", names(&old), names(&new))];
    store(unit, &row, &new, "connection.rotate_secrets", changes).await
}

/// From now on only the present values of a connection's secrets are accepted. Needs `connections.manage`;
/// [`Error::Conflict`] when somebody changed the connection since the version that was looked at.
pub async fn retire_previous_secrets(
    app: &App,
    actor: &Actor,
    id: Uuid,
    version: i32,
    cause: &str,
) -> Result<provider_connection::Model> {
    let unit = app.begin(actor, Permission::ConnectionsManage, cause).await?;
    let row = looked_at(&unit, id, version).await?;
    let (provider, mut secrets) = open_known(app, &row)?;
    let retired = secrets.retire_previous(provider.secret_fields());
    if retired.is_empty() {
        return Ok(row);
    }
    // A secret that was taken away, and whose previous value was the last that anything could be verified with.
    check(provider, &secrets)?;
    let changes = vec![Change::plain("retired", retired, Value::Null)];
    store(unit, &row, &secrets, "connection.retire_secrets", changes).await
}

/// How each secret of a connection stands, in the provider's order. `None`: they cannot be opened with this installation
/// key, or this version does not know the provider.
pub fn secret_states(app: &App, row: &provider_connection::Model) -> Option<Vec<SecretState>> {
    let secrets = open(app, row).ok()?;
    let fields = provider(&row.provider)?.secret_fields();
    let holds_previous = |name: &str| fields.iter().any(|field| field.previous == Some(name));
    let shown = fields.iter().filter(|field| !holds_previous(field.name));
    let states = shown.map(|field| SecretState {
        name: field.name,
        set: secrets.get(field.name).is_some(),
        previous_valid: field.previous.is_some_and(|previous| secrets.get(previous).is_some()),
    });
    Some(states.collect())
}

/// Opens the secrets of a row.
pub(super) fn open(app: &App, row: &provider_connection::Model) -> Result<Secrets> {
    let json = app.keyring().open(row.id.as_bytes(), &row.secrets)?;
    serde_json::from_slice(&json).map_err(|_| Error::internal("the secrets of a connection are malformed"))
}

/// Seals secrets for the row with this id.
pub(super) fn seal(app: &App, id: Uuid, secrets: &Secrets) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(secrets).map_err(|_| Error::internal("secrets do not serialise"))?;
    app.keyring().seal(id.as_bytes(), &json, app.entropy())
}

/// The provider and the secrets, or what to do about their absence.
fn open_known(app: &App, row: &provider_connection::Model) -> Result<(&'static dyn Provider, Secrets)> {
    let Some(provider) = provider(&row.provider) else {
        return Err(Error::conflict(
            "This version of Switchboard does not know the provider of this connection. Use the newer version that added it.",
        ));
    };
    let secrets = open(app, row).map_err(|_| {
        Error::conflict(
            "The secrets of this connection cannot be opened: they were sealed with another installation key. Start Switchboard with that key, or remove the connection and add it again.",
        )
    })?;
    Ok((provider, secrets))
}

fn check(provider: &dyn Provider, secrets: &Secrets) -> Result<()> {
    provider
        .check_secrets(secrets)
        .map_err(|error| Error::invalid("secrets", format!("For {}: {error}", provider.title())))
}

async fn store(
    mut unit: Unit,
    row: &provider_connection::Model,
    secrets: &Secrets,
    action: &'static str,
    changes: Vec<Change>,
) -> Result<provider_connection::Model> {
    let row = provider_connection::Entity::update(provider_connection::ActiveModel {
        id: Set(row.id),
        secrets: Set(seal(unit.app(), row.id, secrets)?),
        version: Set(row.version + 1),
        updated_at: Set(unit.now()),
        ..Default::default()
    })
    .exec(unit.tx())
    .await?;
    let entry = Entry { action, object_type: "connection", object_id: row.id, subject_id: None, changes };
    unit.audit(entry).await?;
    unit.commit().await?;
    Ok(row)
}

fn without_empty(secrets: &Secrets) -> Secrets {
    let set = |name: &str| Some((name.to_owned(), secrets.get(name)?.to_owned()));
    secrets.names().filter_map(set).collect()
}

fn names(secrets: &Secrets) -> Vec<&str> {
    secrets.names().collect()
}
