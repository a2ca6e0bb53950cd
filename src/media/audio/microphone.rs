//! From the microphone's ring to frames with times.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::capture::Publisher;
use super::device::{self, DeviceKind, Health, Input};
use super::pace::{Stop, Worker};
use super::processing::Cleaner;
use super::resample::Resampler;
use super::retry::{Keeper, System};
use super::{AudioError, FRAME, FRAME_US, RATE};
use crate::clock;
use crate::media::{Device, Event};

/// The ring is looked at when the next callback should have come, as its buffers tell, and this much later ...
const SLACK: Duration = Duration::from_micros(500);
/// ... but so often at least, and at most: the callback wakes nobody.
const LOOK: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_millis(10);
/// The same before there is a device.
const IDLE: Duration = Duration::from_millis(50);

/// Starts the two threads of a microphone: one keeps the device open, one encodes.
pub fn start(
    wanted: Option<String>,
    publisher: Publisher,
    cleaner: Cleaner,
    events: mpsc::Sender<Event>,
) -> Result<Vec<Worker>, AudioError> {
    // The device's thread leaves the ring of each new stream here.
    let slot = Arc::new(Mutex::new(None));
    let fresh = slot.clone();
    let keeper = Keeper::new(Device::Microphone, wanted, events);
    let device = Worker::spawn_driver("audio-microphone", move |stop| {
        let open = |device: &cpal::Device, health: &Arc<Health>| {
            let (stream, input) = device::open_input(device, health)?;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(input);
            Ok(stream)
        };
        keeper.run(&stop, System { kind: DeviceKind::Input, open });
    })?;
    let encode = Worker::spawn("audio-encode", move |stop| encode(&stop, &fresh, publisher, cleaner))?;
    Ok(vec![device, encode])
}

fn encode(stop: &Stop, fresh: &Mutex<Option<Input>>, mut publisher: Publisher, mut cleaner: Cleaner) {
    let mut reader: Option<Reader> = None;
    while stop.wait(reader.as_ref().map_or(IDLE, |reader| reader.pause(clock::now()))) {
        if let Some(input) = fresh.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader = Reader::new(input).inspect_err(|error| tracing::error!(%error, "microphone")).ok();
            cleaner.restart();
        }
        let Some(reader) = &mut reader else { continue };
        if let Err(error) = reader.read() {
            tracing::error!(%error, "microphone");
        }
        while let Some((mut frame, capture_us)) = reader.frame(publisher.clock.us_at(clock::now())) {
            publisher.hears(&frame);
            let capture_us = cleaner.clean(&mut frame, capture_us, publisher.switches());
            if !publisher.publish(&mut frame, capture_us) {
                return;
            }
        }
    }
}

/// Cuts what one stream of a device delivers into frames.
struct Reader {
    input: Input,
    resampler: Resampler,
    raw: Vec<f32>,
    pending: Vec<f32>,
    timeline: Timeline,
}

impl Reader {
    fn new(input: Input) -> Result<Self, super::resample::ResampleError> {
        let resampler = Resampler::new(input.rate, RATE)?;
        Ok(Self { input, resampler, raw: Vec::new(), pending: Vec::new(), timeline: Timeline::default() })
    }

    /// How long nothing is to be expected.
    fn pause(&self, now: Instant) -> Duration {
        let rest = self.input.health.unplayed(now, self.input.rate) as u64;
        let rest = Duration::from_micros(rest * 1_000_000 / u64::from(self.input.rate.max(1)));
        (rest + SLACK).clamp(*LOOK.start(), *LOOK.end())
    }

    fn read(&mut self) -> Result<(), super::resample::ResampleError> {
        let ready = self.input.samples.slots();
        self.raw.resize(ready, 0.0);
        let (read, _) = self.input.samples.pop_partial_slice(&mut self.raw);
        let read = read.len();
        self.resampler.process(&self.raw[..read], &mut self.pending)
    }

    fn frame(&mut self, now_us: u64) -> Option<(super::Frame, u64)> {
        let frame = *self.pending.first_chunk::<FRAME>()?;
        let waiting_us = self.pending.len() as u64 * 1_000_000 / u64::from(RATE);
        let capture_us = self.timeline.stamp(now_us.saturating_sub(waiting_us));
        self.pending.drain(..FRAME);
        Some((frame, capture_us))
    }
}

/// Times of frames: counted, since a count does not jitter, and drawn slowly towards the clock, since a
/// device's crystal drifts.
#[derive(Debug, Default)]
struct Timeline {
    /// When the next frame is due, µs.
    next: Option<u64>,
    last: Option<u64>,
    /// Frames in a row that were far off.
    astray: u32,
}

impl Timeline {
    /// Further off than this, µs, sound was lost or has been held up.
    const FAR_US: i64 = 60_000;
    /// Frames that are far off before the clock is believed (0.5 s): what was held up comes in a burst, and its count
    /// is right.
    const PATIENCE: u32 = 25;
    /// The share of an error that is taken in with each frame: 1.3 s to settle.
    const DRAW: i64 = 64;

    /// The time of the next frame, of which the clock says `seen` µs. Never goes back.
    fn stamp(&mut self, seen: u64) -> u64 {
        let counted = self.next.unwrap_or(seen);
        let error = i64::try_from(seen).unwrap_or(i64::MAX) - i64::try_from(counted).unwrap_or(i64::MAX);
        self.astray = if error.abs() > Self::FAR_US { self.astray + 1 } else { 0 };
        let time = if self.astray > Self::PATIENCE {
            self.astray = 0;
            seen
        } else {
            counted.saturating_add_signed(error.clamp(-Self::FAR_US, Self::FAR_US) / Self::DRAW)
        };
        let time = self.last.map_or(time, |last| time.max(last + 1));
        self.last = Some(time);
        self.next = Some(time + FRAME_US);
        time
    }
}

#[cfg(test)]
mod budget;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_times_are_even_though_the_clock_is_read_unevenly() {
        let mut timeline = Timeline::default();
        let mut before = timeline.stamp(1_000_000);
        for n in 1..500u64 {
            let jitter = [0, 7_000, 3_000, 9_000][n as usize % 4];
            let time = timeline.stamp(1_000_000 + n * FRAME_US + jitter);
            assert!((19_800..=20_200).contains(&(time - before)), "{}", time - before);
            before = time;
        }
    }

    #[test]
    fn frame_times_follow_a_crystal_that_drifts() {
        let mut timeline = Timeline::default();
        let seen = |n: u64| 1_000_000 + n * (FRAME_US + 2);
        let last = (0..180_000).map(|n| (n, timeline.stamp(seen(n)))).last().unwrap();
        assert!(seen(last.0).abs_diff(last.1) < 500, "100 ppm for an hour");
    }

    #[test]
    fn frame_times_follow_lost_sound_within_half_a_second_and_never_go_back() {
        let mut timeline = Timeline::default();
        let mut last = 0;
        for n in 0..100u64 {
            let lost = if n >= 10 { 900_000 } else { 0 };
            let time = timeline.stamp(n * FRAME_US + lost);
            assert!(n == 0 || time > last);
            last = time;
        }
        assert!(last.abs_diff(99 * FRAME_US + 900_000) < 60_000, "{last}");
        assert_eq!(timeline.stamp(0).max(last), timeline.last.unwrap());
    }

    #[test]
    fn sound_that_was_held_up_keeps_its_times() {
        let mut timeline = Timeline::default();
        for n in 0..100u64 {
            // Frames 10 to 21 come in one burst.
            let seen = if (10..22).contains(&n) { 22 } else { n };
            let time = timeline.stamp(seen * FRAME_US);
            assert!(time.abs_diff(n * FRAME_US) < 12_000, "frame {n} at {time}");
        }
    }

    #[test]
    fn a_ring_at_another_rate_becomes_frames_at_ours() {
        let (mut producer, samples) = rtrb::RingBuffer::new(44_100);
        let mut reader = Reader::new(Input { samples, rate: 44_100, health: Arc::default() }).unwrap();
        producer.push_entire_slice(&[0.5; 44_100]).unwrap();
        reader.read().unwrap();
        let frames = std::iter::from_fn(|| reader.frame(2_000_000)).count();
        assert!((48..=50).contains(&frames), "{frames} frames of a second");
    }
}
