//! From a screen to encoded frames, on a thread of its own: looks, compares, encodes, sends.
//!
//! A picture is left out before it is encoded where the reader of the frames is behind, as a camera's is.

use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::detail::Detail;
use super::encoder::ScreenEncoder;
use super::{ScreenError, ScreenGrabber, ScreenSource, open, size};
use crate::clock;
use crate::media::control::{Control, drop_later};
use crate::media::video::picture::I420;
use crate::media::{Encoded, Event, MediaClock, tell};
use crate::proto::{Layer, Track};

/// What a screen may cost before anybody says otherwise, bits a second.
pub const BITRATE_BPS: u32 = 1_500_000;
/// How long a system that blocks is waited for at the end; then its thread is left behind.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pictures in a row that cannot be encoded, before the share ends.
const MOST_FAILURES: u32 = 5;

/// What is being shared. Dropping it ends that.
#[derive(Debug)]
pub struct Share {
    control: Arc<Control<Wishes>>,
    thread: Option<JoinHandle<()>>,
    /// Closed by the thread when it ends.
    ended: std_mpsc::Receiver<()>,
}

impl Share {
    /// Begins to share; encoded frames of the screen track go to `out`. What becomes of it is told by [`Event::Sharing`] and
    /// [`Event::SharingEnded`] with this `number`, the latter at once where nothing can be shared, and never after a drop.
    pub fn start(
        number: u64,
        source: ScreenSource,
        clock: MediaClock,
        out: mpsc::Sender<Encoded>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self::start_with(number, clock, out, events, move || open(&source))
    }

    /// The same with a grabber of one's own, which is opened on the thread.
    fn start_with(
        number: u64,
        clock: MediaClock,
        out: mpsc::Sender<Encoded>,
        events: mpsc::Sender<Event>,
        open: impl FnOnce() -> Result<Box<dyn ScreenGrabber>, ScreenError> + Send + 'static,
    ) -> Self {
        let control = Arc::<Control<Wishes>>::default();
        let (alive, ended) = std_mpsc::channel();
        let stage = Stage { clock, out, control: Arc::clone(&control), encoder: ScreenEncoder::new(), failures: 0 };
        let work = {
            let events = events.clone();
            move || {
                let _alive = alive;
                let control = Arc::clone(&stage.control);
                let trouble = open().and_then(|grabber| stage.run(number, grabber, &events));
                if !control.stopped() {
                    let trouble = trouble.err().filter(|error| !error.is_silent()).map(|error| error.to_string());
                    tell(&events, Event::SharingEnded { number, trouble });
                }
            }
        };
        let thread = std::thread::Builder::new().name("screen-share".into()).spawn(work);
        if let Err(error) = &thread {
            let trouble = Some(format!("cannot start a thread: {error}"));
            tell(&events, Event::SharingEnded { number, trouble });
        }
        Self { control, thread: thread.ok(), ended }
    }

    /// Asks for a key frame, soon.
    pub fn force_key(&self) {
        self.control.lock().key = true;
    }

    /// What the screen may cost from now on, bits a second.
    pub fn set_bitrate(&self, bps: u32) {
        self.control.lock().bitrate_bps = Some(bps);
    }

    /// Ends it without waiting for the system.
    pub fn stop_later(self) {
        self.control.stop();
        drop_later("screen", self);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.control.stop();
        let Some(thread) = self.thread.take() else { return };
        if self.ended.recv_timeout(PATIENCE) == Err(std_mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("the system blocks while it shows a screen: its thread is left behind");
        } else if thread.join().is_err() {
            tracing::error!("the thread of a shared screen panicked");
        }
    }
}

/// What the owner wants of the thread.
#[derive(Debug, Default)]
struct Wishes {
    key: bool,
    bitrate_bps: Option<u32>,
}

/// What the thread holds.
struct Stage {
    clock: MediaClock,
    out: mpsc::Sender<Encoded>,
    control: Arc<Control<Wishes>>,
    encoder: ScreenEncoder,
    /// Pictures in a row that could not be encoded.
    failures: u32,
}

impl Stage {
    /// Until it is told to stop, nobody reads the frames any more, or there is nothing more to see.
    fn run(
        mut self,
        number: u64,
        mut grabber: Box<dyn ScreenGrabber>,
        events: &mpsc::Sender<Event>,
    ) -> Result<(), ScreenError> {
        tell(events, Event::Sharing { number, name: grabber.name() });
        let mut detail = Detail::new(clock::now(), BITRATE_BPS);
        let mut picture = I420::black(2, 2);
        let mut smaller = I420::black(2, 2);
        let mut look = clock::now();
        while self.control.wait_until(look) {
            let now = clock::now();
            self.hear(now, &mut detail);
            let changed = grabber.grab(&mut picture)?;
            let sent = size::sent(picture.width(), picture.height());
            let shown = if sent == (picture.width(), picture.height()) {
                &picture
            } else {
                if changed {
                    smaller = I420::black(sent.0, sent.1);
                    size::shrink(&picture, &mut smaller);
                }
                &smaller
            };
            if !self.show(now, shown, changed, &mut detail)? {
                return Ok(());
            }
            look = detail.next_look(now);
        }
        Ok(())
    }

    /// What the owner wants since the last look.
    fn hear(&self, now: Instant, detail: &mut Detail) {
        let mut wishes = self.control.lock();
        if std::mem::take(&mut wishes.key) {
            detail.want_key();
        }
        if let Some(bps) = wishes.bitrate_bps.take() {
            detail.set_budget(now, bps);
        }
    }

    /// Sends a picture if it is time; false where nobody reads them.
    fn show(&mut self, now: Instant, picture: &I420, changed: bool, detail: &mut Detail) -> Result<bool, ScreenError> {
        let place = match self.out.clone().try_reserve_owned() {
            Ok(place) => Some(place),
            Err(TrySendError::Full(_)) => None,
            Err(TrySendError::Closed(_)) => return Ok(false),
        };
        // Asked in any case, so that a change is not forgotten.
        let Some(mut shot) = detail.plan(now, changed) else { return Ok(true) };
        let Some(place) = place else { return Ok(true) };
        let capture_us = self.clock.us_at(now);
        let mut encoded = self.encoder.encode(picture, capture_us, shot);
        if let Ok((_, data)) = &encoded
            && let Some(again) = detail.again(shot, data.len() * 8)
        {
            shot = again;
            encoded = self.encoder.encode(picture, capture_us, shot);
        }
        match encoded {
            Ok((key, data)) => {
                self.failures = 0;
                detail.sent(now, shot, data.len() * 8, key);
                let layer = Layer::default();
                let track = Track::Screen;
                place.send(Encoded { track, layer, key, discardable: false, dtx: false, capture_us, data });
            }
            Err(error) => {
                self.failures += 1;
                tracing::warn!(%error, failures = self.failures, "a picture of the screen is not encoded");
                detail.want_key();
                if self.failures == MOST_FAILURES {
                    return Err(ScreenError::Other(error.to_string()));
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
