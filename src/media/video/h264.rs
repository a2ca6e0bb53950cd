//! H.264 for cameras, by OpenH264, built from source. Made by [`super::codec::Codec`] alone.

use std::ffi::c_int;

use openh264::decoder::Decoder;
use openh264::encoder::{RateControlMode, UsageType};
use openh264::formats::YUVSource;
use openh264_sys2::AUTO_REF_PIC_COUNT;

use super::VideoConfig;
use super::codec::{CodecError, Packet, VideoDecoder, VideoEncoder};
use super::libopenh264::{self, Library};
use super::picture::{self, I420, I420View};
use crate::proto::{Layer, limits};

const TEMPORAL_LAYERS: c_int = Layer::MAX_TEMPORAL as c_int + 1;

/// One spatial size in three temporal layers: every second picture is in the highest and can be left out, every second of the
/// others in the middle one. Frames are not skipped to keep the rate, so that the barcodes of a test picture run without a hole;
/// the quantiser alone does it.
pub struct H264Encoder {
    library: Library,
    /// The size that the library is set up for.
    size: Option<(u32, u32)>,
    bitrate_bps: u32,
    fps: u32,
}

impl H264Encoder {
    /// An encoder for `config`'s rate; the size is each picture's own.
    ///
    /// # Errors
    /// The library cannot start.
    pub fn new(config: &VideoConfig) -> Result<Self, CodecError> {
        let (bitrate_bps, fps) = (clamp(config.bitrate_bps), config.fps.clamp(1, 120));
        let (usage, control) = (UsageType::CameraVideoRealTime, RateControlMode::Bitrate);
        let library = Library::open(libopenh264::settings(usage, control, bitrate_bps, fps as f32))?;
        Ok(Self { library, size: None, bitrate_bps, fps })
    }

    /// Sets the library up for a size. The crate does so in one temporal layer.
    fn begin(&mut self, width: u32, height: u32) -> Result<(), CodecError> {
        let (bitrate, fps) = (self.bitrate(), self.fps as f32);
        self.library.begin(width, height)?;
        self.library.change("temporal layers", |all| {
            all.iTemporalLayerNum = TEMPORAL_LAYERS;
            all.iNumRefFrame = AUTO_REF_PIC_COUNT;
            all.iTargetBitrate = bitrate;
            all.fMaxFrameRate = fps;
            all.sSpatialLayers[0].iSpatialBitrate = bitrate;
            all.sSpatialLayers[0].iMaxSpatialBitrate = bitrate;
            all.sSpatialLayers[0].fFrameRate = fps;
        })?;
        self.size = Some((width, height));
        Ok(())
    }

    fn bitrate(&self) -> c_int {
        c_int::try_from(self.bitrate_bps).unwrap_or(c_int::MAX)
    }
}

impl VideoEncoder for H264Encoder {
    fn encode(&mut self, picture: &I420, at_us: u64, key: bool) -> Result<Option<Packet>, CodecError> {
        let (width, height) = (picture.width(), picture.height());
        if !picture::size_is_sound(width, height) {
            return Err(CodecError::Size { width, height });
        }
        let begins = self.size != Some((width, height));
        if begins {
            self.begin(width, height)?;
        }
        let coded = self.library.encode(picture, at_us, key || begins)?;
        Ok(coded.map(|coded| {
            let temporal = coded.temporal.min(Layer::MAX_TEMPORAL);
            Packet { key: coded.key, temporal, discardable: temporal == Layer::MAX_TEMPORAL, data: coded.data }
        }))
    }

    fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError> {
        let before = std::mem::replace(&mut self.bitrate_bps, clamp(bps));
        if self.size.is_none() || self.bitrate_bps == before {
            return Ok(());
        }
        self.library.set_bitrate(self.bitrate(), self.bitrate_bps > before)
    }

    fn set_fps(&mut self, fps: u32) -> Result<(), CodecError> {
        let before = std::mem::replace(&mut self.fps, fps.clamp(1, 120));
        if self.size.is_none() || self.fps == before {
            return Ok(());
        }
        self.library.set_fps(self.fps as f32)
    }
}

/// Without error concealment: a lost reference gives an error, not a smeared picture.
pub struct H264Decoder {
    decoder: Decoder,
}

impl H264Decoder {
    /// A decoder that waits for a key frame.
    ///
    /// # Errors
    /// The library cannot start.
    pub fn new() -> Result<Self, CodecError> {
        Ok(Self { decoder: Decoder::new().map_err(decoder_error)? })
    }
}

impl VideoDecoder for H264Decoder {
    fn decode(&mut self, data: &[u8]) -> Result<Option<I420>, CodecError> {
        if data.is_empty() || data.len() > limits::VIDEO_FRAME_BYTES {
            return Err(CodecError::Decoder(format!("a frame of {} bytes", data.len())));
        }
        let Some(decoded) = self.decoder.decode(data).map_err(decoder_error)? else { return Ok(None) };
        let (width, height) = decoded.dimensions();
        let (width, height) = (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0));
        if u64::from(width) * u64::from(height) > picture::MAX_PIXELS || width < 2 || height < 2 {
            return Err(CodecError::Size { width, height });
        }
        let (y_stride, uv_stride, _) = decoded.strides();
        let view = I420View { width, height, y: decoded.y(), u: decoded.u(), v: decoded.v(), y_stride, uv_stride };
        view.to_picture().map(Some).ok_or_else(|| CodecError::Decoder("planes shorter than the picture".into()))
    }
}

/// What the library can be asked for, bits a second.
fn clamp(bps: u32) -> u32 {
    bps.clamp(10_000, 50_000_000)
}

fn decoder_error(error: openh264::Error) -> CodecError {
    CodecError::Decoder(error.to_string())
}
