//! The relay as a program: what its `main` calls. Reads settings, runs until a signal, says with its exit code how it went:
//! 0 done, 1 failed, 2 wrong usage.

use std::process::ExitCode;
use std::time::Duration;

use super::config::{Args, Command, Config, ConfigError, TokenArgs};
use super::{Relay, config};
use crate::clock;
use crate::crypto::{AuthKey, Claims};

/// How long clients have to move away after the first signal.
const DRAIN: Duration = Duration::from_secs(30);

/// Runs the program.
pub fn main(args: Args) -> ExitCode {
    if let Some(Command::Token(token)) = args.command {
        return print_token(&token);
    }
    crate::telemetry::start("info", args.log_json);
    let config = match args.settings.or_file(args.config.as_deref()).and_then(config::Settings::into_config) {
        Ok(config) => config,
        Err(error) => return usage(&error),
    };
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
    let open = config.access == config::Access::Open;
    let mut signals = Signals::new()?;
    let relay = Relay::start(config).await?;
    let entry = relay.entry();
    tracing::info!(relay = entry.id, region = entry.region, address = %relay.address(), open, "ready");
    signals.next().await;
    tracing::info!(sessions = relay.load().0, "draining; a second signal stops at once");
    tokio::select! {
        emptied = relay.drain(DRAIN) => tracing::info!(emptied, "drained"),
        () = signals.next() => tracing::warn!("stopped by a second signal"),
    }
    relay.shutdown().await;
    Ok(())
}

/// What asks the program to end.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "signals cannot be heard");
            std::future::pending::<()>().await;
        }
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

fn usage(error: &ConfigError) -> ExitCode {
    eprintln!("nearcall-relay: {error}");
    ExitCode::from(2)
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("nearcall-relay: {error}");
    ExitCode::FAILURE
}
