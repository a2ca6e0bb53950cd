//! What was sent, delivered and lost of late. Used by [`super::estimator`] alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is older is forgotten.
const MEMORY: Duration = Duration::from_millis(2000);
/// Amounts of so short a while are one.
const BIN: Duration = Duration::from_millis(20);

/// Amounts by when they were seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    bins: VecDeque<(Instant, u64)>,
    first: Option<Instant>,
    newest: Option<Instant>,
}

impl Meter {
    pub fn add(&mut self, now: Instant, bytes: u64) {
        self.first.get_or_insert(now);
        self.newest = Some(now);
        match self.bins.back_mut() {
            Some((at, sum)) if now.saturating_duration_since(*at) < BIN => *sum += bytes,
            _ => self.bins.push_back((now, bytes)),
        }
        while self.bins.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > MEMORY) {
            self.bins.pop_front();
        }
    }

    /// Bytes of the last `while_`.
    pub fn sum(&self, now: Instant, while_: Duration) -> u64 {
        let of_late = |at: &Instant| now.saturating_duration_since(*at) < while_;
        self.bins.iter().rev().take_while(|(at, _)| of_late(at)).map(|(_, bytes)| bytes).sum()
    }

    /// When something was added last.
    pub fn newest(&self) -> Option<Instant> {
        self.newest
    }

    /// Bits a second over the last `while_`, or since the first where that is not so long ago. `None` before there is a tenth of a
    /// second to judge.
    pub fn rate_bps(&self, now: Instant, while_: Duration) -> Option<f64> {
        let since = now.saturating_duration_since(self.first?).min(while_);
        if since < Duration::from_millis(100) {
            return None;
        }
        Some(self.sum(now, since) as f64 * 8.0 / since.as_secs_f64())
    }
}
