//! The regional relay: see `nearcall::relay`.

use std::process::ExitCode;

use clap::Parser;
use nearcall::relay::{config::Args, program};

fn main() -> ExitCode {
    program::main(Args::parse())
}
