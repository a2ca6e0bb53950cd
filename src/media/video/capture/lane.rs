//! One size of what is sent: its encoder, when that makes key frames, and when a new one takes its place. Knows no clock and no
//! channel.

use std::time::{Duration, Instant};

use super::gate::KeyGate;
use crate::media::video::codec::Packet;
use crate::media::video::ladder::Share;
use crate::media::video::picture::I420;
use crate::media::video::sizes::Size;
use crate::media::video::{Codec, CodecError, VideoConfig, VideoEncoder};

/// Makes encoders.
pub type Make = fn(Codec, &VideoConfig) -> Result<Box<dyn VideoEncoder>, CodecError>;

/// Pictures in a row that cannot be encoded, each with a new encoder, before it is said.
pub const MOST_FAILURES: u32 = 3;
/// Waits before another encoder is tried from then on.
const BACK_OFF: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(10);
/// The first groups of the sizes differ by so much.
const APART: Duration = Duration::from_secs(3);

/// See the module.
pub struct Lane {
    pub size: Size,
    encoder: Option<(Codec, Share, Box<dyn VideoEncoder>)>,
    gate: KeyGate,
    /// Pictures in a row that could not be encoded.
    failures: u32,
    /// No encoder is tried before.
    again: Option<Instant>,
}

impl Lane {
    pub fn new(size: Size) -> Self {
        Self { size, encoder: None, gate: gate(&size), failures: 0, again: None }
    }

    /// Somebody needs a key frame.
    pub fn want_key(&mut self) {
        self.gate.request();
    }

    /// Nothing of it is sent for now: what comes later begins with a key frame, and until then an encoder is memory for nothing.
    pub fn rest(&mut self) {
        (self.encoder, self.gate) = (None, gate(&self.size));
    }

    /// Encodes a picture of this size. `Ok(None)`: the encoder left it out, or there is none for the moment.
    ///
    /// # Errors
    /// The encoder failed, and how many did in a row; the next one is made anew.
    pub fn encode(
        &mut self,
        make: Make,
        codec: Codec,
        share: Share,
        fps: u32,
        picture: (&I420, u64),
        now: Instant,
    ) -> Result<Option<Packet>, (CodecError, u32)> {
        if self.again.is_some_and(|again| now < again) {
            return Ok(None);
        }
        match self.try_encode(make, codec, share, fps, picture, now) {
            Ok(packet) => {
                (self.failures, self.again) = (0, None);
                Ok(packet)
            }
            Err(error) => {
                self.rest();
                self.failures = self.failures.saturating_add(1);
                if let Some(many) = self.failures.checked_sub(MOST_FAILURES) {
                    self.again = Some(now + (*BACK_OFF.start() * (1 << many.min(8))).min(*BACK_OFF.end()));
                }
                Err((error, self.failures))
            }
        }
    }

    fn try_encode(
        &mut self,
        make: Make,
        codec: Codec,
        share: Share,
        fps: u32,
        (picture, at_us): (&I420, u64),
        now: Instant,
    ) -> Result<Option<Packet>, CodecError> {
        let rate = if share.half { fps.div_ceil(2) } else { fps };
        let (_, has, encoder) = match &mut self.encoder {
            Some(open) if open.0 == codec => open,
            none => {
                let Size { width, height, .. } = self.size;
                let config = VideoConfig { width, height, fps: rate, bitrate_bps: share.bps, codec };
                none.insert((codec, share, make(codec, &config)?))
            }
        };
        let had = std::mem::replace(has, share);
        if had.bps != share.bps {
            encoder.set_bitrate(share.bps)?;
        }
        if had.half != share.half {
            encoder.set_fps(rate)?;
        }
        let packet = encoder.encode(picture, at_us, self.gate.due(now))?;
        if let Some(packet) = &packet {
            let takes = packet.data.len() as f64 * 8.0 / f64::from(share.bps.max(1));
            self.gate.made(now, packet.key, Duration::from_secs_f64(takes.min(60.0)));
        }
        Ok(packet)
    }
}

fn gate(size: &Size) -> KeyGate {
    KeyGate::early(APART * size.spatial.into())
}
