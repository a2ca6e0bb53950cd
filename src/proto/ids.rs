//! Names for who and what: participants, relays, tracks, layers.

use std::fmt;

use super::DecodeError;

/// One running instance of the app in a room: 64 random bits, kept through every link and region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(pub u64);

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One run of a relay process: 64 random bits. Two answers with different instances come from different
/// processes, whatever address they were asked at (anycast, a restart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayInstance(pub u64);

impl fmt::Display for RelayInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Number of a frame (video) or packet (audio) within (participant, track, spatial size), from 0, by ones.
pub type FrameNumber = u32;

/// What a participant sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Track {
    /// Voice. 20 ms of Opus a packet.
    Microphone = 0,
    /// The camera.
    Camera = 1,
    /// A shared screen or window.
    Screen = 2,
}

impl Track {
    /// Every track, in order of priority.
    pub const ALL: [Track; 3] = [Track::Microphone, Track::Camera, Track::Screen];

    /// True for the microphone.
    pub fn is_audio(self) -> bool {
        self == Track::Microphone
    }

    /// A short name, as used in bus subjects, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Track::Microphone => "microphone",
            Track::Camera => "camera",
            Track::Screen => "screen",
        }
    }
}

impl TryFrom<u8> for Track {
    type Error = DecodeError;

    fn try_from(value: u8) -> Result<Self, DecodeError> {
        Track::ALL
            .into_iter()
            .find(|track| *track as u8 == value)
            .ok_or(DecodeError::Unknown { what: "track", value: value.into() })
    }
}

/// Which of the sizes and frame rates of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Layer {
    /// 0 is the smallest picture; at most [`Layer::MAX_SPATIAL`].
    pub spatial: u8,
    /// 0 is the base layer, which every other one needs; at most [`Layer::MAX_TEMPORAL`].
    pub temporal: u8,
}

impl Layer {
    /// Largest spatial index.
    pub const MAX_SPATIAL: u8 = 2;
    /// Largest temporal index.
    pub const MAX_TEMPORAL: u8 = 2;

    /// One byte: the spatial index in the high half, the temporal in the low.
    pub fn to_byte(self) -> u8 {
        self.spatial << 4 | self.temporal
    }

    /// Reads [`Layer::to_byte`].
    pub fn from_byte(value: u8) -> Result<Self, DecodeError> {
        let layer = Layer { spatial: value >> 4, temporal: value & 15 };
        if layer.spatial > Self::MAX_SPATIAL || layer.temporal > Self::MAX_TEMPORAL {
            return Err(DecodeError::Unknown { what: "layer", value: value.into() });
        }
        Ok(layer)
    }
}

/// What a link rides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// HTTP/3 over QUIC over UDP.
    WebTransport,
    /// WebSocket over TLS over TCP.
    WebSocket,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::WebTransport => "webtransport",
            Transport::WebSocket => "websocket",
        })
    }
}
