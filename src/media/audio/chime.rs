//! The sound that shows that a speaker works: two notes, a second together. Pure.

use super::{FRAME, Frame, RATE};

/// A fourth up: D5 and G5, Hz.
const NOTES: [f64; 2] = [587.33, 783.99];
/// When the second note begins, seconds.
const SECOND_AT: f64 = 0.35;
/// Length of the whole, seconds.
const LENGTH: f64 = 1.0;
/// Loudest sample of a note: well below a voice that shouts.
const PEAK: f64 = 0.2;
/// A note swells over this time and dies away by half in [`HALF`], seconds.
const SWELL: f64 = 0.02;
const HALF: f64 = 0.12;
/// The end fades out over this time, seconds.
const FADE: f64 = 0.1;

/// A chime that is being played.
#[derive(Debug, Default)]
pub struct Chime {
    /// Samples played.
    at: usize,
}

impl Chime {
    /// Adds the next 20 ms; false when there is nothing left.
    pub fn add_to(&mut self, mix: &mut Frame) -> bool {
        for (n, sample) in mix.iter_mut().enumerate() {
            *sample += sample_at((self.at + n) as f64 / f64::from(RATE)) as f32;
        }
        self.at += FRAME;
        (self.at as f64) < LENGTH * f64::from(RATE)
    }
}

/// The sound at a time since its start, seconds.
fn sample_at(time: f64) -> f64 {
    let end = ((LENGTH - time) / FADE).clamp(0.0, 1.0);
    let notes: f64 = NOTES.iter().zip([0.0, SECOND_AT]).map(|(hz, from)| note(*hz, time - from)).sum();
    notes * end
}

fn note(hz: f64, time: f64) -> f64 {
    if time < 0.0 {
        return 0.0;
    }
    let turn = time * hz * std::f64::consts::TAU;
    let swell = (time / SWELL).min(1.0);
    // A little of the octave makes it a bell rather than a test tone.
    PEAK * swell * 0.5f64.powf(time / HALF) * (turn.sin() + 0.25 * (2.0 * turn).sin()) / 1.25
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chime_lasts_a_second_begins_and_ends_in_silence_and_does_not_click() {
        let mut chime = Chime::default();
        let mut heard = Vec::new();
        loop {
            let mut mix = [0.0; FRAME];
            let goes_on = chime.add_to(&mut mix);
            heard.extend(mix);
            if !goes_on {
                break;
            }
        }
        assert_eq!(heard.len(), 50 * FRAME);
        assert!(heard[0].abs() < 1e-3 && heard[heard.len() - 1].abs() < 1e-3);
        let peak = heard.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!((0.1..=0.3).contains(&peak), "{peak}");
        // The steepest that these notes can be.
        let most = NOTES[1] as f32 * std::f32::consts::TAU / RATE as f32 * PEAK as f32 * 2.5;
        assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() < most));
    }

    #[test]
    fn a_chime_is_added_to_what_is_there() {
        let mut mix = [0.5; FRAME];
        Chime::default().add_to(&mut mix);
        assert!(mix.iter().all(|sample| (0.2..0.8).contains(sample)));
        assert!(mix.iter().any(|sample| *sample != 0.5));
    }
}
