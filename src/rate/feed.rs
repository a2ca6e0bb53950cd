//! What happens to the packets of a link, kept for whoever estimates the path: written where packets are acknowledged, read some
//! times a second.
//!
//! Written by `net`, read by `call`. Nothing is kept until somebody reads: a relay has thousands of links and asks for none.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Estimator;

/// Events that are kept for a reader that does not come: some seconds of a call.
const MOST: usize = 4096;

/// What happened, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Bytes on their way.
    Sent(u64),
    /// Bytes that arrived; of the newest packet of an acknowledgement, its round trip.
    Delivered(u64, Option<Duration>),
    Lost(u64),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Feed {
    wanted: AtomicBool,
    floor_bytes: AtomicU64,
    ours: AtomicBool,
    events: Mutex<Vec<(Instant, Happened)>>,
}

impl Feed {
    /// Notes something, if anybody wants it.
    pub fn note(&self, now: Instant, happened: Happened) {
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let mut events = self.events.lock().expect("nobody panics while holding the events");
        if events.len() < MOST {
            events.push((now, happened));
        }
    }

    /// All since the last time; from the first time on it is kept.
    pub fn take(&self) -> Vec<(Instant, Happened)> {
        self.wanted.store(true, Ordering::Relaxed);
        std::mem::take(&mut *self.events.lock().expect("nobody panics while holding the events"))
    }

    /// Nobody reads any more.
    pub fn forget(&self) {
        self.wanted.store(false, Ordering::Relaxed);
        self.set_floor(0);
        self.events.lock().expect("nobody panics while holding the events").clear();
    }

    /// So many bytes may be on their way whatever the window thinks: see [`super::Window::set_floor`].
    pub fn set_floor(&self, bytes: u64) {
        self.floor_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Delay that comes and goes does so with what is sent, or not: see [`super::Window::is_ours`].
    pub fn set_ours(&self, ours: bool) {
        self.ours.store(ours, Ordering::Relaxed);
    }

    pub fn floor(&self) -> u64 {
        self.floor_bytes.load(Ordering::Relaxed)
    }
}

impl Estimator {
    /// Takes in what a link's feed has.
    pub fn read(&mut self, feed: &Feed) {
        for (at, happened) in feed.take() {
            match happened {
                Happened::Sent(bytes) => self.sent(at, bytes),
                Happened::Delivered(bytes, rtt) => {
                    self.delivered(at, bytes);
                    rtt.into_iter().for_each(|rtt| self.round_trip(at, rtt));
                }
                Happened::Lost(bytes) => self.lost(at, bytes),
            }
        }
        self.told(feed.ours.load(Ordering::Relaxed));
        feed.set_floor(self.window_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_before_somebody_reads_nor_without_bound() {
        let (feed, now) = (Feed::default(), crate::clock::now());
        feed.note(now, Happened::Sent(1));
        assert_eq!(feed.take(), []);
        feed.note(now, Happened::Lost(2));
        assert_eq!(feed.take(), [(now, Happened::Lost(2))]);
        (0..2 * MOST).for_each(|_| feed.note(now, Happened::Sent(1)));
        assert_eq!(feed.take().len(), MOST);
        feed.set_floor(7);
        feed.forget();
        feed.note(now, Happened::Sent(1));
        assert_eq!((feed.floor(), feed.take()), (0, Vec::new()));
    }
}
