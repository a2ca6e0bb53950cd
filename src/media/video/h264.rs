//! H.264 by OpenH264, built from source. Made by [`super::codec::Codec`] alone.

use std::ffi::c_int;
use std::mem::MaybeUninit;

use bytes::Bytes;
use openh264::decoder::Decoder;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, UsageType,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};

use super::VideoConfig;
use super::codec::{CodecError, Packet, VideoDecoder, VideoEncoder};
use super::picture::{self, I420, I420View};
use crate::proto::{Layer, limits};

/// One spatial size in three temporal layers: every second picture is in the highest and can be left out, every second of the
/// others in the middle one. Frames are not skipped to keep the rate, so that the barcodes of a test picture run without a hole;
/// the quantiser alone does it.
pub struct H264Encoder {
    encoder: Encoder,
    /// The size that the library is set up for. It has parameters only from its first picture on, and forgets some with a new size.
    size: Option<(u32, u32)>,
    bitrate_bps: u32,
    fps: u32,
    buffer: Vec<u8>,
}

impl H264Encoder {
    /// An encoder for `config`'s rate; the size is each picture's own.
    ///
    /// # Errors
    /// The library cannot start.
    pub fn new(config: &VideoConfig) -> Result<Self, CodecError> {
        let (bitrate_bps, fps) = (clamp(config.bitrate_bps), config.fps.clamp(1, 120));
        let settings = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .complexity(Complexity::Medium)
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(bitrate_bps))
            .max_frame_rate(FrameRate::from_hz(fps as f32))
            .intra_frame_period(IntraFramePeriod::from_num_frames(0))
            .num_threads(1)
            .skip_frames(false);
        let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), settings).map_err(encoder_error)?;
        let mut quiet: c_int = 0;
        // SAFETY: the option takes a pointer to an int, reads it before it returns, and is allowed before the first
        // picture. The crate sets it too, but after the library has written to stderr.
        #[expect(unsafe_code, reason = "the crate has no call that quiets the library before it speaks")]
        unsafe {
            encoder.raw_api().set_option(OPTION_TRACE_LEVEL, (&raw mut quiet).cast());
        }
        Ok(Self { encoder, size: None, bitrate_bps, fps, buffer: Vec::new() })
    }

    /// Sets the library up for a size. The crate does so with the first picture of that size, in one temporal layer: it is a black
    /// one, which nobody gets.
    fn begin(&mut self, width: u32, height: u32) -> Result<(), CodecError> {
        self.encoder.encode(&Source(&I420::black(width, height))).map_err(encoder_error)?;
        let mut parameters = MaybeUninit::zeroed();
        let (bitrate, fps) = (self.bitrate(), self.fps as f32);
        // SAFETY: the library writes the parameters that it has, which is allowed from its first picture on; they are numbers and
        // arrays of numbers, for which zero is a value. It reads them before it returns and keeps no pointer.
        #[expect(unsafe_code, reason = "the crate has no call for temporal layers")]
        let code = unsafe {
            let api = self.encoder.raw_api();
            // For its type, which the crate does not name.
            api.get_default_params(parameters.as_mut_ptr());
            if api.get_option(OPTION_PARAMETERS, parameters.as_mut_ptr().cast()) != 0 {
                return Err(CodecError::Encoder("no parameters".into()));
            }
            let mut parameters = parameters.assume_init();
            parameters.iTemporalLayerNum = TEMPORAL_LAYERS;
            parameters.iNumRefFrame = AUTO_REFERENCES;
            parameters.iTargetBitrate = bitrate;
            parameters.fMaxFrameRate = fps;
            parameters.sSpatialLayers[0].iSpatialBitrate = bitrate;
            parameters.sSpatialLayers[0].iMaxSpatialBitrate = bitrate;
            parameters.sSpatialLayers[0].fFrameRate = fps;
            api.set_option(OPTION_PARAMETERS, (&raw mut parameters).cast())
        };
        if code != 0 {
            return Err(CodecError::Encoder(format!("temporal layers: code {code}")));
        }
        self.size = Some((width, height));
        Ok(())
    }

    fn bitrate(&self) -> c_int {
        c_int::try_from(self.bitrate_bps).unwrap_or(c_int::MAX)
    }

    /// Sets one of the library's bit rates; it needs to have its parameters.
    fn set_rate(&mut self, option: c_int) -> Result<(), CodecError> {
        /// `SBitrateInfo` of the library's `codec_app_def.h`.
        #[repr(C)]
        struct BitrateInfo {
            layer: c_int,
            bitrate: c_int,
        }
        let mut info = BitrateInfo { layer: SPATIAL_LAYER_0, bitrate: self.bitrate() };
        // SAFETY: both options take a pointer to SBitrateInfo, read it before they return and keep nothing of it; `info`
        // has its layout and outlives the call. The encoder was initialised by its first picture.
        #[expect(unsafe_code, reason = "the crate has no call that sets a bit rate")]
        let code = unsafe { self.encoder.raw_api().set_option(option, (&raw mut info).cast()) };
        if code == 0 { Ok(()) } else { Err(CodecError::Encoder(format!("bit rate {}: code {code}", info.bitrate))) }
    }
}

/// `ENCODER_OPTION_SVC_ENCODE_PARAM_EXT` of the library's `codec_app_def.h`.
const OPTION_PARAMETERS: c_int = 3;
/// `ENCODER_OPTION_FRAME_RATE`.
const OPTION_FRAME_RATE: c_int = 4;
/// `ENCODER_OPTION_BITRATE`.
const OPTION_BITRATE: c_int = 5;
/// `ENCODER_OPTION_MAX_BITRATE`.
const OPTION_MAX_BITRATE: c_int = 6;
/// `ENCODER_OPTION_TRACE_LEVEL`.
const OPTION_TRACE_LEVEL: c_int = 25;
/// `SPATIAL_LAYER_0`: with `SPATIAL_LAYER_ALL` the cap of the one layer stays what it was.
const SPATIAL_LAYER_0: c_int = 0;
/// `AUTO_REF_PIC_COUNT`: as many references as the layers need.
const AUTO_REFERENCES: c_int = -1;
const TEMPORAL_LAYERS: c_int = Layer::MAX_TEMPORAL as c_int + 1;

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
        if key || begins {
            self.encoder.force_intra_frame();
        }
        let at = Timestamp::from_millis((at_us / 1000).min(i64::MAX as u64));
        let stream = self.encoder.encode_at(&Source(picture), at).map_err(encoder_error)?;
        self.buffer.clear();
        stream.write_vec(&mut self.buffer);
        let key = stream.frame_type() == FrameType::IDR;
        if self.buffer.is_empty() || matches!(stream.frame_type(), FrameType::Skip | FrameType::Invalid) {
            return Ok(None);
        }
        // Parameter sets come first, the picture last.
        let info = stream.raw_info();
        let layer = info.sLayerInfo.get(stream.num_layers().wrapping_sub(1));
        let temporal = layer.map_or(0, |layer| layer.uiTemporalId).min(Layer::MAX_TEMPORAL);
        let discardable = temporal == Layer::MAX_TEMPORAL;
        Ok(Some(Packet { key, temporal, discardable, data: Bytes::copy_from_slice(&self.buffer) }))
    }

    fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError> {
        let before = std::mem::replace(&mut self.bitrate_bps, clamp(bps));
        if self.size.is_none() || self.bitrate_bps == before {
            return Ok(());
        }
        // The library refuses a target over its cap, and a cap under its target.
        let raised = self.bitrate_bps > before;
        let order = if raised { [OPTION_MAX_BITRATE, OPTION_BITRATE] } else { [OPTION_BITRATE, OPTION_MAX_BITRATE] };
        order.into_iter().try_for_each(|option| self.set_rate(option))
    }

    fn set_fps(&mut self, fps: u32) -> Result<(), CodecError> {
        let before = std::mem::replace(&mut self.fps, fps.clamp(1, 120));
        if self.size.is_none() || self.fps == before {
            return Ok(());
        }
        let mut fps = self.fps as f32;
        // SAFETY: the option takes a pointer to a float, reads it before it returns and keeps nothing of it. The encoder was
        // initialised by its first picture.
        #[expect(unsafe_code, reason = "the crate has no call that sets a frame rate")]
        let code = unsafe { self.encoder.raw_api().set_option(OPTION_FRAME_RATE, (&raw mut fps).cast()) };
        if code == 0 { Ok(()) } else { Err(CodecError::Encoder(format!("{fps} pictures a second: code {code}"))) }
    }
}

/// Planes for the library, which is single-threaded here and reads them during the call alone.
struct Source<'a>(&'a I420);

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.width() as usize, self.0.height() as usize)
    }

    fn strides(&self) -> (usize, usize, usize) {
        let width = self.0.width() as usize;
        (width, width / 2, width / 2)
    }

    fn y(&self) -> &[u8] {
        self.0.y()
    }

    fn u(&self) -> &[u8] {
        self.0.u()
    }

    fn v(&self) -> &[u8] {
        self.0.v()
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

fn encoder_error(error: openh264::Error) -> CodecError {
    CodecError::Encoder(error.to_string())
}

fn decoder_error(error: openh264::Error) -> CodecError {
    CodecError::Decoder(error.to_string())
}
