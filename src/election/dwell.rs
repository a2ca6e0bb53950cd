//! How soon after a move for the better the next one may come.
//!
//! Doubles when the call goes back to where it recently left, halves in quiet times. Only moves that probes asked
//! for are held back: distress and users are not.

use std::time::{Duration, Instant};

use super::CandidateId;
use super::rules::{DWELL, DWELL_MOST, QUIET};

#[derive(Debug, Clone)]
pub(super) struct Dwell {
    length: Duration,
    moved: Option<Instant>,
    /// Start of the current quiet time.
    quiet: Option<Instant>,
    left: Vec<(CandidateId, Instant)>,
}

impl Dwell {
    pub(super) fn new() -> Self {
        Self { length: DWELL, moved: None, quiet: None, left: Vec::new() }
    }

    /// A move for the better took place.
    pub(super) fn moved(&mut self, from: CandidateId, to: CandidateId, now: Instant) {
        self.settle(now);
        if self.left.iter().any(|(id, _)| *id == to) {
            self.length = (self.length * 2).min(DWELL_MOST);
        }
        self.left.retain(|(id, _)| *id != from);
        self.left.push((from, now));
        self.hold(now);
    }

    /// Starts the dwell, for whatever reason.
    pub(super) fn hold(&mut self, now: Instant) {
        self.moved = Some(now);
        self.quiet = Some(now);
    }

    /// Lets quiet time count.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(quiet) = self.quiet
            && now.saturating_duration_since(quiet) >= QUIET
        {
            self.length = (self.length / 2).max(DWELL);
            self.quiet = (self.length > DWELL).then_some(quiet + QUIET);
        }
        self.left.retain(|(_, at)| now.saturating_duration_since(*at) < QUIET);
    }

    /// What is left to wait; zero when a move may come.
    pub(super) fn remaining(&self, now: Instant) -> Duration {
        self.until().map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// When a move may come again.
    pub(super) fn until(&self) -> Option<Instant> {
        self.moved.map(|moved| moved + self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dwell_doubles_on_flapping_and_halves_after_ten_quiet_minutes() {
        let (a, b, c) = (CandidateId(0), CandidateId(1), CandidateId(2));
        let mut now = crate::clock::now();
        let mut dwell = Dwell::new();
        assert_eq!(dwell.remaining(now), Duration::ZERO);
        for (from, to, expected) in [
            (a, b, 30),
            (b, c, 30), // Onwards is no flapping.
            (c, a, 60), // Back is.
            (a, c, 120),
            (c, a, 240),
            (a, c, 480),
            (c, a, 480), // Eight minutes at most.
        ] {
            dwell.moved(from, to, now);
            assert_eq!(dwell.remaining(now).as_secs(), expected, "{from:?} to {to:?}");
            now += Duration::from_secs(1);
        }
        for (minutes, expected) in [(9, 480), (10, 240), (19, 240), (20, 120), (30, 60), (40, 30), (90, 30)] {
            let mut later = dwell.clone();
            later.settle(now + Duration::from_secs(minutes * 60));
            assert_eq!(later.length.as_secs(), expected, "after {minutes} minutes");
        }
    }
}
