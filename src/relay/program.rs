//! The relay as a program: what its `main` calls. Reads settings, runs until a signal, says with its exit code how it went:
//! 0 done, 1 failed, 2 wrong usage.

mod token;

use std::process::ExitCode;

use super::bus::BusConfig;
use super::config::{Args, Command, Config};
use super::{Relay, config};

pub use self::token::{KeyArgs, TokenArgs};

/// Runs the program.
pub fn main(args: Args) -> ExitCode {
    match &args.command {
        Some(Command::Token(args)) => return token::token(args),
        Some(Command::Key(args)) => return token::key(args),
        None => {}
    }
    let check = args.check;
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let config = match args.into_config(environment) {
        Ok(config) => config,
        Err(errors) => return usage(&errors),
    };
    if check {
        println!("fine");
        return ExitCode::SUCCESS;
    }
    crate::telemetry::start(config.log_level.as_str(), config.log_json);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    let deadline = config.drain_deadline;
    tell_settings(&config);
    let mut signals = Signals::new()?;
    let relay = Relay::start(config).await?;
    let entry = relay.entry();
    tracing::info!(
        relay = entry.id,
        region = entry.region,
        provider = entry.provider,
        address = %relay.address(),
        admin = relay.admin_address().map(tracing::field::display),
        tells_clients = entry.webtransport,
        "ready"
    );
    while signals.next().await == Asked::Reload {
        tracing::info!("files are read again");
        relay.reload();
    }
    let sessions = relay.load().0;
    tracing::info!(sessions, ?deadline, "draining; a second signal stops at once");
    let second = async { while signals.next().await == Asked::Reload {} };
    tokio::select! {
        emptied = relay.drain(deadline) => match emptied {
            true => tracing::info!(moved = sessions, "drained: nobody was cut off"),
            false => tracing::warn!(moved = sessions.saturating_sub(relay.load().0), cut = relay.load().0, "the deadline is over: who is still here is cut off"),
        },
        () = second => tracing::warn!(cut = relay.load().0, "stopped by a second signal"),
    }
    relay.shutdown().await;
    Ok(())
}

/// What else whoever reads the log wants to know of a start; no secret.
fn tell_settings(config: &Config) {
    let certificate = match &config.certificate {
        config::CertificateSource::Files { .. } => "files",
        _ => "self-signed",
    };
    let limits = &config.limits;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        access = if config.access == config::Access::Open { "open" } else { "tokens" },
        certificate,
        bus = if matches!(config.bus, BusConfig::Nats(_)) { "nats" } else { "none" },
        workers = config.workers,
        connections = limits.connections,
        sessions = limits.sessions,
        rooms = limits.rooms,
        capacity_mbps = limits.capacity_mbps,
        full_percent = limits.full_percent,
        drain_deadline = ?config.drain_deadline,
        "starting"
    );
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    End,
    Reload,
}

/// The signals that the program hears: TERM and INT end it, HUP has it read its files again.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Asked {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "signals cannot be heard");
            std::future::pending::<()>().await;
        }
        Asked::End
    }
}

fn usage(errors: &dyn std::fmt::Display) -> ExitCode {
    for error in errors.to_string().lines() {
        eprintln!("nearcall-relay: {error}");
    }
    ExitCode::from(2)
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("nearcall-relay: {error}");
    ExitCode::FAILURE
}
