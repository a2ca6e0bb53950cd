//! What hosts order and what is in force in a room: protobuf, as in [`super::control`].
//!
//! A host is a member whose token says so ([`Member::host`](super::control::Member::host), stamped by the relay); an open relay
//! has none. A host sends [`Moderate`] on any link; the relay answers [`ModerationAnswer`], does it, and tells every member
//! of the room, at every relay, in [`Moderated`]. Whoever joins is told what is in force right behind `Joined`.
//!
//! * **Mute**: relays drop that track of that participant, wherever it sends, until a host lifts it. Where the order
//!   was not `firm`, the participant may lift it itself, with an `Unmute` of its own track. An app that is told so stops sending
//!   and shows that it is muted; an unmute never turns a microphone or camera on, it only allows that. A firm mute holds for
//!   every instance of the same user.
//! * **Remove**: the participant's sessions end with `Refused` (`removed` set). Neither it, nor its ticket, nor its user comes
//!   in again while the room lives, unless a host readmits the user.
//! * **Lock**: nobody new comes in at any relay. Who was in may move, reconnect and come back, as long as its app runs.
//!
//! All of it ends with the room: when no relay has anybody in it any more.

use prost::Message;

use super::control::within;
use super::{DecodeError, limits};

/// An order of a host, or a participant's wish to speak again.
#[derive(Clone, PartialEq, Message)]
pub struct Moderate {
    /// Any number: comes back in the answer.
    #[prost(uint32, tag = "1")]
    pub sequence: u32,
    #[prost(enumeration = "Action", tag = "2")]
    pub action: i32,
    /// To whom: for mute, unmute and remove.
    #[prost(fixed64, tag = "3")]
    pub participant: u64,
    /// [`super::Track`]: for mute and unmute.
    #[prost(uint32, tag = "4")]
    pub track: u32,
    /// For mute: the participant may not lift it itself.
    #[prost(bool, tag = "5")]
    pub firm: bool,
    /// For readmit: the user, at most [`limits::ROOM_BYTES`].
    #[prost(string, tag = "6")]
    pub user: String,
}

/// What a [`Moderate`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Action {
    Unspecified = 0,
    Mute = 1,
    Unmute = 2,
    Remove = 3,
    Lock = 4,
    Unlock = 5,
    /// Takes back the removal of a user.
    Readmit = 6,
}

/// The answer to one [`Moderate`]. The session goes on either way.
#[derive(Clone, PartialEq, Message)]
pub struct ModerationAnswer {
    #[prost(uint32, tag = "1")]
    pub sequence: u32,
    #[prost(bool, tag = "2")]
    pub done: bool,
    /// Where it was not done: why, for a person.
    #[prost(string, tag = "3")]
    pub message: String,
}

/// What is in force, or no longer.
#[derive(Clone, PartialEq, Message)]
pub struct Moderated {
    #[prost(message, repeated, tag = "1")]
    pub rulings: Vec<Ruling>,
    /// This is all: what was told before and is not among it does not hold any more.
    #[prost(bool, tag = "2")]
    pub all: bool,
}

/// One thing that a host decided.
#[derive(Clone, PartialEq, Message)]
pub struct Ruling {
    #[prost(enumeration = "RulingKind", tag = "1")]
    pub kind: i32,
    /// Whom it is about; 0 for a lock.
    #[prost(fixed64, tag = "2")]
    pub participant: u64,
    /// [`super::Track`], of a mute.
    #[prost(uint32, tag = "3")]
    pub track: u32,
    /// It is so; false: not any more.
    #[prost(bool, tag = "4")]
    pub on: bool,
    /// Of a mute: the participant may not lift it itself.
    #[prost(bool, tag = "5")]
    pub firm: bool,
    /// The participant that decided.
    #[prost(fixed64, tag = "6")]
    pub by: u64,
    /// Of a removal: the user that stays outside.
    #[prost(string, tag = "7")]
    pub user: String,
    /// Of two rulings about the same the higher one holds, by whichever way it came; 0: not told.
    #[prost(uint64, tag = "8")]
    pub version: u64,
}

/// What a [`Ruling`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum RulingKind {
    Unspecified = 0,
    Mute = 1,
    Removal = 2,
    Lock = 3,
}

impl Moderate {
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        within("user", self.user.len(), limits::ROOM_BYTES)
    }
}

impl Moderated {
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        within("rulings", self.rulings.len(), limits::RULINGS)?;
        self.rulings.iter().try_for_each(|ruling| within("user", ruling.user.len(), limits::ROOM_BYTES))
    }
}
