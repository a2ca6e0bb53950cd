//! What a listener would complain about, counted.

use super::FRAME_US;

/// Figures since the buffer was made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AudioStats {
    /// Packets that came, each counted once.
    pub received: u64,
    /// Packets that were not there when their turn came, those that came later included.
    pub lost: u64,
    /// Of the lost, those that never came.
    pub missing: u64,
    /// Of the lost, those that the next packet's in-band FEC gave back.
    pub recovered: u64,
    /// Audio that was expected and had to be made up or left silent, ms.
    pub concealed_ms: u64,
    /// The longest uninterrupted stretch of that, ms; one that is still running included.
    pub longest_gap_ms: u64,
    /// Interarrival jitter as of RFC 3550 section 6.4.1, ms.
    pub jitter_ms: f64,
    /// Mean time from when a packet could at best have come to its playout, ms.
    pub delay_ms: f64,
    /// The delay aimed at now, ms.
    pub target_ms: f64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Audio put in by stretching, to let the buffer grow, ms.
    pub grown_ms: f64,
    /// Audio left out by stretching, to let the buffer shrink, ms.
    pub shrunk_ms: f64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub stats: AudioStats,
    /// Pulls in a row that had nothing to play.
    pub run: u32,
    /// Lost when their turn came, and came later; or there, and passed over to catch up.
    pub overdue: u64,
    since_take_ms: u64,
    transit: Option<i64>,
    delay_sum_us: i64,
    played: i64,
}

impl Tally {
    pub fn received(&mut self, at: i64, capture: i64) {
        self.stats.received += 1;
        let transit = at - capture;
        if let Some(before) = self.transit.replace(transit) {
            let difference_ms = (transit - before).unsigned_abs() as f64 / 1000.0;
            self.stats.jitter_ms += (difference_ms - self.stats.jitter_ms) / 16.0;
        }
    }

    pub fn played(&mut self, delay: i64) {
        self.run = 0;
        self.played += 1;
        // A sender's clock that jumps must not spoil the mean for good.
        self.delay_sum_us += delay.clamp(0, 10_000_000);
        self.stats.delay_ms = self.delay_sum_us as f64 / self.played as f64 / 1000.0;
    }

    pub fn recovered(&mut self) {
        self.run = 0;
        self.stats.recovered += 1;
    }

    /// Another pull without audio where audio was expected.
    pub fn gap(&mut self) {
        self.run += 1;
        let frame_ms = FRAME_US as u64 / 1000;
        self.stats.concealed_ms += frame_ms;
        let gap_ms = u64::from(self.run) * frame_ms;
        self.stats.longest_gap_ms = self.stats.longest_gap_ms.max(gap_ms);
        self.since_take_ms = self.since_take_ms.max(gap_ms);
    }

    pub fn take_longest_gap_ms(&mut self) -> u64 {
        std::mem::take(&mut self.since_take_ms)
    }
}
