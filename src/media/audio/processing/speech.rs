//! Whether somebody speaks: the probability that a neural network gives each 10 ms (the voice activity detector of WebRTC's
//! AGC2), with a hold for the pauses between words. Pure.

use sonora_agc2::vad_wrapper::VoiceActivityDetectorWrapper;
use sonora_simd::detect_backend;

use super::{Chunk, RATE, within};

/// A probability from which on it is speech.
const SPEECH: f32 = 0.75;
/// So many times 10 ms of the last [`MEMORY`] must be speech before somebody is speaking: a click or a key is shorter.
const ENOUGH: u32 = 8;
/// How many times 10 ms are remembered.
const MEMORY: u32 = 20;
/// Whoever spoke is speaking for so many times 10 ms: the pauses between words.
const HOLD: u32 = 40;
/// The network takes samples of 16 bits.
const SCALE: f32 = 32_768.0;

/// What was made out.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Speech {
    /// That the last 10 ms are a voice, 0.0..=1.0.
    pub probability: f32,
    /// Somebody is speaking, pauses between words included.
    pub speaking: bool,
}

/// Makes out speech in a stream.
#[derive(Debug)]
pub struct Detector {
    network: VoiceActivityDetectorWrapper,
    /// A bit for each 10 ms, the newest lowest.
    recent: u32,
    held: u32,
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Detector {
    /// A detector that has heard nothing.
    pub fn new() -> Self {
        let network = VoiceActivityDetectorWrapper::new(detect_backend(), RATE as i32);
        Self { network, recent: 0, held: 0 }
    }

    /// Takes in 10 ms.
    pub fn hear(&mut self, chunk: &Chunk) -> Speech {
        let probability = self.network.analyze(&chunk.map(|sample| within(sample) * SCALE));
        let probability = if probability.is_finite() { probability.clamp(0.0, 1.0) } else { 0.0 };
        self.recent = (self.recent << 1 | u32::from(probability >= SPEECH)) & ((1 << MEMORY) - 1);
        let enough = self.recent.count_ones() >= ENOUGH;
        self.held = if enough { HOLD } else { self.held.saturating_sub(1) };
        Speech { probability, speaking: self.held > 0 }
    }
}
