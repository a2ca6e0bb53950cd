//! OpenH264's encoder as a camera ([`super::h264`]) and a shared screen (`media::screen`) both use it: silent, on one thread, with
//! key frames where they are asked for and nowhere else. The only place that hands it options by pointer.
//!
//! The library has parameters only from its first picture on, and forgets some with a new size: see [`Library::begin`].

use std::ffi::c_int;
use std::fmt;

use bytes::Bytes;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, UsageType,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};
use openh264_sys2::{
    ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT,
    ENCODER_OPTION_TRACE_LEVEL, SBitrateInfo, SEncParamExt, SPATIAL_LAYER_0,
};

use super::codec::CodecError;
use super::picture::I420;

/// An encoder of the library.
pub struct Library {
    encoder: Encoder,
    buffer: Vec<u8>,
}

/// A picture that was encoded.
pub struct Coded {
    /// It refers to nothing before it.
    pub key: bool,
    /// Its temporal layer; the base is 0.
    pub temporal: u8,
    /// Annex B, with its parameter sets.
    pub data: Bytes,
}

/// What every encoder of ours has in common, for so many bits and at most so many pictures a second.
pub fn settings(usage: UsageType, control: RateControlMode, bps: u32, fps: f32) -> EncoderConfig {
    EncoderConfig::new()
        .usage_type(usage)
        .rate_control_mode(control)
        .complexity(Complexity::Medium)
        .bitrate(BitRate::from_bps(bps))
        .max_frame_rate(FrameRate::from_hz(fps))
        .intra_frame_period(IntraFramePeriod::from_num_frames(0))
        .num_threads(1)
        .skip_frames(false)
}

impl Library {
    /// Opens the library. The crate quiets it too, but after it has written to stderr.
    ///
    /// # Errors
    /// It cannot start.
    pub fn open(settings: EncoderConfig) -> Result<Self, CodecError> {
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), settings).map_err(failed)?;
        let mut library = Self { encoder, buffer: Vec::new() };
        let quiet: c_int = 0;
        // SAFETY: the option takes an int. It is allowed before the first picture; were it refused, the library would be loud.
        #[expect(unsafe_code, reason = "the crate has no call that quiets the library before it speaks")]
        let _ = unsafe { library.set(ENCODER_OPTION_TRACE_LEVEL, quiet) };
        Ok(library)
    }

    /// Sets the library up for pictures of a size, by a black one that nobody is given.
    ///
    /// # Errors
    /// The library refuses the size.
    pub fn begin(&mut self, width: u32, height: u32) -> Result<(), CodecError> {
        self.encoder.encode(&Source(&I420::black(width, height))).map_err(failed).map(drop)
    }

    /// Encodes a picture taken at `at_us`, as a key frame where that is asked for. `Ok(None)`: the library left it out.
    ///
    /// # Errors
    /// The library failed.
    pub fn encode(&mut self, picture: &I420, at_us: u64, key: bool) -> Result<Option<Coded>, CodecError> {
        if key {
            self.encoder.force_intra_frame();
        }
        let at = Timestamp::from_millis((at_us / 1000).min(i64::MAX as u64));
        let stream = self.encoder.encode_at(&Source(picture), at).map_err(failed)?;
        self.buffer.clear();
        stream.write_vec(&mut self.buffer);
        let kind = stream.frame_type();
        if self.buffer.is_empty() || matches!(kind, FrameType::Skip | FrameType::Invalid) {
            return Ok(None);
        }
        // Parameter sets come first, the picture last.
        let layer = stream.raw_info().sLayerInfo.get(stream.num_layers().wrapping_sub(1));
        let temporal = layer.map_or(0, |layer| layer.uiTemporalId);
        Ok(Some(Coded { key: kind == FrameType::IDR, temporal, data: Bytes::copy_from_slice(&self.buffer) }))
    }

    /// Changes the parameters that the library has for the present size; `what` names that in an error.
    ///
    /// # Errors
    /// There has been no picture yet, or the library refuses what comes of the change.
    pub fn change(
        &mut self,
        what: impl fmt::Display,
        change: impl FnOnce(&mut SEncParamExt),
    ) -> Result<(), CodecError> {
        let mut all = SEncParamExt::default();
        // SAFETY: the option writes one SEncParamExt, numbers and arrays of numbers, before it returns, and keeps nothing of it.
        #[expect(unsafe_code, reason = "the crate has no call that reads the parameters")]
        let code =
            unsafe { self.encoder.raw_api().get_option(ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, (&raw mut all).cast()) };
        checked(code, &what)?;
        change(&mut all);
        // SAFETY: the option takes an SEncParamExt.
        #[expect(unsafe_code, reason = "the crate has no call that sets the parameters of a running encoder")]
        let code = unsafe { self.set(ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, all) };
        checked(code, &what)
    }

    /// Sets the bit rate of the present size and its cap, which is or is not `raised` by that.
    ///
    /// # Errors
    /// There has been no picture yet, or the library refuses the rate.
    pub fn set_bitrate(&mut self, bps: c_int, raised: bool) -> Result<(), CodecError> {
        // The library refuses a target over its cap, and a cap under its target.
        let order = [ENCODER_OPTION_MAX_BITRATE, ENCODER_OPTION_BITRATE];
        let order = if raised { order } else { [order[1], order[0]] };
        order.into_iter().try_for_each(|option| {
            // With SPATIAL_LAYER_ALL the cap of the one layer stays what it was.
            let info = SBitrateInfo { iLayer: SPATIAL_LAYER_0, iBitrate: bps };
            // SAFETY: both options take an SBitrateInfo.
            #[expect(unsafe_code, reason = "the crate has no call that sets a bit rate")]
            let code = unsafe { self.set(option, info) };
            checked(code, &format_args!("bit rate {bps}"))
        })
    }

    /// Sets how many pictures a second come.
    ///
    /// # Errors
    /// There has been no picture yet, or the library refuses the rate.
    pub fn set_fps(&mut self, fps: f32) -> Result<(), CodecError> {
        // SAFETY: the option takes a float.
        #[expect(unsafe_code, reason = "the crate has no call that sets a frame rate")]
        let code = unsafe { self.set(ENCODER_OPTION_FRAME_RATE, fps) };
        checked(code, &format_args!("{fps} pictures a second"))
    }

    /// Hands over an option; returns the library's answer, which is 0 where it agrees.
    ///
    /// # Safety
    /// `option` is one of those that take a pointer to a `T`, as the library's `codec_app_def.h` defines it, read it before they
    /// return and keep nothing of it.
    #[expect(unsafe_code, reason = "an option is untyped")]
    unsafe fn set<T>(&mut self, option: c_int, mut value: T) -> c_int {
        // SAFETY: `value` is what the caller promises, and outlives the call. Before its first picture the library refuses any
        // option that needs one.
        unsafe { self.encoder.raw_api().set_option(option, (&raw mut value).cast()) }
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

fn checked(code: c_int, what: &dyn fmt::Display) -> Result<(), CodecError> {
    if code == 0 { Ok(()) } else { Err(CodecError::Encoder(format!("{what}: code {code}"))) }
}

fn failed(error: openh264::Error) -> CodecError {
    CodecError::Encoder(error.to_string())
}
