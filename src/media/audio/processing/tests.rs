//! A speaker beside a microphone, in virtual time.

use super::super::source::tests::{correlation_at, speech};
use super::follow::Follower;
use super::*;

const SECOND: usize = 48_000;
const PLAIN: Switches = Switches { echo: true, noise: false, gain: false };

/// A voice that whispers, in syllables: an echo canceller learns from all that is in a voice.
fn talk(samples: usize) -> Vec<f32> {
    let (mut hiss, mut phase) = (hiss(), 0.0f64);
    let say = |n: usize| {
        let t = n as f64 / SECOND as f64;
        phase += 120.0 * (1.0 + 0.2 * (t * 3.1).sin() + 0.07 * (t * 7.3).sin()) / SECOND as f64;
        let harmonic = |k: i32| (phase * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k).powf(1.2);
        let syllable = (0.5 + 0.5 * (t * 3.0 * std::f64::consts::TAU).sin()).powi(2);
        (((1..20).map(harmonic).sum::<f64>() * 0.05 + f64::from(hiss()) * 0.3) * syllable) as f32
    };
    (0..samples).map(say).collect()
}

/// White noise in -1.0..1.0.
fn hiss() -> impl FnMut() -> f32 {
    let mut seed = 1u32;
    move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as f32 / 32_768.0 - 1.0
    }
}

/// What a microphone hears of what is played: later, quieter, off two walls.
fn echo(far: &[f32], delay_ms: usize) -> Vec<f32> {
    let walls = [(0, 0.4), (211, -0.2), (1_333, 0.1)].map(|(later, gain)| (later + delay_ms * 48, gain));
    let heard =
        |n: usize| walls.iter().map(|(later, gain)| n.checked_sub(*later).map_or(0.0, |at| far[at]) * gain).sum();
    (0..far.len()).map(heard).collect()
}

fn run(processor: &mut Processor, heard: &[f32], far: Option<&[f32]>) -> Vec<f32> {
    let mut out = Vec::with_capacity(heard.len());
    for (n, chunk) in heard.as_chunks::<CHUNK>().0.iter().enumerate() {
        let (mut chunk, far) = (*chunk, far.map(|far| &far.as_chunks::<CHUNK>().0[n]));
        processor.process(&mut chunk, far);
        out.extend(chunk);
    }
    out
}

/// By how much the second is quieter, dB.
fn quieter(before: &[f32], after: &[f32]) -> f64 {
    let power = |samples: &[f32]| samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    10.0 * (power(before) / power(after).max(1e-9)).log10()
}

#[test]
fn an_echo_is_taken_out_and_comes_back_where_that_is_switched_off() {
    let far = talk(8 * SECOND);
    let heard = echo(&far, 60);
    let mut processor = Processor::new(PLAIN);
    let out = run(&mut processor, &heard, Some(&far));
    let late = 5 * SECOND;
    let erle = quieter(&heard[late..], &out[late..]);
    assert!(erle >= 20.0, "{erle} dB");
    let delay = processor.echo_delay_ms().unwrap();
    assert!((40..=70).contains(&delay), "{delay} ms");
    processor.set(Switches::OFF);
    assert_eq!(run(&mut processor, &heard, Some(&far)), heard, "off leaves every sample as it is");
    assert_eq!(processor.delay_us(), 0);
}

#[test]
fn another_speaker_is_learned_anew() {
    let far = talk(12 * SECOND);
    let (near, then) = (echo(&far, 30), echo(&far, 190));
    let mut processor = Processor::new(PLAIN);
    run(&mut processor, &near[..6 * SECOND], Some(&far[..6 * SECOND]));
    processor.forget_echo();
    let out = run(&mut processor, &then[6 * SECOND..], Some(&far[6 * SECOND..]));
    let erle = quieter(&then[10 * SECOND..], &out[4 * SECOND..]);
    assert!(erle >= 20.0, "{erle} dB");
}

#[test]
fn a_voice_alone_stays_and_a_hiss_is_held_down() {
    let voice = speech(6 * SECOND);
    let mut processor = Processor::new(Switches { gain: false, ..Switches::default() });
    let out = run(&mut processor, &voice, None);
    let lost = quieter(&voice[2 * SECOND..], &out[2 * SECOND..]);
    assert!(lost.abs() < 2.0, "{lost} dB");
    assert_eq!(processor.echo_delay_ms(), None, "nothing plays: there is no echo to look for");
    let mut hiss = hiss();
    let noise: Vec<f32> = (0..6 * SECOND).map(|_| hiss() * 0.01).collect();
    let held = quieter(&noise[3 * SECOND..], &run(&mut processor, &noise, None)[3 * SECOND..]);
    assert!(held > 6.0, "{held} dB");
}

#[test]
fn a_quiet_voice_is_raised() {
    let quiet: Vec<f32> = speech(12 * SECOND).iter().map(|sample| sample * 0.05).collect();
    let mut processor = Processor::new(Switches { gain: true, ..Switches::OFF });
    let out = run(&mut processor, &quiet, None);
    let raised = -quieter(&quiet[8 * SECOND..], &out[8 * SECOND..]);
    assert!(raised > 5.0, "{raised} dB");
    assert!(out.iter().all(|sample| sample.abs() <= 1.0));
}

#[test]
fn garbage_gives_numbers_and_the_next_voice_is_heard() {
    let mut processor = Processor::new(Switches::default());
    let voice = speech(3 * SECOND);
    let kinds: [fn(usize) -> f32; 6] = [
        |_| f32::NAN,
        |n| if n % 7 == 0 { f32::INFINITY } else { -1e30 },
        |_| 0.0,
        |n| if n / 50 % 2 == 0 { 1.0 } else { -1.0 },
        |_| 1e-40,
        |n| if n % 2 == 0 { 9.0 } else { f32::NEG_INFINITY },
    ];
    for (near, far) in kinds.iter().flat_map(|near| kinds.map(|far| (near, far))) {
        for switches in [Switches::default(), PLAIN, Switches { echo: false, ..Switches::default() }] {
            processor.set(switches);
            for n in 0..15 {
                let mut chunk: Chunk = std::array::from_fn(|k| near(n * CHUNK + k));
                processor.process(&mut chunk, (n < 12).then_some(&std::array::from_fn(far)));
                assert!(chunk.iter().all(|sample| sample.abs() <= 1.0), "a number in range");
            }
        }
    }
    processor.set(Switches::default());
    let out = run(&mut processor, &voice, None);
    assert!(quieter(&voice[SECOND..], &out[SECOND..]) < 6.0);
}

#[test]
fn speech_is_made_out_and_held_through_pauses_and_noise_is_none() {
    let told = |samples: &[f32]| {
        let mut detector = Detector::new();
        let heard = samples.as_chunks::<CHUNK>().0.iter().map(|chunk| detector.hear(chunk));
        heard.skip(100).filter(|speech| speech.speaking).count()
    };
    let mut hiss = hiss();
    let noise: Vec<f32> = (0..4 * SECOND).map(|_| hiss() * 0.05).collect();
    let voice = told(&speech(4 * SECOND));
    assert!(voice > 200, "{voice} of 300");
    assert!(told(&noise) < 30, "{}", told(&noise));
    assert_eq!(told(&vec![0.0; 4 * SECOND]), 0);
    assert_eq!(told(&vec![f32::NAN; 4 * SECOND]), 0);
}

#[test]
fn the_delay_that_is_told_is_the_one_that_it_has() {
    let mut hiss = hiss();
    // Puffs of noise: they have one delay at all pitches.
    let voice: Vec<f32> = (0..3 * SECOND).map(|n| if n / 4_800 % 3 == 0 { hiss() * 0.2 } else { 0.0 }).collect();
    let silence = vec![0.0; voice.len()];
    for (echo, noise) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut processor = Processor::new(Switches { echo, noise, gain: true });
        let out = run(&mut processor, &voice, Some(&silence));
        let told = processor.delay_us() as f64 * 0.048;
        let alike = |lag: &usize| correlation_at(&voice[SECOND..], &out[SECOND..], *lag);
        let lag = (0..1_200).max_by(|a, b| alike(a).total_cmp(&alike(b))).unwrap() as f64;
        assert!((lag - told).abs() <= 48.0, "{lag} samples, told {told}, echo {echo} noise {noise}");
    }
}

#[test]
fn switches_are_read_from_flags() {
    let read = |text: &str| text.parse::<Switches>();
    assert_eq!(read("echo,noise,gain"), Ok(Switches::default()));
    assert_eq!(read("off"), Ok(Switches::OFF));
    assert_eq!(read("noise"), Ok(Switches { noise: true, ..Switches::OFF }));
    assert!(read("").is_err() && read("echo,off").is_err());
}

/// A speaker at `rate` whose crystal is off, callbacks of `period` samples that are late by up to 5 ms, and a microphone; gives
/// where each chunk of the reference was taken from, ms of the stream against ms of the microphone.
fn follow(rate: u32, ppm: f64, period: usize, seconds: usize) -> (Follower, Vec<f64>) {
    let mut follower = Follower::new(rate).unwrap();
    let speed = 1.0 + ppm * 1e-6;
    // A ramp, so that each sample says where it is from.
    let ramp = |n: u64| (n % u64::from(rate)) as f32 / rate as f32 - 0.5;
    let (mut taken, mut seed, mut off) = (0u64, 7u32, Vec::new());
    for n in 0..seconds as u64 * 100 {
        loop {
            let at_us = taken as f64 * 1e6 / f64::from(rate) / speed;
            if at_us > (n + 2) as f64 * 10_000.0 {
                break;
            }
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let late = f64::from(seed >> 24) / 256.0 * 5_000.0;
            let block: Vec<f32> = (taken..taken + period as u64).map(ramp).collect();
            follower.played((1e9 + at_us + late) as u64, taken, &block);
            taken += period as u64;
        }
        let mut out = [0.0; CHUNK];
        follower.take(1_000_000_000 + n * 10_000, &mut out);
        let read_ms = (f64::from(out[240]) + 0.5) * 1000.0;
        let true_ms = (n as f64 * 10.0 + 5.0) * speed % 1000.0;
        // Where the ramp begins anew it says nothing.
        if (15.0..985.0).contains(&true_ms) {
            off.push((read_ms - true_ms + 1500.0) % 1000.0 - 500.0);
        }
    }
    (follower, off)
}

#[test]
fn the_reference_stays_in_step_through_drift_late_callbacks_and_any_rate() {
    for (rate, ppm, period) in [(48_000, 0.0, 480), (48_000, 150.0, 480), (44_100, -150.0, 1024), (96_000, 60.0, 4096)]
    {
        let (follower, off) = follow(rate, ppm, period, 60);
        let drift = follower.drift() * 1e6;
        assert!((drift - ppm).abs() < 15.0, "{drift} for {ppm} ppm");
        let (least, most) = off[3_000..].iter().fold((f64::MAX, f64::MIN), |(a, b), off| (a.min(*off), b.max(*off)));
        assert!(most - least < 4.0, "{rate} {ppm}: {least} to {most} ms");
        assert!(most < 1.0 && least > -12.0, "never ahead of what was played: {least} to {most} ms");
        assert!(follower.moved() <= 12, "{}", follower.moved());
    }
}

#[test]
fn a_crystal_that_is_not_off_is_left_alone() {
    let (follower, _) = follow(48_000, 0.0, 480, 40);
    assert_eq!(follower.drift(), 0.0);
}

#[test]
fn a_speaker_that_stood_still_is_followed_again_and_silence_is_given_meanwhile() {
    let mut follower = Follower::new(48_000).unwrap();
    let mut heard = Vec::new();
    let mut taken = 0;
    for n in 0..1_000u64 {
        // Nothing is played for a second.
        if !(400..500).contains(&n) {
            follower.played(1_000_000 + n * 10_000, taken, &[0.5; CHUNK]);
            taken += CHUNK as u64;
        }
        let mut out = [0.0; CHUNK];
        follower.take(1_000_000 + n * 10_000, &mut out);
        heard.push(out[240]);
    }
    assert!(heard[10..390].iter().all(|sample| (sample - 0.5).abs() < 0.01));
    assert!(heard[405..495].iter().all(|sample| *sample == 0.0));
    assert!(heard[520..].iter().all(|sample| (sample - 0.5).abs() < 0.01), "{:?}", &heard[495..530]);
}
