//! What the user chose, kept in a file of the platform's directory: `settings.toml`, or below `NEARCALL_CONFIG_DIR` where
//! that is set.
//!
//! `ui` loads it once at the start and saves it when something changed; `cli` may read it. Must never: hold a secret (an
//! invite's link has the room's, and a room's name is one), lose what it cannot read, or keep the app from starting.
//!
//! | module | owns |
//! | --- | --- |
//! | [`store`] | the file: reading, writing, keeping aside |
//! | [`rooms`] | the rooms that were joined lately, in a file of their own |
//! | `file` | replacing a file whole, and moving one out of the way |
//! | `table` | settings to a TOML table and back, key by key |

mod file;
pub mod rooms;
pub mod store;
mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::proto::limits;

pub use self::store::{Loaded, Notice, SaveError, Store, load, peek};

/// The version of the file's format that this program writes.
pub const VERSION: u32 = 1;

/// How far the window's content may be zoomed.
pub const ZOOM: std::ops::RangeInclusive<f32> = 0.5..=3.0;

/// Manifests that are kept.
const MANIFESTS: usize = 16;
/// A path, an address or a device's id, bytes.
const TEXT_BYTES: usize = 2048;
/// How long the race may last, ms: see [`Settings::race_ms`].
pub const RACE_MS: std::ops::RangeInclusive<u32> = 1_000..=10_000;
/// Actions with keys of the user's own, keys of one of them, and the bytes of a name of either.
const KEYS: (usize, usize, usize) = (64, 8, 64);

/// A side of the window, points.
const WINDOW: std::ops::RangeInclusive<f32> = 320.0..=16384.0;

/// Everything that is remembered from run to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// What others see. Empty until somebody typed one.
    pub name: String,
    /// Where relays are listed: files, or `https://` addresses.
    pub manifests: Vec<String>,
    /// `None`: the system's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microphone: Option<Chosen>,
    /// `None`: the system's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Chosen>,
    /// `None`: the first that there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<Chosen>,
    /// Whether a call is joined with the microphone off.
    pub muted: bool,
    /// Whether a call is joined with the camera off.
    pub camera_off: bool,
    /// Whether the echo of what the speaker plays is taken out of the microphone's sound.
    pub echo: bool,
    /// Whether steady noise is held down in it.
    pub noise: bool,
    /// Whether a quiet voice is raised.
    pub gain: bool,
    /// Whether one sees oneself as in a mirror. Others never do.
    pub mirror: bool,
    pub look: Look,
    pub renderer: Renderer,
    /// 1 is the system's own size; within [`ZOOM`].
    #[serde(serialize_with = "thousandths")]
    pub zoom: f32,
    /// Whether one's own picture is shown in a call.
    pub self_view: bool,
    /// Whether a short sound tells that somebody came or left, and that the call is lost or back.
    pub sounds: bool,
    /// Whether elections and moves are kept on this computer, for `nearcall history`.
    pub history: bool,
    /// The window's width and height, points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<[f32; 2]>,
    /// Whether things move on the screen that could as well jump.
    pub motion: Motion,
    /// Keys that take the place of the program's own: an action's name and its keys, as `ui::shell::keys` has them.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Whether letters, digits and signs by themselves are keys (WCAG 2.1.4).
    pub single_keys: bool,
    /// The relay, the region or the provider that is preferred while it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// How long relays are measured before the race is over, ms; within [`RACE_MS`]. Nobody waits for it.
    pub race_ms: u32,
    /// Whether servers that a link names are contacted only after a yes.
    pub ask_hosts: bool,
}

/// A device that was picked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// As `media` lists it.
    pub id: String,
    /// For people, also while the device is away.
    #[serde(default)]
    pub name: String,
}

/// Dark, light, or with as much contrast as there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// As the system is.
    #[default]
    System,
    Dark,
    Light,
    #[serde(rename = "high contrast")]
    HighContrast,
}

impl Look {
    /// Every choice, in the order in which it is offered.
    pub const ALL: [Self; 4] = [Self::System, Self::Dark, Self::Light, Self::HighContrast];
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Dark => "Dark",
            Self::Light => "Light",
            Self::HighContrast => "High contrast",
        })
    }
}

/// Whether things move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Motion {
    /// As the system says, where it says so.
    #[default]
    System,
    On,
    Off,
}

impl Motion {
    /// Every choice, in the order in which it is offered.
    pub const ALL: [Self; 3] = [Self::System, Self::On, Self::Off];
}

/// What draws the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Renderer {
    /// The first that works.
    #[default]
    Auto,
    /// Vulkan, Metal or Direct3D.
    Wgpu,
    /// OpenGL.
    Glow,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            manifests: Vec::new(),
            microphone: None,
            speaker: None,
            camera: None,
            muted: false,
            camera_off: false,
            echo: true,
            noise: true,
            gain: true,
            mirror: true,
            look: Look::System,
            renderer: Renderer::Auto,
            zoom: 1.0,
            self_view: true,
            sounds: true,
            history: true,
            window: None,
            motion: Motion::System,
            keys: BTreeMap::new(),
            single_keys: true,
            pin: None,
            race_ms: 3_000,
            ask_hosts: true,
        }
    }
}

impl Settings {
    /// These with every value within its range. What is loaded and what is saved has passed through here.
    #[must_use]
    pub fn in_range(mut self) -> Self {
        self.name = line(&self.name, limits::NAME_BYTES);
        self.manifests = self.manifests.iter().map(|place| place.trim().to_owned()).collect();
        self.manifests.retain(|place| !place.is_empty() && place.len() <= TEXT_BYTES && !place.contains('\0'));
        self.manifests.truncate(MANIFESTS);
        for device in [&mut self.microphone, &mut self.speaker, &mut self.camera] {
            *device = device.take().filter(|chosen| !chosen.id.is_empty() && chosen.id.len() <= TEXT_BYTES);
            if let Some(chosen) = device {
                chosen.name = line(&chosen.name, TEXT_BYTES);
            }
        }
        self.zoom = if self.zoom.is_finite() { self.zoom.clamp(*ZOOM.start(), *ZOOM.end()) } else { 1.0 };
        self.window = self
            .window
            .filter(|sides| sides.iter().all(|side| side.is_finite() && *side > 0.0))
            .map(|sides| sides.map(|side| side.round().clamp(*WINDOW.start(), *WINDOW.end())));
        let (actions, chords, bytes) = KEYS;
        self.keys.retain(|action, _| !action.is_empty() && action.len() <= bytes);
        while self.keys.len() > actions {
            self.keys.pop_last();
        }
        for keys in self.keys.values_mut() {
            keys.retain(|key| !key.is_empty() && key.len() <= bytes);
            keys.truncate(chords);
        }
        self.pin = self.pin.map(|pin| line(&pin, limits::NAME_BYTES)).filter(|pin| !pin.is_empty());
        self.race_ms = self.race_ms.clamp(*RACE_MS.start(), *RACE_MS.end());
        self
    }
}

/// One line of at most `max` bytes: no control characters, no space around it.
fn line(text: &str, max: usize) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    text[..text.floor_char_boundary(max)].trim_end().to_owned()
}

/// 1.1 is written as 1.1, and not as the 32 bits nearest to it.
fn thousandths<S: serde::Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((f64::from(*value) * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_brought_into_it() {
        let wild = Settings {
            name: format!("  Zoë\n{} ", "ü".repeat(200)),
            manifests: vec![" a.json ".into(), "  ".into(), "x".repeat(3000), "https://relay.example".into()],
            camera: Some(Chosen { id: String::new(), name: "nothing".into() }),
            zoom: 40.0,
            window: Some([1.0, 1e9]),
            keys: (0..100).map(|n| (format!("action-{n}"), vec!["x".repeat(100), "M".into()])).collect(),
            pin: Some(" \n".into()),
            race_ms: 7,
            ..Settings::default()
        };
        let tame = wild.in_range();
        assert!(tame.name.starts_with("Zoëü") && tame.name.len() <= limits::NAME_BYTES, "{}", tame.name);
        assert_eq!(tame.manifests, ["a.json", "https://relay.example"]);
        assert_eq!((tame.camera.as_ref(), tame.zoom), (None, 3.0));
        assert_eq!(tame.window, Some([320.0, 16384.0]));
        assert_eq!((tame.keys.len(), tame.pin.as_ref(), tame.race_ms), (64, None, 1_000));
        assert!(tame.keys.values().all(|keys| *keys == ["M"]));
        assert_eq!(tame.clone().in_range(), tame);
        let odd = Settings { zoom: f32::NAN, window: Some([f32::NAN, 600.0]), ..Settings::default() };
        assert_eq!(odd.in_range(), Settings::default());
    }
}
