//! `switchboard simulate`: plays calls over the connections of this installation, as their providers would.

mod keys;
pub(crate) mod options;
mod play;
mod report;
mod setup;
mod stage;
mod verify;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use switchboard_core::{App, access::Actor, connections, practice};
use switchboard_simulator::dialects_of;
use switchboard_telephony::Secrets;
use tokio_util::sync::CancellationToken;

use self::{options::Simulate, stage::Stage};
use crate::{
    commands::{plain, serve},
    lifecycle,
    line::{self, Line},
    settings::Settings,
    wiring,
};

const CAUSE: &str = "simulation";

/// Runs the command. Success: everything was accepted and, with `--verify`, is known as it was.
pub async fn run(mut settings: Settings, options: Simulate) -> Result<ExitCode> {
    let origin = options.to.clone().unwrap_or_else(|| serve::reached_at(settings.listen));
    // A server without a public URL takes the address it listens on for one; signatures are over that.
    if settings.public_url.as_deref().is_none_or(|url| url.trim().is_empty()) {
        settings.public_url = Some(origin.clone());
    }
    let app = wiring::offline(&settings).await?;
    if options.setup {
        let added = setup::run(&app, &settings).await?;
        println!("Added {} connections named Simulation. {}", added.len(), added.join(", "));
        return Ok(ExitCode::SUCCESS);
    }
    if options.to.is_none() && settings.listen.port() == 0 {
        bail!("The server listens on a port of its own choice: say where with --to http://127.0.0.1:PORT.");
    }
    let lines = lines(&app, &settings, &options, &origin).await?;
    let mut bytes = [0; 8];
    app.entropy().fill(&mut bytes);
    // 48 bits are enough, and every program can read them as a number.
    let seed = options.seed.unwrap_or(u64::from_be_bytes(bytes) >> 16);
    let stage = Stage::set(&options, &lines, seed, app.now())?;
    let talks = !options.quiet && !options.json;
    if talks {
        println!("Playing {} calls over {} connections.", stage.calls.len(), lines.len());
        println!("The same again: --seed {} --start {}", stage.seed, stage.start.format("%FT%T%.3fZ"));
    }

    let stop = CancellationToken::new();
    lifecycle::on_signals(stop.clone()).context("signals cannot be listened for")?;
    let began_at = app.now();
    let played = play::run(&app, &options, &lines, &stage, &stop).await?;
    let verdict = if options.verify {
        Some(verify::run(&app, &lines, &stage, &played.unfinished, began_at, options.patience).await?)
    } else {
        None
    };
    let right = verdict.as_ref().is_none_or(verify::Verdict::is_right) && played.unfinished.is_empty();
    if options.json {
        println!("{}", report::json(&stage, &played, verdict.as_ref()));
    } else if talks {
        println!("{}", report::text(&stage, &played, verdict.as_ref()));
    } else if !right {
        eprintln!("{}", report::text(&stage, &played, verdict.as_ref()));
    }
    if played.deliveries() > 0 && played.tallies.values().all(|tally| tally.answers.keys().all(|status| *status == 0)) {
        bail!("Nothing answered at {origin}. Is the server running there? Else say where with --to.");
    }
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The connections that were named, or all that can be played over.
async fn lines(app: &App, settings: &Settings, options: &Simulate, origin: &str) -> Result<Vec<Line>> {
    let rows = connections::list(app, &Actor::System(CAUSE)).await.map_err(plain)?;
    let keys = keys::read(&settings.data_dir)?;
    let given = keys::given(&options.sign_with)?;
    let client = line::client()?;
    if let Some(unknown) = options.connections.iter().find(|name| rows.iter().all(|row| line::name(row) != **name)) {
        bail!("There is no connection \"{unknown}\". See: switchboard connection list");
    }
    let mut lines = Vec::new();
    for row in &rows {
        let name = line::name(row);
        let is_named = options.connections.contains(&name);
        if !is_named && (!options.connections.is_empty() || practice::is_practice(row)) {
            continue;
        }
        if dialects_of(&row.provider).next().is_none() {
            if is_named {
                bail!("Calls of {} cannot be simulated.", row.provider);
            }
            continue;
        }
        let mut private = keys.get(&name).cloned().unwrap_or_default();
        copy(&given, &mut private);
        let opened = Line::open(app, &client, row, &private, origin).await;
        match opened.and_then(|line| line.check(app.now()).map(|()| line)) {
            Ok(line) => lines.push(line),
            Err(error) if is_named => {
                return Err(error.context(format!(
                    "requests of {name} cannot be signed; give what only the provider has with --sign-with NAME=VALUE"
                )));
            }
            Err(_) => eprintln!("Left out: requests of {name} cannot be signed with what is stored (--sign-with)."),
        }
    }
    if lines.is_empty() {
        bail!("There is no connection to play over. Add some with: switchboard simulate --setup");
    }
    Ok(lines)
}

fn copy(from: &Secrets, to: &mut Secrets) {
    for name in from.names() {
        to.set(name, from.get(name).unwrap_or_default());
    }
}
