//! What is done to a microphone's sound: the echo of what was played is taken out, noise is held down, the level is
//! brought to that of the others; and it is told whether somebody speaks. By `sonora`: AEC3, noise suppression and AGC2 of
//! WebRTC in Rust.
//!
//! [`Processor`] is pure: frames in, frames out, no clock, no device. [`played`] brings it what the speaker really played,
//! [`follow`] keeps that in step with the microphone, `cleaner` is the microphone's thread's use of all of them. Must never:
//! touch a tone or a file, which tests compare sample by sample; give a sample that is no number, whatever comes in.
//!
//! Delay added to the sound, measured: 4 ms with the gain alone, 9 ms with echo cancelling, 15 ms with noise suppression; none with everything
//! off.

mod cleaner;
pub mod follow;
pub mod played;
mod speech;

use self::played::Played;
use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, NoiseSuppression,
    NoiseSuppressionLevel, Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};

pub(super) use cleaner::Cleaner;
pub use speech::{Detector, Speech};

/// Samples that are processed at once: 10 ms at 48 kHz.
pub const CHUNK: usize = 480;
/// 10 ms of samples in -1.0..=1.0.
pub type Chunk = [f32; CHUNK];

const RATE: u32 = 48_000;
/// Measured: the noise suppressor looks ahead 6 ms more than the canceller.
const NOISE_DELAY_US: u64 = 15_000;
const ECHO_DELAY_US: u64 = 9_000;
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
    cleaner: Option<Engine>,
    /// The level, apart from them, so that it stays where it is when they begin anew.
    gain: Option<Engine>,
}

impl Processor {
    /// A processor that has heard nothing.
    pub fn new(wanted: Switches) -> Self {
        let mut processor = Self { wanted, cleaner: None, gain: None };
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
        near.iter_mut().for_each(|sample| *sample = within(*sample));
        if let Some(cleaner) = &mut self.cleaner {
            cleaner.process(near, played);
        }
        if let Some(gain) = &mut self.gain {
            gain.process(near, None);
        }
    }

    /// By how much what comes out is later than what goes in, µs.
    pub fn delay_us(&self) -> u64 {
        match self.cleaner.as_ref().map(|cleaner| cleaner.does) {
            Some(Switches { noise: true, .. }) => NOISE_DELAY_US,
            Some(_) => ECHO_DELAY_US,
            None => 0,
        }
    }

    /// How far the echo lies behind what was played, ms, as the canceller sees it; `None` where it does not run.
    pub fn echo_delay_ms(&self) -> Option<u32> {
        let delay = self.cleaner.as_ref()?.inner.statistics().delay_ms?;
        u32::try_from(delay).ok()
    }

    /// The speaker is another one, or its delay: what was learned about its echo is forgotten.
    pub fn forget_echo(&mut self) {
        if let Some(cleaner) = self.cleaner.as_mut().filter(|cleaner| cleaner.does.echo) {
            *cleaner = Engine::new(cleaner.does);
        }
    }

    fn follow_switches(&mut self, plays: bool) {
        let Switches { echo, noise, gain } = self.wanted;
        follow(&mut self.cleaner, Switches { echo: echo && plays, noise, gain: false });
        follow(&mut self.gain, Switches { gain, ..Switches::OFF });
    }
}

fn follow(engine: &mut Option<Engine>, wanted: Switches) {
    if engine.as_ref().map_or(Switches::OFF, |engine| engine.does) != wanted {
        *engine = (wanted != Switches::OFF).then(|| Engine::new(wanted));
    }
}

/// The library, set up for some of the switches.
#[derive(Debug)]
struct Engine {
    does: Switches,
    inner: Box<AudioProcessing>,
}

impl Engine {
    fn new(does: Switches) -> Self {
        let stream = StreamConfig::new(RATE, 1);
        let built = AudioProcessing::builder().config(config(does)).capture_config(stream).render_config(stream).build();
        Self { does, inner: Box::new(built) }
    }

    fn process(&mut self, near: &mut Chunk, played: Option<&Chunk>) {
        let raw = *near;
        let mut done = Ok(());
        if let Some(played) = played.filter(|_| self.does.echo) {
            let far = played.map(within);
            // The library's copy of what it was given, which nobody needs.
            let mut same = [0.0; CHUNK];
            done = self.inner.process_render_f32(&[&far], &mut [&mut same]);
        }
        let done = done.and(self.inner.process_capture_f32(&[&raw], &mut [near]));
        if done.is_err() || near.iter().any(|sample| !sample.is_finite()) {
            tracing::warn!(?done, "the processing of sound failed, and begins anew");
            *near = raw;
            *self = Self::new(self.does);
        }
        near.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
    }
}

/// A sample that every filter can take.
fn within(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

fn config(does: Switches) -> Config {
    let cleans = does.echo || does.noise;
    Config {
        // The default would cut speech at 16 kHz.
        pipeline: Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Pipeline::default() },
        high_pass_filter: cleans.then(HighPassFilter::default),
        echo_canceller: does.echo.then(EchoCanceller::default),
        noise_suppression: does
            .noise
            .then(|| NoiseSuppression { level: NoiseSuppressionLevel::Moderate, ..NoiseSuppression::default() }),
        gain_controller2: does.gain.then(|| GainController2 {
            adaptive_digital: Some(AdaptiveDigital { initial_gain_db: INITIAL_GAIN_DB, ..AdaptiveDigital::default() }),
            ..GainController2::default()
        }),
        ..Config::default()
    }
}

#[cfg(test)]
mod tests;
