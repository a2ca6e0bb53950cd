//! What an encoder and a decoder are, whatever the codec. [`h264`](super::h264) is the one there is.

use bytes::Bytes;

use super::VideoConfig;
use super::h264::{H264Decoder, H264Encoder};
use super::picture::I420;

/// A way to write pictures down. Its number is what peers negotiate by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Codec {
    /// H.264, constrained baseline, Annex B, parameter sets in front of every IDR.
    #[default]
    H264 = 1,
}

impl Codec {
    /// An encoder, to be used on one thread.
    ///
    /// # Errors
    /// The library does not take the configuration.
    pub fn encoder(self, config: &VideoConfig) -> Result<Box<dyn VideoEncoder>, CodecError> {
        match self {
            Codec::H264 => Ok(Box::new(H264Encoder::new(config)?)),
        }
    }

    /// A decoder, to be used on one thread.
    ///
    /// # Errors
    /// The library cannot start.
    pub fn decoder(self) -> Result<Box<dyn VideoDecoder>, CodecError> {
        match self {
            Codec::H264 => Ok(Box::new(H264Decoder::new()?)),
        }
    }
}

/// Why a codec did not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The encoder failed: make a new one.
    #[error("encoder: {0}")]
    Encoder(String),
    /// The bytes are no picture, or refer to one that never came: a key frame is needed.
    #[error("decoder: {0}")]
    Decoder(String),
    /// A picture that is larger than we hold, or smaller than can be.
    #[error("a picture of {width} x {height} pixels")]
    Size { width: u32, height: u32 },
}

/// One encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// It can be decoded without any other.
    pub key: bool,
    pub data: Bytes,
}

/// Turns pictures into packets, one by one, without delay.
pub trait VideoEncoder: Send {
    /// Encodes a picture taken at `at_us`; `key` asks for a key frame. `None` if the encoder left the picture out to
    /// keep its rate. A picture of a new size gives a key frame.
    ///
    /// # Errors
    /// The encoder is of no more use.
    fn encode(&mut self, picture: &I420, at_us: u64, key: bool) -> Result<Option<Packet>, CodecError>;

    /// Changes the target from the next picture on, in bits a second.
    ///
    /// # Errors
    /// The library does not take it.
    fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError>;
}

/// Turns packets into pictures. Bytes may be anybody's: whatever they are, the answer is a picture or an error.
pub trait VideoDecoder: Send {
    /// Decodes one packet; `None` if it gave no picture.
    ///
    /// # Errors
    /// The bytes are broken, or the picture that they refer to is missing: nothing will come until a key frame does.
    fn decode(&mut self, data: &[u8]) -> Result<Option<I420>, CodecError>;
}
