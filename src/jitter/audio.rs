//! The playout buffer of one participant's voice: 20 ms Opus packets in, a [`Pull`] out for each 20 ms of sound.
//!
//! # Model
//!
//! Packets lie in order of their numbers; *time* is told by their capture times alone, so a pause of the sender, a
//! drifting clock and a jump of the numbers need no rule of their own. The *cursor* is the capture time that is due
//! at the next pull; how much later that is than the fastest packets of the last seconds could have been pulled is the
//! *margin*: a packet that is later than that misses its turn. [`delay`] says which margin to aim at.
//!
//! A pull finds what is due and plays it. A single missing packet is decoded from the next one's in-band FEC, more
//! are concealed. When nothing is left, concealment runs for 100 ms and silence after that, until packets come again:
//! those that are too late by then are dropped, so a stall never adds to the delay; one of up to three frames is
//! played late instead, whole.
//!
//! The buffer grows and shrinks by [`Stretch`], some milliseconds of a frame at a time. The listener keeps what is left of
//! a frame for the next 20 ms and pulls only when that is not enough: no pull for one tick is a margin of a frame more,
//! two pulls in one a frame less. What is left (*ahead*) adds to the delay and to nothing else, so it is stretched away
//! again.
//!
//! A sender's clock that runs fast or slow by 200 ppm moves the margin by 20 ms in 100 s, and that too is stretched away: a
//! handful of splices of a pitch period in as long, which nobody hears. Resampling would hold the delay where it is while
//! the margin swings by a frame under it, as what is left of a frame grows and wraps: for the margin never to fall below
//! its target the delay would have to be half a frame more on average.
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
pub use self::packet::{AudioIn, Haste, Pull, Stretch};
pub use self::tally::AudioStats;
use self::tally::Tally;
use super::numbers::{Numbering, Place, Seen, Sight, signed_us};
use crate::proto::FrameNumber;

/// One packet, one pull: 20 ms in µs.
const FRAME_US: i64 = 20_000;
/// A packet whose capture time is within this of the cursor is due.
const TOLERANCE_US: i64 = FRAME_US / 2;
/// The buffer shrinks by a frame when it would still be this much above the target, or shrinking were followed by growing.
const HYSTERESIS_US: i64 = 4_000;
/// What is left of a frame may stay where it is less than this.
const CRUMB_US: i64 = 3_000;

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
    /// Decoded and not played at the last pull, µs.
    ahead: i64,
    short_for: u32,
    long_for: u32,
    since_stretched: u32,
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
            ahead: 0,
            short_for: 0,
            long_for: 0,
            since_stretched: 0,
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

    /// The next 20 ms of sound, which begin to be played `ahead_us` from now: so much is left of what came before. Called
    /// when less than 20 ms is left.
    pub fn pull(&mut self, now: Instant, ahead_us: u64) -> Pull {
        let at = self.micros(now);
        self.ahead = signed_us(ahead_us).min(FRAME_US);
        self.since_stretched = self.since_stretched.saturating_add(1);
        match self.phase {
            Phase::Playing => self.play(at),
            Phase::Waiting | Phase::Starved => self.resume(at),
        }
    }

    /// What was played last was made longer by so much, or shorter where it is below 0.
    pub fn stretched(&mut self, by_us: i64) {
        let ms = by_us as f64 / 1000.0;
        let counter = if by_us > 0 { &mut self.tally.stats.grown_ms } else { &mut self.tally.stats.shrunk_ms };
        *counter += ms.abs();
        if by_us != 0 {
            self.since_stretched = 0;
        }
    }

    /// Plays so much later than arrivals ask for, µs: something else that goes with this sound is slower. 0 until told.
    pub fn wait_longer(&mut self, us: u32) {
        self.delay.wait_longer(us.into());
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
        let earliest = target;
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
        let most = (target + FRAME_US).max(if brief { self.stopped.delay } else { 0 }) + slack;
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
            let position = self.first_within(at, target + FRAME_US).unwrap_or(first);
            return self.play_packet(at, position);
        }
        let ahead = head.capture.saturating_sub(self.cursor);
        if ahead <= TOLERANCE_US || first == next && ahead <= TOLERANCE_US + FRAME_US {
            let stretch = self.wish(at, first);
            return match (self.play_packet(at, first), stretch) {
                (Pull::Packet(payload), Some(stretch)) => Pull::Stretch(payload, stretch),
                (pull, _) => pull,
            };
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

    /// Whether what is played now should last longer or shorter.
    fn wish(&mut self, at: i64, first: i64) -> Option<Stretch> {
        let missing = self.delay.target() - self.delay.since_fastest(at, self.cursor);
        let spare = -missing - FRAME_US;
        self.short_for = if missing > 0 { self.short_for.saturating_add(1) } else { 0 };
        self.long_for = if spare >= HYSTERESIS_US { self.long_for.saturating_add(1) } else { 0 };
        // A frame is left out where the one after it is there to be played instead.
        let pair = self.packets.get(&first).is_some_and(|held| !held.dtx) && self.packets.contains_key(&(first + 1));
        let (by_us, wanted_for, far) = if self.short_for >= 2 {
            (FRAME_US - self.ahead, self.short_for, missing >= FRAME_US)
        } else if self.long_for >= 10 && pair {
            (-FRAME_US - self.ahead, self.long_for, spare >= 2 * FRAME_US)
        } else if self.ahead >= CRUMB_US {
            (-self.ahead, 0, false)
        } else {
            return None;
        };
        // A voice has a good place within a second. What has none (noise, music) is spliced when that has lasted.
        let haste = match wanted_for {
            200.. => Haste::Now,
            50.. => Haste::Soon,
            _ if far => Haste::Soon,
            _ => Haste::Unheard,
        };
        (far || self.since_stretched >= 3).then_some(Stretch { by_us, haste })
    }

    /// Plays the packet at `position` and passes over what is before it.
    fn play_packet(&mut self, at: i64, position: i64) -> Pull {
        let held = self.packets.len();
        self.packets = self.packets.split_off(&position);
        self.passed_by(held - self.packets.len());
        let Some(held) = self.packets.remove(&position) else { return self.rest() };
        self.pass_over(position, held.capture);
        self.delay.turn(false);
        self.tally.played(self.delay.since_fastest(at, held.capture) + self.ahead);
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
