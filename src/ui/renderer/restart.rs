//! Starting this program again, for what cannot be mended in a process: an event loop exists once in it.

use std::env;
use std::process::Command;

use super::{Choice, RunError};

/// Set for the program that is started again: the one renderer that it may use.
const FORCED: &str = "NEARCALL_RENDERER_AGAIN";

/// The only renderer left, if this program was started again by itself.
pub fn forced() -> Option<Choice> {
    env::var(FORCED).ok()?.parse().ok()
}

/// Starts again with `choice` and nothing else, because of `reason`.
///
/// # Errors
/// The program cannot be started again, or ended badly; on Unix success does not return.
pub fn with(choice: Choice, reason: String) -> Result<(), RunError> {
    let mut command = this_program(&reason)?;
    command.env(FORCED, choice.to_string());
    replace(command, reason)
}

/// Starts again with nothing but X11.
///
/// # Errors
/// See [`with`].
pub fn on_x11() -> Result<(), RunError> {
    let reason = "Wayland does not answer";
    let mut command = this_program(reason)?;
    command.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    replace(command, reason.to_owned())
}

fn this_program(reason: &str) -> Result<Command, RunError> {
    let path = env::current_exe().map_err(|_| RunError::Crashed { reason: reason.to_owned() })?;
    let mut command = Command::new(path);
    command.args(env::args_os().skip(1));
    Ok(command)
}

#[cfg(unix)]
fn replace(mut command: Command, reason: String) -> Result<(), RunError> {
    use std::os::unix::process::CommandExt as _;

    let error = command.exec();
    Err(RunError::Crashed { reason: format!("{reason}; starting again: {error}") })
}

#[cfg(not(unix))]
fn replace(mut command: Command, reason: String) -> Result<(), RunError> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(RunError::Again(status)),
        Err(error) => Err(RunError::Crashed { reason: format!("{reason}; starting again: {error}") }),
    }
}
