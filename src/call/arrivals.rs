//! What arrived and when, for whoever measures a call from outside: a drill, a test.
//!
//! Figures of playout buffers say what a listener heard; these records say what the network did: each frame that opened,
//! doubles included, with its number, its capture time and the moment at which it was read off its link. Bounded, and
//! empty until somebody asks. Never: a payload, a decision.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::event::Place;
use crate::election::Reason;
use crate::proto::{FrameNumber, MediaHeader, ParticipantId, Track};

/// Records that wait to be taken: half a minute of ten senders, each heard over two links.
const MOST: usize = 65_536;

/// Something that a measurement needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A frame of a peer came and opened.
    Frame(Arrival),
    /// A peer's picture cannot go on without a key frame, which is asked for.
    KeyFrameAsked { at: Instant, peer: ParticipantId, track: Track },
    /// The call went over to another link.
    Moved { at: Instant, from: Option<Place>, to: Place, reason: Reason },
}

/// A frame that came. The same one may come twice, by two links or as the redundancy of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When it was read off the link.
    pub at: Instant,
    pub peer: ParticipantId,
    pub track: Track,
    /// Which size of a picture.
    pub spatial: u8,
    pub number: FrameNumber,
    /// On the sender's media clock, µs.
    pub capture_us: u64,
    pub key: bool,
    /// Silence was announced with it.
    pub dtx: bool,
}

impl Arrival {
    fn of(header: &MediaHeader, at: Instant) -> Self {
        Self {
            at,
            peer: header.participant,
            track: header.track,
            spatial: header.layer.spatial,
            number: header.frame,
            capture_us: header.capture_us,
            key: header.key,
            dtx: header.dtx,
        }
    }
}

/// The records of one call. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    wanted: AtomicBool,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    records: VecDeque<Record>,
    missed: u64,
}

impl Arrivals {
    /// All that was recorded since the last call, in order; and how many older records were dropped for want of room.
    pub fn take(&self) -> (Vec<Record>, u64) {
        let mut log = self.shared.log.lock().expect("nobody panics while holding the log");
        (std::mem::take(&mut log.records).into(), std::mem::take(&mut log.missed))
    }

    /// Records from now on.
    pub(super) fn want(&self) {
        self.shared.wanted.store(true, Ordering::Relaxed);
    }

    pub(super) fn frame(&self, header: &MediaHeader, at: Instant) {
        self.push(|| Record::Frame(Arrival::of(header, at)));
    }

    pub(super) fn push(&self, record: impl FnOnce() -> Record) {
        if !self.shared.wanted.load(Ordering::Relaxed) {
            return;
        }
        let mut log = self.shared.log.lock().expect("nobody panics while holding the log");
        if log.records.len() == MOST {
            log.records.pop_front();
            log.missed += 1;
        }
        log.records.push_back(record());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Record {
        Record::KeyFrameAsked { at: crate::clock::now(), peer: ParticipantId(1), track: Track::Camera }
    }

    #[test]
    fn nothing_is_kept_until_somebody_asks_and_never_more_than_there_is_room_for() {
        let arrivals = Arrivals::default();
        arrivals.push(asked);
        assert_eq!(arrivals.take().0.len(), 0);
        arrivals.want();
        (0..MOST + 3).for_each(|_| arrivals.push(asked));
        let (records, missed) = arrivals.take();
        assert_eq!((records.len(), missed), (MOST, 3));
        assert_eq!(arrivals.take(), (Vec::new(), 0));
    }
}
