//! Subjects, and what stands behind them.
//!
//! | subject | payload, before its stamp |
//! | --- | --- |
//! | `nearcall.v1.ROOM.audio` | an audio datagram without its type byte |
//! | `nearcall.v1.ROOM.video.TRACK.SPATIAL` | a video frame: header and payload |
//! | `nearcall.v1.ROOM.ctl` | [`RoomMessage`](crate::relay::bus::message::RoomMessage) |
//! | `nearcall.v1.relay.INSTANCE` | [`DirectMessage`](crate::relay::bus::message::DirectMessage) |
//! | `nearcall.v1.relays` | [`Announcement`], JSON |
//!
//! ROOM is [`RoomId`] in hexadecimal.

use std::collections::HashMap;

use async_nats::Subject;
use bytes::Bytes;
use prost::Message as _;

use crate::proto::subgroup::VideoFrame;
use crate::proto::{RelayInstance, Track, limits};
use crate::relay::bus::message::{Announcement, decode};
use crate::relay::bus::{Message, RoomId};

/// Subjects that are kept ready: those of a thousand rooms.
const KEPT: usize = 4096;

/// What a subscription is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Topic {
    /// To this relay alone.
    Own,
    /// Announcements.
    Relays,
    Control(RoomId),
    Audio(RoomId),
    Video(RoomId, Track, u8),
}

impl Topic {
    pub(super) fn layer(room: RoomId, track: Track, spatial: u8) -> Self {
        if track.is_audio() { Topic::Audio(room) } else { Topic::Video(room, track, spatial) }
    }
}

/// The subject of a topic; `instance` is whom [`Topic::Own`] is about.
pub(super) fn write(topic: Topic, instance: RelayInstance) -> Subject {
    match topic {
        Topic::Own => format!("nearcall.v1.relay.{instance}").into(),
        Topic::Relays => Subject::from_static("nearcall.v1.relays"),
        Topic::Control(room) => format!("nearcall.v1.{room}.ctl").into(),
        Topic::Audio(room) => format!("nearcall.v1.{room}.audio").into(),
        Topic::Video(room, track, spatial) => format!("nearcall.v1.{room}.video.{}.{spatial}", track.name()).into(),
    }
}

/// Bytes of a message of media, 0 of any other.
pub(super) fn media_bytes(message: &Message) -> usize {
    match message {
        Message::Audio { body, .. } => body.len(),
        Message::Video { frame, .. } => frame.bytes.len(),
        _ => 0,
    }
}

/// A message that came for a topic. What cannot be read is skipped: another version may have written it.
pub(super) fn read(topic: Topic, payload: Bytes, instance: RelayInstance) -> Option<Message> {
    match topic {
        Topic::Own => Some(Message::Direct { to: instance, message: decode(payload).ok()? }),
        Topic::Relays => Some(Message::Announce(Announcement::from_json(&payload).ok()?.into())),
        Topic::Control(room) => Some(Message::Room { room, message: Box::new(decode(payload).ok()?) }),
        Topic::Audio(room) => {
            (payload.len() < limits::AUDIO_DATAGRAM_BYTES).then_some(Message::Audio { room, body: payload })
        }
        Topic::Video(room, ..) => Some(Message::Video { room, frame: VideoFrame::from_bytes(payload).ok()? }),
    }
}

/// Subjects that were written before: a frame should not cost a string.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    rooms: HashMap<Topic, Subject>,
}

impl Subjects {
    /// Where a message goes and what of it; `None` where it cannot be written.
    pub(super) fn write(&mut self, message: &Message) -> Option<(Subject, Bytes)> {
        Some(match message {
            Message::Audio { room, body } => (self.of(Topic::Audio(*room)), body.clone()),
            Message::Video { room, frame } => {
                let topic = Topic::layer(*room, frame.header.track, frame.header.layer.spatial);
                (self.of(topic), frame.bytes.clone())
            }
            Message::Room { room, message } => (self.of(Topic::Control(*room)), message.encode_to_vec().into()),
            Message::Direct { to, message } => (write(Topic::Own, *to), message.encode_to_vec().into()),
            Message::Announce(announcement) => {
                let json = serde_json::to_vec(announcement);
                let json = json.inspect_err(|error| tracing::warn!(%error, "the announcement cannot be written"));
                (self.of(Topic::Relays), json.ok()?.into())
            }
        })
    }

    fn of(&mut self, topic: Topic) -> Subject {
        if self.rooms.len() >= KEPT {
            self.rooms.clear();
        }
        self.rooms.entry(topic).or_insert_with(|| write(topic, RelayInstance(0))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: RelayInstance = RelayInstance(0);

    #[test]
    fn subjects_say_room_kind_and_layer() {
        let room = RoomId([0xab; 16]);
        let hex = "ab".repeat(16);
        let subject = |topic| write(topic, NOBODY).to_string();
        assert_eq!(subject(Topic::Control(room)), format!("nearcall.v1.{hex}.ctl"));
        assert_eq!(subject(Topic::layer(room, Track::Microphone, 0)), format!("nearcall.v1.{hex}.audio"));
        assert_eq!(subject(Topic::layer(room, Track::Camera, 2)), format!("nearcall.v1.{hex}.video.camera.2"));
    }

    #[test]
    fn what_cannot_be_read_is_skipped() {
        let room = RoomId([1; 16]);
        assert!(read(Topic::Control(room), Bytes::from_static(&[0xff; 8]), NOBODY).is_none());
        assert!(read(Topic::Video(room, Track::Camera, 0), Bytes::from_static(&[9; 40]), NOBODY).is_none());
        assert!(read(Topic::Relays, Bytes::from_static(b"{\"id\": 3}"), NOBODY).is_none());
    }
}
