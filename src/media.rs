//! Devices, codecs, pictures and sound: level 1.
//!
//! Called by `call`, which hands encoded frames to the network and pushes what arrives back in here. Threads
//! wait for hardware and for the wall clock; nothing here knows a socket, a relay or `net`, and nothing here waits for a
//! reader: a full channel drops and counts.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::clock;
use crate::proto::{Layer, ParticipantId, Track};

pub mod audio;
mod control;
pub mod screen;
pub mod sync;
pub mod video;
pub mod wav;

/// A coded frame of a track, ready to be numbered, sealed and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub track: Track,
    pub layer: Layer,
    /// Needs nothing before it. Every audio packet does without.
    pub key: bool,
    /// Nothing refers to it.
    pub discardable: bool,
    /// Audio: silence follows, and no packet until it ends or a refresh is due (0.4 s). Of pictures: see
    /// [`MediaHeader::is_layered`](crate::proto::MediaHeader::is_layered).
    pub dtx: bool,
    /// When its first sample was taken or its picture was shot, in µs of the [`MediaClock`].
    pub capture_us: u64,
    pub data: Bytes,
}

/// The one capture clock of this instance, µs since its start: audio and video are stamped by the same one, so that
/// a receiver can align lips.
#[derive(Debug, Clone, Copy)]
pub struct MediaClock {
    start: Instant,
}

impl MediaClock {
    /// A clock that reads 0 now.
    pub fn start() -> Self {
        Self::starting(clock::now())
    }

    /// A clock that reads 0 at `start`.
    pub fn starting(start: Instant) -> Self {
        Self { start }
    }

    /// µs from the start to `at`; 0 for anything earlier.
    pub fn us_at(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX)
    }

    /// The moment at which the clock reads `us`, or `None` where the platform's clock does not reach that far.
    pub fn at_us(&self, us: u64) -> Option<Instant> {
        self.start.checked_add(Duration::from_micros(us))
    }
}

/// What a person can plug in, pick or forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    Microphone,
    Speaker,
    Camera,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Device::Microphone => "microphone",
            Device::Speaker => "speaker",
            Device::Camera => "camera",
        })
    }
}

/// Why a device does not work. Displayed as what is wrong and what to do about it, to stand behind the device's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is none, or not the one that was asked for.
    Missing,
    /// The system does not let us.
    Denied,
    /// Another program has it.
    Busy,
    /// It worked and is gone.
    Unplugged,
    /// In the system's words.
    Other(String),
}

impl Problem {
    /// The same as displayed, and of a device that is denied where exactly to allow it.
    pub fn words(&self, what: Device) -> String {
        match self {
            Problem::Denied => format!("not allowed: {}", how_to_allow(what)),
            problem => problem.to_string(),
        }
    }
}

/// Where a person lets this app use a device.
pub fn how_to_allow(what: Device) -> String {
    if !cfg!(target_os = "linux") {
        return "let this app use it in the system's privacy settings".to_owned();
    }
    let group = if what == Device::Camera { "video" } else { "audio" };
    format!("add yourself to the group {group} (sudo usermod -aG {group} $USER), then log in again")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing => f.write_str("not found: plug it in, or pick another one in the settings"),
            Problem::Denied => f.write_str("not allowed: let this app use it in the system's privacy settings"),
            Problem::Busy => f.write_str("in use by another program: close that program, or pick another one"),
            Problem::Unplugged => f.write_str("unplugged: plug it in again, or pick another one in the settings"),
            Problem::Other(error) => write!(f, "not working ({error}): unplug and replug it, or pick another one"),
        }
    }
}

/// What happened to media, for the user and for the other side. The call goes on through all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A device does not work; it is tried again until it does.
    Device { what: Device, problem: Problem },
    /// A device was opened and works, the first time and each time after: its name, and the id or name of the one that was
    /// asked for where another one stands in.
    DeviceInUse { what: Device, name: String, instead_of: Option<String> },
    /// The decoder cannot go on without a key frame of this size.
    KeyFrameNeeded { peer: ParticipantId, track: Track, spatial: u8 },
    /// The first frame of a peer's track was decoded.
    FirstFrame { peer: ParticipantId, track: Track },
    /// Something stopped for good (a recording, an encoder) while the call goes on: what, and why.
    Failed { what: &'static str, error: String },
    /// A file that stood in for a device came to its end; silence or the last picture follows.
    Ended { what: Device },
    /// The share of this number runs; what it shows, for people.
    Sharing { number: u64, name: String },
    /// The share of this number is over by itself, and why where the user should know.
    SharingEnded { number: u64, trouble: Option<String> },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Device { what, problem } => write!(f, "{what} {}", problem.words(*what)),
            Event::DeviceInUse { what, name, instead_of: None } => write!(f, "{what} works: {name}"),
            Event::DeviceInUse { what, name, instead_of: Some(asked) } => {
                write!(f, "{what} works: {name}, in place of {asked}")
            }
            Event::KeyFrameNeeded { peer, track, spatial } => {
                write!(f, "key frame needed of {peer} {} size {spatial}", track.name())
            }
            Event::FirstFrame { peer, track } => write!(f, "first frame of {peer} {}", track.name()),
            Event::Failed { what, error } => write!(f, "{what} stopped: {error}"),
            Event::Ended { what } => write!(f, "the file in place of the {what} has ended"),
            Event::Sharing { name, .. } => write!(f, "you share {name}"),
            Event::SharingEnded { trouble: None, .. } => write!(f, "you share nothing any more"),
            Event::SharingEnded { trouble: Some(trouble), .. } => f.write_str(trouble),
        }
    }
}

/// Hands on an event. They are few: when nobody reads them they are dropped rather than waited for.
fn tell(events: &mpsc::Sender<Event>, event: Event) {
    if let Err(error) = events.try_send(event) {
        tracing::debug!(%error, "an event of media is lost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_reads_microseconds_and_never_less_than_nothing() {
        let clock = MediaClock::start();
        assert_eq!(clock.us_at(clock.start + Duration::from_millis(1500)), 1_500_000);
        assert_eq!(clock.at_us(20_000), Some(clock.start + Duration::from_millis(20)));
        assert_eq!(clock.start.checked_sub(Duration::from_secs(1)).map(|before| clock.us_at(before)), Some(0));
    }

    #[test]
    fn a_problem_says_what_to_do() {
        for (problem, says) in [
            (Problem::Missing, "not found: plug it in"),
            (Problem::Busy, "in use by another program: close that program"),
            (Problem::Unplugged, "unplugged: plug it in again"),
            (Problem::Other("error 5".into()), "not working (error 5): unplug and replug it"),
            (Problem::Denied, "not allowed: "),
        ] {
            let event = Event::Device { what: Device::Microphone, problem: problem.clone() }.to_string();
            assert!(event.starts_with(&format!("microphone {says}")), "{event}");
            assert!(problem.to_string().starts_with(says), "{problem}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_may_not_use_a_device_is_told_the_group_that_may() {
        for (what, group) in [(Device::Camera, "video"), (Device::Microphone, "audio"), (Device::Speaker, "audio")] {
            assert!(Problem::Denied.words(what).contains(&format!("group {group} ")));
        }
    }

    #[test]
    fn a_stand_in_is_told_with_what_it_stands_for() {
        let event = |instead_of| Event::DeviceInUse { what: Device::Camera, name: "Lid".into(), instead_of };
        assert_eq!(event(None).to_string(), "camera works: Lid");
        assert_eq!(event(Some("Desk".into())).to_string(), "camera works: Lid, in place of Desk");
    }
}
