//! What is drawn: everything that the screens need, and nothing that they may change. [`super::app`] keeps it, screens
//! read it and answer with [`Action`]s. Built by hand in tests and in the gallery.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::call::command::{Moderation, Talking};
use crate::call::event::{CandidateRow, Moved};
use crate::call::state::{State, Volume};
use crate::election;
use crate::media::Device;
use crate::media::screen::{ScreenSource, Screens};
use crate::media::video::Pictures;
use crate::proto::ParticipantId;
use crate::proto::words::Reaction;
use crate::settings::Settings;
use crate::settings::rooms::{self, Rooms};

/// Everything.
#[derive(Debug, Clone)]
pub struct Model {
    pub now: Instant,
    /// The clock on the wall, for times in the timeline.
    pub wall: SystemTime,
    /// `None` for the moment before the first snapshot.
    pub call: Option<Arc<State>>,
    pub pictures: Pictures,
    pub devices: Devices,
    /// What there is to share; `None` while it is looked for.
    pub screens: Option<Screens>,
    pub settings: Settings,
    /// The name for this run alone, where one was given at the start; it is not kept.
    pub given_name: Option<String>,
    pub room: Room,
    pub timeline: Vec<Entry>,
    pub toasts: Vec<Notice>,
    pub hosting: Hosting,
    /// Only in a demo: what may be done to its relays.
    pub drills: Vec<DrillRelay>,
    /// The race's final table, once its window is over.
    pub race: Option<Vec<CandidateRow>>,
    /// Rooms that were joined lately.
    pub rooms: Rooms,
    /// A link that came while a call runs: it is asked about.
    pub offered: Option<Offer>,
    /// Motion costs drawing; off for tests and for who asked for it.
    pub motion: bool,
}

impl Model {
    /// What others see, as it was typed; may be empty.
    pub fn name(&self) -> &str {
        self.given_name.as_ref().unwrap_or(&self.settings.name)
    }
}

/// What can be picked. `None` while the first list is being made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    pub microphones: Option<Vec<Choice>>,
    pub speakers: Option<Vec<Choice>>,
    pub cameras: Option<Vec<Choice>>,
}

/// A device in a picker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub id: String,
    pub name: String,
    /// What the system uses unless told otherwise.
    pub default: bool,
}

/// The room that Join would enter, or that was entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// What stands in the box: a link, or a room's name.
    pub text: String,
    /// The room's name, once the text makes sense.
    pub name: Option<String>,
    /// What is wrong with the text.
    pub error: Option<String>,
    /// A link that leads others here.
    pub invite: Option<String>,
    /// The link named relays of hosts that the user has not heard of: they are contacted after a yes.
    pub consent: Option<Vec<String>>,
}

/// A link that another start of the program was given.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    /// With the room's secret.
    pub link: String,
    /// The room's name, for the question.
    pub room: String,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offer").finish_non_exhaustive()
    }
}

/// Something that happened to the path of the call, or did not.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub at: SystemTime,
    pub what: What,
}

/// What an [`Entry`] is about.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Elected {
        region: String,
        transport: String,
        mean_ms: Option<f64>,
        runner_up: Option<String>,
        margin_ms: Option<f64>,
    },
    Joined {
        region: String,
        since_join_ms: f64,
    },
    Moved(Moved),
    /// Looked at another relay and stayed.
    Kept {
        candidate: String,
        reason: String,
    },
    Suspect {
        region: String,
        on: bool,
    },
    Standby {
        region: Option<String>,
    },
    Reconnecting,
    Reconnected {
        region: String,
    },
    Refused {
        relay: String,
        message: String,
    },
    /// A person did it: a drill, a pin, a block.
    Drill(String),
}

/// A toast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub id: u64,
    pub kind: NoticeKind,
    pub text: String,
    /// A newer notice about the same device takes its place.
    pub about: Option<Device>,
    pub until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    Info,
    Good,
    Warning,
    Danger,
}

/// Whether this machine is a relay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Hosting {
    #[default]
    No,
    Starting,
    /// The invite, and who can reach it.
    Yes {
        invite: String,
        reach: String,
    },
    Failed(String),
}

/// A relay of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillRelay {
    pub region: String,
    pub state: DrillState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillState {
    Running,
    /// Comes back by itself then.
    Dead {
        until: Instant,
    },
    Draining {
        until: Instant,
    },
    Slow {
        until: Instant,
    },
}

/// What can be done to a relay of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drill {
    /// As with SIGKILL: nothing is said.
    Kill,
    /// As with SIGTERM.
    Drain,
    /// 150 ms more, and 5 % loss.
    Degrade,
    /// Whatever was done is undone.
    Revive,
}

/// What the user asked for. Screens push these; [`super::app`] carries them out.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Name(String),
    /// The text in the room's box changed.
    Room(String),
    /// The hosts that a link named may be contacted, or not.
    Consent(bool),
    Join,
    /// The call is left for the lobby of the link that came, or the link is forgotten.
    Offered(bool),
    /// Puts a room that was joined before into the box.
    Again(rooms::Room),
    /// Forgets a room that was joined, or all of them.
    Forget(Option<rooms::Room>),
    /// Whether rooms that are joined are remembered from now on; if not, none is kept.
    RememberRooms(bool),
    Host,
    StopHosting,
    Mute(bool),
    /// The key of push-to-talk. Nothing of it is kept.
    Talk(Talking),
    /// How loud somebody is played here.
    Volume(ParticipantId, Volume),
    Camera(bool),
    /// Hear nobody, and not be heard; or both as before.
    Deafen(bool),
    /// Dial now: the call is cut off.
    Retry,
    /// Look for what can be shared.
    ListScreens,
    /// `None`: nothing any more.
    Share(Option<ScreenSource>),
    /// `None`: the system's default.
    Pick(Device, Option<Choice>),
    TestSound,
    /// A line of chat.
    Chat(String),
    React(Reaction),
    /// One's own hand.
    Hand(bool),
    /// Of one, or of everybody: a host asks.
    LowerHands(Option<ParticipantId>),
    /// What a host does.
    Moderate(Moderation),
    /// All relays again.
    RaceAgain,
    Leave,
    /// With a time, it ends by itself.
    Elect(election::Command, Option<Duration>),
    /// Every pin and block.
    StopWishes,
    Drill(String, Drill),
    Copy {
        text: String,
        said: &'static str,
    },
    Export(Format),
    Settings(Box<Settings>),
    /// The elections that are kept on this computer.
    ClearHistory,
    Dismiss(u64),
}

/// How the region panel is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
    Png,
}
