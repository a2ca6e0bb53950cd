//! The two threads of a camera: one reads it, one encodes the newest picture.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{Control, Stage};
use crate::clock;
use crate::media::video::camera::CameraOpener;
use crate::media::video::convert::{self, RawPicture};
use crate::media::video::newest::Newest;
use crate::media::video::tell;
use crate::media::{Device, Encoded, Event, Problem};

/// First wait before a camera is tried again; it doubles up to [`LONGEST_BACK_OFF`].
pub const BACK_OFF: Duration = Duration::from_millis(500);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
/// An open camera that gives nothing for so long is in trouble.
const SILENCE: Duration = Duration::from_secs(3);
/// Pictures in a row that cannot be converted before it is said: the first ones after opening are often broken.
const MOST_BROKEN: u32 = 30;
/// How often the encoder's thread looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// A picture and when it came.
pub struct Shot {
    raw: RawPicture,
    at: Instant,
}

/// Opens the camera, reads it, and opens it again when it fails, until told to stop.
pub fn read(
    mut opener: Box<dyn CameraOpener>,
    back_off: Duration,
    newest: &Newest<Shot>,
    health: &Health,
    control: &Control,
) {
    let mut wait = back_off;
    while !control.stopped() {
        let problem = match opener.open() {
            Err(problem) => problem,
            Ok(mut source) => {
                health.open(source.name());
                loop {
                    if control.stopped() {
                        return;
                    }
                    match source.next_picture() {
                        Ok(raw) => {
                            wait = back_off;
                            newest.put(Shot { raw, at: clock::now() });
                        }
                        Err(problem) => break problem,
                    }
                }
            }
        };
        health.shut(problem);
        if !control.wait_until(clock::now() + wait) {
            return;
        }
        wait = (wait * 2).min(LONGEST_BACK_OFF);
    }
}

/// Encodes the newest picture whenever there is one, at most at the configured rate.
pub fn encode(
    newest: &Newest<Shot>,
    mut stage: Stage,
    health: &Health,
    control: &Control,
    out: &mpsc::Sender<Encoded>,
) {
    let apart = Duration::from_secs(1) * 4 / 5 / stage.config.fps.max(1);
    let mut last: Option<Instant> = None;
    let mut broken = 0;
    while !control.stopped() {
        let Some(shot) = newest.take(GLANCE) else {
            health.look(clock::now());
            continue;
        };
        if last.is_some_and(|last| shot.at.duration_since(last) < apart) {
            continue;
        }
        let room = match out.try_reserve() {
            Ok(room) => room,
            Err(mpsc::error::TrySendError::Closed(())) => return,
            Err(mpsc::error::TrySendError::Full(())) => continue,
        };
        match convert::to_i420(&shot.raw) {
            Ok(picture) => {
                (last, broken) = (Some(shot.at), 0);
                health.well(shot.at);
                if let Some(encoded) = stage.encode(&picture, shot.at) {
                    room.send(encoded);
                }
            }
            Err(error) => {
                tracing::debug!(error, "a picture of the camera is left out");
                broken += 1;
                if broken == MOST_BROKEN {
                    health.trouble(Problem::Other(error));
                }
            }
        }
    }
}

/// Whether the camera works; says so when that changes, and only then.
#[derive(Debug)]
pub struct Health {
    events: mpsc::Sender<Event>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    problem: Option<Problem>,
    /// The open camera's name, and when it last gave a picture or was opened.
    open: Option<(String, Instant)>,
}

impl Health {
    pub fn new(events: mpsc::Sender<Event>) -> Self {
        Self { events, state: Mutex::default() }
    }

    fn open(&self, name: String) {
        self.lock().open = Some((name, clock::now()));
    }

    fn shut(&self, problem: Problem) {
        self.lock().open = None;
        self.trouble(problem);
    }

    fn trouble(&self, problem: Problem) {
        let mut state = self.lock();
        if state.problem.as_ref() != Some(&problem) {
            tracing::info!(?problem, "the camera does not work");
            state.problem = Some(problem.clone());
            tell(&self.events, Event::Device { what: Device::Camera, problem });
        }
    }

    /// It gave a picture.
    fn well(&self, at: Instant) {
        let mut state = self.lock();
        let Some((name, last)) = &mut state.open else { return };
        *last = at;
        let name = name.clone();
        if state.problem.take().is_some() {
            tell(&self.events, Event::DeviceInUse { what: Device::Camera, name, instead_of: None });
        }
    }

    /// There is no picture now.
    fn look(&self, now: Instant) {
        let silent = self.lock().open.as_ref().is_some_and(|(_, last)| now.saturating_duration_since(*last) >= SILENCE);
        if silent {
            self.trouble(Problem::Other("it gives no picture".into()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells that a thread has ended, however it did, to one that will not wait for ever.
#[derive(Debug, Default)]
pub struct Finish(Newest<()>);

impl Finish {
    /// A guard that tells when it is dropped.
    pub fn guard(finish: &Arc<Self>) -> impl Send + 'static {
        struct Guard(Arc<Finish>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.0.put(());
            }
        }
        Guard(Arc::clone(finish))
    }

    /// False if the thread has not ended after `patience`.
    pub fn wait(&self, patience: Duration) -> bool {
        self.0.take(patience).is_some()
    }
}
