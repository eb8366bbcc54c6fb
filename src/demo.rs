//! `serve --demo`: believable people and history, and calls that come in while you look.
//!
//! Nothing but the dates of old notes is written behind the program's back: every call comes from the simulated phone network
//! as signed webhooks over HTTP to this very server, and names, notes and outcomes go through the same rules as everybody's.
//! All numbers are from the ranges that numbering authorities keep free for fiction.

mod calls;
mod cast;
mod history;
mod stage;

use anyhow::{Result, anyhow};
use switchboard_core::App;
use switchboard_simulator::Random;
use tokio_util::sync::CancellationToken;

use crate::line;

/// What a visitor needs to look around.
#[derive(Clone, Debug)]
pub struct DemoAccess {
    /// E-mail addresses of the people, with their roles.
    pub people: Vec<(&'static str, &'static str)>,
    /// The one password of all of them.
    pub password: String,
}

/// Fills an empty installation. `None`: there are callers already, nothing was changed. The server must be running.
pub async fn fill(app: &App, base_url: &str) -> Result<Option<DemoAccess>> {
    if stage::is_taken(app).await? {
        return Ok(None);
    }
    let password = stage::password(app);
    let people = stage::people(app, &password).await?;
    let line = stage::line(app, base_url).await?;
    history::play(app, &line, &people, &mut random(app)).await?;
    let people = people.iter().map(|person| (person.email, person.role)).collect();
    Ok(Some(DemoAccess { people, password }))
}

/// Lets calls come in until `stop`: one every quarter to three quarters of a minute.
pub async fn play(app: App, base_url: String, stop: CancellationToken) -> Result<()> {
    let line = stage::line(&app, &base_url).await?;
    line::hang_up(&app, &line, app.now()).await?;
    let mut random = random(&app);
    let calls = tokio_util::task::TaskTracker::new();
    let mut pause = std::time::Duration::from_secs(3);
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        let call = calls::invent(&mut random, app.now());
        let (app, line, stop) = (app.clone(), line.clone(), stop.clone());
        calls.spawn(async move {
            if let Err(error) = calls::play(&app, &line, &call, &stop).await {
                tracing::warn!(error = format!("{error:#}"), "a demonstration call broke off");
            }
        });
        pause = std::time::Duration::from_secs(u64::from(random.between(15, 45)));
    }
    calls.close();
    calls.wait().await;
    Ok(())
}

/// An error of the rules as one of the demonstration.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn rules(error: switchboard_core::Error) -> anyhow::Error {
    anyhow!("{error}")
}

/// Another demonstration every time.
fn random(app: &App) -> Random {
    let mut seed = [0; 8];
    app.entropy().fill(&mut seed);
    Random::new(u64::from_le_bytes(seed))
}
