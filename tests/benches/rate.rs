//! The cases of RFC 8867 section 5 in virtual time, over some seeds: median, and the worst of them.
//!
//! Ends with 1 where a median misses its bar.

#[path = "../it/rate/cases.rs"]
mod cases;
#[path = "common/figures.rs"]
mod figures;
#[path = "../it/rate/media.rs"]
mod media;
#[path = "../it/rate/tcp.rs"]
mod tcp;
#[path = "../it/rate/world.rs"]
mod world;

const SEEDS: u64 = 9;

fn main() {
    // `cargo test --benches` asks for the list only.
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    println!("one way 50 ms, jitter 30 ms, queue 300 ms, an encoder that follows 0.2 s late; {SEEDS} seeds");
    println!("{:<4} {:<45} {:>8} {:>8} {:<6} bar", "", "", "median", "worst", "");
    let runs: Vec<_> = (1..=SEEDS).map(cases::all).collect();
    let mut held = true;
    for at in 0..runs[0].len() {
        let (line, holds) = cases::together(runs.iter().map(|rows| &rows[at]));
        println!("{line}");
        held &= holds;
    }
    if !held {
        std::process::exit(1);
    }
}
