//! Wayland: the desktop's own picker asks what to share, by the ScreenCast portal, and PipeWire brings the pictures (`xcap`).
//!
//! The pointer is in the pictures if the desktop puts it there. Pictures come when something changes, from a thread of
//! `xcap`'s; the newest one waits here.

use std::sync::Arc;
use std::time::Duration;

use xcap::{Frame, Monitor, VideoRecorder};
use yuv::{YuvConversionMode, YuvRange, YuvStandardMatrix, rgba_to_yuv420};

use super::{ScreenError, ScreenGrabber, ScreenInfo, Screens};
use crate::media::video::newest::Newest;
use crate::media::video::picture::{self, I420};

/// The first picture may take so long after the user chose.
const FIRST: Duration = Duration::from_secs(10);

/// One entry: the desktop asks.
pub fn screens() -> Screens {
    let asked = ScreenInfo {
        id: "portal".into(),
        name: "What you pick in the desktop's own dialog".into(),
        width: 0,
        height: 0,
    };
    Screens {
        screens: vec![asked],
        windows: Vec::new(),
        note: Some("On Wayland the desktop asks what to share.".into()),
    }
}

/// Asks the user and waits for the answer.
pub fn open() -> Result<Box<dyn ScreenGrabber>, ScreenError> {
    let monitors = Monitor::all().map_err(|error| no_portal(&error.to_string()))?;
    let monitor = monitors.first().ok_or_else(|| no_portal("it lists no screen"))?;
    let (recorder, frames) = monitor.video_recorder().map_err(|error| refused(&error.to_string()))?;
    recorder.start().map_err(|error| ScreenError::Other(error.to_string()))?;
    let newest = Arc::new(Newest::default());
    let place = Arc::clone(&newest);
    // Ends with the recorder's own thread.
    std::thread::Builder::new()
        .name("screen-portal".into())
        .spawn(move || {
            for frame in frames {
                place.put(frame);
            }
        })
        .map_err(|error| ScreenError::Other(error.to_string()))?;
    Ok(Box::new(Portal { recorder, newest, patience: FIRST }))
}

fn no_portal(error: &str) -> ScreenError {
    ScreenError::NoScreen(format!("on Wayland it takes XWayland and xdg-desktop-portal ({error})"))
}

/// What the portal says where the user closes its dialog, or it is not there.
fn refused(error: &str) -> ScreenError {
    if error.contains("canceled") {
        ScreenError::Cancelled
    } else if error.contains("Response code") || error.contains("AccessDenied") {
        ScreenError::Denied(error.to_owned())
    } else {
        no_portal(error)
    }
}

struct Portal {
    recorder: VideoRecorder,
    newest: Arc<Newest<Frame>>,
    /// How long a picture is waited for.
    patience: Duration,
}

impl ScreenGrabber for Portal {
    fn name(&self) -> String {
        "what you picked".into()
    }

    fn grab(&mut self, into: &mut I420) -> Result<bool, ScreenError> {
        let first = !self.patience.is_zero();
        let Some(frame) = self.newest.take(std::mem::take(&mut self.patience)) else {
            return if first { Err(ScreenError::Other("no picture came".into())) } else { Ok(false) };
        };
        convert(&frame, into)?;
        Ok(true)
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if let Err(error) = self.recorder.stop() {
            tracing::warn!(%error, "the desktop goes on recording");
        }
    }
}

fn convert(frame: &Frame, into: &mut I420) -> Result<(), ScreenError> {
    let (width, height) = (frame.width & !1, frame.height & !1);
    let short = || ScreenError::Other(format!("a picture of {width} x {height} in {} bytes", frame.raw.len()));
    if !picture::size_is_sound(width, height) || frame.raw.len() < frame.width as usize * frame.height as usize * 4 {
        return Err(short());
    }
    if (into.width(), into.height()) != (width, height) {
        *into = I420::black(width, height);
    }
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    let mode = YuvConversionMode::Balanced;
    let stride = frame.raw.len() as u32 / frame.height;
    let rows = &frame.raw[..stride as usize * height as usize];
    rgba_to_yuv420(&mut crate::media::video::convert::planar(into), rows, stride, range, matrix, mode)
        .map_err(|error| ScreenError::Other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_that_is_closed_is_no_trouble_and_a_portal_that_is_not_there_is() {
        assert_eq!(refused("Z-Bus canceled"), ScreenError::Cancelled);
        assert!(matches!(refused("Response code is 2"), ScreenError::Denied(_)));
        let missing = refused("I/O error: no such file").to_string();
        assert!(missing.contains("xdg-desktop-portal"), "{missing}");
    }

    #[test]
    fn a_short_picture_is_refused_and_an_odd_one_is_cut() {
        let mut into = I420::black(2, 2);
        assert!(convert(&Frame::new(64, 32, vec![0; 100]), &mut into).is_err());
        assert!(convert(&Frame::new(0, 0, Vec::new()), &mut into).is_err());
        convert(&Frame::new(65, 33, vec![255; 65 * 33 * 4]), &mut into).unwrap();
        assert_eq!((into.width(), into.height()), (64, 32));
        assert!(into.y().iter().all(|level| *level >= 234));
    }
}
