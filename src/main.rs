//! The `switchboard` binary.

use std::process::ExitCode;

use clap::Parser;
use switchboard::{cli::Cli, commands};

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            // The whole chain of causes on one line: what was tried, and what stood in the way.
            eprintln!("switchboard: {error:#}");
            ExitCode::FAILURE
        }
    }
}
