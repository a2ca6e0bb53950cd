//! Keeps a device open through everything that happens to it: one loop for microphone and speaker.
//!
//! The device that was asked for comes first. While it cannot be had, the system's default stands in, and every few seconds
//! the one that was asked for is tried again beside it: nothing is let go of before the other runs. Where none was asked
//! for, or the default stands in, another default is followed the same way.
//!
//! Microphone and speaker are kept apart on purpose: neither is switched because the other was. Where they have two
//! crystals, echo cancelling follows the drift between them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::device::{self, DeviceKind, Health};
use super::pace::Stop;
use crate::media::{Device, Event, Problem, tell};

/// How often a running device is looked at. The times below count such looks.
const LOOK: Duration = Duration::from_millis(250);
/// Looks to the next attempt, at first (0.5 s) and at most (5 s); they double.
const FIRST_RETRY: u32 = 2;
const LAST_RETRY: u32 = 20;
/// Looks without a callback after which a device stands still (3 s).
const STILL: u32 = 12;
/// The same for a device that reported an error (0.5 s).
const DEAD: u32 = 2;
/// Looks after which, on a stand-in, the device that was asked for is tried, and a default is asked for its name (5 s).
const SEARCH: u32 = 20;
/// Looks after the start in which a device that is in use may still be ours, held by the capture or output before this
/// one: nobody is told and nothing stands in (1.5 s).
const HANDOVER: u32 = 6;

/// A device that is to be kept open.
pub struct Keeper {
    what: Device,
    /// Id or name; `None` is the system's default.
    wanted: Option<String>,
    events: mpsc::Sender<Event>,
    look: Duration,
}

/// A device that runs until this is dropped.
pub struct Running {
    _stream: Box<dyn Any>,
    name: String,
    /// What the system's default was called when this one was opened as such.
    default: Option<String>,
    health: Arc<Health>,
}

/// What opens devices.
pub trait Rig {
    /// Opens the device with an id or a name, or the system's default.
    ///
    /// # Errors
    /// Why it cannot be used now.
    fn open(&mut self, wanted: Option<&str>) -> Result<Running, Problem>;

    /// What the system's default is called now, if that can be told from another one.
    fn default_name(&mut self) -> Option<String>;
}

/// The system's devices, opened by a function that returns the running stream.
pub struct System<O> {
    pub kind: DeviceKind,
    pub open: O,
}

impl<O> Rig for System<O>
where
    O: FnMut(&cpal::Device, &Arc<Health>) -> Result<cpal::Stream, cpal::Error>,
{
    fn open(&mut self, wanted: Option<&str>) -> Result<Running, Problem> {
        let default = self.default_name().filter(|_| wanted.is_none());
        let (device, name) = device::find(self.kind, wanted)?;
        let health = Arc::new(Health::default());
        let stream = (self.open)(&device, &health).map_err(|error| device::problem(&error))?;
        Ok(Running { _stream: Box::new(stream), name, default, health })
    }

    fn default_name(&mut self) -> Option<String> {
        device::default_id(self.kind)
    }
}

/// A running device; with what is wrong with the one that was asked for where it is the default instead.
struct Opened {
    running: Running,
    stands_in: Option<Problem>,
}

enum Unopened {
    /// It may be ours in a moment.
    Wait,
    Problem(Problem),
}

impl Keeper {
    /// `wanted` is an id or a name; the system's default stands in while it is missing, or where none is given.
    pub fn new(what: Device, wanted: Option<String>, events: mpsc::Sender<Event>) -> Self {
        Self { what, wanted, events, look: LOOK }
    }

    /// Opens the device, and again with growing pauses whenever that or the device fails, until told to stop. Each
    /// change of state is one event, and so is each opening.
    pub fn run(self, stop: &Stop, mut rig: impl Rig) {
        let mut retry = FIRST_RETRY;
        let mut told: Option<Problem> = None;
        let mut handover = HANDOVER;
        loop {
            let attempt = self.attempt(&mut rig, handover > 0);
            // Opening may have taken long: whoever let go of this meanwhile wants to hear no more of it.
            if stop.is_asked() {
                return;
            }
            match attempt {
                Ok(mut opened) => {
                    let Some(problem) = self.watch(stop, &mut rig, &mut opened, &mut told, &mut retry) else { return };
                    // Before the device is let go of: a sound system that hangs may keep us there.
                    self.report(problem, &mut told);
                }
                Err(Unopened::Problem(problem)) => self.report(problem, &mut told),
                Err(Unopened::Wait) => {
                    handover -= 1;
                    if !stop.wait(self.look) {
                        return;
                    }
                    continue;
                }
            }
            handover = 0;
            if !stop.wait(self.look * retry) {
                return;
            }
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    /// The device that was asked for, or else the default.
    fn attempt(&self, rig: &mut impl Rig, handover: bool) -> Result<Opened, Unopened> {
        match rig.open(self.wanted.as_deref()) {
            Ok(running) => Ok(Opened { running, stands_in: None }),
            Err(Problem::Busy) if handover => Err(Unopened::Wait),
            // Where nothing works, the device that was asked for is the one to tell about.
            Err(problem) => match self.wanted.as_ref().and_then(|_| rig.open(None).ok()) {
                Some(running) => Ok(Opened { running, stands_in: Some(problem) }),
                None => Err(Unopened::Problem(problem)),
            },
        }
    }

    /// Looks after a running device until it fails; `None` when it is time to stop. A stand-in is left for the device
    /// that was asked for once that can be had.
    fn watch(
        &self,
        stop: &Stop,
        rig: &mut impl Rig,
        opened: &mut Opened,
        told: &mut Option<Problem>,
        retry: &mut u32,
    ) -> Option<Problem> {
        if let Some(problem) = opened.stands_in.clone() {
            self.report(problem, told);
        }
        self.announce(opened, told);
        let mut pulse = Pulse::of(&opened.running.health);
        let mut looks = 0u32;
        while stop.wait(self.look) {
            if let Some(problem) = pulse.look(&opened.running.health) {
                return Some(problem);
            }
            looks = looks.wrapping_add(1);
            let rerouted = opened.running.health.take_rerouted();
            if !looks.is_multiple_of(SEARCH) && !rerouted {
                continue;
            }
            // It has run for a while: the next trouble is a new one.
            *retry = FIRST_RETRY;
            if let Some(better) = self.better(rig, opened) {
                if stop.is_asked() {
                    return None;
                }
                let before = std::mem::replace(opened, better);
                pulse = Pulse::of(&opened.running.health);
                self.announce(opened, told);
                drop(before);
            }
        }
        None
    }

    /// What is to run instead of what runs: the device that was asked for instead of a stand-in, the default of now
    /// instead of the one before.
    fn better(&self, rig: &mut impl Rig, opened: &Opened) -> Option<Opened> {
        if opened.stands_in.is_some()
            && let Ok(running) = rig.open(self.wanted.as_deref())
        {
            return Some(Opened { running, stands_in: None });
        }
        let before = opened.running.default.as_ref()?;
        let now = rig.default_name().filter(|now| now != before)?;
        let running = rig.open(None).inspect_err(|why| tracing::debug!(now, %why, "the new default")).ok()?;
        Some(Opened { running, stands_in: opened.stands_in.clone() })
    }

    fn announce(&self, opened: &Opened, told: &mut Option<Problem>) {
        *told = None;
        let instead_of = opened.stands_in.as_ref().and_then(|_| self.wanted.clone());
        let name = opened.running.name.clone();
        tracing::info!(device = %self.what, name, instead = instead_of.is_some(), "sound device runs");
        tell(&self.events, Event::DeviceInUse { what: self.what, name, instead_of });
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

/// Whether callbacks still come.
struct Pulse {
    beats: u32,
    still: u32,
}

impl Pulse {
    fn of(health: &Health) -> Self {
        Self { beats: health.beats(), still: 0 }
    }

    /// What is wrong with the device, if it is.
    fn look(&mut self, health: &Health) -> Option<Problem> {
        if let Some(problem) = health.fault() {
            return Some(problem);
        }
        let before = std::mem::replace(&mut self.beats, health.beats());
        self.still = if before == self.beats { self.still + 1 } else { 0 };
        if self.still == 0 {
            health.forgive();
        } else if let Some(problem) = health.trouble().filter(|_| self.still >= DEAD) {
            return Some(problem);
        }
        (self.still >= STILL).then(|| Problem::Other("it stands still".into()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard};

    use cpal::ErrorKind;

    use super::super::pace::Worker;
    use super::*;

    const MICROPHONE: Device = Device::Microphone;

    /// Devices that the test plugs in and pulls out. `None` is the default.
    #[derive(Clone, Default)]
    struct Bench(Arc<Mutex<State>>);

    #[derive(Default)]
    struct State {
        /// Those that cannot be opened, and why.
        wrong: BTreeMap<Option<String>, Problem>,
        /// Those that run.
        running: BTreeMap<Option<String>, Arc<Health>>,
        opened: usize,
        /// What the default is called.
        default: Option<String>,
        /// Closing a device waits for this.
        closing: Arc<Mutex<()>>,
    }

    /// A stream of a sound system that may hang.
    struct Hangs(Arc<Mutex<()>>);

    impl Drop for Hangs {
        fn drop(&mut self) {
            drop(self.0.lock());
        }
    }

    impl Bench {
        fn lock(&self) -> MutexGuard<'_, State> {
            self.0.lock().unwrap()
        }

        fn set(&self, wanted: Option<&str>, wrong: Option<Problem>) {
            let wanted = wanted.map(str::to_owned);
            let mut state = self.lock();
            match wrong {
                Some(problem) => state.wrong.insert(wanted, problem),
                None => state.wrong.remove(&wanted),
            };
        }

        fn fail(&self, wanted: Option<&str>) {
            self.lock().running[&wanted.map(str::to_owned)].fail(ErrorKind::DeviceNotAvailable);
        }

        /// A keeper on this bench, whose looks are 5 ms; and something that makes its devices' callbacks.
        fn keep(&self, wanted: Option<&str>) -> ((Worker, Worker), mpsc::Receiver<Event>) {
            let (events, told) = mpsc::channel(100);
            let keeper =
                Keeper { look: Duration::from_millis(5), ..Keeper::new(MICROPHONE, wanted.map(str::to_owned), events) };
            let (rig, beating) = (self.clone(), self.clone());
            let beat = Worker::spawn("test-beat", move |stop| {
                while stop.wait(Duration::from_millis(1)) {
                    beating.lock().running.values().for_each(|health| health.beat(1));
                }
            });
            let keep = Worker::spawn("test-keeper", move |stop| keeper.run(&stop, rig));
            ((keep.unwrap(), beat.unwrap()), told)
        }
    }

    impl Rig for Bench {
        fn open(&mut self, wanted: Option<&str>) -> Result<Running, Problem> {
            let wanted = wanted.map(str::to_owned);
            let mut state = self.lock();
            state.opened += 1;
            if let Some(problem) = state.wrong.get(&wanted) {
                return Err(problem.clone());
            }
            let health = Arc::<Health>::default();
            state.running.insert(wanted.clone(), Arc::clone(&health));
            let stream = Box::new(Hangs(Arc::clone(&state.closing)));
            let default = state.default.clone().filter(|_| wanted.is_none());
            let name = wanted.or(default.clone()).unwrap_or("Built-in".into());
            Ok(Running { _stream: stream, name, default, health })
        }

        fn default_name(&mut self) -> Option<String> {
            self.lock().default.clone()
        }
    }

    fn wrong(problem: Problem) -> Option<Event> {
        Some(Event::Device { what: MICROPHONE, problem })
    }

    fn runs(name: &str, instead_of: Option<&str>) -> Option<Event> {
        let instead_of = instead_of.map(str::to_owned);
        Some(Event::DeviceInUse { what: MICROPHONE, name: name.into(), instead_of })
    }

    #[test]
    fn the_device_that_was_asked_for_comes_first_the_default_stands_in_and_it_is_taken_back() {
        let bench = Bench::default();
        let (_threads, mut told) = bench.keep(Some("Headset"));
        assert_eq!(told.blocking_recv(), runs("Headset", None), "the first opening is told");
        for why in [Problem::Missing, Problem::Busy, Problem::Denied] {
            bench.set(Some("Headset"), Some(why.clone()));
            bench.fail(Some("Headset"));
            assert_eq!(told.blocking_recv(), wrong(Problem::Unplugged));
            assert_eq!(told.blocking_recv(), wrong(why));
            assert_eq!(told.blocking_recv(), runs("Built-in", Some("Headset")));
            bench.set(Some("Headset"), None);
            assert_eq!(told.blocking_recv(), runs("Headset", None));
        }
    }

    #[test]
    fn where_nothing_works_the_device_that_was_asked_for_is_told_about_once() {
        let bench = Bench::default();
        bench.set(Some("Headset"), Some(Problem::Denied));
        bench.set(None, Some(Problem::Missing));
        let (threads, mut told) = bench.keep(Some("Headset"));
        assert_eq!(told.blocking_recv(), wrong(Problem::Denied));
        while bench.lock().opened < 8 {
            std::thread::yield_now();
        }
        drop(threads);
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn a_device_that_is_still_ours_is_waited_for_in_silence_and_one_that_stays_in_use_is_told() {
        let bench = Bench::default();
        bench.set(Some("Headset"), Some(Problem::Busy));
        let (threads, mut told) = bench.keep(Some("Headset"));
        while bench.lock().opened < 3 {
            std::thread::yield_now();
        }
        bench.set(Some("Headset"), None);
        assert_eq!(told.blocking_recv(), runs("Headset", None));
        drop(threads);

        bench.set(Some("Headset"), Some(Problem::Busy));
        let (_threads, mut told) = bench.keep(Some("Headset"));
        assert_eq!(told.blocking_recv(), wrong(Problem::Busy));
        assert_eq!(told.blocking_recv(), runs("Built-in", Some("Headset")));
    }

    #[test]
    fn the_default_alone_has_no_stand_in() {
        let bench = Bench::default();
        bench.set(None, Some(Problem::Missing));
        let (_threads, mut told) = bench.keep(None);
        assert_eq!(told.blocking_recv(), wrong(Problem::Missing));
        bench.set(None, None);
        assert_eq!(told.blocking_recv(), runs("Built-in", None));
    }

    #[test]
    fn a_problem_is_told_before_a_device_that_cannot_be_closed_holds_us_up() {
        let bench = Bench::default();
        let (_threads, mut told) = bench.keep(None);
        assert_eq!(told.blocking_recv(), runs("Built-in", None));
        let closing = Arc::clone(&bench.lock().closing);
        let hanging = closing.lock().unwrap();
        bench.fail(None);
        assert_eq!(told.blocking_recv(), wrong(Problem::Unplugged));
        drop(hanging);
        assert_eq!(told.blocking_recv(), runs("Built-in", None));
    }

    #[test]
    fn another_default_is_followed_unless_a_device_was_picked() {
        let bench = Bench::default();
        let switch = |name: &str| bench.lock().default = Some(name.into());
        switch("Lid");
        let (threads, mut told) = bench.keep(None);
        assert_eq!(told.blocking_recv(), runs("Lid", None));
        switch("Dock");
        assert_eq!(told.blocking_recv(), runs("Dock", None));
        // One that cannot be opened leaves what runs as it is, until it can.
        bench.set(None, Some(Problem::Busy));
        switch("Headset");
        let opened = bench.lock().opened;
        while bench.lock().opened < opened + 2 {
            std::thread::yield_now();
        }
        bench.set(None, None);
        assert_eq!(told.blocking_recv(), runs("Headset", None));
        drop(threads);

        let (_threads, mut told) = bench.keep(Some("Desk"));
        assert_eq!(told.blocking_recv(), runs("Desk", None));
        switch("Lid");
        bench.fail(Some("Desk"));
        bench.set(Some("Desk"), Some(Problem::Missing));
        assert_eq!(told.blocking_recv(), wrong(Problem::Unplugged), "and nothing about the default before that");
    }

    #[test]
    fn a_stand_in_follows_the_default_as_well() {
        let bench = Bench::default();
        bench.lock().default = Some("Lid".into());
        bench.set(Some("Headset"), Some(Problem::Missing));
        let (_threads, mut told) = bench.keep(Some("Headset"));
        assert_eq!(told.blocking_recv(), wrong(Problem::Missing));
        assert_eq!(told.blocking_recv(), runs("Lid", Some("Headset")));
        bench.lock().default = Some("Dock".into());
        assert_eq!(told.blocking_recv(), runs("Dock", Some("Headset")));
    }
}
