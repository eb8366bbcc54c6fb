//! Which event goes out next: in order within a lane, many lanes at once, and none at all in a hurry while the CRM is away.
//! Pure: time and chance come as arguments.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{backoff::Backoff, spool::Entry};

/// How a delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// In a way that concerns this event, or just this moment: it alone waits.
    Once,
    /// In a way that every event would: the CRM is away, overloaded, or set up differently. One event at a time tries on.
    Everywhere,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Entry>,
    busy: bool,
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Away {
    failures: u32,
    probe_at: Instant,
}

/// The events that wait, by lane.
#[derive(Debug)]
pub struct Lanes {
    most: usize,
    backoff: Backoff,
    by_name: HashMap<Arc<str>, Lane>,
    /// Lanes that could send: by when they may, then by the number of their first event. Nothing waits longest first.
    ready: BTreeMap<(Option<Instant>, u64), Arc<str>>,
    waiting: usize,
    under_way: usize,
    /// Failures since the last success, whatever their kind.
    in_a_row: usize,
    away: Option<Away>,
}

impl Lanes {
    /// At most `most` at once.
    pub fn new(most: usize, backoff: Backoff) -> Self {
        Self {
            most: most.max(1),
            backoff,
            by_name: HashMap::new(),
            ready: BTreeMap::new(),
            waiting: 0,
            under_way: 0,
            in_a_row: 0,
            away: None,
        }
    }

    /// Adds an event at the end of its lane.
    pub fn add(&mut self, entry: Entry) {
        let lane = self.by_name.entry(Arc::clone(&entry.lane)).or_default();
        if lane.waiting.is_empty() && !lane.busy {
            self.ready.insert((lane.not_before, entry.n), Arc::clone(&entry.lane));
        }
        lane.waiting.push_back(entry);
        self.waiting += 1;
    }

    /// The next event to send now, if any.
    pub fn next(&mut self, now: Instant) -> Option<Entry> {
        let free = match &self.away {
            None => self.under_way < self.most,
            Some(away) => self.under_way == 0 && now >= away.probe_at,
        };
        let (&key, _) = self.ready.first_key_value()?;
        // While the CRM is away its own pause counts, and whoever has waited longest since its failure may try.
        let may = self.away.is_some() || key.0.is_none_or(|at| at <= now);
        if !free || !may {
            return None;
        }
        let name = self.ready.remove(&key)?;
        let lane = self.by_name.get_mut(&name)?;
        let entry = lane.waiting.pop_front()?;
        lane.busy = true;
        self.waiting -= 1;
        self.under_way += 1;
        Some(entry)
    }

    /// When [`Lanes::next`] is worth asking again, without anything else happening. `None`: never.
    pub fn wake_at(&self) -> Option<Instant> {
        let (key, _) = self.ready.first_key_value()?;
        match &self.away {
            Some(away) if self.under_way == 0 => Some(away.probe_at),
            None if self.under_way < self.most => key.0,
            _ => None,
        }
    }

    /// The event is settled: taken, or put aside. `true`: the CRM was taken for away until now.
    pub fn settled(&mut self, entry: &Entry) -> bool {
        self.under_way = self.under_way.saturating_sub(1);
        self.in_a_row = 0;
        if let Some(lane) = self.by_name.get_mut(&entry.lane) {
            lane.busy = false;
            lane.failures = 0;
            lane.not_before = None;
            match lane.waiting.front() {
                Some(first) => {
                    self.ready.insert((None, first.n), Arc::clone(&entry.lane));
                }
                None => {
                    self.by_name.remove(&entry.lane);
                }
            }
        }
        if self.away.take().is_none() {
            return false;
        }
        // It answers again: nobody waits out a pause that was for its absence.
        for (key, name) in std::mem::take(&mut self.ready) {
            if let Some(lane) = self.by_name.get_mut(&name) {
                lane.not_before = None;
            }
            self.ready.insert((None, key.1), name);
        }
        true
    }

    /// The event was not taken and stays first in its lane. `at_least`: what the CRM asks to wait. Returns the pause until
    /// anything is tried again when this is the failure by which the CRM is taken for away.
    pub fn failed(
        &mut self,
        entry: Entry,
        failure: Failure,
        at_least: Duration,
        now: Instant,
        fraction: f64,
    ) -> Option<Duration> {
        self.under_way = self.under_way.saturating_sub(1);
        self.in_a_row += 1;
        let at_least = at_least.min(self.backoff.longest());
        let lane = self.by_name.entry(Arc::clone(&entry.lane)).or_default();
        lane.busy = false;
        lane.failures = lane.failures.saturating_add(1);
        let not_before = Some(now + self.backoff.pause(lane.failures, fraction).max(at_least));
        lane.not_before = not_before;
        self.ready.insert((not_before, entry.n), Arc::clone(&entry.lane));
        lane.waiting.push_front(entry);
        self.waiting += 1;

        match &mut self.away {
            // Nothing else is under way while it is away but what was sent before: only a probe makes the pause longer.
            Some(away) => {
                if now >= away.probe_at {
                    away.failures = away.failures.saturating_add(1);
                    away.probe_at = now + self.backoff.pause(away.failures, fraction).max(at_least);
                }
                None
            }
            // Several in a row and no success between them: it is not about the single event any more.
            None if failure == Failure::Everywhere || self.in_a_row > self.most => {
                let pause = self.backoff.pause(1, fraction).max(at_least);
                self.away = Some(Away { failures: 1, probe_at: now + pause });
                Some(pause)
            }
            None => None,
        }
    }

    /// How often the first event of the lane has failed in a row.
    pub fn failures(&self, lane: &str) -> u32 {
        self.by_name.get(lane).map_or(0, |lane| lane.failures)
    }

    /// Events that wait, without those under way.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits and nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0 && self.under_way == 0
    }

    /// Whether the CRM is taken for away.
    pub fn is_away(&self) -> bool {
        self.away.is_some()
    }
}

#[cfg(test)]
mod tests;
