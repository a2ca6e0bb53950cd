//! How speech came through: each piece of the source is looked for in the recording, and what was found is scored.

use super::quality::{RATE, pcm, wide_band};

/// What is aligned and scored together, s: PESQ is made for 8 to 12.
const PIECE_S: usize = 8;
/// A source may be heard so much later than it was said, s.
const LATEST_S: f64 = 2.0;
/// The coarse search is at so much of the rate.
const COARSE: usize = 8;

/// One piece.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// Where it begins in the source, s.
    pub at_s: f64,
    /// Later in the recording than in the source, ms, on the clock that both are on.
    pub delay_ms: f64,
    /// How alike they are, by correlation.
    pub alike: f64,
    /// MOS-LQO of ITU-T P.862.2 (wide band) and of P.862.1 (narrow band).
    pub wide: Option<f64>,
    pub narrow: Option<f64>,
}

/// Scores what was recorded. `from_s`: where the source begins in the recording if it came without delay; `None` where that
/// is not known: the delay then is against the best fit of the first piece.
pub fn pieces(source: &[f32], recording: &[f32], from_s: Option<f64>) -> Vec<Piece> {
    let length = PIECE_S * RATE as usize;
    let coarse = |samples: &[f32]| -> Vec<f32> {
        samples.chunks_exact(COARSE).map(|chunk| chunk.iter().sum::<f32>() / COARSE as f32).collect()
    };
    let (thin_source, thin_recording) = (coarse(source), coarse(recording));
    let from = match from_s {
        Some(from_s) => (from_s * f64::from(RATE)) as i64,
        None => {
            let part = &thin_source[..thin_source.len().min(length / COARSE)];
            let last = thin_recording.len().saturating_sub(part.len() / 2);
            best(0..last as i64, |lag| alike(part, &thin_recording, lag)).0 * COARSE as i64
        }
    };
    let latest = if from_s.is_some() { (LATEST_S * f64::from(RATE)) as i64 } else { i64::from(RATE) / 2 };
    let earliest = if from_s.is_some() { -i64::from(RATE) / 10 } else { -i64::from(RATE) / 2 };
    (0..source.len() / length)
        .filter_map(|n| {
            let (start, piece) = (n * length, &source[n * length..][..length]);
            let due = from + start as i64;
            // What was said as the call ended is not heard to its end.
            if due + (length as i64) + i64::from(RATE) / 2 > recording.len() as i64 {
                return None;
            }
            let thin = &thin_source[start / COARSE..][..length / COARSE];
            let window = (due + earliest) / COARSE as i64..(due + latest) / COARSE as i64;
            let near = best(window, |lag| alike(thin, &thin_recording, lag)).0 * COARSE as i64;
            let (lag, alike) = best(near - 16..near + 16, |lag| alike(piece, recording, lag));
            let heard = usize::try_from(lag).ok().and_then(|lag| recording.get(lag..lag + length));
            let delay_ms = (lag - due) as f64 * 1000.0 / f64::from(RATE);
            let (wide, narrow) = heard.map_or((None, None), |heard| scores(piece, heard));
            Some(Piece { at_s: start as f64 / f64::from(RATE), delay_ms, alike, wide, narrow })
        })
        .collect()
}

fn scores(source: &[f32], heard: &[f32]) -> (Option<f64>, Option<f64>) {
    let narrow = pesq::pesq(&pcm(source), &pcm(heard)).ok();
    let narrow = narrow.map(|raw| f64::from(pesq::score::mos_lqo(f64::from(raw))));
    (wide_band(source, heard).ok(), narrow)
}

fn best(lags: std::ops::Range<i64>, score: impl Fn(i64) -> f64) -> (i64, f64) {
    let scored = lags.map(|lag| (lag, score(lag)));
    scored.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or((0, 0.0))
}

/// Pearson's correlation of a part with the whole from `lag` on.
fn alike(part: &[f32], whole: &[f32], lag: i64) -> f64 {
    let Some(heard) = usize::try_from(lag).ok().and_then(|lag| whole.get(lag..)) else { return -1.0 };
    let (mut both, mut one, mut other) = (0.0f32, 1e-9f32, 1e-9f32);
    for (a, b) in part.iter().zip(heard) {
        both += a * b;
        one += a * a;
        other += b * b;
    }
    f64::from(both) / f64::from(one * other).sqrt()
}

/// Growth of the second with the first, by least squares.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (points.len() > 2).then(|| points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread)
}
