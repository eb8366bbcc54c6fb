//! How long to wait before trying again.

use std::{fmt, sync::Arc, time::Duration};

use switchboard_core::entropy::Entropy;

/// Waits that double up to a limit, each shortened at random by up to a half: processes that lost the same server at the
/// same moment must not come back at the same moment.
#[derive(Clone)]
pub struct Backoff {
    first: Duration,
    limit: Duration,
    next: Duration,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backoff").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Backoff {
    /// Starts at `first` and doubles to `limit`.
    pub fn new(first: Duration, limit: Duration, entropy: Arc<dyn Entropy>) -> Self {
        Self { first, limit, next: first, entropy }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.limit);
        let mut random = [0];
        self.entropy.fill(&mut random);
        let [random] = random;
        full.saturating_sub(full * u32::from(random) / 512)
    }

    /// It worked: the next fault starts from the beginning.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_core::entropy::SeededEntropy;

    #[test]
    fn waits_double_to_the_limit_and_are_shortened_by_at_most_half() {
        let (first, limit) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut backoff = Backoff::new(first, limit, Arc::new(SeededEntropy::new(1)));
        let mut full = first;
        for _ in 0..10 {
            let wait = backoff.next_wait();
            assert!(wait <= full && wait >= full / 2, "{wait:?} of {full:?}");
            full = (full * 2).min(limit);
        }
        assert_eq!(full, limit);
        backoff.reset();
        assert!(backoff.next_wait() <= first);
    }

    #[test]
    fn two_processes_do_not_wait_alike() {
        let waits = |seed| {
            let entropy = Arc::new(SeededEntropy::new(seed));
            let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), entropy);
            (0..8).map(|_| backoff.next_wait()).collect::<Vec<_>>()
        };
        assert_ne!(waits(1), waits(2));
    }
}
