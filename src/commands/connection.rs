//! `switchboard connection`.

mod change;
mod show;

use std::{collections::BTreeMap, io::BufRead};

use anyhow::{Context, Result, bail};
use switchboard_core::{
    App,
    access::Actor,
    connections::{self, NewConnection, RotateSecrets, Which},
};
use switchboard_entities::provider_connection;

use crate::{cli::Connection, commands::plain, settings::Settings, wiring};

const CAUSE: &str = "command line";

/// Runs the command.
pub async fn run(settings: &Settings, command: Connection) -> Result<()> {
    if matches!(command, Connection::Providers) {
        show::providers();
        return Ok(());
    }
    let app = wiring::offline(settings).await?;
    let actor = Actor::System(CAUSE);
    match command {
        Connection::Add { provider, name, set, default_region } => {
            let secrets = values(&set)?.into_iter().collect();
            let new = NewConnection { provider, name, slug: None, secrets, default_region };
            let row = connections::add(&app, &actor, new, CAUSE).await.map_err(plain)?;
            println!("Added {}. Its addresses:", row.name);
            show::urls(&app, &row);
            show::setup(&row);
        }
        Connection::List => {
            let rows = connections::list(&app, &actor).await.map_err(plain)?;
            if rows.is_empty() {
                println!(
                    "No connections yet. Add one, for example: switchboard connection add twilio --set auth_token=…"
                );
            }
            for row in rows {
                println!("{}  {}  ({})", row.id, row.name, show::last_delivery(&row));
                show::urls(&app, &row);
            }
        }
        Connection::Show { connection } => show::connection(&app, &named(&app, &actor, &connection).await?)?,
        Connection::Set { connection, change } => {
            let row = named(&app, &actor, &connection).await?;
            let input = change::read(&row, change)?;
            let new = connections::update(&app, &actor, input, CAUSE).await.map_err(plain)?;
            if new.version == row.version {
                println!("That is how it is set already; nothing was changed.");
            } else {
                println!("Changed. Running servers go by it within two seconds.");
                show::connection(&app, &new)?;
            }
        }
        Connection::Rotate { connection, set, remove } => {
            let row = named(&app, &actor, &connection).await?;
            let mut secrets: BTreeMap<_, _> =
                values(&set)?.into_iter().map(|(name, value)| (name, Some(value))).collect();
            secrets.extend(remove.into_iter().map(|name| (name, None)));
            let input = RotateSecrets { id: row.id, version: row.version, secrets };
            let row = connections::rotate_secrets(&app, &actor, input, CAUSE).await.map_err(plain)?;
            println!("Changed. Running servers go by it within two seconds.");
            show::secrets(&app, &row);
        }
        Connection::Retire { connection } => {
            let row = named(&app, &actor, &connection).await?;
            let retired = connections::retire_previous_secrets(&app, &actor, row.id, row.version, CAUSE);
            let new = retired.await.map_err(plain)?;
            println!(
                "{}",
                if new.version == row.version {
                    "No replaced secret was accepted any more; nothing was changed."
                } else {
                    "From now on only the present secrets are accepted."
                }
            );
        }
        Connection::Remove { connection } => {
            let row = named(&app, &actor, &connection).await?;
            connections::remove(&app, &actor, &Which::Id(row.id), CAUSE).await.map_err(plain)?;
            println!("Removed {}. Its calls stay; its URL answers 404 from now on.", row.name);
        }
        Connection::Providers => {}
    }
    Ok(())
}

/// The connection with this id or part of the URL.
async fn named(app: &App, actor: &Actor, name: &str) -> Result<provider_connection::Model> {
    let rows = connections::list(app, actor).await.map_err(plain)?;
    let found = rows.into_iter().find(|row| row.id.to_string() == name || path_part(row) == name);
    found.with_context(|| format!("There is no connection \"{name}\". See: switchboard connection list"))
}

/// Its part of the URL: `twilio`, or `twilio.berlin`.
fn path_part(row: &provider_connection::Model) -> String {
    if row.slug == connections::DEFAULT_SLUG { row.provider.clone() } else { format!("{}.{}", row.provider, row.slug) }
}

/// Name and value of `KEY=VALUE`.
fn pair<'a>(text: &'a str, option: &str) -> Result<(&'a str, &'a str)> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key, value)),
        _ => bail!("{option} takes a name and a value with an equals sign between them"),
    }
}

/// Reads the `KEY=VALUE` pairs of secrets; `-` as the value stands for the next line of standard input.
fn values(pairs: &[String]) -> Result<Vec<(String, String)>> {
    let mut lines = std::io::stdin().lock().lines();
    pairs
        .iter()
        .map(|text| {
            let (key, value) = pair(text, "--set")?;
            if value != "-" {
                return Ok((key.to_owned(), value.to_owned()));
            }
            let line = lines
                .next()
                .context("standard input has no line for this secret")?
                .context("standard input could not be read")?;
            Ok((key.to_owned(), line.trim_end_matches('\r').to_owned()))
        })
        .collect()
}
