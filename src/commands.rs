//! What each command does.

pub mod bridge;
mod connection;
mod doctor;
mod serve;
pub(crate) mod simulate;
mod user;

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    cli::{Cli, Command, Serve},
    logging, wiring,
};

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let settings = cli.settings;
    match cli.command.unwrap_or_else(|| Command::Serve(Serve::default())) {
        // Standard output alone: nothing else may get into the file it is redirected to.
        Command::Schema => print!("{}", switchboard_api::graphql::sdl()),
        Command::Serve(options) => {
            logging::start(&settings)?;
            serve::run(settings, serve::Roles::BOTH, options.demo).await?;
        }
        Command::Api => {
            logging::start(&settings)?;
            serve::run(settings, serve::Roles::API, false).await?;
        }
        Command::Worker => {
            logging::start(&settings)?;
            serve::run(settings, serve::Roles::WORKER, false).await?;
        }
        Command::Migrate => {
            logging::start(&settings)?;
            let applied = wiring::migrate(&settings).await?;
            println!(
                "{}",
                if applied == 0 {
                    "The database is up to date.".to_owned()
                } else {
                    format!("Applied {applied} migrations.")
                }
            );
        }
        Command::Doctor => return doctor::run(&settings).await,
        Command::User(command) => {
            logging::start(&settings)?;
            user::run(&settings, command).await?;
        }
        Command::Connection(command) => {
            logging::start(&settings)?;
            connection::run(&settings, command).await?;
        }
        Command::Bridge(command) => {
            logging::start(&settings)?;
            bridge::run(&settings, command).await?;
        }
        Command::Simulate(options) => {
            logging::start(&settings)?;
            return simulate::run(settings, options).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An error of the rules, in words for the command line.
fn plain(error: switchboard_core::Error) -> anyhow::Error {
    match error {
        switchboard_core::Error::Invalid(fields) => {
            let lines: Vec<String> = fields.iter().map(|field| format!("{}: {}", field.path, field.message)).collect();
            anyhow::anyhow!("{}", lines.join("; "))
        }
        switchboard_core::Error::Internal(source) => anyhow::anyhow!("{source}"),
        other => anyhow::anyhow!("{other}"),
    }
}
