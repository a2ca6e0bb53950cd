//! The two threads of a camera: one reads it, one shows and encodes the newest picture.
//!
//! The camera that was asked for comes first. While it cannot be had, the first other one stands in, and every few seconds
//! the one that was asked for is tried again beside it: nothing is let go of before it gives pictures.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Control;
use super::own::Own;
use super::stage::{self, Room, Stage};
use crate::clock;
use crate::media::video::camera::{CameraOpener, FrameSource};
use crate::media::video::convert::{self, RawPicture};
use crate::media::video::newest::Newest;
use crate::media::{Device, Event, Problem, tell};

/// First wait before a camera is tried again; it doubles up to [`LONGEST_BACK_OFF`].
pub const BACK_OFF: Duration = Duration::from_millis(500);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
/// After the start a camera that is in use may still be ours, held by the capture before this one: for so long nobody is
/// told and nothing stands in.
const HANDOVER: Duration = Duration::from_millis(1500);
/// How often it is tried meanwhile.
const HANDOVER_RETRY: Duration = Duration::from_millis(100);
/// How often, on a stand-in, the camera that was asked for is tried: first waits (5 s).
const SEARCH: u32 = 10;
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
    /// Counts what the camera gave.
    number: u64,
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
    let mut number = 0;
    let handed_over = clock::now() + HANDOVER;
    while !control.stopped() {
        match open(opener.as_mut(), clock::now() < handed_over) {
            Ok(mut opened) => {
                let put = |raw| {
                    wait = back_off;
                    number += 1;
                    newest.put(Shot { raw, at: clock::now(), number });
                };
                let ended = watch(&mut opened, opener.as_mut(), back_off * SEARCH, health, control, put);
                let Some(problem) = ended else { return };
                // Before the camera is let go of: a driver may keep us there.
                health.shut(problem);
            }
            Err(Unopened::Problem(_)) if control.stopped() => return,
            Err(Unopened::Problem(problem)) => health.shut(problem),
            Err(Unopened::Wait) => {
                control.wait_until(clock::now() + HANDOVER_RETRY);
                continue;
            }
        }
        if !control.wait_until(clock::now() + wait) {
            return;
        }
        wait = (wait * 2).min(LONGEST_BACK_OFF);
    }
}

/// An open camera; with what is wrong with the one that was asked for where it is another.
struct Opened {
    source: Box<dyn FrameSource>,
    stands_in: Option<Problem>,
}

enum Unopened {
    /// It may be ours in a moment.
    Wait,
    Problem(Problem),
}

/// The camera that was asked for, or else another.
fn open(opener: &mut dyn CameraOpener, handover: bool) -> Result<Opened, Unopened> {
    match opener.open() {
        Ok(source) => Ok(Opened { source, stands_in: None }),
        Err(Problem::Busy) if handover => Err(Unopened::Wait),
        // Where nothing works, the camera that was asked for is the one to tell about.
        Err(problem) => match opener.open_other() {
            Some(source) => Ok(Opened { source, stands_in: Some(problem) }),
            None => Err(Unopened::Problem(problem)),
        },
    }
}

/// Reads an open camera until it fails; `None` when it is time to stop. A stand-in is left for the camera that was asked
/// for once that can be had.
fn watch(
    opened: &mut Opened,
    opener: &mut dyn CameraOpener,
    search_each: Duration,
    health: &Health,
    control: &Control,
    mut put: impl FnMut(RawPicture),
) -> Option<Problem> {
    if control.stopped() {
        return None;
    }
    let instead_of = opened.stands_in.clone().and_then(|problem| {
        health.trouble(problem);
        opener.wanted()
    });
    health.open(opened.source.name(), instead_of);
    let mut search = clock::now() + search_each;
    while !control.stopped() {
        match opened.source.next_picture() {
            Ok(raw) => put(raw),
            Err(problem) => return Some(problem).filter(|_| !control.stopped()),
        }
        if opened.stands_in.is_some() && clock::now() >= search {
            search = clock::now() + search_each;
            if let Ok(source) = opener.open() {
                health.open(source.name(), None);
                *opened = Opened { source, stands_in: None };
            }
        }
    }
    None
}

/// Shows the newest picture whenever there is one, at most at the configured rate, and encodes it if it is to be sent.
pub fn encode(newest: &Newest<Shot>, mut stage: Stage, health: &Health, control: &Control, own: &Own) {
    let apart = Duration::from_secs(1) * 4 / 5 / stage.config.fps.max(1);
    let mut last: Option<(Instant, u64)> = None;
    let mut broken = 0;
    while !control.stopped() {
        let Some(shot) = newest.take(GLANCE) else {
            health.look(clock::now());
            continue;
        };
        let since = last.map(|(at, number)| (shot.at.saturating_duration_since(at), shot.number - number));
        if since.is_some_and(|(since, _)| since < apart) {
            continue;
        }
        let begun = clock::now();
        // What the camera gave in between was replaced because this thread was busy, or left out because it is more than is sent.
        let interval = since.map(|(since, shots)| (since / u32::try_from(shots).unwrap_or(u32::MAX).max(1)).max(apart));
        match convert::to_i420(&shot.raw) {
            Ok(picture) => {
                (last, broken) = (Some((shot.at, shot.number)), 0);
                health.well(shot.at);
                let picture = Arc::new(picture);
                own.show(Arc::clone(&picture));
                match stage.room() {
                    Room::Gone => return,
                    room => stage.send(room, stage::Shot { picture: &picture, at: shot.at, begun, interval }),
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

/// Whether the camera works; says so when it was opened and when that changes, and only then.
#[derive(Debug)]
pub struct Health {
    events: mpsc::Sender<Event>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    problem: Option<Problem>,
    open: Option<Open>,
}

/// An open camera.
#[derive(Debug)]
struct Open {
    name: String,
    instead_of: Option<String>,
    /// When it last gave a picture or was opened.
    last: Instant,
    /// It was told that it works.
    told: bool,
}

impl Health {
    pub fn new(events: mpsc::Sender<Event>) -> Self {
        Self { events, state: Mutex::default() }
    }

    fn open(&self, name: String, instead_of: Option<String>) {
        self.lock().open = Some(Open { name, instead_of, last: clock::now(), told: false });
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
        let State { problem, open: Some(open) } = &mut *state else { return };
        open.last = at;
        if problem.take().is_some() || !open.told {
            open.told = true;
            let (name, instead_of) = (open.name.clone(), open.instead_of.clone());
            tell(&self.events, Event::DeviceInUse { what: Device::Camera, name, instead_of });
        }
    }

    /// There is no picture now.
    fn look(&self, now: Instant) {
        let since = |open: &Open| now.saturating_duration_since(open.last);
        let silent = self.lock().open.as_ref().is_some_and(|open| since(open) >= SILENCE);
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
