//! Short sounds of the program's own: the one that shows that a speaker works, and those that tell of the call. Pure.

use super::{FRAME, Frame, RATE};

/// A sound. Each differs from the others in its tune, not in its pitch alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sound {
    /// The speaker works: a fourth up, a second long.
    #[default]
    Test,
    /// Somebody came: a small step up.
    Joined,
    /// Somebody left: the same step down.
    Left,
    /// The call is cut off: low, and twice the same.
    Lost,
    /// The call is back: three notes up.
    Back,
}

/// Hz, and when it begins, seconds.
type Note = (f64, f64);

impl Sound {
    fn notes(self) -> &'static [Note] {
        match self {
            Self::Test => &[(587.33, 0.0), (783.99, 0.35)],
            Self::Joined => &[(523.25, 0.0), (659.26, 0.11)],
            Self::Left => &[(659.26, 0.0), (523.25, 0.11)],
            Self::Lost => &[(311.13, 0.0), (311.13, 0.22)],
            Self::Back => &[(392.0, 0.0), (523.25, 0.12), (659.26, 0.24)],
        }
    }

    /// Length of the whole, seconds.
    fn length(self) -> f64 {
        match self {
            Self::Test => 1.0,
            Self::Joined | Self::Left => 0.5,
            Self::Lost | Self::Back => 0.7,
        }
    }

    /// Loudest sample of a note: well below a voice that shouts, and what nobody asked for below a voice that talks.
    fn peak(self) -> f64 {
        match self {
            Self::Test => 0.2,
            Self::Lost | Self::Back => 0.12,
            Self::Joined | Self::Left => 0.08,
        }
    }
}

/// A note swells over this time and dies away by half in [`HALF`], seconds.
const SWELL: f64 = 0.02;
const HALF: f64 = 0.12;
/// The end fades out over this time, seconds.
const FADE: f64 = 0.1;

/// A sound that is being played.
#[derive(Debug, Default)]
pub struct Chime {
    pub sound: Sound,
    /// Samples played.
    at: usize,
}

impl Chime {
    pub fn new(sound: Sound) -> Self {
        Self { sound, at: 0 }
    }

    /// Adds the next 20 ms; false when there is nothing left.
    pub fn add_to(&mut self, mix: &mut Frame) -> bool {
        for (n, sample) in mix.iter_mut().enumerate() {
            *sample += sample_at(self.sound, (self.at + n) as f64 / f64::from(RATE)) as f32;
        }
        self.at += FRAME;
        (self.at as f64) < self.sound.length() * f64::from(RATE)
    }
}

/// The sound at a time since its start, seconds.
fn sample_at(sound: Sound, time: f64) -> f64 {
    let end = ((sound.length() - time) / FADE).clamp(0.0, 1.0);
    let notes: f64 = sound.notes().iter().map(|(hz, from)| note(*hz, time - from)).sum();
    sound.peak() * notes * end
}

fn note(hz: f64, time: f64) -> f64 {
    if time < 0.0 {
        return 0.0;
    }
    let turn = time * hz * std::f64::consts::TAU;
    let swell = (time / SWELL).min(1.0);
    // A little of the octave makes it a bell rather than a test tone.
    swell * 0.5f64.powf(time / HALF) * (turn.sin() + 0.25 * (2.0 * turn).sin()) / 1.25
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Sound; 5] = [Sound::Test, Sound::Joined, Sound::Left, Sound::Lost, Sound::Back];

    fn played(sound: Sound) -> Vec<f32> {
        let mut chime = Chime::new(sound);
        let mut heard = Vec::new();
        loop {
            let mut mix = [0.0; FRAME];
            let goes_on = chime.add_to(&mut mix);
            heard.extend(mix);
            if !goes_on {
                return heard;
            }
        }
    }

    #[test]
    fn each_sound_is_as_long_as_it_says_begins_and_ends_in_silence_and_does_not_click() {
        for sound in ALL {
            let heard = played(sound);
            assert_eq!(heard.len(), (sound.length() * 50.0).round() as usize * FRAME, "{sound:?}");
            assert!(heard[0].abs() < 1e-3 && heard[heard.len() - 1].abs() < 1e-3, "{sound:?}");
            let peak = heard.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
            let most = sound.peak() as f32 * 1.5;
            assert!((most / 3.0..=most).contains(&peak), "{sound:?}: {peak}");
            // The steepest that these notes can be.
            let highest = sound.notes().iter().map(|(hz, _)| *hz).fold(0.0, f64::max) as f32;
            let most = highest * std::f32::consts::TAU / RATE as f32 * sound.peak() as f32 * 2.5;
            assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() < most), "{sound:?}");
        }
    }

    #[test]
    fn what_nobody_asked_for_is_quieter_than_the_test_and_no_two_sounds_are_the_same() {
        for (index, sound) in ALL.into_iter().enumerate() {
            assert!(sound == Sound::Test || sound.peak() < Sound::Test.peak());
            assert!(ALL[..index].iter().all(|other| other.notes() != sound.notes()));
        }
    }

    #[test]
    fn a_chime_is_added_to_what_is_there() {
        let mut mix = [0.5; FRAME];
        Chime::default().add_to(&mut mix);
        assert!(mix.iter().all(|sample| (0.2..0.8).contains(sample)));
        assert!(mix.iter().any(|sample| *sample != 0.5));
    }
}
