//! X11: one connection, pictures straight from the server, the pointer drawn into them. `xcap` connects anew, several
//! times, for each picture, converts it pixel by pixel, and has no pointer in it.
//!
//! A window is read from its own storage (the Composite extension), so that what lies over it is not shared with it.

mod grab;
mod list;
mod pointer;

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ImageOrder, Window};
use x11rb::rust_connection::RustConnection;

use self::grab::Grabber;
use self::list::Listed;
use super::{ScreenError, ScreenGrabber, ScreenSource, Screens};

/// A connection and the root of its screen.
struct X11 {
    connection: RustConnection,
    root: Window,
}

impl X11 {
    fn connect() -> Result<Self, ScreenError> {
        let (connection, screen) = RustConnection::connect(None).map_err(|error| {
            let display = std::env::var("DISPLAY").unwrap_or_default();
            ScreenError::NoScreen(match display.as_str() {
                "" => "no display is set".into(),
                display => format!("the display {display} does not answer ({error})"),
            })
        })?;
        if connection.setup().image_byte_order != ImageOrder::LSB_FIRST {
            return Err(ScreenError::NoScreen("its pictures have their bytes in another order".into()));
        }
        let root = connection.setup().roots.get(screen).map(|screen| screen.root);
        let root = root.ok_or_else(|| ScreenError::NoScreen("the display has none".into()))?;
        Ok(Self { connection, root })
    }
}

/// What there is to share.
pub fn screens() -> Screens {
    let listed = X11::connect().and_then(|x11| list::list(&x11));
    match listed {
        Ok(Listed { screens, windows }) => {
            let note = "No window can be listed: no window manager runs here.";
            let note = windows.is_none().then(|| note.to_owned());
            let screens = screens.into_iter().map(|screen| screen.info).collect();
            Screens { screens, windows: windows.unwrap_or_default(), note }
        }
        Err(error) => Screens { note: Some(format!("Nothing can be shared: {error}.")), ..Screens::default() },
    }
}

/// Opens a screen or a window.
pub fn open(source: &ScreenSource) -> Result<Box<dyn ScreenGrabber>, ScreenError> {
    let x11 = X11::connect()?;
    let grabber = match source {
        ScreenSource::Window(id) => {
            let window = list::window_id(id).ok_or_else(|| ScreenError::Missing(format!("the window {id}")))?;
            Grabber::of_window(x11, window)
        }
        ScreenSource::Screen(id) => {
            let screens = list::screens(&x11)?;
            let found = screens.into_iter().find(|screen| id.as_ref().is_none_or(|id| screen.info.id == *id));
            let missing = || ScreenError::Missing(format!("the screen {}", id.as_deref().unwrap_or_default()));
            Ok(Grabber::of_screen(x11, found.ok_or_else(missing)?))
        }
        ScreenSource::Pattern => return super::open(source),
    };
    grabber.map(|grabber| Box::new(grabber) as Box<dyn ScreenGrabber>)
}

/// Anything that the server or the connection refuses.
fn other(error: impl std::fmt::Display) -> ScreenError {
    ScreenError::Other(error.to_string())
}
