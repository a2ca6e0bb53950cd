//! What a viewer would complain about, counted.

use std::time::{Duration, Instant};

/// Figures since the buffer was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VideoStats {
    /// Frames that came, each counted once.
    pub received: u64,
    /// Frames that never came, or came after their turn.
    pub lost: u64,
    /// Frames that were left out and that nothing refers to.
    pub skipped: u64,
    /// Frames that came and could not be decoded for want of others.
    pub undecodable: u64,
    /// Frames that came after their turn.
    pub late: u64,
    /// Frames that came again.
    pub duplicates: u64,
    /// Time for which the picture stood still, ms: of every interval between two frames that was more than 200 ms
    /// longer than usual, what was longer than usual.
    pub frozen_ms: u64,
    /// The longest interval between two frames, ms.
    pub longest_gap_ms: u64,
    /// Key frames asked for.
    pub key_frames_requested: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub stats: VideoStats,
    popped: Option<Instant>,
    capture: Option<i64>,
    /// The usual distance of two frames by their capture times, µs, smoothed over some 16 frames.
    interval_us: Option<i64>,
    since_take: Duration,
}

impl Tally {
    /// Longer than usual by this is a freeze.
    const FREEZE: Duration = Duration::from_millis(200);

    /// A frame was popped; `follows` if it is the next of the one before.
    pub fn popped(&mut self, now: Instant, capture: i64, follows: bool) {
        if let (true, Some(before)) = (follows, self.capture) {
            let distance = (capture - before).clamp(5_000, 1_000_000);
            let usual = self.interval_us.get_or_insert(distance);
            *usual += (distance - *usual) / 16;
        }
        self.capture = Some(capture);
        let (frozen, gap) = self.running(now);
        self.stats.frozen_ms += frozen;
        self.stats.longest_gap_ms = self.stats.longest_gap_ms.max(gap.as_millis() as u64);
        self.since_take = self.since_take.max(gap);
        self.popped = Some(now);
    }

    /// The sender stopped on purpose: the interval that runs now does not count.
    pub fn pause(&mut self) {
        self.popped = None;
    }

    /// The usual distance of two frames by their capture times, µs.
    pub fn usual_us(&self) -> u64 {
        self.interval_us.map_or(33_000, i64::unsigned_abs)
    }

    fn running(&self, now: Instant) -> (u64, Duration) {
        let Some(popped) = self.popped else { return (0, Duration::ZERO) };
        let gap = now.saturating_duration_since(popped);
        let usual = Duration::from_micros(self.usual_us());
        let beyond = gap.saturating_sub(usual);
        (if beyond > Self::FREEZE { beyond.as_millis() as u64 } else { 0 }, gap)
    }

    pub fn stats(&self, now: Instant) -> VideoStats {
        let (frozen, gap) = self.running(now);
        VideoStats {
            frozen_ms: self.stats.frozen_ms + frozen,
            longest_gap_ms: self.stats.longest_gap_ms.max(gap.as_millis() as u64),
            ..self.stats
        }
    }

    pub fn take_longest_gap_ms(&mut self, now: Instant) -> u64 {
        let (_, running) = self.running(now);
        std::mem::take(&mut self.since_take).max(running).as_millis() as u64
    }
}
