//! The playout buffer of one participant's voice: 20 ms Opus packets in, one [`Pull`] every 20 ms out.
//!
//! # Model
//!
//! Packets lie in order of their numbers; *time* is told by their capture times alone, so a pause of the sender, a
//! drifting clock and a jump of the numbers need no rule of their own. The *cursor* is the capture time that is due
//! at the next pull; how much later that is than the fastest packets of the last seconds could be played is the
//! delay, and [`delay`] says which delay to aim at.
//!
//! A pull finds what is due and plays it. A single missing packet is decoded from the next one's in-band FEC, more
//! are concealed. When nothing is left, concealment runs for 100 ms and silence after that, until packets come again:
//! those that are too late by then are dropped, so a stall never adds to the delay; one of up to three frames is
//! played late instead, whole. The buffer grows and shrinks by whole frames where the voice is quiet.
//!
//! Every pull without real or recovered audio counts as a gap unless silence was announced: by the DTX flag, or by
//! [`AudioBuffer::pause`] where the roster says that a participant is muted.

mod config;
mod delay;
mod fec;
mod packet;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

pub use self::config::AudioConfig;
use self::delay::Delay;
pub use self::packet::{AudioIn, Pull};
pub use self::tally::AudioStats;
use self::tally::Tally;
use super::numbers::{Numbering, Place, Seen, Sight, signed_us};
use crate::proto::FrameNumber;

/// One packet, one pull: 20 ms in µs.
const FRAME_US: i64 = 20_000;
/// A packet whose capture time is within this of the cursor is due.
const TOLERANCE_US: i64 = FRAME_US / 2;

#[derive(Debug)]
struct Held {
    capture: i64,
    dtx: bool,
    payload: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Playing,
    /// Silence is right: not started, DTX or paused.
    Waiting,
    /// Audio is due and nothing is there.
    Starved,
}

/// What was so when the audio stopped, for it to go on as before.
#[derive(Debug, Clone, Copy)]
struct Stopped {
    delay: i64,
    target: i64,
    pulls: u32,
}

/// Packets that the buffer cannot place, one after the other: the sender's count *and* clock may have begun again.
#[derive(Debug, Default)]
struct Strangers {
    last: FrameNumber,
    in_order: u32,
}

/// See the [module](self).
#[derive(Debug)]
pub struct AudioBuffer {
    config: AudioConfig,
    epoch: Option<Instant>,
    numbering: Option<Numbering>,
    seen: Seen,
    strangers: Strangers,
    packets: BTreeMap<i64, Held>,
    delay: Delay,
    tally: Tally,
    phase: Phase,
    stopped: Stopped,
    /// Position of the next packet, once one was played, and the capture time that it should have.
    next: Option<i64>,
    /// Position of the first packet that was played.
    begun: Option<i64>,
    next_capture: i64,
    /// Capture time due at the next pull.
    cursor: i64,
    played_capture_us: Option<u64>,
    quiet: bool,
    short_for: u32,
    long_for: u32,
    since_adjusted: u32,
}

impl AudioBuffer {
    pub fn new(config: AudioConfig) -> Self {
        Self {
            config,
            epoch: None,
            numbering: None,
            seen: Seen::default(),
            strangers: Strangers::default(),
            packets: BTreeMap::new(),
            delay: Delay::new(config),
            tally: Tally::default(),
            phase: Phase::Waiting,
            stopped: Stopped { delay: 0, target: config.initial_us, pulls: 0 },
            next: None,
            begun: None,
            next_capture: 0,
            cursor: 0,
            played_capture_us: None,
            quiet: false,
            short_for: 0,
            long_for: 0,
            since_adjusted: 0,
        }
    }

    /// Takes in a packet that arrived at `now`. One that came before, or too late, is counted and dropped.
    pub fn push(&mut self, now: Instant, packet: AudioIn) {
        let at = self.micros(now);
        let capture = signed_us(packet.capture_us);
        let numbering = self.numbering.get_or_insert(Numbering::new(packet.number, capture));
        let position = match numbering.place(packet.number, capture) {
            Place::At(position) | Place::Restart(position) => position,
            Place::Stale => return self.strange(packet.number),
        };
        match self.seen.insert(position, capture) {
            Sight::First => {}
            Sight::Again => return self.tally.stats.duplicates += 1,
            Sight::Strange => return self.strange(packet.number),
        }
        self.tally.received(at, capture);
        self.delay.arrive(at, capture);
        if self.next.is_some_and(|next| position < next) {
            self.tally.overdue += u64::from(self.begun.is_some_and(|begun| position > begun));
            return self.strange(packet.number);
        }
        self.strangers.in_order = 0;
        self.packets.insert(position, Held { capture, dtx: packet.dtx, payload: packet.payload });
        if self.packets.len() > self.config.capacity {
            self.packets.pop_first();
            self.passed_by(1);
        }
    }

    /// Packets that came are not played, so that the others are played in time.
    fn passed_by(&mut self, packets: usize) {
        self.tally.stats.late += packets as u64;
        // Those before the first that is played were not waited for.
        self.tally.overdue += if self.next.is_some() { packets as u64 } else { 0 };
    }

    /// The next 20 ms. Called by the mixer every 20 ms.
    pub fn pull(&mut self, now: Instant) -> Pull {
        let at = self.micros(now);
        self.since_adjusted = self.since_adjusted.saturating_add(1);
        match self.phase {
            Phase::Playing => self.play(at),
            Phase::Waiting | Phase::Starved => self.resume(at),
        }
    }

    /// Whether the last frame played was quiet enough to insert or drop one unheard.
    pub fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// The participant is known to be silent (muted, gone): what does not come from here on is no gap, until a
    /// packet comes again.
    pub fn pause(&mut self) {
        self.phase = Phase::Waiting;
        self.stopped.pulls = self.stopped.pulls.max(self.config.conceal_frames + 1);
        self.tally.run = 0;
    }

    /// True while audio should be arriving: started, and no silence announced.
    pub fn media_expected(&self) -> bool {
        self.phase != Phase::Waiting
    }

    /// Capture time of the packet handed out last, µs on the sender's media clock: what lips are aligned to.
    pub fn played_capture_us(&self) -> Option<u64> {
        self.played_capture_us
    }

    /// The longest gap, ms, since this was last asked: what a move cost. A gap that is still running is reported as
    /// far as it got, and again, whole, when it is over.
    pub fn take_longest_gap_ms(&mut self) -> u64 {
        self.tally.take_longest_gap_ms()
    }

    pub fn stats(&self) -> AudioStats {
        let missing = self.tally.stats.lost.saturating_sub(self.tally.overdue);
        AudioStats { missing, target_ms: self.delay.target() as f64 / 1000.0, ..self.tally.stats }
    }

    /// µs since the first call.
    fn micros(&mut self, now: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(now);
        match now.checked_duration_since(epoch) {
            Some(since) => since.as_micros() as i64,
            None => -(epoch.duration_since(now).as_micros() as i64),
        }
    }

    /// A packet that is behind its turn or of another count. Ten of them in order, while nothing has been playable
    /// for a second, are a sender that started anew.
    fn strange(&mut self, number: FrameNumber) {
        self.tally.stats.late += 1;
        let strangers = &mut self.strangers;
        let follows = number == strangers.last.wrapping_add(1);
        *strangers = Strangers { last: number, in_order: if follows { strangers.in_order + 1 } else { 1 } };
        if strangers.in_order >= 10 && self.phase != Phase::Playing && self.stopped.pulls >= 50 {
            self.numbering = None;
            self.seen = Seen::default();
            self.strangers = Strangers::default();
            self.packets.clear();
            self.delay = Delay::new(self.config);
            (self.next, self.begun) = (None, None);
        }
    }

    /// Not playing: go on as soon as the first packet's time has come.
    fn resume(&mut self, at: i64) -> Pull {
        let Some((&first, head)) = self.packets.first_key_value() else { return self.rest() };
        let starved = self.phase == Phase::Starved;
        let target = if starved { self.stopped.target } else { self.delay.target() };
        let earliest = target - TOLERANCE_US;
        // Within a word the delay stays as it was; behind a pause it is chosen anew.
        let brief = self.next.is_some() && self.stopped.pulls <= self.config.conceal_frames;
        let due = if brief { self.stopped.delay.min(earliest) } else { earliest };
        let early = due - self.delay.since_fastest(at, head.capture);
        if early > 0 {
            let lost_before = self.next.is_some_and(|next| first > next);
            if starved && lost_before && early <= FRAME_US && fec::has_fec(&head.payload) {
                return self.recover_before(first);
            }
            return self.rest();
        }
        let slack = if !starved || self.stopped.pulls <= 3 { 3 * FRAME_US } else { 0 };
        let most = (target + TOLERANCE_US).max(if brief { self.stopped.delay } else { 0 }) + slack;
        let position = self.first_within(at, most).unwrap_or(first);
        self.play_packet(at, position)
    }

    /// Ends a gap one frame early: the packet at `position`, due at the next pull, carries the one before it.
    fn recover_before(&mut self, position: i64) -> Pull {
        let Some(head) = self.packets.get(&position) else { return self.rest() };
        let (capture, payload) = (head.capture, head.payload.clone());
        self.pass_over(position, capture);
        self.tally.recovered();
        self.expect(position, capture);
        self.phase = Phase::Playing;
        Pull::Recover(payload)
    }

    /// Counts what is lost before the packet at `position`.
    fn pass_over(&mut self, position: i64, capture: i64) {
        let Some(next) = self.next else { return };
        // Numbers may jump where nothing was lost; no more was lost than fits into the time.
        let frames = (capture.saturating_sub(self.next_capture) + TOLERANCE_US) / FRAME_US;
        let lost = (position - next).min(frames).max(0);
        self.tally.stats.lost += lost as u64;
        (0..lost.min(200)).for_each(|_| self.delay.turn(true));
    }

    fn expect(&mut self, position: i64, capture: i64) {
        self.next = Some(position);
        self.next_capture = capture;
        self.cursor = capture;
    }

    /// The first packet whose delay would be at most `most` µs, or else the last.
    fn first_within(&self, at: i64, most: i64) -> Option<i64> {
        let in_time = |(_, held): &(&i64, &Held)| self.delay.since_fastest(at, held.capture) <= most;
        self.packets.iter().find(in_time).or(self.packets.last_key_value()).map(|(position, _)| *position)
    }

    /// Another pull with nothing to play.
    fn rest(&mut self) -> Pull {
        self.stopped.pulls = self.stopped.pulls.saturating_add(1);
        self.cursor += FRAME_US;
        if self.phase == Phase::Starved { self.gap() } else { Pull::Silence }
    }

    fn gap(&mut self) -> Pull {
        self.tally.gap();
        if self.tally.run <= self.config.conceal_frames { Pull::Conceal } else { Pull::Silence }
    }

    fn stop(&mut self, at: i64, phase: Phase) {
        self.phase = phase;
        let delay = self.delay.since_fastest(at, self.cursor);
        self.stopped = Stopped { delay, target: self.delay.target(), pulls: 0 };
        (self.short_for, self.long_for) = (0, 0);
    }

    fn play(&mut self, at: i64) -> Pull {
        let (Some(next), Some((&first, head))) = (self.next, self.packets.first_key_value()) else {
            self.stop(at, Phase::Starved);
            return self.rest();
        };
        let target = self.delay.target();
        if self.delay.since_fastest(at, self.cursor) > target + self.config.excess_us {
            let position = self.first_within(at, target + TOLERANCE_US).unwrap_or(first);
            return self.play_packet(at, position);
        }
        let ahead = head.capture.saturating_sub(self.cursor);
        if ahead <= TOLERANCE_US || first == next && ahead <= TOLERANCE_US + FRAME_US {
            return self.adjust(at, first).unwrap_or_else(|| self.play_packet(at, first));
        }
        if first == next + 1 && ahead <= TOLERANCE_US + FRAME_US && fec::has_fec(&head.payload) {
            let payload = head.payload.clone();
            self.skip_one();
            self.tally.recovered();
            return Pull::Recover(payload);
        }
        self.conceal_hole(at, first)
    }

    /// Something is missing before the packet at `first`, whose time has not come.
    fn conceal_hole(&mut self, at: i64, first: i64) -> Pull {
        if self.tally.run >= self.config.conceal_frames {
            self.stop(at, Phase::Starved);
            self.stopped.pulls = self.tally.run;
            return self.rest();
        }
        if self.next.is_some_and(|next| next < first) {
            self.skip_one();
        } else {
            self.cursor += FRAME_US;
        }
        self.gap()
    }

    /// The next packet is lost.
    fn skip_one(&mut self) {
        self.next = self.next.map(|next| next + 1);
        self.next_capture += FRAME_US;
        self.cursor += FRAME_US;
        self.tally.stats.lost += 1;
        self.delay.turn(true);
    }

    /// Grows or shrinks by a frame if it is time for that.
    fn adjust(&mut self, at: i64, first: i64) -> Option<Pull> {
        let excess = self.delay.since_fastest(at, self.cursor) - self.delay.target();
        self.short_for = if excess < -TOLERANCE_US { self.short_for + 1 } else { 0 };
        // More than half a frame above, or shrinking would be followed by growing.
        self.long_for = if excess >= FRAME_US * 3 / 4 { self.long_for.saturating_add(1) } else { 0 };
        if self.quiet && self.short_for >= 5 && self.since_adjusted >= 2 {
            self.since_adjusted = 0;
            self.tally.stats.inserted += 1;
            return Some(Pull::Insert);
        }
        // A voice pauses within seconds; what never does (music, a tone) is cut when it has been late for long.
        let patience = match (self.quiet, excess >= 2 * FRAME_US) {
            (true, true) => 10,
            (true, false) => 50,
            (false, _) => 200,
        };
        let pair = !self.packets.get(&first)?.dtx && self.packets.contains_key(&(first + 1));
        if !pair || self.long_for < patience || self.since_adjusted < 5 {
            return None;
        }
        self.since_adjusted = 0;
        self.tally.stats.dropped += 1;
        let (Pull::Packet(a), Pull::Packet(b)) = (self.play_packet(at, first), self.play_packet(at, first + 1)) else {
            return None;
        };
        Some(Pull::Drop(a, b))
    }

    /// Plays the packet at `position` and passes over what is before it.
    fn play_packet(&mut self, at: i64, position: i64) -> Pull {
        let held = self.packets.len();
        self.packets = self.packets.split_off(&position);
        self.passed_by(held - self.packets.len());
        let Some(held) = self.packets.remove(&position) else { return self.rest() };
        self.pass_over(position, held.capture);
        self.delay.turn(false);
        self.tally.played(self.delay.since_fastest(at, held.capture));
        self.begun.get_or_insert(position);
        self.expect(position + 1, held.capture + FRAME_US);
        self.played_capture_us = Some(held.capture as u64);
        self.phase = Phase::Playing;
        if held.dtx {
            self.stop(at + FRAME_US, Phase::Waiting);
        }
        Pull::Packet(held.payload)
    }
}
