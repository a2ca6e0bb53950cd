//! What passes over links, counted where it passes: relaxed atomics, no lock, no allocation, and nothing that leads back to
//! anybody.
//!
//! A relay has one for all of its links, kept by its [`super::Responder`]; `net::link` and the queues count what only they see,
//! `relay` the rest, and its `/metrics` reads it. A client's links count too, and nobody reads it. Must never: wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock;
use crate::proto::Track;

/// What is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cargo {
    Control,
    /// Probes and their answers.
    Probe,
    Audio,
    /// A camera's pictures.
    Video,
    Screen,
}

impl Cargo {
    pub const ALL: [Cargo; 5] = [Cargo::Control, Cargo::Probe, Cargo::Audio, Cargo::Video, Cargo::Screen];

    /// What a track carries.
    pub fn of(track: Track) -> Self {
        match track {
            Track::Microphone => Cargo::Audio,
            Track::Camera => Cargo::Video,
            Track::Screen => Cargo::Screen,
        }
    }

    pub fn name(self) -> &'static str {
        ["control", "probe", "audio", "video", "screen"][self as usize]
    }
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From a client.
    In,
    /// Handed to the queue of a client's link.
    Out,
}

impl Way {
    pub const ALL: [Way; 2] = [Way::In, Way::Out];

    pub fn name(self) -> &'static str {
        ["in", "out"][self as usize]
    }
}

/// Why something was not carried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Frames that others can do without, too old in a subscriber's queue.
    LateDiscardable,
    /// Subgroups whose rest was given up in a subscriber's queue: that subscriber waits for a key frame.
    LateSubgroup,
    /// Audio that made room for newer audio in a subscriber's queue.
    AudioQueue,
    /// Audio and probes that came faster than the session took them.
    Unread,
    /// Media of somebody who may not send it, or in another's name.
    NotPermitted,
    /// Media that cannot be read.
    Malformed,
}

impl Lost {
    pub const ALL: [Lost; 6] = [
        Lost::LateDiscardable,
        Lost::LateSubgroup,
        Lost::AudioQueue,
        Lost::Unread,
        Lost::NotPermitted,
        Lost::Malformed,
    ];

    pub fn name(self) -> &'static str {
        ["late_discardable", "late_subgroup", "audio_queue", "unread", "not_permitted", "malformed"][self as usize]
    }
}

/// Packets and their bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    pub packets: u64,
    pub bytes: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Figures {
    packets: [[AtomicU64; Cargo::ALL.len()]; Way::ALL.len()],
    bytes: [[AtomicU64; Cargo::ALL.len()]; Way::ALL.len()],
    lost: [AtomicU64; Lost::ALL.len()],
    /// How long video frames waited in a subscriber's queue.
    pub queue_age: Times,
    /// From the arrival of a packet to its last subscriber's queue; one of [`SAMPLE`].
    pub forwarding: Times,
    /// From the arrival of a probe to its answer.
    pub probes: Times,
    key_frames_wanted: AtomicU64,
    key_frames_asked: AtomicU64,
}

/// Of so many packets one is timed: reading the clock costs more than all else that is counted.
const SAMPLE: u64 = 16;

impl Figures {
    /// Counts one packet. Returns whether it is one to be timed.
    pub fn count(&self, way: Way, cargo: Cargo, bytes: usize) -> bool {
        self.bytes[way as usize][cargo as usize].fetch_add(bytes as u64, Ordering::Relaxed);
        self.packets[way as usize][cargo as usize].fetch_add(1, Ordering::Relaxed).is_multiple_of(SAMPLE)
    }

    /// Counts what went to several at once.
    pub fn add(&self, way: Way, cargo: Cargo, amount: Amount) {
        if amount.packets > 0 {
            self.bytes[way as usize][cargo as usize].fetch_add(amount.bytes, Ordering::Relaxed);
            self.packets[way as usize][cargo as usize].fetch_add(amount.packets, Ordering::Relaxed);
        }
    }

    pub fn lose(&self, why: Lost) {
        self.lost[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn amount(&self, way: Way, cargo: Cargo) -> Amount {
        Amount {
            packets: self.packets[way as usize][cargo as usize].load(Ordering::Relaxed),
            bytes: self.bytes[way as usize][cargo as usize].load(Ordering::Relaxed),
        }
    }

    pub fn lost(&self, why: Lost) -> u64 {
        self.lost[why as usize].load(Ordering::Relaxed)
    }

    /// A subscriber wanted a key frame.
    pub fn key_frame_wanted(&self) {
        self.key_frames_wanted.fetch_add(1, Ordering::Relaxed);
    }

    /// A sender was asked for one, or the relay that has the sender.
    pub fn key_frame_asked(&self) {
        self.key_frames_asked.fetch_add(1, Ordering::Relaxed);
    }

    pub fn key_frames_wanted(&self) -> u64 {
        self.key_frames_wanted.load(Ordering::Relaxed)
    }

    pub fn key_frames_asked(&self) -> u64 {
        self.key_frames_asked.load(Ordering::Relaxed)
    }

    /// All bytes that went one way.
    pub fn bytes(&self, way: Way) -> u64 {
        Cargo::ALL.into_iter().map(|cargo| self.amount(way, cargo).bytes).sum()
    }
}

/// Upper bounds of [`Times`], µs.
pub const BOUNDS_US: [u64; 16] =
    [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];

/// How often which time was seen.
#[derive(Debug, Default)]
pub struct Times {
    /// By [`BOUNDS_US`], and last what is longer.
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Times {
    /// Notes what has passed since an instant.
    pub fn since(&self, start: Instant) {
        self.note(clock::now().saturating_duration_since(start));
    }

    pub fn note(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bound = BOUNDS_US.partition_point(|bound| us > *bound);
        self.counts[bound].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Counts by bound, the last without one, and the sum of all times, µs.
    pub fn read(&self) -> ([u64; BOUNDS_US.len() + 1], u64) {
        (std::array::from_fn(|at| self.counts[at].load(Ordering::Relaxed)), self.sum_us.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_packet_of_sixteen_is_timed_the_first_included() {
        let figures = Figures::default();
        let timed = (0..160).filter(|_| figures.count(Way::In, Cargo::Audio, 100)).count();
        assert_eq!((timed, figures.count(Way::In, Cargo::Video, 1)), (10, true));
        assert_eq!(figures.amount(Way::In, Cargo::Audio), Amount { packets: 160, bytes: 16_000 });
        assert_eq!((figures.bytes(Way::In), figures.bytes(Way::Out)), (16_001, 0));
    }

    #[test]
    fn a_time_is_counted_at_the_bound_that_it_does_not_exceed() {
        let times = Times::default();
        for us in [0, 10, 11, 1_000_000, 1_000_001] {
            times.note(Duration::from_micros(us));
        }
        let (counts, sum_us) = times.read();
        assert_eq!((counts[0], counts[1], counts[15], counts[16], sum_us), (2, 1, 1, 1, 2_000_022));
    }

    #[test]
    fn every_name_is_one_of_its_own() {
        let names =
            Cargo::ALL.map(Cargo::name).into_iter().chain(Way::ALL.map(Way::name)).chain(Lost::ALL.map(Lost::name));
        let names: Vec<_> = names.collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }
}
