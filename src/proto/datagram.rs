//! Audio on the wire: one datagram (or WebSocket message) holds the newest packet and, where the path is in
//! doubt, the one before, each whole, so a lost datagram costs nothing when the next one arrives.

use bytes::{BufMut, Bytes, BytesMut};

use super::{DecodeError, Kind, MediaHeader, limits};

/// One audio packet: its header and its sealed payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    pub header: MediaHeader,
    pub payload: Bytes,
}

impl AudioPacket {
    fn len(&self) -> usize {
        MediaHeader::LEN + 2 + self.payload.len()
    }
}

/// The bytes of a datagram, with the type byte: the packets newest first. The second is left out where both
/// do not fit.
///
/// # Errors
/// The newest packet alone is over [`limits::AUDIO_DATAGRAM_BYTES`].
pub fn encode(newest: &AudioPacket, before: Option<&AudioPacket>) -> Result<Bytes, DecodeError> {
    let max = limits::AUDIO_DATAGRAM_BYTES;
    let len = 1 + newest.len();
    if len > max {
        return Err(DecodeError::TooLong { what: "audio packet", len, max });
    }
    let before = before.filter(|before| len + before.len() <= max);
    let mut out = BytesMut::with_capacity(len + before.map_or(0, AudioPacket::len));
    out.put_u8(Kind::Audio as u8);
    for packet in [Some(newest), before].into_iter().flatten() {
        out.put_slice(&packet.header.to_bytes());
        out.put_u16(packet.payload.len() as u16);
        out.put_slice(&packet.payload);
    }
    Ok(out.freeze())
}

/// Reads what follows the type byte; the payloads share `body`'s memory.
///
/// # Errors
/// Cut short, no packet, more than [`limits::AUDIO_PACKETS`], or a header that is not of an audio track.
pub fn decode(body: &Bytes) -> Result<Vec<AudioPacket>, DecodeError> {
    if body.len() >= limits::AUDIO_DATAGRAM_BYTES {
        return Err(DecodeError::TooLong {
            what: "audio datagram",
            len: body.len(),
            max: limits::AUDIO_DATAGRAM_BYTES - 1,
        });
    }
    let mut packets = Vec::with_capacity(limits::AUDIO_PACKETS);
    let mut at = 0;
    while at < body.len() || packets.is_empty() {
        if packets.len() == limits::AUDIO_PACKETS {
            return Err(DecodeError::TooLong {
                what: "packets in an audio datagram",
                len: packets.len() + 1,
                max: limits::AUDIO_PACKETS,
            });
        }
        let header = MediaHeader::from_bytes(&body[at..])?;
        if !header.track.is_audio() {
            return Err(DecodeError::Unknown { what: "audio track", value: header.track as u64 });
        }
        at += MediaHeader::LEN;
        let have = body.len() - at;
        let Some(len) = body[at..].first_chunk::<2>().map(|len| usize::from(u16::from_be_bytes(*len))) else {
            return Err(DecodeError::Short { what: "audio length", need: 2, have });
        };
        at += 2;
        if at + len > body.len() {
            return Err(DecodeError::Short { what: "audio payload", need: len, have: have - 2 });
        }
        packets.push(AudioPacket { header, payload: body.slice(at..at + len) });
        at += len;
    }
    Ok(packets)
}
