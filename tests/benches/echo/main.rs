//! The echo of a speaker in a room, and what the processing of sound leaves of it and of a voice, in virtual time.
//!
//! Speech is played into a room with reverberation, a loudspeaker that distorts a little and a noise floor; the microphone hears it
//! with delays, a drifting crystal, a jump. Printed: by how much the echo is quieter over time (ERLE, dB), how good a voice is alone and
//! against an echo (PESQ, wide band), what 10 ms cost, by how much sound is delayed. A bar that is missed makes the exit code 1.
//!
//! `cargo bench --bench echo`, with `-- --synthetic` for the speech that is made where espeak-ng is missing.

#[path = "../common/espeak.rs"]
mod espeak;
#[path = "../common/figures.rs"]
mod figures;
#[path = "../common/quality.rs"]
mod quality;
mod room;
mod score;
mod speech;

use std::process::ExitCode;

use nearcall::media::audio::processing::Switches;

use self::figures::quantile;
use self::room::{Scene, reverberated};
use self::score::{erle_db, lag_ms, pesq};
use self::speech::{RATE, Voice, speech};

/// Length of each scene, s.
const SECONDS: usize = 28;
/// What ERLE is averaged over, s.
const WINDOWS: [(usize, usize); 5] = [(0, 1), (1, 3), (3, 5), (5, 12), (12, SECONDS)];
/// After 5 s of single talk, dB.
const ERLE: f64 = 30.0;
/// A voice alone.
const PESQ: f64 = 3.0;
/// Of one core, µs for 10 ms.
const COST_US: f64 = 500.0;
/// Added to the sound, ms.
const DELAY_MS: f64 = 20.0;

const ECHO: Switches = Switches { echo: true, noise: false, gain: false };
const CLEAN: Switches = Switches { echo: true, noise: true, gain: false };
const ALL: Switches = Switches { echo: true, noise: true, gain: true };

/// Sound to test with.
struct Sound {
    far: Vec<f32>,
    reverberated: Vec<f32>,
    near: Vec<f32>,
}

/// Bars that were missed.
#[derive(Default)]
struct Missed(usize);

impl Missed {
    fn judge(&mut self, met: bool) -> &'static str {
        self.0 += usize::from(!met);
        if met { "met" } else { "MISSED" }
    }
}

fn main() -> ExitCode {
    // `cargo test --benches` asks for the list only.
    if std::env::args().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let (far, from) = speech(Voice::Far, SECONDS, -20.0);
    let spoken = from != speech::SYNTHETIC;
    let (near, _) = speech(Voice::Near, SECONDS, -26.0);
    println!("Speech: {from}, {SECONDS} s. Room: dies away in 0.4 s; noise -62 dBFS; echo 6 dB below what is played.");
    let sound = Sound { reverberated: reverberated(&far), far, near };
    let mut missed = Missed::default();
    single_talk(&sound, spoken, &mut missed);
    voices(&sound, spoken, &mut missed);
    costs(&sound, &mut missed);
    if missed.0 > 0 {
        println!("{} bars missed", missed.0);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Bars stand for what was spoken: an echo of few harmonics and nothing else teaches a canceller little.
fn single_talk(sound: &Sound, spoken: bool, missed: &mut Missed) {
    let scene = Scene::default();
    let jump = Scene { jump: Some((14, 180)), ..scene };
    let rows: [(&str, Scene, Switches); 11] = [
        ("off", scene, Switches::OFF),
        ("delay 60 ms, canceller alone", scene, ECHO),
        ("delay 60 ms, all but gain", scene, CLEAN),
        ("delay 60 ms, everything", scene, ALL),
        ("delay 20 ms", Scene { delay_ms: 20, ..scene }, CLEAN),
        ("delay 120 ms", Scene { delay_ms: 120, ..scene }, CLEAN),
        ("delay 250 ms", Scene { delay_ms: 250, ..scene }, CLEAN),
        ("drift +100 ppm", Scene { drift_ppm: 100.0, ..scene }, CLEAN),
        ("drift -100 ppm", Scene { drift_ppm: -100.0, ..scene }, CLEAN),
        ("drift +100 ppm, canceller alone", Scene { drift_ppm: 100.0, ..scene }, ECHO),
        ("60 to 180 ms at 14 s", jump, CLEAN),
    ];
    println!("\nEcho alone: by how much it is quieter, dB (ERLE)");
    print!("{:34}", "");
    WINDOWS.iter().for_each(|(from, to)| print!("{:>9}", format!("{from}-{to} s")));
    println!("   bar: from 5 s on (after a jump: 5 s later) >= {ERLE}");
    for (name, scene, switches) in rows {
        let echo = scene.echo(&sound.far, &sound.reverberated);
        let heard: Vec<f32> = echo.iter().zip(scene.noise(echo.len())).map(|(echo, noise)| echo + noise).collect();
        let done = scene.process(switches, &sound.far, &heard);
        print!("{name:34}");
        for (from, to) in WINDOWS {
            print!("{:>9}", erle_db(&heard, &done.out, from, to).map_or("-".into(), |db| format!("{db:.1}")));
        }
        let settled = scene.jump.map_or(5, |(at, _)| at + 5);
        let erle = [(5, scene.jump.map_or(SECONDS, |(at, _)| at)), (settled, SECONDS)]
            .into_iter()
            .filter_map(|(from, to)| erle_db(&heard, &done.out, from, to))
            .fold(f64::INFINITY, f64::min);
        let verdict = if switches == Switches::OFF || !spoken { "" } else { missed.judge(erle >= ERLE) };
        let talks = done.speaking.iter().skip(500).filter(|speaking| **speaking).count() as f64 / 100.0;
        println!(
            "   {erle:.1} {verdict}  (drift {:+.0} ppm, moved {}, taken for speech {talks:.1} s)",
            done.drift * 1e6,
            done.moved
        );
    }
}

/// The seconds in which voices are scored: the canceller has had time to learn the room.
const SCORED: std::ops::Range<usize> = 8 * RATE..SECONDS * RATE;

/// PESQ knows no synthetic voice, so the bar stands for what was spoken.
fn voices(sound: &Sound, spoken: bool, missed: &mut Missed) {
    println!("\nA voice: PESQ, wide band, from 8 s on{:14}off   echo  +noise   +gain   bar", "");
    let silence = vec![0.0; sound.far.len()];
    let talks = [
        ("alone", -6.0, &silence, Some(PESQ)),
        ("against an echo 12 dB below it", -18.0, &sound.far, None),
        ("against an echo as loud as it", -6.0, &sound.far, None),
    ];
    for (name, echo_db, far, bar) in talks {
        let scene = Scene { echo_db, ..Scene::default() };
        let echo = if far == &silence { silence.clone() } else { scene.echo(far, &sound.reverberated) };
        let noise = scene.noise(echo.len());
        // The near end is silent at first: the canceller learns in peace.
        let near = |n: usize| if n < 6 * RATE { 0.0 } else { sound.near[n] };
        let heard: Vec<f32> =
            echo.iter().zip(noise).enumerate().map(|(n, (echo, noise))| near(n) + echo + noise).collect();
        let score = |switches: Switches| {
            let out = scene.process(switches, far, &heard).out;
            pesq(&sound.near[SCORED], &out[SCORED])
        };
        let all = score(ALL);
        print!("{name:50}{:>6.2} {:>6.2}  {:>6.2}  {all:>6.2}", score(Switches::OFF), score(ECHO), score(CLEAN));
        match bar.filter(|_| spoken) {
            Some(bar) => println!("   >= {bar:.1} {}", missed.judge(all >= bar)),
            None => println!("   -"),
        }
    }
}

fn costs(sound: &Sound, missed: &mut Missed) {
    println!("\nWhat 10 ms cost, with speech detection and the reference, µs; and by how much sound is delayed");
    let scene = Scene::default();
    let echo = scene.echo(&sound.far, &sound.reverberated);
    let silence = vec![0.0; sound.far.len()];
    for (name, switches) in [("off", Switches::OFF), ("echo", ECHO), ("+noise", CLEAN), ("+gain", ALL)] {
        let took = scene.process(switches, &sound.far, &echo).took_us;
        let [p99, most] = [0.99, 1.0].map(|share| quantile(took.iter().copied(), share).unwrap_or(f64::NAN));
        let mean = took.iter().sum::<f64>() / took.len() as f64;
        let out = scene.process(switches, &silence, &sound.near).out;
        let lag = lag_ms(&sound.near[SCORED.start..SCORED.start + 5 * RATE], &out[SCORED]);
        println!(
            "{name:10} mean {mean:>6.0}   99 % {p99:>6.0}   most {most:>6.0}   bar mean <= {COST_US} {}   delay {lag:>5.1} ms   bar <= {DELAY_MS} {}",
            missed.judge(mean <= COST_US),
            missed.judge(lag <= DELAY_MS),
        );
    }
}
