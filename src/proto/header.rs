//! The header of every media frame. It is the associated data of the frame's encryption, so nobody on the
//! way rewrites it.

use super::{DecodeError, FrameNumber, Layer, ParticipantId, Track};

/// The type byte of a WebSocket message, datagram or stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Control = 1,
    Probe = 2,
    ProbeReply = 3,
    Audio = 4,
    Video = 5,
    Subgroup = 6,
}

impl TryFrom<u8> for Kind {
    type Error = DecodeError;

    fn try_from(value: u8) -> Result<Self, DecodeError> {
        Ok(match value {
            1 => Kind::Control,
            2 => Kind::Probe,
            3 => Kind::ProbeReply,
            4 => Kind::Audio,
            5 => Kind::Video,
            6 => Kind::Subgroup,
            _ => return Err(DecodeError::Unknown { what: "kind", value: value.into() }),
        })
    }
}

/// What is readable of a frame without its key: 26 bytes.
///
/// | bytes | field |
/// | --- | --- |
/// | 1 | track |
/// | 1 | layer: spatial in the high half, temporal in the low |
/// | 1 | flags: 1 key frame, 2 discardable (nothing refers to it), 4 DTX (audio: silence follows) or layered (pictures) |
/// | 1 | reserved, 0 |
/// | 8 | participant |
/// | 4 | frame number |
/// | 2 | frames since the key frame of its group, 0 for a key frame and for audio |
/// | 8 | capture time, µs on the sender's media clock |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaHeader {
    pub track: Track,
    pub layer: Layer,
    /// The frame needs no other one.
    pub key: bool,
    /// No other frame needs it.
    pub discardable: bool,
    /// Audio: the encoder falls silent after this packet. Of pictures: see [`MediaHeader::is_layered`].
    pub dtx: bool,
    pub participant: ParticipantId,
    pub frame: FrameNumber,
    /// Frames since the key frame that this one goes back to.
    pub since_key: u16,
    /// µs on the sender's media clock, one clock for all its tracks.
    pub capture_us: u64,
}

impl MediaHeader {
    /// Bytes on the wire.
    pub const LEN: usize = 26;

    /// A picture of a sender whose temporal layers repeat 0, 2, 1, 2 from each key frame on, the highest of them discardable: whoever
    /// gets the base layer first, as it does over a link that is full, knows that nothing is missing before it has seen the others.
    pub fn is_layered(&self) -> bool {
        self.dtx && !self.track.is_audio()
    }

    /// Number of the key frame that heads this frame's group.
    pub fn group(&self) -> FrameNumber {
        self.frame.wrapping_sub(self.since_key.into())
    }

    /// The bytes, which are also the associated data of the frame's encryption.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = self.track as u8;
        out[1] = self.layer.to_byte();
        out[2] = u8::from(self.key) | u8::from(self.discardable) << 1 | u8::from(self.dtx) << 2;
        out[4..12].copy_from_slice(&self.participant.0.to_be_bytes());
        out[12..16].copy_from_slice(&self.frame.to_be_bytes());
        out[16..18].copy_from_slice(&self.since_key.to_be_bytes());
        out[18..26].copy_from_slice(&self.capture_us.to_be_bytes());
        out
    }

    /// Reads a header from the front of `bytes`. Unknown flags are ignored.
    ///
    /// # Errors
    /// Too few bytes, an unknown track or layer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Some(bytes) = bytes.first_chunk::<{ Self::LEN }>() else {
            return Err(DecodeError::Short { what: "media header", need: Self::LEN, have: bytes.len() });
        };
        let field =
            |range: std::ops::Range<usize>| bytes[range].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(Self {
            track: Track::try_from(bytes[0])?,
            layer: Layer::from_byte(bytes[1])?,
            key: bytes[2] & 1 != 0,
            discardable: bytes[2] & 2 != 0,
            dtx: bytes[2] & 4 != 0,
            participant: ParticipantId(field(4..12)),
            frame: field(12..16) as u32,
            since_key: field(16..18) as u16,
            capture_us: field(18..26),
        })
    }
}
