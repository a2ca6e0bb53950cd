//! Tells our own queue from jitter: a queue is long when much of ours is on its way, jitter comes as it likes.
//!
//! Fed by [`super::window`] and [`super::estimator`] with what is sent and what arrives. For each acknowledged packet it looks at
//! what was on its way when that packet was sent, and at its round trip: Pearson's correlation of the two, over some seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A look counts as one of so many.
const OF: f64 = 128.0;
/// Between two looks.
const EACH: Duration = Duration::from_millis(10);
/// From here on what comes and goes is ours.
const OURS: f64 = 0.45;
/// Moments of sending that are remembered.
const MOST: usize = 1024;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Coupling {
    in_flight: u64,
    /// When something was sent, and what was on its way then.
    sent: VecDeque<(Instant, u64)>,
    looked: Option<Instant>,
    /// Of bytes and seconds: means, variances and their covariance.
    means: [f64; 2],
    squares: [f64; 2],
    product: f64,
}

impl Coupling {
    pub fn sent(&mut self, now: Instant, bytes: u64) {
        self.in_flight += bytes;
        if self.sent.back().is_some_and(|(at, _)| now.saturating_duration_since(*at) < EACH) {
            return;
        }
        if self.sent.len() >= MOST {
            self.sent.pop_front();
        }
        self.sent.push_back((now, self.in_flight));
    }

    /// `bytes` that were sent at `sent` have arrived.
    pub fn arrived(&mut self, now: Instant, sent: Instant, bytes: u64) {
        self.left(bytes);
        while self.sent.get(1).is_some_and(|(at, _)| *at <= sent) {
            self.sent.pop_front();
        }
        let Some((_, in_flight)) = self.sent.front().filter(|(at, _)| *at <= sent) else { return };
        if self.looked.is_some_and(|at| now.saturating_duration_since(at) < EACH) {
            return;
        }
        let first = self.looked.replace(now).is_none();
        let look = [*in_flight as f64, now.saturating_duration_since(sent).as_secs_f64()];
        if first {
            self.means = look;
        }
        let off = [look[0] - self.means[0], look[1] - self.means[1]];
        for n in 0..2 {
            self.means[n] += off[n] / OF;
            self.squares[n] += (off[n] * off[n] - self.squares[n]) / OF;
        }
        self.product += (off[0] * off[1] - self.product) / OF;
    }

    /// So much is on its way no more.
    pub fn left(&mut self, bytes: u64) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    /// What comes and goes does so with what is sent.
    pub fn is_ours(&self) -> bool {
        self.product > OURS * (self.squares[0] * self.squares[1]).sqrt() && self.product > 0.0
    }
}
