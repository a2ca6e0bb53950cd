//! What is kept and handed on about how the program runs: logs, the history of elections, and the pieces of an export.
//!
//! Logs are set up once, in `main`. Data goes to stdout, logs go to stderr.

pub mod csv;
#[cfg(feature = "app")]
pub mod history;

use std::io::IsTerminal;
use std::time::{Duration, SystemTime};

use tracing_subscriber::EnvFilter;

/// What libraries say that nobody can do anything about: of the window, a driver that is not there while another one is; of NATS,
/// every attempt to reach a server that is away, which the relay says once.
const QUIET: &str = "winit=error,wgpu_hal=off,wgpu_core=error,egui_wgpu=error,eframe::native::run=off,async_nats=off";

/// Starts logging at `level` (a [`tracing_subscriber::EnvFilter`]) unless `NEARCALL_LOG` says otherwise.
///
/// `json` prints one object a line, for log collectors.
pub fn start(level: &str, json: bool) {
    let filter = EnvFilter::try_from_env("NEARCALL_LOG").unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},{level}")));
    let colours = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let started = if json { logs.json().try_init() } else { logs.try_init() };
    if let Err(error) = started {
        eprintln!("logging was set up twice: {error}");
    }
}

/// RFC 3339 in UTC with ms. A clock outside 1970 to 9999 is brought to its nearer end.
pub fn utc(at: SystemTime) -> String {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST);
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since).to_string()
}
