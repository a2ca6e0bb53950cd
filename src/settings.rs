//! What the user chose, kept in a file of the platform's directory: `settings.toml`, or below `NEARCALL_CONFIG_DIR` where
//! that is set.
//!
//! `ui` loads it once at the start and saves it when something changed; `cli` may read it. Must never: hold a secret (an
//! invite's link has the room's), lose what it cannot read, or keep the app from starting.
//!
//! | module | owns |
//! | --- | --- |
//! | [`store`] | the file: reading, writing, keeping aside |
//! | `file` | replacing a file whole, and moving one out of the way |
//! | `table` | settings to a TOML table and back, key by key |

use serde::{Deserialize, Serialize};

/// The version of the file's format that this program writes.
pub const VERSION: u32 = 1;

/// How far the window's content may be zoomed.
pub const ZOOM: std::ops::RangeInclusive<f32> = 0.5..=3.0;

/// Manifests that are kept.
const MANIFESTS: usize = 16;
/// Rooms that are remembered.
const RECENT: usize = 8;
/// A path, an address or a device's id, bytes.
const TEXT_BYTES: usize = 2048;
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
    /// Whether one sees oneself as in a mirror. Others never do.
    pub mirror: bool,
    pub look: Look,
    pub renderer: Renderer,
    /// 1 is the system's own size; within [`ZOOM`].
    pub zoom: f32,
    /// Whether one's own picture is shown in a call.
    pub self_view: bool,
    /// Rooms that were joined, the newest first; their secrets are not here.
    pub recent: Vec<Recent>,
    /// The window's width and height, points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<[f32; 2]>,
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

/// A room that was joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    pub room: String,
    /// When, seconds since 1970.
    #[serde(default)]
    pub at: u64,
}

/// Dark or light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// As the system is.
    #[default]
    System,
    Dark,
    Light,
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
            mirror: true,
            look: Look::System,
            renderer: Renderer::Auto,
            zoom: 1.0,
            self_view: true,
            recent: Vec::new(),
            window: None,
        }
    }
}
