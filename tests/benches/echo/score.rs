//! What the figures are: echo taken out, and how good a voice sounds.

use super::speech::RATE;

/// By how much an echo is quieter, dB, over a window of seconds: what the microphone heard against what came out. Windows in which there
/// is no echo to speak of give `None`.
pub fn erle_db(echo: &[f32], out: &[f32], from_s: usize, to_s: usize) -> Option<f64> {
    let window = from_s * RATE..(to_s * RATE).min(echo.len()).min(out.len());
    let power = |samples: &[f32]| samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let (before, after) = (power(echo.get(window.clone())?), power(out.get(window)?));
    (before > 1e-6).then(|| 10.0 * (before / after.max(1e-12)).log10())
}

/// PESQ, wide band (ITU-T P.862.2), 1.04 to 4.64.
pub fn pesq(clean: &[f32], heard: &[f32]) -> f64 {
    match pesq::pesq_wb(&to_16k(clean), &to_16k(heard)) {
        Ok(score) => score.into(),
        Err(error) => {
            println!("no PESQ: {error:?}");
            f64::NAN
        }
    }
}

/// 48 to 16 kHz by a windowed sinc, and to 16 bits.
fn to_16k(samples: &[f32]) -> Vec<i16> {
    const HALF: i32 = 48;
    let taps: Vec<f64> = (-HALF..=HALF)
        .map(|n| {
            let x = f64::from(n) / 3.0 * 0.95;
            let sinc = if n == 0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) };
            let window = 0.5 + 0.5 * (f64::from(n) / f64::from(HALF + 1) * std::f64::consts::PI).cos();
            sinc * window * 0.95 / 3.0
        })
        .collect();
    (0..samples.len() / 3)
        .map(|n| {
            let sum: f64 = taps
                .iter()
                .enumerate()
                .map(|(k, tap)| {
                    let at = (n * 3 + k).checked_sub(HALF as usize);
                    tap * f64::from(at.and_then(|at| samples.get(at)).copied().unwrap_or(0.0))
                })
                .sum();
            (sum * 32_767.0).clamp(-32_768.0, 32_767.0) as i16
        })
        .collect()
}

/// By how many ms `heard` is later than `clean`: where they are most alike.
pub fn lag_ms(clean: &[f32], heard: &[f32]) -> f64 {
    let alike = |lag: usize| clean.iter().zip(&heard[lag..]).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let best = (0..RATE / 20).max_by(|a, b| alike(*a).total_cmp(&alike(*b))).unwrap_or(0);
    best as f64 * 1000.0 / RATE as f64
}
