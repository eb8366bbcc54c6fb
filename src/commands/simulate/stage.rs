//! Which calls are played: the script with its deliveries in order.

use std::{collections::HashSet, time::Duration};

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use switchboard_simulator::{Delivery, Dialect, Expected, Mix, Profile, Random, Script, Told, dialects_of};

use super::options::Simulate;
use crate::line::Line;

/// Most calls of one run; they are all kept in memory.
const MOST_CALLS: usize = 1_000_000;

/// Everything that will be played, and in which order it is sent.
#[derive(Debug)]
pub struct Stage {
    /// From which it follows.
    pub seed: u64,
    /// When the first call may begin.
    pub start: DateTime<Utc>,
    /// The calls; each with the number of its line.
    pub calls: Vec<Told<usize>>,
    /// The deliveries in the order in which they are sent; `call` is the place in `calls`.
    pub deliveries: Vec<Delivery>,
    /// Places of calls of which a delivery is lost.
    pub incomplete: HashSet<usize>,
    /// How many deliveries are lost.
    pub lost: usize,
}

impl Stage {
    /// Draws the calls. Without a given start the last request lies at the moment at which it will be sent.
    pub fn set(options: &Simulate, lines: &[Line], seed: u64, now: DateTime<Utc>) -> Result<Self> {
        let now = now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos() % 1_000_000));
        let start = options.start.unwrap_or(now);
        let stage = Self::from(options, lines, seed, start);
        ensure!(!stage.calls.is_empty(), "the connections can tell none of the stories that are to be played");
        let Some(last) = stage.deliveries.last().filter(|_| options.start.is_none()) else { return Ok(stage) };
        let length = last.due - start;
        let takes = if options.instant { TimeDelta::zero() } else { scaled(length, options.speed) };
        // Never in the future: slower than real time, the simulation just begins now.
        Ok(Self::from(options, lines, seed, (now + takes - length).min(now)))
    }

    fn from(options: &Simulate, lines: &[Line], seed: u64, start: DateTime<Utc>) -> Self {
        let faults = options.faults();
        let (calls, rate, mix) = (options.duration.map_or(options.calls, |_| MOST_CALLS), options.rate, Mix::default());
        let script = Script::new(Profile { seed, start, calls: calls.min(MOST_CALLS), rate, mix, faults });
        let end = options.duration.and_then(|duration| TimeDelta::from_std(duration).ok()).map(|length| start + length);
        let calls: Vec<Told<usize>> = script
            .calls(|random| route(lines, random))
            .take_while(|told| end.is_none_or(|end| told.call.started_at() < end))
            .collect();
        let (mut deliveries, mut incomplete, mut lost) = (Vec::new(), HashSet::new(), 0);
        for (place, told) in calls.iter().enumerate() {
            let wires = told.dialect.wires(&told.call);
            let of_call = faults.deliveries(seed, place, &wires);
            let missing = wires.len() - of_call.iter().filter(|delivery| delivery.attempt == 0).count();
            if missing > 0 {
                incomplete.insert(place);
                lost += missing;
            }
            deliveries.extend(of_call);
        }
        faults.order(seed, &mut deliveries);
        Self { seed, start, calls, deliveries, incomplete, lost }
    }

    /// What must be known of a call afterwards.
    pub fn expected(&self, place: usize) -> Option<Expected> {
        self.calls.get(place).map(|told| Expected::of(&told.call, told.dialect))
    }
}

fn route(lines: &[Line], random: &mut Random) -> Option<(usize, &'static dyn Dialect)> {
    let line = random.below(lines.len());
    let dialects: Vec<&'static dyn Dialect> = dialects_of(lines.get(line)?.provider()).collect();
    let dialect = dialects.get(random.below(dialects.len()))?;
    Some((line, *dialect))
}

/// A time of the simulation in real time.
pub fn scaled(time: TimeDelta, speed: f64) -> TimeDelta {
    let real = time.to_std().unwrap_or_default().as_secs_f64() / speed;
    Duration::try_from_secs_f64(real).ok().and_then(|real| TimeDelta::from_std(real).ok()).unwrap_or(time)
}
