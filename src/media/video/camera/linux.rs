//! A camera by Video4Linux. `nokhwa` takes whole pictures a second alone here: it refuses a camera that gives 29.97 or 12.5,
//! or was left at that by another program.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use rustix::io::Errno;
use v4l::buffer::{Flags, Type};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::traits::CaptureStream;
use v4l::prelude::MmapStream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use super::{CameraInfo, FrameSource, Offer, choose};
use crate::media::Problem;
use crate::media::video::VideoConfig;
use crate::media::video::convert::{PixelFormat, RawPicture};

/// Pictures that the driver may hold.
const BUFFERS: u32 = 4;
/// A camera that gives nothing for so long is opened again.
const SILENCE: Duration = Duration::from_secs(5);

const FORMATS: [(&[u8; 4], PixelFormat); 5] = [
    (b"NV12", PixelFormat::Nv12),
    (b"YU12", PixelFormat::I420),
    (b"YUYV", PixelFormat::Yuyv),
    (b"RGB3", PixelFormat::Rgb),
    (b"MJPG", PixelFormat::Mjpeg),
];

/// Opens a camera in the way nearest to what is wanted; one that gives something near that instead is taken as it is.
///
/// # Errors
/// Why it cannot be used now.
pub fn open(chosen: &CameraInfo, want: &VideoConfig) -> Result<Box<dyn FrameSource>, Problem> {
    let problem = |error: io::Error| classify(&error, false);
    let index: usize = chosen.id.parse().map_err(|_| Problem::Missing)?;
    let device = Device::new(index).map_err(problem)?;
    let offers = offers(&device, want).map_err(problem)?;
    let best = choose(&offers, want, |(offer, _)| *offer);
    let format = match best {
        Some((offer, _)) => {
            device.set_format(&Format::new(offer.width, offer.height, fourcc(offer.format))).map_err(problem)?
        }
        None => device.format().map_err(problem)?,
    };
    let pixels = pixel_format(format.fourcc)
        .ok_or_else(|| Problem::Other(format!("it gives pictures of kind {} alone", format.fourcc)))?;
    if let Some((_, Some(interval))) = best
        && let Err(error) = device.set_params(&Parameters::new(*interval))
    {
        tracing::debug!(%error, "the camera keeps its own rate");
    }
    let mut stream = MmapStream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(problem)?;
    stream.set_timeout(SILENCE);
    let interval = device.params().ok().map(|params| params.interval);
    tracing::info!(name = chosen.name, %format.fourcc, format.width, format.height, ?interval, "the camera is open");
    let (name, node) = (chosen.name.clone(), PathBuf::from(format!("/dev/video{index}")));
    Ok(Box::new(OpenCamera { name, node, pixels, width: format.width, height: format.height, stream }))
}

struct OpenCamera {
    name: String,
    node: PathBuf,
    pixels: PixelFormat,
    width: u32,
    height: u32,
    stream: MmapStream<'static>,
}

impl FrameSource for OpenCamera {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn next_picture(&mut self) -> Result<RawPicture, Problem> {
        loop {
            let (data, meta) = self.stream.next().map_err(|error| match error.kind() {
                // A driver may report anything of a device that was pulled out.
                _ if !self.node.exists() => Problem::Unplugged,
                io::ErrorKind::TimedOut => Problem::Other("it gives no picture".into()),
                _ => classify(&error, true),
            })?;
            // The driver says itself that this one is broken.
            if meta.flags.contains(Flags::ERROR) {
                continue;
            }
            let used = data.get(..meta.bytesused as usize).filter(|used| !used.is_empty()).unwrap_or(data);
            let data = Bytes::copy_from_slice(used);
            return Ok(RawPicture { format: self.pixels, width: self.width, height: self.height, data });
        }
    }
}

/// What a driver's error means to a user. `running` if the camera was open.
fn classify(error: &io::Error, running: bool) -> Problem {
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => Problem::Denied,
        Some(Errno::BUSY) => Problem::Busy,
        Some(Errno::NODEV | Errno::NXIO | Errno::NOENT) if running => Problem::Unplugged,
        Some(Errno::NODEV | Errno::NXIO | Errno::NOENT) => Problem::Missing,
        _ => Problem::Other(error.to_string()),
    }
}

fn pixel_format(fourcc: FourCC) -> Option<PixelFormat> {
    FORMATS.iter().find(|(name, _)| **name == fourcc.repr).map(|(_, format)| *format)
}

fn fourcc(format: PixelFormat) -> FourCC {
    let name = FORMATS.iter().find(|(_, known)| *known == format).map_or(b"YUYV", |(name, _)| *name);
    FourCC::new(name)
}

/// What the camera offers, with the interval between pictures to ask for; `None` where it does not say.
fn offers(device: &Device, want: &VideoConfig) -> io::Result<Vec<(Offer, Option<Fraction>)>> {
    let mut offers = Vec::new();
    for fourcc in device.enum_formats()?.into_iter().map(|description| description.fourcc) {
        let Some(format) = pixel_format(fourcc) else { continue };
        for (width, height) in sizes(device, fourcc, want) {
            let intervals = device.enum_frameintervals(fourcc, width, height).unwrap_or_default();
            if intervals.is_empty() {
                offers.push((Offer { format, width, height, millihertz: want.fps.saturating_mul(1000) }, None));
            }
            for interval in intervals {
                let interval = match interval.interval {
                    FrameIntervalEnum::Discrete(interval) => interval,
                    FrameIntervalEnum::Stepwise(range) => within(&range.min, &range.max, want.fps),
                };
                offers.push((Offer { format, width, height, millihertz: millihertz(&interval) }, Some(interval)));
            }
        }
    }
    Ok(offers)
}

/// The sizes of a format, or of a range the one nearest to what is wanted.
fn sizes(device: &Device, fourcc: FourCC, want: &VideoConfig) -> Vec<(u32, u32)> {
    let sizes = device.enum_framesizes(fourcc).unwrap_or_default().into_iter();
    sizes
        .map(|size| match size.size {
            FrameSizeEnum::Discrete(size) => (size.width, size.height),
            FrameSizeEnum::Stepwise(range) => (
                step(want.width, range.min_width, range.max_width, range.step_width),
                step(want.height, range.min_height, range.max_height, range.step_height),
            ),
        })
        .collect()
}

/// The last value of `least`, `least + by`, ... that is neither above `wanted` nor above `most`.
fn step(wanted: u32, least: u32, most: u32, by: u32) -> u32 {
    let room = wanted.min(most).saturating_sub(least);
    least + room / by.max(1) * by.max(1)
}

/// The interval of a rate, kept between the shortest and the longest.
fn within(shortest: &Fraction, longest: &Fraction, fps: u32) -> Fraction {
    let wanted = fps.saturating_mul(1000);
    if wanted > millihertz(shortest) {
        *shortest
    } else if wanted < millihertz(longest) {
        *longest
    } else {
        Fraction::new(1, fps)
    }
}

/// Pictures in 1000 seconds.
fn millihertz(interval: &Fraction) -> u32 {
    let rate = u64::from(interval.denominator) * 1000 / u64::from(interval.numerator.max(1));
    u32::try_from(rate).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drivers_report_is_told_apart() {
        let problem = |error: Errno, running| classify(&io::Error::from_raw_os_error(error.raw_os_error()), running);
        for (error, running, expected) in [
            (Errno::ACCESS, false, Problem::Denied),
            (Errno::PERM, false, Problem::Denied),
            (Errno::BUSY, false, Problem::Busy),
            (Errno::BUSY, true, Problem::Busy),
            (Errno::NOENT, false, Problem::Missing),
            (Errno::NODEV, false, Problem::Missing),
            (Errno::NXIO, false, Problem::Missing),
            (Errno::NODEV, true, Problem::Unplugged),
        ] {
            assert_eq!(problem(error, running), expected, "{error}");
        }
        assert!(matches!(problem(Errno::IO, true), Problem::Other(_)));
        assert_eq!(classify(&io::Error::other("it smells"), false), Problem::Other("it smells".into()));
    }

    #[test]
    fn a_rate_may_be_broken() {
        assert_eq!(millihertz(&Fraction::new(1001, 30_000)), 29_970);
        assert_eq!(millihertz(&Fraction::new(2, 25)), 12_500);
        assert_eq!(millihertz(&Fraction::new(0, 30)), 30_000);
    }

    #[test]
    fn of_a_range_the_nearest_is_asked_for() {
        let (shortest, longest) = (Fraction::new(1, 60), Fraction::new(1, 10));
        let asked = |fps| millihertz(&within(&shortest, &longest, fps));
        assert_eq!([asked(30), asked(120), asked(5)], [30_000, 60_000, 10_000]);
        assert_eq!(step(1280, 48, 1920, 16), 1280);
        assert_eq!(step(1280, 2, 640, 4), 638);
        assert_eq!(step(100, 320, 1920, 0), 320);
    }

    #[test]
    fn every_format_has_a_name() {
        for (name, format) in FORMATS {
            assert_eq!(fourcc(format).repr, *name);
            assert_eq!(pixel_format(FourCC::new(name)), Some(format));
        }
        assert_eq!(pixel_format(FourCC::new(b"GREY")), None);
    }
}
