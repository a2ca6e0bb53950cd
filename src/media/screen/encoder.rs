//! H.264 for screens: OpenH264 in its screen-content mode, which finds what was scrolled and skips what stands still, with
//! a quantiser for each picture in place of its rate control. Used by [`super::share`] on its thread.
//!
//! One size, one layer. Against camera mode a page of text that is scrolled costs a tenth (measured at 1280x720: 38 to 98 kbit
//! a picture in place of 95 to 459). Never: a picture that refers to one that was not given out.

use bytes::Bytes;
use openh264::encoder::{RateControlMode, UsageType};

use super::detail::Shot;
use crate::media::video::CodecError;
use crate::media::video::libopenh264::{self, Library};
use crate::media::video::picture::{self, I420};

/// The library wants a rate and does not keep it: its rate control is off.
const NOMINAL_BPS: u32 = 2_000_000;
const NOMINAL_FPS: f32 = 15.0;

/// See the module.
pub struct ScreenEncoder {
    running: Option<Running>,
}

/// The library with pictures of one size.
struct Running {
    library: Library,
    size: (u32, u32),
    quantiser: Option<u8>,
    /// A picture was given out: others may refer to it.
    begun: bool,
}

impl ScreenEncoder {
    /// An encoder that begins with a key frame.
    pub fn new() -> Self {
        Self { running: None }
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
        let encoded = running.encode(picture, at_us, shot)?;
        self.running = Some(running);
        Ok(encoded)
    }
}

impl Running {
    fn start(size: (u32, u32)) -> Result<Self, CodecError> {
        let (usage, control) = (UsageType::ScreenContentRealTime, RateControlMode::Off);
        let settings = libopenh264::settings(usage, control, NOMINAL_BPS, NOMINAL_FPS)
            // Neither is there in this mode, and the library would say so.
            .adaptive_quantization(false)
            .background_detection(false);
        let mut library = Library::open(settings)?;
        library.begin(size.0, size.1)?;
        Ok(Self { library, size, quantiser: None, begun: false })
    }

    fn encode(&mut self, picture: &I420, at_us: u64, shot: Shot) -> Result<(bool, Bytes), CodecError> {
        if self.quantiser != Some(shot.quantiser) {
            let quantiser = shot.quantiser;
            self.library.change(format_args!("quantiser {quantiser}"), |all| {
                all.sSpatialLayers[0].iDLayerQp = quantiser.into();
            })?;
            self.quantiser = Some(quantiser);
        }
        let coded = self.library.encode(picture, at_us, shot.key || !self.begun)?;
        let coded = coded.ok_or_else(|| CodecError::Encoder("a picture was left out".into()))?;
        self.begun = true;
        Ok((coded.key, coded.data))
    }
}

#[cfg(test)]
mod tests;
