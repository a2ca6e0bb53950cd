//! Moves under way, and what finished ones cost the listener.

use std::time::{Duration, Instant};

use crate::call::event::{Moved, Place};
use crate::election::{LinkId, Reason};

/// A move's gap is known this long after it: playout buffers have played what was on its way.
const SETTLED: Duration = Duration::from_millis(1500);

/// A move that has begun: both links carry media.
#[derive(Debug, Clone)]
pub struct Moving {
    pub from: Option<LinkId>,
    pub to: LinkId,
    pub since: Instant,
    /// The election was told that the new link delivers.
    pub delivered: bool,
}

/// A move that is done and whose cost is not known yet.
#[derive(Debug)]
struct Done {
    at: Instant,
    from: Option<Place>,
    to: Place,
    reason: Reason,
    rtt_before_ms: Option<f64>,
    rtt_after_ms: Option<f64>,
}

/// Finished moves, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    pending: Vec<Done>,
    count: usize,
}

impl Ledger {
    /// The call has moved.
    pub fn add(&mut self, at: Instant, from: Option<Place>, to: Place, reason: Reason, rtt_ms: [Option<f64>; 2]) {
        let [rtt_before_ms, rtt_after_ms] = rtt_ms;
        self.count += 1;
        self.pending.push(Done { at, from, to, reason, rtt_before_ms, rtt_after_ms });
    }

    /// Moves so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether gaps are being attributed to a move.
    pub fn is_settling(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The moves whose cost is known now (all of them at the end). `gaps_ms` is the longest gap of audio and of video
    /// since the last call without a move.
    pub fn settle(
        &mut self,
        now: Instant,
        end: bool,
        gaps_ms: impl FnOnce() -> (Option<u64>, Option<u64>),
    ) -> Vec<Moved> {
        let settled = |done: &Done| end || now.saturating_duration_since(done.at) >= SETTLED;
        if !self.pending.iter().any(settled) {
            return Vec::new();
        }
        let (audio_gap_ms, video_gap_ms) = gaps_ms();
        self.pending
            .extract_if(.., |done| settled(done))
            .map(|done| Moved {
                from: done.from,
                to: done.to,
                reason: done.reason,
                rtt_before_ms: done.rtt_before_ms,
                rtt_after_ms: done.rtt_after_ms,
                audio_gap_ms,
                video_gap_ms,
            })
            .collect()
    }
}
