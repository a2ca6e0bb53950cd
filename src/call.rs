//! The app's core, without a window: one call, from the race to the summary.
//!
//! Whoever shows or prints a call sends [`Command`]s and reads [`Event`]s, the [`State`] and the newest pictures; nothing
//! else passes between them. One task, the controller, owns everything. What belongs to the *participant* (its id, keys and frame numbers, the roster,
//! playout buffers and decoders) outlives every *link*; what belongs to a link is in its [`session`].
//!
//! Knows `net`, `media` and the pure modules. Never: a window, a relay.

pub mod arrivals;
pub mod command;
mod controller;
pub mod conversation;
pub mod delay;
pub mod event;
pub mod history;
pub mod hops;
mod house;
pub mod log;
pub mod manifest;
mod membership;
mod moves;
mod publish;
pub mod race;
mod rate;
pub mod reach;
mod recent;
pub mod redundancy;
mod roster;
mod screens;
mod session;
mod speaker;
pub mod state;
mod subscribe;
mod talk;
pub mod views;
mod wishes;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub use command::{Command, Entry, Moderation};
pub use event::Event;
pub use hops::Answered;
pub use state::State;

use self::arrivals::Arrivals;
use self::controller::Controller;
use self::manifest::Source;
use crate::media::audio::{AudioSource, Output, Switches};
use crate::media::screen::ScreenSource;
use crate::media::video::{Pictures, VideoConfig, VideoSource};
use crate::proto::manifest::Manifest;
use crate::telemetry::history::Keep;

/// What a call needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The room to enter as soon as the race has a leader; `None` waits in the lobby for [`Command::Join`].
    pub entry: Option<Entry>,
    /// Where the relays are listed.
    pub sources: Vec<Source>,
    /// How long the race goes on; Join waits for its leader alone.
    pub window: Duration,
    /// A region or relay to stay with.
    pub pin: Option<String>,
    pub audio: AudioSource,
    pub video: VideoSource,
    pub video_config: VideoConfig,
    /// A screen or a window to share as soon as the room is entered.
    pub share: Option<ScreenSource>,
    pub play: Output,
    /// What is done to a microphone's sound.
    pub processing: Switches,
    /// Begins with the microphone muted, or the camera off.
    pub muted: bool,
    pub camera_off: bool,
    pub record_audio: Option<PathBuf>,
    pub record_video: Option<PathBuf>,
    /// Where the election's history is kept; `None`: nowhere.
    pub history: Option<Keep>,
}

/// Why a call could not begin.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Manifest(#[from] manifest::SourceError),
    #[error(transparent)]
    Media(#[from] subscribe::SubscribeError),
    #[error(transparent)]
    Random(#[from] crate::crypto::NoRandom),
    #[error("cannot seal: {0}")]
    Seal(#[from] crate::crypto::frame::SealError),
}

/// A running call. Dropping it leaves.
#[derive(Debug)]
pub struct Call {
    commands: mpsc::Sender<Command>,
    events: mpsc::UnboundedReceiver<Event>,
    state: watch::Sender<Arc<State>>,
    pictures: Pictures,
    arrivals: Arrivals,
    task: JoinHandle<()>,
}

impl Call {
    /// Reads the manifest and starts the race.
    ///
    /// # Errors
    /// No manifest, a recording that cannot be created, no thread. Later trouble is told by events.
    pub async fn start(config: Config) -> Result<Self, CallError> {
        let manifest = manifest::load(&config.sources).await?;
        Self::launch(config, Some(manifest))
    }

    /// Starts at once, whatever the network does: devices work, lists of relays are read until one answers, and the race
    /// begins then. To be called inside of a runtime.
    ///
    /// # Errors
    /// As [`Call::start`], but for the manifest.
    pub fn open(config: Config) -> Result<Self, CallError> {
        Self::launch(config, None)
    }

    fn launch(config: Config, manifest: Option<Manifest>) -> Result<Self, CallError> {
        let (commands, commands_in) = mpsc::channel(64);
        // Unbounded, for nothing that a stranger sends makes an event for each packet.
        let (events, events_in) = mpsc::unbounded_channel();
        let pictures = Pictures::default();
        let (controller, inbox) = Controller::new(config, manifest, pictures.clone(), commands_in, events)?;
        let (state, arrivals) = (controller.state(), controller.arrivals());
        let task = tokio::spawn(controller.run(inbox));
        Ok(Self { commands, events: events_in, state, pictures, arrivals, task })
    }

    /// Gives an order; false where the call has ended or too many orders wait.
    pub fn command(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// The next event; `None` after the summary.
    pub async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// How the call stands, from now on. Costs something only while somebody holds it.
    pub fn state(&self) -> watch::Receiver<Arc<State>> {
        self.state.subscribe()
    }

    /// Everybody's newest picture.
    pub fn pictures(&self) -> Pictures {
        self.pictures.clone()
    }

    /// What arrives and when, from now on: for drills and tests.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals.want();
        self.arrivals.clone()
    }

    /// Waits for the end.
    pub async fn ended(self) {
        drop(self.commands);
        let _ = self.task.await;
    }
}
