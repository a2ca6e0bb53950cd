//! Video on the wire: the head of a subgroup's stream, and a splitter that cuts the bytes behind it into frames.

use bytes::{BufMut, Bytes, BytesMut};

use super::{DecodeError, FrameNumber, Kind, Layer, MediaHeader, ParticipantId, Track, limits};

/// Says which frames a stream carries: track u8, layer u8, participant u64, group u32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubgroupHead {
    pub participant: ParticipantId,
    pub track: Track,
    pub layer: Layer,
    /// Number of the key frame that heads the group.
    pub group: FrameNumber,
}

impl SubgroupHead {
    /// Bytes with the type byte.
    pub const LEN: usize = 15;

    /// The subgroup that a frame belongs to.
    pub fn of(header: &MediaHeader) -> Self {
        Self { participant: header.participant, track: header.track, layer: header.layer, group: header.group() }
    }

    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = Kind::Subgroup as u8;
        out[1] = self.track as u8;
        out[2] = self.layer.to_byte();
        out[3..11].copy_from_slice(&self.participant.0.to_be_bytes());
        out[11..15].copy_from_slice(&self.group.to_be_bytes());
        out
    }

    /// Reads what follows the type byte.
    pub fn from_body(body: &[u8]) -> Result<Self, DecodeError> {
        let Some([track, layer, rest @ ..]) = body.first_chunk::<{ Self::LEN - 1 }>() else {
            return Err(DecodeError::Short { what: "subgroup head", need: Self::LEN - 1, have: body.len() });
        };
        let track = Track::try_from(*track)?;
        if track.is_audio() {
            return Err(DecodeError::Unknown { what: "video track", value: track as u64 });
        }
        let field =
            |range: std::ops::Range<usize>| rest[range].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(Self {
            participant: ParticipantId(field(0..8)),
            track,
            layer: Layer::from_byte(*layer)?,
            group: field(8..12) as u32,
        })
    }
}

/// A video frame: its header and its sealed payload, and the bytes of both as they came.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    pub header: MediaHeader,
    /// Header and payload in one piece: what is forwarded.
    pub bytes: Bytes,
    /// The same with its length in front, where it came or was made so: many streams share it.
    framed: Option<Bytes>,
}

impl PartialEq for VideoFrame {
    fn eq(&self, other: &Self) -> bool {
        self.header == other.header && self.bytes == other.bytes
    }
}

impl Eq for VideoFrame {}

impl VideoFrame {
    /// A frame from its parts.
    pub fn new(header: MediaHeader, payload: &[u8]) -> Self {
        let len = MediaHeader::LEN + payload.len();
        let mut framed = BytesMut::with_capacity(4 + len);
        framed.put_u32(len as u32);
        framed.put_slice(&header.to_bytes());
        framed.put_slice(payload);
        let framed = framed.freeze();
        Self { header, bytes: framed.slice(4..), framed: Some(framed) }
    }

    /// Reads header and payload.
    ///
    /// # Errors
    /// Too short, too long, or a header of an audio track.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        if bytes.len() > limits::VIDEO_FRAME_BYTES {
            return Err(DecodeError::TooLong { what: "video frame", len: bytes.len(), max: limits::VIDEO_FRAME_BYTES });
        }
        let header = MediaHeader::from_bytes(&bytes)?;
        if header.track.is_audio() {
            return Err(DecodeError::Unknown { what: "video track", value: header.track as u64 });
        }
        Ok(Self { header, bytes, framed: None })
    }

    /// What a stream carries of it: its length and its bytes, in one piece or two.
    pub fn framed(&self) -> [Bytes; 2] {
        match &self.framed {
            Some(framed) => [Bytes::new(), framed.clone()],
            None => [Bytes::copy_from_slice(&(self.bytes.len() as u32).to_be_bytes()), self.bytes.clone()],
        }
    }

    /// The sealed payload.
    pub fn payload(&self) -> Bytes {
        self.bytes.slice(MediaHeader::LEN..)
    }
}

/// Cuts the bytes of a subgroup's stream, behind its head, into frames.
#[derive(Debug, Default)]
pub struct FrameSplitter {
    buffer: BytesMut,
}

impl FrameSplitter {
    /// Takes in bytes as they arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes came.
    ///
    /// # Errors
    /// A length over [`limits::VIDEO_FRAME_BYTES`] or a bad header: the stream cannot be read on.
    pub fn next_frame(&mut self) -> Result<Option<VideoFrame>, DecodeError> {
        let Some(len) = self.buffer.first_chunk::<4>().map(|len| u32::from_be_bytes(*len) as usize) else {
            return Ok(None);
        };
        if len > limits::VIDEO_FRAME_BYTES {
            return Err(DecodeError::TooLong { what: "video frame", len, max: limits::VIDEO_FRAME_BYTES });
        }
        if self.buffer.len() < 4 + len {
            return Ok(None);
        }
        let framed = self.buffer.split_to(4 + len).freeze();
        let frame = VideoFrame::from_bytes(framed.slice(4..))?;
        Ok(Some(VideoFrame { framed: Some(framed), ..frame }))
    }
}
