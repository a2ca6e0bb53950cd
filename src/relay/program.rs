//! The relay as a program: what its `main` calls. Reads settings, runs until a signal, says with its exit code how it went:
//! 0 done, 1 failed, 2 wrong usage.

use super::config::{Args, Command, Config, TokenArgs};
use super::{Relay, config};
use crate::clock;
use crate::crypto::{AuthKey, Claims};
use std::process::ExitCode;

/// Runs the program.
pub fn main(args: Args) -> ExitCode {
    if let Some(Command::Token(token)) = args.command {
        return print_token(&token);
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
    let open = config.access == config::Access::Open;
    let mut signals = Signals::new()?;
    let relay = Relay::start(config).await?;
    let entry = relay.entry();
    tracing::info!(relay = entry.id, region = entry.region, address = %relay.address(), open, "ready");
    while signals.next().await == Asked::Reload {
        tracing::info!("files are read again");
        relay.reload();
    }
    tracing::info!(sessions = relay.load().0, ?deadline, "draining; a second signal stops at once");
    let second = async { while signals.next().await == Asked::Reload {} };
    tokio::select! {
        emptied = relay.drain(deadline) => match emptied {
            true => tracing::info!("drained: nobody was cut off"),
            false => tracing::warn!(cut = relay.load().0, "the deadline is over: who is still here is cut off"),
        },
        () = second => tracing::warn!(cut = relay.load().0, "stopped by a second signal"),
    }
    relay.shutdown().await;
    Ok(())
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

fn print_token(args: &TokenArgs) -> ExitCode {
    let key = match config::read(&args.auth_key) {
        Ok(text) => AuthKey::from_file_text(&text),
        Err(error) => return usage(&error),
    };
    let issued = clock::unix_seconds();
    let claims = Claims {
        room: args.room.clone(),
        user: args.name.clone(),
        publish: true,
        host: args.host,
        issued,
        expires: issued.saturating_add(args.ttl.as_secs()),
    };
    match key.map_err(|error| error.to_string()).and_then(|key| key.sign(&claims).map_err(|error| error.to_string())) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
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
