//! The calls of the demonstration: its cast in the stories of the simulated network, told in the generic format.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use switchboard_core::App;
use switchboard_simulator::{Call, Dialect, Endpoint, Person, Plan, Random, Story, dialects_of};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cast::{CALLERS, LINES, STRANGERS};
use crate::line::Line;

/// The key of the provider whose format is used.
pub const PROVIDER: &str = "generic";
/// What calls come to, by weight.
const STORIES: [Story; 16] = [
    Story::Answered,
    Story::Answered,
    Story::Answered,
    Story::Answered,
    Story::Answered,
    Story::Answered,
    Story::Answered,
    Story::Answered,
    Story::Held,
    Story::Overflow,
    Story::Queued,
    Story::BlindTransfer,
    Story::AttendedTransfer,
    Story::Missed,
    Story::GaveUp,
    Story::Voicemail,
];

/// A call that begins at an instant: mostly of known callers, sometimes of strangers, now and then of a hidden number.
pub fn invent(random: &mut Random, started_at: DateTime<Utc>) -> Call {
    let story = random.pick(&STORIES);
    let address = match random.below(12) {
        0 => Endpoint::Withheld,
        1 | 2 => Endpoint::Phone(random.pick(&STRANGERS).to_owned()),
        _ => Endpoint::Phone(random.pick(&CALLERS).2.to_owned()),
    };
    let plan = Plan {
        // Nobody has told the network who they are: names are given by the agents.
        person: Person { address, name: None },
        line: random.pick(&LINES).to_owned(),
        // Longer than most, so that there is always somebody on the line to look at.
        rings: random.between(6, 20),
        talks: random.seconds(110.0, 0.6, 25, 600),
        ..Plan::draw(random, story)
    };
    Call::new(random.next_u64(), plan, started_at)
}

/// What ties the call to what is known of it.
pub fn key(call: &Call) -> Result<String> {
    dialect()?.keys(call).into_iter().next().context("a call without keys")
}

/// Sends everything about a call of the past, at once.
pub async fn send(app: &App, line: &Line, call: &Call) -> Result<()> {
    for wire in dialect()?.wires(call) {
        deliver(app, line, &wire).await?;
    }
    Ok(())
}

/// Plays a call in real time, from now on. Left on the line when `stop` comes: nobody listens any more then, and the next
/// start hangs up.
pub async fn play(app: &App, line: &Line, call: &Call, stop: &CancellationToken) -> Result<()> {
    let began = Instant::now();
    for wire in dialect()?.wires(call) {
        let due = began + (wire.at - call.started_at()).to_std().unwrap_or(Duration::ZERO);
        if stop.run_until_cancelled(tokio::time::sleep_until(due)).await.is_none() {
            return Ok(());
        }
        deliver(app, line, &wire).await?;
    }
    Ok(())
}

async fn deliver(app: &App, line: &Line, wire: &switchboard_simulator::Wire) -> Result<()> {
    let answer = line.deliver(app, dialect()?, wire, 0).await?;
    ensure!(answer.is_accepted(), "the server did not take a demonstration event (status {:?})", answer.status);
    Ok(())
}

fn dialect() -> Result<&'static dyn Dialect> {
    dialects_of(PROVIDER).next().context("there is no dialect of the generic webhook")
}
