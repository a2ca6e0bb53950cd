//! Tells our own queue from jitter. A queue of ours is long when much of ours is on its way; jitter comes as it likes.
//!
//! Used by [`super::window`]. Of packets that arrive it sets what was on its way when they were sent against
//! how long they took: Pearson's correlation of the two, over some seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A look counts as one of so many.
const OF: f64 = 128.0;
/// Between two looks, and between two moments that are remembered.
const EACH: Duration = Duration::from_millis(10);
/// From this correlation on what comes and goes is ours.
const OURS: f64 = 0.45;
/// Moments of sending that are remembered: ten seconds of them.
const MOST: usize = 1024;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Coupling {
    in_flight: u64,
    /// When something was sent, and what was on its way then.
    sent: VecDeque<(Instant, u64)>,
    looked: Option<Instant>,
    /// Of bytes and seconds: means, variances, and their covariance.
    means: [f64; 2],
    variances: [f64; 2],
    covariance: f64,
}

impl Coupling {
    pub fn sent(&mut self, now: Instant, bytes: u64) {
        self.in_flight += bytes;
        let burst = self.sent.back_mut().filter(|(at, _)| now.saturating_duration_since(*at) < EACH);
        if let Some((_, in_flight)) = burst {
            *in_flight = self.in_flight;
            return;
        }
        if self.sent.len() >= MOST {
            self.sent.pop_front();
        }
        self.sent.push_back((now, self.in_flight));
    }

    /// What was sent at `sent` has arrived.
    pub fn arrived(&mut self, now: Instant, sent: Instant) {
        while self.sent.get(1).is_some_and(|(at, _)| *at <= sent) {
            self.sent.pop_front();
        }
        let Some((_, in_flight)) = self.sent.front().filter(|(at, _)| *at <= sent) else { return };
        if self.looked.is_some_and(|at| now.saturating_duration_since(at) < EACH) {
            return;
        }
        let look = [*in_flight as f64, now.saturating_duration_since(sent).as_secs_f64()];
        if self.looked.replace(now).is_none() {
            self.means = look;
        }
        let off = [look[0] - self.means[0], look[1] - self.means[1]];
        for ((mean, variance), off) in self.means.iter_mut().zip(&mut self.variances).zip(off) {
            *mean += off / OF;
            *variance += (off * off - *variance) / OF;
        }
        self.covariance += (off[0] * off[1] - self.covariance) / OF;
    }

    /// So many bytes are on their way no more.
    pub fn left(&mut self, bytes: u64) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    /// So many are, for who counts better.
    pub fn set_in_flight(&mut self, bytes: u64) {
        self.in_flight = bytes;
    }

    /// Bytes on their way.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// What comes and goes does so with what is sent.
    pub fn is_ours(&self) -> bool {
        let [one, other] = self.variances;
        self.covariance > OURS * (one * other).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of 4 or of 30 packets each 100 ms over a path that takes each of them so many ms, one after another, and jitter of so many.
    fn is_ours(each: u64, jitter: u64) -> bool {
        let (mut coupling, mut random, mut packets) = (Coupling::default(), 1u64, Vec::new());
        let (start, mut free) = (crate::clock::now(), Duration::ZERO);
        for frame in 0..200u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            for place in 0..if frame % 10 == 0 { 30 } else { 4 } {
                let sent = Duration::from_millis(100) * frame + Duration::from_millis(2) * place;
                free = free.max(sent) + Duration::from_millis(each);
                let arrives = free + Duration::from_millis(40 + (random >> 33) % (jitter + 1));
                packets.extend([(start + sent, None), (start + arrives, Some(start + sent))]);
            }
        }
        packets.sort();
        for (at, sent) in packets {
            let Some(sent) = sent else {
                coupling.sent(at, 1200);
                continue;
            };
            coupling.left(1200);
            coupling.arrived(at, sent);
        }
        coupling.is_ours()
    }

    #[test]
    fn a_queue_goes_with_what_is_sent_and_jitter_does_not() {
        assert!(is_ours(12, 0) && is_ours(12, 60), "each packet waits for those before it");
        assert!(!is_ours(0, 160) && !is_ours(0, 0), "nothing waits");
    }
}
