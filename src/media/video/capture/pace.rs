//! Absolute deadlines for a source that makes its own pictures. Pure.

use std::time::{Duration, Instant};

/// How far behind a source may be and still make up for every picture.
const MOST_BEHIND: Duration = Duration::from_secs(1);

/// Picture n is due at start + n / rate.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    start: Instant,
    rate: (u32, u32),
}

impl Pace {
    /// `rate` is a fraction of pictures a second.
    pub fn new(start: Instant, rate: (u32, u32)) -> Self {
        Self { start, rate: (rate.0.max(1), rate.1.max(1)) }
    }

    /// When a picture is due.
    pub fn due(&self, number: u64) -> Instant {
        let nanos = u128::from(number) * u128::from(self.rate.1) * 1_000_000_000 / u128::from(self.rate.0);
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The number to go on with: `number`, or the one due now if that is more than a second late.
    pub fn caught_up(&self, number: u64, now: Instant) -> u64 {
        if now.saturating_duration_since(self.due(number)) <= MOST_BEHIND {
            return number;
        }
        let nanos = now.saturating_duration_since(self.start).as_nanos();
        let due = nanos * u128::from(self.rate.0) / u128::from(self.rate.1) / 1_000_000_000;
        u64::try_from(due).unwrap_or(number).max(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_do_not_drift_whatever_the_fraction() {
        let start = crate::clock::now();
        let pace = Pace::new(start, (30_000, 1001));
        assert_eq!(pace.due(30_000 * 3600), start + Duration::from_secs(1001 * 3600));
        assert_eq!(Pace::new(start, (30, 1)).due(1), start + Duration::from_nanos(33_333_333));
    }

    #[test]
    fn half_a_second_is_made_up_for_and_two_are_skipped() {
        let start = crate::clock::now();
        let pace = Pace::new(start, (30, 1));
        assert_eq!(pace.caught_up(30, start + Duration::from_millis(1500)), 30);
        assert_eq!(pace.caught_up(30, start + Duration::from_secs(3)), 90);
    }
}
