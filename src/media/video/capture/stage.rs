//! From pictures to encoded frames: the encoder, when it makes key frames, and whether it is there at all. Called by the
//! thread of each source.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::mpsc::error::TrySendError;

use super::gate::KeyGate;
use super::{Control, Wires};
use crate::clock;
use crate::media::Encoded;
use crate::media::video::picture::I420;
use crate::media::video::{Codec, VideoConfig, VideoEncoder, VideoError, failed, tell};
use crate::proto::{Layer, Track};

/// Pictures in a row that cannot be encoded, each with a new encoder, before it is said.
const MOST_FAILURES: u32 = 3;

/// Room for an encoded picture.
pub enum Room {
    For(OwnedPermit<Encoded>),
    /// The owner wants none sent.
    Unwanted,
    /// The reader of the frames is behind.
    Full,
    /// Nobody reads them any more.
    Gone,
}

/// The encoder and when it makes key frames.
pub struct Stage {
    pub config: VideoConfig,
    pub wires: Wires,
    control: Arc<Control>,
    encoder: Option<Box<dyn VideoEncoder>>,
    gate: KeyGate,
    /// Pictures in a row that could not be encoded.
    failures: u32,
}

impl Stage {
    pub fn new(config: VideoConfig, wires: Wires, control: Arc<Control>) -> Self {
        Self { config, wires, control, encoder: None, gate: KeyGate::default(), failures: 0 }
    }

    /// Whether a picture may be encoded now.
    pub fn room(&mut self) -> Room {
        if !self.control.sends() {
            // Whoever is sent to later begins with a key frame, and until then an encoder is memory for nothing.
            (self.encoder, self.gate) = (None, KeyGate::default());
            return Room::Unwanted;
        }
        match self.wires.out.clone().try_reserve_owned() {
            Ok(permit) => Room::For(permit),
            Err(TrySendError::Full(_)) => Room::Full,
            Err(TrySendError::Closed(_)) => Room::Gone,
        }
    }

    /// Encodes a picture taken at `at` and sends it where there is room.
    pub fn send(&mut self, room: Room, picture: &I420, at: Instant) {
        if let Room::For(permit) = room
            && let Some(encoded) = self.encode(picture, at)
        {
            permit.send(encoded);
        }
    }

    /// Encodes a picture taken at `at`. An encoder that fails is replaced at the next picture.
    fn encode(&mut self, picture: &I420, at: Instant) -> Option<Encoded> {
        let capture_us = self.wires.clock.us_at(at);
        match self.try_encode(picture, capture_us) {
            Ok(encoded) => {
                self.failures = 0;
                encoded
            }
            Err(error) => {
                self.encoder = None;
                self.failures = self.failures.saturating_add(1);
                tracing::warn!(%error, failures = self.failures, "a picture is not encoded");
                if self.failures == MOST_FAILURES {
                    tell(&self.wires.events, failed("video encoder", &error));
                }
                None
            }
        }
    }

    fn try_encode(&mut self, picture: &I420, capture_us: u64) -> Result<Option<Encoded>, VideoError> {
        let (key, bitrate_bps) = {
            let mut wishes = self.control.lock();
            (std::mem::take(&mut wishes.key), wishes.bitrate_bps.take())
        };
        let now = clock::now();
        if key {
            self.gate.request();
        }
        if let Some(bps) = bitrate_bps {
            self.config.bitrate_bps = bps;
            if let Some(encoder) = &mut self.encoder {
                encoder.set_bitrate(bps)?;
            }
        }
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Codec::default().encoder(&self.config)?),
        };
        let Some(packet) = encoder.encode(picture, capture_us, self.gate.due(now))? else { return Ok(None) };
        self.gate.made(now, packet.key);
        Ok(Some(Encoded {
            track: Track::Camera,
            layer: Layer { spatial: 0, temporal: 0 },
            key: packet.key,
            discardable: false,
            dtx: false,
            capture_us,
            data: packet.data,
        }))
    }
}
