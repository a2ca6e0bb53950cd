//! What a client sends: numbers that outlive every link, and the last of it for a link that takes over.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Act, Client};
use crate::sim::Time;
use crate::sim::wire::{Frame, Kind, Packet};

/// What a new link gets of what the dead one may have lost, before the doubt began.
const BEFORE: Duration = Duration::from_millis(300);
/// What is kept for that.
const HISTORY: Duration = Duration::from_millis(1500);
/// Frames from one key frame to the next.
const GROUP: u32 = 120;

#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) voice: bool,
    pub(super) camera: bool,
    next_audio: u32,
    next_video: u32,
    history: VecDeque<(Time, Frame)>,
}

impl Publisher {
    pub(super) fn new(voice: bool, camera: bool) -> Self {
        Self { voice, camera, next_audio: 0, next_video: 0, history: VecDeque::new() }
    }

    fn number(&mut self, now: Time, me: usize, kind: Kind, last: bool) -> Frame {
        let next = match kind {
            Kind::Audio => &mut self.next_audio,
            Kind::Video => &mut self.next_video,
        };
        let number = *next;
        *next += 1;
        let group = if kind == Kind::Audio { number } else { number - number % GROUP };
        let frame = Frame { kind, from: me, number, group, last, doubled: false };
        if kind == Kind::Video {
            self.history.push_back((now, frame));
            while self.history.front().is_some_and(|(at, _)| now.saturating_sub(*at) > HISTORY) {
                self.history.pop_front();
            }
        }
        frame
    }

    /// Video from a little before `since` on.
    pub(super) fn replay(&self, since: Time) -> Vec<Frame> {
        let since = since.saturating_sub(BEFORE);
        self.history.iter().filter(|(at, _)| *at >= since).map(|(_, frame)| *frame).collect()
    }
}

impl Client {
    /// Sends the next frame over the active link, over the one that is moved to, and, audio, over the standby while there
    /// is doubt. Its number; `None` before the room was entered.
    pub(in crate::sim) fn publish(&mut self, now: Time, me: usize, kind: Kind, last: bool) -> Option<u32> {
        self.entered?;
        let doubled = kind == Kind::Audio && self.duplicate.is_some();
        let frame = Frame { doubled, ..self.publisher.number(now, me, kind, last) };
        let to = self.moving.as_ref().map(|moving| moving.to);
        let also = self.duplicate.filter(|_| kind == Kind::Audio);
        let mut links = [self.active, to, also];
        links.sort();
        let mut before = None;
        let mut sent = false;
        for link in links.into_iter().flatten().filter(|link| self.sessions.contains_key(link)) {
            if before.replace(link) != Some(link) {
                self.acts.push(Act::Send { link, packet: Packet::Media(frame) });
                sent = true;
            }
        }
        if !sent {
            self.acts.push(Act::Unsent(frame));
        }
        Some(frame.number)
    }

    pub(in crate::sim) fn sends(&self, kind: Kind) -> bool {
        match kind {
            Kind::Audio => self.publisher.voice,
            Kind::Video => self.publisher.camera,
        }
    }

    pub(in crate::sim) fn set_sends(&mut self, voice: bool, camera: bool) {
        (self.publisher.voice, self.publisher.camera) = (voice, camera);
    }

    /// What others sent and will not come any more, since the last call.
    pub(in crate::sim) fn take_missing(&mut self) -> Vec<(usize, Kind, u32)> {
        self.receiver.take_missing()
    }
}
