//! One peer's sound: its jitter buffer, its decoder, its meter.
//!
//! The network's side pushes into the buffer and asks for figures; the mixer's thread pulls, decodes and stretches. They
//! share the buffer's lock and nothing else, and no lock is held while something is decoded: making up a frame takes up to
//! a millisecond, and the network does not wait for it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::codec::Decoder;
use super::gain::Gain;
use super::level::{Level, Loudness};
use super::stretch::{self, Care};
use super::{AudioError, FRAME, Frame, RATE};
use crate::jitter::audio::AudioConfig;
use crate::jitter::{AudioBuffer, AudioIn, Haste, Pull, Stretch};

/// Sound that begins after silence swells over 2.5 ms: a step clicks.
const SWELL: usize = RATE as usize / 400;

/// Everything that one peer's packets go through up to the mix.
#[derive(Debug)]
pub struct Voice {
    buffer: Mutex<AudioBuffer>,
    /// The mixer's thread alone takes it, once each 20 ms.
    player: Mutex<Player>,
    playing: Mutex<Option<(u64, Instant)>>,
    level: Level,
    /// Of what was said, whatever the listener makes of it.
    loudness: Mutex<Loudness>,
    /// What the listener makes of it, percent.
    volume: AtomicU8,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Voice {
    /// # Errors
    /// Out of memory.
    pub fn new() -> Result<Self, AudioError> {
        Ok(Self {
            buffer: Mutex::new(AudioBuffer::new(AudioConfig::default())),
            player: Mutex::new(Player::new()?),
            playing: Mutex::new(None),
            level: Level::default(),
            loudness: Mutex::default(),
            volume: AtomicU8::new(100),
        })
    }

    /// Takes in a packet that arrived at `arrived`.
    pub fn push(&self, packet: AudioIn, arrived: Instant) {
        self.buffer().push(arrived, packet);
    }

    /// The jitter buffer: for a question or a word, not for long.
    pub fn buffer(&self) -> MutexGuard<'_, AudioBuffer> {
        lock(&self.buffer)
    }

    /// How loud it is, 0.0..=1.0.
    pub fn level(&self) -> f32 {
        self.level.get()
    }

    /// See [`super::Mixer::take_loudness`].
    pub fn take_loudness(&self) -> Vec<f32> {
        lock(&self.loudness).take()
    }

    /// See [`super::Mixer::set_volume`].
    pub fn set_volume(&self, percent: u8) {
        self.volume.store(percent, Ordering::Relaxed);
    }

    /// See [`super::Mixer::playing`].
    pub fn playing(&self) -> Option<(u64, Instant)> {
        *lock(&self.playing)
    }

    /// Adds the next 20 ms to `mix`, whose first sample is played at `now`; true when they are the first that this peer was
    /// ever heard with.
    pub fn add_to(&self, mix: &mut Frame, now: Instant) -> bool {
        let mut player = lock(&self.player);
        let mut decoded = false;
        while player.ahead() < FRAME {
            decoded |= self.pull(&mut player, now);
        }
        let mut frame = [0.0; FRAME];
        frame.copy_from_slice(player.take());
        self.level.feed(&frame);
        lock(&self.loudness).feed(&frame);
        player.gain.set(self.volume.load(Ordering::Relaxed));
        player.gain.apply(&mut frame);
        mix.iter_mut().zip(frame).for_each(|(mix, sample)| *mix += sample);
        let first = decoded && !player.heard;
        player.heard |= decoded;
        first
    }

    /// What the buffer says, done; true for a packet that was one.
    fn pull(&self, player: &mut Player, now: Instant) -> bool {
        let ahead_us = player.ahead() as u64 * 1_000_000 / u64::from(RATE);
        let (pull, capture_us) = {
            let mut buffer = self.buffer();
            let pull = buffer.pull(now, ahead_us);
            (pull, buffer.played_capture_us())
        };
        let decoded = match pull {
            Pull::Packet(payload) => player.decode(&payload),
            Pull::Stretch(payload, stretch) => {
                let decoded = player.decode(&payload);
                let by_us = player.stretch(stretch);
                self.buffer().stretched(by_us);
                decoded
            }
            Pull::Recover(next) => return player.recover(&next),
            Pull::Conceal => return player.conceal(),
            Pull::Silence => return player.rest(),
        };
        // From the last sample back, for a splice lies before it.
        let last = now + span(player.ahead());
        *lock(&self.playing) = capture_us.zip(last.checked_sub(span(FRAME)));
        decoded
    }
}

fn span(samples: usize) -> Duration {
    Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(RATE))
}

/// Packets to samples, and what is left of them for the next 20 ms.
#[derive(Debug)]
struct Player {
    decoder: Decoder,
    /// What was played last, for splices to compare with, and what is to be played next.
    samples: Vec<f32>,
    /// How much of that was played.
    played: usize,
    gain: Gain,
    heard: bool,
    sounding: bool,
}

impl Player {
    fn new() -> Result<Self, AudioError> {
        let samples = vec![0.0; stretch::HISTORY];
        Ok(Self {
            decoder: Decoder::new()?,
            played: samples.len(),
            samples,
            gain: Gain::default(),
            heard: false,
            sounding: false,
        })
    }

    /// Samples to be played.
    fn ahead(&self) -> usize {
        self.samples.len() - self.played
    }

    /// The next 20 ms, which must be there.
    fn take(&mut self) -> &[f32] {
        self.samples.drain(..self.played - stretch::HISTORY);
        self.played = stretch::HISTORY + FRAME;
        &self.samples[stretch::HISTORY..self.played]
    }

    fn put(&mut self, mut frame: Frame) {
        if !std::mem::replace(&mut self.sounding, true) {
            for (n, sample) in frame.iter_mut().take(SWELL).enumerate() {
                *sample *= n as f32 / SWELL as f32;
            }
        }
        self.samples.extend(frame);
    }

    fn decode(&mut self, payload: &[u8]) -> bool {
        let mut frame = [0.0; FRAME];
        let decoded = self.decoder.decode(payload, &mut frame);
        self.put(frame);
        decoded
    }

    fn recover(&mut self, next: &[u8]) -> bool {
        let mut frame = [0.0; FRAME];
        self.decoder.recover(next, &mut frame);
        self.put(frame);
        false
    }

    fn conceal(&mut self) -> bool {
        let mut frame = [0.0; FRAME];
        self.decoder.conceal(&mut frame);
        self.put(frame);
        false
    }

    /// Silence up to the end of these 20 ms. Sound that breaks off clicks: it dies away in what is missing of them, or in the
    /// next ones where that is too short.
    fn rest(&mut self) -> bool {
        let missing = FRAME - self.ahead();
        let mut frame = [0.0; FRAME];
        if self.sounding {
            self.decoder.conceal(&mut frame);
            self.sounding = missing < 2 * SWELL;
            if !self.sounding {
                let share = |n: usize| 1.0 - (n + 1) as f32 / missing as f32;
                frame[..missing].iter_mut().enumerate().for_each(|(n, sample)| *sample *= share(n));
            }
        }
        self.samples.extend(&frame[..missing]);
        false
    }

    /// Makes what is to be played longer or shorter, if there is a place for it. Gives by how much, µs.
    fn stretch(&mut self, stretch: Stretch) -> i64 {
        let care = match stretch.haste {
            Haste::Unheard => Care::Unheard,
            Haste::Soon => Care::Soon,
            Haste::Now => Care::Now,
        };
        let wanted = stretch.by_us.unsigned_abs() as usize * (RATE as usize / 1000) / 1000;
        let samples = match stretch.by_us {
            1.. => stretch::lengthen(&mut self.samples, self.played, wanted, care),
            _ => stretch::shorten(&mut self.samples, self.played, wanted, care),
        };
        stretch.by_us.signum() * samples as i64 * 1000 / (i64::from(RATE) / 1000)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::codec::Encoder;
    use super::*;

    const TICK: Duration = Duration::from_millis(20);

    /// Packets of a tone: 20 ms each, from capture time 0 on.
    fn tone(packets: u32) -> Vec<AudioIn> {
        let mut encoder = Encoder::new().unwrap();
        (0..packets)
            .map(|number| {
                let tone = std::array::from_fn(|at| ((number as usize * FRAME + at) as f32 * 0.02).sin() * 0.5);
                let payload = Bytes::copy_from_slice(encoder.encode(&tone).unwrap().0);
                AudioIn { number, capture_us: u64::from(number) * 20_000, dtx: false, payload }
            })
            .collect()
    }

    /// Plays packets that come when `arrival_ms` says, tick by tick, 3 ms off the sender's.
    fn play(voice: &Voice, packets: &[AudioIn], ticks: u32, arrival_ms: impl Fn(u32) -> u32) -> Vec<f32> {
        let start = crate::clock::now();
        let mut heard = Vec::new();
        for tick in 0..ticks {
            let now = start + TICK * tick + Duration::from_millis(3);
            for packet in packets {
                let arrived = start + Duration::from_millis(arrival_ms(packet.number).into());
                if arrived <= now && arrived + TICK > now {
                    voice.push(packet.clone(), arrived);
                }
            }
            let mut mix = [0.0; FRAME];
            voice.add_to(&mut mix, now);
            heard.extend(mix);
        }
        heard
    }

    fn steepest(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_voice_that_starts_and_stops_does_not_click() {
        let voice = Voice::new().unwrap();
        let heard = play(&voice, &tone(50), 70, |number| number * 20);
        assert!(steepest(&heard) < 0.05, "{}", steepest(&heard));
        assert!(heard.iter().any(|sample| sample.abs() > 0.4));
        assert!(heard[65 * FRAME..].iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn growing_and_shrinking_do_not_click() {
        let voice = Voice::new().unwrap();
        // From 2 s on every fourth packet is 70 ms late, from 6 s on none is.
        let late = |number: u32| if (100..300).contains(&number) && number.is_multiple_of(4) { 70 } else { 0 };
        let packets = tone(1300);
        let heard = play(&voice, &packets, 1300, |number| number * 20 + late(number));
        let stats = voice.buffer().stats();
        assert!(stats.grown_ms >= 20.0 && stats.shrunk_ms >= 40.0, "{stats:?}");
        assert!(stats.target_ms < 10.0, "{stats:?}");
        assert!(steepest(&heard) < 0.05, "{}", steepest(&heard));
        assert!(stats.concealed_ms <= 240, "{stats:?}");
    }

    /// A tone that climbs by 2 kHz a second, again and again: at every moment another one.
    fn climbing(at: f64) -> f64 {
        let at = at % 0.5;
        (std::f64::consts::TAU * (300.0 * at + 1000.0 * at * at)).sin() * 0.3
    }

    #[test]
    fn the_capture_time_that_is_told_is_that_of_what_is_played() {
        let mut encoder = Encoder::new().unwrap();
        let rate = f64::from(RATE);
        let packets: Vec<AudioIn> = (0..1000u32)
            .map(|number| {
                let wave = std::array::from_fn(|n| climbing((number as usize * FRAME + n) as f64 / rate) as f32);
                let payload = Bytes::copy_from_slice(encoder.encode(&wave).unwrap().0);
                AudioIn { number, capture_us: u64::from(number) * 20_000, dtx: false, payload }
            })
            .collect();
        let voice = Voice::new().unwrap();
        let start = crate::clock::now();
        let (mut heard, mut told, mut splices) = (Vec::new(), Vec::new(), Vec::new());
        for tick in 0..1000u32 {
            let now = start + TICK * tick;
            // The network takes 60 ms longer for a third of the packets between 4 and 8 s.
            for number in tick.saturating_sub(4)..=tick {
                let late = if (200..400).contains(&number) && number % 3 == 0 { 4 } else { 1 };
                if number + late == tick {
                    voice.push(packets[number as usize].clone(), now);
                }
            }
            let mut mix = [0.0; FRAME];
            voice.add_to(&mut mix, now);
            heard.extend(mix);
            told.push(voice.playing().map(|(capture, at)| (capture, (at - start).as_secs_f64())));
            let stats = voice.buffer().stats();
            splices.push(stats.grown_ms + stats.shrunk_ms + stats.concealed_ms as f64);
        }
        assert!(splices[999] > 60.0, "{:?}", voice.buffer().stats());
        // Opus is 6.5 ms late (its look-ahead).
        let mut looked = 0;
        for tick in (20..980).step_by(9).filter(|tick| splices[tick - 12] == splices[tick + 12]) {
            let (capture_us, at) = told[tick].unwrap();
            if capture_us % 500_000 > 350_000 {
                continue;
            }
            let from = (at * rate).round() as usize;
            let like = |off: i64| -> f64 {
                let source = |n: usize| climbing(capture_us as f64 / 1e6 + (n as f64 - 312.0 + off as f64) / rate);
                (0..4 * FRAME).map(|n| source(n) * f64::from(heard[from + n])).sum()
            };
            let best = (-480..=480).step_by(4).max_by(|one, other| like(*one).total_cmp(&like(*other))).unwrap();
            assert!(best.abs() <= 12, "{best} samples off at tick {tick}");
            looked += 1;
        }
        assert!(looked > 40, "{looked}");
    }

    #[test]
    fn a_peer_that_sends_nothing_is_silent() {
        let voice = Voice::new().unwrap();
        let mut mix = [0.25; FRAME];
        let start = crate::clock::now();
        for n in 0..50 {
            assert!(!voice.add_to(&mut mix, start + TICK * n));
        }
        assert_eq!(mix, [0.25; FRAME]);
    }
}
