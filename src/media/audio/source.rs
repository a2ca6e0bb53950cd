//! Where sound comes from: what a user may choose, and the sources that are no device.

use std::path::PathBuf;
use std::str::FromStr;

use super::{AudioError, FRAME, Frame, RATE};
use crate::media::wav;

/// Loudness of the tone: half of full scale, -6 dBFS, is unpleasant; this is -18.
const TONE_PEAK: f64 = 0.125;
/// Pitch of a tone that was asked for without one, Hz.
const TONE_HZ: f32 = 440.0;

/// What to send.
#[derive(Debug, Clone, PartialEq)]
pub enum AudioSource {
    /// A device by its id or name, or the system's default.
    Microphone(Option<String>),
    /// A sine of this many Hz, for ever.
    Tone(f32),
    /// A WAV file, played once from the moment capture starts; silence follows.
    File(PathBuf),
    /// Nothing.
    Off,
}

impl FromStr for AudioSource {
    type Err = AudioError;

    /// Reads `mic[:ID]`, `tone[:HZ]`, `file:PATH` or `off`.
    fn from_str(text: &str) -> Result<Self, AudioError> {
        let (kind, rest) = text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
        let wrong =
            || AudioError::Source(format!("{text:?} is no sound source: mic[:ID], tone[:HZ], file:IN.wav or off"));
        Ok(match (kind, rest) {
            ("mic", id) => AudioSource::Microphone(id.filter(|id| !id.is_empty()).map(str::to_owned)),
            ("tone", None) => AudioSource::Tone(TONE_HZ),
            ("tone", Some(hz)) => {
                let hz = hz.parse().map_err(|_| wrong())?;
                check_tone(hz)?;
                AudioSource::Tone(hz)
            }
            ("file", Some(path)) if !path.is_empty() => AudioSource::File(PathBuf::from(path)),
            ("off", None) => AudioSource::Off,
            _ => return Err(wrong()),
        })
    }
}

fn check_tone(hz: f32) -> Result<(), AudioError> {
    if (20.0..=20_000.0).contains(&hz) {
        return Ok(());
    }
    Err(AudioError::Source(format!("a tone of {hz} Hz cannot be heard: 20 to 20000")))
}

/// A source that needs no device: frame after frame, by count, not by time.
#[derive(Debug)]
pub enum Synthetic {
    Tone { hz: f64, frame: u64 },
    File { samples: Vec<f32>, at: usize, ended: bool },
}

impl Synthetic {
    /// A sine.
    ///
    /// # Errors
    /// A pitch that nobody hears.
    pub fn tone(hz: f32) -> Result<Self, AudioError> {
        check_tone(hz)?;
        Ok(Self::Tone { hz: hz.into(), frame: 0 })
    }

    /// A WAV file, read whole here.
    ///
    /// # Errors
    /// See [`wav::read_mono`].
    pub fn file(path: &std::path::Path) -> Result<Self, AudioError> {
        Ok(Self::File { samples: wav::read_mono(path)?, at: 0, ended: false })
    }

    /// Fills the next frame; true when it holds the last sample of a file.
    pub fn next(&mut self, out: &mut Frame) -> bool {
        match self {
            Self::Tone { hz, frame } => {
                for (n, sample) in out.iter_mut().enumerate() {
                    let at = (*frame * FRAME as u64 + n as u64) as f64 / f64::from(RATE);
                    *sample = ((at * *hz).fract() * std::f64::consts::TAU).sin() as f32 * TONE_PEAK as f32;
                }
                *frame += 1;
                false
            }
            Self::File { samples, at, ended } => {
                let rest = &samples[*at..];
                let len = rest.len().min(FRAME);
                out[..len].copy_from_slice(&rest[..len]);
                out[len..].fill(0.0);
                *at += len;
                let ends = *at == samples.len() && !*ended;
                *ended |= ends;
                ends
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Something like a voice: a gliding pitch with harmonics, in syllables, and a little noise. No file needed.
    pub fn speech(samples: usize) -> Vec<f32> {
        let (mut phase, mut noise) = (0.0f64, 1u32);
        let harmonic =
            |phase: f64, k: i32| (phase * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k).powf(1.5);
        (0..samples)
            .map(|n| {
                let t = n as f64 / 48_000.0;
                phase += (220.0 + 40.0 * (t * 3.1).sin() + 15.0 * (t * 7.3).sin()) / 48_000.0;
                let voiced: f64 = (1..9).map(|k| harmonic(phase, k)).sum();
                let syllable = (0.5 + 0.5 * (t * 3.0 * std::f64::consts::TAU).sin()).powi(2);
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let hiss = f64::from(noise >> 16) / 65_536.0 - 0.5;
                ((voiced * 0.2 + hiss * 0.01) * syllable) as f32
            })
            .collect()
    }

    /// The best normalised correlation of two signals, the second up to `most` samples later than the first.
    pub fn correlation(sent: &[f32], heard: &[f32], most: usize) -> f64 {
        (0..=most).step_by(4).map(|lag| correlation_at(sent, heard, lag)).fold(-1.0, f64::max)
    }

    /// The same at one lag.
    pub fn correlation_at(sent: &[f32], heard: &[f32], lag: usize) -> f64 {
        let (mut both, mut one, mut other) = (0.0, 1e-9, 1e-9);
        for (a, b) in sent.iter().zip(heard.iter().skip(lag)) {
            let (a, b) = (f64::from(*a), f64::from(*b));
            both += a * b;
            one += a * a;
            other += b * b;
        }
        both / (one * other).sqrt()
    }

    #[test]
    fn sources_are_read_from_flags() {
        let read = |text: &str| text.parse::<AudioSource>();
        assert_eq!(read("mic").unwrap(), AudioSource::Microphone(None));
        assert_eq!(read("mic:alsa:hw:0,0").unwrap(), AudioSource::Microphone(Some("alsa:hw:0,0".into())));
        assert_eq!(read("tone").unwrap(), AudioSource::Tone(440.0));
        assert_eq!(read("tone:1000").unwrap(), AudioSource::Tone(1000.0));
        assert_eq!(read("file:a:b.wav").unwrap(), AudioSource::File("a:b.wav".into()));
        assert_eq!(read("off").unwrap(), AudioSource::Off);
        for wrong in ["", "tone:", "tone:NaN", "tone:-1", "tone:inf", "file", "file:", "off:", "speaker"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_is_played_exactly_once_and_silence_follows() {
        for len in [0usize, 1, 959, 960, 961, 2000] {
            let samples: Vec<f32> = (0..len).map(|n| (n + 1) as f32 / 4000.0).collect();
            let mut source = Synthetic::File { samples: samples.clone(), at: 0, ended: false };
            let (mut heard, mut ends) = (Vec::new(), Vec::new());
            for n in 0..6 {
                let mut out = [9.0; FRAME];
                if source.next(&mut out) {
                    ends.push(n);
                }
                heard.extend(out);
            }
            assert_eq!(heard[..len], samples);
            assert!(heard[len..].iter().all(|sample| *sample == 0.0));
            assert_eq!(ends, [len.saturating_sub(1) / FRAME], "{len} samples");
        }
    }

    #[test]
    fn a_tone_has_no_seam_between_frames() {
        let mut source = Synthetic::tone(441.0).unwrap();
        let mut heard = Vec::new();
        for _ in 0..10 {
            let mut out = [0.0; FRAME];
            assert!(!source.next(&mut out));
            heard.extend(out);
        }
        let step = 441.0 * std::f32::consts::TAU / 48_000.0 * TONE_PEAK as f32;
        assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= step * 1.001));
    }
}
