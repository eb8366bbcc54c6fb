//! What a connection can be told beside its secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values of a connection's options. Options are no secrets: they are shown to whoever may see the connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// No option is set: every one has its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value, or the default of the field.
    pub fn get(&self, field: &OptionField) -> &str {
        self.0.get(field.name).map(|value| value.trim()).filter(|value| !value.is_empty()).unwrap_or(field.default)
    }

    /// Sets an option; an empty value takes it back to its default.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if value.trim().is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, value);
        }
    }

    /// Sets an option and returns the map, to build one in an expression.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// What is set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether every name and value is one of these fields.
    pub fn check(&self, fields: &'static [OptionField]) -> Result<(), OptionError> {
        for (name, value) in self.iter() {
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                let known = fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
                return Err(OptionError::Unknown { name: name.to_owned(), known });
            };
            if !field.values.is_empty() && !field.values.contains(&value.trim()) {
                return Err(OptionError::Value { name: field.name, values: field.values.join(", ") });
            }
            if value.len() > MAX_VALUE || value.chars().any(char::is_control) {
                return Err(OptionError::Long { name: field.name });
            }
        }
        Ok(())
    }
}

impl FromIterator<(String, String)> for Options {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut options = Self::default();
        for (name, value) in pairs {
            options.set(name, value);
        }
        options
    }
}

/// Bytes of the longest value.
const MAX_VALUE: usize = 200;

/// An option that a provider's connections have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionField {
    /// Its name, as in `switchboard connection set CONNECTION --option NAME=VALUE`.
    pub name: &'static str,
    /// What it means and when to change it.
    pub description: &'static str,
    /// The value of a connection that does not set it.
    pub default: &'static str,
    /// The values it may have; empty: any text.
    pub values: &'static [&'static str],
}

/// Why options cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// A name that the provider does not have.
    #[error("there is no option {name:?} for this provider; it has: {known}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// The names that exist, separated by commas.
        known: String,
    },
    /// A value that the option cannot have.
    #[error("the option {name} is one of: {values}")]
    Value {
        /// Name of the option.
        name: &'static str,
        /// The values that exist, separated by commas.
        values: String,
    },
    /// A value that is too long or has control characters.
    #[error("the option {name} is a text of at most 200 characters on one line")]
    Long {
        /// Name of the option.
        name: &'static str,
    },
}
