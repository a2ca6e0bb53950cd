//! One track of one peer on the decoder's thread: its buffer, its decoder, and when to ask for a key frame. Knows no
//! clock and no lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jitter::video::{VideoBuffer, VideoConfig, VideoIn, VideoStats};
use crate::media::video::picture::I420;
use crate::media::video::{Codec, VideoDecoder};
use crate::proto::{FrameNumber, SubgroupHead};

/// Key frames are asked for no closer together than this, whoever finds one missing.
const ASKED_APART: Duration = Duration::from_millis(300);
/// The buffer is looked at this often although nothing came: waiting for a frame ends by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A track of which nothing came for so long has ended: nothing more is asked of it.
const ENDED: Duration = Duration::from_secs(3);

/// What came of a frame, or of time that passed.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next picture.
    Picture(Arc<I420>),
    /// A picture was decoded that is older than the one that is shown: those after it need it.
    Passed,
    /// The peer is to be asked for a key frame of this spatial layer.
    KeyFrameNeeded { spatial: u8 },
}

/// A track.
pub struct Lane {
    buffer: VideoBuffer,
    /// None until a key frame is to be decoded, and again after an error.
    decoder: Option<(Codec, Box<dyn VideoDecoder>)>,
    /// Capture time of the picture that is shown, µs, and its spatial layer.
    shown: Option<(u64, u8)>,
    asked: Option<Instant>,
    /// When a frame last came.
    heard: Option<Instant>,
    /// When the buffer was last looked at.
    looked: Option<Instant>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            buffer: VideoBuffer::new(VideoConfig::default()),
            decoder: None,
            shown: None,
            asked: None,
            heard: None,
            looked: None,
        }
    }
}

impl Lane {
    /// A frame came.
    pub fn push(&mut self, frame: VideoIn, arrived: Instant) {
        self.buffer.push(arrived, frame);
        self.heard = self.heard.max(Some(arrived));
    }

    /// See [`VideoBuffer::gave_up`].
    pub fn gave_up(&mut self, head: &SubgroupHead) {
        self.buffer.gave_up(head);
    }

    /// See [`VideoBuffer::moving`].
    pub fn moving(&mut self, until: Instant) {
        self.buffer.moving(until);
    }

    /// When [`Lane::advance`] may have something to do although nothing came.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (heard, looked) = (self.heard?, self.looked?);
        (looked < heard + ENDED).then_some(looked + LOOK_AGAIN)
    }

    /// The buffer's figures.
    pub fn stats(&self, now: Instant) -> VideoStats {
        self.buffer.stats(now)
    }

    /// See [`VideoBuffer::last`].
    pub fn last(&self) -> Option<(u8, FrameNumber, FrameNumber)> {
        self.buffer.last()
    }

    /// Decodes what is ready. To be called after every push and at every timeout.
    pub fn advance(&mut self, now: Instant, outcomes: &mut Vec<Outcome>) {
        self.looked = Some(now);
        while let Some(frame) = self.buffer.pop(now) {
            self.decode(&frame, now, outcomes);
        }
        if let Some(request) = self.buffer.needs_key(now) {
            self.ask(request.spatial, now, outcomes);
        }
    }

    fn decode(&mut self, frame: &VideoIn, now: Instant, outcomes: &mut Vec<Outcome>) {
        let header = &frame.header;
        let codec = Codec::of(&frame.payload);
        let has = self.decoder.as_ref().map(|(codec, _)| *codec);
        if has != codec {
            // A sender changes what it writes at a key frame.
            self.decoder = codec.filter(|_| header.key).and_then(open);
        }
        // Of two pictures of one moment the larger is the later.
        let place = (header.capture_us, header.layer.spatial);
        let result = self.decoder.as_mut().map(|(_, decoder)| decoder.decode(&frame.payload));
        match result {
            Some(Ok(Some(_))) if self.shown.is_some_and(|shown| place < shown) => outcomes.push(Outcome::Passed),
            Some(Ok(Some(picture))) => {
                self.shown = Some(place);
                outcomes.push(Outcome::Picture(Arc::new(picture)));
            }
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

fn open(codec: Codec) -> Option<(Codec, Box<dyn VideoDecoder>)> {
    let opened = codec.decoder();
    let opened = opened.inspect_err(|error| tracing::error!(%error, codec = codec.name(), "no decoder"));
    Some((codec, opened.ok()?))
}
