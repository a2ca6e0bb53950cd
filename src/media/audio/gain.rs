//! How loud one peer is played: what the listener chose, without a click on the way there. Pure.

use super::Frame;

/// A gain changes by this much with each sample at most: from nothing to 100 % in 10 ms.
const STEP: f32 = 1.0 / 480.0;

/// A gain on its way to what was chosen.
#[derive(Debug, Clone, Copy)]
pub struct Gain {
    goal: f32,
    now: f32,
}

impl Default for Gain {
    /// As it was said.
    fn default() -> Self {
        Self { goal: 1.0, now: 1.0 }
    }
}

impl Gain {
    /// From here on this much: percent of what was said, 0..=200; more counts as 200.
    pub fn set(&mut self, percent: u8) {
        self.goal = f32::from(percent.min(200)) / 100.0;
    }

    /// Makes a frame louder or quieter; one that is to be as it was stays so to the bit.
    pub fn apply(&mut self, frame: &mut Frame) {
        if self.now == 1.0 && self.goal == 1.0 {
            return;
        }
        for sample in frame {
            self.now += (self.goal - self.now).clamp(-STEP, STEP);
            *sample *= self.now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::FRAME;
    use super::*;

    #[test]
    fn a_gain_is_reached_within_20_ms_for_100_percent_and_without_a_click() {
        let mut gain = Gain::default();
        for (percent, level) in [(0, 0.0), (200, 1.0), (100, 0.5), (255, 1.0), (100, 0.5)] {
            gain.set(percent);
            let mut heard = Vec::new();
            for _ in 0..2 {
                let mut frame = [0.5; FRAME];
                gain.apply(&mut frame);
                heard.extend(frame);
            }
            assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.002), "{percent} %");
            assert_eq!(heard.last(), Some(&level), "{percent} %");
        }
        let mut frame = [0.123; FRAME];
        gain.apply(&mut frame);
        assert_eq!(frame, [0.123; FRAME]);
    }

    #[test]
    fn a_peer_that_is_muted_here_is_not_in_the_mix_and_is_seen_to_speak_all_the_same() {
        use super::super::codec::Encoder;
        use super::super::voice::Voice;
        use crate::jitter::AudioIn;

        let mut encoder = Encoder::new().unwrap();
        let start = crate::clock::now();
        let mut heard = |percent: u8| {
            let voice = Voice::new().unwrap();
            voice.set_volume(percent);
            let (mut loudest, mut spoke) = (0.0f32, 0.0f32);
            for n in 0..50u32 {
                let tone = std::array::from_fn(|at| ((n as usize * FRAME + at) as f32 * 0.02).sin() * 0.25);
                let payload = encoder.encode(&tone).unwrap().0.to_vec().into();
                let now = start + std::time::Duration::from_millis(20) * n;
                voice.push(AudioIn { number: n, capture_us: u64::from(n) * 20_000, dtx: false, payload }, now);
                let mut mix = [0.0; FRAME];
                voice.add_to(&mut mix, now);
                if n > 25 {
                    loudest = mix.iter().fold(loudest, |peak, sample| peak.max(sample.abs()));
                    spoke = voice.take_loudness().into_iter().fold(spoke, f32::max);
                }
            }
            assert!((0.1..0.3).contains(&spoke), "{spoke}");
            loudest
        };
        assert_eq!(heard(0), 0.0);
        let (whole, double) = (heard(100), heard(200));
        assert!((1.9..2.1).contains(&(double / whole)), "{whole}, {double}");
    }
}
