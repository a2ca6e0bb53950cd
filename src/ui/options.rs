//! What a start of the window is told: flags and settings become the config of a call.

use std::path::PathBuf;
use std::time::Duration;

use super::desk::Ears;
use super::model::Choice;
use super::renderer;
use crate::call::log::EventLog;
use crate::call::manifest::Source;
use crate::call::{Config, Entry};
use crate::media::audio::{AudioSource, Output};
use crate::media::video::{VideoConfig, VideoSource};
use crate::settings::{Chosen, Settings};

/// What the command line says; everything that is given here weighs more than the settings, for this run.
#[derive(Debug, Default)]
pub struct Options {
    /// A link, or a room's name, for the lobby's box.
    pub room: Option<String>,
    /// Lists of relays, beside those of the settings.
    pub manifests: Vec<Source>,
    /// Enters this room, whatever the box says: the demo's.
    pub entry: Option<Entry>,
    pub name: Option<String>,
    pub audio: Option<AudioSource>,
    pub video: Option<VideoSource>,
    pub play: Option<Output>,
    pub window: Option<Duration>,
    pub pin: Option<String>,
    /// Presses Join as soon as it can be pressed.
    pub join: bool,
    pub renderer: Option<renderer::Choice>,
    /// Where every event is written, too.
    pub events: Option<EventLog>,
    /// The folder for exports; `None`: where downloads go.
    pub exports: Option<PathBuf>,
    pub ears: Ears,
}

impl Options {
    /// A call that begins in the lobby.
    pub fn config(&self, settings: &Settings, mut sources: Vec<Source>) -> Config {
        sources.extend(self.manifests.iter().cloned());
        let video = self.video.clone().unwrap_or_else(|| camera(settings.camera.as_ref()));
        let video_config = match video {
            VideoSource::Pattern => VideoConfig::pattern(),
            _ => VideoConfig::default(),
        };
        Config {
            entry: None,
            sources,
            window: self.window.unwrap_or(Duration::from_secs(3)),
            pin: self.pin.clone(),
            audio: self.audio.clone().unwrap_or_else(|| microphone(settings.microphone.as_ref())),
            video,
            video_config,
            play: self.play.clone().unwrap_or_else(|| speaker(settings.speaker.as_ref())),
            muted: settings.muted,
            camera_off: settings.camera_off,
            record_audio: None,
            record_video: None,
        }
    }
}

/// The lists of relays that the settings name.
pub fn listed(settings: &Settings) -> Vec<Source> {
    let read = |text: &String| text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
    settings.manifests.iter().map(read).collect()
}

pub fn microphone(chosen: Option<&Chosen>) -> AudioSource {
    AudioSource::Microphone(chosen.map(|chosen| chosen.id.clone()))
}

pub fn speaker(chosen: Option<&Chosen>) -> Output {
    Output::Speaker(chosen.map(|chosen| chosen.id.clone()))
}

pub fn camera(chosen: Option<&Chosen>) -> VideoSource {
    VideoSource::Camera(chosen.map(|chosen| chosen.id.clone()))
}

/// A device as the settings keep it.
pub fn chosen(choice: Option<Choice>) -> Option<Chosen> {
    choice.map(|choice| Chosen { id: choice.id, name: choice.name })
}
