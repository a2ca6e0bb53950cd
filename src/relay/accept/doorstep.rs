//! Handshakes under way. Used by `accept` alone. Never: what a handshake is.
//!
//! A stranger can begin as many as he likes and finish none. One that is meant is done within a few round trips, so where there
//! are too many the oldest makes room, and whoever means it gets in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

/// As many handshakes as may be under way at a time.
#[derive(Debug)]
pub(super) struct Doorstep {
    max: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    begun: u64,
    /// By age. Dropping the sender ends the handshake.
    open: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A handshake's place.
#[derive(Debug)]
pub(super) struct Step {
    doorstep: Arc<Doorstep>,
    id: u64,
    ended: oneshot::Receiver<()>,
}

impl Doorstep {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, waiting: Mutex::default() })
    }

    /// Half of the places are taken: newcomers should prove that they can be reached before they get one.
    pub(super) fn is_crowded(&self) -> bool {
        self.lock().open.len() * 2 >= self.max
    }

    /// Takes a place, the oldest one where none is free.
    pub(super) fn enter(self: &Arc<Self>) -> Step {
        let (end, ended) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.open.len() >= self.max {
            waiting.open.pop_first();
        }
        let id = waiting.begun;
        waiting.begun += 1;
        waiting.open.insert(id, end);
        drop(waiting);
        Step { doorstep: self.clone(), id, ended }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nobody panics while holding the doorstep")
    }
}

impl Step {
    /// Runs the handshake; `None` where it had to make room. The place is free afterwards.
    pub(super) async fn finish<T>(mut self, handshake: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = handshake => Some(done),
            _ = &mut self.ended => None,
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.doorstep.lock().open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_makes_room_and_who_is_done_frees_a_place() {
        let doorstep = Doorstep::new(2);
        let (oldest, older) = (doorstep.enter(), doorstep.enter());
        assert!(doorstep.is_crowded());
        let newest = doorstep.enter();
        assert_eq!(oldest.finish(std::future::pending::<()>()).await, None);
        assert_eq!(older.finish(async { 7 }).await, Some(7));
        let another = doorstep.enter();
        assert_eq!(newest.finish(async { 8 }).await, Some(8));
        drop(another);
        assert!(!doorstep.is_crowded());
    }
}
