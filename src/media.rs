//! Devices, codecs, pictures and sound: what is shared between audio and video.

pub mod video;

use std::time::Instant;

use bytes::Bytes;

use crate::proto::{Layer, ParticipantId, Track};

/// An encoded frame or packet, ready to be sealed.
#[derive(Debug, Clone)]
pub struct Encoded {
    pub track: Track,
    pub layer: Layer,
    pub key: bool,
    pub discardable: bool,
    pub dtx: bool,
    /// µs on the media clock.
    pub capture_us: u64,
    pub data: Bytes,
}

/// What a user has to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Device { what: Device, problem: Problem },
    DeviceBack { what: Device, name: String },
    KeyFrameNeeded { peer: ParticipantId, track: Track, spatial: u8 },
    FirstFrame { peer: ParticipantId, track: Track },
    Failed { what: Option<Device>, message: String },
    Ended { what: Device },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    Microphone,
    Speaker,
    Camera,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    Missing,
    Denied,
    Busy,
    Unplugged,
    Other(String),
}

/// One clock for audio and video.
#[derive(Debug, Clone, Copy)]
pub struct MediaClock {
    start: Instant,
}

impl MediaClock {
    pub fn start() -> Self {
        Self { start: crate::clock::now() }
    }

    pub fn now_us(&self) -> u64 {
        self.us_at(crate::clock::now())
    }

    pub fn us_at(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_micros() as u64
    }
}
