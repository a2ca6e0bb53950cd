//! What is said: speech by `espeak-ng` where it is installed, the tests' own otherwise. 16 kHz mono, as the score wants it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Samples a second of everything that is scored.
pub const RATE: u32 = 16_000;

/// Said one after the other: phonemes of all kinds, pauses between the sentences (Harvard sentences, IEEE 1969, list 1 and 2).
const TEXT: &str = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. \
    It's easy to tell the depth of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. \
    The juice of lemons makes fine punch. The box was thrown beside the parked truck. \
    The hogs were fed chopped corn and garbage. Four hours of steady work faced us. A large size in stockings is hard to sell. \
    The boy was there when the sun rose. A rod is used to catch pink salmon. The source of the huge river is the clear spring. \
    Kick the ball straight and follow through. Help the woman get back to her feet. A pot of tea helps to pass the evening.";

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
    let mut espeak = Command::new("espeak-ng");
    espeak.args(["-v", voice, "-s", "150", "-w"]).arg(&spoken).arg(TEXT);
    let (words, voice) = match espeak.status().is_ok_and(|status| status.success()) {
        true => (read(&spoken), "espeak-ng"),
        false => (read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/speech.wav")), "the tests' speech"),
    };
    let peak = words.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs())).max(1e-6);
    let samples: Vec<f32> =
        words.iter().map(|sample| sample * 0.5 / peak).cycle().take(seconds * RATE as usize).collect();
    let path = dir.join(format!("{name}-source.wav"));
    write(&path, &samples);
    Speech { path, samples, voice }
}

/// A mono or stereo WAV file of 16 bit at 16 kHz, whatever its rate was.
pub fn read(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    let all: Vec<f32> = reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect();
    let mono: Vec<f32> = all.chunks_exact(usize::from(spec.channels)).map(|frame| frame[0]).collect();
    resample(&mono, spec.sample_rate, RATE)
}

fn write(path: &Path, samples: &[f32]) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample((sample * 32_767.0) as i16).unwrap());
    writer.finalize().unwrap();
}

/// Zero crossings of the window on each side.
const LOBES: f64 = 12.0;

/// By a windowed sinc at 0.9 of the lower rate's half. Keeps the times.
fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to {
        return samples.to_vec();
    }
    let cutoff = 0.9 * f64::from(to.min(from)) / f64::from(from);
    let reach = LOBES / cutoff;
    // The places repeat after so many samples.
    let period = to as usize / gcd(from, to) as usize;
    let taps: Vec<(f64, Vec<f32>)> = (0..period)
        .map(|n| {
            let at = n as f64 * f64::from(from) / f64::from(to);
            let first = (at - reach).ceil();
            let tap = |k: usize| {
                let distance = first + k as f64 - at;
                let x = std::f64::consts::PI * distance * cutoff;
                let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
                let window = 0.5 + 0.5 * (std::f64::consts::PI * distance / reach).cos();
                (sinc * window * cutoff) as f32
            };
            (first, (0..(2.0 * reach) as usize + 1).map(tap).collect())
        })
        .collect();
    let length = (samples.len() as u64 * u64::from(to) / u64::from(from)) as usize;
    (0..length)
        .map(|n| {
            let (first, taps) = &taps[n % period];
            let base = *first as i64 + (n / period) as i64 * i64::from(from / gcd(from, to));
            let sample = |k: usize| usize::try_from(base + k as i64).ok().and_then(|at| samples.get(at));
            taps.iter().enumerate().filter_map(|(k, tap)| Some(tap * sample(k)?)).sum()
        })
        .collect()
}

fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}
