//! Puts the frames of a track in order, drops what came before, and tells when only a key frame helps. Pure.
//!
//! A frame that is missing is waited for, because it may be on another link or stream. When it is given up, everything
//! up to the next key frame is of no use and is left out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::VideoIn;
use crate::proto::FrameNumber;

/// How long a frame waits for those before it: a retransmission over the longest path there is.
const PATIENCE: Duration = Duration::from_millis(250);
/// The same before the first key frame: there is no picture yet that could be kept.
const START_PATIENCE: Duration = Duration::from_millis(50);
/// A request for a key frame is repeated after this, for it may be lost too.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// A track of which nothing came for so long has ended: nothing more is asked of it.
const ENDED: Duration = Duration::from_secs(3);
/// Frames that may wait.
const MOST_WAITING: usize = 128;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Ready {
    /// A frame for the decoder.
    Frame(VideoIn),
    /// The track stands still until a key frame comes.
    KeyFrameNeeded { spatial: u8 },
}

/// The order of one track.
#[derive(Debug, Default)]
pub struct Order {
    /// The frame that the decoder needs; `None` before the first key frame.
    next: Option<FrameNumber>,
    waiting: BTreeMap<FrameNumber, (VideoIn, Instant)>,
    /// When a frame last came.
    heard: Option<Instant>,
    /// Frames from `next` on that came and made room for newer ones.
    crowded_out: u64,
    lost: u64,
    /// When a key frame was last asked for, while one is needed.
    asked: Option<Instant>,
}

impl Order {
    /// Takes a frame; false if it came before, or came too late.
    pub fn push(&mut self, frame: VideoIn, arrived: Instant) -> bool {
        let number = frame.header.frame;
        if self.next.is_some_and(|next| number < next) || self.waiting.contains_key(&number) {
            return false;
        }
        if self.waiting.len() >= MOST_WAITING && self.waiting.pop_first().is_some() {
            self.crowded_out += 1;
        }
        self.waiting.insert(number, (frame, arrived));
        self.heard = self.heard.max(Some(arrived));
        true
    }

    /// When [`Order::pop`] may have something although nothing came.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (_, (_, arrived)) = self.waiting.first_key_value()?;
        let Some(asked) = self.asked else { return Some(*arrived + self.patience()) };
        let again = asked + ASK_AGAIN;
        (!self.ended(again)).then_some(again)
    }

    /// Frames that never came, or came too late.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The next frame, or that a key frame is needed; `None` when there is nothing to do now.
    pub fn pop(&mut self, now: Instant) -> Option<Ready> {
        let (&first, (frame, arrived)) = self.waiting.first_key_value()?;
        if self.next == Some(first) || self.next.is_none() && frame.header.key {
            return self.release(first);
        }
        if self.asked.is_none() && now.saturating_duration_since(*arrived) < self.patience() {
            return None;
        }
        let spatial = frame.header.layer.spatial;
        if let Some((&key, _)) = self.waiting.iter().find(|(_, (frame, _))| frame.header.key) {
            return self.release(key);
        }
        if self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < ASK_AGAIN || self.ended(now)) {
            return None;
        }
        self.asked = Some(now);
        Some(Ready::KeyFrameNeeded { spatial })
    }

    /// Hands out a frame and forgets what is before it.
    fn release(&mut self, number: FrameNumber) -> Option<Ready> {
        let came = self.waiting.range(..number).count() as u64 + self.crowded_out;
        let expected = self.next.map_or(came, |next| u64::from(number.saturating_sub(next)));
        self.lost += expected.saturating_sub(came);
        self.waiting = self.waiting.split_off(&number);
        (self.crowded_out, self.asked) = (0, None);
        self.next = Some(number.saturating_add(1));
        self.waiting.remove(&number).map(|(frame, _)| Ready::Frame(frame))
    }

    fn ended(&self, now: Instant) -> bool {
        self.heard.is_none_or(|heard| now.saturating_duration_since(heard) >= ENDED)
    }

    fn patience(&self) -> Duration {
        if self.next.is_some() { PATIENCE } else { START_PATIENCE }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::proto::{Layer, MediaHeader, ParticipantId, Track};

    fn frame(number: u32, key: bool) -> VideoIn {
        let header = MediaHeader {
            track: Track::Camera,
            layer: Layer::default(),
            key,
            discardable: false,
            dtx: false,
            participant: ParticipantId(1),
            frame: number,
            since_key: u16::from(!key),
            capture_us: 0,
        };
        VideoIn { header, payload: Bytes::new() }
    }

    /// Pushes frames at their ms and says what came out, a number each, -1 for a key frame needed.
    fn play(frames: &[(u32, bool, u64)], until_ms: u64) -> (Vec<(u64, i64)>, u64) {
        let start = crate::clock::now();
        let (mut order, mut out) = (Order::default(), Vec::new());
        for ms in 0..until_ms {
            let now = start + Duration::from_millis(ms);
            for (number, key, _) in frames.iter().filter(|(_, _, at)| *at == ms) {
                order.push(frame(*number, *key), now);
            }
            while let Some(ready) = order.pop(now) {
                out.push((ms, if let Ready::Frame(frame) = ready { frame.header.frame.into() } else { -1 }));
            }
            assert!(order.poll_timeout().is_none_or(|at| at > now), "a timeout at {ms} ms that pop ignores");
        }
        (out, order.lost())
    }

    #[test]
    fn frames_come_out_in_order_and_once() {
        let (out, lost) = play(&[(0, true, 0), (2, false, 5), (2, false, 6), (1, false, 9), (1, false, 12)], 20);
        assert_eq!(out, [(0, 0), (9, 1), (9, 2)]);
        assert_eq!(lost, 0);
    }

    #[test]
    fn a_missing_frame_is_waited_for_and_then_a_key_frame_is_asked_for_again_and_again() {
        let frames = [(0, true, 0), (2, false, 10), (3, false, 40), (9, true, 1000), (10, false, 1010)];
        let (out, lost) = play(&frames, 1100);
        assert_eq!(out, [(0, 0), (260, -1), (760, -1), (1000, 9), (1010, 10)]);
        assert_eq!(lost, 1 + 5, "2 and 3 came");
    }

    #[test]
    fn a_key_frame_overtakes_only_what_is_given_up() {
        let (out, lost) = play(&[(0, true, 0), (2, false, 10), (3, true, 20), (1, false, 100)], 200);
        assert_eq!(out, [(0, 0), (100, 1), (100, 2), (100, 3)]);
        assert_eq!(lost, 0);
        let (out, lost) = play(&[(0, true, 0), (3, true, 20), (1, false, 300)], 400);
        assert_eq!(out, [(0, 0), (270, 3)]);
        assert_eq!(lost, 2);
    }

    #[test]
    fn a_track_that_begins_in_the_middle_asks_soon() {
        let (out, lost) = play(&[(70, false, 0), (71, false, 33), (72, true, 100)], 200);
        assert_eq!(out, [(50, -1), (100, 72)]);
        assert_eq!(lost, 0);
    }

    #[test]
    fn a_track_that_ended_is_left_alone() {
        let (out, _) = play(&[(0, true, 0), (2, false, 10)], 60_000);
        assert_eq!(out.last(), Some(&(2760, -1)));
    }

    #[test]
    fn frames_without_end_and_without_a_key_frame_stay_within_their_room() {
        let mut order = Order::default();
        let now = crate::clock::now();
        for number in 0..10_000 {
            order.push(frame(number, false), now);
        }
        order.push(frame(u32::MAX, true), now);
        assert_eq!(order.waiting.len(), MOST_WAITING);
        let late = now + PATIENCE;
        assert_eq!(order.pop(late), Some(Ready::Frame(frame(u32::MAX, true))));
        assert_eq!(order.pop(late), None);
    }
}
