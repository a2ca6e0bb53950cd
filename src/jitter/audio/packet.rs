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
    /// Decode, and play longer or shorter, as far as nobody hears it; [`super::AudioBuffer::stretched`] is told by how much.
    Stretch(Bytes, Stretch),
    /// The packet *after* the missing one, which carries it: decode with in-band FEC. It comes itself next.
    Recover(Bytes),
    /// Let the decoder make up a frame.
    Conceal,
    /// Play nothing (fade what still rings): not started, DTX, paused, or a gap too long to make up.
    Silence,
}

/// A wish for another length of what is played next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Above 0: about so much is to be put in. Below 0: so much is to be left out at most. µs.
    pub by_us: i64,
    pub haste: Haste,
}

/// How much a listener may hear of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// Nothing: it can wait.
    Unheard,
    /// A little: the delay is far from where it should be.
    Soon,
    /// Whatever it takes: no place was good enough for seconds.
    Now,
}
