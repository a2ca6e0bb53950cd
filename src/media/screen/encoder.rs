//! H.264 for screens: OpenH264 in its screen-content mode, which finds what was scrolled and skips what stands still, with
//! a quantiser for each picture in place of its rate control. Used by [`super::share`] on its thread.
//!
//! One size, one layer. Against camera mode a page of text that is scrolled costs a tenth (measured at 1280x720: 38 to 98 kbit
//! a picture in place of 95 to 459). Never: a picture that refers to one that was not given out.

use std::ffi::c_int;

use bytes::Bytes;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, UsageType,
};
use openh264::formats::YUVSource;
use openh264::{OpenH264API, Timestamp};
use openh264_sys2::{ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, ENCODER_OPTION_TRACE_LEVEL, SEncParamExt};

use super::detail::Shot;
use crate::media::video::CodecError;
use crate::media::video::picture::{self, I420};

/// The library wants a rate and does not keep it: its rate control is off.
const NOMINAL_BPS: u32 = 2_000_000;
const NOMINAL_FPS: f32 = 15.0;

/// See the module.
pub struct ScreenEncoder {
    running: Option<Running>,
    buffer: Vec<u8>,
}

/// The library with pictures of one size.
struct Running {
    encoder: Encoder,
    size: (u32, u32),
    quantiser: Option<u8>,
    /// A picture was given out: others may refer to it.
    begun: bool,
}

impl ScreenEncoder {
    /// An encoder that begins with a key frame.
    pub fn new() -> Self {
        Self { running: None, buffer: Vec::new() }
    }

    /// Encodes a picture taken at `at_us`; also says whether it became a key frame: at the beginning, in a new size, where
    /// most of it is new, and where it was asked for.
    ///
    /// # Errors
    /// A size that cannot be encoded; or the library failed, and the next picture begins anew.
    pub fn encode(&mut self, picture: &I420, at_us: u64, shot: Shot) -> Result<(bool, Bytes), CodecError> {
        let size = (picture.width(), picture.height());
        if !picture::size_is_sound(size.0, size.1) {
            return Err(CodecError::Size { width: size.0, height: size.1 });
        }
        let mut running = match self.running.take().filter(|running| running.size == size) {
            Some(running) => running,
            None => Running::start(size)?,
        };
        let key = running.encode(picture, at_us, shot, &mut self.buffer)?;
        self.running = Some(running);
        Ok((key, Bytes::copy_from_slice(&self.buffer)))
    }
}

impl Running {
    fn start(size: (u32, u32)) -> Result<Self, CodecError> {
        let settings = EncoderConfig::new()
            .usage_type(UsageType::ScreenContentRealTime)
            .rate_control_mode(RateControlMode::Off)
            .complexity(Complexity::Medium)
            .bitrate(BitRate::from_bps(NOMINAL_BPS))
            .max_frame_rate(FrameRate::from_hz(NOMINAL_FPS))
            .intra_frame_period(IntraFramePeriod::from_num_frames(0))
            .num_threads(1)
            // Neither is there in this mode, and the library would say so.
            .adaptive_quantization(false)
            .background_detection(false)
            .skip_frames(false);
        let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), settings).map_err(failed)?;
        let mut quiet: c_int = 0;
        // SAFETY: the option takes a pointer to an int, reads it before it returns, and is allowed before the first
        // picture.
        #[expect(unsafe_code, reason = "the crate has no call that quiets the library before it speaks")]
        unsafe {
            encoder.raw_api().set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut quiet).cast());
        }
        // The library has parameters only from its first picture on: a blank one, which nobody is given.
        let blank = I420::black(size.0, size.1);
        encoder.encode_at(&Source(&blank), Timestamp::ZERO).map_err(failed)?;
        Ok(Self { encoder, size, quantiser: None, begun: false })
    }

    fn encode(&mut self, picture: &I420, at_us: u64, shot: Shot, into: &mut Vec<u8>) -> Result<bool, CodecError> {
        if self.quantiser != Some(shot.quantiser) {
            self.set_quantiser(shot.quantiser)?;
        }
        if shot.key || !self.begun {
            self.encoder.force_intra_frame();
        }
        let at = Timestamp::from_millis((at_us / 1000).min(i64::MAX as u64));
        let stream = self.encoder.encode_at(&Source(picture), at).map_err(failed)?;
        into.clear();
        stream.write_vec(into);
        let kind = stream.frame_type();
        if into.is_empty() || matches!(kind, FrameType::Skip | FrameType::Invalid) {
            return Err(CodecError::Encoder("a picture was left out".into()));
        }
        self.begun = true;
        Ok(kind == FrameType::IDR)
    }

    fn set_quantiser(&mut self, quantiser: u8) -> Result<(), CodecError> {
        let mut all = SEncParamExt::default();
        let all_of: *mut SEncParamExt = &raw mut all;
        // SAFETY: the option reads and writes one SEncParamExt, which the library's own header defines and `all` is, before it
        // returns, and keeps nothing of it. The library has its parameters since its first picture.
        #[expect(unsafe_code, reason = "the crate has no call that sets a quantiser")]
        let code = unsafe {
            let api = self.encoder.raw_api();
            let got = api.get_option(ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, all_of.cast());
            (*all_of).sSpatialLayers[0].iDLayerQp = c_int::from(quantiser);
            if got == 0 { api.set_option(ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, all_of.cast()) } else { got }
        };
        if code != 0 {
            return Err(CodecError::Encoder(format!("quantiser {quantiser}: code {code}")));
        }
        self.quantiser = Some(quantiser);
        Ok(())
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

fn failed(error: openh264::Error) -> CodecError {
    CodecError::Encoder(error.to_string())
}

#[cfg(test)]
mod tests;
