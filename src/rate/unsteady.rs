//! Tells what comes and goes from what grows or stands. Used by [`super::delay`] and [`super::window`].

use std::time::Duration;

/// A value counts as one of so many.
const OF: u32 = 16;

/// How far a value is off the middle of those beside it, on the average: nothing where it grows evenly, much under jitter.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsteady {
    before: Option<Duration>,
    last: Option<Duration>,
    off: Duration,
}

impl Unsteady {
    /// The next value, which counts for at most so much.
    pub fn add(&mut self, value: Duration, most: Duration) {
        if let Some((before, last)) = self.before.zip(self.last) {
            let off = last.abs_diff((before + value) / 2);
            self.off = (self.off * (OF - 1) + off.min(most)) / OF;
        }
        (self.before, self.last) = (self.last, Some(value));
    }

    pub fn off(&self) -> Duration {
        self.off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_evenly_is_steady_and_what_comes_and_goes_is_not() {
        let off = |values: fn(u64) -> u64| {
            let mut unsteady = Unsteady::default();
            (0..100).for_each(|n| unsteady.add(Duration::from_millis(values(n)), Duration::from_millis(80)));
            unsteady.off().as_millis()
        };
        assert_eq!([off(|_| 40), off(|n| 10 * n), off(|n| n % 2 * 30), off(|n| n % 2 * 900)], [0, 0, 29, 79]);
    }
}
