//! Cameras. [`super::capture`] sees [`FrameSource`]; the crates behind it are known here alone: `nokhwa` lists cameras
//! everywhere and reads them on macOS and Windows, [`linux`] reads them on Linux.
//!
//! A source is opened, read and dropped on one thread, `video-camera`, because a driver may block for as long as it
//! likes.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

use nokhwa::utils::{ApiBackend, CameraIndex};

use super::VideoConfig;
use super::convert::{PixelFormat, RawPicture};
use crate::media::Problem;

#[cfg(target_os = "linux")]
use self::linux as system;
#[cfg(not(target_os = "linux"))]
use self::other as system;

/// A camera that can be picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraInfo {
    /// What `--video camera:ID` takes.
    pub id: String,
    /// The maker's name for it.
    pub name: String,
}

/// Something that gives pictures at its own pace.
pub trait FrameSource {
    /// A name for people.
    fn name(&self) -> String;

    /// Waits for the next picture.
    ///
    /// # Errors
    /// The device is gone or broken; it has to be opened again.
    fn next_picture(&mut self) -> Result<RawPicture, Problem>;
}

/// Opens cameras, again and again until one works.
pub trait CameraOpener: Send {
    /// The id or the name of the camera that was asked for; `None` where any will do.
    fn wanted(&self) -> Option<String>;

    /// Opens the camera that was asked for.
    ///
    /// # Errors
    /// Why it cannot be used now.
    fn open(&mut self) -> Result<Box<dyn FrameSource>, Problem>;

    /// Opens the first other one, if a certain one was asked for and there is another that can be opened.
    fn open_other(&mut self) -> Option<Box<dyn FrameSource>>;
}

/// The cameras of this machine, in the system's order; none if there are none or the system does not say.
pub fn cameras() -> Vec<CameraInfo> {
    let mut found = match nokhwa::query(ApiBackend::Auto) {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "no list of cameras");
            return Vec::new();
        }
    };
    found.sort_by_key(|info| info.index().as_index().unwrap_or(u32::MAX));
    found
        .iter()
        .filter(|info| takes_pictures(info.index()))
        .map(|info| CameraInfo { id: info.index().as_string(), name: info.human_name() })
        .collect()
}

/// Linux gives a camera further nodes, for metadata; the first one of each has the pictures.
#[cfg(target_os = "linux")]
fn takes_pictures(index: &CameraIndex) -> bool {
    std::fs::read_to_string(format!("/sys/class/video4linux/video{}/index", index.as_string()))
        .map_or(true, |position| position.trim() == "0")
}

#[cfg(not(target_os = "linux"))]
fn takes_pictures(_: &CameraIndex) -> bool {
    true
}

/// The camera with an id or a name, or the first one.
#[derive(Debug)]
pub struct SystemCamera {
    pub wanted: Option<String>,
    pub config: VideoConfig,
}

impl CameraOpener for SystemCamera {
    fn wanted(&self) -> Option<String> {
        self.wanted.clone()
    }

    fn open(&mut self) -> Result<Box<dyn FrameSource>, Problem> {
        if !nokhwa::nokhwa_check() {
            nokhwa::nokhwa_initialize(|granted| tracing::info!(granted, "the system was asked for the camera"));
            return Err(Problem::Denied);
        }
        let chosen = pick(cameras(), self.wanted.as_deref()).ok_or(Problem::Missing)?;
        system::open(&chosen, &self.config)
    }

    fn open_other(&mut self) -> Option<Box<dyn FrameSource>> {
        let wanted = self.wanted.as_deref().filter(|_| nokhwa::nokhwa_check())?;
        let tried = others(cameras(), wanted).into_iter().map(|other| system::open(&other, &self.config));
        tried.filter_map(Result::ok).next()
    }
}

/// The cameras that may stand in for the one that was asked for.
fn others(cameras: Vec<CameraInfo>, wanted: &str) -> Vec<CameraInfo> {
    let asked = pick(cameras.clone(), Some(wanted));
    cameras.into_iter().filter(|camera| Some(camera) != asked.as_ref()).collect()
}

/// By id first, then by name or a part of it.
fn pick(cameras: Vec<CameraInfo>, wanted: Option<&str>) -> Option<CameraInfo> {
    let Some(wanted) = wanted else { return cameras.into_iter().next() };
    let by_id = cameras.iter().find(|camera| camera.id == wanted);
    let by_name = || cameras.iter().find(|camera| camera.name.to_lowercase().contains(&wanted.to_lowercase()));
    by_id.or_else(by_name).cloned()
}

/// A way in which a camera gives pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offer {
    format: PixelFormat,
    width: u32,
    height: u32,
    /// Pictures in 1000 seconds.
    millihertz: u32,
}

/// The offer nearest to what is wanted: a rate of nearly what is asked, then the size, then the rate, then the format
/// that costs least. The first of those that are alike.
fn choose<'a, T>(offers: &'a [T], want: &VideoConfig, read: impl Fn(&T) -> Offer) -> Option<&'a T> {
    offers.iter().min_by_key(|offer| {
        let offer = read(offer);
        let cheap = match offer.format {
            PixelFormat::I420 | PixelFormat::Nv12 => 0,
            PixelFormat::Yuyv => 1,
            PixelFormat::Rgb => 2,
            PixelFormat::Mjpeg => 3,
        };
        let wanted = want.fps.saturating_mul(1000);
        let slow = u64::from(offer.millihertz) * 5 < u64::from(wanted) * 4;
        let size = offer.width.abs_diff(want.width) + offer.height.abs_diff(want.height);
        // A hundredth of a picture a second is no difference.
        (slow, size, offer.millihertz.abs_diff(wanted) / 10, cheap)
    })
}

/// What a driver's message means to a user. `running` if the camera gave pictures before.
#[cfg(any(test, not(target_os = "linux")))]
fn classify(message: &str, running: bool) -> Problem {
    let low = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| low.contains(word));
    if says(&["permission denied", "os error 13", "access denied", "not permitted", "0x80070005", "unauthorized"]) {
        Problem::Denied
    } else if says(&["busy", "os error 16", "in use", "0xc00d3ea2", "0xc00d3704"]) {
        Problem::Busy
    } else if says(&["no such device", "os error 19", "os error 6)", "no such file", "os error 2)", "not found"]) {
        if running { Problem::Unplugged } else { Problem::Missing }
    } else {
        Problem::Other(message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_nearest_to_the_wish_is_taken() {
        let offer = |width, height, format, millihertz| Offer { format, width, height, millihertz };
        let offers = [
            offer(1280, 720, PixelFormat::Yuyv, 10_000),
            offer(1280, 720, PixelFormat::Yuyv, 12_500),
            offer(1280, 720, PixelFormat::Mjpeg, 29_970),
            offer(640, 480, PixelFormat::Yuyv, 30_000),
            offer(640, 480, PixelFormat::Mjpeg, 30_000),
            offer(1920, 1080, PixelFormat::Mjpeg, 30_000),
        ];
        let wish = VideoConfig::default();
        let choose = |offers: &[Offer], wish| choose(offers, wish, |offer| *offer).copied();
        assert_eq!(choose(&offers, &wish), Some(offers[2]), "a full rate before a cheap format");
        let small = VideoConfig { width: 640, height: 480, ..wish };
        assert_eq!(choose(&offers, &small), Some(offers[3]), "the cheap format where all else is alike");
        assert_eq!(choose(&offers[..2], &wish), Some(offers[1]), "a slow camera is better than none");
        assert_eq!(choose(&[], &wish), None);
    }

    #[test]
    fn what_drivers_say_is_told_apart() {
        for (message, running, problem) in [
            ("Could not open device 0: V4L2 Error: Permission denied (os error 13)", false, Problem::Denied),
            ("Could not open device stream: Device or resource busy (os error 16)", false, Problem::Busy),
            ("Could not open device 0: V4L2 Error: No such file or directory (os error 2)", false, Problem::Missing),
            ("Could not capture frame: No such device (os error 19)", true, Problem::Unplugged),
            ("it smells", true, Problem::Other("it smells".into())),
        ] {
            assert_eq!(classify(message, running), problem, "{message}");
        }
    }

    #[test]
    fn a_camera_is_picked_by_id_or_name_or_first() {
        let info = |id: &str, name: &str| CameraInfo { id: id.into(), name: name.into() };
        let all = vec![info("0", "Lid"), info("2", "Desk 0")];
        assert_eq!(pick(all.clone(), None).unwrap().id, "0");
        assert_eq!(pick(all.clone(), Some("2")).unwrap().id, "2");
        assert_eq!(pick(all.clone(), Some("desk")).unwrap().id, "2");
        assert_eq!(pick(all.clone(), Some("gone")), None);
        assert_eq!(pick(Vec::new(), None), None);
        let ids = |wanted| others(all.clone(), wanted).into_iter().map(|camera| camera.id).collect::<Vec<_>>();
        assert_eq!([ids("gone"), ids("0"), ids("desk")], [vec!["0", "2"], vec!["2"], vec!["0"]]);
    }

    #[test]
    fn listing_and_opening_without_a_camera_does_not_panic() {
        let listed = cameras();
        let mut opener = SystemCamera { wanted: Some("no such camera".into()), config: VideoConfig::default() };
        assert_eq!(opener.open().err(), Some(Problem::Missing), "{listed:?}");
        if listed.is_empty() {
            assert!(opener.open_other().is_none());
        }
    }
}
