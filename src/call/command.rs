//! What the outside may ask of a call.

use std::collections::BTreeMap;
use std::time::Duration;

use super::manifest::Source;
use super::state::Volume;
use super::views::View;
use crate::crypto::secret::RoomSecret;
use crate::election;
use crate::media::audio::{AudioSource, Output, Sound, Switches};
use crate::media::screen::ScreenSource;
use crate::media::video::VideoSource;
use crate::proto::words::Reaction;
use crate::proto::{ParticipantId, Track};

/// An order. Orders are carried out in turn; none of them fails: what cannot be done is told as an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Races these relays instead. In the lobby alone: a call's relays follow their manifest.
    Relays(Vec<Source>),
    /// Enters a room over the leader, as soon as there is one. The first one counts.
    Join(Box<Entry>),
    /// Pin, force, block: see [`election::Command`]. With a time, a pin or block ends by itself.
    Elect {
        command: election::Command,
        lasts: Option<Duration>,
    },
    /// Ends every pin and block.
    EndWishes,
    /// The microphone sends silence, or what it hears.
    Mute(bool),
    /// The key of push-to-talk: opens the microphone of somebody who is muted, in a call.
    Talk(Talking),
    /// How loud somebody is played to us. The others do not hear of it.
    Volume {
        peer: ParticipantId,
        volume: Volume,
    },
    /// The camera is on, or off and dark.
    Camera(bool),
    /// Shares a screen or a window, in place of what was shared before, or nothing any more. Before the room is entered it is
    /// kept in mind.
    Share(Option<ScreenSource>),
    /// Another device, or a source that is none, from now on.
    Microphone(AudioSource),
    Pictures(VideoSource),
    Speaker(Output),
    /// What is done to a microphone's sound from now on.
    Processing(Switches),
    /// How large each camera is shown, instead of what was said before. Who is not named is wanted in full.
    View(BTreeMap<ParticipantId, View>),
    /// Plays a sound of a second where the others are heard.
    TestSound,
    /// Plays a short sound where the others are heard, after those that were asked for before.
    Sound(Sound),
    /// Hears nobody, and is not heard; then both as before. Whoever opens the microphone meanwhile hears again.
    Deafen(bool),
    /// While nothing carries the call: dials everything now.
    Retry,
    /// Says a line to everybody in the room, sealed. At most [`limits::TEXT_BYTES`](crate::proto::limits::TEXT_BYTES).
    Chat(String),
    /// Shows a reaction to everybody for a moment.
    React(Reaction),
    /// Raises our hand, or lowers it.
    Hand(bool),
    /// Asks one, or everybody, to lower the hand: where we are host.
    LowerHands(Option<ParticipantId>),
    /// Carried out by the relays, where we are host.
    Moderate(Moderation),
    /// Ends the call.
    Leave,
}

/// What the key of push-to-talk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talking {
    /// It went down: heard for half a second from now.
    Starts,
    /// It is still down: half a second more. Where it was ended by somebody else, or late, that stays so.
    GoesOn,
    Ends,
}

/// What a host may do. The relay answers: what it does not do is told as [`Event::Error`](super::Event::Error), what it does
/// as [`Event::Moderated`](super::Event::Moderated).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moderation {
    /// A participant's track goes nowhere until it is lifted: by the participant itself too, unless `firm`.
    Mute {
        peer: ParticipantId,
        track: Track,
        firm: bool,
    },
    Unmute {
        peer: ParticipantId,
        track: Track,
    },
    /// Every microphone but ours; each may lift it itself.
    MuteEveryone,
    /// The participant, and its user, stay outside while the room lives.
    Remove {
        peer: ParticipantId,
    },
    /// Takes back the removal of a user.
    Readmit {
        user: String,
    },
    /// Nobody new comes in.
    Lock,
    Unlock,
}

/// A room and who enters it.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub room: String,
    pub secret: RoomSecret,
    /// Shown to the others.
    pub name: String,
    pub token: Option<String>,
}

impl std::fmt::Debug for Entry {
    /// Without the token: it lets whoever reads it in.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("room", &self.room).field("name", &self.name).finish_non_exhaustive()
    }
}
