//! Reads a screen or a window from the server, and tells whether it differs from the last time.

use std::io::IoSlice;

use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::ReplyError;
use x11rb::protocol::ErrorKind;
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, ImageFormat, MapState, Window};
use yuv::{YuvConversionMode, YuvRange, YuvStandardMatrix, bgra_to_yuv420};

use super::list::{Screen, screens, window_info};
use super::{X11, other, pointer};
use crate::media::screen::{ScreenError, ScreenGrabber};
use crate::media::video::convert::planar;
use crate::media::video::picture::{self, I420};

/// The Composite extension's requests, of its protocol's section 5; the crate has them behind a feature that nobody else uses.
mod composite {
    pub const NAME: &str = "Composite";
    pub const REDIRECT_WINDOW: u8 = 1;
    pub const NAME_WINDOW_PIXMAP: u8 = 6;
    pub const AUTOMATIC: u8 = 0;
}

/// See the module.
pub struct Grabber {
    x11: X11,
    name: String,
    what: What,
    pointer: bool,
    /// Blue, green, red and an unused byte a pixel, as the server gave them, with the pointer.
    before: Vec<u8>,
    before_size: (u32, u32),
}

enum What {
    /// A part of the root.
    Screen(Screen),
    Window {
        window: Window,
        stored: Option<Stored>,
    },
}

/// A window's storage while it has this size.
struct Stored {
    pixmap: u32,
    size: (u16, u16),
}

/// Where a picture is to be read.
struct Place {
    drawable: Drawable,
    x: i16,
    y: i16,
    width: u16,
    height: u16,
    /// Of the picture on the display.
    origin: (i32, i32),
}

impl Grabber {
    pub fn of_screen(x11: X11, screen: Screen) -> Self {
        Self::new(x11, screen.info.name.clone(), What::Screen(screen))
    }

    /// # Errors
    /// There is no such window.
    pub fn of_window(x11: X11, window: Window) -> Result<Self, ScreenError> {
        let missing = |_| ScreenError::Missing(format!("the window {window:#x}"));
        let name = window_info(&x11, window).map_err(missing)?.name;
        redirect(&x11, window);
        Ok(Self::new(x11, name, What::Window { window, stored: None }))
    }

    fn new(x11: X11, name: String, what: What) -> Self {
        let pointer = pointer::is_there(&x11);
        Self { x11, name, what, pointer, before: Vec::new(), before_size: (0, 0) }
    }

    /// `None` while there is nothing to see.
    fn place(&mut self) -> Result<Option<Place>, ScreenError> {
        let (window, stored) = match &mut self.what {
            What::Screen(screen) => {
                let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
                let (width, height) = (side(screen.info.width), side(screen.info.height));
                let (x, y, drawable) = (screen.x, screen.y, self.x11.root);
                return Ok(Some(Place { drawable, x, y, width, height, origin: (x.into(), y.into()) }));
            }
            What::Window { window, stored } => (*window, stored),
        };
        let connection = &self.x11.connection;
        // Both at once: each answer takes a round trip.
        let attributes = connection.get_window_attributes(window).map_err(gone)?;
        let geometry = connection.get_geometry(window).map_err(gone)?;
        let corner = connection.translate_coordinates(window, self.x11.root, 0, 0).map_err(gone)?;
        let (attributes, geometry) = (attributes.reply().map_err(gone)?, geometry.reply().map_err(gone)?);
        let corner = corner.reply().map_err(gone)?;
        if attributes.map_state != MapState::VIEWABLE {
            forget(&self.x11, stored);
            return Ok(None);
        }
        let size = (geometry.width, geometry.height);
        if stored.as_ref().is_none_or(|stored| stored.size != size) {
            forget(&self.x11, stored);
            *stored = name_pixmap(&self.x11, window).map(|pixmap| Stored { pixmap, size });
        }
        let border = i16::try_from(geometry.border_width).unwrap_or(0);
        let (drawable, edge) = stored.as_ref().map_or((window, 0), |stored| (stored.pixmap, border));
        let origin = (i32::from(corner.dst_x), i32::from(corner.dst_y));
        Ok(Some(Place { drawable, x: edge, y: edge, width: size.0, height: size.1, origin }))
    }

    /// A screen may have another size now, or another place.
    fn look_again(&mut self) -> Result<(), ScreenError> {
        if let What::Screen(screen) = &mut self.what {
            let mut found = screens(&self.x11)?.into_iter();
            *screen = found.find(|found| found.info.id == screen.info.id).ok_or(ScreenError::Gone)?;
        }
        Ok(())
    }

    /// The pixels, or `None` where there are none now.
    fn read(&self, place: &Place) -> Result<Option<Vec<u8>>, ScreenError> {
        let Place { drawable, x, y, width, height, .. } = *place;
        let cookie = self.x11.connection.get_image(ImageFormat::Z_PIXMAP, drawable, x, y, width, height, u32::MAX);
        let reply = match cookie.map_err(other)?.reply() {
            Ok(reply) => reply,
            // Hidden or made smaller since it was asked about; a window that is gone is told at the next look.
            Err(ReplyError::X11Error(error)) if error.error_kind != ErrorKind::Access => return Ok(None),
            Err(error) => return Err(other(error)),
        };
        let bits = reply.data.len() * 8 / (usize::from(width) * usize::from(height)).max(1);
        if !matches!(reply.depth, 24 | 32) || bits != 32 {
            let depth = reply.depth;
            return Err(ScreenError::Other(format!("it has {depth} bits of colour, and 24 are needed")));
        }
        Ok(Some(reply.data))
    }
}

impl ScreenGrabber for Grabber {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn grab(&mut self, into: &mut I420) -> Result<bool, ScreenError> {
        let Some(place) = self.place()? else { return Ok(false) };
        let size = (u32::from(place.width), u32::from(place.height));
        if !picture::size_is_sound(size.0, size.1) {
            return Ok(false);
        }
        let Some(mut pixels) = self.read(&place)? else {
            self.look_again()?;
            return Ok(false);
        };
        if self.pointer {
            pointer::draw(&self.x11, &mut pixels, size, place.origin);
        }
        if self.before_size == size && self.before == pixels {
            return Ok(false);
        }
        if (into.width(), into.height()) != (size.0 & !1, size.1 & !1) {
            *into = I420::black(size.0, size.1);
        }
        let stride = size.0 * 4;
        let rows = &pixels[..stride as usize * into.height() as usize];
        let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
        bgra_to_yuv420(&mut planar(into), rows, stride, range, matrix, YuvConversionMode::Balanced).map_err(other)?;
        (self.before, self.before_size) = (pixels, size);
        Ok(true)
    }
}

fn gone<E>(_: E) -> ScreenError {
    ScreenError::Gone
}

/// Has the server keep the window's pixels apart from what lies over it. Where it cannot, the window is read as it is seen.
fn redirect(x11: &X11, window: Window) {
    let mut request = vec![0, composite::REDIRECT_WINDOW, 3, 0];
    request.extend(window.to_ne_bytes());
    request.extend([composite::AUTOMATIC, 0, 0, 0]);
    if !ask(x11, request) {
        tracing::info!("what lies over a shared window is shared with it: the display has no Composite extension");
    }
}

/// A name for the storage that the window has now.
fn name_pixmap(x11: &X11, window: Window) -> Option<u32> {
    let pixmap = x11.connection.generate_id().ok()?;
    let mut request = vec![0, composite::NAME_WINDOW_PIXMAP, 3, 0];
    request.extend(window.to_ne_bytes());
    request.extend(pixmap.to_ne_bytes());
    ask(x11, request).then_some(pixmap)
}

fn forget(x11: &X11, stored: &mut Option<Stored>) {
    if let Some(stored) = stored.take()
        && let Err(error) = x11.connection.free_pixmap(stored.pixmap)
    {
        tracing::debug!(%error, "a pixmap is left to the server");
    }
}

/// Sends a request of Composite; false where there is no such extension, or it refuses.
fn ask(x11: &X11, mut request: Vec<u8>) -> bool {
    let Ok(Some(extension)) = x11.connection.extension_information(composite::NAME) else { return false };
    request[0] = extension.major_opcode;
    let sent = x11.connection.send_request_without_reply(&[IoSlice::new(&request)], Vec::new());
    sent.is_ok_and(|cookie| cookie.check().is_ok())
}
