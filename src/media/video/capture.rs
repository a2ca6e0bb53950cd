//! From a source to encoded frames: what this participant sends. Called by `call`.
//!
//! A test picture or a file is drawn and encoded on one thread, paced by absolute deadlines. A camera is read on a
//! thread of its own, since its driver may block, and leaves its newest picture for the encoder's thread. A
//! picture is left out *before* it is encoded when the reader of the frames is behind: a frame left out after that would
//! break every one that refers to it.

mod gate;
mod lens;
mod pace;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::gate::KeyGate;
use self::lens::{Finish, Health};
use self::pace::Pace;
use super::camera::{CameraOpener, SystemCamera};
use super::newest::Newest;
use super::pattern::Pattern;
use super::picture::I420;
use super::{Codec, PictureSource, VideoConfig, VideoEncoder, VideoError, VideoSource, failed, tell, y4m};
use crate::clock;
use crate::media::{Encoded, Event, MediaClock};
use crate::proto::{Layer, Track};

/// How long a source waits for room for a frame before it looks again.
const ROOM_CHECK: Duration = Duration::from_millis(5);
/// Pictures in a row that cannot be encoded, each with a new encoder, before it is said.
const MOST_FAILURES: u32 = 3;
/// How long a driver that blocks is waited for at the end; then its thread is left behind.
const DRIVER_PATIENCE: Duration = Duration::from_secs(1);

/// A running source. Dropping it stops and joins its threads.
#[derive(Debug)]
pub struct Capture {
    control: Arc<Control>,
    threads: Vec<JoinHandle<()>>,
    camera: Option<(JoinHandle<()>, Arc<Finish>)>,
}

impl Capture {
    /// Starts a source; encoded frames of the camera track go to `out`. Whatever goes wrong is an event: a source that
    /// cannot run sends nothing, a camera that is missing is looked for until it is there.
    pub fn start(
        source: VideoSource,
        config: VideoConfig,
        clock: MediaClock,
        out: mpsc::Sender<Encoded>,
        events: mpsc::Sender<Event>,
        _: super::Pictures,
    ) -> Self {
        let config = config.sound();
        let result = match source {
            VideoSource::Off => Ok(Self::idle()),
            VideoSource::Camera(wanted) => {
                let opener = Box::new(SystemCamera { wanted, config });
                Self::start_camera(opener, lens::BACK_OFF, config, clock, out, events.clone())
            }
            VideoSource::Pattern => {
                let pattern = Box::new(Pattern::new(config.width, config.height));
                Self::start_paced(pattern, (config.fps, 1), config, clock, out, events.clone())
            }
            VideoSource::File(path) => y4m::Reader::open(&path).and_then(|reader| {
                let rate = reader.rate();
                let config = VideoConfig { fps: rate.0.div_ceil(rate.1.max(1)), ..config };
                Self::start_paced(Box::new(reader), rate, config, clock, out, events.clone())
            }),
        };
        result.unwrap_or_else(|error| {
            tell(&events, failed("video", &error));
            Self::idle()
        })
    }

    pub fn stop_later(self) {}
    pub fn send(&self, _: bool) {}
    /// Asks for a key frame, soon: the first request is served at once, further ones at most every 300 ms.
    pub fn force_key(&self) {
        self.control.lock().key = true;
    }

    /// Changes the encoder's target, bits a second, from the next picture on.
    pub fn set_bitrate(&self, bps: u32) {
        self.control.lock().bitrate_bps = Some(bps);
    }

    /// Stops the source; the same as dropping it. A driver that blocks is left behind after a second.
    pub fn stop(self) {}

    fn idle() -> Self {
        Self { control: Arc::default(), threads: Vec::new(), camera: None }
    }

    fn start_paced(
        source: Box<dyn PictureSource>,
        rate: (u32, u32),
        config: VideoConfig,
        clock: MediaClock,
        out: mpsc::Sender<Encoded>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, VideoError> {
        let mut capture = Self::idle();
        let control = Arc::clone(&capture.control);
        let stage = Stage::new(config, clock, events, Arc::clone(&control));
        capture.spawn("video-source", move || run_paced(source, rate, stage, &control, &out))?;
        Ok(capture)
    }

    fn start_camera(
        opener: Box<dyn CameraOpener>,
        back_off: Duration,
        config: VideoConfig,
        clock: MediaClock,
        out: mpsc::Sender<Encoded>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, VideoError> {
        let mut capture = Self::idle();
        let control = Arc::clone(&capture.control);
        let (newest, health) = (Arc::new(Newest::default()), Arc::new(Health::new(events.clone())));
        let stage = Stage::new(config, clock, events, Arc::clone(&control));
        let finish = Arc::new(Finish::default());
        let reader = {
            let (control, newest, health) = (Arc::clone(&control), Arc::clone(&newest), Arc::clone(&health));
            let guard = Finish::guard(&finish);
            move || {
                let _guard = guard;
                lens::read(opener, back_off, &newest, &health, &control);
            }
        };
        capture.spawn("video-encode", move || lens::encode(&newest, stage, &health, &control, &out))?;
        let handle =
            std::thread::Builder::new().name("video-camera".into()).spawn(reader).map_err(VideoError::Thread)?;
        capture.camera = Some((handle, finish));
        Ok(capture)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), VideoError> {
        let handle = std::thread::Builder::new().name(name.into()).spawn(run).map_err(VideoError::Thread)?;
        self.threads.push(handle);
        Ok(())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.control.lock().stop = true;
        self.control.changed.notify_all();
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

/// What the owner wants of the threads.
#[derive(Debug, Default)]
struct Control {
    state: Mutex<Wishes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wishes {
    stop: bool,
    key: bool,
    bitrate_bps: Option<u32>,
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.lock().stop
    }

    /// Waits; false as soon as the threads are to stop.
    fn wait_until(&self, deadline: Instant) -> bool {
        let mut wishes = self.lock();
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            if wishes.stop || left.is_zero() {
                return !wishes.stop;
            }
            (wishes, _) = self.changed.wait_timeout(wishes, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The encoder and when it makes key frames.
struct Stage {
    config: VideoConfig,
    clock: MediaClock,
    events: mpsc::Sender<Event>,
    control: Arc<Control>,
    encoder: Option<Box<dyn VideoEncoder>>,
    gate: KeyGate,
    /// Pictures in a row that could not be encoded.
    failures: u32,
}

impl Stage {
    fn new(config: VideoConfig, clock: MediaClock, events: mpsc::Sender<Event>, control: Arc<Control>) -> Self {
        Self { config, clock, events, control, encoder: None, gate: KeyGate::default(), failures: 0 }
    }

    /// Encodes a picture taken at `at`. An encoder that fails is replaced at the next picture.
    fn encode(&mut self, picture: &I420, at: Instant) -> Option<Encoded> {
        let capture_us = self.clock.us_at(at);
        match self.try_encode(picture, capture_us) {
            Ok(encoded) => {
                self.failures = 0;
                encoded
            }
            Err(error) => {
                self.encoder = None;
                self.failures = self.failures.saturating_add(1);
                tracing::warn!(%error, failures = self.failures, "a picture is not encoded");
                if self.failures == MOST_FAILURES {
                    tell(&self.events, failed("video encoder", &error));
                }
                None
            }
        }
    }

    fn try_encode(&mut self, picture: &I420, capture_us: u64) -> Result<Option<Encoded>, VideoError> {
        let (key, bitrate_bps) = {
            let mut wishes = self.control.lock();
            (std::mem::take(&mut wishes.key), wishes.bitrate_bps.take())
        };
        let now = clock::now();
        if key {
            self.gate.request();
        }
        if let Some(bps) = bitrate_bps {
            self.config.bitrate_bps = bps;
            if let Some(encoder) = &mut self.encoder {
                encoder.set_bitrate(bps)?;
            }
        }
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Codec::default().encoder(&self.config)?),
        };
        let Some(packet) = encoder.encode(picture, capture_us, self.gate.due(now))? else { return Ok(None) };
        self.gate.made(now, packet.key);
        Ok(Some(Encoded {
            track: Track::Camera,
            layer: Layer { spatial: 0, temporal: 0 },
            key: packet.key,
            discardable: false,
            dtx: false,
            capture_us,
            data: packet.data,
        }))
    }
}

/// Picture `n` at start + n / rate, none left out unless more than a second behind.
fn run_paced(
    mut source: Box<dyn PictureSource>,
    rate: (u32, u32),
    mut stage: Stage,
    control: &Control,
    out: &mpsc::Sender<Encoded>,
) {
    let pace = Pace::new(clock::now(), rate);
    let (width, height) = source.size();
    let mut picture = I420::black(width, height);
    let mut number = 0;
    while control.wait_until(pace.due(number)) {
        let room = loop {
            match out.try_reserve() {
                Ok(room) => break room,
                Err(mpsc::error::TrySendError::Closed(())) => return,
                Err(mpsc::error::TrySendError::Full(())) => {
                    if !control.wait_until(clock::now() + ROOM_CHECK) {
                        return;
                    }
                }
            }
        };
        number = pace.caught_up(number, clock::now());
        if let Err(error) = source.draw(number, &mut picture) {
            tell(&stage.events, failed("video", &error));
            return;
        }
        if let Some(encoded) = stage.encode(&picture, pace.due(number)) {
            room.send(encoded);
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests;
