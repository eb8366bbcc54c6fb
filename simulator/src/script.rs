//! Many calls.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Call, Dialect, Faults, Mix, Plan, Random};

/// What is played.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// From which everything follows.
    pub seed: u64,
    /// When the first call may begin.
    pub start: DateTime<Utc>,
    /// How many calls.
    pub calls: usize,
    /// Calls that begin in a second, on average: they come independently of each other.
    pub rate: f64,
    /// How often each story is told.
    pub mix: Mix,
    /// What goes wrong on the way.
    pub faults: Faults,
}

/// The calls of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Script(Profile);

impl Script {
    /// The calls of a profile.
    pub const fn new(profile: Profile) -> Self {
        Self(profile)
    }

    /// What is played.
    pub const fn profile(&self) -> &Profile {
        &self.0
    }

    /// The calls in the order in which they begin. `route` draws for each over which line it comes and in which dialect it is
    /// told (`None`: the call is left out); the story is one that the dialect can tell.
    pub fn calls<'a, L: 'a>(
        &'a self,
        mut route: impl FnMut(&mut Random) -> Option<(L, &'static dyn Dialect)> + 'a,
    ) -> impl Iterator<Item = Told<L>> + 'a {
        let Profile { seed, start, calls, rate, .. } = self.0;
        let mut arrivals = Random::keyed(seed, "arrivals", 0);
        let mean = if rate > 0.0 { 1.0 / rate } else { 0.0 };
        let mut at = start;
        (0..calls).filter_map(move |number| {
            at += milliseconds(arrivals.exponential(mean) * 1000.0);
            let mut random = Random::keyed(seed, "call", u64::try_from(number).unwrap_or(u64::MAX));
            let (line, dialect) = route(&mut random)?;
            let story = self.0.mix.draw(&mut random, dialect.tells().stories)?;
            let plan = Plan::draw(&mut random, story);
            Some(Told { number, line, dialect, call: Call::new(random.next_u64(), plan, at) })
        })
    }
}

/// A call, and how it is told.
#[derive(Clone)]
pub struct Told<L> {
    /// Its number in the script.
    pub number: usize,
    /// Over which line it comes.
    pub line: L,
    /// In which dialect.
    pub dialect: &'static dyn Dialect,
    /// What happens.
    pub call: Call,
}

impl<L> std::fmt::Debug for Told<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told")
            .field("number", &self.number)
            .field("provider", &self.dialect.provider())
            .field("story", &self.call.story())
            .finish_non_exhaustive()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded before")]
pub(crate) fn milliseconds(milliseconds: f64) -> TimeDelta {
    TimeDelta::milliseconds(milliseconds.clamp(0.0, 1e12) as i64)
}
