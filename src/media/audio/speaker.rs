//! From the mix to the speaker's ring: never waits, never lets the ring grow.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::device::{self, DeviceKind, Feed, Health};
use super::pace::{Worker, drop_later};
use super::processing::played::Played;
use super::resample::Resampler;
use super::retry::{Keeper, System};
use super::{AudioError, Frame, RATE};
use crate::media::{Device, Event};

/// A speaker, there or not.
pub struct Speaker {
    fresh: Arc<Mutex<Option<Feed>>>,
    line: Option<Line>,
    device: Worker,
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speaker").field("line", &self.line.is_some()).finish_non_exhaustive()
    }
}

impl Speaker {
    /// Starts the thread that keeps the device open. What it really plays is heard at `played`.
    pub fn start(wanted: Option<String>, played: Played, events: mpsc::Sender<Event>) -> Result<Self, AudioError> {
        let fresh = Arc::new(Mutex::new(None));
        let slot = fresh.clone();
        let keeper = Keeper::new(Device::Speaker, wanted, events);
        let device = Worker::spawn_driver("audio-speaker", move |stop| {
            let open = |device: &cpal::Device, health: &Arc<Health>| {
                let (stream, mut feed) = device::open_output(device, health)?;
                if let Some(heard) = feed.heard.take() {
                    played.set(heard);
                }
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(feed);
                Ok(stream)
            };
            keeper.run(&stop, System { kind: DeviceKind::Output, open });
        })?;
        Ok(Self { fresh, line: None, device })
    }

    /// Lets go of the device without waiting for it.
    pub fn stop_later(mut self) {
        self.device.tell_to_stop();
        drop_later(self.device);
    }

    /// Hands on 20 ms, or drops them where there is no device.
    pub fn play(&mut self, frame: &Frame) {
        if let Some(feed) = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.line = Line::new(feed).inspect_err(|error| tracing::error!(%error, "speaker")).ok();
        }
        if let Some(line) = &mut self.line {
            line.play(frame);
        }
    }
}

/// One stream of a device. Its ring is filled to a callback and 10 ms when it has run dry, and left to the clocks after
/// that: the device's crystal and ours differ, so now and then a frame is dropped, or silence put in.
struct Line {
    feed: Feed,
    resampler: Resampler,
    made: Vec<f32>,
    skipped: u64,
}

impl Line {
    fn new(feed: Feed) -> Result<Self, super::resample::ResampleError> {
        let resampler = Resampler::new(RATE, feed.rate)?;
        Ok(Self { feed, resampler, made: Vec::new(), skipped: 0 })
    }

    fn play(&mut self, frame: &Frame) {
        let ring = &mut self.feed.samples;
        let capacity = ring.buffer().capacity();
        let queued = capacity - ring.slots();
        let ms = self.feed.rate as usize / 1000;
        let reserve = self.feed.health.period().clamp(10 * ms, 100 * ms) + 10 * ms;
        self.made.clear();
        if queued == 0 {
            self.made.resize(reserve, 0.0);
        }
        if queued > reserve + 20 * ms {
            self.skipped += 1;
            tracing::trace!(queued, skipped = self.skipped, missed = self.feed.health.missed(), "speaker is behind");
            return;
        }
        if let Err(error) = self.resampler.process(frame, &mut self.made) {
            tracing::error!(%error, "speaker");
        }
        let (_, no_room) = ring.push_partial_slice(&self.made);
        if !no_room.is_empty() {
            self.skipped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::FRAME;
    use super::*;

    fn line(rate: u32) -> (Line, rtrb::Consumer<f32>) {
        let (samples, consumer) = rtrb::RingBuffer::new(rate as usize / 2);
        (Line::new(Feed { samples, rate, health: Arc::default(), heard: None }).unwrap(), consumer)
    }

    #[test]
    fn a_device_that_plays_nothing_is_never_owed_more_than_60_ms() {
        let (mut line, consumer) = line(48_000);
        (0..1000).for_each(|_| line.play(&[0.1; FRAME]));
        assert_eq!(consumer.slots(), 60 * 48);
        assert!(line.skipped > 900);
    }

    #[test]
    fn a_ring_that_ran_dry_starts_again_with_20_ms_of_reserve() {
        let (mut line, mut consumer) = line(48_000);
        for _ in 0..2 {
            line.play(&[0.1; FRAME]);
            assert_eq!(consumer.slots(), 40 * 48);
            let mut heard = vec![9.0; 40 * 48];
            consumer.pop_entire_slice(&mut heard).unwrap();
            assert!(heard[..960].iter().all(|sample| *sample == 0.0));
            assert!(heard[960..].iter().all(|sample| *sample == 0.1));
        }
    }

    #[test]
    fn a_crystal_100_ppm_off_costs_a_frame_in_200_seconds() {
        for rate in [47_995, 48_005u64] {
            let (mut line, mut consumer) = line(48_000);
            let (mut played, mut dry) = (0, 0);
            for tick in 1..=50 * 600u64 {
                line.play(&[0.1; FRAME]);
                let due = (tick * rate / 50) as usize;
                let want = due - played;
                let have = want.min(consumer.slots());
                consumer.read_chunk(have).unwrap().commit_all();
                dry += usize::from(have < want);
                played = due;
            }
            assert!(line.skipped <= 4, "{} skipped", line.skipped);
            assert!(dry <= 4, "{dry} times dry");
        }
    }

    #[test]
    fn a_device_at_another_rate_is_fed_at_that_rate() {
        let (mut line, mut consumer) = line(44_100);
        let mut heard = 0;
        for _ in 0..500 {
            line.play(&[0.1; FRAME]);
            let chunk = consumer.read_chunk(consumer.slots().min(882)).unwrap();
            heard += chunk.len();
            chunk.commit_all();
        }
        assert!((430_000..=441_000).contains(&heard), "{heard}");
    }
}
