//! What a path has been shown to carry: bytes that the transport took while more of them waited.
//!
//! Used by `net::outbox`. A sender with little to say shows nothing, so most of the time nothing is known.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Time with something waiting that makes one measurement: longer than the transport's own buffers take to fill.
const BIN: Duration = Duration::from_millis(200);
/// How long a measurement says something about the path.
const MEMORY: Duration = Duration::from_secs(4);
/// How long it is taken into account before something large is begun that cannot be broken off.
const CAUTION: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Since when something has waited without a break.
    waiting: Option<Instant>,
    /// Time of waiting, and bytes taken in it, that make no measurement yet.
    time: Duration,
    bytes: u64,
    past: VecDeque<Measured>,
    last: Option<Measured>,
}

/// So many bytes were taken in so much time of waiting.
#[derive(Debug, Clone, Copy)]
struct Measured {
    at: Instant,
    time: Duration,
    bytes: u64,
}

impl Measured {
    fn rate_bps(&self) -> u64 {
        (self.bytes as f64 * 8.0 / self.time.as_secs_f64()) as u64
    }
}

impl Carried {
    /// Something waits for the transport, or (false) nothing does any more.
    pub(super) fn waits(&mut self, now: Instant, waits: bool) {
        self.advance(now);
        self.waiting = waits.then_some(now);
    }

    /// The transport took so many bytes.
    pub(super) fn took(&mut self, now: Instant, bytes: usize) {
        if self.waiting.is_none() {
            return;
        }
        self.bytes += bytes as u64;
        self.advance(now);
    }

    fn advance(&mut self, now: Instant) {
        let Some(since) = self.waiting.replace(now) else { return };
        self.time += now.saturating_duration_since(since);
        if self.time >= BIN {
            let measured = Measured { at: now, time: self.time, bytes: self.bytes };
            self.past.push_back(measured);
            self.last = Some(measured);
            (self.time, self.bytes) = (Duration::ZERO, 0);
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while self.past.front().is_some_and(|it| now.saturating_duration_since(it.at) > MEMORY) {
            self.past.pop_front();
        }
    }

    /// How long so many bytes would take, where the path was slow of late. By the mean: the best may be what went into empty
    /// buffers, the latest one retransmission.
    pub(super) fn duration_of(&mut self, now: Instant, bytes: usize) -> Duration {
        self.forget(now);
        let last = self.last.filter(|it| self.past.is_empty() && now.saturating_duration_since(it.at) < CAUTION);
        let (time, taken) = self
            .past
            .iter()
            .chain(&last)
            .fold((Duration::ZERO, 0), |(time, bytes), it| (time + it.time, bytes + it.bytes));
        time.mul_f64(bytes as f64 / taken.max(1) as f64)
    }

    /// The best of late, bits a second: the path carries at least this.
    pub(super) fn rate_bps(&mut self, now: Instant) -> Option<u64> {
        self.forget(now);
        self.past.iter().map(Measured::rate_bps).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_taken_while_more_waited_shows_a_rate() {
        let start = crate::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut carried = Carried::default();
        carried.took(at(0), 1_000_000);
        assert_eq!(carried.rate_bps(at(0)), None);
        carried.waits(at(100), true);
        carried.took(at(200), 2500);
        carried.waits(at(200), false);
        carried.took(at(400), 1_000_000);
        carried.waits(at(500), true);
        carried.took(at(600), 2500);
        assert_eq!(carried.rate_bps(at(600)), Some(200_000));
        assert_eq!(carried.rate_bps(at(5000)), None, "it was another path by now");
    }

    #[test]
    fn what_went_into_empty_buffers_does_not_let_something_large_begin() {
        let start = crate::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut carried = Carried::default();
        assert_eq!(carried.duration_of(at(0), 40_000), Duration::ZERO, "nothing says that the path is slow");
        carried.waits(at(0), true);
        carried.took(at(200), 40_000);
        carried.took(at(680), 12_000);
        let duration = carried.duration_of(at(2000), 40_000);
        assert!(duration > Duration::from_millis(500), "{duration:?}");
        carried.waits(at(2000), false);
        assert!(carried.duration_of(at(10_000), 40_000) > Duration::from_millis(500), "nor once all else is forgotten");
        assert_eq!(carried.duration_of(at(40_000), 40_000), Duration::ZERO);
    }
}
