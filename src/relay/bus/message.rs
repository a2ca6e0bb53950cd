//! What relays tell one another, besides media: protobuf, private to relays of one deployment.

use bytes::Bytes;
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::proto::control::{Member, ReceiverReport};
use crate::proto::manifest::{Distance, Manifest, RelayEntry};
use crate::proto::moderation::RulingKind;
use crate::proto::{DecodeError, limits};

/// A bus message, bytes: a digest of a full room with full profiles, and some frames of a group.
pub const MAX_BYTES: usize = 2 * limits::VIDEO_FRAME_BYTES;

/// To all relays that have the room.
#[derive(Clone, PartialEq, Message)]
pub struct RoomMessage {
    /// Instance of the relay that says it.
    #[prost(fixed64, tag = "1")]
    pub origin: u64,
    /// Grows with everything that this relay says of the room. Membership that is older than what was heard is not believed.
    #[prost(uint64, tag = "8")]
    pub number: u64,
    #[prost(oneof = "room_message::Body", tags = "2, 3, 4, 5, 6, 7, 9, 12")]
    pub body: Option<room_message::Body>,
}

pub mod room_message {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Body {
        #[prost(message, tag = "2")]
        Digest(super::Digest),
        #[prost(message, tag = "3")]
        Joined(super::MemberJoined),
        #[prost(message, tag = "4")]
        Ended(super::MemberEnded),
        #[prost(message, tag = "5")]
        KeyFrame(super::Stream),
        #[prost(message, tag = "6")]
        Sealed(super::SealedTo),
        #[prost(message, tag = "7")]
        Report(super::ReportTo),
        #[prost(message, tag = "9")]
        Pulse(super::Pulse),
        #[prost(message, tag = "12")]
        Facts(super::Facts),
    }
}

/// All that a relay has of a room.
#[derive(Clone, PartialEq, Message)]
pub struct Digest {
    #[prost(message, repeated, tag = "1")]
    pub members: Vec<Member>,
    /// [`crate::relay::router::Interest`].
    #[prost(uint32, tag = "2")]
    pub interest: u32,
    /// The sender is new to the room and wants everybody's digest now.
    #[prost(bool, tag = "3")]
    pub asks: bool,
    /// Stands for all members: see [`Pulse`].
    #[prost(fixed64, tag = "4")]
    pub hash: u64,
    /// Who left for good lately: whoever was cut off meanwhile need not wait for them.
    #[prost(fixed64, repeated, tag = "5")]
    pub left: Vec<u64>,
    /// The sender was cut off and missed what was said last.
    #[prost(bool, tag = "6")]
    pub missed: bool,
}

/// A digest in brief, each second. Who holds it against another hash asks for the digest.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Pulse {
    #[prost(fixed64, tag = "1")]
    pub hash: u64,
    /// [`crate::relay::router::Interest`].
    #[prost(uint32, tag = "2")]
    pub interest: u32,
}

/// The hash of a relay's members before and after a change: who has the one has the other once the change is made.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Step {
    #[prost(fixed64, tag = "1")]
    pub before: u64,
    #[prost(fixed64, tag = "2")]
    pub after: u64,
}

/// A member joined here, or changed.
#[derive(Clone, PartialEq, Message)]
pub struct MemberJoined {
    #[prost(message, optional, boxed, tag = "1")]
    pub member: Option<Box<Member>>,
    #[prost(message, optional, tag = "2")]
    pub step: Option<Step>,
}

/// A member's last link here ended.
#[derive(Clone, PartialEq, Message)]
pub struct MemberEnded {
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    /// 0 moved, 1 left for good, 2 lost.
    #[prost(uint32, tag = "2")]
    pub how: u32,
    #[prost(message, optional, tag = "3")]
    pub step: Option<Step>,
    /// The stamp of the instance that it was: see [`Member::stamp`].
    #[prost(bytes = "bytes", tag = "8")]
    pub stamp: Bytes,
}

/// What hosts decided: what is new, or all of it. See [`crate::relay::moderation`].
#[derive(Clone, PartialEq, Message)]
pub struct Facts {
    #[prost(message, repeated, tag = "1")]
    pub facts: Vec<Fact>,
    /// The sender is new to the room and wants to know.
    #[prost(bool, tag = "2")]
    pub asks: bool,
}

/// The last word about one thing: which thing is said by kind, participant, track and user, the order by counter and origin.
#[derive(Clone, PartialEq, Message)]
pub struct Fact {
    #[prost(uint64, tag = "1")]
    pub counter: u64,
    /// Instance of the relay that the host told.
    #[prost(fixed64, tag = "2")]
    pub origin: u64,
    #[prost(enumeration = "RulingKind", tag = "3")]
    pub kind: i32,
    #[prost(fixed64, tag = "4")]
    pub participant: u64,
    #[prost(uint32, tag = "5")]
    pub track: u32,
    #[prost(string, tag = "6")]
    pub user: String,
    #[prost(bool, tag = "7")]
    pub on: bool,
    #[prost(bool, tag = "8")]
    pub firm: bool,
    #[prost(fixed64, tag = "9")]
    pub by: u64,
    /// Of a lock: who was in, 16 bytes each.
    #[prost(bytes = "bytes", tag = "10")]
    pub passes: Bytes,
}

/// A stream of which a key frame is wanted.
#[derive(Clone, PartialEq, Message)]
pub struct Stream {
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    #[prost(uint32, tag = "2")]
    pub track: u32,
    #[prost(uint32, tag = "3")]
    pub spatial: u32,
}

/// A sealed message on its way.
#[derive(Clone, PartialEq, Message)]
pub struct SealedTo {
    #[prost(fixed64, tag = "1")]
    pub from: u64,
    /// 0: all.
    #[prost(fixed64, tag = "2")]
    pub to: u64,
    #[prost(bytes = "bytes", tag = "3")]
    pub payload: Bytes,
}

/// A receiver's report on its way to the sender that it is about.
#[derive(Clone, PartialEq, Message)]
pub struct ReportTo {
    #[prost(fixed64, tag = "1")]
    pub to: u64,
    /// As the sender gets it: by whom, not about whom.
    #[prost(message, optional, tag = "2")]
    pub report: Option<ReceiverReport>,
}

/// To one relay.
#[derive(Clone, PartialEq, Message)]
pub struct DirectMessage {
    /// Instance of the relay that says it.
    #[prost(fixed64, tag = "1")]
    pub origin: u64,
    /// [`super::RoomId`]; empty where it is about no room.
    #[prost(bytes = "bytes", tag = "2")]
    pub room: Bytes,
    #[prost(oneof = "direct_message::Body", tags = "3, 4, 5, 6, 7")]
    pub body: Option<direct_message::Body>,
}

pub mod direct_message {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Body {
        #[prost(message, tag = "3")]
        Fetch(super::Fetch),
        #[prost(message, tag = "4")]
        Fetched(super::Fetched),
        /// Asks for the room's digest.
        #[prost(message, tag = "5")]
        DigestWanted(super::Nothing),
        /// Asks to be answered at once: it measures the way.
        #[prost(message, tag = "6")]
        Echo(super::Echo),
        #[prost(message, tag = "7")]
        Echoed(super::Echo),
    }
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Nothing {}

/// By the clock of the relay that asks, microseconds since it started.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Echo {
    #[prost(uint64, tag = "1")]
    pub asked_us: u64,
}

/// Asks for the current group of a stream, or what follows a frame of it.
#[derive(Clone, PartialEq, Message)]
pub struct Fetch {
    #[prost(message, optional, tag = "1")]
    pub stream: Option<Stream>,
    #[prost(message, optional, tag = "2")]
    pub after: Option<AfterFrame>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct AfterFrame {
    #[prost(uint32, tag = "1")]
    pub group: u32,
    #[prost(uint32, tag = "2")]
    pub frame: u32,
}

/// Frames that were asked for, in order, as on the wire: one of several parts, or all.
#[derive(Clone, PartialEq, Message)]
pub struct Fetched {
    #[prost(message, optional, tag = "1")]
    pub stream: Option<Stream>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub frames: Vec<Bytes>,
    /// This is not the last part.
    #[prost(bool, tag = "3")]
    pub more: bool,
}

/// To all relays, as JSON: this one exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    #[serde(flatten)]
    pub entry: RelayEntry,
    /// Which run of the relay.
    pub instance: u64,
    /// It stops: nobody is to be sent there any more.
    #[serde(default)]
    pub gone: bool,
    /// How far the other relays are from it.
    #[serde(default)]
    pub distances: Vec<Distance>,
}

/// An announcement, bytes of JSON: an entry, and the way to each of as many relays as a manifest may list.
const ANNOUNCEMENT_BYTES: usize = 8192 + limits::RELAYS * 256;

impl Announcement {
    /// Reads and checks one.
    ///
    /// # Errors
    /// Too long, or nothing that a manifest can list.
    pub fn from_json(json: &[u8]) -> Result<Self, DecodeError> {
        if json.len() > ANNOUNCEMENT_BYTES {
            return Err(DecodeError::TooLong { what: "announcement", len: json.len(), max: ANNOUNCEMENT_BYTES });
        }
        let read: Self = serde_json::from_slice(json).map_err(|error| DecodeError::Control(error.to_string()))?;
        let manifest = Manifest { relays: vec![read.entry.clone()], distances: read.distances.clone() };
        match Manifest::merge([manifest]) {
            Ok(_) => Ok(read),
            Err(error) => Err(DecodeError::Control(error.to_string())),
        }
    }
}

/// Reads a message of another relay.
///
/// # Errors
/// Over [`MAX_BYTES`], or malformed.
pub fn decode<M: Message + Default>(bytes: Bytes) -> Result<M, DecodeError> {
    if bytes.len() > MAX_BYTES {
        return Err(DecodeError::TooLong { what: "bus message", len: bytes.len(), max: MAX_BYTES });
    }
    M::decode(bytes).map_err(|error| DecodeError::Control(error.to_string()))
}
