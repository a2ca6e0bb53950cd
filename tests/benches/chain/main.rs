//! The whole chain: two calls and a relay as processes, a network between them that is none of the best, and what comes out
//! at the other end, against what went in.
//!
//! Cases `a` to `d` are networks, `call` and `nine` what a call costs, `long` half an hour of it. Ends with 1 where a bar is
//! missed. A figure that a program does not tell is a dash.
//!
//! `cargo bench --bench chain -- --case a|b|c|d|call|nine|long|all [--seconds N] [--bin FOLDER] [--keep FOLDER]`

// A helper of a test may panic as a test may.
#![allow(clippy::unwrap_used)]

mod cases;
#[path = "../common/espeak.rs"]
mod espeak;
#[path = "../common/figures.rs"]
mod figures;
mod nine;
mod picture;
mod processes;
#[path = "../common/quality.rs"]
mod quality;
mod report;
mod score;
mod speech;
mod stalls;
mod talk;
#[path = "../../it/support/wav.rs"]
mod wav;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::processes::Programs;

/// What `all` stands for: what takes half an hour is asked for by its name.
const ALL: [&str; 6] = ["a", "b", "c", "d", "call", "nine"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` asks for the list only.
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let flag = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let seconds = flag("--seconds").map(|seconds| seconds.parse().expect("--seconds takes a number"));
    let named: Vec<&str> = match flag("--case").map(String::as_str) {
        None | Some("all") => ALL.to_vec(),
        Some(name) => vec![name],
    };
    let programs = programs(flag("--bin").map(Path::new));
    let scratch = tempfile::tempdir().unwrap();
    let kept = flag("--keep").map(PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut good = true;
    for name in named {
        let dir = kept.as_deref().unwrap_or(scratch.path()).join(name);
        std::fs::create_dir_all(&dir).unwrap();
        if name == "nine" {
            good &= runtime.block_on(nine::run(seconds.unwrap_or(30), &programs, &dir));
            continue;
        }
        let Some(case) = cases::cases().into_iter().find(|case| case.name == name) else {
            eprintln!("no case {name}: a, b, c, d, call, nine, long or all");
            return ExitCode::from(2);
        };
        let seconds = seconds.unwrap_or(case.seconds);
        let outcome = runtime.block_on(talk::run(&case, seconds, &programs, &dir));
        good &= report::print(&case, seconds, &outcome);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Those of a folder, or those that were built with the bench.
fn programs(folder: Option<&Path>) -> Programs {
    let program = |name: &str, built: Option<&str>| match folder {
        Some(folder) => folder.join(name),
        None => built.map(PathBuf::from).expect("cargo builds the programs with the bench"),
    };
    Programs {
        call: program("nearcall", option_env!("CARGO_BIN_EXE_nearcall")),
        relay: program("nearcall-relay", option_env!("CARGO_BIN_EXE_nearcall-relay")),
    }
}
