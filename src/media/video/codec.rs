//! What an encoder and a decoder are, whatever the codec: [`h264`](super::h264), and with the feature `vp9`
//! [`vp9`](super::vp9).
//!
//! A coded picture says itself what it is. H.264 is Annex B and begins with a zero byte; any other codec is headed by one byte, its
//! number. So whoever receives needs no word about it before, and a sender may change at any key frame.

use bytes::Bytes;

use super::VideoConfig;
use super::h264::{H264Decoder, H264Encoder};
use super::picture::I420;
#[cfg(feature = "vp9")]
use super::vp9::{Vp9Decoder, Vp9Encoder};

/// A way to write pictures down. Its number is what peers negotiate by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Codec {
    /// H.264, constrained baseline, Annex B, parameter sets in front of every IDR. Everybody has it.
    #[default]
    H264 = 1,
    /// VP9, profile 0.
    #[cfg(feature = "vp9")]
    Vp9 = 2,
}

impl Codec {
    /// Every codec that is built in.
    pub const ALL: &[Codec] = &[
        Codec::H264,
        #[cfg(feature = "vp9")]
        Codec::Vp9,
    ];

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Codec::H264 => "h264",
            #[cfg(feature = "vp9")]
            Codec::Vp9 => "vp9",
        }
    }

    /// Temporal layers that its encoder makes: 1 or 3.
    pub fn temporal_layers(self) -> u8 {
        match self {
            Codec::H264 => 3,
            #[cfg(feature = "vp9")]
            Codec::Vp9 => 1,
        }
    }

    /// What a coded picture is written in; `None`: something that is not built in, or nothing at all.
    pub fn of(data: &[u8]) -> Option<Self> {
        match *data.first()? {
            0 => Some(Codec::H264),
            number => Codec::ALL.iter().copied().find(|codec| *codec as u8 == number && *codec != Codec::H264),
        }
    }

    /// The one to send in: what is `wished`, where everybody who receives can read it. Each is asked by the numbers that it says it
    /// reads; who says nothing reads H.264.
    pub fn for_all<'a>(wished: Codec, mut readers: impl Iterator<Item = &'a [u32]>) -> Self {
        let everybody = readers.all(|numbers| numbers.contains(&u32::from(wished as u8)));
        if everybody { wished } else { Codec::H264 }
    }

    /// An encoder, to be used on one thread.
    ///
    /// # Errors
    /// The library does not take the configuration.
    pub fn encoder(self, config: &VideoConfig) -> Result<Box<dyn VideoEncoder>, CodecError> {
        match self {
            Codec::H264 => Ok(Box::new(H264Encoder::new(config)?)),
            #[cfg(feature = "vp9")]
            Codec::Vp9 => Ok(Box::new(Vp9Encoder::new(config))),
        }
    }

    /// A decoder, to be used on one thread.
    ///
    /// # Errors
    /// The library cannot start.
    pub fn decoder(self) -> Result<Box<dyn VideoDecoder>, CodecError> {
        match self {
            Codec::H264 => Ok(Box::new(H264Decoder::new()?)),
            #[cfg(feature = "vp9")]
            Codec::Vp9 => Ok(Box::new(Vp9Decoder::new()?)),
        }
    }
}

impl std::str::FromStr for Codec {
    type Err = CodecError;

    /// Reads a [`Codec::name`].
    fn from_str(name: &str) -> Result<Self, CodecError> {
        let found = Codec::ALL.iter().copied().find(|codec| codec.name() == name);
        found.ok_or_else(|| CodecError::Unknown(name.to_owned()))
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
    /// A name that is no codec's, or of one that is not built in.
    #[error("{0:?} is no codec that is built in")]
    Unknown(String),
}

/// One encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// It can be decoded without any other.
    pub key: bool,
    /// Its temporal layer: it refers to no picture of a higher one.
    pub temporal: u8,
    /// Nothing refers to it.
    pub discardable: bool,
    /// As it travels: [`Codec::of`] tells what it is.
    pub data: Bytes,
}

/// Turns pictures into packets, one by one, without delay.
pub trait VideoEncoder: Send {
    /// Encodes a picture taken at `at_us`; `key` asks for a key frame. `None` if the encoder left the picture out to
    /// keep its rate. A picture of a new size gives a key frame.
    ///
    /// Temporal layers repeat with a period of one, two or four pictures from a key frame on, each referring to the latest
    /// picture of a lower layer: what receivers and relays take for granted.
    ///
    /// # Errors
    /// The encoder is of no more use.
    fn encode(&mut self, picture: &I420, at_us: u64, key: bool) -> Result<Option<Packet>, CodecError>;

    /// Changes the target from the next picture on, in bits a second.
    ///
    /// # Errors
    /// The library does not take it.
    fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError>;

    /// Changes how many pictures a second are taken to come, which is what they are given bits by.
    ///
    /// # Errors
    /// The library does not take it.
    fn set_fps(&mut self, fps: u32) -> Result<(), CodecError>;
}

/// Turns packets into pictures. Bytes may be anybody's: whatever they are, the answer is a picture or an error.
pub trait VideoDecoder: Send {
    /// Decodes one packet; `None` if it gave no picture.
    ///
    /// # Errors
    /// The bytes are broken, or the picture that they refer to is missing: nothing will come until a key frame does.
    fn decode(&mut self, data: &[u8]) -> Result<Option<I420>, CodecError>;
}

#[cfg(test)]
mod tests;
