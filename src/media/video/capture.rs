//! From a source to pictures that are shown and encoded frames: what this participant sends. Called by `call`, and by the
//! window for a preview, which is shown and not encoded.
//!
//! A test picture or a file is drawn and encoded on one thread, paced by absolute deadlines. A camera is read on a
//! thread of its own, since its driver may block, and leaves its newest picture for the encoder's thread; what is encoded of it
//! is less where this computer is too slow ([`guard`](super::guard)). A test picture and a file are encoded whole, whatever it takes. A
//! picture is left out *before* it is encoded when the reader of the frames is behind: a frame left out after that would
//! break every one that refers to it.

mod gate;
mod lane;
mod lens;
mod own;
mod pace;
mod stage;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use self::lens::{Finish, Health};
use self::own::{Canvases, Own};
use self::pace::Pace;
use self::stage::{Room, Shot, Stage};
use super::camera::{CameraOpener, SystemCamera};
use super::ladder::Share;
use super::newest::Newest;
use super::pattern::Pattern;
use super::pictures::Pictures;
use super::sizes::{self, Size};
use super::{Codec, Limit, PictureSource, VideoConfig, VideoError, VideoSource, failed, y4m};
use crate::clock;
use crate::media::control::{self, drop_later};
use crate::media::{Encoded, Event, MediaClock, tell};
use crate::proto::Layer;

/// How long a source waits for room for a frame before it looks again.
const ROOM_CHECK: Duration = Duration::from_millis(5);
/// How long a driver that blocks is waited for at the end; then its thread is left behind.
const DRIVER_PATIENCE: Duration = Duration::from_secs(1);

/// A running source. Dropping it stops and joins its threads.
#[derive(Debug)]
pub struct Capture {
    control: Arc<Control>,
    own: Arc<Own>,
    threads: Vec<JoinHandle<()>>,
    camera: Option<(JoinHandle<()>, Arc<Finish>)>,
}

impl Capture {
    /// Starts a source; encoded frames of the camera track go to `out`, and every picture is shown in `pictures`, until the
    /// source ends. Whatever goes wrong is an event: a source that cannot run sends nothing, a camera that is missing is
    /// looked for until it is there, while the first other one stands in. Unless it `sends`, nothing is encoded until
    /// [`Capture::send`] says so.
    pub fn start(
        source: VideoSource,
        config: VideoConfig,
        sends: bool,
        clock: MediaClock,
        out: mpsc::Sender<Encoded>,
        events: mpsc::Sender<Event>,
        pictures: Pictures,
    ) -> Self {
        let wires = Wires { clock, out, events, pictures };
        let config = config.sound();
        let events = wires.events.clone();
        let idle = Self::idle(wires.pictures.clone(), sends);
        let result = match source {
            VideoSource::Off => return idle,
            VideoSource::Camera(wanted) => {
                idle.start_camera(Box::new(SystemCamera { wanted, config }), lens::BACK_OFF, config, wires)
            }
            VideoSource::Pattern => {
                let pattern = Box::new(Pattern::new(config.width, config.height));
                idle.start_paced(pattern, (config.fps, 1), config, wires)
            }
            VideoSource::File(path) => y4m::Reader::open(&path).and_then(|reader| {
                let rate = reader.rate();
                let config = VideoConfig { fps: rate.0.div_ceil(rate.1.max(1)), ..config };
                idle.start_paced(Box::new(reader), rate, config, wires)
            }),
        };
        result.unwrap_or_else(|error| {
            tell(&events, failed("video", &error));
            Self::idle(Pictures::default(), false)
        })
    }

    /// Encodes and sends the pictures, from a key frame on, or shows them alone: without an encoder.
    pub fn send(&self, on: bool) {
        self.control.lock().sends = on;
    }

    /// Asks for a key frame of a size, or of all, soon: the first request is served at once, further ones at most every 300 ms.
    pub fn force_key(&self, spatial: Option<u8>) {
        self.control.lock().keys |= spatial.map_or(ALL, |spatial| 1 << spatial.min(Layer::MAX_SPATIAL));
    }

    /// What all sizes together may have, bits a second, from the next picture on: which are sent for that, and at which rate, see
    /// [`ladder`](super::ladder). From 50 kbit/s on there is a picture.
    pub fn set_bitrate(&self, bps: u32) {
        self.control.lock().bitrate_bps = Some(bps);
    }

    /// Which sizes somebody wants, bit n for size n; at first the largest alone. One that begins to be wanted begins with a key frame.
    pub fn set_wanted(&self, sizes: u8) {
        self.control.lock().wanted = sizes & ALL;
    }

    /// What is sent from the next picture on, which is then a key frame.
    pub fn set_codec(&self, codec: Codec) {
        self.control.lock().codec = codec;
    }

    /// What is sent now.
    pub fn figures(&self) -> Figures {
        self.control.lock().figures
    }

    /// Stops the source; the same as dropping it. A driver that blocks is left behind after a second.
    pub fn stop(self) {}

    /// Stops the source without waiting for its driver: nothing is shown or sent any more, and a thread of its own sees
    /// the end.
    pub fn stop_later(self) {
        self.tell_to_stop();
        drop_later("video", self);
    }

    fn tell_to_stop(&self) {
        self.control.stop();
        self.own.end();
    }

    fn idle(pictures: Pictures, sends: bool) -> Self {
        let control = Arc::<Control>::default();
        control.lock().sends = sends;
        Self { control, own: Arc::new(Own::new(pictures)), threads: Vec::new(), camera: None }
    }

    fn start_paced(
        mut self,
        source: Box<dyn PictureSource>,
        rate: (u32, u32),
        config: VideoConfig,
        wires: Wires,
    ) -> Result<Self, VideoError> {
        let (control, own) = (Arc::clone(&self.control), Arc::clone(&self.own));
        let stage = Stage::new(config, wires, Arc::clone(&control));
        self.spawn("video-source", move || {
            run_paced(source, rate, stage, &control, &own);
            own.end();
        })?;
        Ok(self)
    }

    fn start_camera(
        mut self,
        opener: Box<dyn CameraOpener>,
        back_off: Duration,
        config: VideoConfig,
        wires: Wires,
    ) -> Result<Self, VideoError> {
        let (control, own) = (Arc::clone(&self.control), Arc::clone(&self.own));
        let (newest, health) = (Arc::new(Newest::default()), Arc::new(Health::new(wires.events.clone())));
        let stage = Stage::new(config, wires, Arc::clone(&control));
        let finish = Arc::new(Finish::default());
        let reader = {
            let (control, newest, health) = (Arc::clone(&control), Arc::clone(&newest), Arc::clone(&health));
            let guard = Finish::guard(&finish);
            move || {
                let _guard = guard;
                lens::read(opener, back_off, &newest, &health, &control);
            }
        };
        self.spawn("video-encode", move || {
            lens::encode(&newest, stage, &health, &control, &own);
            own.end();
        })?;
        let handle =
            std::thread::Builder::new().name("video-camera".into()).spawn(reader).map_err(VideoError::Thread)?;
        self.camera = Some((handle, finish));
        Ok(self)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), VideoError> {
        let handle = std::thread::Builder::new().name(name.into()).spawn(run).map_err(VideoError::Thread)?;
        self.threads.push(handle);
        Ok(())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.tell_to_stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a video thread panicked");
            }
        }
        if let Some((thread, finish)) = self.camera.take() {
            if !finish.wait(DRIVER_PATIENCE) {
                tracing::warn!("the camera's driver blocks: its thread is left behind");
            } else if thread.join().is_err() {
                tracing::error!("the camera's thread panicked");
            }
        }
    }
}

/// What a source is connected to.
struct Wires {
    clock: MediaClock,
    out: mpsc::Sender<Encoded>,
    events: mpsc::Sender<Event>,
    pictures: Pictures,
}

/// Every size.
const ALL: u8 = (1 << sizes::MOST) - 1;

/// What a capture sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Each size by its number, with what it is encoded with; `None`: it is not sent.
    pub sizes: [Option<(Size, Share)>; sizes::MOST],
    /// Why less is sent than is wanted.
    pub limit: Option<Limit>,
    /// From a picture that was taken from its camera, or drawn, to its last encoded size: the mean of the last ones.
    pub encode: Duration,
    /// What all that is wanted could use, bits a second.
    pub of_use_bps: u32,
}

type Control = control::Control<Wishes>;

/// What the owner wants of the threads.
#[derive(Debug)]
struct Wishes {
    /// Pictures are encoded and sent.
    sends: bool,
    /// Of these sizes a key frame is asked for.
    keys: u8,
    /// These are wanted at all.
    wanted: u8,
    bitrate_bps: Option<u32>,
    codec: Codec,
    /// The other way round: what comes of it.
    figures: Figures,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            sends: false,
            keys: 0,
            wanted: 1 << Layer::MAX_SPATIAL,
            bitrate_bps: None,
            codec: Codec::default(),
            figures: Figures::default(),
        }
    }
}

/// Picture `n` at start + n / rate, none left out unless more than a second behind.
fn run_paced(mut source: Box<dyn PictureSource>, rate: (u32, u32), mut stage: Stage, control: &Control, own: &Own) {
    let pace = Pace::new(clock::now(), rate);
    let (width, height) = source.size();
    let mut canvases = Canvases::new(width, height);
    let mut number = 0;
    while control.wait_until(pace.due(number)) {
        // Before a picture is drawn: one that is to be sent is not left out.
        let room = loop {
            match stage.room() {
                Room::Gone => return,
                Room::Full if control.wait_until(clock::now() + ROOM_CHECK) => {}
                Room::Full => return,
                room => break room,
            }
        };
        let begun = clock::now();
        number = pace.caught_up(number, begun);
        let picture = match canvases.draw(|picture| source.draw(number, picture)) {
            Ok(picture) => picture,
            Err(error) => return tell(&stage.wires.events, failed("video", &error)),
        };
        own.show(Arc::clone(&picture));
        stage.send(room, Shot { picture: &picture, at: pace.due(number), begun, interval: None });
        number += 1;
    }
}

#[cfg(test)]
mod tests;
