//! What is done to a microphone's sound: the echo of what was played is taken out, noise is held down, the level is
//! brought to that of the others; and it is told whether somebody speaks. By `sonora`: AEC3, noise suppression and AGC2 of
//! WebRTC in Rust.
//!
//! [`Processor`] is pure: frames in, frames out, no clock, no device. [`played`] brings it what the speaker really played,
//! [`follow`] keeps that in step with the microphone, `cleaner` is the microphone's thread's use of all of them. Must never:
//! touch a tone or a file, which tests compare sample by sample; give a sample that is no number, whatever comes in.
//!
//! Delay added to the sound, measured: 9 ms with echo cancelling alone, 7 ms with noise suppression alone, 15 ms with both; none
//! with the gain alone. A microphone beside no speaker is spared the canceller's share.

mod canceller;
mod cleaner;
pub mod follow;
pub mod played;
mod speech;

use sonora::config::{AdaptiveDigital, GainController2};
use sonora::{AudioProcessing, Config, StreamConfig};

pub(super) use self::cleaner::Cleaner;
pub use self::speech::{Detector, Speech};

use self::canceller::Canceller;
use self::played::Played;

/// Samples that are processed at once: 10 ms at 48 kHz.
pub const CHUNK: usize = 480;
/// 10 ms of samples in -1.0..=1.0.
pub type Chunk = [f32; CHUNK];

const RATE: u32 = 48_000;
/// What the splitting into bands, the canceller's blocks and the suppressor's overlap delay sound by; measured.
const BANDS_DELAY_US: u64 = 900;
const ECHO_DELAY_US: u64 = 8_000;
const NOISE_DELAY_US: u64 = 6_000;
/// Before a voice was heard it is raised by this: most microphones are set too low, few too high.
const INITIAL_GAIN_DB: f32 = 6.0;

/// What is done. Everything, unless somebody says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// The echo of what was played is taken out.
    pub echo: bool,
    /// Steady noise is held down.
    pub noise: bool,
    /// Quiet voices are raised.
    pub gain: bool,
}

impl Switches {
    /// Nothing is done.
    pub const OFF: Self = Self { echo: false, noise: false, gain: false };
}

impl std::str::FromStr for Switches {
    type Err = String;

    /// Reads `off`, or some of `echo`, `noise` and `gain` with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut switches = Self::OFF;
        for word in text.split(',').filter(|_| text != "off") {
            match word.trim() {
                "echo" => switches.echo = true,
                "noise" => switches.noise = true,
                "gain" => switches.gain = true,
                other => return Err(format!("{other:?} is nothing that is done to sound: echo,noise,gain or off")),
            }
        }
        Ok(switches)
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self { echo: true, noise: true, gain: true }
    }
}

/// What a microphone is given: what is done to its sound, and where the speaker beside it can be heard.
#[derive(Debug, Clone, Default)]
pub struct Cleaning {
    pub switches: Switches,
    pub played: Played,
}

/// See the module.
#[derive(Debug)]
pub struct Processor {
    wanted: Switches,
    /// Echo and noise, which share a splitting into bands; `None` while neither is to be done.
    canceller: Option<Canceller>,
    /// The level, apart from them, so that it stays where it is when they begin anew.
    gain: Option<Box<AudioProcessing>>,
}

impl Processor {
    /// A processor that has heard nothing.
    pub fn new(wanted: Switches) -> Self {
        let mut processor = Self { wanted, canceller: None, gain: None };
        processor.follow_switches(false);
        processor
    }

    /// Changes what is done, from the next 10 ms on.
    pub fn set(&mut self, wanted: Switches) {
        self.wanted = wanted;
    }

    /// Cleans 10 ms, in place. `played` is what left the speaker at that time, or up to half a second before its echo comes;
    /// `None` while no speaker runs: then there is no echo.
    pub fn process(&mut self, near: &mut Chunk, played: Option<&Chunk>) {
        self.follow_switches(played.is_some());
        *near = near.map(within);
        let raw = *near;
        if let Some(canceller) = &mut self.canceller {
            canceller.process(near, played.map(|played| played.map(within)).as_ref());
        }
        if let Some(gain) = &mut self.gain {
            let cleaned = near.map(within);
            // One channel at one rate is what it was made for: it cannot refuse.
            let _ = gain.process_capture_f32(&[&cleaned], &mut [near]);
        }
        if near.iter().any(|sample| !sample.is_finite()) {
            tracing::warn!("the processing of sound gave no numbers, and begins anew");
            *near = raw;
            *self = Self::new(self.wanted);
        }
        *near = near.map(within);
    }

    /// By how much what comes out is later than what goes in, µs.
    pub fn delay_us(&self) -> u64 {
        match self.canceller.as_ref().map(Canceller::does) {
            Some((echo, noise)) => BANDS_DELAY_US + u64::from(echo) * ECHO_DELAY_US + u64::from(noise) * NOISE_DELAY_US,
            None => 0,
        }
    }

    /// How far the echo lies behind what was played, ms, as the canceller sees it; `None` where it does not run.
    pub fn echo_delay_ms(&self) -> Option<u32> {
        self.canceller.as_ref().and_then(Canceller::delay_ms)
    }

    /// The speaker is another one, or its delay: what was learned about its echo is forgotten.
    pub fn forget_echo(&mut self) {
        if let Some(canceller) = &mut self.canceller {
            canceller.forget_echo();
        }
    }

    fn follow_switches(&mut self, plays: bool) {
        let Switches { echo, noise, gain } = self.wanted;
        let wanted = (echo && plays, noise);
        if self.canceller.as_ref().map_or((false, false), Canceller::does) != wanted {
            self.canceller = (wanted != (false, false)).then(|| Canceller::new(wanted.0, wanted.1));
        }
        if self.gain.is_some() != gain {
            self.gain = gain.then(|| Box::new(gain_controller()));
        }
    }
}

/// A sample that every filter can take.
fn within(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

fn gain_controller() -> AudioProcessing {
    let adaptive = AdaptiveDigital { initial_gain_db: INITIAL_GAIN_DB, ..AdaptiveDigital::default() };
    let config = Config {
        gain_controller2: Some(GainController2 { adaptive_digital: Some(adaptive), ..GainController2::default() }),
        ..Config::default()
    };
    let stream = StreamConfig::new(RATE, 1);
    AudioProcessing::builder().config(config).capture_config(stream).render_config(stream).build()
}

#[cfg(test)]
mod tests;
