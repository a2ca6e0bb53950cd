//! A token bucket: how often something may happen. Used by the relay for all that strangers send, and by links.

use std::time::Instant;

/// Lets so many through a second, and a burst at once after a rest.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(now: Instant, per_second: impl Into<f64>, burst: u32) -> Self {
        Self { per_second: per_second.into(), burst: burst.into(), left: burst.into(), at: now }
    }

    /// Takes one; false when there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        self.take_many(now, 1)
    }

    /// Takes as many at once; false, and none are taken, where there are not enough.
    pub fn take_many(&mut self, now: Instant, count: u32) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.left = (self.left + passed * self.per_second).min(self.burst);
        let has = self.left >= f64::from(count);
        if has {
            self.left -= f64::from(count);
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = clock::now();
        let mut bucket = Bucket::new(start, 10, 3);
        assert_eq!((0..5).filter(|_| bucket.take(start)).count(), 3);
        assert!(bucket.take(start + Duration::from_millis(100)));
        assert!(!bucket.take(start + Duration::from_millis(150)));
        assert_eq!((0..99).filter(|_| bucket.take(start + Duration::from_secs(60))).count(), 3);
        assert!(!bucket.take_many(start + Duration::from_secs(60) + Duration::from_millis(100), 2));
        assert!(bucket.take_many(start + Duration::from_secs(61), 3));
    }
}
