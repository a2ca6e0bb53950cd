//! What people said and showed, as a window draws it: a part of [`State`](super::State). Made by the controller.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::proto::words::Reaction;
use crate::proto::{ParticipantId, Track};

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conversation {
    /// The lines of chat since we came, oldest first; of very many the newest.
    pub lines: Arc<Vec<Arc<Line>>>,
    /// The reactions of the last seconds, oldest first.
    pub reactions: Vec<Reacted>,
    /// Whose hand is up, ourselves among them, in the order in which they raised it. The same for everybody.
    pub hands: Vec<ParticipantId>,
    /// We may mute, remove and lock.
    pub host: bool,
    /// Who else may.
    pub hosts: Vec<ParticipantId>,
    /// Nobody new comes in.
    pub locked: bool,
    /// What hosts muted, and whether for good: only a host lifts that.
    pub muted: Vec<(ParticipantId, Track, bool)>,
}

/// A line of chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Grows by one from line to line, from 1, whoever said it.
    pub serial: u64,
    pub from: ParticipantId,
    /// Its name when it said it.
    pub name: String,
    /// We said it.
    pub me: bool,
    /// Cleaned for drawing; may have several rows.
    pub text: String,
    /// When it came, by the clock on the wall here.
    pub at: SystemTime,
    pub delivery: Delivery,
}

/// How far a line of our own is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Not everybody who was there has it yet.
    Sending,
    /// Everybody has it, or it is somebody else's.
    Done,
    /// So many never got it, as far as is known.
    Missed(usize),
}

/// Somebody's reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reacted {
    pub serial: u64,
    pub from: ParticipantId,
    pub what: Reaction,
    pub at: Instant,
}

impl Conversation {
    /// The place in the order of raised hands, from 1; `None` where the hand is down.
    pub fn place(&self, who: ParticipantId) -> Option<usize> {
        self.hands.iter().position(|up| *up == who).map(|index| index + 1)
    }

    /// Whether a host muted this, and if so, whether for good.
    pub fn mute(&self, who: ParticipantId, track: Track) -> Option<bool> {
        self.muted.iter().find(|(muted, what, _)| (*muted, *what) == (who, track)).map(|(_, _, firm)| *firm)
    }

    /// The serial of the newest line; 0 where there is none.
    pub fn newest(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.serial)
    }
}
