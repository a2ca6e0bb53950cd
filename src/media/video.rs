//! Pictures: where they come from, what they become on the wire, and what becomes of those that arrive.
//!
//! `call` starts one [`Capture`] for what it sends and one [`Receiver`] for everything that it gets. Cameras are known to
//! `camera` alone, OpenH264 to `libopenh264` and those above it, libvpx to `vp9` alone. Never: a queue of old pictures, a panic
//! because of bytes, a file or a device, a call that ends because a camera did.

pub mod barcode;
mod camera;
pub mod capture;
pub mod codec;
pub(super) mod convert;
pub mod guard;
mod h264;
pub mod ladder;
pub(super) mod libopenh264;
pub(super) mod newest;
pub mod pattern;
pub mod picture;
pub mod pictures;
pub mod receiver;
pub mod scale;
pub mod sizes;
#[cfg(feature = "vp9")]
mod vp9;
pub mod y4m;

use std::path::PathBuf;

pub use camera::{CameraInfo, cameras};
pub use capture::{Capture, Figures};
pub use codec::{Codec, CodecError, VideoDecoder, VideoEncoder};
pub use picture::{I420, I420View};
pub use pictures::{Of, Pictures, Shown};
pub use receiver::{Receiver, VideoIn, VideoPeerStats};

use super::Event;

/// Where the pictures come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoSource {
    /// A camera by its id or its name, or the first one.
    Camera(Option<String>),
    /// The moving test picture with the frame's number in it.
    Pattern,
    /// A y4m file, 4:2:0 with 8 bits, over and over.
    File(PathBuf),
    Off,
}

impl std::str::FromStr for VideoSource {
    type Err = VideoError;

    /// Reads `camera[:ID]`, `pattern`, `file:PATH` or `off`.
    fn from_str(text: &str) -> Result<Self, VideoError> {
        let (kind, rest) = text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
        Ok(match (kind, rest) {
            ("camera", id) => VideoSource::Camera(id.filter(|id| !id.is_empty()).map(str::to_owned)),
            ("pattern", None) => VideoSource::Pattern,
            ("file", Some(path)) if !path.is_empty() => VideoSource::File(path.into()),
            ("off", None) => VideoSource::Off,
            _ => return Err(VideoError::Source(text.to_owned())),
        })
    }
}

impl VideoSource {
    /// Looks whether the source can be used at all, so that a mistake in a flag is an error at once. A camera may
    /// come later, so it always passes.
    ///
    /// # Errors
    /// The file is missing or is no y4m that can be read.
    pub fn check(&self) -> Result<(), VideoError> {
        match self {
            VideoSource::File(path) => y4m::Reader::open(path).map(drop),
            VideoSource::Camera(_) | VideoSource::Pattern | VideoSource::Off => Ok(()),
        }
    }
}

/// Why less is sent than others want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// This computer is too slow for more.
    Computer,
    /// The way out carries no more.
    Network,
}

/// What is to be sent. A camera gives the nearest that it can; a file has a size and a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoConfig {
    /// Pixels, even, 16 to 3840.
    pub width: u32,
    /// Pixels, even, 16 to 3840; the two together at most 3840 x 2160.
    pub height: u32,
    /// Pictures a second, 1 to 120.
    pub fps: u32,
    /// Bits a second: of an encoder, or of a source in all its sizes until something else is said.
    pub bitrate_bps: u32,
    /// What it is sent in where everybody can read it; H.264 otherwise.
    pub codec: Codec,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self { width: 1280, height: 720, fps: 30, bitrate_bps: 1_850_000, codec: Codec::H264 }
    }
}

impl VideoConfig {
    /// What fits a source: the test picture is sent smaller than a camera's.
    pub fn of(source: &VideoSource) -> Self {
        match source {
            VideoSource::Pattern => Self::pattern(),
            _ => Self::default(),
        }
    }

    /// 640x360 and half of it, at 30 pictures a second: the test picture without much work.
    pub fn pattern() -> Self {
        Self { width: 640, height: 360, fps: 30, bitrate_bps: 650_000, codec: Codec::H264 }
    }

    /// The nearest that can be encoded.
    fn sound(self) -> Self {
        let mut width = self.width.clamp(picture::MIN_SIDE, picture::MAX_SIDE) & !1;
        let mut height = self.height.clamp(picture::MIN_SIDE, picture::MAX_SIDE) & !1;
        if !picture::size_is_sound(width, height) {
            (width, height) = (3840, 2160);
        }
        Self { width, height, fps: self.fps.clamp(1, 120), ..self }
    }
}

/// Why pictures cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// Words that name no source.
    #[error("{0:?} is no picture source: camera[:ID], pattern, file:IN.y4m or off")]
    Source(String),
    #[error("{}: {message}", path.display())]
    File { path: PathBuf, message: String },
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// A source that draws any picture when it is due.
trait PictureSource: Send {
    /// Width and height in pixels, the same for every picture.
    fn size(&self) -> (u32, u32);

    /// Draws picture `number`.
    ///
    /// # Errors
    /// It cannot be had, and none after it.
    fn draw(&mut self, number: u64, into: &mut I420) -> Result<(), VideoError>;
}

/// Something stopped for good.
fn failed(what: &'static str, error: &VideoError) -> Event {
    Event::Failed { what, error: error.to_string() }
}
