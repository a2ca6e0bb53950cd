//! macOS and Windows, by `xcap`: pictures are asked for one by one. The pointer is not in them.

use xcap::image::RgbaImage;
use xcap::{Monitor, Window, XCapError};
use yuv::{YuvConversionMode, YuvRange, YuvStandardMatrix, rgba_to_yuv420};

use super::{ScreenError, ScreenGrabber, ScreenInfo, ScreenSource, Screens};
use crate::media::video::picture::{self, I420};

pub fn system_asks() -> bool {
    false
}

pub fn screens() -> Screens {
    let monitors = Monitor::all();
    let note = monitors.as_ref().err().map(|error| format!("Screens cannot be listed: {error}."));
    let screens = monitors.unwrap_or_default().iter().filter_map(|monitor| of_monitor(monitor).ok()).collect();
    let windows = Window::all().unwrap_or_default();
    let windows = windows.iter().filter(|window| !window.is_minimized().unwrap_or(true));
    let windows =
        windows.filter_map(|window| of_window(window).ok()).filter(|info| info.width >= 32 && info.height >= 32);
    Screens { screens, windows: windows.collect(), note }
}

fn of_monitor(monitor: &Monitor) -> Result<ScreenInfo, XCapError> {
    let (width, height) = (monitor.width()?, monitor.height()?);
    Ok(ScreenInfo { id: monitor.id()?.to_string(), name: monitor.name()?, width, height })
}

fn of_window(window: &Window) -> Result<ScreenInfo, XCapError> {
    let (title, app) = (window.title()?, window.app_name()?);
    let name = if title.is_empty() { app } else { title };
    Ok(ScreenInfo { id: window.id()?.to_string(), name, width: window.width()?, height: window.height()? })
}

pub fn open(source: &ScreenSource) -> Result<Box<dyn ScreenGrabber>, ScreenError> {
    let refused = |error: XCapError| ScreenError::Denied(error.to_string());
    let what = match source {
        ScreenSource::Window(id) => {
            let windows = Window::all().map_err(refused)?;
            let found = windows.into_iter().find(|window| window.id().is_ok_and(|found| found.to_string() == *id));
            What::Window(found.ok_or_else(|| ScreenError::Missing(format!("the window {id}")))?)
        }
        ScreenSource::Screen(Some(id)) => {
            let mut found = Monitor::all().map_err(refused)?.into_iter();
            let found = found.find(|monitor| monitor.id().is_ok_and(|found| found.to_string() == *id));
            What::Monitor(found.ok_or_else(|| ScreenError::Missing(format!("the screen {id}")))?)
        }
        ScreenSource::Screen(None) | ScreenSource::Pattern => {
            let found = Monitor::all().map_err(refused)?.into_iter().next();
            What::Monitor(found.ok_or_else(|| ScreenError::NoScreen("the system lists none".into()))?)
        }
    };
    Ok(Box::new(Polled { what, before: None }))
}

enum What {
    Monitor(Monitor),
    Window(Window),
}

struct Polled {
    what: What,
    before: Option<RgbaImage>,
}

impl ScreenGrabber for Polled {
    fn name(&self) -> String {
        let info = match &self.what {
            What::Monitor(monitor) => of_monitor(monitor),
            What::Window(window) => of_window(window),
        };
        info.map_or_else(|_| "your screen".into(), |info| info.name)
    }

    fn grab(&mut self, into: &mut I420) -> Result<bool, ScreenError> {
        let image = match &self.what {
            What::Monitor(monitor) => {
                monitor.capture_image().map_err(|error| ScreenError::Denied(error.to_string()))?
            }
            // A window that is not shown gives none; one that is closed is not listed any more.
            What::Window(window) => match window.capture_image() {
                Ok(image) => image,
                Err(_) if window.is_minimized().unwrap_or(false) => return Ok(false),
                Err(_) => return Err(ScreenError::Gone),
            },
        };
        if self.before.as_ref() == Some(&image) {
            return Ok(false);
        }
        let (width, height) = (image.width() & !1, image.height() & !1);
        if !picture::size_is_sound(width, height) {
            return Ok(false);
        }
        if (into.width(), into.height()) != (width, height) {
            *into = I420::black(width, height);
        }
        let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
        let mode = YuvConversionMode::Balanced;
        let stride = image.width() * 4;
        let rows = &image.as_raw()[..stride as usize * height as usize];
        rgba_to_yuv420(&mut crate::media::video::convert::planar(into), rows, stride, range, matrix, mode)
            .map_err(|error| ScreenError::Other(error.to_string()))?;
        self.before = Some(image);
        Ok(true)
    }
}
