//! Media at a receiver: what came of each sender, what did not, and how long nothing did.

use std::time::Duration;

use super::Time;
use super::wire::{Frame, Kind};

/// Numbers behind the newest that are told apart.
const WIDTH: u32 = 1024;
/// What is so far behind will not come any more.
const JUDGED: u32 = 400;
/// A time without media that is worth a note.
const GAP: Duration = Duration::from_millis(60);

/// A time in which nothing new came of a sender that was sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    pub from: Time,
    pub to: Time,
}

impl Gap {
    /// How long it was.
    pub fn length(&self) -> Duration {
        self.to - self.from
    }
}

/// Which of the newest numbers were seen. The first that comes is the first that there is.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    newest: Option<u32>,
    bits: [u64; (WIDTH / 64) as usize],
}

impl Seen {
    /// Marks a number; true if it is new. What is far behind counts as seen.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let newest = *self.newest.get_or_insert(number);
        if number > newest {
            for between in newest + 1..=number.min(newest.saturating_add(WIDTH)) {
                let (word, bit) = place(between);
                self.bits[word] &= !bit;
            }
            self.newest = Some(number);
        }
        let (word, bit) = place(number);
        let new = newest.saturating_sub(number) < JUDGED && self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        new
    }

    fn contains(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        self.newest.is_some_and(|newest| number <= newest && newest - number < WIDTH) && self.bits[word] & bit != 0
    }
}

fn place(number: u32) -> (usize, u64) {
    ((number % WIDTH / 64) as usize, 1 << (number % 64))
}

/// What one receiver has of one kind from one sender.
#[derive(Debug, Clone)]
pub struct Stream {
    seen: Seen,
    newest: u32,
    group: u32,
    /// Every number below was judged.
    judged: u32,
    last: Option<Time>,
    silent: bool,
    /// New frames.
    pub received: u64,
    /// Copies of frames that were there.
    pub repeated: u64,
    /// Longer than 60 ms, in order.
    pub gaps: Vec<Gap>,
    missing: Vec<u32>,
}

impl Stream {
    fn new(first: u32) -> Self {
        Self {
            seen: Seen::default(),
            newest: first,
            group: first,
            judged: first,
            last: None,
            silent: false,
            received: 0,
            repeated: 0,
            gaps: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// When anything new came last.
    pub fn last(&self) -> Option<Time> {
        self.last
    }

    /// Whether more should come: it did a moment ago, and the sender did not say that it falls silent.
    pub(super) fn flows(&self, now: Time, within: Duration) -> bool {
        !self.silent && self.last.is_some_and(|last| now.saturating_sub(last) < within)
    }

    /// Group and number of the newest frame.
    pub(super) fn newest(&self) -> (u32, u32) {
        (self.group, self.newest)
    }

    /// The longest time without a new frame that ended after `from`, or that goes on at `now`.
    pub fn longest_gap(&self, from: Time, now: Time) -> Duration {
        let open = self.last.filter(|_| !self.silent).map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let closed = self.gaps.iter().filter(|gap| gap.to > from).map(Gap::length).max();
        closed.unwrap_or_default().max(open)
    }

    fn take(&mut self, now: Time, frame: &Frame) {
        let first = self.received == 0;
        // Before the marks of what is so far behind are used again.
        self.judge(frame.number.saturating_sub(JUDGED));
        if frame.doubled && frame.number > self.judged {
            self.insert(frame.number - 1, false);
        }
        self.insert(frame.number, true);
        if first || frame.number > self.newest {
            if let Some(from) = self.last.filter(|last| !self.silent && now - *last > GAP) {
                self.gaps.push(Gap { from, to: now });
            }
            (self.last, self.newest) = (Some(now), frame.number);
            (self.silent, self.group) = (frame.last, frame.group);
        }
    }

    fn insert(&mut self, number: u32, counts: bool) {
        if number >= self.judged && self.seen.insert(number) {
            self.received += 1;
        } else {
            self.repeated += u64::from(counts);
        }
    }

    /// Every number below `end` that is not there is missing for good.
    fn judge(&mut self, end: u32) {
        let judged = self.judged..end.max(self.judged);
        self.missing.extend(judged.filter(|number| !self.seen.contains(*number)));
        self.judged = self.judged.max(end);
    }

    /// Numbers that will not come any more, since the last call.
    fn take_missing(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.missing)
    }
}

/// All that a client receives, by sender and kind, in the order of the first frame.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    streams: Vec<((usize, Kind), Stream)>,
}

impl Receiver {
    /// Of one sender.
    pub fn stream(&self, from: usize, kind: Kind) -> Option<&Stream> {
        self.streams.iter().find(|(of, _)| *of == (from, kind)).map(|(_, stream)| stream)
    }

    /// Of everybody.
    pub fn streams(&self) -> impl Iterator<Item = ((usize, Kind), &Stream)> {
        self.streams.iter().map(|(of, stream)| (*of, stream))
    }

    /// What will not come any more, since the last call.
    pub(super) fn take_missing(&mut self) -> Vec<(usize, Kind, u32)> {
        let mut missing = Vec::new();
        for ((from, kind), stream) in &mut self.streams {
            missing.extend(stream.take_missing().into_iter().map(|number| (*from, *kind, number)));
        }
        missing
    }

    /// Takes a frame that arrived.
    pub(super) fn take(&mut self, now: Time, frame: &Frame) {
        let of = (frame.from, frame.kind);
        let index = self.streams.iter().position(|(known, _)| *known == of).unwrap_or_else(|| {
            self.streams.push((of, Stream::new(frame.number)));
            self.streams.len() - 1
        });
        self.streams[index].1.take(now, frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::ms;

    fn audio(number: u32) -> Frame {
        Frame { kind: Kind::Audio, from: 0, number, group: number, last: false, doubled: false }
    }

    #[test]
    fn gaps_are_times_between_new_frames_and_silence_that_was_announced_is_none() {
        let mut stream = Stream::new(7);
        for (at, number) in [(0.0, 7), (20.0, 8), (200.0, 9), (210.0, 8), (220.0, 10)] {
            stream.take(ms(at), &audio(number));
        }
        assert_eq!(stream.gaps, [Gap { from: ms(20.0), to: ms(200.0) }]);
        assert_eq!((stream.received, stream.repeated), (4, 1));
        stream.take(ms(240.0), &Frame { last: true, ..audio(11) });
        stream.take(ms(9000.0), &audio(12));
        assert_eq!(stream.gaps.len(), 1);
        assert_eq!(stream.longest_gap(ms(1000.0), ms(9100.0)), ms(100.0));
    }

    #[test]
    fn what_did_not_come_is_missing_and_what_came_late_is_not() {
        let mut stream = Stream::new(0);
        for number in (0..1000).filter(|number| number % 100 != 50) {
            stream.take(ms(f64::from(number) * 20.0), &audio(number));
            if number == 160 {
                stream.take(ms(3200.0), &audio(150));
            }
        }
        assert_eq!(stream.take_missing(), [50, 250, 350, 450, 550]);
        stream.take(ms(20_000.0), &Frame { doubled: true, ..audio(1300) });
        assert_eq!(stream.received, 990 + 1 + 2);
        assert_eq!(stream.take_missing().first(), Some(&650));
    }
}
