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
    sounding: bool,
}

impl Voice {
    /// # Errors
    /// Out of memory.
    pub fn new() -> Result<Self, AudioError> {
        Ok(Self {
            level: Level::default(),
            buffer: AudioBuffer::new(),
            decoder: Decoder::new()?,
            heard: false,
            sounding: false,
        })
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
        let was_sounding = std::mem::replace(&mut self.sounding, true);
        let mut decoded = false;
        match self.buffer.pull(now) {
            Pull::Packet(payload) => decoded = self.decoder.decode(&payload, &mut frame),
            Pull::Recover(next) => self.decoder.recover(&next, &mut frame),
            Pull::Conceal => self.decoder.conceal(&mut frame),
            Pull::Silence => {
                self.sounding = false;
                if was_sounding {
                    self.fade_out(&mut frame);
                }
            }
        }
        self.level.feed(&frame);
        mix.iter_mut().zip(frame).for_each(|(mix, sample)| *mix += sample);
        let first = decoded && !self.heard;
        self.heard |= decoded;
        first
    }

    /// Sound that breaks off clicks: the first 20 ms of a silence let it die away.
    fn fade_out(&mut self, frame: &mut Frame) {
        self.decoder.conceal(frame);
        for (n, sample) in frame.iter_mut().enumerate() {
            *sample *= 1.0 - (n + 1) as f32 / FRAME as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::Encoder;
    use super::*;

    #[test]
    fn a_voice_that_stops_does_not_click() {
        let mut voice = Voice::new().unwrap();
        let mut encoder = Encoder::new().unwrap();
        for n in 0..20u32 {
            let tone = std::array::from_fn(|at| ((n as usize * FRAME + at) as f32 * 0.02).sin() * 0.5);
            let payload = encoder.encode(&tone).unwrap().0.to_vec();
            voice.decoder.decode(&payload, &mut [0.0; FRAME]);
        }
        let mut frame = [0.0; FRAME];
        voice.fade_out(&mut frame);
        assert!(frame.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.05));
        assert!(frame[FRAME - 1].abs() < 0.001);
        assert!(frame[..100].iter().any(|sample| sample.abs() > 0.05));
    }

    #[test]
    fn a_peer_that_sends_nothing_is_silent() {
        let mut voice = Voice::new().unwrap();
        let mut mix = [0.25; FRAME];
        let start = crate::clock::now();
        for n in 0..50 {
            assert!(!voice.add_to(&mut mix, start + std::time::Duration::from_millis(20) * n));
        }
        assert_eq!(mix, [0.25; FRAME]);
    }
}
