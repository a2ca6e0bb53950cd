//! The way of what was really played: from the speaker's callback, past every buffer and decision of ours, to the
//! microphone's thread.
//!
//! Each stream of a speaker has a [`Tap`] in its callback, which copies into a ring what the callback takes, silence of a ring
//! that ran dry included, with the time. Its other end, [`Heard`], is left in [`Played`] by the thread that opened the speaker,
//! and read by the one microphone that claimed it last. Must never: lock, wait or allocate in the callback; grow while nobody
//! reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Callbacks whose times fit: 2 s at the shortest that devices use.
const MARKS: usize = 2048;

/// What of a stream one callback took.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    /// Its first sample, counted from the start of the stream.
    start: u64,
    /// Samples in the ring; silence follows up to the next mark.
    sound: usize,
}

/// The callback's end.
#[derive(Debug)]
pub struct Tap {
    samples: rtrb::Producer<f32>,
    marks: rtrb::Producer<Mark>,
    count: u64,
}

/// The reader's end.
#[derive(Debug)]
pub struct Heard {
    rate: u32,
    samples: rtrb::Consumer<f32>,
    marks: rtrb::Consumer<Mark>,
    block: Vec<f32>,
}

/// Both ends for a stream of `rate` samples a second.
pub fn tap(rate: u32) -> (Tap, Heard) {
    // A second: the reader comes each few ms, and on a machine in trouble much later.
    let (samples, samples_out) = rtrb::RingBuffer::new(rate as usize);
    let (marks, marks_out) = rtrb::RingBuffer::new(MARKS);
    let heard = Heard { rate, samples: samples_out, marks: marks_out, block: Vec::new() };
    (Tap { samples, marks, count: 0 }, heard)
}

impl Tap {
    /// A callback at `at` took `sound`, in two pieces as rings have them, and filled up with silence to `frames` samples. Where
    /// nobody reads, it is forgotten.
    pub fn took(&mut self, at: Instant, sound: (&[f32], &[f32]), frames: usize) {
        let start = self.count;
        self.count += frames as u64;
        let len = sound.0.len() + sound.1.len();
        if self.marks.is_full() || self.samples.slots() < len {
            return;
        }
        // There is room, and nobody else writes.
        for piece in [sound.0, sound.1] {
            let _ = self.samples.push_partial_slice(piece);
        }
        let _ = self.marks.push(Mark { at, start, sound: len });
    }
}

impl Heard {
    /// Samples a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The next callback: when, its first sample's number, and what it took.
    pub fn take_next(&mut self) -> Option<(Instant, u64, &[f32])> {
        let mark = self.marks.pop().ok()?;
        self.block.resize(mark.sound, 0.0);
        let (read, _) = self.samples.pop_partial_slice(&mut self.block);
        let read = read.len();
        Some((mark.at, mark.start, &self.block[..read]))
    }

    /// Forgets what waits.
    fn skip(&mut self) {
        while self.take_next().is_some() {}
    }

    /// The stream has ended.
    fn is_over(&self) -> bool {
        self.marks.is_abandoned() && self.marks.is_empty()
    }
}

/// Where the speaker's sound can be heard. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Played(Arc<Mutex<Place>>);

#[derive(Debug, Default)]
struct Place {
    heard: Option<Heard>,
    /// Counts streams.
    stream: u64,
    /// Counts readers: the newest one reads.
    reader: u64,
}

/// A right to read, until somebody else claims it.
#[derive(Debug)]
pub struct Claim {
    place: Played,
    reader: u64,
}

impl Played {
    /// A speaker runs: what came from the one before counts no more.
    pub fn set(&self, heard: Heard) {
        let mut place = self.lock();
        place.heard = Some(heard);
        place.stream += 1;
    }

    /// From now on the caller reads, and nobody else.
    pub fn claim(&self) -> Claim {
        let mut place = self.lock();
        place.reader += 1;
        if let Some(heard) = &mut place.heard {
            heard.skip();
        }
        Claim { place: self.clone(), reader: place.reader }
    }

    /// Held by threads that open a device or look at a ring, never by a callback.
    fn lock(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// The stream that runs, by its number, with what came of it; `None` where no speaker runs, or another one reads.
    pub fn read<T>(&self, with: impl FnOnce(u64, &mut Heard) -> T) -> Option<T> {
        let mut place = self.place.lock();
        if place.reader != self.reader {
            return None;
        }
        place.heard.take_if(|heard| heard.is_over());
        let stream = place.stream;
        place.heard.as_mut().map(|heard| with(stream, heard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn what_a_callback_took_is_heard_with_its_silence_and_its_count() {
        let (mut tap, mut heard) = tap(48_000);
        let at = clock::now();
        tap.took(at, (&[0.1, 0.2], &[0.3]), 3);
        tap.took(at, (&[0.4], &[]), 480);
        tap.took(at, (&[0.5], &[]), 1);
        assert_eq!(heard.take_next(), Some((at, 0, [0.1, 0.2, 0.3].as_slice())));
        assert_eq!(heard.take_next(), Some((at, 3, [0.4].as_slice())));
        assert_eq!(heard.take_next(), Some((at, 483, [0.5].as_slice())));
        assert_eq!(heard.take_next(), None);
    }

    #[test]
    fn nothing_grows_while_nobody_reads_and_counts_stay_right() {
        let (mut tap, mut heard) = tap(8_000);
        let at = clock::now();
        (0..500).for_each(|_| tap.took(at, (&[0.1; 80], &[]), 80));
        let before = std::iter::from_fn(|| heard.take_next().map(|(_, start, block)| (start, block.len()))).last();
        assert_eq!(before, Some((7_920, 80)));
        tap.took(at, (&[0.2; 80], &[]), 80);
        assert_eq!(heard.take_next().map(|(_, start, _)| start), Some(40_000));
    }

    #[test]
    fn the_newest_microphone_hears_the_newest_speaker_until_that_is_gone() {
        let played = Played::default();
        let first = played.claim();
        assert_eq!(first.read(|stream, _| stream), None);
        let (one, heard) = tap(48_000);
        played.set(heard);
        assert_eq!(first.read(|stream, _| stream), Some(1));
        let second = played.claim();
        assert_eq!((first.read(|stream, _| stream), second.read(|stream, _| stream)), (None, Some(1)));
        let (two, heard) = tap(44_100);
        played.set(heard);
        drop(one);
        assert_eq!(second.read(|stream, heard| (stream, heard.rate())), Some((2, 44_100)));
        drop(two);
        assert_eq!(second.read(|stream, _| stream), None);
    }
}
