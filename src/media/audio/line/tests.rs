//! The device takes its buffers in virtual time, its crystal and its sizes as the rows say.

use std::time::Duration;

use super::*;

fn line(rate: u32) -> (Line, rtrb::Consumer<f32>) {
    let (samples, consumer) = rtrb::RingBuffer::new(rate as usize / 2);
    (Line::new(Feed { samples, rate, health: Default::default(), heard: None }).unwrap(), consumer)
}

/// How sound fared on the way through the ring, after the first ten seconds.
#[derive(Debug, Default)]
struct Fate {
    /// From the end of the 20 ms that a sample belongs to until the device takes it, at the mean and at most, ms.
    mean_ms: f64,
    worst_ms: f64,
    dry: u32,
    skipped: u64,
}

/// A speaker for `seconds`: buffers of these sizes in frames, in turn, at a rate that is off by `ppm`; ticks are as late
/// as `late_us` says.
fn play(rate: u32, buffers: &[usize], ppm: f64, seconds: u64, late_us: impl Fn(u64) -> u64) -> Fate {
    let (mut line, mut ring) = line(rate);
    let real = f64::from(rate) * (1.0 + ppm / 1e6);
    let (mut taken, mut turn, mut count, mut sum) = (0.0, 0, 0u64, 0.0);
    let mut fate = Fate::default();
    let start = crate::clock::now() + Duration::from_secs(1);
    let when = |seconds: f64| start + Duration::from_secs_f64(seconds);
    for tick in 1..=seconds * 50 {
        let due = tick as f64 * 0.02;
        let now = due + late_us(tick) as f64 / 1e6;
        // A buffer is taken when the one before has been played.
        while taken / real <= now {
            let size = buffers[turn % buffers.len()];
            turn += 1;
            line.feed.health.beat_at(size, when(taken / real));
            let ready = size.min(ring.slots());
            let at = taken / real;
            taken += size as f64;
            for (n, sample) in ring.read_chunk(ready).unwrap().into_iter().enumerate() {
                let said = f64::from(sample);
                if at > 10.0 && said > 1.0 {
                    // The buffer is the device's own: what counts is when it was taken. Its end waits as its start.
                    let waited = (at + n as f64 / real - said) * 1000.0 - 20.0;
                    fate.worst_ms = fate.worst_ms.max(waited);
                    (sum, count) = (sum + waited, count + 1);
                }
            }
            fate.dry += u32::from(at > 10.0 && ready < size);
        }
        // Each sample says when it was said: stretching keeps a straight line straight.
        line.play(&std::array::from_fn(|n| (due - 0.02 + n as f64 / 48_000.0) as f32), when(now));
    }
    fate.mean_ms = sum / count.max(1) as f64;
    fate.skipped = line.skipped;
    fate
}

#[test]
fn the_ring_holds_a_reserve_and_what_the_device_takes_at_once_whatever_its_size() {
    println!("  rate buffers: ms at the mean, ms at most");
    for (rate, buffers, others_ms) in [
        (48_000, &[64][..], 0.0),
        (48_000, &[128], 0.0),
        (48_000, &[480], 0.0),
        (48_000, &[960], 0.0),
        (48_000, &[1024], 0.0),
        (48_000, &[4096], 0.0),
        (48_000, &[64, 2048, 480, 8192], 0.0),
        // A resampler works 10 ms at a time.
        (44_100, &[441], 10.0),
        (16_000, &[160], 10.0),
        (96_000, &[960], 10.0),
    ] {
        let fate = play(rate, buffers, 0.0, 60, |_| 0);
        println!("{rate:6} {buffers:?}: {:.1}, {:.1}", fate.mean_ms, fate.worst_ms);
        let period_ms = *buffers.iter().max().unwrap() as f64 * 1000.0 / f64::from(rate);
        assert!(fate.dry == 0 && fate.skipped == 0, "{rate} {buffers:?}: {fate:?}");
        assert!(fate.mean_ms < period_ms + 10.0 + others_ms, "{rate} {buffers:?}: {fate:?}");
    }
}

#[test]
fn a_crystal_that_drifts_costs_neither_a_gap_nor_a_frame() {
    for ppm in [-200.0, 200.0] {
        let fate = play(48_000, &[480], ppm, 900, |_| 0);
        println!("{ppm} ppm: {fate:?}");
        assert!(fate.dry == 0 && fate.skipped == 0 && fate.worst_ms < 30.0, "{ppm}: {fate:?}");
    }
}

#[test]
fn a_machine_that_is_late_gets_a_larger_reserve_and_a_calm_one_loses_it_again() {
    let late = |tick: u64| if tick.is_multiple_of(37) { 15_000 } else { tick * 7919 % 3000 };
    let busy = play(48_000, &[480], 20.0, 120, late);
    println!("late by up to 15 ms: {busy:?}");
    assert!(busy.dry == 0 && busy.skipped == 0, "{busy:?}");
    let once = play(48_000, &[480], 20.0, 300, |tick| if tick == 1000 { 45_000 } else { 0 });
    println!("late by 45 ms once: {once:?}");
    assert!((1..=6).contains(&once.dry), "{once:?}");
    assert!(once.mean_ms < 20.0, "{once:?}");
}

#[test]
fn a_device_that_plays_nothing_is_never_owed_more_than_90_ms() {
    let (mut line, consumer) = line(48_000);
    (0..1000).for_each(|_| line.play(&[0.1; FRAME], crate::clock::now()));
    assert!(consumer.slots() <= 90 * 48, "{}", consumer.slots());
    assert!(line.skipped > 900);
}

#[test]
fn the_first_sound_comes_up_without_a_click_behind_the_reserve() {
    let (mut line, mut consumer) = line(48_000);
    line.play(&[0.5; FRAME], crate::clock::now());
    let mut heard = vec![9.0; consumer.slots()];
    consumer.pop_entire_slice(&mut heard).unwrap();
    assert_eq!(heard.len(), 36 * 48, "6 ms of reserve, a buffer of 10 ms, a frame");
    assert!(heard[..16 * 48].iter().all(|sample| *sample == 0.0));
    assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.02));
    assert_eq!(heard.last(), Some(&0.5));
}

#[test]
fn what_is_not_stretched_passes_as_it_is_and_what_is_has_no_seam() {
    let tone = |n: usize| (n as f32 * 0.1).sin();
    let frame = |from: usize| std::array::from_fn(|n| tone(from + n));
    let (mut stretch, mut out) = (Stretch::default(), Vec::new());
    (0..3).for_each(|n| stretch.frame(&frame(n * FRAME), 0, &mut out));
    assert!(out.iter().skip(2).enumerate().all(|(n, sample)| *sample == tone(n)));
    for by in [-STRETCH, -1, 1, STRETCH] {
        let (mut stretch, mut out) = (Stretch::default(), Vec::new());
        (0..50).for_each(|n| stretch.frame(&frame(n * FRAME), by, &mut out));
        assert_eq!(out.len() as isize, 50 * (FRAME as isize + by));
        assert!(out[4..].windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.102), "stretched by {by}");
    }
}

#[test]
fn what_was_handed_on_last_waits_for_the_ring_the_callback_and_the_device() {
    let (mut line, mut ring) = line(48_000);
    let now = crate::clock::now() + Duration::from_secs(1);
    line.play(&[0.1; FRAME], now);
    let queued = ring.slots() as u64;
    assert!(queued > 960);
    let in_ring = Duration::from_micros((queued - 960) * 1_000_000 / 48_000);
    assert!(line.waiting(now).abs_diff(in_ring) < Duration::from_millis(1), "{:?}, not {in_ring:?}", line.waiting(now));
    // The device takes 10 ms of it, has them to play for 6 ms more, and says that it is 30 ms away.
    line.feed.health.set_latency(Duration::from_millis(30));
    ring.read_chunk(480).unwrap().commit_all();
    line.feed.health.beat_at(480, now);
    let waits = line.waiting(now + Duration::from_millis(4));
    let expected = in_ring - Duration::from_millis(10) + Duration::from_millis(6 + 30);
    assert!(waits.abs_diff(expected) < Duration::from_millis(1), "{waits:?}, not {expected:?}");
}
