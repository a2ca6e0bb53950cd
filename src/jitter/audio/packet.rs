//! What goes into the audio buffer and what comes out.

use bytes::Bytes;

use crate::proto::FrameNumber;

/// A packet as it came, decrypted and authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioIn {
    pub number: FrameNumber,
    /// µs on the sender's media clock.
    pub capture_us: u64,
    /// The encoder falls silent after this packet.
    pub dtx: bool,
    /// Opus, 20 ms.
    pub payload: Bytes,
}

/// What the mixer does for the next 20 ms of this participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pull {
    /// Decode and play.
    Packet(Bytes),
    /// The packet *after* the missing one, which carries it: decode with in-band FEC. It comes itself next.
    Recover(Bytes),
    /// Let the decoder make up a frame.
    Conceal,
    /// Make up a frame between two that are both there: the buffer grows. Asked for only while quiet.
    Insert,
    /// Decode both in order and play the second, faded in from the first: the buffer shrinks.
    Drop(Bytes, Bytes),
    /// Play nothing (fade what still rings): not started, DTX, paused, or a gap too long to make up.
    Silence,
}
