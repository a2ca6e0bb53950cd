//! What a start of the window is told: flags and settings become the config of a call.

use std::path::PathBuf;
use std::time::Duration;

use super::desk::Ears;
use super::model::{Choice, Room};
use super::renderer;
use super::room::Place;
use crate::call::log::EventLog;
use crate::call::manifest::Source;
use crate::call::{Config, Entry};
use crate::media::audio::{AudioSource, Output, Switches};
use crate::media::screen::ScreenSource;
use crate::media::video::{VideoConfig, VideoSource};
use crate::proto::manifest::Manifest;
use crate::settings::{Chosen, Settings};
use crate::telemetry::history::{Keep, Program};

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
    /// What the first call shares.
    pub share: Option<ScreenSource>,
    pub play: Option<Output>,
    pub window: Option<Duration>,
    pub pin: Option<String>,
    /// Presses Join as soon as it can be pressed.
    pub join: bool,
    pub renderer: Option<renderer::Choice>,
    /// Where every event is written, too.
    pub events: Option<EventLog>,
    /// Elections are kept, unless the settings say otherwise.
    pub history: bool,
    /// The folder for exports; `None`: where downloads go.
    pub exports: Option<PathBuf>,
    pub ears: Ears,
}

impl Options {
    /// The lists of relays that are raced: those of a relay that runs here, of the room's box unless its hosts wait for
    /// a yes, of the settings and of the command line. A demo has its own alone.
    pub fn sources(&self, settings: &Settings, room: &Room, hosted: Option<&Manifest>) -> Vec<Source> {
        if self.entry.is_some() {
            return self.manifests.clone();
        }
        let place = Place::read(&room.text).ok().flatten().filter(|_| room.consent.is_none());
        let mut sources = hosted.cloned().map(Source::Given).into_iter().collect::<Vec<_>>();
        sources.extend(place.map(|place| place.sources()).unwrap_or_default());
        sources.extend(listed(settings));
        sources.extend(self.manifests.iter().cloned());
        sources
    }

    /// A call that begins in the lobby.
    pub fn config(&self, settings: &Settings, sources: Vec<Source>) -> Config {
        let video = self.video.clone().unwrap_or_else(|| camera(settings.camera.as_ref()));
        let video_config = VideoConfig::of(&video);
        Config {
            entry: None,
            sources,
            window: self.window.unwrap_or(Duration::from_millis(settings.race_ms.into())),
            pin: self.pin.clone().or_else(|| settings.pin.clone()),
            audio: self.audio.clone().unwrap_or_else(|| microphone(settings.microphone.as_ref())),
            video,
            video_config,
            share: self.share.clone(),
            play: self.play.clone().unwrap_or_else(|| speaker(settings.speaker.as_ref())),
            processing: processing(settings),
            muted: settings.muted,
            camera_off: settings.camera_off,
            record_audio: None,
            record_video: None,
            history: self.keeps(settings).then(|| Keep::of_user(Program::Window)).flatten(),
        }
    }
}

impl Options {
    /// A demo's relays are gone in a minute, and are nobody's history.
    fn keeps(&self, settings: &Settings) -> bool {
        self.history && settings.history && self.entry.is_none()
    }
}

/// The lists of relays that the settings name.
fn listed(settings: &Settings) -> Vec<Source> {
    let read = |text: &String| text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
    settings.manifests.iter().map(read).collect()
}

/// What is done to a microphone's sound.
pub fn processing(settings: &Settings) -> Switches {
    Switches { echo: settings.echo, noise: settings.noise, gain: settings.gain }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Source {
        Source::File(path.into())
    }

    #[test]
    fn a_demo_races_its_own_relays_alone() {
        let settings = Settings { manifests: vec!["mine.json".into()], ..Settings::default() };
        let room = Room { text: "kitchen".into(), ..Room::default() };
        let mut options = Options { manifests: vec![file("given.json")], ..Options::default() };
        assert_eq!(options.sources(&settings, &room, None), [file("mine.json"), file("given.json")]);
        let secret = crate::crypto::secret::RoomSecret::of_room("demo");
        options.entry = Some(Entry { room: "demo".into(), secret, name: String::new(), token: None });
        assert_eq!(options.sources(&settings, &room, None), [file("given.json")]);
    }

    #[test]
    fn the_hosts_of_a_link_are_raced_after_a_yes() {
        let options = Options::default();
        let text = "nearcall://join/kitchen?at=calls.example:4433#k=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let mut room = crate::ui::room::read(text.into(), &[]);
        assert_eq!(room.consent.as_deref(), Some(&["calls.example:4433".to_owned()][..]));
        assert_eq!(options.sources(&Settings::default(), &room, None), []);
        crate::ui::room::as_told(&mut room, &Settings::default());
        assert!(room.consent.is_some());
        crate::ui::room::as_told(&mut room, &Settings { ask_hosts: false, ..Settings::default() });
        assert_eq!(options.sources(&Settings::default(), &room, None).len(), 1);
    }

    #[test]
    fn a_call_is_raced_for_as_long_and_pinned_to_where_the_settings_say_unless_a_flag_says_more() {
        let settings = Settings { race_ms: 5_000, pin: Some("tokyo".into()), ..Settings::default() };
        let config = Options::default().config(&settings, Vec::new());
        assert_eq!((config.window, config.pin.as_deref()), (Duration::from_secs(5), Some("tokyo")));
        let window = Some(Duration::from_secs(1));
        let config = Options { window, pin: Some("oslo".into()), ..Options::default() }.config(&settings, Vec::new());
        assert_eq!((config.window, config.pin.as_deref()), (Duration::from_secs(1), Some("oslo")));
    }
}
