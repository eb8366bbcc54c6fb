//! The secrets of a provider connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names and values of a connection's secrets.
///
/// `Debug` prints the names only. Serialisation prints the values: it exists for the inside of an encrypted blob.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// No secrets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a secret; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a secret.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Sets a secret and returns the map, to build one in an expression.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// Replaces a secret: its present value stays valid as the previous one of its field. Without a field for the previous
    /// value the present one is gone at once.
    pub fn rotate(&mut self, fields: &[SecretField], name: &str, value: impl Into<String>) {
        let previous = fields.iter().find(|field| field.name == name).and_then(|field| field.previous);
        if let (Some(previous), Some(present)) = (previous, self.get(name).map(ToOwned::to_owned)) {
            self.set(previous, present);
        }
        self.set(name, value);
    }

    /// Forgets every previous value: from now on only the present ones are accepted. Returns the names that had one.
    pub fn retire_previous(&mut self, fields: &[SecretField]) -> Vec<&'static str> {
        let previous = fields.iter().filter_map(|field| field.previous);
        previous.filter(|name| self.0.remove(*name).is_some()).collect()
    }

    /// The names, sorted. Never the values.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.names().map(|name| (name, "…"))).finish()
    }
}

/// A secret that a provider's connections have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretField {
    /// Its name, as in `switchboard connection add PROVIDER --set NAME=VALUE`.
    pub name: &'static str,
    /// Whether a connection cannot exist without it.
    pub required: bool,
    /// What it is and where the provider shows it.
    pub description: &'static str,
    /// The secret that keeps the value of this one while it is being replaced: both are accepted until the previous one
    /// is retired. `None`: this one is not rotated by itself.
    pub previous: Option<&'static str>,
}

/// Why a set of secrets cannot be used. Names only, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A secret is needed.
    #[error("the secret {name} is missing: {hint}")]
    Missing {
        /// Name of the secret.
        name: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A name that the provider does not have.
    #[error("there is no secret {name:?} for this provider; it has: {known}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// The names that exist, separated by commas.
        known: String,
    },
    /// A value with a wrong form.
    #[error("the secret {name} has a wrong form: {hint}")]
    Malformed {
        /// Name of the secret.
        name: &'static str,
        /// What it must look like.
        hint: &'static str,
    },
}

/// Refuses unknown names and missing required ones.
pub(crate) fn check_names(secrets: &Secrets, fields: &'static [SecretField]) -> Result<(), SecretError> {
    if let Some(name) = secrets.names().find(|name| fields.iter().all(|field| field.name != *name)) {
        let known = fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        return Err(SecretError::Unknown { name: name.to_owned(), known });
    }
    match fields.iter().find(|field| field.required && secrets.get(field.name).is_none()) {
        Some(field) => Err(SecretError::Missing { name: field.name, hint: field.description }),
        None => Ok(()),
    }
}
