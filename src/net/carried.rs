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
    /// When each was complete, and bits a second.
    past: VecDeque<(Instant, u64)>,
    last: Option<(Instant, u64)>,
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
            let measured = (now, (self.bytes as f64 * 8.0 / self.time.as_secs_f64()) as u64);
            self.past.push_back(measured);
            self.last = Some(measured);
            (self.time, self.bytes) = (Duration::ZERO, 0);
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while self.past.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > MEMORY) {
            self.past.pop_front();
        }
    }

    /// How long so many bytes would take, where the path was slow of late.
    pub(super) fn duration_of(&mut self, now: Instant, bytes: usize) -> Duration {
        let last = self.last.filter(|(at, _)| now.saturating_duration_since(*at) < CAUTION).map(|(_, rate)| rate);
        let rate = self.rate_bps(now).or(last);
        rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bytes as f64 * 8.0 / rate.max(1) as f64))
    }

    /// The best of late, bits a second: the path carries at least this.
    pub(super) fn rate_bps(&mut self, now: Instant) -> Option<u64> {
        self.forget(now);
        self.past.iter().map(|(_, rate)| *rate).max()
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
}
