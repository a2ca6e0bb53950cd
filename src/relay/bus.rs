//! What joins relays: media and control of the rooms that several of them have, and who else there is.
//!
//! Used by `forward` and `rooms`. Sending never waits: where the bus is slower than the call, messages are dropped and
//! counted, and local calls go on. What comes in comes through one bounded channel of [`Event`]s.
//! Must never: decide who gets what. It carries.

pub mod local;
pub mod message;
pub mod nats;

use std::fmt;

use bytes::Bytes;
use tokio::sync::mpsc;

use self::message::{DirectMessage, RoomMessage};
use super::router::Interest;
use crate::proto::manifest::RelayEntry;
use crate::proto::subgroup::VideoFrame;
use crate::proto::{RelayInstance, Track};

pub use self::local::Hub;

/// Events that may wait for the relay: two seconds of a large room.
const EVENTS: usize = 8192;

/// A room, as relays name it to one another: the first half of the SHA-256 of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub [u8; 16]);

impl RoomId {
    pub fn of(name: &str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
        let half = digest.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
        Self(*half)
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// Which bus a relay is on.
#[derive(Debug, Clone)]
pub enum BusConfig {
    /// Relays of this process; alone on its hub, a relay is on its own.
    Local(Hub),
    /// The NATS server at this URL.
    Nats(String),
}

/// What is told to other relays.
#[derive(Debug, Clone)]
pub enum Message {
    /// An audio datagram without its type byte.
    Audio {
        room: RoomId,
        body: Bytes,
    },
    Video {
        room: RoomId,
        frame: VideoFrame,
    },
    Room {
        room: RoomId,
        message: RoomMessage,
    },
    Direct {
        to: RelayInstance,
        message: DirectMessage,
    },
    /// This relay exists, and where.
    Announce {
        entry: RelayEntry,
    },
}

impl Message {
    /// Whether it may be lost without harm: the next one comes in milliseconds.
    fn is_media(&self) -> bool {
        matches!(self, Message::Audio { .. } | Message::Video { .. })
    }

    /// The room that it is about, and what of it.
    fn layer(&self) -> Option<(RoomId, Track, u8)> {
        match self {
            Message::Audio { room, .. } => Some((*room, Track::Microphone, 0)),
            Message::Video { room, frame } => Some((*room, frame.header.track, frame.header.layer.spatial)),
            _ => None,
        }
    }
}

/// What comes from the bus.
#[derive(Debug)]
pub enum Event {
    Message(Message),
    /// The bus is there (again), or is lost.
    Connected(bool),
}

/// A relay's place on a bus.
#[derive(Debug)]
pub enum Bus {
    Local(local::Port),
    Nats(nats::Port),
}

impl Bus {
    /// Joins. A bus that is not there yet is waited for in the background.
    pub fn open(config: &BusConfig, id: &str, instance: RelayInstance) -> (Self, mpsc::Receiver<Event>) {
        let (events, incoming) = mpsc::channel(EVENTS);
        let bus = match config {
            BusConfig::Local(hub) => Bus::Local(hub.join(id, instance, events)),
            BusConfig::Nats(url) => Bus::Nats(nats::Port::open(url, id, instance, events)),
        };
        (bus, incoming)
    }

    /// Receives this of a room from here on, and its control; `None`: nothing at all.
    pub fn subscribe(&self, room: RoomId, interest: Option<Interest>) {
        match self {
            Bus::Local(port) => port.subscribe(room, interest),
            Bus::Nats(port) => port.subscribe(room, interest),
        }
    }

    /// Sends; never waits.
    pub fn send(&self, message: Message) {
        match self {
            Bus::Local(port) => port.send(message),
            Bus::Nats(port) => port.send(message),
        }
    }

    /// Messages that were dropped because the bus, or a reader on it, was slow.
    pub fn dropped(&self) -> u64 {
        match self {
            Bus::Local(port) => port.dropped(),
            Bus::Nats(port) => port.dropped(),
        }
    }
}
