//! Logs go to standard error; standard output is for what a command was asked to print.
//!
//! A line is readable alone and has fields. It never holds numbers, names, notes, e-mail addresses, bodies or URLs with
//! queries: a call is named by its id, a person by theirs.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, Settings};

/// Starts logging. Once a process.
pub fn start(settings: &Settings) -> Result<()> {
    // Libraries that log every statement or connection are kept quiet unless they are asked for by name.
    let filter = EnvFilter::try_new(format!(
        "sqlx=warn,sea_orm_migration=warn,sea_orm=warn,hyper=warn,apalis=warn,{}",
        settings.log
    ))
    .context("SWITCHBOARD_LOG is not a log filter; try info")?;
    let registry = tracing_subscriber::registry().with(filter);
    match settings.log_format {
        LogFormat::Text => registry
            .with(
                fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).with_target(false),
            )
            .try_init(),
        LogFormat::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
        }
    }
    .context("logging was started twice")
}
