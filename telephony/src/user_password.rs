//! A user name that stays and a password that is rotated: the secrets behind HTTP Basic.

use crate::{HookRequest, Rejection, SecretError, SecretField, Secrets, credentials};

const USERNAME: &str = "username";
const PASSWORD: &str = "password";
const PASSWORD_PREVIOUS: &str = "password_previous";

/// The user name.
pub(crate) const fn username(required: bool, description: &'static str) -> SecretField {
    SecretField { name: USERNAME, required, description, previous: None }
}

/// The password.
pub(crate) const fn password(required: bool, description: &'static str) -> SecretField {
    SecretField { name: PASSWORD, required, description, previous: Some(PASSWORD_PREVIOUS) }
}

/// The password that is being replaced.
pub(crate) const PREVIOUS: SecretField = SecretField {
    name: PASSWORD_PREVIOUS,
    required: false,
    description: "the password that is being replaced, while both are accepted",
    previous: None,
};

/// Refuses a user name that cannot be sent: one with a colon, where its end could not be seen (RFC 7617), or with a
/// control character.
pub(crate) fn check(secrets: &Secrets) -> Result<(), SecretError> {
    let hint = "a user name has neither a colon nor control characters";
    match secrets.get(USERNAME) {
        Some(user) if user.contains(|c: char| c == ':' || c.is_control()) => {
            Err(SecretError::Malformed { name: USERNAME, hint })
        }
        _ => Ok(()),
    }
}

/// Whether there is a user name with a password.
pub(crate) fn is_set(secrets: &Secrets) -> bool {
    pairs(secrets).next().is_some()
}

/// Checks the `Authorization` header against the user name with each of its passwords.
pub(crate) fn verify(request: &HookRequest<'_>, secrets: &Secrets) -> Result<(), Rejection> {
    credentials::basic(request, pairs(secrets))
}

/// The `Authorization` header.
pub(crate) fn sign(secrets: &Secrets) -> Result<Vec<(String, String)>, SecretError> {
    check(secrets)?;
    let missing = |name, hint| SecretError::Missing { name, hint };
    let user = secrets.get(USERNAME).ok_or(missing(USERNAME, "the user name that the requests are sent with"))?;
    let (_, password) =
        pairs(secrets).next().ok_or(missing(PASSWORD, "the password that the requests are sent with"))?;
    Ok(vec![("Authorization".to_owned(), credentials::basic_value(user, password))])
}

fn pairs(secrets: &Secrets) -> impl Iterator<Item = (&str, &str)> {
    let passwords = [PASSWORD, PASSWORD_PREVIOUS].into_iter().filter_map(|name| secrets.get(name));
    passwords.filter_map(|password| Some((secrets.get(USERNAME)?, password)))
}
