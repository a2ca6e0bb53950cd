//! What a bus carried and what it dropped, counted by kind, for `/metrics` and for tests.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a message on the bus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Audio,
    Video,
    /// Control of a room: membership, wishes, sealed messages.
    Room,
    /// From one relay to another: fetches, echoes.
    Direct,
    /// That a relay exists.
    Announce,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Audio, Kind::Video, Kind::Room, Kind::Direct, Kind::Announce];

    /// A label's value.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Audio => "audio",
            Kind::Video => "video",
            Kind::Room => "room",
            Kind::Direct => "direct",
            Kind::Announce => "announce",
        }
    }
}

/// Whether a message goes to the bus or comes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Out,
    In,
}

/// Counts of one kind since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    pub messages: u64,
    /// Payload alone.
    pub bytes: u64,
    /// There was no room in a queue, or the bus was lost.
    pub dropped: u64,
    /// It had waited for so long that it was worth nothing.
    pub stale: u64,
}

/// A snapshot of a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    pub connected: bool,
    /// Times that the bus was lost and came back.
    pub reconnects: u64,
    sent: [Count; 5],
    received: [Count; 5],
}

impl Stats {
    /// What was handed to the bus or came from it, of one kind.
    pub fn count(&self, direction: Direction, kind: Kind) -> Count {
        match direction {
            Direction::Out => self.sent[kind as usize],
            Direction::In => self.received[kind as usize],
        }
    }

    /// Messages that did not make it, of all kinds, both ways.
    pub fn lost(&self) -> u64 {
        self.sent.iter().chain(&self.received).map(|count| count.dropped + count.stale).sum()
    }
}

/// The same, being counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    connected: AtomicBool,
    connects: AtomicU64,
    sent: [Cell; 5],
    received: [Cell; 5],
}

#[derive(Debug, Default)]
struct Cell {
    messages: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    stale: AtomicU64,
}

impl Cell {
    fn read(&self) -> Count {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Count {
            messages: read(&self.messages),
            bytes: read(&self.bytes),
            dropped: read(&self.dropped),
            stale: read(&self.stale),
        }
    }
}

impl Counters {
    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// True if that is news.
    pub(super) fn set_connected(&self, connected: bool) -> bool {
        self.connected.swap(connected, Ordering::Relaxed) != connected
    }

    /// The bus is there, for the first time or again.
    pub(super) fn connected(&self) {
        self.connects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn passed(&self, direction: Direction, kind: Kind, bytes: usize) {
        let cell = self.cell(direction, kind);
        cell.messages.fetch_add(1, Ordering::Relaxed);
        cell.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, direction: Direction, kind: Kind) {
        self.cell(direction, kind).dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stale(&self, direction: Direction, kind: Kind) {
        self.cell(direction, kind).stale.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Stats {
        let read = |cells: &[Cell; 5]| std::array::from_fn(|at| cells[at].read());
        Stats {
            connected: self.is_connected(),
            reconnects: self.connects.load(Ordering::Relaxed).saturating_sub(1),
            sent: read(&self.sent),
            received: read(&self.received),
        }
    }

    fn cell(&self, direction: Direction, kind: Kind) -> &Cell {
        match direction {
            Direction::Out => &self.sent[kind as usize],
            Direction::In => &self.received[kind as usize],
        }
    }
}
