//! A room in which a speaker stands beside a microphone, in virtual time: what the microphone hears, and what the processor
//! makes of it.

use nearcall::media::audio::processing::follow::Follower;
use nearcall::media::audio::processing::{CHUNK, Chunk, Detector, Processor, Switches};

use super::speech::{Noise, RATE, active_rms};

/// What happens in the room.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// From the callback that takes a sample to its echo.
    pub delay_ms: usize,
    /// The delay changes at a time: s, ms.
    pub jump: Option<(usize, usize)>,
    /// The speaker's crystal against the microphone's, parts of a million.
    pub drift_ppm: f64,
    /// How loud the echo is against what is played.
    pub echo_db: f64,
    pub noise_dbfs: f64,
}

impl Default for Scene {
    fn default() -> Self {
        Self { delay_ms: 60, jump: None, drift_ppm: 0.0, echo_db: -6.0, noise_dbfs: -62.0 }
    }
}

impl Scene {
    /// What the microphone hears of what is played, by [`reverberated`].
    pub fn echo(&self, far: &[f32], reverberated: &[f32]) -> Vec<f32> {
        let gain = (10f64.powf(self.echo_db / 20.0) * active_rms(far) / active_rms(reverberated)) as f32;
        (0..far.len()).map(|n| gain * self.heard_at(reverberated, n)).collect()
    }

    /// Sample `n` of the microphone: by the speaker's crystal, after the delay.
    fn heard_at(&self, wet: &[f32], n: usize) -> f32 {
        let delay_ms = self.jump.filter(|(at, _)| n >= at * RATE).map_or(self.delay_ms, |(_, then)| then);
        let at = n as f64 * (1.0 + self.drift_ppm * 1e-6) - (delay_ms * RATE / 1000) as f64;
        let (whole, part) = (at.floor(), at.fract() as f32);
        let sample = |k: f64| if k < 0.0 { 0.0 } else { wet.get(k as usize).copied().unwrap_or(0.0) };
        if part == 0.0 {
            return sample(whole);
        }
        // Four points of Lagrange's: what is lost lies above 16 kHz.
        let (a, b, c, d) = (sample(whole - 1.0), sample(whole), sample(whole + 1.0), sample(whole + 2.0));
        let x = part;
        a * (-x * (x - 1.0) * (x - 2.0) / 6.0)
            + b * ((x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0)
            + c * (-x * (x + 1.0) * (x - 2.0) / 2.0)
            + d * (x * (x + 1.0) * (x - 1.0) / 6.0)
    }

    /// The noise of the microphone.
    pub fn noise(&self, samples: usize) -> Vec<f32> {
        let mut noise = Noise(99);
        let gain = 10f64.powf(self.noise_dbfs / 20.0) as f32 * 3f32.sqrt();
        (0..samples).map(|_| noise.next() * gain).collect()
    }

    /// What comes out of the processor for what the microphone hears, while `far` is played. Half of the callbacks of the
    /// speaker are late by up to 4 ms.
    pub fn process(&self, switches: Switches, far: &[f32], near: &[f32]) -> Processed {
        let mut processor = Processor::new(switches);
        let mut detector = Detector::new();
        let mut follower = Follower::new(RATE as u32).expect("a rate that devices have");
        let mut late = Noise(3);
        let speed = 1.0 + self.drift_ppm * 1e-6;
        let (mut out, mut took, mut speaking) = (Vec::with_capacity(near.len()), Vec::new(), Vec::new());
        let mut taken = 0;
        for (n, chunk) in near.as_chunks::<CHUNK>().0.iter().enumerate() {
            let at_us = 1_000_000 + n as u64 * 10_000;
            // What the speaker's callbacks have taken by the time at which this chunk is complete.
            while let Some(block) = far.get(taken..taken + CHUNK) {
                let callback = taken as f64 / RATE as f64 / speed * 1e6;
                if callback > (n as f64 + 1.5) * 10_000.0 {
                    break;
                }
                let late_us = f64::from(late.next().max(0.0)) * 4_000.0;
                follower.played(1_000_000 + (callback + late_us) as u64, taken as u64, block);
                taken += CHUNK;
            }
            let (mut chunk, mut played): (Chunk, Chunk) = (*chunk, [0.0; CHUNK]);
            let began = nearcall::clock::now();
            follower.take(at_us, &mut played);
            processor.process(&mut chunk, Some(&played));
            speaking.push(detector.hear(&chunk).speaking);
            took.push((nearcall::clock::now() - began).as_secs_f64() * 1e6);
            out.extend(chunk);
        }
        Processed { out, took_us: took, speaking, drift: follower.drift(), moved: follower.moved() }
    }
}

/// What came out.
pub struct Processed {
    pub out: Vec<f32>,
    /// µs for each 10 ms.
    pub took_us: Vec<f64>,
    pub speaking: Vec<bool>,
    pub drift: f64,
    pub moved: u64,
}

/// A loudspeaker that distorts a little, then the room: the direct sound, and 7 dB below it a tail that is 60 dB
/// down after 0.4 s.
pub fn reverberated(far: &[f32]) -> Vec<f32> {
    const DIES: f64 = 0.4 * RATE as f64;
    let driven: Vec<f32> = far.iter().map(|x| x.tanh()).collect();
    let mut noise = Noise(7);
    let mut out = driven.clone();
    // One tap in 8 of the tail: dense enough for an ear, and 8 times as quick.
    for delay in (48..DIES as usize).step_by(8) {
        let gain = noise.next() * 0.06 * (-6.9 * delay as f64 / DIES).exp() as f32;
        for (to, from) in out[delay..].iter_mut().zip(&driven) {
            *to += gain * from;
        }
    }
    // A small speaker has no lows: a high pass of the first order at 300 Hz.
    let (mut before, mut high) = (0.0, 0.0);
    for x in &mut out {
        high = 0.962 * (high + *x - before);
        before = std::mem::replace(x, high);
    }
    out
}
