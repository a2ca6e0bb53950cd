//! Longer and shorter without a change of pitch: a piece of the signal that is like the one before it is put in once
//! more, or left out.
//!
//! The waveform similarity method (WSOLA: Verhelst and Roelands, ICASSP 1993), one splice at a time. Of all lags that one
//! is taken at which the signal is most like itself, a pitch period or some of them where somebody speaks, and the two
//! sides are faded into one another. Quiet is spliced anywhere, for nobody hears it. Pure; [`super::voice`] decides when.

use super::RATE;

/// The shortest lag, 2.5 ms: a pitch of 400 Hz. Of higher voices several periods are taken.
const LAG_MIN: usize = RATE as usize / 400;
/// The longest lag, 15 ms: a pitch of 67 Hz.
const LAG_MAX: usize = RATE as usize * 15 / 1000;
/// The two sides are faded into one another over 5 ms.
const FADE: usize = RATE as usize / 200;
/// So much before the fade is compared too, 5 ms: half a period looks like any other slope.
const BEFORE: usize = RATE as usize / 200;
/// What was played must stay in reach so far back, samples.
pub const HISTORY: usize = LAG_MAX + BEFORE;
/// Below this power (-46 dBFS) nobody hears a splice.
const QUIET: f32 = 2.5e-5;
/// Lags and samples that the first search looks at: one of so many. A voice has its power far below 6 kHz.
const STEP: usize = 4;
/// Where a splice may be, one in so many samples.
const PLACES: usize = RATE as usize / 200;

/// How like one another the two sides must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// A splice is unheard, or left for later.
    Unheard,
    /// The delay matters more than a splice that a trained ear may hear.
    Soon,
    /// At the best place that there is, however bad.
    Now,
}

impl Care {
    /// The least normalised cross-correlation.
    fn least(self) -> f32 {
        match self {
            Self::Unheard => 0.85,
            Self::Soon => 0.5,
            Self::Now => -1.0,
        }
    }
}

/// Two places that sound alike, `lag` samples apart.
#[derive(Debug, Clone, Copy)]
struct Match {
    earlier: usize,
    lag: usize,
    likeness: f32,
    quiet: bool,
}

/// Leaves out up to `most` samples of `samples[from..]` and gives how many, 0 where no place is good enough. What is before
/// `from` was played: it is compared with and not changed.
pub fn shorten(samples: &mut Vec<f32>, from: usize, most: usize, care: Care) -> usize {
    let Some(last) = samples.len().checked_sub(FADE) else { return 0 };
    let most = most.min(LAG_MAX);
    let pairs = (LAG_MIN..=most).step_by(STEP).flat_map(|lag| {
        let places = from.max(BEFORE)..(last + 1).saturating_sub(lag);
        places.step_by(PLACES).map(move |earlier| (earlier, lag))
    });
    let Some(coarse) = best(samples, pairs, care, most) else { return 0 };
    let near = (coarse.lag - STEP + 1).max(LAG_MIN)..=(coarse.lag + STEP - 1).min(most).min(last - coarse.earlier);
    let Some(found) = finest(samples, near.map(|lag| (coarse.earlier, lag)), care) else { return 0 };
    let Match { earlier, lag, .. } = found;
    for n in 0..FADE {
        samples[earlier + n] = found.faded(samples[earlier + n], samples[earlier + lag + n], n);
    }
    samples.drain(earlier + FADE..earlier + FADE + lag);
    lag
}

/// Puts about `wanted` samples into `samples[from..]` and gives how many, 0 where no place is good enough. What is before
/// `from` was played: it is repeated and not changed.
pub fn lengthen(samples: &mut Vec<f32>, from: usize, wanted: usize, care: Care) -> usize {
    let Some(last) = samples.len().checked_sub(FADE) else { return 0 };
    let pairs = (LAG_MIN..=LAG_MAX).step_by(STEP).flat_map(|lag| {
        let places = from.max(lag + BEFORE)..last + 1;
        places.step_by(PLACES).map(move |later| (later - lag, lag))
    });
    let Some(coarse) = best(samples, pairs, care, wanted) else { return 0 };
    let later = coarse.earlier + coarse.lag;
    let near = (coarse.lag - STEP + 1).max(LAG_MIN)..=(coarse.lag + STEP - 1).min(LAG_MAX).min(later - BEFORE);
    let Some(found) = finest(samples, near.map(|lag| (later - lag, lag)), care) else { return 0 };
    let Match { earlier, lag, .. } = found;
    let fade = (0..FADE).map(|n| found.faded(samples[later + n], samples[earlier + n], n));
    let put: Vec<f32> = fade.chain(samples[earlier + FADE..later + FADE].iter().copied()).collect();
    samples.splice(later..later + FADE, put);
    lag
}

/// Of the pairs (earlier place, lag) that are nearly as alike as the best one, that whose lag is nearest to `wanted`.
fn best(samples: &[f32], pairs: impl Iterator<Item = (usize, usize)>, care: Care, wanted: usize) -> Option<Match> {
    let matches: Vec<Match> = pairs.map(|(earlier, lag)| Match::of(samples, earlier, lag, STEP)).collect();
    let most = matches.iter().map(Match::worth).fold(-1.0, f32::max);
    // The coarse look sees a little less likeness than there is.
    let least = (most - 0.05).max(care.least() - 0.1);
    matches.into_iter().filter(|it| it.worth() >= least).min_by_key(|it| it.lag.abs_diff(wanted))
}

/// The most alike of the pairs, looked at sample by sample.
fn finest(samples: &[f32], pairs: impl Iterator<Item = (usize, usize)>, care: Care) -> Option<Match> {
    let matches = pairs.map(|(earlier, lag)| Match::of(samples, earlier, lag, 1));
    matches.max_by(|one, other| one.worth().total_cmp(&other.worth())).filter(|it| it.worth() >= care.least())
}

impl Match {
    /// Compares every `step`th sample around the two places. `earlier` is at least [`BEFORE`], and `earlier + lag + FADE` at
    /// most the length.
    fn of(samples: &[f32], earlier: usize, lag: usize, step: usize) -> Self {
        let window = |at: usize| samples[at - BEFORE..at + FADE].iter().step_by(step);
        let (mut both, mut one, mut other) = (0.0f32, 0.0f32, 0.0f32);
        for (a, b) in window(earlier).zip(window(earlier + lag)) {
            both += a * b;
            one += a * a;
            other += b * b;
        }
        let quiet = one.max(other) < QUIET * ((BEFORE + FADE) / step) as f32;
        Self { earlier, lag, likeness: both / (one * other).sqrt().max(1e-9), quiet }
    }

    /// How good a splice here would be: 1 where nobody hears one.
    fn worth(&self) -> f32 {
        if self.quiet { 1.0 } else { self.likeness }
    }

    /// Sample `n` of the fade from one side to the other: of the same power throughout, however alike they are.
    fn faded(&self, from: f32, to: f32, n: usize) -> f32 {
        let to_share = (n + 1) as f32 / (FADE + 1) as f32;
        let from_share = 1.0 - to_share;
        let alike = self.likeness.clamp(0.0, 1.0);
        let power = from_share * from_share + to_share * to_share + 2.0 * alike * from_share * to_share;
        (from * from_share + to * to_share) / power.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::super::FRAME;
    use super::super::source::tests::speech;
    use super::*;

    fn steepest(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    fn tone(hz: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (n as f32 * hz * std::f32::consts::TAU / RATE as f32).sin() * 0.5).collect()
    }

    #[test]
    fn a_tone_stays_the_same_tone_without_a_click() {
        for hz in [80.0, 150.0, 220.0, 440.0, 1000.0] {
            let tone = tone(hz, HISTORY + FRAME);
            let (mut shorter, mut longer) = (tone.clone(), tone.clone());
            let less = shorten(&mut shorter, HISTORY, LAG_MAX, Care::Unheard);
            let more = lengthen(&mut longer, HISTORY, 480, Care::Unheard);
            assert!((LAG_MIN..=LAG_MAX).contains(&less) && (LAG_MIN..=LAG_MAX).contains(&more), "{hz}: {less}, {more}");
            assert_eq!((shorter.len(), longer.len()), (tone.len() - less, tone.len() + more));
            for made in [&shorter, &longer] {
                assert!(steepest(made) <= steepest(&tone) * 1.2, "{hz}");
                assert_eq!(made[..HISTORY], tone[..HISTORY], "what was played stays");
                let ends = made.iter().rev().zip(tone.iter().rev()).take(10);
                assert!(ends.clone().all(|(made, tone)| (made - tone).abs() < 0.02), "{hz}: the end is what follows");
            }
        }
    }

    #[test]
    fn speech_is_spliced_only_where_it_is_like_itself() {
        let speech = speech(48_000 * 4);
        let (mut done, mut tried) = (0, 0);
        for at in (HISTORY..speech.len() - FRAME).step_by(FRAME) {
            let piece = &speech[at - HISTORY..at + FRAME];
            for shorter in [true, false] {
                let mut made = piece.to_vec();
                let by = match shorter {
                    true => shorten(&mut made, HISTORY, LAG_MAX, Care::Unheard),
                    false => lengthen(&mut made, HISTORY, 480, Care::Unheard),
                };
                (done, tried) = (done + u32::from(by > 0), tried + 1);
                assert!(
                    steepest(&made) <= steepest(piece) * 1.3 + 0.002,
                    "{at}: {} of {}",
                    steepest(&made),
                    steepest(piece)
                );
            }
        }
        assert!(done * 10 > tried * 7, "{done} of {tried}");
    }

    #[test]
    fn noise_is_left_alone_until_it_must_be_spliced_and_keeps_its_power() {
        let mut seed = 1u32;
        let noise: Vec<f32> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as f32 / 65_536.0 - 0.5
        })
        .take(HISTORY + FRAME)
        .collect();
        let mut made = noise.clone();
        assert_eq!(shorten(&mut made, HISTORY, LAG_MAX, Care::Unheard), 0);
        assert_eq!(lengthen(&mut made, HISTORY, 480, Care::Soon), 0);
        assert_eq!(made, noise);
        assert!(shorten(&mut made, HISTORY, LAG_MAX, Care::Now) >= LAG_MIN);
        let power = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32;
        assert!((power(&made[HISTORY..]) / power(&noise) - 1.0).abs() < 0.3);
    }

    #[test]
    fn quiet_is_spliced_by_just_what_is_wanted() {
        let quiet = vec![0.001; HISTORY + FRAME];
        for wanted in [120, 240, 500, 720] {
            assert!(shorten(&mut quiet.clone(), HISTORY, wanted, Care::Unheard).abs_diff(wanted) < STEP);
            assert!(lengthen(&mut quiet.clone(), HISTORY, wanted, Care::Unheard).abs_diff(wanted) < STEP);
        }
    }

    #[test]
    fn what_is_too_short_is_left_as_it_is() {
        for len in [0, 1, FADE, BEFORE + FADE, BEFORE + FADE + LAG_MIN - 1] {
            let mut samples = vec![0.0; len];
            for from in [0, len / 2, len] {
                assert_eq!(shorten(&mut samples, from, LAG_MAX, Care::Now), 0);
                assert_eq!(lengthen(&mut samples, from, LAG_MAX, Care::Now), 0);
            }
        }
        assert_eq!(shorten(&mut vec![0.0; 2000], HISTORY, LAG_MIN - 1, Care::Now), 0);
    }
}
