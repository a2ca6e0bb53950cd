//! A voice through networks of all kinds, in virtual time: quality (PESQ, wide band), delay, what was made up and what was
//! stretched, and what it costs.
//!
//! Bar (design, section 10): 80 ms of jitter with 5 % loss at 32 kbit/s, PESQ >= 3.0 with a mean delay <= 100 ms. And without
//! jitter, capture to playout <= 60 ms: the frame, what Opus looks ahead, and the buffer.
//!
//! `cargo bench --bench voice [-- --wav SPEECH.wav] [--seeds N] [--only WORDS] [--save DIR]`. Without a file
//! espeak-ng speaks; `--only` takes the networks in whose names the words are.

#[path = "../common/espeak.rs"]
mod espeak;
#[path = "../common/figures.rs"]
mod figures;
mod play;
#[path = "../common/quality.rs"]
mod quality;
mod speech;
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use nearcall::media::audio::{Decoder, Encoder, FRAME, stretch};

use self::figures::quantile;
use self::play::Outcome;
use self::trace::Trace;

/// The frame and what Opus looks ahead, ms.
const BEFORE_THE_NETWORK_MS: f64 = 26.5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` asks for the list only.
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn flag(args: &[String], name: &str) -> Option<String> {
    args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned()
}

fn run(args: &[String]) -> Result<bool, String> {
    let file = flag(args, "--wav").map(PathBuf::from);
    let save = flag(args, "--save").map(PathBuf::from);
    let seeds = flag(args, "--seeds").map_or(Ok(3), |n| n.parse()).map_err(|_| "--seeds takes a number")?;
    let only = flag(args, "--only").unwrap_or_default();
    let speech = speech::speech(file.as_deref())?;
    println!(
        "{:.0} s of speech, Opus at 32 kbit/s, {seeds} seeds for each row (mean of them)",
        speech.len() as f64 / 48_000.0
    );
    println!(
        "delay: from when a packet could at best have come to when it is played. The first row is what the codec gives.\n"
    );
    let head = ["network", "PESQ", "worst", "delay", "made up", "gap", "FEC", "longer", "shorter", "kbit/s"];
    let units = ["", "", "seed", "ms", "%", "ms", "frames", "ms", "ms", ""];
    print_row(&head);
    print_row(&units);
    let mut good = true;
    for trace in Trace::all().into_iter().filter(|trace| trace.name.contains(&only)) {
        let outcomes: Vec<Outcome> = (1..=seeds).map(|seed| play::play(&speech, &trace, seed)).collect();
        let scores = outcomes.iter().map(|outcome| play::pesq(&speech, outcome)).collect::<Result<Vec<_>, _>>()?;
        if let (Some(dir), Some(outcome)) = (&save, outcomes.first()) {
            keep(dir, &trace, &outcome.heard)?;
        }
        let (score, delay) = row(&trace, &scores, &outcomes, speech.len());
        if trace.name == Trace::barred().name {
            let met = score >= 3.0 && delay <= 100.0;
            println!("    bar: PESQ >= 3.0 at a mean delay <= 100 ms: {}", if met { "met" } else { "MISSED" });
            good &= met;
        }
        if trace.name == "nothing" {
            let raw = delay + BEFORE_THE_NETWORK_MS;
            let met = raw <= 60.0;
            println!("    bar: capture to playout <= 60 ms: {raw:.1} ms, {}", if met { "met" } else { "MISSED" });
            good &= met;
        }
    }
    costs(&speech);
    Ok(good)
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count().max(1) as f64
}

fn row(trace: &Trace, scores: &[f64], outcomes: &[Outcome], samples: usize) -> (f64, f64) {
    let of = |figure: &dyn Fn(&Outcome) -> f64| mean(outcomes.iter().map(figure));
    let length_ms = samples as f64 / 48.0;
    let (score, delay) = (mean(scores.iter().copied()), of(&|outcome| outcome.stats.delay_ms));
    print_row(&[
        trace.name,
        &format!("{score:.2}"),
        &format!("{:.2}", scores.iter().copied().fold(f64::MAX, f64::min)),
        &format!("{delay:.0}"),
        &format!("{:.2}", of(&|outcome| outcome.stats.concealed_ms as f64) * 100.0 / length_ms),
        &format!("{:.0}", of(&|outcome| outcome.stats.longest_gap_ms as f64)),
        &format!("{:.0}", of(&|outcome| outcome.stats.recovered as f64)),
        &format!("{:.0}", of(&|outcome| outcome.stats.grown_ms)),
        &format!("{:.0}", of(&|outcome| outcome.stats.shrunk_ms)),
        &format!("{:.1}", of(&|outcome| outcome.bps) / 1000.0),
    ]);
    (score, delay)
}

fn print_row(cells: &[&str; 10]) {
    let [name, figures @ ..] = cells;
    let figures: Vec<String> = figures.iter().map(|cell| format!("{cell:>8}")).collect();
    println!("{name:<31}{}", figures.join(""));
}

/// Writes what was heard as 48 kHz WAV, for ears.
fn keep(dir: &std::path::Path, trace: &Trace, heard: &[f32]) -> Result<(), String> {
    std::fs::create_dir_all(dir).map_err(|error| error.to_string())?;
    let name: String = trace.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let mut recorder =
        nearcall::media::wav::Recorder::create(&dir.join(name + ".wav")).map_err(|error| error.to_string())?;
    heard.as_chunks::<FRAME>().0.iter().try_for_each(|frame| recorder.write(frame)).map_err(|error| error.to_string())
}

/// What each step costs for 20 ms of speech, on one core.
fn costs(speech: &[f32]) {
    let frames = &speech.as_chunks::<FRAME>().0[..speech.len().min(48_000 * 20) / FRAME];
    let mut encoder = Encoder::new().expect("Opus takes its settings");
    let mut decoder = Decoder::new().expect("Opus gives a decoder");
    let mut out = [0.0; FRAME];
    let (mut encode, mut decode, mut deep, mut repair) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    let (mut longer, mut shorter) = (Times::default(), Times::default());
    let mut tape: Vec<f32> = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        let packet = encode.take(|| encoder.encode(frame).expect("Opus encodes 20 ms").0.to_vec());
        match n % 10 {
            3 => deep.take(|| decoder.conceal(&mut out)),
            6 => repair.take(|| decoder.recover(&packet, &mut out)),
            _ => _ = decode.take(|| decoder.decode(&packet, &mut out)),
        }
        tape.extend(out);
        if tape.len() > stretch::HISTORY + FRAME {
            tape.drain(..tape.len() - stretch::HISTORY - FRAME);
            let (mut one, mut other) = (tape.clone(), tape.clone());
            longer.take(|| stretch::lengthen(&mut one, stretch::HISTORY, FRAME, stretch::Care::Unheard));
            shorter.take(|| stretch::shorten(&mut other, stretch::HISTORY, FRAME, stretch::Care::Unheard));
        }
    }
    println!("\nCPU for 20 ms of sound, µs             mean     p99   worst");
    for (name, times) in [
        ("encode", encode),
        ("decode", decode),
        ("decode from FEC", repair),
        ("make up (deep concealment)", deep),
        ("stretch, longer", longer),
        ("stretch, shorter", shorter),
    ] {
        times.print(name);
    }
}

/// How long each took, µs.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn take<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let made = work();
        self.0.push(began.elapsed().as_secs_f64() * 1e6);
        made
    }

    fn print(self, name: &str) {
        let [p99, worst] = [0.99, 1.0].map(|share| quantile(self.0.iter().copied(), share).unwrap_or(0.0));
        let mean = mean(self.0.into_iter());
        println!("{name:<33}{mean:>9.0}{p99:>8.0}{worst:>8.0}");
    }
}
