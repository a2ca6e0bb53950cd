//! One track of one peer on the decoder's thread: its buffer, its decoder, and when to ask for a key frame. Knows no
//! clock and no lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jitter::video::{VideoBuffer, VideoConfig, VideoIn, VideoStats};
use crate::media::sync::{Heard, Lips};
use crate::media::video::picture::I420;
use crate::media::video::{Codec, VideoDecoder};
use crate::proto::{FrameNumber, SubgroupHead};

/// Key frames are asked for no closer together than this, whoever finds one missing.
const ASKED_APART: Duration = Duration::from_millis(300);
/// The buffer is looked at this often although nothing came: waiting for a frame ends by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A track of which nothing came for so long has ended: nothing more is asked of it.
const ENDED: Duration = Duration::from_secs(3);

/// Frames that wait for their sound at most; then the oldest is shown before it.
const MOST_HELD: usize = 15;

/// What came of a frame, or of time that passed.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next picture, and its capture time, µs.
    Picture(Arc<I420>, u64),
    /// A picture was decoded that is older than the one that is shown: those after it need it.
    Passed,
    /// The peer is to be asked for a key frame of this spatial layer.
    KeyFrameNeeded { spatial: u8 },
}

/// A track.
pub struct Lane {
    buffer: VideoBuffer,
    /// Coded frames in decode order that wait for their sound, and when each came out of the buffer.
    held: VecDeque<(VideoIn, Instant)>,
    lips: Lips,
    /// What decoding takes, smoothed: a frame is begun with so much before its time.
    takes: Duration,
    /// How much later than its sound a picture is ready, smoothed, µs.
    late_us: Option<f64>,
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
            held: VecDeque::new(),
            lips: Lips::default(),
            takes: Duration::ZERO,
            late_us: None,
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
        let look = (looked < heard + ENDED).then_some(looked + LOOK_AGAIN);
        look.into_iter().chain(self.next_due(looked)).min()
    }

    /// What of the peer is heard: pictures go by it from now on.
    pub fn hear(&mut self, now: Instant, heard: Heard) {
        self.lips.hear(now, heard);
    }

    /// A picture of `capture_us` was shown. Gives how far that was from its sound, µs: see [`Lips::offset_us`].
    pub fn shown(&self, capture_us: u64, at: Instant) -> Option<i64> {
        self.lips.offset_us(capture_us, at)
    }

    /// Decoding a picture took so long.
    pub fn took(&mut self, time: Duration) {
        self.takes = (self.takes * 7 + time.min(LOOK_AGAIN)) / 8;
    }

    /// Frames that wait for their sound.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.held.len()
    }

    /// Nothing waits for its sound any more.
    pub fn release(&mut self) {
        self.lips = Lips::default();
    }

    /// How much later than their sound pictures are ready to be shown, ms; negative where they wait for it. `None` where
    /// nothing is heard.
    pub fn late_ms(&self) -> Option<f64> {
        self.late_us.map(|us| us / 1000.0)
    }

    fn compare(&mut self, capture_us: u64, now: Instant) {
        let late = self.lips.offset_us(capture_us, now + self.takes);
        self.late_us = late.map(|late| {
            let before = self.late_us.unwrap_or(late as f64);
            before + (late as f64 - before) / 30.0
        });
    }

    /// When the oldest of the frames that wait is to be decoded.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        let (frame, since) = self.held.front()?;
        let due = self.lips.due(now, frame.header.capture_us, *since);
        let hurry = self.held.len() > MOST_HELD;
        Some(if hurry { now } else { due.checked_sub(self.takes).unwrap_or(due) })
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
            self.compare(frame.header.capture_us, now);
            self.held.push_back((frame, now));
        }
        while self.next_due(now).is_some_and(|due| due <= now)
            && let Some((frame, _)) = self.held.pop_front()
        {
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
                outcomes.push(Outcome::Picture(Arc::new(picture), header.capture_us));
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
