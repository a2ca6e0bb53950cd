//! Speech to test with: spoken by espeak-ng where it is installed, and otherwise made of harmonics in syllables.

use nearcall::media::wav;

use super::espeak::{SENTENCES, read_aloud};

pub const RATE: usize = 48_000;

/// Where speech is from that nobody spoke.
pub const SYNTHETIC: &str = "synthetic";

/// Who speaks.
#[derive(Debug, Clone, Copy)]
pub enum Voice {
    Far,
    Near,
}

/// Speech of this length, its loud parts at `rms_dbfs`; and where it is from.
pub fn speech(voice: Voice, seconds: usize, rms_dbfs: f64) -> (Vec<f32>, &'static str) {
    let synthetic_only = std::env::args().any(|arg| arg == "--synthetic");
    let (spoken, from) = match espeak(voice).filter(|_| !synthetic_only) {
        Some(spoken) => (spoken, "espeak-ng"),
        None => (synthetic(voice, 20 * RATE), SYNTHETIC),
    };
    let mut samples: Vec<f32> = spoken.iter().copied().cycle().take(seconds * RATE).collect();
    let gain = 10f64.powf(rms_dbfs / 20.0) / active_rms(&samples);
    samples.iter_mut().for_each(|sample| *sample = (f64::from(*sample) * gain) as f32);
    (samples, from)
}

/// The root mean square of the parts in which something is said.
pub fn active_rms(samples: &[f32]) -> f64 {
    let power = |piece: &[f32]| piece.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / piece.len() as f64;
    let all = power(samples);
    let loud: Vec<f64> = samples.chunks_exact(RATE / 50).map(power).filter(|piece| *piece > all * 0.1).collect();
    (loud.iter().sum::<f64>() / loud.len().max(1) as f64).sqrt().max(1e-9)
}

fn espeak(voice: Voice) -> Option<Vec<f32>> {
    let (name, speed, text) = match voice {
        Voice::Far => ("en-us", "160", SENTENCES[0]),
        Voice::Near => ("en-gb+f3", "150", SENTENCES[1]),
    };
    let dir = tempfile::tempdir().ok()?;
    let path = dir.path().join("speech.wav");
    read_aloud(text, name, speed, &path).ok()?;
    wav::read_mono(&path).ok().filter(|samples| samples.len() > RATE)
}

fn synthetic(voice: Voice, samples: usize) -> Vec<f32> {
    let (pitch, pace) = match voice {
        Voice::Far => (120.0, 3.0),
        Voice::Near => (210.0, 3.7),
    };
    let mut noise = Noise(pitch as u64);
    let mut phase = 0.0f64;
    (0..samples)
        .map(|n| {
            let t = n as f64 / RATE as f64;
            phase += pitch * (1.0 + 0.2 * (t * 3.1).sin() + 0.07 * (t * 7.3).sin()) / RATE as f64;
            let voiced: f64 =
                (1..20).map(|k| (phase * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k).powf(1.2)).sum();
            let syllable = (0.5 + 0.5 * (t * pace * std::f64::consts::TAU).sin()).powi(2);
            let phrase = if (t * 0.37).fract() < 0.8 { 1.0 } else { 0.0 };
            ((voiced * 0.2 + f64::from(noise.next()) * 0.02) * syllable * phrase) as f32
        })
        .collect()
}

/// White noise, the same each time.
pub struct Noise(pub u64);

impl Noise {
    /// Evenly in -1.0..1.0.
    pub fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
