//! What a recording says: where a source is in it, and how alike the two are.

use std::path::Path;

/// Samples of a mono WAV file at 16 kHz: as it is, or every third mean of 48 kHz.
pub fn read_16k(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap();
    let spec = reader.spec();
    assert_eq!(spec.channels, 1, "{}", path.display());
    let samples: Vec<f32> = reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect();
    match spec.sample_rate {
        16_000 => samples,
        48_000 => thin(&samples, 3),
        rate => panic!("{} has {rate} Hz", path.display()),
    }
}

/// Correlation of a source with the place in a recording where it fits best, and that place in seconds.
pub fn find(source: &[f32], recording: &[f32]) -> (f64, f64) {
    // Coarsely, at 2 kHz, by three seconds of the source; then to the sample.
    let (coarse_source, coarse_recording) = (thin(source, 8), thin(recording, 8));
    let part = &coarse_source[2000..8000];
    let lags = coarse_recording.len().saturating_sub(part.len());
    let coarse = best(0..lags, |lag| correlation(part, &coarse_recording[lag..]));
    let guess = (coarse.saturating_sub(2000)) * 8;
    let lag =
        best(guess.saturating_sub(24)..guess + 24, |lag| correlation(source, recording.get(lag..).unwrap_or(&[])));
    (correlation(source, recording.get(lag..).unwrap_or(&[])), lag as f64 / 16_000.0)
}

/// Correlation of each second of a source with what a recording has `at` seconds later.
pub fn by_second(source: &[f32], recording: &[f32], at: f64) -> Vec<f64> {
    let lag = (at * 16_000.0).round() as usize;
    let place = |n: usize| recording.get(lag + n * 16_000..).unwrap_or(&[]);
    source.chunks(16_000).enumerate().map(|(n, second)| correlation(second, place(n))).collect()
}

fn best(lags: impl Iterator<Item = usize>, score: impl Fn(usize) -> f64) -> usize {
    lags.map(|lag| (score(lag), lag)).max_by(|one, other| one.0.total_cmp(&other.0)).map_or(0, |(_, lag)| lag)
}

/// Pearson's, over the length of the first; what is missing of the second counts as silence.
fn correlation(one: &[f32], other: &[f32]) -> f64 {
    let (mut both, mut first, mut second) = (0.0f64, 0.0f64, 0.0f64);
    for (n, a) in one.iter().enumerate() {
        let (a, b) = (f64::from(*a), f64::from(other.get(n).copied().unwrap_or(0.0)));
        both += a * b;
        first += a * a;
        second += b * b;
    }
    both / (first * second).sqrt().max(1e-9)
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
