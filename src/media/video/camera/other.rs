//! A camera by `nokhwa`, on macOS and Windows.

use nokhwa::Camera;
use nokhwa::utils::{CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};

use super::{CameraInfo, FrameSource, Offer, choose, classify};
use crate::media::Problem;
use crate::media::video::VideoConfig;
use crate::media::video::convert::{PixelFormat, RawPicture};

const FORMATS: [FrameFormat; 4] = [FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::MJPEG, FrameFormat::RAWRGB];

/// Opens a camera in the way nearest to what is wanted.
///
/// # Errors
/// Why it cannot be used now.
pub fn open(chosen: &CameraInfo, want: &VideoConfig) -> Result<Box<dyn FrameSource>, Problem> {
    let index = chosen.id.parse().map_or_else(|_| CameraIndex::String(chosen.id.clone()), CameraIndex::Index);
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let problem = |error: nokhwa::NokhwaError| classify(&error.to_string(), false);
    let mut camera = Camera::new(index, any).map_err(problem)?;
    let offers = camera.compatible_camera_formats().map_err(problem)?;
    let offers: Vec<_> = offers.iter().filter_map(|offer| Some((*offer, read(offer)?))).collect();
    if let Some((best, _)) = choose(&offers, want, |(_, offer)| *offer) {
        let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(*best), &FORMATS);
        camera.set_camera_requset(exact).map_err(problem)?;
    }
    camera.open_stream().map_err(problem)?;
    tracing::info!(name = chosen.name, format = %camera.camera_format(), "the camera is open");
    Ok(Box::new(OpenCamera { name: chosen.name.clone(), camera }))
}

struct OpenCamera {
    name: String,
    camera: Camera,
}

impl FrameSource for OpenCamera {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn next_picture(&mut self) -> Result<RawPicture, Problem> {
        let buffer = self.camera.frame().map_err(|error| classify(&error.to_string(), true))?;
        let format = pixel_format(buffer.source_frame_format())
            .ok_or_else(|| Problem::Other(format!("pictures of kind {}", buffer.source_frame_format())))?;
        let size = buffer.resolution();
        Ok(RawPicture { format, width: size.width(), height: size.height(), data: buffer.buffer_bytes() })
    }
}

fn read(offer: &CameraFormat) -> Option<Offer> {
    let format = pixel_format(offer.format())?;
    let millihertz = offer.frame_rate().saturating_mul(1000);
    Some(Offer { format, width: offer.width(), height: offer.height(), millihertz })
}

fn pixel_format(format: FrameFormat) -> Option<PixelFormat> {
    match format {
        FrameFormat::NV12 => Some(PixelFormat::Nv12),
        FrameFormat::YUYV => Some(PixelFormat::Yuyv),
        FrameFormat::MJPEG => Some(PixelFormat::Mjpeg),
        FrameFormat::RAWRGB => Some(PixelFormat::Rgb),
        FrameFormat::GRAY | FrameFormat::RAWBGR => None,
    }
}
