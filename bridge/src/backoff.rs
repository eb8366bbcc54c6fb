//! Pauses between attempts.

use std::time::Duration;

/// Pauses that double up to a limit, each cut by up to half by chance, so that many who lost the same server do not all
/// come back in the same instant.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses from `first` (before jitter) to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first: first.min(longest), longest }
    }

    /// The pause after this many failures in a row (1 after the first), given a draw from `0.0..1.0`.
    pub fn pause(&self, failures: u32, fraction: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.first.saturating_mul(1_u32 << doublings).min(self.longest);
        whole.mul_f64(0.5 + fraction.clamp(0.0, 1.0) / 2.0)
    }

    /// The longest pause there is.
    pub fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_jitter_downwards() {
        let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let whole: Vec<_> = (1..=9).map(|failures| backoff.pause(failures, 1.0).as_millis()).collect();
        assert_eq!(whole, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(backoff.pause(1, 0.0), Duration::from_millis(250));
        assert_eq!(backoff.pause(u32::MAX, 0.0), Duration::from_secs(15));
        assert_eq!(backoff.pause(0, 1.0), Duration::from_millis(500));
        // A limit below the first pause is the limit all the same.
        assert_eq!(Backoff::new(Duration::from_secs(5), Duration::from_secs(1)).pause(1, 1.0), Duration::from_secs(1));
    }
}
