//! The programs without a window: one file a sub-command. Data goes to stdout, logs to stderr.
//!
//! Puts `call`, `media` and (for the demo) `relay` together; holds no logic that a window would need too.

mod args;
mod call;
#[cfg(feature = "relay")]
mod demo;
mod devices;
mod link;
mod print;
mod probe;

use std::process::ExitCode;

use clap::Parser;

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
            let exit = runtime.block_on(run(args.command));
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

async fn run(command: Option<Sub>) -> anyhow::Result<Exit> {
    match command {
        Some(Sub::Probe(args)) => probe::run(args).await,
        Some(Sub::Call(args)) => call::run(*args).await,
        Some(Sub::Devices(args)) => devices::run(&args),
        Some(Sub::Link(args)) => link::run(args).await,
        #[cfg(feature = "relay")]
        Some(Sub::Demo(args)) => demo::run(args).await,
        None => {
            eprintln!("nearcall: this version has no window yet; `nearcall --help` lists what it does without one");
            Ok(Exit::Usage)
        }
    }
}
