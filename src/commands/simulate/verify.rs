//! Compares what was played with what is known. Reads only.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter};
use switchboard_core::{App, interactions};
use switchboard_entities::{call_key, interaction};
use switchboard_simulator::{Expected, ExpectedRecording, Seen};
use switchboard_telephony::{Address, Direction, Outcome, Party, PartyKind, RecordingStatus};
use tokio::time::Instant;
use uuid::Uuid;

use super::stage::Stage;
use crate::line::Line;

/// Calls that are compared with one question to the database.
const CHUNK: usize = 100;
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// What the comparison found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Calls that are there exactly once and as they were.
    pub right: usize,
    /// Calls of which a request was lost, that are there at most once.
    pub incomplete: usize,
    /// Each difference, as a sentence without personal data.
    pub differences: Vec<String>,
    /// Calls on the same connections that began to exist during the run and were not played.
    pub others: u64,
    /// Whether the queue was worked off in time.
    pub drained: bool,
}

impl Verdict {
    /// Whether every call that was played is there exactly once and as it was.
    pub fn is_right(&self) -> bool {
        self.drained && self.differences.is_empty()
    }
}

/// Waits until the queue is worked off, then compares; differences get until the end of the patience to vanish, since what
/// was taken off the queue may not be written yet.
pub async fn run(
    app: &App,
    lines: &[Line],
    stage: &Stage,
    unfinished: &HashSet<usize>,
    began_at: DateTime<Utc>,
    patience: Duration,
) -> Result<Verdict> {
    let deadline = Instant::now() + patience;
    let drained = loop {
        let health = app.queue().health().await;
        if health.waiting == Some(0) && health.spooled == 0 {
            break true;
        }
        if Instant::now() >= deadline {
            break false;
        }
        tokio::time::sleep(PAUSE).await;
    };
    let lax: HashSet<usize> = stage.incomplete.union(unfinished).copied().collect();
    let mut verdict = Verdict { drained, ..Verdict::default() };
    let mut found = HashSet::new();
    let mut open: Vec<usize> = (0..stage.calls.len()).collect();
    loop {
        verdict.differences.clear();
        let mut wrong = Vec::new();
        for chunk in open.chunks(CHUNK) {
            let known = Known::read(app, lines, stage, chunk).await?;
            for place in chunk {
                let ids = known.ids(lines, stage, *place);
                found.extend(ids.iter().copied());
                let differences = known.differences(stage, *place, &ids, lax.contains(place));
                if !differences.is_empty() {
                    wrong.push(*place);
                    verdict.differences.extend(differences);
                }
            }
        }
        if wrong.is_empty() || Instant::now() >= deadline {
            let is_lax = |places: &[usize]| places.iter().filter(|place| lax.contains(place)).count();
            verdict.incomplete = lax.len() - is_lax(&wrong);
            verdict.right = stage.calls.len() - wrong.len() - verdict.incomplete;
            break;
        }
        open = wrong;
        tokio::time::sleep(PAUSE).await;
    }
    verdict.others = others(app, lines, &found, began_at).await?;
    Ok(verdict)
}

/// What is known of some calls.
struct Known {
    keys: HashMap<(Uuid, String), Uuid>,
    rows: HashMap<Uuid, interaction::Model>,
}

impl Known {
    async fn read(app: &App, lines: &[Line], stage: &Stage, places: &[usize]) -> Result<Self> {
        let mut wanted = Condition::any();
        for place in places {
            let (Some(expected), Some(line)) = (stage.expected(*place), line(lines, stage, *place)) else { continue };
            let of_call = Condition::all()
                .add(call_key::Column::ConnectionId.eq(line.connection()))
                .add(call_key::Column::Key.is_in(expected.keys));
            wanted = wanted.add(of_call);
        }
        let keys = call_key::Entity::find().filter(wanted).all(app.db()).await.context("the calls cannot be read")?;
        let ids: BTreeSet<Uuid> = keys.iter().map(|row| row.interaction_id).collect();
        let rows = interaction::Entity::find().filter(interaction::Column::Id.is_in(ids));
        let rows = rows.all(app.db()).await.context("the calls cannot be read")?;
        Ok(Self {
            keys: keys.into_iter().map(|row| ((row.connection_id, row.key), row.interaction_id)).collect(),
            rows: rows.into_iter().map(|row| (row.id, row)).collect(),
        })
    }

    /// The rows that a call is, by its keys.
    fn ids(&self, lines: &[Line], stage: &Stage, place: usize) -> BTreeSet<Uuid> {
        let (Some(expected), Some(line)) = (stage.expected(place), line(lines, stage, place)) else {
            return BTreeSet::new();
        };
        let keys = expected.keys.into_iter().map(|key| (line.connection(), key));
        keys.filter_map(|key| self.keys.get(&key).copied()).collect()
    }

    fn differences(&self, stage: &Stage, place: usize, ids: &BTreeSet<Uuid>, lax: bool) -> Vec<String> {
        let (Some(expected), Some(told)) = (stage.expected(place), stage.calls.get(place)) else { return Vec::new() };
        let what = format!(
            "call {} ({} {:?}, {})",
            told.number,
            [told.dialect.provider(), told.dialect.variant()].join(" ").trim_end(),
            told.call.story(),
            expected.keys.first().map_or("no key", String::as_str)
        );
        let row = match (ids.len(), ids.first().and_then(|id| self.rows.get(id))) {
            (0, _) | (1, Some(_)) if lax => return Vec::new(),
            (0, _) => return vec![format!("{what} is missing")],
            (1, Some(row)) => row,
            (1, None) => return vec![format!("{what} has no row")],
            (count, _) => return vec![format!("{what} is {count} calls")],
        };
        compare(row, &expected).into_iter().map(|difference| format!("{what}: {difference}")).collect()
    }
}

fn line<'a>(lines: &'a [Line], stage: &Stage, place: usize) -> Option<&'a Line> {
    stage.calls.get(place).and_then(|told| lines.get(told.line))
}

/// What is different, without numbers.
fn compare(row: &interaction::Model, expected: &Expected) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: &str, known: &str, truth: Option<&str>| {
        if let Some(truth) = truth.filter(|truth| *truth != known) {
            found.push(format!("{what} is {known}, was {truth}"));
        }
    };
    check("state", &row.state, Some("ended"));
    check("direction", &row.direction, expected.direction.map(Direction::as_str));
    check("outcome", row.outcome.as_deref().unwrap_or("none"), expected.outcome.map(Outcome::as_str));
    let talk = row.talk_seconds.unwrap_or_default().to_string();
    check("talk_seconds", &talk, expected.talk_seconds.map(|truth| truth.to_string()).as_deref());
    for (what, party, truth) in
        [("from", interactions::party_from(row), &expected.from), ("to", interactions::party_to(row), &expected.to)]
    {
        if let Some(truth) = truth.as_ref().filter(|truth| **truth != seen(&party)) {
            found.push(format!("{what} is another {}, was {}", party.kind.as_str(), truth.kind.as_str()));
        }
    }
    if let Some(truth) = &expected.recordings {
        let ready = interactions::recordings(row).into_iter().filter(|known| known.status == RecordingStatus::Ready);
        let mut known: Vec<_> =
            ready.map(|known| ExpectedRecording { id: known.id, voicemail: known.voicemail }).collect();
        known.sort();
        if known != *truth {
            found.push(format!("recordings are {known:?}, were {truth:?}"));
        }
    }
    found
}

fn seen(party: &Party) -> Seen {
    let value = party.value.as_ref().filter(|_| party.kind != PartyKind::Withheld).map(Address::clear);
    Seen { kind: party.kind, value }
}

async fn others(app: &App, lines: &[Line], found: &HashSet<Uuid>, began_at: DateTime<Utc>) -> Result<u64> {
    let made = interaction::Entity::find()
        .filter(interaction::Column::ConnectionId.is_in(lines.iter().map(Line::connection)))
        .filter(interaction::Column::MergedInto.is_null())
        .filter(interaction::Column::CreatedAt.gte(began_at));
    let mut pages = made.paginate(app.db(), 1000);
    let mut others = 0;
    while let Some(rows) = pages.fetch_and_next().await.context("the calls cannot be read")? {
        others += u64::try_from(rows.iter().filter(|row| !found.contains(&row.id)).count()).unwrap_or_default();
    }
    Ok(others)
}
