//! One track of one peer on the decoder's thread: its order, its decoder, and when to ask for a key frame. Knows no
//! clock and no lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::VideoIn;
use super::order::{Order, Ready};
use crate::media::video::picture::I420;
use crate::media::video::{Codec, VideoDecoder};
use crate::proto::MediaHeader;

/// Key frames are asked for no closer together than this.
const ASKED_APART: Duration = Duration::from_millis(300);

/// What came of a frame, or of time that passed.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A frame went to the decoder: its header.
    Released(MediaHeader),
    /// The next picture.
    Picture(Arc<I420>),
    /// The peer is to be asked for a key frame of this spatial layer.
    KeyFrameNeeded { spatial: u8 },
}

/// A track.
#[derive(Default)]
pub struct Lane {
    order: Order,
    /// None until a key frame is to be decoded, and again after an error.
    decoder: Option<Box<dyn VideoDecoder>>,
    asked: Option<Instant>,
}

impl Lane {
    /// A frame came; false if it came before.
    pub fn push(&mut self, frame: VideoIn, arrived: Instant) -> bool {
        self.order.push(frame, arrived)
    }

    /// When [`Lane::advance`] has something to do although nothing came.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.order.poll_timeout()
    }

    /// Frames that are known to be lost.
    pub fn lost(&self) -> u64 {
        self.order.lost()
    }

    /// Decodes what is ready. To be called after every push and at every timeout, until `None`.
    pub fn advance(&mut self, now: Instant, outcomes: &mut Vec<Outcome>) {
        while let Some(ready) = self.order.pop(now) {
            match ready {
                Ready::Frame(frame) => self.decode(&frame, now, outcomes),
                Ready::KeyFrameNeeded { spatial } => {
                    self.decoder = None;
                    self.ask(spatial, now, outcomes);
                }
            }
        }
    }

    fn decode(&mut self, frame: &VideoIn, now: Instant, outcomes: &mut Vec<Outcome>) {
        let header = &frame.header;
        outcomes.push(Outcome::Released(*header));
        if header.key && self.decoder.is_none() {
            match Codec::default().decoder() {
                Ok(decoder) => self.decoder = Some(decoder),
                Err(error) => tracing::error!(%error, "no decoder"),
            }
        }
        let result = self.decoder.as_mut().map(|decoder| decoder.decode(&frame.payload));
        match result {
            Some(Ok(Some(picture))) => outcomes.push(Outcome::Picture(Arc::new(picture))),
            // A decoder that gave no picture has lost a reference, and gives none until a key frame.
            Some(Ok(None)) | None => {
                self.decoder = None;
                self.ask(header.layer.spatial, now, outcomes);
            }
            Some(Err(error)) => {
                tracing::debug!(peer = %header.participant, frame = header.frame, %error, "a frame is not decoded");
                self.decoder = None;
                self.ask(header.layer.spatial, now, outcomes);
            }
        }
    }

    fn ask(&mut self, spatial: u8, now: Instant, outcomes: &mut Vec<Outcome>) {
        if self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < ASKED_APART) {
            return;
        }
        self.asked = Some(now);
        outcomes.push(Outcome::KeyFrameNeeded { spatial });
    }
}
