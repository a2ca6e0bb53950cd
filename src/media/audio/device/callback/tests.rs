//! Formats, sizes and what a callback may not do, by the code that devices call.

use std::alloc::System;

use cpal::{I24, SizedSample};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use super::*;
use crate::media::audio::processing::played::tap;

/// Counts what the tests of the whole crate allocate; asked by those below alone.
#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Sizes of a device's buffer, frames: each by itself, and all of them in turn.
const BUFFERS: [usize; 8] = [64, 100, 441, 480, 1024, 2048, 8192, 1];
const RATE: u32 = 48_000;

fn tone(n: usize) -> f32 {
    (n as f32 * 0.02).sin() * 0.5
}

fn taker(channels: u16) -> (Taker, rtrb::Consumer<f32>) {
    let (ring, samples) = rtrb::RingBuffer::new(RATE as usize / 2);
    (Taker::new(ring, Arc::default(), RATE, channels), samples)
}

fn giver(channels: u16) -> (Giver, rtrb::Producer<f32>) {
    let (samples, ring) = rtrb::RingBuffer::new(RATE as usize / 2);
    // Its other end is gone: the tap runs full on the way, and is passed over.
    (Giver::new(ring, Some(tap(RATE).0), Arc::default(), channels), samples)
}

/// What becomes of a tone in this format on the way in, and of one on the way out.
fn errors<T: SizedSample + FromSample<f32>>(channels: u16) -> (f32, f32)
where
    f32: FromSample<T>,
{
    let ((mut taker, mut heard), (mut giver, mut played)) = (taker(channels), giver(channels));
    let (mut at, mut worst) = (0, (0.0f32, 0.0f32));
    for frames in BUFFERS.into_iter().cycle().take(24) {
        let tones: Vec<f32> = (at..at + frames).map(tone).collect();
        let recorded: Vec<T> =
            tones.iter().flat_map(|sample| vec![T::from_sample_(*sample); channels.into()]).collect();
        taker.take(&recorded);
        played.push_entire_slice(&tones).unwrap();
        let mut out = vec![T::from_sample_(0.9); frames * usize::from(channels)];
        giver.fill(&mut out);
        for (expected, frame) in tones.iter().zip(out.chunks_exact(channels.into())) {
            worst.0 = worst.0.max((heard.pop().unwrap() - expected).abs());
            for (at, sample) in frame.iter().enumerate() {
                let expected = if at < FRONT { *expected } else { 0.0 };
                worst.1 = worst.1.max((f32::from_sample_(*sample) - expected).abs());
            }
        }
        assert!(heard.is_empty());
        at += frames;
    }
    worst
}

#[test]
fn every_format_carries_the_tone_in_buffers_of_any_size_and_on_any_number_of_channels() {
    for channels in [1, 2, 6, 8, 12] {
        let rows = [
            ("u8", errors::<u8>(channels), 0.0081),
            ("i16", errors::<i16>(channels), 0.000_05),
            ("u16", errors::<u16>(channels), 0.000_05),
            ("i24", errors::<I24>(channels), 0.000_01),
            ("i32", errors::<i32>(channels), 0.000_01),
            ("f32", errors::<f32>(channels), 0.000_01),
            ("f64", errors::<f64>(channels), 0.000_01),
        ];
        for (format, (taken, given), most) in rows {
            assert!(taken <= most, "{format} x {channels}: {taken} off on the way in");
            assert!(given <= most, "{format} x {channels}: {given} off on the way out");
        }
    }
}

#[test]
fn a_ring_without_room_loses_the_newest_sound_and_counts_it() {
    let (ring, mut samples) = rtrb::RingBuffer::new(1000);
    let mut taker = Taker::new(ring, Arc::default(), RATE, 2);
    taker.take(&[0.25f32; 2 * 8192]);
    assert_eq!((samples.slots(), taker.health.missed()), (1000, 1));
    assert_eq!(taker.health.take_period(), 8192);
    assert_eq!(samples.pop(), Ok(0.25));
}

#[test]
fn a_ring_that_is_short_dies_away_and_leaves_silence() {
    let (mut giver, mut played) = giver(2);
    played.push_entire_slice(&[0.5; 100]).unwrap();
    let mut out = [9.0f32; 2 * 1000];
    giver.fill(&mut out);
    assert_eq!(giver.health.missed(), 1);
    assert!(out.windows(4).all(|pair| (pair[2] - pair[0]).abs() < 0.02), "no click");
    assert!(out[2 * 500..].iter().all(|sample| *sample == 0.0));
}

#[test]
fn a_buffer_that_ends_within_a_frame_or_holds_nothing_does_no_harm() {
    let ((mut taker, mut heard), (mut giver, mut played)) = (taker(2), giver(2));
    taker.take::<f32>(&[]);
    giver.fill::<f32>(&mut []);
    taker.take(&[0.5f32, 0.5, 0.5]);
    assert_eq!((heard.pop(), heard.pop().ok()), (Ok(0.5), None));
    played.push(0.5).unwrap();
    let mut out = [9.0f32; 3];
    giver.fill(&mut out);
    assert_eq!(out, [0.5, 0.5, 0.0]);
}

/// The fewest allocations of a round of many: other threads of the test program may allocate meanwhile, but what a
/// callback allocates is in every round.
fn allocations(mut round: impl FnMut()) -> usize {
    let count = |_| {
        let region = Region::new(COUNTING);
        round();
        let change = region.change();
        change.allocations + change.reallocations + change.deallocations
    };
    (0..200).map(count).min().unwrap_or(usize::MAX)
}

#[test]
fn the_callbacks_allocate_nothing_also_where_the_ring_is_full_or_dry() {
    assert!(allocations(|| drop(std::hint::black_box(Vec::<f32>::with_capacity(16)))) >= 2, "the counter counts");
    for frames in BUFFERS {
        for channels in [1u16, 2, 6] {
            let recorded = vec![100i16; frames * usize::from(channels)];
            let mut out = vec![0i32; frames * usize::from(channels)];
            let ((mut taker, mut heard), (mut giver, mut played)) = (taker(channels), giver(channels));
            // The rings run full and dry on the way: nobody reads one, or fills the other, in every second round.
            let mut odd = false;
            let made = allocations(|| {
                taker.take(&recorded);
                giver.fill(&mut out);
                odd = !odd;
                if odd {
                    let ready = heard.slots();
                    heard.read_chunk(ready).unwrap().commit_all();
                    let _ = played.push_partial_slice(&[0.1; 8192]);
                }
                giver.health.fail(cpal::ErrorKind::Xrun);
            });
            assert_eq!(made, 0, "{frames} frames of {channels} channels");
        }
    }
}

#[test]
fn the_callbacks_hold_nothing_that_locks_logs_or_waits() {
    let parts = [
        ("callback", include_str!("../callback.rs")),
        ("downmix", include_str!("../downmix.rs")),
        ("health", include_str!("../health.rs")),
    ];
    let barred = [
        "Mutex",
        "RwLock",
        "Condvar",
        ".lock(",
        "channel",
        "tracing",
        "println",
        "format!",
        "Vec",
        "Box",
        "String",
        "sleep",
        "park",
        "std::fs",
        "std::io",
        "vec!",
        "panic!",
        ".unwrap()",
        ".expect(",
    ];
    for (name, source) in parts {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in barred {
                // The one place that says a problem in words is called by who reads, not by a callback.
                let told = name == "health" && line.contains("Problem::Other");
                let spelt = word != "channel" || line.contains("channel(");
                assert!(told || !spelt || !line.contains(word), "{name}: {word} in {line}");
            }
        }
    }
}
