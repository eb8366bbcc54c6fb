//! Sends what is to be played, each delivery when it is due.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use futures::{StreamExt, stream};
use switchboard_core::App;
use switchboard_simulator::Delivery;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    options::Simulate,
    stage::{Stage, scaled},
};
use crate::line::{Answer, Line};

/// What was sent over the lines of one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls of which at least one request was sent.
    pub calls: HashSet<usize>,
    /// Deliveries, repetitions included.
    pub deliveries: usize,
    /// Deliveries that had been accepted before.
    pub duplicates: usize,
    /// Tries after the first one of a delivery, because it failed.
    pub retries: usize,
    /// Last answers by status; 0: nothing answered.
    pub answers: BTreeMap<u16, usize>,
    /// Deliveries that were never accepted.
    pub failed: usize,
}

/// What was sent.
#[derive(Debug, Default)]
pub struct Played {
    /// By provider.
    pub tallies: BTreeMap<&'static str, Tally>,
    /// Places of calls that were not told to their end: a request was refused, or the run was broken off.
    pub unfinished: HashSet<usize>,
    /// How long it took.
    pub took: Duration,
}

/// Sends everything, or until `stop`.
pub async fn run(
    app: &App,
    options: &Simulate,
    lines: &[Line],
    stage: &Stage,
    stop: &CancellationToken,
) -> Result<Played> {
    let began = Instant::now();
    let played = Mutex::new(Played::default());
    let failure = Mutex::new(None);
    let first = stage.deliveries.first().map(|delivery| delivery.due);
    let send = async |delivery: &Delivery| {
        if let (false, Some(first)) = (options.instant, first) {
            let due = began + scaled(delivery.due - first, options.speed).to_std().unwrap_or_default();
            stop.run_until_cancelled(tokio::time::sleep_until(due)).await;
        }
        let Some((told, line)) = stage.calls.get(delivery.call).and_then(|told| Some((told, lines.get(told.line)?)))
        else {
            return;
        };
        let wires = told.dialect.wires(&told.call);
        let Some(wire) = wires.get(delivery.wire) else { return };
        let deliver = line.deliver(app, told.dialect, wire, delivery.attempt);
        let answer = stop.run_until_cancelled(deliver).await;
        let mut played = played.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Some(Ok(answer)) => played.count(line.provider(), delivery, answer),
            None => {
                played.unfinished.insert(delivery.call);
            }
            Some(Err(error)) => {
                stop.cancel();
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    stream::iter(&stage.deliveries).for_each_concurrent(usize::from(options.concurrency), send).await;
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    played.took = began.elapsed();
    Ok(played)
}

impl Played {
    fn count(&mut self, provider: &'static str, delivery: &Delivery, answer: Answer) {
        let tally = self.tallies.entry(provider).or_default();
        tally.calls.insert(delivery.call);
        tally.deliveries += 1;
        tally.duplicates += usize::from(delivery.attempt > 0);
        tally.retries += usize::try_from(answer.tries.saturating_sub(1)).unwrap_or_default();
        *tally.answers.entry(answer.status.unwrap_or_default()).or_default() += 1;
        if !answer.is_accepted() {
            tally.failed += 1;
            self.unfinished.insert(delivery.call);
        }
    }

    /// Deliveries that were never accepted.
    pub fn failed(&self) -> usize {
        self.tallies.values().map(|tally| tally.failed).sum()
    }

    /// All deliveries.
    pub fn deliveries(&self) -> usize {
        self.tallies.values().map(|tally| tally.deliveries).sum()
    }
}
