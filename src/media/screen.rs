//! A screen or a window that is shared: what there is to share, and what becomes of it on the wire.
//!
//! `call` starts one [`Share`] while the user shares something. Detail comes before motion: text stays sharp at a low
//! rate, and fewer pictures are sent before coarser ones: see [`detail`]. Whatever the system shows goes through
//! [`ScreenGrabber`]; X11 is known to `x11` alone, the portal of Wayland to `portal`, macOS and Windows to `system`. Never: a
//! call that ends, or an error that is shown, because a user closed a window or a picker.

mod detail;
mod encoder;
mod pattern;
mod share;
mod size;

#[cfg(target_os = "linux")]
mod portal;
#[cfg(not(target_os = "linux"))]
mod system;
#[cfg(target_os = "linux")]
mod x11;

use std::fmt;

pub use share::{BITRATE_BPS, Share};

use super::video::picture::I420;

/// What is to be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScreenSource {
    /// A screen by its id, or the first one. Where the system has a picker of its own, that asks.
    Screen(Option<String>),
    /// A window by its id.
    Window(String),
    /// A page of made-up text that scrolls now and then, with the number of each picture in it.
    Pattern,
}

impl std::str::FromStr for ScreenSource {
    type Err = ScreenError;

    /// Reads `screen[:ID]`, `window:ID` or `pattern`.
    fn from_str(text: &str) -> Result<Self, ScreenError> {
        let (kind, id) = text.split_once(':').map_or((text, None), |(kind, id)| (kind, Some(id)));
        Ok(match (kind, id.filter(|id| !id.is_empty())) {
            ("screen", id) => ScreenSource::Screen(id.map(str::to_owned)),
            ("window", Some(id)) => ScreenSource::Window(id.to_owned()),
            ("pattern", None) => ScreenSource::Pattern,
            _ => return Err(ScreenError::Source(text.to_owned())),
        })
    }
}

/// Why nothing is shared, or no more. Displayed as what is wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScreenError {
    /// Words that name nothing to share.
    #[error("{0:?} is nothing to share: screen[:ID], window:ID or pattern")]
    Source(String),
    /// The user closed the system's picker: nobody needs to be told.
    #[error("the choice was cancelled")]
    Cancelled,
    /// What was shared was closed: nobody needs to be told.
    #[error("what was shared is closed")]
    Gone,
    /// There is no screen, or none that we may look at.
    #[error("there is no screen to share here: {0}")]
    NoScreen(String),
    /// The screen or the window that was asked for.
    #[error("{0} is not there: see what there is with nearcall devices")]
    Missing(String),
    /// The system refuses.
    #[error("the system does not let this app see the screen: {0}")]
    Denied(String),
    /// In the system's words.
    #[error("the screen cannot be shared: {0}")]
    Other(String),
}

impl ScreenError {
    /// The user's own doing: the share just ends.
    pub fn is_silent(&self) -> bool {
        matches!(self, ScreenError::Cancelled | ScreenError::Gone)
    }
}

/// A screen or a window that can be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenInfo {
    /// What `--share screen:ID` or `--share window:ID` takes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Pixels; 0 where the system does not say.
    pub width: u32,
    pub height: u32,
}

impl fmt::Display for ScreenInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.width, self.height) {
            (0, _) | (_, 0) => f.write_str(&self.name),
            (width, height) => write!(f, "{} ({width} x {height})", self.name),
        }
    }
}

/// Everything that can be shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screens {
    pub screens: Vec<ScreenInfo>,
    /// The one on top first.
    pub windows: Vec<ScreenInfo>,
    /// Why something is not in the lists, as a sentence.
    pub note: Option<String>,
}

/// Looks for screens and windows. It may take a tenth of a second.
pub fn screens() -> Screens {
    platform::screens()
}

/// True where the system asks the user itself what to share: a list of ours would be a second question.
pub fn system_asks() -> bool {
    platform::system_asks()
}

/// Something that gives its newest picture when it is asked. Made, used and dropped on one thread.
trait ScreenGrabber {
    /// What is shared, for people.
    fn name(&self) -> String;

    /// Puts the newest picture into `into`, in its own size; `false` where it is the same as the one before, which may have
    /// been left as it was.
    ///
    /// # Errors
    /// Nothing more will come.
    fn grab(&mut self, into: &mut I420) -> Result<bool, ScreenError>;
}

/// Opens what is to be shared. Where the system asks the user, this waits for the answer.
fn open(source: &ScreenSource) -> Result<Box<dyn ScreenGrabber>, ScreenError> {
    match source {
        ScreenSource::Pattern => Ok(Box::new(pattern::Page::start())),
        source => platform::open(source),
    }
}

#[cfg(not(target_os = "linux"))]
use system as platform;

#[cfg(target_os = "linux")]
mod platform {
    use super::{ScreenError, ScreenGrabber, ScreenSource, Screens, portal, x11};

    /// On Wayland a program sees other windows through the portal alone.
    pub fn system_asks() -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        set("WAYLAND_DISPLAY") || std::env::var_os("XDG_SESSION_TYPE").is_some_and(|kind| kind == "wayland")
    }

    pub fn screens() -> Screens {
        if system_asks() { portal::screens() } else { x11::screens() }
    }

    pub fn open(source: &ScreenSource) -> Result<Box<dyn ScreenGrabber>, ScreenError> {
        if system_asks() { portal::open() } else { x11::open(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_shared_is_read_and_nonsense_is_told() {
        let read = |text: &str| text.parse::<ScreenSource>();
        assert_eq!(read("screen"), Ok(ScreenSource::Screen(None)));
        assert_eq!(read("screen:HDMI-1"), Ok(ScreenSource::Screen(Some("HDMI-1".into()))));
        assert_eq!(read("window:0x1400003"), Ok(ScreenSource::Window("0x1400003".into())));
        assert_eq!(read("pattern"), Ok(ScreenSource::Pattern));
        for wrong in ["", "window", "window:", "desk", "pattern:1"] {
            assert_eq!(read(wrong), Err(ScreenError::Source(wrong.into())), "{wrong}");
        }
    }

    #[test]
    fn only_what_a_user_did_is_not_told() {
        assert!(ScreenError::Cancelled.is_silent() && ScreenError::Gone.is_silent());
        assert!(!ScreenError::Denied(String::new()).is_silent());
    }
}
