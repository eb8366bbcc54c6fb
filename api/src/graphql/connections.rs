//! Changing connections to phone providers: inputs, payloads and how they become calls of the rules.

use std::fmt;

use async_graphql::{InputObject, MaybeUndefined, SimpleObject};
use chrono::TimeDelta;
use switchboard_core::connections::{self, RotateSecrets, UpdateConnection};
use uuid::Uuid;

use super::{error::Result, mutation::given, types::ProviderConnection, viewer::Viewer};

/// A change of a connection. A field that is left out stays as it is; null takes it back to its default.
#[derive(Debug, InputObject)]
pub struct UpdateConnectionInput {
    /// Id of the connection.
    id: Uuid,
    /// The version that was looked at. When somebody changed the connection since: `CONFLICT`.
    version: i32,
    /// The name; the provider's by default.
    name: MaybeUndefined<String>,
    /// The country whose national number format is understood, as two letters such as `DE`; none by default.
    default_region: MaybeUndefined<String>,
    /// Seconds that the time of a signature may be off, 30 to 3600; 300 by default.
    clock_skew_seconds: MaybeUndefined<i32>,
    /// Scheme and host under which the provider calls this connection, such as `https://calls.example.com`; the public URL
    /// of the installation by default.
    base_url: MaybeUndefined<String>,
    /// Take scheme and host of the signed address from the forwarding headers of trusted proxies; false by default.
    trust_forwarded: MaybeUndefined<bool>,
    /// Monitor mode for so many hours from now, 1 to 168 (24 is usual): requests that fail verification are accepted and
    /// counted. Null ends it.
    monitor_hours: MaybeUndefined<i32>,
    /// The options that change; others stay as they are.
    options: Option<Vec<ConnectionOptionInput>>,
    /// The call control documents that change; others stay as they are.
    answers: Option<Vec<ConnectionAnswerInput>>,
}

/// An option of a connection.
#[derive(Debug, InputObject)]
pub struct ConnectionOptionInput {
    /// Its name, one of the provider's `optionFields`.
    name: String,
    /// Its value; null or empty takes it back to its default.
    value: Option<String>,
}

/// A call control document of a connection.
#[derive(Debug, InputObject)]
pub struct ConnectionAnswerInput {
    /// One of the purposes of the provider's `callControl`.
    purpose: String,
    /// The document; null or empty removes it, so that the provider's default is answered.
    document: Option<String>,
}

/// The connection as it is now.
#[derive(Debug, SimpleObject)]
pub struct UpdateConnectionPayload {
    /// The connection as it is now.
    connection: ProviderConnection,
}

/// New values for secrets of a connection.
#[derive(Debug, InputObject)]
pub struct RotateConnectionSecretsInput {
    /// Id of the connection.
    id: Uuid,
    /// The version that was looked at. When somebody changed the connection since: `CONFLICT`.
    version: i32,
    /// The secrets that change, at least one; others stay as they are.
    secrets: Vec<ConnectionSecretInput>,
}

/// A new value for a secret of a connection.
#[derive(InputObject)]
pub struct ConnectionSecretInput {
    /// Its name, one of the provider's `secretFields`.
    name: String,
    /// Its new value; null takes the secret away.
    value: Option<String>,
}

/// The connection as it is now.
#[derive(Debug, SimpleObject)]
pub struct RotateConnectionSecretsPayload {
    /// The connection as it is now.
    connection: ProviderConnection,
}

/// Which connection stops accepting replaced secrets.
#[derive(Debug, InputObject)]
pub struct RetireConnectionSecretsInput {
    /// Id of the connection.
    id: Uuid,
    /// The version that was looked at. When somebody changed the connection since: `CONFLICT`.
    version: i32,
}

/// The connection as it is now.
#[derive(Debug, SimpleObject)]
pub struct RetireConnectionSecretsPayload {
    /// The connection as it is now.
    connection: ProviderConnection,
}

impl fmt::Debug for ConnectionSecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSecretInput").field("name", &self.name).finish_non_exhaustive()
    }
}

pub(super) async fn update(viewer: &Viewer, input: UpdateConnectionInput) -> Result<UpdateConnectionPayload> {
    let options = input.options.unwrap_or_default().into_iter();
    let answers = input.answers.unwrap_or_default().into_iter();
    let input = UpdateConnection {
        id: input.id,
        version: input.version,
        name: given(input.name),
        default_region: given(input.default_region),
        // A negative number is outside of the range as well.
        clock_skew_seconds: given(input.clock_skew_seconds)
            .map(|seconds| seconds.map(|seconds| u32::try_from(seconds).unwrap_or_default())),
        base_url: given(input.base_url),
        trust_forwarded: given(input.trust_forwarded).map(Option::unwrap_or_default),
        monitor: given(input.monitor_hours).map(|hours| hours.map(|hours| TimeDelta::hours(hours.into()))),
        options: options.map(|option| (option.name, option.value.unwrap_or_default())).collect(),
        answers: answers.map(|answer| (answer.purpose, answer.document.unwrap_or_default())).collect(),
    };
    let row = connections::update(viewer.app(), viewer.actor(), input, viewer.cause()).await?;
    Ok(UpdateConnectionPayload { connection: ProviderConnection::new(viewer.app(), row)? })
}

pub(super) async fn rotate(
    viewer: &Viewer,
    input: RotateConnectionSecretsInput,
) -> Result<RotateConnectionSecretsPayload> {
    let secrets = input.secrets.into_iter().map(|secret| (secret.name, secret.value)).collect();
    let input = RotateSecrets { id: input.id, version: input.version, secrets };
    let row = connections::rotate_secrets(viewer.app(), viewer.actor(), input, viewer.cause()).await?;
    Ok(RotateConnectionSecretsPayload { connection: ProviderConnection::new(viewer.app(), row)? })
}

pub(super) async fn retire(
    viewer: &Viewer,
    input: RetireConnectionSecretsInput,
) -> Result<RetireConnectionSecretsPayload> {
    let (app, actor) = (viewer.app(), viewer.actor());
    let row = connections::retire_previous_secrets(app, actor, input.id, input.version, viewer.cause()).await?;
    Ok(RetireConnectionSecretsPayload { connection: ProviderConnection::new(app, row)? })
}
