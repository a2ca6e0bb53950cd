//! Named threads that stop and are joined when their owner lets go, and waiting for absolute deadlines.

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{AudioError, FRAME_US};
use crate::clock;

/// How long a thread inside the sound system is waited for at the end: a server that hangs does not answer a goodbye.
const DRIVER_PATIENCE: Duration = Duration::from_secs(1);
/// How often such a thread is looked at: nothing tells with a deadline that a thread has ended.
const GLANCE: Duration = Duration::from_millis(2);

/// A running thread. Dropping it tells the thread to stop and waits for it.
#[derive(Debug)]
pub struct Worker {
    stop: Option<SyncSender<Infallible>>,
    thread: Option<JoinHandle<()>>,
    /// How long the thread is waited for; `None`: for ever.
    patience: Option<Duration>,
}

impl Worker {
    /// Runs `body` on a thread of this name; `body` returns soon after its [`Stop`] says so.
    pub fn spawn(name: &str, body: impl FnOnce(Stop) + Send + 'static) -> Result<Self, AudioError> {
        let (stop, stopped) = sync_channel(0);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || body(Stop(stopped)))
            .map_err(AudioError::Thread)?;
        Ok(Self { stop: Some(stop), thread: Some(thread), patience: None })
    }

    /// The same for a thread that calls the sound system, which may block for as long as it likes: where it does, the
    /// thread is left behind after a second.
    pub fn spawn_driver(name: &str, body: impl FnOnce(Stop) + Send + 'static) -> Result<Self, AudioError> {
        let mut worker = Self::spawn(name, body)?;
        worker.patience = Some(DRIVER_PATIENCE);
        Ok(worker)
    }

    /// Tells the thread to stop and does not wait for it yet.
    pub fn tell_to_stop(&mut self) {
        self.stop = None;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop = None;
        let Some(thread) = self.thread.take() else { return };
        if let Some(patience) = self.patience {
            let end = clock::now() + patience;
            while !thread.is_finished() {
                if clock::now() >= end {
                    tracing::warn!("the sound system blocks: its thread is left behind");
                    return;
                }
                std::thread::sleep(GLANCE);
            }
        }
        if thread.join().is_err() {
            tracing::error!("a sound thread panicked");
        }
    }
}

/// The thread's end of a [`Worker`].
#[derive(Debug)]
pub struct Stop(Receiver<Infallible>);

impl Stop {
    /// Waits until `deadline`; false when it is time to stop.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.wait(deadline.saturating_duration_since(clock::now()))
    }

    /// True when it is time to stop.
    pub fn is_asked(&self) -> bool {
        !self.wait(Duration::ZERO)
    }

    /// Waits for `time`; false when it is time to stop.
    pub fn wait(&self, time: Duration) -> bool {
        matches!(self.0.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }
}

/// Deadlines of frames on the wall clock: frame `n` at `start + n * 20 ms`, however late the ones before were.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    start: Instant,
    frame: u64,
}

impl Pace {
    /// Frame 0 is due at `start`.
    pub fn new(start: Instant) -> Self {
        Self { start, frame: 0 }
    }

    /// When the next frame is due.
    pub fn due(&self) -> Instant {
        self.start + Duration::from_micros(self.frame.saturating_mul(FRAME_US))
    }

    /// The next frame is done.
    pub fn step(&mut self) {
        self.frame += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_do_not_drift() {
        let start = clock::now();
        let mut pace = Pace::new(start);
        (0..180_000).for_each(|_| pace.step());
        assert_eq!(pace.due(), start + Duration::from_secs(3600));
    }

    #[test]
    fn dropping_a_worker_ends_its_wait_at_once() {
        let began = clock::now();
        let worker = Worker::spawn("test-wait", |stop| assert!(!stop.wait(Duration::from_secs(60)))).unwrap();
        drop(worker);
        assert!(clock::now() - began < Duration::from_secs(10));
    }

    #[test]
    fn a_driver_that_blocks_is_left_behind_after_a_second() {
        let (release, blocked) = sync_channel::<()>(0);
        let began = clock::now();
        let worker = Worker::spawn_driver("test-driver", move |_| blocked.recv().unwrap_or_default()).unwrap();
        drop(worker);
        let took = clock::now() - began;
        assert!(took >= DRIVER_PATIENCE && took < Duration::from_secs(10), "{took:?}");
        drop(release);
    }
}
