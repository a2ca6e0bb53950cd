//! The way to one stream of a speaker: its ring is kept as empty as is safe, by stretching sound a little. Pure but for
//! the ring; called by [`super::speaker`].
//!
//! Before 20 ms are put in, what is left in the ring is counted together with what the device has still to play of the
//! buffer that it took last: that does not depend on where its buffers fall between our frames. The least of a second is
//! held at the device's largest buffer and a small reserve, by making frames a few samples longer or shorter, which nobody
//! hears, and which takes up the drift of the device's crystal on the way. The reserve grows where the ring ran dry all the
//! same, and shrinks again slowly.

use std::time::{Duration, Instant};

use super::device::Feed;
use super::resample::{ResampleError, Resampler};
use super::{FRAME, Frame, RATE};

/// Frames over which the least that was left is taken (1 s): many buffers of any device.
const WINDOW: u32 = 50;
/// The least reserve, and what it grows by where the ring ran dry, ms.
const RESERVE_MS: usize = 6;
const GROWTH_MS: usize = 5;
/// The most, ms: a machine that is later than this stutters.
const MOST_MS: usize = 60;
/// A device's buffer before it has taken one, at least and at most, ms.
const PERIOD_MS: usize = 10;
const SMALLEST_MS: usize = 2;
const LARGEST_MS: usize = 200;
/// Windows after which the reserve shrinks by 1 ms, and a buffer as large as none since is forgotten.
const CALM: u32 = 10;
/// Sound that waits longer than this besides all that is left out, ms: the machine stood still.
const BEHIND_MS: usize = 50;
/// Off by less than this, nothing is stretched, ms.
const NEAR_MS: f32 = 1.5;
/// The most samples by which a frame is stretched: 0.8 %, a seventh of a semitone.
const STRETCH: isize = 8;
/// The first sound after silence comes up over so many samples (5 ms).
const RISE: usize = 240;

/// See the module.
pub struct Line {
    feed: Feed,
    stretch: Stretch,
    resampler: Resampler,
    stretched: Vec<f32>,
    made: Vec<f32>,
    /// The device's largest buffer of late, and of the time before; this and the next two are samples at its rate.
    period: [usize; 2],
    reserve: usize,
    least: usize,
    looks: u32,
    windows: u32,
    /// Samples by which each frame is stretched now.
    by: isize,
    started: bool,
    skipped: u64,
}

impl Line {
    /// # Errors
    /// The device's rate is 0 Hz.
    pub fn new(feed: Feed) -> Result<Self, ResampleError> {
        let resampler = Resampler::new(RATE, feed.rate)?;
        let reserve = RESERVE_MS * feed.rate as usize / 1000;
        Ok(Self {
            feed,
            stretch: Stretch::default(),
            resampler,
            stretched: Vec::new(),
            made: Vec::new(),
            period: [0, 0],
            reserve,
            least: usize::MAX,
            looks: 0,
            windows: 0,
            by: 0,
            started: false,
            skipped: 0,
        })
    }

    /// Hands on 20 ms. Never waits.
    pub fn play(&mut self, frame: &Frame, now: Instant) {
        let ms = (self.feed.rate as usize / 1000).max(1);
        let queued = self.queued();
        let health = &self.feed.health;
        self.period[0] = self.period[0].max(health.take_period());
        let smallest = if health.beats() == 0 { PERIOD_MS } else { SMALLEST_MS };
        let period = self.period.iter().copied().fold(smallest * ms, usize::max).min(LARGEST_MS * ms);
        let unplayed = health.unplayed(now, self.feed.rate);
        let left = queued + unplayed;
        self.made.clear();
        let dry = queued == 0;
        if dry {
            self.ran_dry(ms);
            self.made.resize((self.reserve + period).saturating_sub(unplayed), 0.0);
        } else {
            self.look(left, self.reserve + period, ms);
        }
        if left > self.reserve + period + BEHIND_MS * ms {
            self.skipped += 1;
            (self.least, self.looks) = (usize::MAX, 0);
            tracing::trace!(left, skipped = self.skipped, missed = self.feed.health.missed(), "speaker is behind");
            return;
        }
        self.stretched.clear();
        self.stretch.frame(frame, self.by, &mut self.stretched);
        if dry {
            for (n, sample) in self.stretched.iter_mut().take(RISE).enumerate() {
                *sample *= n as f32 / RISE as f32;
            }
        }
        if let Err(error) = self.resampler.process(&self.stretched, &mut self.made) {
            tracing::error!(%error, "speaker");
        }
        let (_, no_room) = self.feed.samples.push_partial_slice(&self.made);
        if !no_room.is_empty() {
            self.skipped += 1;
        }
    }

    /// When what was handed on last is over, from `now`: what waits in the ring, what is left of the last callback, and
    /// the device. Less the frame itself: from the first sample of it.
    pub fn waiting(&self, now: Instant) -> Duration {
        let health = &self.feed.health;
        let waits = (self.queued() + health.unplayed(now, self.feed.rate)) as f64 / f64::from(self.feed.rate.max(1));
        let frame = FRAME as f64 / f64::from(RATE);
        Duration::from_secs_f64((waits - frame).max(0.0)) + health.latency()
    }

    /// Samples that wait in the ring.
    fn queued(&self) -> usize {
        self.feed.samples.buffer().capacity() - self.feed.samples.slots()
    }

    fn ran_dry(&mut self, ms: usize) {
        if self.started {
            self.reserve = (self.reserve + GROWTH_MS * ms).min(MOST_MS * ms);
        }
        self.started = true;
        (self.least, self.looks, self.by) = (usize::MAX, 0, 0);
    }

    /// Takes in what was left, and once a second decides how to go on.
    fn look(&mut self, left: usize, goal: usize, ms: usize) {
        self.least = self.least.min(left);
        self.looks += 1;
        if self.looks < WINDOW {
            return;
        }
        let off_ms = (self.least as f32 - goal as f32) / ms as f32;
        // A second of frames takes up what is off: 48 samples a millisecond over 50 frames.
        self.by = if off_ms.abs() < NEAR_MS { 0 } else { -(off_ms.round() as isize).clamp(-STRETCH, STRETCH) };
        (self.least, self.looks) = (usize::MAX, 0);
        self.windows += 1;
        if self.windows >= CALM {
            self.windows = 0;
            self.reserve = self.reserve.saturating_sub(ms).max(RESERVE_MS * ms);
            self.period = [0, self.period[0]];
        }
    }
}

/// Makes frames a few samples longer or shorter: the waveform is read at slightly other points, by cubic interpolation
/// (Catmull-Rom). Where nothing is to be stretched every sample passes as it is.
#[derive(Debug, Default)]
struct Stretch {
    /// The samples before this frame, of which two are still to come out.
    past: [f32; 3],
}

impl Stretch {
    /// Appends `frame`, two samples late, as 960 + `by` samples.
    fn frame(&mut self, frame: &Frame, by: isize, out: &mut Vec<f32>) {
        let mut samples = [0.0; FRAME + 3];
        samples[..3].copy_from_slice(&self.past);
        samples[3..].copy_from_slice(frame);
        self.past.copy_from_slice(&frame[FRAME - 3..]);
        // Each sample lies between the second and the third of four.
        let count = FRAME.saturating_add_signed(by);
        out.extend((0..count).map(|n| {
            let (at, part) = (n * FRAME / count, (n * FRAME % count) as f32 / count as f32);
            let [a, b, c, d] = [samples[at], samples[at + 1], samples[at + 2], samples[at + 3]];
            let bend = part * (c - a + part * (2.0 * a - 5.0 * b + 4.0 * c - d + part * (3.0 * (b - c) + d - a)));
            b + 0.5 * bend
        }));
    }
}

#[cfg(test)]
mod tests;
