//! What the owner of a thread wants of it, and ends that nobody waits for. Used by all that runs threads below `media`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::clock;

/// Shared by a thread and its owner: wishes, which may be told both ways, and whether it is time to stop.
#[derive(Debug, Default)]
pub struct Control<W> {
    wishes: Mutex<W>,
    /// Set with the wishes locked, so that no waiting thread misses it.
    stop: AtomicBool,
    stopping: Condvar,
}

impl<W> Control<W> {
    /// The wishes, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, W> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the thread to stop, for good.
    pub fn stop(&self) {
        let wishes = self.lock();
        self.stop.store(true, Ordering::Release);
        drop(wishes);
        self.stopping.notify_all();
    }

    /// It is time to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Waits; false as soon as it is time to stop.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        let mut wishes = self.lock();
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            if self.stopped() || left.is_zero() {
                return !self.stopped();
            }
            (wishes, _) = self.stopping.wait_timeout(wishes, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Drops, on a thread of its own, what may take a while to end. `what` it is, in a word, names the thread.
pub fn drop_later(what: &'static str, ending: impl Send + 'static) {
    // Where there is no thread, it is dropped here.
    if let Err(error) = std::thread::Builder::new().name(format!("{what}-stop")).spawn(move || drop(ending)) {
        tracing::warn!(%error, what, "its end was waited for");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_lasts_until_its_deadline_or_until_it_is_time_to_stop() {
        let control = Arc::<Control<u32>>::default();
        let began = clock::now();
        assert!(control.wait_until(began + Duration::from_millis(20)));
        assert!(clock::now() >= began + Duration::from_millis(20));
        let (waits, waiting) = mpsc::channel();
        let thread = {
            let control = Arc::clone(&control);
            std::thread::spawn(move || {
                waits.send(()).unwrap();
                control.wait_until(clock::now() + Duration::from_secs(600))
            })
        };
        waiting.recv().unwrap();
        *control.lock() = 7;
        control.stop();
        assert!(!thread.join().unwrap() && control.stopped());
        assert!(!control.wait_until(began), "not even for a deadline that is over");
        assert_eq!(*control.lock(), 7);
    }

    #[test]
    fn who_drops_something_later_does_not_wait_for_its_end() {
        struct Slow(mpsc::Receiver<()>, mpsc::Sender<Option<String>>);
        impl Drop for Slow {
            fn drop(&mut self) {
                self.0.recv().unwrap();
                self.1.send(std::thread::current().name().map(str::to_owned)).unwrap();
            }
        }
        let (release, blocked) = mpsc::channel();
        let (ends, ended) = mpsc::channel();
        drop_later("test", Slow(blocked, ends));
        release.send(()).unwrap();
        assert_eq!(ended.recv().unwrap().as_deref(), Some("test-stop"));
    }
}
