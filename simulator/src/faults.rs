//! What goes wrong between a provider and us.

use chrono::{DateTime, TimeDelta, Utc};

use crate::script::milliseconds;
use crate::{Random, Wire};

/// How far requests come in another order than they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reorder {
    /// Only as much as the network's delays of fractions of a second do.
    #[default]
    None,
    /// Each request is up to this much later: neighbours change places.
    Window(TimeDelta),
    /// Any order at all, within the time of the whole run.
    Full,
}

/// What goes wrong. Probabilities are from 0 to 1, per request.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    /// A request is sent again though it was accepted (up to three times in all, within minutes).
    pub duplicates: f64,
    /// The order.
    pub reorder: Reorder,
    /// A request comes late, by up to an hour.
    pub late: f64,
    /// A request never comes.
    pub drops: f64,
    /// A pause of half a minute begins, after which everything that was held up comes at once.
    pub bursts: f64,
}

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When it is to be sent, by the time of the simulation.
    pub due: DateTime<Utc>,
    /// Number of the call, as whoever plays it counts.
    pub call: usize,
    /// Number of the request within its call.
    pub wire: usize,
    /// How often it was sent before; more than 0 for duplicates.
    pub attempt: u32,
}

/// Time of a request on the network: 20 ms and more, rarely half a second.
fn transit(random: &mut Random) -> TimeDelta {
    milliseconds(random.log_normal(60.0, 0.7).clamp(20.0, 500.0))
}

impl Faults {
    /// The deliveries of one call's requests: lost ones are absent, repeated ones are there several times. Their order is not
    /// the order in time: collect those of all calls and give them to [`Faults::order`].
    pub fn deliveries(&self, seed: u64, call: usize, wires: &[Wire]) -> Vec<Delivery> {
        let mut random = Random::keyed(seed, "faults", u64::try_from(call).unwrap_or(u64::MAX));
        let mut deliveries = Vec::with_capacity(wires.len());
        for (number, wire) in wires.iter().enumerate() {
            let mut due = wire.at + transit(&mut random);
            if random.chance(self.drops) {
                continue;
            }
            if random.chance(self.late) {
                due += TimeDelta::seconds(i64::from(random.between(60, 3600)));
            }
            if let Reorder::Window(window) = self.reorder {
                due += milliseconds(random.fraction() * to_milliseconds(window));
            }
            let copies = if random.chance(self.duplicates) { random.between(1, 2) } else { 0 };
            for attempt in 0..=copies {
                deliveries.push(Delivery { due, call, wire: number, attempt });
                due += TimeDelta::seconds(i64::from(random.between(1, 90)));
            }
        }
        deliveries
    }

    /// Puts the deliveries of all calls into the order in which they are sent, with pauses and bursts and, where asked for,
    /// in any order at all.
    pub fn order(&self, seed: u64, deliveries: &mut [Delivery]) {
        // A stable order to begin with: whatever the order was in which they were collected.
        deliveries.sort_by_key(|delivery| (delivery.due, delivery.call, delivery.wire, delivery.attempt));
        let mut random = Random::keyed(seed, "order", 0);
        if self.reorder == Reorder::Full {
            let times: Vec<_> = deliveries.iter().map(|delivery| delivery.due).collect();
            random.shuffle(deliveries);
            for (delivery, due) in deliveries.iter_mut().zip(times) {
                delivery.due = due;
            }
        }
        let mut open_at: Option<DateTime<Utc>> = None;
        for delivery in deliveries.iter_mut() {
            if open_at.is_none_or(|open| delivery.due >= open) {
                open_at = random.chance(self.bursts).then(|| delivery.due + TimeDelta::seconds(30));
            }
            delivery.due = open_at.unwrap_or(delivery.due);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "windows are minutes at most")]
fn to_milliseconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64
}
