//! VP9 by the system's libvpx. Made by [`super::codec::Codec`] alone, with the feature `vp9`.
//!
//! Better than H.264 at low rates, for about twice the work. One temporal layer: more would need the error-resilient mode, which
//! costs what VP9 is better by. The library goes on with a smeared picture where a reference is lost; the buffer of received frames
//! (`jitter::video`) lets no such frame through.

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;

use bytes::{BufMut, BytesMut};
use vpx_sys::vp8e_enc_control_id::{
    VP8E_SET_CPUUSED, VP8E_SET_MAX_INTRA_BITRATE_PCT, VP8E_SET_STATIC_THRESHOLD, VP9E_SET_AQ_MODE,
};
use vpx_sys::{self as vpx, vpx_codec_err_t};

use super::VideoConfig;
use super::codec::{Codec, CodecError, Packet, VideoDecoder, VideoEncoder};
use super::picture::{self, I420, I420View};
use crate::proto::limits;

/// The fastest of the library's settings for a camera that still beats H.264.
const SPEED: c_int = 8;
/// Cyclic refresh: bits go round the parts of a picture that stands still.
const AQ_MODE: c_int = 3;
/// A key frame is at most so many times the mean frame, in percent.
const KEY_PERCENT: c_int = 450;
/// How far the rate is averaged, ms: all, at the beginning, and what is aimed at.
const BUFFER_MS: [u32; 3] = [1000, 500, 600];
/// Quantisers, of 0 to 63.
const QUANTISERS: (u32, u32) = (2, 63);

/// What the library works with, at one address for as long as it does.
struct Context(Box<vpx::vpx_codec_ctx_t>);

// SAFETY: a context belongs to whoever holds it; the library keeps nothing of the thread that made it.
#[expect(unsafe_code, reason = "the library's context has pointers in it")]
unsafe impl Send for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context was initialised, and this is its end.
        #[expect(unsafe_code, reason = "the library is C")]
        unsafe {
            vpx::vpx_codec_destroy(&raw mut *self.0);
        }
    }
}

impl Context {
    /// Initialises a context by what `begin` calls.
    #[expect(unsafe_code, reason = "the library is C")]
    fn new(begin: impl FnOnce(*mut vpx::vpx_codec_ctx_t) -> vpx_codec_err_t) -> Result<Self, String> {
        let mut context = Box::new(MaybeUninit::<vpx::vpx_codec_ctx_t>::zeroed());
        let code = begin(context.as_mut_ptr());
        if code != vpx_codec_err_t::VPX_CODEC_OK {
            return Err(words(code));
        }
        // SAFETY: the library has initialised it.
        Ok(Self(unsafe { context.assume_init() }))
    }
}

/// See the module. The library is set up with the first picture, and anew with each size.
pub struct Vp9Encoder {
    open: Option<Open>,
    bitrate_bps: u32,
    fps: u32,
}

/// An encoder for one size.
struct Open {
    context: Context,
    config: vpx::vpx_codec_enc_cfg_t,
    /// Time of the last picture, µs.
    last_us: Option<i64>,
}

// SAFETY: the configuration's pointers are of the two-pass modes, which are not used: they are null.
#[expect(unsafe_code, reason = "the library's configuration has pointers in it")]
unsafe impl Send for Open {}

impl Vp9Encoder {
    /// An encoder for `config`'s rate; the size is each picture's own.
    pub fn new(config: &VideoConfig) -> Self {
        Self { open: None, bitrate_bps: config.bitrate_bps, fps: config.fps.clamp(1, 120) }
    }

    /// Tells a running encoder its new rate.
    fn retarget(&mut self) -> Result<(), CodecError> {
        let kbps = kbps(self.bitrate_bps);
        let Some(open) = self.open.as_mut().filter(|open| open.config.rc_target_bitrate != kbps) else { return Ok(()) };
        open.config.rc_target_bitrate = kbps;
        // SAFETY: context and configuration are initialised and outlive the call.
        #[expect(unsafe_code, reason = "the library is C")]
        let code = unsafe { vpx::vpx_codec_enc_config_set(&raw mut *open.context.0, &raw const open.config) };
        check(code)
    }
}

impl Open {
    fn new(width: u32, height: u32, bitrate_bps: u32) -> Result<Self, CodecError> {
        let mut config = MaybeUninit::<vpx::vpx_codec_enc_cfg_t>::zeroed();
        // SAFETY: the library fills the configuration, and says whether it did. Zeroed before: it has enums in it, and is not
        // looked at until it was filled.
        #[expect(unsafe_code, reason = "the library is C")]
        let mut config = unsafe {
            check(vpx::vpx_codec_enc_config_default(vpx::vpx_codec_vp9_cx(), config.as_mut_ptr(), 0))?;
            config.assume_init()
        };
        (config.g_w, config.g_h) = (width, height);
        config.g_timebase = vpx::vpx_rational { num: 1, den: 1_000_000 };
        config.g_threads = 1;
        config.g_lag_in_frames = 0;
        config.g_error_resilient = 0;
        config.g_pass = vpx::vpx_enc_pass::VPX_RC_ONE_PASS;
        config.rc_end_usage = vpx::vpx_rc_mode::VPX_CBR;
        config.rc_target_bitrate = kbps(bitrate_bps);
        config.rc_dropframe_thresh = 0;
        config.rc_resize_allowed = 0;
        (config.rc_min_quantizer, config.rc_max_quantizer) = QUANTISERS;
        (config.rc_undershoot_pct, config.rc_overshoot_pct) = (50, 50);
        [config.rc_buf_sz, config.rc_buf_initial_sz, config.rc_buf_optimal_sz] = BUFFER_MS;
        config.kf_mode = vpx::vpx_kf_mode::VPX_KF_AUTO;
        (config.kf_min_dist, config.kf_max_dist) = (0, 1_000_000);
        let mut context = Context::new(|context| {
            let version = vpx::VPX_ENCODER_ABI_VERSION as c_int;
            // SAFETY: the context is to be initialised; the configuration outlives the call, which copies it.
            #[expect(unsafe_code, reason = "the library is C")]
            unsafe {
                vpx::vpx_codec_enc_init_ver(context, vpx::vpx_codec_vp9_cx(), &raw const config, 0, version)
            }
        })
        .map_err(CodecError::Encoder)?;
        for (control, value) in [
            (VP8E_SET_CPUUSED, SPEED),
            (VP9E_SET_AQ_MODE, AQ_MODE),
            (VP8E_SET_MAX_INTRA_BITRATE_PCT, KEY_PERCENT),
            (VP8E_SET_STATIC_THRESHOLD, 1),
        ] {
            // SAFETY: each of these takes one int.
            #[expect(unsafe_code, reason = "the library is C")]
            check(unsafe { vpx::vpx_codec_control_(&raw mut *context.0, control as c_int, value) })?;
        }
        Ok(Self { context, config, last_us: None })
    }

    fn encode(&mut self, picture: &I420, at_us: u64, each_us: u64, key: bool) -> Result<Option<Packet>, CodecError> {
        // Time has to grow, whatever the clock of the pictures does.
        let at =
            i64::try_from(at_us).unwrap_or(i64::MAX - 1).max(self.last_us.map_or(0, |last| last.saturating_add(1)));
        self.last_us = Some(at);
        let mut image = MaybeUninit::<vpx::vpx_image_t>::zeroed();
        let flags = if key { vpx::VPX_EFLAG_FORCE_KF as _ } else { 0 };
        // SAFETY: the image is filled by the library and then points into the picture's planes, which the library reads during the
        // call alone; their sizes and strides are the picture's.
        #[expect(unsafe_code, reason = "the library is C")]
        unsafe {
            let data = picture.y().as_ptr().cast_mut();
            let format = vpx::vpx_img_fmt::VPX_IMG_FMT_I420;
            if vpx::vpx_img_wrap(image.as_mut_ptr(), format, picture.width(), picture.height(), 1, data).is_null() {
                return Err(CodecError::Encoder("no image".into()));
            }
            let mut image = image.assume_init();
            let chroma = c_int::try_from(picture.width() / 2).unwrap_or(0);
            image.planes =
                [data, picture.u().as_ptr().cast_mut(), picture.v().as_ptr().cast_mut(), std::ptr::null_mut()];
            image.stride = [chroma * 2, chroma, chroma, 0];
            let deadline = vpx::VPX_DL_REALTIME.into();
            let duration = each_us as _;
            check(vpx::vpx_codec_encode(&raw mut *self.context.0, &raw const image, at, duration, flags, deadline))?;
        }
        Ok(self.packet())
    }

    fn packet(&mut self) -> Option<Packet> {
        let mut next = std::ptr::null();
        loop {
            // SAFETY: what the library gives out is valid until the next call on the context; a frame's buffer holds as many bytes
            // as it says.
            #[expect(unsafe_code, reason = "the library is C")]
            let (bytes, flags) = unsafe {
                let packet = vpx::vpx_codec_get_cx_data(&raw mut *self.context.0, &raw mut next).as_ref()?;
                if packet.kind != vpx::vpx_codec_cx_pkt_kind::VPX_CODEC_CX_FRAME_PKT {
                    continue;
                }
                let frame = packet.data.frame;
                (std::slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz as usize), frame.flags)
            };
            let mut data = BytesMut::with_capacity(1 + bytes.len());
            data.put_u8(Codec::Vp9 as u8);
            data.put_slice(bytes);
            let key = flags & vpx::VPX_FRAME_IS_KEY != 0;
            return Some(Packet { key, temporal: 0, discardable: false, data: data.freeze() });
        }
    }
}

impl VideoEncoder for Vp9Encoder {
    fn encode(&mut self, picture: &I420, at_us: u64, key: bool) -> Result<Option<Packet>, CodecError> {
        let (width, height) = (picture.width(), picture.height());
        if !picture::size_is_sound(width, height) {
            return Err(CodecError::Size { width, height });
        }
        let open = match &mut self.open {
            Some(open) if (open.config.g_w, open.config.g_h) == (width, height) => open,
            open => open.insert(Open::new(width, height, self.bitrate_bps)?),
        };
        open.encode(picture, at_us, 1_000_000 / u64::from(self.fps), key)
    }

    fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError> {
        self.bitrate_bps = bps;
        self.retarget()
    }

    /// The library goes by the pictures' times; this is how long each is taken to last.
    fn set_fps(&mut self, fps: u32) -> Result<(), CodecError> {
        self.fps = fps.clamp(1, 120);
        Ok(())
    }
}

/// See the module.
pub struct Vp9Decoder {
    context: Context,
    /// It was given a key frame.
    begun: bool,
}

impl Vp9Decoder {
    /// A decoder that waits for a key frame.
    ///
    /// # Errors
    /// The library cannot start.
    pub fn new() -> Result<Self, CodecError> {
        let config = vpx::vpx_codec_dec_cfg_t { threads: 1, w: 0, h: 0 };
        let context = Context::new(|context| {
            let version = vpx::VPX_DECODER_ABI_VERSION as c_int;
            // SAFETY: the context is to be initialised; the configuration outlives the call, which copies it.
            #[expect(unsafe_code, reason = "the library is C")]
            unsafe {
                vpx::vpx_codec_dec_init_ver(context, vpx::vpx_codec_vp9_dx(), &raw const config, 0, version)
            }
        });
        Ok(Self { context: context.map_err(CodecError::Decoder)?, begun: false })
    }

    /// The picture that the last bytes gave.
    fn picture(&mut self) -> Result<Option<I420>, CodecError> {
        let mut next = std::ptr::null();
        // SAFETY: the image is valid until the next call on the context. Its planes hold as many rows as they say, each of its stride;
        // the last rows are counted without their padding.
        #[expect(unsafe_code, reason = "the library is C")]
        unsafe {
            let Some(image) = vpx::vpx_codec_get_frame(&raw mut *self.context.0, &raw mut next).as_ref() else {
                return Ok(None);
            };
            let (width, height) = (image.d_w, image.d_h);
            if u64::from(width) * u64::from(height) > picture::MAX_PIXELS || width < 2 || height < 2 {
                return Err(CodecError::Size { width, height });
            }
            if image.fmt != vpx::vpx_img_fmt::VPX_IMG_FMT_I420 || image.stride[1] != image.stride[2] {
                return Err(CodecError::Decoder("not 4:2:0 with 8 bits".into()));
            }
            let stride = |plane: usize| usize::try_from(image.stride[plane]).unwrap_or(0);
            let plane = |plane: usize, width: u32, height: u32| {
                let len = stride(plane) * (height as usize - 1) + width as usize;
                std::slice::from_raw_parts(image.planes[plane], len)
            };
            let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
            let view = I420View {
                width,
                height,
                y: plane(0, width, height),
                u: plane(1, half_width, half_height),
                v: plane(2, half_width, half_height),
                y_stride: stride(0),
                uv_stride: stride(1),
            };
            view.to_picture().map(Some).ok_or_else(|| CodecError::Decoder("planes shorter than the picture".into()))
        }
    }
}

impl VideoDecoder for Vp9Decoder {
    fn decode(&mut self, data: &[u8]) -> Result<Option<I420>, CodecError> {
        if data.len() > limits::VIDEO_FRAME_BYTES {
            return Err(CodecError::Decoder(format!("a frame of {} bytes", data.len())));
        }
        let head = data.split_first().filter(|(codec, _)| **codec == Codec::Vp9 as u8).map(|(_, frame)| frame);
        let Some((frame, head)) = head.and_then(|frame| Some((frame, Head::read(frame)?))) else {
            return Err(CodecError::Decoder("no VP9".into()));
        };
        if let Some((width, height)) = head.size
            && !picture::size_is_sound(width, height)
        {
            return Err(CodecError::Size { width, height });
        }
        self.begun |= head.key;
        if !self.begun {
            return Err(CodecError::Decoder("no key frame yet".into()));
        }
        let len = u32::try_from(frame.len()).unwrap_or(0);
        // SAFETY: the library reads as many bytes as there are, during the call alone.
        #[expect(unsafe_code, reason = "the library is C")]
        let code =
            unsafe { vpx::vpx_codec_decode(&raw mut *self.context.0, frame.as_ptr(), len, std::ptr::null_mut(), 0) };
        if code != vpx_codec_err_t::VPX_CODEC_OK {
            return Err(CodecError::Decoder(words(code)));
        }
        self.picture()
    }
}

/// What is looked at of a frame before the library sees it, which would take any size (VP9 bitstream specification 0.6, 6.2).
#[derive(Debug, PartialEq, Eq)]
struct Head {
    key: bool,
    /// Of a frame that says its size itself.
    size: Option<(u32, u32)>,
}

impl Head {
    /// `None`: no frame of profile 0, or several in one.
    fn read(frame: &[u8]) -> Option<Self> {
        let marker = *frame.last()?;
        let several = marker & 0xE0 == 0xC0 && {
            let index = 2 + (usize::from(marker >> 3 & 3) + 1) * (usize::from(marker & 7) + 1);
            frame.len() >= index && frame[frame.len() - index] == marker
        };
        let mut bits = Bits { frame, at: 0 };
        if several || bits.take(2)? != 2 || bits.take(2)? != 0 || bits.take(1)? != 0 {
            return None;
        }
        let (key, shown, resilient) = (bits.take(1)? == 0, bits.take(1)? == 1, bits.take(1)? == 1);
        if key {
            bits.sync()?;
            // Colour space, and range unless it is RGB, which is of another profile.
            (bits.take(3)? != 7 && bits.take(1).is_some()).then_some(())?;
            return Some(Self { key, size: Some(bits.size()?) });
        }
        let intra_only = !shown && bits.take(1)? == 1;
        if !resilient {
            bits.take(2)?;
        }
        if intra_only {
            bits.sync()?;
            bits.take(8)?;
            return Some(Self { key, size: Some(bits.size()?) });
        }
        bits.take(8 + 3 * 4)?;
        for _ in 0..3 {
            if bits.take(1)? == 1 {
                return Some(Self { key, size: None });
            }
        }
        Some(Self { key, size: Some(bits.size()?) })
    }
}

struct Bits<'a> {
    frame: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.frame.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn sync(&mut self) -> Option<()> {
        (self.take(24)? == 0x49_83_42).then_some(())
    }

    fn size(&mut self) -> Option<(u32, u32)> {
        Some((self.take(16)? + 1, self.take(16)? + 1))
    }
}

/// What the library can be asked for, kilobits a second.
fn kbps(bps: u32) -> u32 {
    (bps / 1000).clamp(10, 50_000)
}

fn check(code: vpx_codec_err_t) -> Result<(), CodecError> {
    if code == vpx_codec_err_t::VPX_CODEC_OK { Ok(()) } else { Err(CodecError::Encoder(words(code))) }
}

/// A code in the library's words.
fn words(code: vpx_codec_err_t) -> String {
    // SAFETY: the library gives a text that lives for ever, for any code.
    #[expect(unsafe_code, reason = "the library is C")]
    let text = unsafe { CStr::from_ptr(vpx::vpx_codec_err_to_string(code)) };
    text.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::video::PictureSource;
    use crate::media::video::pattern::Pattern;

    #[test]
    fn a_frame_says_its_size_before_the_library_sees_it() {
        let mut encoder = Vp9Encoder::new(&VideoConfig::pattern());
        let mut picture = I420::black(2, 2);
        for number in 0..30 {
            Pattern::new(320, 180).draw(number, &mut picture).unwrap();
            let packet = encoder.encode(&picture, number * 33_333, number == 20).unwrap().unwrap();
            let key = number == 0 || number == 20;
            let expected = Head { key, size: key.then_some((320, 180)) };
            assert_eq!(Head::read(&packet.data[1..]), Some(expected), "frame {number}");
        }
    }

    #[test]
    fn a_frame_of_a_huge_size_is_refused() {
        let mut encoder = Vp9Encoder::new(&VideoConfig::pattern());
        let packet = encoder.encode(&I420::black(320, 180), 0, true).unwrap().unwrap();
        let mut bytes = packet.data.to_vec();
        // Behind the codec's number, 8 bits, the sync code and 4 bits of colour.
        bytes[5] |= 0x0F;
        bytes[6..9].fill(0xFF);
        bytes[9] |= 0xF0;
        let error = Vp9Decoder::new().unwrap().decode(&bytes).unwrap_err();
        assert_eq!(error, CodecError::Size { width: 65_536, height: 65_536 });
    }
}
