//! The command line: the window, and one file a sub-command that does without. Data goes to stdout, logs to stderr.
//!
//! Puts `ui`, `call`, `media` and (for the demo) `relay` together; holds no logic that a window would need too.

mod args;
mod call;
mod demo;
mod devices;
mod drill;
mod gallery;
mod history;
mod link;
mod print;
mod probe;
mod simulate;
mod stats;
mod window;
mod world;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Runtime;

use self::args::{Args, Sub};

/// What a program says when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed, or a drill missed its bar.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Nobody answered.
    NoAnswer = 3,
}

/// Runs `nearcall`.
pub fn main() -> ExitCode {
    let args = Args::parse();
    crate::telemetry::start(&args.log, false);
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("net")
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let exit = run(&runtime, args);
            // A host name that is still being looked up must not hold up the end.
            runtime.shutdown_timeout(std::time::Duration::from_millis(500));
            exit
        });
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            eprintln!("nearcall: {error:#}");
            ExitCode::from(if error.is::<args::UsageError>() { Exit::Usage } else { Exit::Failed } as u8)
        }
    }
}

fn run(runtime: &Runtime, args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Some(Sub::Probe(args)) => runtime.block_on(probe::run(args)),
        Some(Sub::Call(args)) => runtime.block_on(call::run(*args)),
        Some(Sub::Devices(args)) => devices::run(&args),
        Some(Sub::Link(args)) => runtime.block_on(link::run(args)),
        Some(Sub::Drill(args)) => runtime.block_on(drill::run(*args)),
        Some(Sub::Demo(args)) if args.headless => runtime.block_on(demo::run(args)),
        Some(Sub::Demo(args)) => demo::window(runtime, args),
        Some(Sub::History(args)) => history::run(&args),
        Some(Sub::Simulate(args)) => simulate::run(&args),
        Some(Sub::Gallery(args)) => gallery::run(&args),
        None => window::run(runtime, args.window),
    }
}
