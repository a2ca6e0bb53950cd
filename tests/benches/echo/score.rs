//! What the figures are: echo taken out, and how good a voice sounds.

use super::quality::{to_16k, wide_band};
use super::speech::RATE;

/// By how much an echo is quieter, dB, over a window of seconds: what the microphone heard against what came out. Windows in which there
/// is no echo to speak of give `None`.
pub fn erle_db(echo: &[f32], out: &[f32], from_s: usize, to_s: usize) -> Option<f64> {
    let window = from_s * RATE..(to_s * RATE).min(echo.len()).min(out.len());
    let power = |samples: &[f32]| samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let (before, after) = (power(echo.get(window.clone())?), power(out.get(window)?));
    (before > 1e-6).then(|| 10.0 * (before / after.max(1e-12)).log10())
}

/// PESQ, wide band, of what is at 48 kHz.
pub fn pesq(clean: &[f32], heard: &[f32]) -> f64 {
    let [clean, heard] = [clean, heard].map(|samples| to_16k(samples, RATE as u32));
    wide_band(&clean, &heard).unwrap_or_else(|error| {
        println!("no {error}");
        f64::NAN
    })
}

/// By how many ms `heard` is later than `clean`: where they are most alike.
pub fn lag_ms(clean: &[f32], heard: &[f32]) -> f64 {
    let alike = |lag: usize| clean.iter().zip(&heard[lag..]).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let best = (0..RATE / 20).max_by(|a, b| alike(*a).total_cmp(&alike(*b))).unwrap_or(0);
    best as f64 * 1000.0 / RATE as f64
}
