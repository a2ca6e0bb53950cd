//! What joins relays: media and control of the rooms that several of them have, and who else there is.
//!
//! Used by `forward` and `rooms`. Sending never waits: where the bus is slower than the call, messages are dropped and
//! counted, and local calls go on. What comes in comes through one bounded channel of [`Event`]s.
//! Must never: decide who gets what. It carries.

pub mod local;
pub mod message;
pub mod nats;
mod stamp;
pub mod stats;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use self::message::{Announcement, DirectMessage, RoomMessage, room_message};
use super::router::Interest;
use crate::proto::subgroup::VideoFrame;
use crate::proto::{RelayInstance, Track};

pub use self::local::Hub;
pub use self::nats::{NatsConfig, NatsError};
pub use self::stats::{Direction, Kind, Stats};

/// Events that may wait for the relay: two seconds of a large room.
const EVENTS: usize = 8192;

/// Media that is later than this is worth nothing to anybody.
const LATE_MEDIA: Duration = Duration::from_millis(500);
/// Membership that is later than this was told anew meanwhile.
const LATE_CONTROL: Duration = Duration::from_millis(2500);
/// What people wrote is wanted even so.
const LATE_WORDS: Duration = Duration::from_secs(15);

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
    Nats(NatsConfig),
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
        message: Box<RoomMessage>,
    },
    Direct {
        to: RelayInstance,
        message: DirectMessage,
    },
    Announce(Box<Announcement>),
}

impl Message {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Message::Audio { .. } => Kind::Audio,
            Message::Video { .. } => Kind::Video,
            Message::Room { .. } => Kind::Room,
            Message::Direct { .. } => Kind::Direct,
            Message::Announce(_) => Kind::Announce,
        }
    }

    /// Whether it may be lost without harm: the next one comes in milliseconds.
    fn is_media(&self) -> bool {
        matches!(self, Message::Audio { .. } | Message::Video { .. })
    }

    /// Held up for longer than this it is dropped.
    fn patience(&self) -> Duration {
        match self {
            Message::Audio { .. } | Message::Video { .. } => LATE_MEDIA,
            Message::Room { message, .. } if matches!(message.body, Some(room_message::Body::Sealed(_))) => LATE_WORDS,
            _ => LATE_CONTROL,
        }
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
    Local(Box<local::Port>),
    Nats(nats::Port),
}

impl Bus {
    /// Joins. A bus that is not there yet is waited for in the background.
    pub fn open(config: &BusConfig, id: &str, instance: RelayInstance) -> (Self, mpsc::Receiver<Event>) {
        let (events, incoming) = mpsc::channel(EVENTS);
        let bus = match config {
            BusConfig::Local(hub) => Bus::Local(hub.join(id, instance, events).into()),
            BusConfig::Nats(nats) => Bus::Nats(nats::Port::open(nats, id, instance, events)),
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

    /// Waits until what was said is on its way, for half a second at most: a relay that stops is heard to the end.
    pub async fn flush(&self) {
        match self {
            Bus::Local(_) => {}
            Bus::Nats(port) => port.flush().await,
        }
    }

    /// What it carried so far, and what it dropped because the bus, or a reader on it, was slow.
    pub fn stats(&self) -> Stats {
        match self {
            Bus::Local(port) => port.stats(),
            Bus::Nats(port) => port.stats(),
        }
    }
}
