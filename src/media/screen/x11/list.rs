//! The screens and the windows of a display, by RandR and by what the window manager lists (EWMH).

use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, Window};

use super::{X11, other};
use crate::media::screen::{ScreenError, ScreenInfo};

/// A window smaller than this is no window to people, pixels.
const LEAST: u32 = 32;
/// Bytes of a name that are read, in units of four.
const NAME: u32 = 64;

/// A screen and where it lies.
pub struct Screen {
    pub info: ScreenInfo,
    pub x: i16,
    pub y: i16,
}

/// What there is; windows are `None` where nobody lists them.
pub struct Listed {
    pub screens: Vec<Screen>,
    pub windows: Option<Vec<ScreenInfo>>,
}

pub fn list(x11: &X11) -> Result<Listed, ScreenError> {
    Ok(Listed { screens: screens(x11)?, windows: windows(x11)? })
}

/// The screens, the primary one first; the whole display where it has no RandR 1.5.
pub fn screens(x11: &X11) -> Result<Vec<Screen>, ScreenError> {
    let monitors = x11.connection.randr_get_monitors(x11.root, true).ok().and_then(|cookie| cookie.reply().ok());
    let mut monitors = monitors.map(|reply| reply.monitors).unwrap_or_default();
    monitors.sort_by_key(|monitor| !monitor.primary);
    let mut screens = Vec::new();
    for monitor in monitors {
        let name = x11.connection.get_atom_name(monitor.name).map_err(other)?.reply().map_err(other)?.name;
        let name = String::from_utf8_lossy(&name).into_owned();
        let (width, height) = (monitor.width.into(), monitor.height.into());
        let info = ScreenInfo { id: name.clone(), name: format!("Screen {name}"), width, height };
        screens.push(Screen { info, x: monitor.x, y: monitor.y });
    }
    if screens.is_empty() {
        let whole = x11.connection.get_geometry(x11.root).map_err(other)?.reply().map_err(other)?;
        let (width, height) = (whole.width.into(), whole.height.into());
        let info = ScreenInfo { id: "all".into(), name: "The whole screen".into(), width, height };
        screens.push(Screen { info, x: 0, y: 0 });
    }
    Ok(screens)
}

/// The windows that the window manager lists, the one on top first.
fn windows(x11: &X11) -> Result<Option<Vec<ScreenInfo>>, ScreenError> {
    let list = atom(x11, "_NET_CLIENT_LIST_STACKING")?;
    let cookie = x11.connection.get_property(false, x11.root, list, AtomEnum::WINDOW, 0, 1024).map_err(other)?;
    let reply = cookie.reply().map_err(other)?;
    let Some(listed) = reply.value32() else { return Ok(None) };
    let mut windows: Vec<ScreenInfo> = listed.filter_map(|window| window_info(x11, window).ok()).collect();
    windows.retain(|window| window.width >= LEAST && window.height >= LEAST);
    windows.reverse();
    Ok(Some(windows))
}

/// What a window is called and how large it is.
pub fn window_info(x11: &X11, window: Window) -> Result<ScreenInfo, ScreenError> {
    let geometry = x11.connection.get_geometry(window).map_err(other)?.reply().map_err(|_| ScreenError::Gone)?;
    let utf8 = atom(x11, "UTF8_STRING")?;
    let texts = [(atom(x11, "_NET_WM_NAME")?, utf8), (AtomEnum::WM_NAME.into(), AtomEnum::ANY.into())];
    let mut name = String::new();
    for (property, kind) in texts {
        if name.is_empty() {
            let cookie = x11.connection.get_property(false, window, property, kind, 0, NAME).map_err(other)?;
            name = cookie.reply().map(|reply| String::from_utf8_lossy(&reply.value).into_owned()).unwrap_or_default();
        }
    }
    let visible: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = if visible.trim().is_empty() { "A window without a name".into() } else { visible };
    Ok(ScreenInfo { id: format!("{window:#x}"), name, width: geometry.width.into(), height: geometry.height.into() })
}

fn atom(x11: &X11, name: &str) -> Result<u32, ScreenError> {
    Ok(x11.connection.intern_atom(false, name.as_bytes()).map_err(other)?.reply().map_err(other)?.atom)
}

/// Reads a window's id, as `nearcall devices`, `xwininfo` and `wmctrl` write it.
pub fn window_id(text: &str) -> Option<Window> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::window_id;

    #[test]
    fn a_window_is_named_in_either_notation() {
        assert_eq!(
            [window_id("0x1400003"), window_id("20971523"), window_id("editor")],
            [Some(0x1400003), Some(0x1400003), None]
        );
    }
}
