//! The head of the media that a bench or a test sends.

use std::time::Instant;

use nearcall::clock;
use nearcall::proto::{Layer, MediaHeader, ParticipantId, Track};

/// For a packet or a frame that is captured now by a clock that began at `start`.
pub fn header(start: Instant, track: Track, frame: u32, since_key: u16) -> MediaHeader {
    MediaHeader {
        track,
        layer: Layer::default(),
        key: since_key == 0,
        discardable: false,
        dtx: false,
        participant: ParticipantId(7),
        frame,
        since_key,
        capture_us: clock::now().saturating_duration_since(start).as_micros() as u64,
    }
}
