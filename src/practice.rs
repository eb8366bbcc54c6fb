//! Practice calls: the server rings itself, over HTTP, through its own webhooks.

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use switchboard_core::{
    App,
    ports::{PracticeLine, PracticeUnavailable},
    practice::{self, PracticeCall},
};
use switchboard_simulator::{Agent, Call, Dialect, Endpoint, Person, Plan, Random, Story, Wire, dialects_of};
use switchboard_telephony::Secrets;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::line::{self, Line};

/// Who calls: a number of Ofcom's range for drama.
const NUMBER: &str = "+442079460990";
/// Which line is called, of the same range.
const CALLED: &str = "+442079460000";
/// Who answers.
const DESK: Agent = Agent { name: "Practice desk", identity: "practice", extension: "200", mobile: "+447700900100" };
/// A practice call that is still on the line so long after it began was left by a process that stopped.
const LOST_AFTER: TimeDelta = TimeDelta::minutes(2);
/// Seconds from the first request until the phone rings.
const SETUP: i64 = 2;

/// The server's own phone system.
#[derive(Debug)]
pub struct OwnLine {
    app: App,
    client: reqwest::Client,
    origin: String,
    stop: CancellationToken,
}

impl OwnLine {
    /// A line to the server that listens at `origin` (`http://127.0.0.1:8080`). A call that is under way when `stop` comes is
    /// left on the line; the next start ends it.
    pub fn new(app: App, origin: String, stop: CancellationToken) -> Result<Self> {
        Ok(Self { app, client: line::client()?, origin, stop })
    }

    async fn begin(&self, call: &PracticeCall) -> Result<()> {
        let line = Line::open(&self.app, &self.client, &call.connection, &Secrets::new(), &self.origin).await?;
        let dialect = dialects_of(practice::PROVIDER).next().context("no dialect for practice calls")?;
        let wires = dialect.wires(&story(call));
        let (first, rest) = wires.split_first().context("a practice call without requests")?;
        let began = Instant::now();
        deliver(&self.app, &line, dialect, first).await?;

        let (app, stop, started_at) = (self.app.clone(), self.stop.clone(), call.started_at);
        let rest = rest.to_vec();
        let play = async move {
            line::hang_up(&app, &line, started_at - LOST_AFTER).await?;
            for wire in rest {
                tokio::time::sleep_until(began + (wire.at - started_at).to_std().unwrap_or_default()).await;
                deliver(&app, &line, dialect, &wire).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        tokio::spawn(async move {
            if let Some(Err(error)) = stop.run_until_cancelled(play).await {
                tracing::warn!(error = format!("{error:#}"), "a practice call broke off");
            }
        });
        Ok(())
    }
}

#[async_trait::async_trait]
impl PracticeLine for OwnLine {
    async fn ring(&self, call: PracticeCall) -> Result<(), PracticeUnavailable> {
        self.begin(&call).await.map_err(|error| {
            tracing::warn!(error = format!("{error:#}"), "a practice call could not begin");
            PracticeUnavailable
        })
    }
}

/// What happens: it rings, the desk answers, and people talk.
fn story(call: &PracticeCall) -> Call {
    let seconds = |time: TimeDelta| u32::try_from(time.num_seconds()).unwrap_or_default();
    let plan = Plan {
        person: Person { address: Endpoint::Phone(NUMBER.to_owned()), name: Some(practice::CALLER.to_owned()) },
        line: CALLED.to_owned(),
        agents: [DESK, DESK],
        rings: seconds(practice::RINGS - TimeDelta::seconds(SETUP)),
        talks: seconds(practice::TALKS),
        recorded: false,
        ..Plan::draw(&mut Random::new(call.seed), Story::Answered)
    };
    Call::new(call.seed, plan, call.started_at)
}

async fn deliver(app: &App, line: &Line, dialect: &dyn Dialect, wire: &Wire) -> Result<()> {
    let answer = line.deliver(app, dialect, wire, 0).await?;
    ensure!(answer.is_accepted(), "the server did not accept it (status {:?})", answer.status);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rings_ten_seconds_and_lasts_as_long_as_is_said() {
        let connection = switchboard_entities::provider_connection::Model {
            id: uuid::Uuid::nil(),
            provider: practice::PROVIDER.to_owned(),
            slug: practice::SLUG.to_owned(),
            name: practice::NAME.to_owned(),
            secrets: Vec::new(),
            default_region: None,
            settings: serde_json::Value::Null,
            version: 1,
            unverified_count: 0,
            unverified_reason: None,
            unverified_at: None,
            last_delivery_at: None,
            removed_at: None,
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
        };
        let call = PracticeCall { seed: 1, connection, started_at: chrono::DateTime::UNIX_EPOCH };
        let story = story(&call);
        assert_eq!(story.answered_at(), Some(call.started_at + practice::RINGS));
        assert_eq!((story.ended_at(), story.last_at()), (call.ends_at(), call.ends_at()));
        assert_eq!(story.caller_name(), Some(practice::CALLER));
    }
}
