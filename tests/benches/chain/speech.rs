//! What is said: speech by `espeak-ng` where it is installed, the tests' own otherwise. 16 kHz mono, as the score wants it.

use std::path::{Path, PathBuf};

use super::espeak::{SENTENCES, read_aloud};
use super::quality::{RATE, to_16k};
use super::wav;

/// A file of speech and the same as samples.
pub struct Speech {
    pub path: PathBuf,
    pub samples: Vec<f32>,
    /// Who says it.
    pub voice: &'static str,
}

/// Writes `seconds` of speech to `path`, the same text over and over.
pub fn make(dir: &Path, name: &str, seconds: usize, voice: &str) -> Speech {
    let spoken = dir.join(format!("{name}-spoken.wav"));
    let (words, voice) = match read_aloud(&SENTENCES.join(" "), voice, "150", &spoken) {
        Ok(()) => (read(&spoken), "espeak-ng"),
        Err(_) => (read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/speech.wav")), "the tests' speech"),
    };
    let peak = words.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs())).max(1e-6);
    let samples: Vec<f32> =
        words.iter().map(|sample| sample * 0.5 / peak).cycle().take(seconds * RATE as usize).collect();
    let path = dir.join(format!("{name}-source.wav"));
    wav::write(&path, RATE, samples.iter().copied());
    Speech { path, samples, voice }
}

/// Samples at 16 kHz of a mono WAV file of 16 bit, whatever its rate was.
pub fn read(path: &Path) -> Vec<f32> {
    let (rate, samples) = wav::read(path);
    to_16k(&samples, rate)
}
