//! `serve --demo`: believable people and history, and calls that come in while you look.
//!
//! Nothing but the dates of old notes is written behind the program's back: every call is a signed webhook sent over HTTP to this very server, and
//! names, notes and outcomes go through the same rules as everybody's. All numbers are from the ranges that numbering
//! authorities keep free for fiction.

mod cast;
mod history;
mod phone_system;
mod stage;

use anyhow::{Context, Result, anyhow};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use switchboard_core::App;
use tokio_util::sync::CancellationToken;

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
    let mut seed = [0; 32];
    app.entropy().fill(&mut seed);
    let mut random = StdRng::from_seed(seed);
    let phone = stage::phone_system(app, base_url).await?;
    history::play(app, &phone, &people, &mut random).await?;
    let people = people.iter().map(|person| (person.email, person.role)).collect();
    Ok(Some(DemoAccess { people, password }))
}

/// Lets calls come in until `stop`: one every quarter to three quarters of a minute.
pub async fn play(app: App, base_url: String, stop: CancellationToken) -> Result<()> {
    let phone = stage::phone_system(&app, &base_url).await?;
    for id in stage::left_on_the_line(&app, phone.connection).await? {
        phone_system::hang_up(&phone, &id).await?;
    }
    let mut seed = [0; 32];
    app.entropy().fill(&mut seed);
    let mut random = StdRng::from_seed(seed);
    let calls = tokio_util::task::TaskTracker::new();
    let mut pause = std::time::Duration::from_secs(3);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
        let call = phone_system::LiveCall::invent(&app, &mut random);
        let (phone, stop) = (phone.clone(), stop.clone());
        calls.spawn(async move {
            if let Err(error) = call.play(&phone, &stop).await {
                tracing::warn!(error = format!("{error:#}"), "a demonstration call broke off");
            }
        });
        pause = std::time::Duration::from_secs(random.random_range(15..45));
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

/// The demonstration talks to the server as any phone system does.
fn client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(10))
        .build()
        .context("the HTTP client could not be made")
}
