//! Keeps what was played in step with the microphone: two devices, two crystals, and callbacks that come when they like.
//!
//! The canceller finds an echo by its distance behind what was played, so that distance must not wander. Each callback of
//! the speaker tells when it took how much; each frame of the microphone has a time by the same clock. From these a
//! line shows where the speaker is and how the two drift, and what was played is resampled along that line. A crystal
//! that is not off is left alone exactly.
//!
//! Pure; owned by `cleaner`, its line is in [`line`]. Must never: wait for the speaker.

mod line;

use std::collections::VecDeque;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Adjustable as _, Async, FixedAsync, Resampler as _, SincInterpolationParameters, WindowFunction};

use self::line::Line;
use super::{CHUNK, Chunk, RATE};

/// Length of a chunk, µs.
const CHUNK_US: f64 = 10_000.0;
/// The largest drift that is believed, parts of one: crystals keep 100 ppm each.
const DRIFT: f64 = 500e-6;
/// Off by less, µs, nothing is done about it: the canceller does not care.
const NEAR_US: f64 = 1_500.0;
/// Off by more, µs, something was lost or inserted, and the reference is moved at once; the lower one in the first seconds,
/// while it shows how late callbacks can be and the canceller has learned little.
const FAR_US: f64 = 5_000.0;
const FIRST_FAR_US: f64 = 500.0;
/// What is off by less is drawn in over this time, µs, and not faster than `DRIFT`.
const DRAW_US: f64 = 8e6;
/// What is kept of what was played, s: nobody asks for anything older.
const KEPT_S: f64 = 1.0;
/// Chunks in a row that were asked for before they were played, after which the line is believed no more.
const STARVED: u32 = 5;
/// Taps of the resampler: a delay of 0.7 ms.
const TAPS: usize = 64;

/// One stream of a speaker as a reference for the microphone.
pub struct Follower {
    /// Device samples a second.
    rate: f64,
    convert: Async<f32>,
    speed: f64,
    /// What was played, from sample `first` of the stream on.
    samples: VecDeque<f32>,
    first: i64,
    input: Vec<f32>,
    /// The sample of the stream that is read next; `None` before the first chunk.
    cursor: Option<i64>,
    /// Sound taken for the microphone so far, µs.
    taken: f64,
    line: Line,
    starved: u32,
    moved: u64,
}

/// Why a speaker's stream cannot be followed.
#[derive(Debug, thiserror::Error)]
#[error("what is played at {rate} Hz cannot be compared: {reason}")]
pub struct FollowError {
    rate: u32,
    reason: String,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("rate", &self.rate).field("moved", &self.moved).finish_non_exhaustive()
    }
}

impl Follower {
    /// For a speaker that takes `rate` samples a second.
    ///
    /// # Errors
    /// A rate that no device has.
    pub fn new(rate: u32) -> Result<Self, FollowError> {
        let error = |reason: String| FollowError { rate, reason };
        if !(4_000..=768_000).contains(&rate) {
            return Err(error("out of range".into()));
        }
        let ratio = f64::from(RATE) / f64::from(rate);
        let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2);
        let convert = Async::new_sinc(ratio, 1.0 + 4.0 * DRIFT, &parameters, CHUNK, 1, FixedAsync::Output)
            .map_err(|failed| error(failed.to_string()))?;
        Ok(Self {
            rate: f64::from(rate),
            convert,
            speed: 0.0,
            samples: VecDeque::new(),
            first: 0,
            input: Vec::new(),
            cursor: None,
            taken: 0.0,
            line: Line::default(),
            starved: 0,
            moved: 0,
        })
    }

    /// A callback took these samples at `at_us` of the media clock; the first one is number `start` of the stream. What is
    /// missing between calls was lost on the way here and reads as silence.
    pub fn played(&mut self, at_us: u64, start: u64, samples: &[f32]) {
        let kept = (KEPT_S * self.rate) as i64;
        let (start, end) = (i64::try_from(start).unwrap_or(i64::MAX), self.end());
        if (0..kept).contains(&(start - end)) {
            self.samples.extend(std::iter::repeat_n(0.0, (start - end) as usize));
        } else {
            self.samples.clear();
            self.first = start;
        }
        self.samples.extend(samples);
        let old = self.samples.len().saturating_sub(kept as usize);
        self.samples.drain(..old);
        self.first += old as i64;
        self.line.speaker(start as f64 * 1e6 / self.rate - at_us as f64);
    }

    /// What left the speaker during the 10 ms whose first sample the microphone took at `at_us`. To be called for each
    /// 10 ms of the microphone, in order. Silence where nothing is known.
    pub fn take(&mut self, at_us: u64, out: &mut Chunk) {
        self.line.microphone(at_us as f64 - self.taken, self.taken);
        let due = self.line.at(self.taken).map(|ahead| self.taken + ahead);
        self.taken += CHUNK_US;
        let Some(due) = due else { return out.fill(0.0) };
        let due = (due * self.rate / 1e6).round() as i64;
        let cursor = self.steer(due);
        self.read(cursor, out);
    }

    /// How much faster the speaker runs than the microphone, parts of one; 0 until it is certain.
    pub fn drift(&self) -> f64 {
        self.line.drift()
    }

    /// How often the reference was moved because something had been lost or inserted.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    fn end(&self) -> i64 {
        self.first + self.samples.len() as i64
    }

    /// Where to read, and how fast, so that the next chunks come to lie where they are due.
    fn steer(&mut self, due: i64) -> i64 {
        let cursor = self.cursor.unwrap_or(due);
        let off_us = (due - cursor) as f64 * 1e6 / self.rate;
        let far = if self.line.is_young() { FIRST_FAR_US } else { FAR_US };
        self.speed = self.line.drift();
        if off_us.abs() > far {
            tracing::debug!(off_us, "the reference of the echo is moved");
            self.moved += 1;
            return due;
        }
        if off_us.abs() > NEAR_US {
            self.speed += (off_us / DRAW_US).clamp(-DRIFT, DRIFT);
        }
        cursor
    }

    fn read(&mut self, cursor: i64, out: &mut Chunk) {
        // Within the range that the resampler was made for.
        let told = self.convert.set_resample_ratio_relative(1.0 / (1.0 + self.speed), true);
        let need = self.convert.input_frames_next();
        self.input.clear();
        let at = |n: usize| usize::try_from(cursor - self.first + n as i64).ok();
        self.input.extend((0..need).map(|n| at(n).and_then(|at| self.samples.get(at)).copied().unwrap_or(0.0)));
        self.cursor = Some(cursor + need as i64);
        self.starved = if cursor >= self.end() { self.starved + 1 } else { 0 };
        if self.starved == STARVED {
            self.line.doubt();
        }
        let made = InterleavedSlice::new(&self.input, 1, need).ok().zip(InterleavedSlice::new_mut(out, 1, CHUNK).ok());
        let made = made.map(|(input, mut output)| self.convert.process_into_buffer(&input, &mut output, None));
        if told.is_err() || !matches!(made, Some(Ok(_))) {
            tracing::error!(?told, ?made, "what was played could not be resampled");
            out.fill(0.0);
        }
    }
}
