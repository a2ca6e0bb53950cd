//! What a recording says: where a source is in it, and how alike the two are.

use std::path::Path;

use super::wav;

/// Samples of a mono WAV file at 16 kHz: as it is, or every third mean of 48 kHz.
pub fn read_16k(path: &Path) -> Vec<f32> {
    match wav::read(path) {
        (16_000, samples) => samples,
        (48_000, samples) => thin(&samples, 3),
        (rate, _) => panic!("{} has {rate} Hz", path.display()),
    }
}

/// Samples that are aligned together: a quarter of a second.
const PIECE: usize = 4000;

/// How alike a source and a recording are, by Pearson's correlation, and where the source begins in it, in seconds.
///
/// Each quarter of a second is aligned on its own, within 40 ms of the one before: a playout buffer that grows or shrinks while it
/// plays shifts what follows by whole frames, which is its work and no fault of the voice.
pub fn find(source: &[f32], recording: &[f32]) -> (f64, f64) {
    // Coarsely, at 2 kHz, by three seconds of the source; then to the sample.
    let (coarse_source, coarse_recording) = (thin(source, 8), thin(recording, 8));
    let part = &coarse_source[2000..8000];
    let lags = coarse_recording.len().saturating_sub(part.len());
    let coarse = best(0..lags, |lag| pearson(part, &coarse_recording[lag..]));
    let start = coarse.saturating_sub(2000) * 8;
    let (mut sum, mut lag) = (Product::default(), start);
    for (n, piece) in source.chunks(PIECE).enumerate() {
        let place = |lag: usize| recording.get(lag + n * PIECE..).unwrap_or(&[]);
        lag = best(lag.saturating_sub(640)..lag + 640, |lag| pearson(piece, place(lag)));
        sum.add(piece, place(lag));
    }
    (sum.correlation(), start as f64 / 16_000.0)
}

fn best(lags: impl Iterator<Item = usize>, score: impl Fn(usize) -> f64) -> usize {
    lags.map(|lag| (score(lag), lag)).max_by(|one, other| one.0.total_cmp(&other.0)).map_or(0, |(_, lag)| lag)
}

/// Over the length of the first; what is missing of the second counts as silence.
fn pearson(one: &[f32], other: &[f32]) -> f64 {
    let mut product = Product::default();
    product.add(one, other);
    product.correlation()
}

/// What Pearson's correlation is made of.
#[derive(Default)]
struct Product {
    both: f32,
    first: f32,
    second: f32,
}

impl Product {
    fn add(&mut self, one: &[f32], other: &[f32]) {
        for (n, a) in one.iter().enumerate() {
            let b = other.get(n).copied().unwrap_or(0.0);
            self.both += a * b;
            self.first += a * a;
            self.second += b * b;
        }
    }

    fn correlation(&self) -> f64 {
        f64::from(self.both) / f64::from(self.first * self.second).sqrt().max(1e-9)
    }
}

/// Means of `by` samples.
fn thin(samples: &[f32], by: usize) -> Vec<f32> {
    samples.chunks_exact(by).map(|chunk| chunk.iter().sum::<f32>() / by as f32).collect()
}

/// The pitch of a stretch of 16 kHz samples, Hz, by its zero crossings.
pub fn pitch(samples: &[f32]) -> f64 {
    let crossings = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    crossings as f64 * 16_000.0 / samples.len().max(1) as f64
}
