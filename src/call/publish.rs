//! What we send: numbers, seals and packs encoded frames, and keeps the last of them for a link that takes over.
//!
//! Outlives every link: frame numbers, keys and counters go on through each move, so that a receiver sees one
//! participant. A frame is sealed once and the same bytes go over every link that carries it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::crypto::frame::{SealError, Sealer};
use crate::media::Encoded;
use crate::net::LinkSender;
use crate::proto::datagram::{self, AudioPacket};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{FrameNumber, MediaHeader, ParticipantId, Track};

/// What a new link gets of what the dead one may have lost: the time in which a death is noticed, and a round trip.
const HISTORY: Duration = Duration::from_millis(1500);
/// Frames that history holds at most, over all layers.
const HISTORY_FRAMES: usize = 256;

/// A frame ready for any link.
#[derive(Debug, Clone)]
pub enum Packed {
    /// Without and with the packet before it.
    Audio {
        plain: Bytes,
        doubled: Bytes,
    },
    Video(VideoFrame),
}

/// See the module.
#[derive(Debug)]
pub struct Publisher {
    participant: ParticipantId,
    /// Next number, and number of the latest key frame, by track and size.
    numbers: BTreeMap<(Track, u8), (FrameNumber, FrameNumber)>,
    before: Option<AudioPacket>,
    history: VecDeque<(Instant, VideoFrame)>,
}

impl Publisher {
    /// A publisher that has sent nothing.
    pub fn new(participant: ParticipantId) -> Self {
        Self { participant, numbers: BTreeMap::new(), before: None, history: VecDeque::new() }
    }

    /// Numbers, seals and packs a frame.
    ///
    /// # Errors
    /// The frame is too long, or the key is used up.
    pub fn pack(&mut self, now: Instant, sealer: &Sealer, encoded: &Encoded) -> Result<Packed, SealError> {
        let header = self.next_header(encoded);
        let payload = sealer.seal(&header, &encoded.data)?;
        if header.track.is_audio() {
            let packet = AudioPacket { header, payload: payload.into() };
            let too_long =
                |_| SealError::TooLong { len: encoded.data.len(), max: crate::proto::limits::AUDIO_DATAGRAM_BYTES };
            let plain = datagram::encode(&packet, None).map_err(too_long)?;
            let doubled = datagram::encode(&packet, self.before.as_ref()).map_err(too_long)?;
            self.before = Some(packet);
            return Ok(Packed::Audio { plain, doubled });
        }
        let frame = VideoFrame::new(header, &payload);
        self.history.push_back((now, frame.clone()));
        while self.history.len() > HISTORY_FRAMES
            || self.history.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > HISTORY)
        {
            self.history.pop_front();
        }
        Ok(Packed::Video(frame))
    }

    fn next_header(&mut self, encoded: &Encoded) -> MediaHeader {
        let (next, key) = self.numbers.entry((encoded.track, encoded.layer.spatial)).or_default();
        let frame = *next;
        *next = next.wrapping_add(1);
        if encoded.key || encoded.track.is_audio() {
            *key = frame;
        }
        MediaHeader {
            track: encoded.track,
            layer: encoded.layer,
            key: encoded.key,
            discardable: encoded.discardable,
            dtx: encoded.dtx,
            participant: self.participant,
            frame,
            since_key: u16::try_from(frame.wrapping_sub(*key)).unwrap_or(u16::MAX),
            capture_us: encoded.capture_us,
        }
    }

    /// Sends again what was packed since `since`, for a link that takes over from a dead one. False where that may not
    /// suffice: the history does not go back so far.
    pub fn replay(&self, since: Instant, link: &LinkSender) -> bool {
        for (_, frame) in self.history.iter().filter(|(at, _)| *at >= since) {
            link.video(frame.clone());
        }
        self.history.front().is_none_or(|(at, frame)| *at <= since || frame.header.frame == 0)
    }
}

impl Packed {
    /// Sends the frame over a link; audio with the packet before it where the path is in doubt.
    pub fn send(&self, link: &LinkSender, doubt: bool) {
        match self {
            Packed::Audio { plain, doubled } => link.audio(if doubt { doubled.clone() } else { plain.clone() }),
            Packed::Video(frame) => link.video(frame.clone()),
        }
    }

    pub fn is_audio(&self) -> bool {
        matches!(self, Packed::Audio { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::RoomSecret;
    use crate::proto::Layer;

    fn encoded(track: Track, key: bool) -> Encoded {
        Encoded {
            track,
            layer: Layer::default(),
            key,
            discardable: false,
            dtx: false,
            capture_us: 0,
            data: Bytes::from_static(b"data"),
        }
    }

    #[test]
    fn numbers_run_by_track_and_groups_begin_at_key_frames() {
        let rng = ring::rand::SystemRandom::new();
        let sealer = Sealer::new(&RoomSecret::of_room("r"), "r", ParticipantId(1), &rng).unwrap();
        let mut publisher = Publisher::new(ParticipantId(1));
        let now = crate::clock::now();
        let mut groups = Vec::new();
        for key in [true, false, false, true, false] {
            publisher.pack(now, &sealer, &encoded(Track::Microphone, true)).unwrap();
            match publisher.pack(now, &sealer, &encoded(Track::Camera, key)).unwrap() {
                Packed::Video(frame) => groups.push((frame.header.frame, frame.header.group())),
                Packed::Audio { .. } => unreachable!("the camera is no microphone"),
            }
        }
        assert_eq!(groups, [(0, 0), (1, 0), (2, 0), (3, 3), (4, 3)]);
    }

    #[test]
    fn a_doubled_datagram_holds_the_packet_before() {
        let rng = ring::rand::SystemRandom::new();
        let sealer = Sealer::new(&RoomSecret::of_room("r"), "r", ParticipantId(1), &rng).unwrap();
        let mut publisher = Publisher::new(ParticipantId(1));
        let now = crate::clock::now();
        publisher.pack(now, &sealer, &encoded(Track::Microphone, true)).unwrap();
        let Packed::Audio { plain, doubled } = publisher.pack(now, &sealer, &encoded(Track::Microphone, true)).unwrap()
        else {
            unreachable!("a microphone gives audio")
        };
        let numbers = |datagram: Bytes| -> Vec<_> {
            datagram::decode(&datagram.slice(1..)).unwrap().iter().map(|packet| packet.header.frame).collect()
        };
        assert_eq!((numbers(plain), numbers(doubled)), (vec![1], vec![1, 0]));
    }
}
