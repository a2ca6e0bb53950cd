//! Logs: set up once, in `main`. Data goes to stdout, logs go to stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What libraries of the window say that nobody can do anything about: a driver that is not there, while another one is.
const QUIET: &str = "winit=error,wgpu_hal=off,wgpu_core=error,egui_wgpu=error,eframe::native::run=off";

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
