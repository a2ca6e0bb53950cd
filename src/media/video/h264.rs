//! H.264 by OpenH264, built from source. Made by [`super::codec::Codec`] alone.

use std::ffi::c_int;

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
use crate::proto::limits;

/// One spatial and one temporal layer. Frames are not skipped to keep the rate, so that the barcodes of a test picture
/// run without a hole; the quantiser alone does it.
pub struct H264Encoder {
    encoder: Encoder,
    config: VideoConfig,
    /// The library has parameters only from the first picture on.
    started: bool,
    bitrate_bps: u32,
    buffer: Vec<u8>,
}

impl H264Encoder {
    /// An encoder for `config`'s rate; the size is each picture's own.
    ///
    /// # Errors
    /// The library cannot start.
    pub fn new(config: &VideoConfig) -> Result<Self, CodecError> {
        let bitrate_bps = clamp(config.bitrate_bps);
        let settings = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .complexity(Complexity::Medium)
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(bitrate_bps))
            .max_frame_rate(FrameRate::from_hz(config.fps.clamp(1, 120) as f32))
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
        Ok(Self { encoder, config: *config, started: false, bitrate_bps, buffer: Vec::new() })
    }

    /// Sets one of the library's bit rates; it needs to have its parameters.
    fn set_option(&mut self, option: c_int) -> Result<(), CodecError> {
        /// `SBitrateInfo` of the library's `codec_app_def.h`.
        #[repr(C)]
        struct BitrateInfo {
            layer: c_int,
            bitrate: c_int,
        }
        let bitrate = c_int::try_from(self.bitrate_bps).unwrap_or(c_int::MAX);
        let mut info = BitrateInfo { layer: SPATIAL_LAYER_0, bitrate };
        // SAFETY: both options take a pointer to SBitrateInfo, read it before they return and keep nothing of it; `info`
        // has its layout and outlives the call. The encoder was initialised by its first picture.
        #[expect(unsafe_code, reason = "the crate has no call that sets a bit rate")]
        let code = unsafe { self.encoder.raw_api().set_option(option, (&raw mut info).cast()) };
        if code == 0 { Ok(()) } else { Err(CodecError::Encoder(format!("bit rate {bitrate}: code {code}"))) }
    }
}

/// `ENCODER_OPTION_BITRATE` of the library's `codec_app_def.h`.
const OPTION_BITRATE: c_int = 5;
/// `ENCODER_OPTION_MAX_BITRATE`.
const OPTION_MAX_BITRATE: c_int = 6;
/// `ENCODER_OPTION_TRACE_LEVEL`.
const OPTION_TRACE_LEVEL: c_int = 25;
/// `SPATIAL_LAYER_0`: with `SPATIAL_LAYER_ALL` the cap of the one layer stays what it was.
const SPATIAL_LAYER_0: c_int = 0;

impl VideoEncoder for H264Encoder {
    fn encode(&mut self, picture: &I420, at_us: u64, key: bool) -> Result<Option<Packet>, CodecError> {
        let (width, height) = (picture.width(), picture.height());
        if !picture::size_is_sound(width, height) {
            return Err(CodecError::Size { width, height });
        }
        if key && self.started {
            self.encoder.force_intra_frame();
        }
        let at = Timestamp::from_millis((at_us / 1000).min(i64::MAX as u64));
        let stream = self.encoder.encode_at(&Source(picture), at).map_err(encoder_error)?;
        self.started = true;
        self.buffer.clear();
        stream.write_vec(&mut self.buffer);
        let key = stream.frame_type() == FrameType::IDR;
        if self.buffer.is_empty() || matches!(stream.frame_type(), FrameType::Skip | FrameType::Invalid) {
            return Ok(None);
        }
        Ok(Some(Packet { key, data: Bytes::copy_from_slice(&self.buffer) }))
    }

    fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError> {
        let before = std::mem::replace(&mut self.bitrate_bps, clamp(bps));
        if !self.started {
            *self = Self::new(&VideoConfig { bitrate_bps: bps, ..self.config })?;
            return Ok(());
        }
        // The library refuses a target over its cap, and a cap under its target.
        let raised = self.bitrate_bps > before;
        let order = if raised { [OPTION_MAX_BITRATE, OPTION_BITRATE] } else { [OPTION_BITRATE, OPTION_MAX_BITRATE] };
        order.into_iter().try_for_each(|option| self.set_option(option))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::video::pattern::Pattern;
    use crate::media::video::{PictureSource, barcode};

    fn config(bitrate_bps: u32) -> VideoConfig {
        VideoConfig { bitrate_bps, ..VideoConfig::pattern() }
    }

    /// Packets of frames `numbers` of the pattern at 640x360.
    fn packets(bitrate_bps: u32, numbers: std::ops::Range<u64>) -> Vec<Packet> {
        let mut encoder = H264Encoder::new(&config(bitrate_bps)).unwrap();
        let mut pattern = Pattern::new(640, 360);
        let mut picture = I420::black(2, 2);
        numbers
            .map(|number| {
                pattern.draw(number, &mut picture).unwrap();
                encoder.encode(&picture, number * 33_333, false).unwrap().expect("no frame is skipped")
            })
            .collect()
    }

    #[test]
    fn every_number_of_the_pattern_survives_150_kbit_s() {
        let packets = packets(150_000, 0..300);
        let bits: usize = packets[30..].iter().map(|packet| packet.data.len() * 8).sum();
        assert!(bits < 9 * 300_000, "{bits} bits in nine seconds");
        assert!(packets[0].key && packets[1..].iter().all(|packet| !packet.key));
        let mut decoder = H264Decoder::new().unwrap();
        for (number, packet) in packets.iter().enumerate() {
            let picture = decoder.decode(&packet.data).unwrap().expect("a picture a packet");
            assert_eq!(barcode::read(&picture.view()), Some(number as u32));
        }
    }

    #[test]
    fn a_lost_reference_gives_no_picture_until_the_next_key_frame() {
        let mut encoder = H264Encoder::new(&config(500_000)).unwrap();
        let mut decoder = H264Decoder::new().unwrap();
        let mut pattern = Pattern::new(320, 180);
        let mut picture = I420::black(2, 2);
        for number in 0..40 {
            pattern.draw(number, &mut picture).unwrap();
            let packet = encoder.encode(&picture, number * 33_333, number == 30).unwrap().unwrap();
            assert_eq!(packet.key, number == 0 || number == 30);
            if number == 10 {
                continue;
            }
            let decoded = decoder.decode(&packet.data);
            let seen = decoded.ok().flatten().and_then(|picture| barcode::read(&picture.view()));
            let expected = (!(10..30).contains(&number)).then_some(number as u32);
            assert_eq!(seen, expected, "frame {number}");
        }
    }

    #[test]
    fn the_rate_follows_down_and_up_and_beyond_where_it_began() {
        let mut encoder = H264Encoder::new(&config(300_000)).unwrap();
        let mut noise = I420::black(320, 180);
        let mut seed = 1u32;
        let mut rates = Vec::new();
        for (phase, bps) in [300_000, 100_000, 900_000].into_iter().enumerate() {
            if phase > 0 {
                encoder.set_bitrate(bps).unwrap();
            }
            let mut bytes = 0;
            for frame in 0..90 {
                for pixel in noise.planes_mut()[0].iter_mut().step_by(3) {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *pixel = 60 + (seed >> 26) as u8;
                }
                let at_us = (phase as u64 * 90 + frame) * 33_333;
                let packet = encoder.encode(&noise, at_us, false).unwrap().unwrap();
                bytes += if frame >= 30 { packet.data.len() } else { 0 };
            }
            rates.push(bytes * 8 / 2);
        }
        assert!(rates[1] < rates[0] * 2 / 3 && rates[2] > rates[0] * 3 / 2, "{rates:?}");
    }

    #[test]
    fn a_new_size_gives_a_key_frame_and_decodes() {
        let mut encoder = H264Encoder::new(&config(500_000)).unwrap();
        let mut decoder = H264Decoder::new().unwrap();
        for (number, (width, height)) in [(320, 180), (640, 360), (160, 90), (426, 240)].into_iter().enumerate() {
            let mut picture = I420::black(2, 2);
            Pattern::new(width, height).draw(number as u64, &mut picture).unwrap();
            let packet = encoder.encode(&picture, number as u64 * 33_333, false).unwrap().unwrap();
            assert!(packet.key);
            let decoded = decoder.decode(&packet.data).unwrap().unwrap();
            assert_eq!((decoded.width(), decoded.height()), (width, height));
            assert_eq!(barcode::read(&decoded.view()), Some(number as u32));
        }
    }

    #[test]
    fn a_picture_that_cannot_be_encoded_is_an_error() {
        let mut encoder = H264Encoder::new(&config(500_000)).unwrap();
        assert!(encoder.encode(&I420::black(8, 8), 0, true).is_err());
        encoder.set_bitrate(100_000).unwrap();
        assert!(encoder.encode(&I420::black(16, 16), 0, true).unwrap().unwrap().key);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn hostile_bytes_give_an_error_or_a_picture_and_never_a_panic(
            junk in proptest::collection::vec(any::<u8>(), 0..2000),
            cut in 0usize..6000,
            flips in proptest::collection::vec((0usize..6000, any::<u8>()), 0..20),
        ) {
            let good = packets(500_000, 0..4);
            let mut decoder = H264Decoder::new().unwrap();
            let _ = decoder.decode(&junk);
            for packet in &good {
                let mut bytes = packet.data.to_vec();
                for (at, value) in &flips {
                    let len = bytes.len();
                    bytes[at % len] ^= value;
                }
                let _ = decoder.decode(&bytes);
                let _ = decoder.decode(&packet.data[..cut.min(packet.data.len())]);
                let _ = decoder.decode(&[&[0, 0, 0, 1], &junk[..]].concat());
            }
        }
    }
}
