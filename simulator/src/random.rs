//! Numbers that look random and follow from a seed. An own generator (`SplitMix64`), because a seed that somebody wrote down
//! must give the same calls in every later version: general libraries do not promise that.

/// A source of numbers that is nothing but its seed. Never for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A source.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A source of its own for one purpose, so that a draw more for one thing changes nothing else.
    pub fn keyed(seed: u64, label: &str, number: u64) -> Self {
        // FNV-1a of the label, mixed with both numbers.
        let hash = label
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut source = Self(seed ^ hash.rotate_left(17));
        let first = source.next_u64();
        Self(first ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 (included) to 1 (excluded).
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
    pub fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to `end`, which is excluded; 0 when `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        // The bias of the remainder is far below what a simulation could notice.
        usize::try_from(self.next_u64() % end).unwrap_or_default()
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        low.saturating_add(u32::try_from(self.next_u64() % span).unwrap_or_default())
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// One of these; the default of the type when there are none.
    pub fn pick<T: Clone + Default>(&mut self, items: &[T]) -> T {
        let at = self.below(items.len());
        items.get(at).cloned().unwrap_or_default()
    }

    /// The waiting time until the next of independent events, by its mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.fraction()).ln()
    }

    /// A log-normal number by its median and the spread of its logarithm: how long people talk.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.fraction()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.fraction()).cos();
        median * (sigma * normal).exp()
    }

    /// Whole seconds of a log-normal length, within bounds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before")]
    pub fn seconds(&mut self, median: f64, sigma: f64, low: u32, high: u32) -> u32 {
        self.log_normal(median, sigma).clamp(f64::from(low), f64::from(high)) as u32
    }

    /// Puts the items into another order, each one equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }

    /// Fills bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(self.next_u64().to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first numbers of the reference implementation (Vigna, splitmix64.c) for the seed 1234567.
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut random = Random::new(7);
        for _ in 0..1000 {
            assert!((3..=9).contains(&random.between(3, 9)));
            assert!(random.below(4) < 4);
            assert!((20..=60).contains(&random.seconds(30.0, 2.0, 20, 60)));
            assert!((0.0..1.0).contains(&random.fraction()));
        }
        assert_eq!((random.below(0), random.pick::<u8>(&[])), (0, 0));
    }

    #[test]
    fn purposes_have_sources_of_their_own() {
        let draw = |label, number| Random::keyed(1, label, number).next_u64();
        assert_eq!(draw("leg", 1), draw("leg", 1));
        assert_ne!(draw("leg", 1), draw("leg", 2));
        assert_ne!(draw("leg", 1), draw("message", 1));
    }
}
