//! The last five days.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result, bail};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use switchboard_core::{
    App,
    access::{Actor, UserActor},
    callers::{self, UpdateCaller},
    dispositions,
    interactions::{self, SetDisposition},
};
use switchboard_entities::{call_key, caller, caller_number, disposition, interaction, note};
use switchboard_simulator::Random;
use uuid::Uuid;

use super::{
    calls,
    cast::{CALLERS, NOTES},
    rules,
    stage::Person,
};
use crate::line::Line;

const CAUSE: &str = "demonstration";
/// Calls of the past.
const CALLS: i64 = 70;

/// Sends the calls, waits until they have arrived, names the callers, and lets the agents say how the calls ended.
pub async fn play(app: &App, line: &Line, people: &[Person], random: &mut Random) -> Result<()> {
    let now = app.now();
    let mut talked = Vec::new();
    let mut last = String::new();
    for number in 0..CALLS {
        // Evenly over five days, a little shaken, the latest well over half an hour ago.
        let minutes = 45 + number * 5 * 24 * 60 / CALLS + i64::from(random.between(0, 40));
        let call = calls::invent(random, now - TimeDelta::minutes(minutes));
        calls::send(app, line, &call).await?;
        last = calls::key(&call)?;
        if call.story().is_talked() {
            talked.push(last.clone());
        }
    }
    arrived(app, &last).await?;
    name_callers(app).await?;
    let agents: Vec<&UserActor> =
        people.iter().filter(|person| person.role == "agent").map(|person| &person.actor).collect();
    finish(app, &talked, &agents, random).await
}

/// Waits until the worker has applied the call that was sent last; all of one sender arrive in order.
async fn arrived(app: &App, call: &str) -> Result<()> {
    for _ in 0..300 {
        let known = call_key::Entity::find().filter(call_key::Column::Key.eq(call)).one(app.db()).await;
        let empty = app.queue().health().await.waiting == Some(0);
        if known.context("the database could not be read")?.is_some() && empty {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the demonstration's calls were not applied within 30 seconds: is a worker running?")
}

async fn name_callers(app: &App) -> Result<()> {
    let names: HashMap<&str, (&str, &str)> =
        CALLERS.iter().map(|(name, company, number)| (*number, (*name, *company))).collect();
    for (number, row) in callers_of(app, names.keys().copied()).await? {
        let Some((name, company)) = names.get(number.as_str()) else { continue };
        let change = UpdateCaller {
            id: row.id,
            version: row.version,
            name: Some(Some((*name).to_owned())),
            company: Some(Some((*company).to_owned())),
            email: Some(email(name, company)),
            owner_id: None,
        };
        callers::update(app, &Actor::System(CAUSE), change, CAUSE).await.map_err(rules)?;
    }
    Ok(())
}

/// The callers of some numbers.
async fn callers_of(app: &App, numbers: impl Iterator<Item = &str>) -> Result<Vec<(String, caller::Model)>> {
    let numbers = caller_number::Entity::find()
        .filter(caller_number::Column::Value.is_in(numbers))
        .all(app.db())
        .await
        .context("the numbers could not be read")?;
    let ids = numbers.iter().map(|number| number.caller_id);
    let rows = caller::Entity::find()
        .filter(caller::Column::Id.is_in(ids))
        .all(app.db())
        .await
        .context("the callers could not be read")?;
    let by_id: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(numbers.into_iter().filter_map(|number| Some((number.value, by_id.get(&number.caller_id)?.clone()))).collect())
}

fn email(name: &str, company: &str) -> Option<String> {
    let host: String = company.chars().filter(char::is_ascii_alphanumeric).collect();
    let first = name.split(' ').next()?;
    (!host.is_empty()).then(|| format!("{}@{}.example", first.to_lowercase(), host.to_lowercase()))
}

/// Agents take the calls that were talked on and say how they ended; a few are left for the visitor to see.
async fn finish(app: &App, calls: &[String], agents: &[&UserActor], random: &mut Random) -> Result<()> {
    let keys: HashMap<String, disposition::Model> =
        dispositions::list(app).await.map_err(rules)?.into_iter().map(|row| (row.key.clone(), row)).collect();
    for call in calls {
        let Some(row) = call_key::Entity::find()
            .filter(call_key::Column::Key.eq(call))
            .one(app.db())
            .await
            .context("the calls could not be read")?
        else {
            continue;
        };
        let Some(agent) = agents.get(random.below(agents.len())) else { break };
        let agent = Actor::User((*agent).clone());
        interactions::take(app, &agent, row.interaction_id, CAUSE).await.map_err(rules)?;
        if random.below(25) == 0 {
            continue;
        }
        let (key, note) = random.pick(&NOTES);
        let Some(disposition) = keys.get(key) else { continue };
        let said = SetDisposition {
            interaction_id: row.interaction_id,
            disposition_id: disposition.id,
            note: Some(note.to_owned()),
            idempotency_key: None,
        };
        interactions::set_disposition(app, &agent, said, CAUSE).await.map_err(rules)?;
        date_back(app, row.interaction_id).await?;
    }
    Ok(())
}

/// The one thing that the rules cannot be asked for, because nobody may do it: what was said about a call of last week was
/// said last week.
async fn date_back(app: &App, call: Uuid) -> Result<()> {
    let ended = interaction::Entity::find_by_id(call).one(app.db()).await.context("the calls could not be read")?;
    let Some(ended) = ended.and_then(|call| call.ended_at) else { return Ok(()) };
    let said = ended + TimeDelta::seconds(20);
    note::Entity::update_many()
        .col_expr(note::Column::CreatedAt, Expr::value(said))
        .col_expr(note::Column::UpdatedAt, Expr::value(said))
        .filter(note::Column::InteractionId.eq(call))
        .exec(app.db())
        .await
        .context("a note could not be dated")?;
    interaction::Entity::update_many()
        .col_expr(interaction::Column::DisposedAt, Expr::value(said))
        .filter(interaction::Column::Id.eq(call))
        .exec(app.db())
        .await
        .context("an outcome could not be dated")?;
    Ok(())
}
