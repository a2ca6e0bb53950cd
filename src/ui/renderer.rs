//! Opens the window: which renderer draws it, and what to do when one cannot.
//!
//! Called once by `cli`, on the main thread. A software driver draws OpenGL with less work than Vulkan, so wgpu is for
//! graphics cards and OpenGL for everything else, and each stands in for the other. Never: a panic because of a driver
//! that fails at the start. Once the window stands its errors are the window's own.

mod adapter;
mod restart;

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::str::FromStr;

use eframe::{App, CreationContext, NativeOptions};

/// What draws the window, as the user may say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Choice {
    /// wgpu on a graphics card, OpenGL otherwise.
    #[default]
    Auto,
    /// wgpu first: Vulkan, Metal or Direct3D 12.
    Wgpu,
    /// OpenGL first.
    Glow,
}

/// A word that is no renderer.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no renderer: say auto, wgpu or glow")]
pub struct UnknownRenderer(String);

impl FromStr for Choice {
    type Err = UnknownRenderer;

    fn from_str(text: &str) -> Result<Self, UnknownRenderer> {
        match text {
            "auto" => Ok(Choice::Auto),
            "wgpu" => Ok(Choice::Wgpu),
            "glow" => Ok(Choice::Glow),
            _ => Err(UnknownRenderer(text.to_owned())),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Choice::Auto => "auto",
            Choice::Wgpu => "wgpu",
            Choice::Glow => "glow",
        })
    }
}

/// What the maker of the app may fail with.
pub type AppError = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no window, or no longer one. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(
        "There is no display: neither WAYLAND_DISPLAY nor DISPLAY is set. Start the app in a desktop session, or use a \
         command without a window."
    )]
    NoDisplay,
    #[error("The display {display} does not answer ({reason}). Start the app in the session that is on the screen.")]
    DeadDisplay { display: String, reason: String },
    #[error(
        "Nothing can draw the window. Install a graphics driver; on Debian and Ubuntu: libgl1 libegl1 libgl1-mesa-dri, \
         or mesa-vulkan-drivers. Tried: {tried}"
    )]
    NoDriver { tried: String },
    #[error(
        "The graphics driver or the display broke down at the start ({reason}). Try --renderer glow or --renderer wgpu."
    )]
    Crashed { reason: String },
    #[error("The app cannot start: {0}")]
    App(#[source] AppError),
    #[error("The window was lost: {0}")]
    Lost(#[source] eframe::Error),
    #[error("The program was started again with another renderer, and ended with {0}")]
    Again(std::process::ExitStatus),
}

/// One way to draw the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// wgpu, if it finds a graphics card.
    WgpuOnCard,
    /// wgpu on whatever there is.
    Wgpu,
    Glow,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::WgpuOnCard => "wgpu on a graphics card",
            Way::Wgpu => "wgpu",
            Way::Glow => "OpenGL",
        }
    }
}

/// What became of one way.
enum Outcome {
    Closed,
    /// This way does not work here; another may.
    Failed(String),
    Panicked(String),
    NoDisplay(String),
    /// No other way would work.
    Hopeless(RunError),
}

/// Opens the window and returns when it is closed. To be called on the main thread, once a process.
///
/// `make` is called once, when a renderer stands. Where a driver panics at the start, the same program is started again
/// with the other renderer: on Unix in place of this process, elsewhere beside it; what was done before is done again.
///
/// # Errors
/// See [`RunError`]; the last resort is tried before one is returned.
pub fn run(
    choice: Choice,
    name: &str,
    mut options: NativeOptions,
    make: impl Fn(&CreationContext<'_>) -> Result<Box<dyn App>, AppError>,
) -> Result<(), RunError> {
    // Without this there is no second try: the event loop exists once a process, and is kept only so.
    options.run_and_return = true;
    // What the pipelines of `picture` are made for.
    (options.multisampling, options.depth_buffer, options.stencil_buffer) = (0, 0, 0);
    let forced = restart::forced();
    let mut tried = Vec::new();
    for way in ways(choice, forced, adapter::may_have_card()) {
        tracing::debug!(renderer = way.name(), "opening the window");
        match attempt(way, name, options.clone(), &make) {
            Outcome::Closed => return Ok(()),
            Outcome::Hopeless(error) => return Err(error),
            Outcome::NoDisplay(reason) => return no_display(reason),
            Outcome::Failed(reason) => {
                tracing::info!(renderer = way.name(), reason, "the window cannot be drawn so");
                tried.push(format!("{} ({reason})", way.name()));
            }
            Outcome::Panicked(reason) if forced.is_some() => return Err(RunError::Crashed { reason }),
            Outcome::Panicked(reason) => {
                // The event loop was in the middle of something: it is not used again.
                tracing::warn!(renderer = way.name(), reason, "the driver broke down: starting again with the other");
                return restart::with(if way == Way::Glow { Choice::Wgpu } else { Choice::Glow }, reason);
            }
        }
    }
    Err(RunError::NoDriver { tried: tried.join(", ") })
}

/// A Wayland socket may be left from a session that is gone, beside an X server that answers: winit asks the first alone.
fn no_display(reason: String) -> Result<(), RunError> {
    let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (wayland, x11) = (var("WAYLAND_DISPLAY").or_else(|| var("WAYLAND_SOCKET")), var("DISPLAY"));
    match (wayland, x11) {
        (Some(wayland), Some(_)) => {
            tracing::warn!(wayland, reason, "Wayland does not answer: starting again with X11");
            restart::on_x11()
        }
        (None, None) if cfg!(all(unix, not(target_os = "macos"))) => Err(RunError::NoDisplay),
        (wayland, x11) => {
            let display = wayland.or(x11).unwrap_or_else(|| "of this session".to_owned());
            Err(RunError::DeadDisplay { display, reason })
        }
    }
}

/// What is tried, in order.
fn ways(choice: Choice, forced: Option<Choice>, may_have_card: bool) -> Vec<Way> {
    match (forced, choice) {
        (Some(Choice::Wgpu), _) => vec![Way::Wgpu],
        (Some(_), _) => vec![Way::Glow],
        (None, Choice::Wgpu) => vec![Way::Wgpu, Way::Glow],
        (None, Choice::Glow) => vec![Way::Glow, Way::Wgpu],
        (None, Choice::Auto) if may_have_card => vec![Way::WgpuOnCard, Way::Glow, Way::Wgpu],
        (None, Choice::Auto) => vec![Way::Glow, Way::Wgpu],
    }
}

/// One try. A panic before the app was made is the driver's and is caught: all that it could leave half done is the
/// event loop, which is not used again, and what `make` has not touched yet. A later one goes on.
fn attempt(
    way: Way,
    name: &str,
    mut options: NativeOptions,
    make: &impl Fn(&CreationContext<'_>) -> Result<Box<dyn App>, AppError>,
) -> Outcome {
    adapter::set_up(&mut options, way);
    let made = Cell::new(false);
    let creator = |cc: &CreationContext<'_>| {
        made.set(true);
        make(cc)
    };
    match catch_unwind(AssertUnwindSafe(|| eframe::run_native(name, options, Box::new(creator)))) {
        Ok(Ok(())) => Outcome::Closed,
        Ok(Err(eframe::Error::AppCreation(error))) => Outcome::Hopeless(RunError::App(error)),
        Ok(Err(error)) if made.get() => Outcome::Hopeless(RunError::Lost(error)),
        Ok(Err(eframe::Error::WinitEventLoop(error))) => Outcome::NoDisplay(plain(error.to_string())),
        Ok(Err(error)) => Outcome::Failed(why(error)),
        Err(panic) if made.get() => resume_unwind(panic),
        Err(panic) => Outcome::Panicked(words(panic.as_ref())),
    }
}

/// What the library itself said, without what was asked of it.
fn why(error: eframe::Error) -> String {
    plain(match error {
        eframe::Error::NoGlutinConfigs(_, error) => error.to_string(),
        eframe::Error::Glutin(error) => error.to_string(),
        eframe::Error::OpenGL(error) => error.to_string(),
        eframe::Error::Wgpu(error) => error.to_string(),
        error => error.to_string(),
    })
}

/// Without the place in a library's source that some errors begin with.
fn plain(error: String) -> String {
    let rest = error.strip_prefix("os error at ").and_then(|rest| rest.split_once(": "));
    rest.map_or(error.clone(), |(_, reason)| reason.to_owned())
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_drawn_on_by_wgpu_and_software_by_opengl_and_each_stands_in_for_the_other() {
        let table: [(Choice, Option<Choice>, bool, &[Way]); 7] = [
            (Choice::Auto, None, true, &[Way::WgpuOnCard, Way::Glow, Way::Wgpu]),
            (Choice::Auto, None, false, &[Way::Glow, Way::Wgpu]),
            (Choice::Wgpu, None, false, &[Way::Wgpu, Way::Glow]),
            (Choice::Glow, None, true, &[Way::Glow, Way::Wgpu]),
            // After a panic: only what has not panicked, or it would never end.
            (Choice::Auto, Some(Choice::Glow), true, &[Way::Glow]),
            (Choice::Glow, Some(Choice::Wgpu), true, &[Way::Wgpu]),
            (Choice::Wgpu, Some(Choice::Auto), true, &[Way::Glow]),
        ];
        for (choice, forced, card, expected) in table {
            assert_eq!(ways(choice, forced, card), expected, "{choice} {forced:?} {card}");
        }
    }

    #[test]
    fn a_choice_is_read_as_it_is_written_and_another_word_is_refused_with_the_right_ones() {
        for choice in [Choice::Auto, Choice::Wgpu, Choice::Glow] {
            assert_eq!(choice.to_string().parse::<Choice>().unwrap(), choice);
        }
        let refused = "vulkan".parse::<Choice>().unwrap_err().to_string();
        assert!(refused.contains("auto, wgpu or glow"), "{refused}");
    }

    #[test]
    fn an_error_is_told_without_the_source_of_a_library() {
        assert_eq!(plain("os error at /somewhere/mod.rs:788: no server".to_owned()), "no server");
        assert_eq!(plain("no driver: none".to_owned()), "no driver: none");
    }

    #[test]
    fn what_a_panic_said_is_kept() {
        assert_eq!(words(&"plain"), "plain");
        assert_eq!(words(&"made".to_owned()), "made");
        assert_eq!(words(&7), "no reason given");
    }
}
