//! How loud it is, for a meter: written by one thread, read by any.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

/// Frames whose loudness is kept for who asks late (2 s).
const KEPT: usize = 100;

/// The peak of late, 0.0..=1.0, falling by half in 80 ms.
#[derive(Debug, Default)]
pub struct Level(AtomicU32);

impl Level {
    /// Takes in 20 ms of samples.
    pub fn feed(&self, frame: &[f32]) {
        self.feed_at_least(frame, 0.0);
    }

    /// The same, and shows `least` where the samples are quieter.
    pub fn feed_at_least(&self, frame: &[f32], least: f32) {
        let peak = frame.iter().fold(least, |peak, sample| peak.max(sample.abs())).min(1.0);
        let level = peak.max(self.get() * 0.84);
        self.0.store(if level < 1e-4 { 0 } else { level.to_bits() }, Ordering::Relaxed);
    }

    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// How loud it was, 20 ms by 20 ms, for whoever finds out who speaks.
#[derive(Debug, Default)]
pub struct Loudness(VecDeque<f32>);

impl Loudness {
    /// Takes in 20 ms of samples.
    pub fn feed(&mut self, frame: &[f32]) {
        let power = frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len().max(1) as f32;
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(power.sqrt().min(1.0));
    }

    /// The RMS of each frame since this was last asked, 0.0..=1.0, of the last two seconds.
    pub fn take(&mut self) -> Vec<f32> {
        self.0.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_is_told_once_and_for_two_seconds_at_most() {
        let mut loudness = Loudness::default();
        loudness.feed(&[0.5, -0.5]);
        loudness.feed(&[0.0, 0.0]);
        assert_eq!(loudness.take(), [0.5, 0.0]);
        (0..1000).for_each(|_| loudness.feed(&[]));
        assert_eq!(loudness.take().len(), KEPT);
        assert!(loudness.take().is_empty());
    }

    #[test]
    fn the_meter_jumps_up_and_falls_slowly() {
        let level = Level::default();
        level.feed(&[0.1, -0.5]);
        assert_eq!(level.get(), 0.5);
        (0..4).for_each(|_| level.feed(&[0.0]));
        assert!((0.24..0.26).contains(&level.get()));
        (0..100).for_each(|_| level.feed(&[0.0]));
        assert_eq!(level.get(), 0.0);
    }
}
