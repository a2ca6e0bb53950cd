//! The newest picture of everybody, our own included, for whoever draws them.
//!
//! The camera's thread and the decoder's put pictures here; a window takes them when it draws. Nothing waits and nothing
//! queues: a picture that nobody drew is replaced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::picture::I420;
use crate::proto::{ParticipantId, Track};

/// Whose picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Of {
    /// What we send, as it was taken: not mirrored.
    Own,
    Peer(ParticipantId, Track),
}

/// A picture to be drawn.
#[derive(Debug, Clone)]
pub struct Shown {
    pub picture: Arc<I420>,
    /// Differs for every picture that was ever put: what has been uploaded need not be again.
    pub number: u64,
    /// When it was put.
    pub at: Instant,
}

/// See the module. Clones are the same place.
#[derive(Debug, Clone)]
pub struct Pictures {
    places: Arc<Mutex<BTreeMap<Of, Shown>>>,
    count: watch::Sender<u64>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { places: Arc::default(), count: watch::Sender::new(0) }
    }
}

impl Pictures {
    /// Puts a picture in place of the one before; returns its number.
    pub fn put(&self, of: Of, picture: Arc<I420>, at: Instant) -> u64 {
        let mut places = self.lock();
        let number = *self.count.borrow() + 1;
        places.insert(of, Shown { picture, number, at });
        self.count.send_replace(number);
        number
    }

    /// Takes a picture away: its camera is off, or its sender left.
    pub fn remove(&self, of: Of) {
        if self.lock().remove(&of).is_some() {
            self.count.send_modify(|_| {});
        }
    }

    /// Takes a picture away if it is this one: who put it does not take away another's.
    pub fn remove_number(&self, of: Of, number: u64) {
        let mut places = self.lock();
        if places.get(&of).is_some_and(|shown| shown.number == number) {
            places.remove(&of);
            self.count.send_modify(|_| {});
        }
    }

    /// Takes away whatever a peer shows: it left.
    pub fn remove_peer(&self, peer: ParticipantId) {
        let mut places = self.lock();
        let before = places.len();
        places.retain(|of, _| !matches!(of, Of::Peer(id, _) if *id == peer));
        if places.len() < before {
            self.count.send_modify(|_| {});
        }
    }

    /// The newest one.
    pub fn get(&self, of: Of) -> Option<Shown> {
        self.lock().get(&of).cloned()
    }

    /// Wakes whenever a picture came or went.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Of, Shown>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_picture_is_kept_and_told() {
        let pictures = Pictures::default();
        let mut told = pictures.subscribe();
        let now = crate::clock::now();
        pictures.put(Of::Own, Arc::new(I420::black(32, 16)), now);
        pictures.put(Of::Own, Arc::new(I420::black(64, 32)), now);
        assert!(told.has_changed().unwrap());
        told.mark_unchanged();
        let shown = pictures.get(Of::Own).unwrap();
        assert_eq!((shown.picture.width(), shown.number), (64, 2));
        pictures.remove(Of::Own);
        assert!(told.has_changed().unwrap());
        assert!(pictures.get(Of::Own).is_none());
    }

    #[test]
    fn a_picture_is_taken_away_by_its_number_and_a_peer_with_all_that_it_shows() {
        let (pictures, now, black) = (Pictures::default(), crate::clock::now(), Arc::new(I420::black(32, 16)));
        let old = pictures.put(Of::Own, Arc::clone(&black), now);
        let new = pictures.put(Of::Own, Arc::clone(&black), now);
        pictures.remove_number(Of::Own, old);
        assert!(pictures.get(Of::Own).is_some());
        pictures.remove_number(Of::Own, new);
        assert!(pictures.get(Of::Own).is_none());
        let (one, other) = (ParticipantId(1), ParticipantId(2));
        for of in [Of::Peer(one, Track::Camera), Of::Peer(one, Track::Screen), Of::Peer(other, Track::Camera)] {
            pictures.put(of, Arc::clone(&black), now);
        }
        pictures.remove_peer(one);
        let left = [(one, Track::Camera), (one, Track::Screen), (other, Track::Camera)]
            .map(|(peer, track)| pictures.get(Of::Peer(peer, track)).is_some());
        assert_eq!(left, [false, false, true]);
    }
}
