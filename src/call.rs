//! The app's core, without a window: one call, from the race to the summary.
//!
//! Whoever shows or prints a call sends [`Command`]s and reads [`Event`]s; nothing else passes between them. One task,
//! the controller, owns everything. What belongs to the *participant* (its id, keys and frame numbers, the roster,
//! playout buffers and decoders) outlives every *link*; what belongs to a link is in its [`session`].
//!
//! Knows `net`, `media` and the pure modules. Never: a window, a relay.

pub mod command;
mod controller;
pub mod event;
pub mod manifest;
mod moves;
mod publish;
pub mod race;
mod roster;
mod session;
mod subscribe;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use command::Command;
pub use event::Event;

use self::controller::Controller;
use self::manifest::Source;
use crate::crypto::secret::RoomSecret;
use crate::media::audio::{AudioSource, Output};
use crate::media::video::{VideoConfig, VideoSource};

/// What a call needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub room: String,
    pub secret: RoomSecret,
    /// Where the relays are listed.
    pub sources: Vec<Source>,
    /// Shown to the others.
    pub name: String,
    pub token: Option<String>,
    /// How long the race goes on; Join waits for its leader alone.
    pub window: Duration,
    /// A region or relay to stay with.
    pub pin: Option<String>,
    pub audio: AudioSource,
    pub video: VideoSource,
    pub video_config: VideoConfig,
    pub play: Output,
    pub record_audio: Option<PathBuf>,
    pub record_video: Option<PathBuf>,
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
    task: JoinHandle<()>,
}

impl Call {
    /// Reads the manifest, starts the race, and joins over its leader as soon as there is one.
    ///
    /// # Errors
    /// No manifest, a recording that cannot be created, no thread. Later trouble is told by events.
    pub async fn start(config: Config) -> Result<Self, CallError> {
        let manifest = manifest::load(&config.sources).await?;
        let (commands, commands_in) = mpsc::channel(64);
        // Unbounded, for nothing that a stranger sends makes an event for each packet.
        let (events, events_in) = mpsc::unbounded_channel();
        let (controller, inbox) = Controller::new(config, manifest, commands_in, events)?;
        let task = tokio::spawn(controller.run(inbox));
        Ok(Self { commands, events: events_in, task })
    }

    /// Gives an order; false where the call has ended or too many orders wait.
    pub fn command(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// The next event; `None` after the summary.
    pub async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Waits for the end.
    pub async fn ended(self) {
        drop(self.commands);
        let _ = self.task.await;
    }
}
