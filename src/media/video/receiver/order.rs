//! Puts the frames of a track in order and drops what came before. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::VideoIn;
use crate::proto::FrameNumber;

/// How long a frame waits for those before it.
const PATIENCE: Duration = Duration::from_millis(250);
/// Frames that may wait.
const MOST_WAITING: usize = 128;

/// What the decoder gets next.
#[derive(Debug)]
pub enum Ready {
    Frame(VideoIn),
    KeyFrameNeeded { spatial: u8 },
}

/// The order of one track.
#[derive(Debug, Default)]
pub struct Order {
    next: Option<FrameNumber>,
    waiting: BTreeMap<FrameNumber, (VideoIn, Instant)>,
    lost: u64,
    asked: bool,
}

impl Order {
    pub fn push(&mut self, frame: VideoIn, arrived: Instant) -> bool {
        let number = frame.header.frame;
        if self.next.is_some_and(|next| number < next) || self.waiting.contains_key(&number) {
            return false;
        }
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.pop_first();
        }
        self.waiting.insert(number, (frame, arrived));
        true
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.asked {
            return None;
        }
        self.waiting.values().map(|(_, arrived)| *arrived + PATIENCE).min()
    }

    pub fn lost(&self) -> u64 {
        self.lost
    }

    pub fn pop(&mut self, now: Instant) -> Option<Ready> {
        let (&first, (frame, arrived)) = self.waiting.first_key_value()?;
        if self.next == Some(first) || self.next.is_none() && frame.header.key {
            return self.release(first);
        }
        if now.saturating_duration_since(*arrived) < PATIENCE {
            return None;
        }
        if let Some((&key, _)) = self.waiting.iter().find(|(_, (frame, _))| frame.header.key) {
            self.lost += self.next.map_or(0, |next| u64::from(key - next));
            self.waiting = self.waiting.split_off(&key);
            return self.release(key);
        }
        let spatial = frame.header.layer.spatial;
        (!std::mem::replace(&mut self.asked, true)).then_some(Ready::KeyFrameNeeded { spatial })
    }

    fn release(&mut self, number: FrameNumber) -> Option<Ready> {
        self.next = Some(number.wrapping_add(1));
        self.asked = false;
        self.waiting.remove(&number).map(|(frame, _)| Ready::Frame(frame))
    }
}
