//! The elector's random numbers: seeded, so that every night of weather can be replayed.
//!
//! Used to spread moves and dials, and by `sim` for the weather; never for anything secret.

use std::time::Duration;

use super::rules::Backoff;

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A duration in `low..high`; `low` where the range is empty.
    pub(super) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        low + high.saturating_sub(low).mul_f64(self.unit())
    }

    /// How long to wait before attempt `failures` + 1: with jitter, never under the base nor over the cap.
    pub(super) fn backoff(&mut self, failures: u32, backoff: Backoff) -> Duration {
        let full = backoff.after(failures.saturating_add(1));
        self.between(backoff.base.max(full / 2), full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backoff_grows_to_its_cap_and_stays_inside_its_bounds() {
        let (base, cap) = (Duration::from_millis(250), Duration::from_secs(5));
        let mut rng = Rng::new(7);
        for failures in 0..100 {
            let wait = rng.backoff(failures, Backoff { base, cap });
            assert!(wait >= base && wait <= cap, "{failures}: {wait:?}");
            assert!(failures < 5 || wait >= cap / 2, "{failures}: {wait:?}");
        }
    }
}
