//! Keeps a device open through everything that happens to it: one loop for microphone and speaker.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::device::{self, DeviceKind, Health};
use super::pace::Stop;
use crate::media::{Device, Event, Problem, tell};

/// Time to the next attempt, at first and at most; it doubles.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// How often a running device is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Looks without a callback after which a device stands still (3 s).
const STILL: u32 = 12;
/// The same for a device that reported an error (0.5 s).
const DEAD: u32 = 2;
/// Looks after which, on a stand-in, the device that was asked for is searched (5 s).
const SEARCH: u32 = 20;

/// A device that is to be kept open.
pub struct Keeper {
    pub what: Device,
    pub kind: DeviceKind,
    /// Id or name; the system's default stands in while it is missing, or where none is given.
    pub wanted: Option<String>,
    pub events: mpsc::Sender<Event>,
}

/// A device that runs until this is dropped.
struct Opened {
    _stream: cpal::Stream,
    name: String,
    /// What is wrong with the device that was asked for, where the default stands in for it.
    instead_of: Option<Problem>,
}

/// Why the look after a running device ended.
enum Ended {
    Stop,
    Fault(Problem),
    /// What stood in may go: the device that was asked for is there.
    Found,
}

impl Keeper {
    /// Opens with `open`, and again with growing pauses whenever that or the device fails, until told to stop.
    /// What `open` returns is the running stream; each change of state is one event.
    pub fn run(
        self,
        stop: &Stop,
        mut open: impl FnMut(&cpal::Device, &Arc<Health>) -> Result<cpal::Stream, cpal::Error>,
    ) {
        let mut retry = FIRST_RETRY;
        let mut told: Option<Problem> = None;
        loop {
            let health = Arc::new(Health::default());
            match self.attempt(&health, &mut open) {
                Ok(opened) => {
                    let stand_in = opened.instead_of == Some(Problem::Missing);
                    if let Some(problem) = opened.instead_of {
                        self.report(problem, &mut told);
                    }
                    if told.take().is_some() {
                        tell(&self.events, Event::DeviceInUse { what: self.what, name: opened.name, instead_of: None });
                    }
                    match self.watch(stop, &health, stand_in, &mut retry) {
                        Ended::Stop => return,
                        Ended::Fault(problem) => self.report(problem, &mut told),
                        Ended::Found => {
                            told = Some(Problem::Missing);
                            continue;
                        }
                    }
                }
                Err(problem) => self.report(problem, &mut told),
            }
            if !stop.wait(retry) {
                return;
            }
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    /// The device that was asked for, or else the default.
    fn attempt(
        &self,
        health: &Arc<Health>,
        open: &mut impl FnMut(&cpal::Device, &Arc<Health>) -> Result<cpal::Stream, cpal::Error>,
    ) -> Result<Opened, Problem> {
        let mut open = |device: Option<cpal::Device>| {
            let device = device.ok_or(Problem::Missing)?;
            let stream = open(&device, health).map_err(|error| device::problem(&error))?;
            Ok(Opened { _stream: stream, name: device::name(&device), instead_of: None })
        };
        let Some(wanted) = &self.wanted else {
            return open(device::default_device(self.kind));
        };
        open(device::find(self.kind, wanted)).or_else(|problem: Problem| {
            // Where nothing works, the device that was asked for is the one to tell about.
            let opened = open(device::default_device(self.kind)).map_err(|_| problem.clone())?;
            Ok(Opened { instead_of: Some(problem), ..opened })
        })
    }

    fn watch(&self, stop: &Stop, health: &Health, stand_in: bool, retry: &mut Duration) -> Ended {
        let (mut beats, mut still, mut looks) = (health.beats(), 0, 0u32);
        while stop.wait(LOOK) {
            if let Some(problem) = health.fault() {
                return Ended::Fault(problem);
            }
            let before = std::mem::replace(&mut beats, health.beats());
            still = if before == beats { still + 1 } else { 0 };
            if still == 0 {
                health.forgive();
            } else if let Some(problem) = health.trouble().filter(|_| still >= DEAD) {
                return Ended::Fault(problem);
            }
            if still >= STILL {
                return Ended::Fault(Problem::Other("it stands still".into()));
            }
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(SEARCH) {
                // It has run for a while: the next trouble is a new one.
                *retry = FIRST_RETRY;
                if stand_in && self.wanted.as_ref().is_some_and(|id| device::find(self.kind, id).is_some()) {
                    return Ended::Found;
                }
            }
        }
        Ended::Stop
    }

    /// Tells a problem once, until it changes or goes away.
    fn report(&self, problem: Problem, told: &mut Option<Problem>) {
        if told.as_ref() != Some(&problem) {
            tracing::warn!(device = %self.what, %problem, "sound device");
            tell(&self.events, Event::Device { what: self.what, problem: problem.clone() });
            *told = Some(problem);
        }
    }
}
