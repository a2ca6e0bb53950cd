//! A mean duration that one thread measures and others read, without a lock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The mean of the last 16 or so; nothing before the first.
#[derive(Debug, Default)]
pub struct Took(AtomicU32);

impl Took {
    /// Takes in one more, in µs at least one.
    pub fn add(&self, time: Duration) {
        let us = u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1);
        let mean = match self.0.load(Ordering::Relaxed) {
            0 => us,
            before => before.saturating_add_signed(((i64::from(us) - i64::from(before)) / 16) as i32),
        };
        self.0.store(mean.max(1), Ordering::Relaxed);
    }

    /// There is nothing to measure any more.
    pub fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub fn mean(&self) -> Option<Duration> {
        let us = self.0.load(Ordering::Relaxed);
        (us > 0).then(|| Duration::from_micros(us.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_follows_and_is_none_before_the_first_and_after_the_last() {
        let took = Took::default();
        assert_eq!(took.mean(), None);
        took.add(Duration::from_millis(3));
        assert_eq!(took.mean(), Some(Duration::from_millis(3)));
        (0..200).for_each(|_| took.add(Duration::from_millis(40)));
        assert!(took.mean().unwrap().abs_diff(Duration::from_millis(40)) < Duration::from_micros(20));
        took.add(Duration::MAX);
        took.forget();
        assert_eq!(took.mean(), None);
    }
}
