//! `simulate --setup`: a connection to every provider, with secrets that are known here.

use anyhow::Result;
use switchboard_core::{
    App,
    access::Actor,
    connections::{self, NewConnection},
};
use switchboard_simulator::{Credentials, dialects_of};
use switchboard_telephony::providers;

use super::{CAUSE, keys};
use crate::{commands::plain, line, settings::Settings};

/// Name of the connections.
const NAME: &str = "Simulation";
/// Their slug.
const SLUG: &str = "simulation";

/// Adds the connections that are missing. Returns their parts of the URL.
pub async fn run(app: &App, settings: &Settings) -> Result<Vec<String>> {
    let actor = Actor::System(CAUSE);
    let rows = connections::list(app, &actor).await.map_err(plain)?;
    let mut keys = keys::read(&settings.data_dir)?;
    let mut added = Vec::new();
    for provider in providers() {
        let known = rows.iter().any(|row| row.provider == provider.key() && row.slug == SLUG);
        let Some(dialect) = dialects_of(provider.key()).next().filter(|_| !known) else { continue };
        let Credentials { connection, private } = dialect.credentials(&mut |bytes| app.entropy().fill(bytes));
        let new = NewConnection {
            provider: provider.key().to_owned(),
            name: Some(NAME.to_owned()),
            slug: Some(SLUG.to_owned()),
            secrets: connection,
            default_region: None,
        };
        // The key first: a connection without its key would be of no use, and nobody could make the key later.
        let name = format!("{}.{SLUG}", provider.key());
        if private.names().next().is_some() {
            keys.insert(name.clone(), private);
            keys::write(&settings.data_dir, &keys)?;
        }
        let row = connections::add(app, &actor, new, CAUSE).await.map_err(plain)?;
        added.push(line::name(&row));
    }
    Ok(added)
}
