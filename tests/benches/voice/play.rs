//! Speech through the encoder, a trace, the jitter buffer and the decoder in virtual time, and what PESQ says of it.

use std::time::Duration;

use bytes::Bytes;
use nearcall::clock;
use nearcall::jitter::{AudioIn, AudioStats};
use nearcall::media::audio::{Encoder, FRAME, RATE, Voice};

use super::quality::{self, to_16k};
use super::trace::Trace;

/// The listener's ticks are off the sender's by this much for each seed, µs: for three of them a third of a frame each.
const PHASE_US: u64 = 6_700;
/// PESQ is meant for utterances of some seconds: longer speech is scored in pieces of this length, and their mean is taken.
const PIECE_S: usize = 8;
/// Opus looks ahead 6.5 ms, samples.
const LOOK_AHEAD: usize = 312;

/// What came out.
pub struct Outcome {
    pub heard: Vec<f32>,
    pub stats: AudioStats,
    /// Mean bits a second that were sent, doubles included.
    pub bps: f64,
}

/// Sends `speech` over the trace and listens.
pub fn play(speech: &[f32], trace: &Trace, seed: u64) -> Outcome {
    let mut encoder = Encoder::new().expect("Opus takes its settings");
    encoder.set_loss_percent(trace.reported_percent).expect("Opus takes a percentage");
    let packets: Vec<Bytes> = speech
        .as_chunks::<FRAME>()
        .0
        .iter()
        .map(|frame| Bytes::copy_from_slice(encoder.encode(frame).expect("Opus encodes 20 ms").0))
        .collect();
    let bytes: usize = packets.iter().map(Bytes::len).sum();
    let mut wire: Vec<(i64, usize)> =
        trace.arrivals(packets.len(), seed).into_iter().enumerate().filter_map(|(n, at)| Some((at?, n))).collect();
    wire.sort_unstable();

    let voice = Voice::new().expect("Opus gives a decoder");
    let base = clock::now();
    let (mut next, mut heard) = (0, Vec::with_capacity(speech.len()));
    let mut stats = AudioStats::default();
    // Half a second more, for what is still on its way; what is missing then is nobody's fault.
    for tick in 0..packets.len() as u64 + 25 {
        if tick == packets.len() as u64 {
            stats = voice.buffer().stats();
        }
        let now_us = tick * 20_000 + seed * PHASE_US % 20_000;
        while let Some(&(at, n)) = wire.get(next).filter(|(at, _)| *at <= now_us as i64) {
            let packet =
                AudioIn { number: n as u32, capture_us: n as u64 * 20_000, dtx: false, payload: packets[n].clone() };
            voice.push(packet, base + Duration::from_micros(at as u64));
            next += 1;
        }
        let mut mix = [0.0; FRAME];
        voice.add_to(&mut mix, base + Duration::from_micros(now_us));
        heard.extend(mix);
    }
    let bps = bytes as f64 * 8.0 / (packets.len() as f64 * 0.02) * if trace.doubled { 2.0 } else { 1.0 };
    Outcome { heard, stats, bps }
}

/// PESQ, wide band (ITU-T P.862.2), of what was heard against what was said: the mean of its pieces.
pub fn pesq(said: &[f32], outcome: &Outcome) -> Result<f64, String> {
    // A frame is sent when it is full, so what is heard is a frame and the buffer's delay later; PESQ finds the rest.
    let late = FRAME + LOOK_AHEAD + (outcome.stats.delay_ms / 1000.0 * f64::from(RATE)) as usize;
    let heard = outcome.heard.get(late..).unwrap_or_default();
    let (said, heard) = (to_16k(said, RATE), to_16k(heard, RATE));
    let piece = PIECE_S * quality::RATE as usize;
    let pieces = (said.len().min(heard.len()) / piece).max(1);
    let mut sum = 0.0;
    for n in 0..pieces {
        let of = |samples: &[f32]| (n * piece).min(samples.len())..((n + 1) * piece).min(samples.len());
        sum += quality::wide_band(&said[of(&said)], &heard[of(&heard)])?;
    }
    Ok(sum / pieces as f64)
}
