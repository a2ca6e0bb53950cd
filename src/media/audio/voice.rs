//! One peer's sound: its jitter buffer, its decoder, its meter.

use std::time::Instant;

use super::codec::Decoder;
use super::gain::Gain;
use super::level::{Level, Loudness};
use super::{AudioError, FRAME, Frame};
use crate::jitter::audio::AudioConfig;
use crate::jitter::{AudioBuffer, Pull};

/// A frame whose peak is below this (-40 dBFS) may be doubled or left out unheard.
const QUIET: f32 = 0.01;

/// Everything that one peer's packets go through up to the mix.
#[derive(Debug)]
pub struct Voice {
    pub buffer: AudioBuffer,
    pub level: Level,
    /// Of what was said, whatever the listener makes of it.
    pub loudness: Loudness,
    pub gain: Gain,
    decoder: Decoder,
    heard: bool,
    sounding: bool,
    /// Capture time of the packet played last, and when its first sample went into the mix.
    playing: Option<(u64, Instant)>,
}

impl Voice {
    /// # Errors
    /// Out of memory.
    pub fn new() -> Result<Self, AudioError> {
        Ok(Self {
            buffer: AudioBuffer::new(AudioConfig::default()),
            level: Level::default(),
            loudness: Loudness::default(),
            gain: Gain::default(),
            decoder: Decoder::new()?,
            heard: false,
            sounding: false,
            playing: None,
        })
    }

    /// See [`super::Mixer::playing`].
    pub fn playing(&self) -> Option<(u64, Instant)> {
        self.playing
    }

    /// Adds the next 20 ms to `mix`; true when they are the first that this peer was ever heard with.
    pub fn add_to(&mut self, mix: &mut Frame, now: Instant) -> bool {
        let mut frame = [0.0; FRAME];
        let decoded = self.fill(&mut frame, now);
        let peak = frame.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        self.buffer.set_quiet(peak < QUIET);
        self.level.feed(&frame);
        self.loudness.feed(&frame);
        self.gain.apply(&mut frame);
        mix.iter_mut().zip(frame).for_each(|(mix, sample)| *mix += sample);
        let first = decoded && !self.heard;
        self.heard |= decoded;
        first
    }

    /// What the buffer says, done; true for a packet that was one.
    fn fill(&mut self, frame: &mut Frame, now: Instant) -> bool {
        let was_sounding = std::mem::replace(&mut self.sounding, true);
        let pull = self.buffer.pull(now);
        if let Pull::Packet(_) | Pull::Drop(..) = pull {
            self.playing = self.buffer.played_capture_us().map(|capture_us| (capture_us, now));
        }
        match pull {
            Pull::Packet(payload) => return self.decoder.decode(&payload, frame),
            Pull::Drop(one, two) => return self.drop_one(&one, &two, frame),
            Pull::Recover(next) => self.decoder.recover(&next, frame),
            Pull::Conceal | Pull::Insert => self.decoder.conceal(frame),
            Pull::Silence => {
                self.sounding = false;
                if was_sounding {
                    self.fade_out(frame);
                }
            }
        }
        false
    }

    /// Two packets in the time of one: the first fades into the second.
    fn drop_one(&mut self, one: &[u8], two: &[u8], frame: &mut Frame) -> bool {
        let mut before = [0.0; FRAME];
        self.decoder.decode(one, &mut before);
        let decoded = self.decoder.decode(two, frame);
        for (n, (sample, before)) in frame.iter_mut().zip(before).enumerate() {
            let share = (n + 1) as f32 / FRAME as f32;
            *sample = *sample * share + before * (1.0 - share);
        }
        decoded
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
    fn leaving_out_a_frame_does_not_click() {
        let mut voice = Voice::new().unwrap();
        let mut encoder = Encoder::new().unwrap();
        let packets: Vec<Vec<u8>> = (0..23)
            .map(|n| {
                let tone = std::array::from_fn(|at| ((n * FRAME + at) as f32 * 0.02).sin() * 0.5);
                encoder.encode(&tone).unwrap().0.to_vec()
            })
            .collect();
        let (mut heard, mut frame) = (Vec::new(), [0.0; FRAME]);
        for packet in &packets[..20] {
            voice.decoder.decode(packet, &mut frame);
        }
        heard.extend(frame);
        assert!(voice.drop_one(&packets[20], &packets[21], &mut frame));
        heard.extend(frame);
        voice.decoder.decode(&packets[22], &mut frame);
        heard.extend(frame);
        assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.05));
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
