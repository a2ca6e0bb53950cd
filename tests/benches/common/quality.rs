//! How good speech sounds, by PESQ; and the rate that PESQ wants.

/// Samples a second of everything that is scored.
pub const RATE: u32 = 16_000;

/// MOS-LQO of ITU-T P.862.2 (wide band), 1.04 to 4.64, of what was heard against what was said; both at 16 kHz.
pub fn wide_band(said: &[f32], heard: &[f32]) -> Result<f64, String> {
    pesq::pesq_wb(&pcm(said), &pcm(heard)).map(f64::from).map_err(|error| format!("PESQ: {error}"))
}

/// The same as 16 bit.
pub fn pcm(samples: &[f32]) -> Vec<i16> {
    samples.iter().map(|sample| (sample * 32_767.0) as i16).collect()
}

/// Zero crossings of the window on each side.
const LOBES: f64 = 12.0;

/// From another rate to 16 kHz, by a windowed sinc at 0.9 of the lower rate's half. Keeps the times.
pub fn to_16k(samples: &[f32], from: u32) -> Vec<f32> {
    if from == RATE {
        return samples.to_vec();
    }
    let cutoff = 0.9 * f64::from(RATE.min(from)) / f64::from(from);
    let reach = LOBES / cutoff;
    // The places repeat after so many samples.
    let (period, step) = (RATE / gcd(from, RATE), from / gcd(from, RATE));
    let taps: Vec<(f64, Vec<f32>)> = (0..period)
        .map(|n| {
            let at = f64::from(n) * f64::from(from) / f64::from(RATE);
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
    let length = (samples.len() as u64 * u64::from(RATE) / u64::from(from)) as usize;
    (0..length)
        .map(|n| {
            let (first, taps) = &taps[n % period as usize];
            let base = *first as i64 + (n / period as usize) as i64 * i64::from(step);
            let sample = |k: usize| usize::try_from(base + k as i64).ok().and_then(|at| samples.get(at));
            taps.iter().enumerate().filter_map(|(k, tap)| Some(tap * sample(k)?)).sum()
        })
        .collect()
}

fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}
