//! `switchboard connection`.

use std::io::BufRead;

use anyhow::{Context, Result, bail};
use switchboard_core::{
    App,
    access::Actor,
    connections::{self, NewConnection, Which},
};
use switchboard_entities::provider_connection;
use switchboard_telephony::{Provider, Secrets};

use crate::{cli::Connection, commands::plain, settings::Settings, wiring};

const CAUSE: &str = "command line";

/// Runs the command.
pub async fn run(settings: &Settings, command: Connection) -> Result<()> {
    let app = wiring::offline(settings).await?;
    let actor = Actor::System(CAUSE);
    match command {
        Connection::Add { provider, name, set, default_region } => {
            let new = NewConnection { provider, name, slug: None, secrets: secrets(&set)?, default_region };
            let row = connections::add(&app, &actor, new, CAUSE).await.map_err(plain)?;
            println!("Added {}. Paste at the provider:", row.name);
            print_urls(&app, &row);
            if let Some(advice) = switchboard_telephony::provider(&row.provider).and_then(Provider::advice) {
                println!("{advice}");
            }
        }
        Connection::List => {
            let rows = connections::list(&app, &actor).await.map_err(plain)?;
            if rows.is_empty() {
                println!(
                    "No connections yet. Add one, for example: switchboard connection add twilio --set auth_token=…"
                );
            }
            for row in rows {
                let last = row.last_delivery_at.map_or("nothing delivered yet".to_owned(), |at| {
                    format!("last delivery {}", at.format("%F %T UTC"))
                });
                println!("{}  {}  ({last})", row.id, row.name);
                print_urls(&app, &row);
            }
        }
        Connection::Remove { connection } => {
            let rows = connections::list(&app, &actor).await.map_err(plain)?;
            let named =
                |row: &&provider_connection::Model| row.id.to_string() == connection || path_part(row) == connection;
            let Some(row) = rows.iter().find(named) else {
                bail!("There is no connection \"{connection}\". See: switchboard connection list");
            };
            connections::remove(&app, &actor, &Which::Id(row.id), CAUSE).await.map_err(plain)?;
            println!("Removed {}. Its calls stay; its URL answers 404 from now on.", row.name);
        }
    }
    Ok(())
}

/// Its part of the URL: `twilio`, or `twilio.berlin`.
fn path_part(row: &provider_connection::Model) -> String {
    if row.slug == connections::DEFAULT_SLUG { row.provider.clone() } else { format!("{}.{}", row.provider, row.slug) }
}

fn print_urls(app: &App, row: &provider_connection::Model) {
    for hook in connections::hook_urls(app, row) {
        println!("    {:<14} {}", hook.purpose, hook.url);
    }
}

/// Reads `KEY=VALUE` pairs; `-` as the value stands for the next line of standard input.
fn secrets(pairs: &[String]) -> Result<Secrets> {
    let mut lines = std::io::stdin().lock().lines();
    pairs
        .iter()
        .map(|pair| {
            let (key, value) = pair.split_once('=').context("--set takes KEY=VALUE, e.g. auth_token=…")?;
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
