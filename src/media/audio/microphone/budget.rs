//! How long sound takes from the microphone's callback to the speaker's where there is no network, in virtual time: the
//! real ring, reader, codec, playout buffer and line, and two devices with buffers of 10 ms.
//!
//! What the devices themselves hold back is not in the figure: the 10 ms in which a microphone fills its buffer, and
//! whatever follows after a speaker has taken one.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::super::codec::Encoder;
use super::super::device::Feed;
use super::super::line::Line;
use super::super::source::tests::{correlation_at, speech};
use super::super::voice::Voice;
use super::*;
use crate::jitter::AudioIn;

/// Of both devices, samples.
const BUFFER: usize = 480;
const SECONDS: usize = 10;
/// The bar, without echo cancelling, ms.
const MOST_MS: f64 = 60.0;

/// When things happen that happen again and again: each `every` µs, first at `first`.
struct Beat {
    next: u64,
    every: u64,
}

impl Beat {
    fn is_due(&mut self, now: u64) -> bool {
        let due = now >= self.next;
        self.next += if due { self.every } else { 0 };
        due
    }
}

/// The delay in ms, and how much of it a packet waits for the mixer, where the reader, the mixer and the speaker begin these µs after the microphone.
fn delay_ms(reader_at: u64, mixer_at: u64, speaker_at: u64) -> (f64, f64) {
    let sent = speech(SECONDS * 48_000);
    let start = crate::clock::now();
    let at = |us: u64| -> Instant { start + Duration::from_micros(us) };
    let recording = Arc::<Health>::default();
    let (mut recorded, samples) = rtrb::RingBuffer::new(24_000);
    let mut reader = Reader::new(Input { samples, rate: RATE, health: recording.clone() }).unwrap();
    let (samples, mut playing) = rtrb::RingBuffer::new(24_000);
    let health = Arc::<Health>::default();
    let mut line = Line::new(Feed { samples, rate: RATE, health: health.clone(), heard: None }).unwrap();
    let (mut encoder, voice) = (Encoder::new().unwrap(), Voice::new().unwrap());
    let beat = |next, every| Beat { next, every };
    let mut microphone = beat(10_000, 10_000);
    let mut look = reader_at;
    let (mut pushed, mut waits) = (BTreeMap::new(), Vec::new());
    let (mut mixer, mut speaker) = (beat(mixer_at, FRAME_US), beat(speaker_at, 10_000));
    let (mut taken, mut number, mut heard) = (0, 0, Vec::new());
    for us in (0..SECONDS as u64 * 1_000_000).step_by(250) {
        if microphone.is_due(us) {
            recorded.push_entire_slice(&sent[taken..taken + BUFFER]).unwrap();
            taken += BUFFER;
            recording.beat_at(BUFFER, at(us));
        }
        if us >= look {
            look = us + reader.pause(at(us)).as_micros() as u64;
            reader.read().unwrap();
            while let Some((frame, capture_us)) = reader.frame(us) {
                let (payload, dtx) = encoder.encode(&frame).unwrap();
                let payload = Bytes::copy_from_slice(payload);
                voice.push(AudioIn { number, capture_us, dtx, payload }, at(us));
                pushed.insert(capture_us, us);
                number += 1;
            }
        }
        if mixer.is_due(us) {
            let mut mix = [0.0; FRAME];
            voice.add_to(&mut mix, at(us));
            let played = voice.playing().and_then(|(capture_us, _)| pushed.remove(&capture_us));
            waits.extend(played.map(|pushed: u64| us - pushed));
            line.play(&mix, at(us));
        }
        if speaker.is_due(us) {
            health.beat_at(BUFFER, at(us));
            let ready = playing.slots().min(BUFFER);
            let before = heard.len();
            heard.extend(playing.read_chunk(ready).unwrap());
            heard.resize(before + BUFFER, 0.0);
        }
    }
    // Near the end: everything has settled.
    let from = (SECONDS - 3) * 48_000;
    let of = |lag: usize| correlation_at(&sent[from..from + 24_000], &heard[from..], lag);
    let lag = (0..9600).step_by(16).max_by(|one, other| of(*one).total_cmp(&of(*other))).unwrap();
    assert!(of(lag) > 0.5, "speech is heard: {}", of(lag));
    let offset = speaker_at as usize * 48 / 1000;
    let late = &waits[waits.len() / 2..];
    let waited = late.iter().sum::<u64>() as f64 / late.len().max(1) as f64 / 1000.0;
    ((lag + offset) as f64 / 48.0 - 10.0, waited)
}

#[test]
fn capture_to_playout_without_a_network_stays_within_its_budget() {
    let mut delays = Vec::new();
    println!("reader mixer speaker: delay");
    for (reader_at, mixer_at, speaker_at) in [
        (0, 0, 0),
        (2500, 5000, 2500),
        (1000, 10_000, 9000),
        (4750, 15_000, 6000),
        (3000, 19_750, 250),
        (250, 2500, 7500),
        (4000, 7500, 4000),
        (2000, 12_500, 1500),
    ] {
        let (delay, waited) = delay_ms(reader_at, mixer_at, speaker_at);
        println!(
            "{reader_at:6} {mixer_at:6} {speaker_at:6}: {delay:.1} ms, of which {waited:.1} ms between arrival and the mix"
        );
        delays.push(delay);
    }
    let mean = delays.iter().sum::<f64>() / delays.len() as f64;
    let most = delays.iter().copied().fold(0.0, f64::max);
    println!("mean {mean:.1} ms, most {most:.1} ms; the bar is {MOST_MS} ms");
    assert!(mean <= MOST_MS, "{mean} ms");
}
