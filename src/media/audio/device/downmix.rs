//! Several channels of a microphone into one. Pure; runs on the real-time thread, so it holds a fixed number of figures
//! and nothing else.
//!
//! A plain average is wrong for what people plug in: a microphone on the first input of an interface with eight would
//! lose 18 dB, one on the left of a stereo plug 6 dB, and a balanced plug in a stereo socket, whose channels are each
//! other's inverse, everything. So the average is of the channels that carry sound, and of the loudest alone where they
//! cancel each other.

use cpal::{FromSample, Sample};

/// Channels that are listened to; those behind them carry no voice.
const CHANNELS: usize = 8;
/// Power is averaged over about this long, seconds.
const MEMORY: f32 = 0.2;
/// A channel this far below the loudest carries no sound (-30 dB)...
const DEAD: f32 = 1e-3;
/// ... and it comes back at twice the power: one that hovers at the bound does not flutter.
const ALIVE: f32 = 2.0 * DEAD;
/// A mix with less than this part of the loudest channel's power cancels itself; uncorrelated channels keep half of it.
const CANCELS: f32 = 0.02;
/// Below this power (-80 dBFS) the channels say nothing about themselves.
const FLOOR: f32 = 1e-8;
/// Shares change over this long, seconds: a jump clicks.
const FADE: f32 = 0.05;

/// See the module.
#[derive(Debug)]
pub struct Downmix {
    channels: usize,
    heard: usize,
    rate: f32,
    power: [f32; CHANNELS],
    /// Of the plain average of the channels that carry sound.
    mixed: f32,
    alive: [bool; CHANNELS],
    cancels: bool,
    share: [f32; CHANNELS],
    goal: [f32; CHANNELS],
    /// The most that a share changes with a frame.
    step: f32,
}

impl Downmix {
    /// For a device with this rate in Hz and this many channels, 0 counting as one.
    pub fn new(rate: u32, channels: u16) -> Self {
        let channels = usize::from(channels.max(1));
        let heard = channels.min(CHANNELS);
        let mut share = [0.0; CHANNELS];
        share[..heard].fill(1.0 / heard as f32);
        let rate = rate.max(1) as f32;
        Self {
            channels,
            heard,
            rate,
            power: [0.0; CHANNELS],
            mixed: 0.0,
            alive: [true; CHANNELS],
            cancels: false,
            share,
            goal: share,
            step: 1.0 / (FADE * rate),
        }
    }

    /// Samples in a frame.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Takes in a buffer of frames, and decides what the channels count from now on.
    pub fn listen<T: Sample>(&mut self, data: &[T])
    where
        f32: FromSample<T>,
    {
        let frames = data.len() / self.channels;
        if self.heard == 1 || frames == 0 {
            return;
        }
        let (mut sums, mut mixed) = ([0.0f32; CHANNELS], 0.0f32);
        let even = self.even();
        for frame in data.chunks_exact(self.channels) {
            let mut mix = 0.0;
            for (at, sample) in frame.iter().take(self.heard).enumerate() {
                let sample = f32::from_sample_(*sample);
                sums[at] += sample * sample;
                mix += sample * even[at];
            }
            mixed += mix * mix;
        }
        let count = frames as f32;
        let keep = (-count / (MEMORY * self.rate)).exp();
        for (power, sum) in self.power.iter_mut().zip(sums) {
            *power = *power * keep + sum / count * (1.0 - keep);
        }
        self.mixed = self.mixed * keep + mixed / count * (1.0 - keep);
        self.decide();
    }

    fn decide(&mut self) {
        let heard = &self.power[..self.heard];
        let loudest = heard.iter().copied().fold(0.0, f32::max);
        if loudest < FLOOR {
            return;
        }
        for (alive, power) in self.alive.iter_mut().zip(heard) {
            *alive = *power > loudest * if *alive { DEAD } else { ALIVE };
        }
        self.cancels = self.mixed < loudest * if self.cancels { 2.0 * CANCELS } else { CANCELS };
        self.goal = self.even();
        if self.cancels
            && let Some(at) = heard.iter().position(|power| *power >= loudest)
        {
            self.goal = [0.0; CHANNELS];
            self.goal[at] = 1.0;
        }
    }

    /// The same share for each channel that carries sound.
    fn even(&self) -> [f32; CHANNELS] {
        let count = self.alive[..self.heard].iter().filter(|alive| **alive).count().max(1);
        let mut shares = [0.0; CHANNELS];
        for (share, alive) in shares.iter_mut().zip(&self.alive[..self.heard]) {
            *share = if *alive { 1.0 / count as f32 } else { 0.0 };
        }
        shares
    }

    /// One sample of a frame.
    pub fn mix<T: Sample>(&mut self, frame: &[T]) -> f32
    where
        f32: FromSample<T>,
    {
        let mut mix = 0.0;
        for (at, sample) in frame.iter().take(self.heard).enumerate() {
            let share = &mut self.share[at];
            *share += (self.goal[at] - *share).clamp(-self.step, self.step);
            mix += f32::from_sample_(*sample) * *share;
        }
        mix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// A second of a voice-like tone with a gain for each channel, in buffers of odd sizes; gives the RMS of the end over
    /// that of one channel at full gain, and the largest step from one sample to the next.
    fn ratio(gains: &[f32]) -> (f32, f32) {
        let mut downmix = Downmix::new(RATE, gains.len() as u16);
        let tone = |n: usize| ((n as f32 * 0.03).sin() + (n as f32 * 0.071).sin()) * 0.2;
        let samples: Vec<f32> = (0..RATE as usize).flat_map(|n| gains.iter().map(move |gain| tone(n) * gain)).collect();
        let mut mixed = Vec::new();
        for buffer in samples.chunks(317 * gains.len()) {
            downmix.listen(buffer);
            mixed.extend(buffer.chunks_exact(gains.len()).map(|frame| downmix.mix(frame)));
        }
        let rms = |samples: &[f32]| (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt();
        let end = &mixed[mixed.len() / 2..];
        let sent: Vec<f32> = (RATE as usize / 2..RATE as usize).map(tone).collect();
        let step = mixed.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        (rms(end) / rms(&sent), step)
    }

    #[test]
    fn a_voice_keeps_its_level_on_whatever_channels_it_comes() {
        let rows: [(&[f32], f32, &str); 9] = [
            (&[1.0], 1.0, "mono"),
            (&[1.0, 1.0], 1.0, "stereo"),
            (&[1.0, 0.0], 1.0, "the left of a stereo plug"),
            (&[0.0, 1.0], 1.0, "the right of one"),
            (&[1.0, 0.001], 1.0, "the left, and the hum of an open input"),
            (&[1.0, -1.0], 1.0, "a balanced plug in a stereo socket"),
            (&[1.0, 0.5], 0.75, "two microphones at different distances"),
            (&[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], 1.0, "one of eight inputs"),
            (&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1.0, "all of six"),
        ];
        for (gains, expected, what) in rows {
            let (level, step) = ratio(gains);
            assert!((level / expected - 1.0).abs() < 0.02, "{what}: {level} instead of {expected}");
            assert!(step < 0.03, "{what}: a step of {step}");
        }
    }

    #[test]
    fn silence_decides_nothing() {
        let mut downmix = Downmix::new(RATE, 2);
        (0..100).for_each(|_| downmix.listen(&[0.0f32; 960]));
        assert_eq!(downmix.mix(&[0.5f32, 0.5]), 0.5);
    }

    #[test]
    fn a_device_of_no_channels_and_no_rate_does_no_harm() {
        let mut downmix = Downmix::new(0, 0);
        downmix.listen(&[0.25f32]);
        assert_eq!(downmix.mix(&[0.25f32]), 0.25);
    }
}
