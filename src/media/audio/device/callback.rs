//! What runs on the system's real-time thread: samples of any format and any number of channels into a ring, and out of
//! one. Made and called by [`super`]'s streams.
//!
//! Nothing here may allocate, lock, log or wait: the tests count allocations and read this file for the rest.

use std::sync::Arc;

use cpal::{FromSample, Sample};

use super::downmix::Downmix;
use super::health::Health;
use crate::clock;
use crate::media::audio::processing::played::Tap;

/// A voice is played on this many channels at most, the front two: what is further behind, or below, is for films.
const FRONT: usize = 2;
/// What a sound that breaks off keeps from one sample to the next: 60 dB down in 4 ms at 48 kHz.
const DYING: f32 = 0.965;

/// The microphone's side: mono samples go into the ring, and what has no room in it is lost and counted.
pub struct Taker {
    ring: rtrb::Producer<f32>,
    health: Arc<Health>,
    downmix: Downmix,
}

impl Taker {
    /// Of a device with this rate in Hz and this many channels, 0 counting as one.
    pub fn new(ring: rtrb::Producer<f32>, health: Arc<Health>, rate: u32, channels: u16) -> Self {
        Self { ring, health, downmix: Downmix::new(rate, channels) }
    }

    /// Takes in what the device recorded: any number of interleaved frames. A piece of a frame at the end is left out.
    pub fn take<T: Sample>(&mut self, data: &[T])
    where
        f32: FromSample<T>,
    {
        let channels = self.downmix.channels();
        let frames = data.len() / channels;
        self.health.beat(frames);
        self.downmix.listen(data);
        let room = frames.min(self.ring.slots());
        if room < frames {
            self.health.miss();
        }
        if let Ok(chunk) = self.ring.write_chunk_uninit(room) {
            let downmix = &mut self.downmix;
            chunk.fill_from_iter(data.chunks_exact(channels).map(|frame| downmix.mix(frame)));
        }
    }
}

/// The speaker's side: the ring's samples on the front channels, silence where the ring is short.
pub struct Giver {
    ring: rtrb::Consumer<f32>,
    /// Who wants to know what was really played.
    tap: Option<Tap>,
    health: Arc<Health>,
    channels: usize,
    /// What was played last: a sound that breaks off dies away from there.
    last: f32,
}

impl Giver {
    /// For a device with this many channels, 0 counting as one.
    pub fn new(ring: rtrb::Consumer<f32>, tap: Option<Tap>, health: Arc<Health>, channels: u16) -> Self {
        Self { ring, tap, health, channels: usize::from(channels.max(1)), last: 0.0 }
    }

    /// Fills what the device plays next: any number of interleaved frames.
    pub fn fill<T: Sample + FromSample<f32>>(&mut self, data: &mut [T]) {
        let frames = data.len() / self.channels;
        self.health.beat(frames);
        let ready = frames.min(self.ring.slots());
        if ready < frames {
            self.health.miss();
        }
        data.fill(T::EQUILIBRIUM);
        let mut places = data.chunks_exact_mut(self.channels);
        let front = FRONT.min(self.channels);
        if let Ok(chunk) = self.ring.read_chunk(ready) {
            if let Some(tap) = &mut self.tap {
                tap.took(clock::now(), chunk.as_slices(), frames);
            }
            for (sample, place) in chunk.into_iter().zip(&mut places) {
                self.last = sample;
                place[..front].fill(T::from_sample_(sample));
            }
        }
        for place in places {
            self.last = if self.last.abs() < 1e-4 { 0.0 } else { self.last * DYING };
            place[..front].fill(T::from_sample_(self.last));
        }
    }
}

#[cfg(test)]
mod tests;
