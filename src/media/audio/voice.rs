//! One peer's sound: its jitter buffer, its decoder, its meter.

use std::time::Instant;

use super::codec::Decoder;
use super::level::Level;
use super::{AudioError, FRAME, Frame};
use crate::jitter::{AudioBuffer, AudioIn, AudioStats, Pull};

/// Everything that one peer's packets go through up to the mix.
#[derive(Debug)]
pub struct Voice {
    pub level: Level,
    buffer: AudioBuffer,
    decoder: Decoder,
    heard: bool,
}

impl Voice {
    /// # Errors
    /// Out of memory.
    pub fn new() -> Result<Self, AudioError> {
        Ok(Self { level: Level::default(), buffer: AudioBuffer::new(), decoder: Decoder::new()?, heard: false })
    }

    /// Takes in a packet that arrived at `now`.
    pub fn push(&mut self, now: Instant, packet: AudioIn) {
        self.buffer.push(now, packet);
    }

    pub fn stats(&self) -> AudioStats {
        self.buffer.stats()
    }

    pub fn take_longest_gap_ms(&mut self) -> u32 {
        self.buffer.take_longest_gap_ms()
    }

    /// Adds the next 20 ms to `mix`; true when they are the first that this peer was ever heard with.
    pub fn add_to(&mut self, mix: &mut Frame, now: Instant) -> bool {
        let mut frame = [0.0; FRAME];
        let decoded = match self.buffer.pull(now) {
            Pull::Packet(payload) => self.decoder.decode(&payload, &mut frame),
            Pull::Recover(next) => {
                self.decoder.recover(&next, &mut frame);
                false
            }
            Pull::Conceal => {
                self.decoder.conceal(&mut frame);
                false
            }
            Pull::Silence => false,
        };
        self.level.feed(&frame);
        mix.iter_mut().zip(frame).for_each(|(mix, sample)| *mix += sample);
        let first = decoded && !self.heard;
        self.heard |= decoded;
        first
    }
}
