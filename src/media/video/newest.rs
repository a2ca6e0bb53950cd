//! A place for one thing, in which a newer one replaces an older one that nobody took: how a picture gets from a
//! camera's thread to the encoder's without ever waiting in a line.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug)]
pub struct Newest<T> {
    place: Mutex<Option<T>>,
    filled: Condvar,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self { place: Mutex::new(None), filled: Condvar::new() }
    }
}

impl<T> Newest<T> {
    /// Puts a thing there; true if one that nobody took went away.
    pub fn put(&self, thing: T) -> bool {
        let replaced = self.lock().replace(thing).is_some();
        self.filled.notify_one();
        replaced
    }

    /// Takes what is there, waiting for at most `patience`.
    pub fn take(&self, patience: Duration) -> Option<T> {
        let (mut place, _) = self
            .filled
            .wait_timeout_while(self.lock(), patience, |place| place.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        place.take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_kept_and_taken_once() {
        let newest = Newest::default();
        assert!(!newest.put(1));
        assert!(newest.put(2));
        assert_eq!(newest.take(Duration::ZERO), Some(2));
        assert_eq!(newest.take(Duration::ZERO), None);
    }
}
