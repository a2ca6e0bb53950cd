//! How much redundancy a voice carries, by what its receivers report; and what they report. Pure.
//!
//! A receiver counts what is lost *before* any repair ([`Losses`]), for what was repaired says nothing of the path: a sender
//! that stopped doubling because doubling helped would begin again a second later. The sender goes by its worst receiver
//! of the last seconds ([`Redundancy`]), up at once and down late.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::proto::{FrameNumber, ParticipantId};

/// Reports that are younger than this decide about more redundancy.
const RECENT: Duration = Duration::from_secs(5);
/// Doubling ends when nobody had reported a need of it for so long.
const CALM: Duration = Duration::from_secs(15);
/// Loss from which on each packet carries the one before too, and below which it no longer does, in 1/1000.
const DOUBLE_FROM: u32 = 50;
const DOUBLE_UNTIL: u32 = 30;
/// Made-up sound from which on doubling is worth its bits where packets are lost at all, in 1/1000.
const HURT: u32 = 30;
/// Below this loss doubling would mend nothing: what is made up is late, not lost.
const LOST_AT_ALL: u32 = 10;
/// Most reports kept: one a second from each of a full room.
const REPORTS: usize = 1024;

/// How one receiver hears a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Datagrams lost before any repair, in 1/1000.
    pub loss_permille: u32,
    /// Sound that had to be made up after all repairs, in 1/1000.
    pub concealed_permille: u32,
    /// The most datagrams lost one after the other.
    pub longest_burst: u32,
}

/// What the sender does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What the encoder is told to expect, percent: it puts in-band FEC in for as much.
    pub loss_percent: u8,
    /// Each packet carries the one before.
    pub doubled: bool,
}

/// The sender's side. See the [module](self).
#[derive(Debug, Default)]
pub struct Redundancy {
    reports: VecDeque<(Instant, ParticipantId, Heard)>,
    doubled: bool,
    /// Since when everybody has heard everything.
    whole_since: Option<Instant>,
}

impl Redundancy {
    /// A receiver told how it hears us.
    pub fn reported(&mut self, now: Instant, by: ParticipantId, heard: Heard) {
        let whole = heard.loss_permille == 0 && heard.concealed_permille == 0;
        self.whole_since = if whole { self.whole_since.or(Some(now)) } else { None };
        self.reports.push_back((now, by, heard));
        if self.reports.len() > REPORTS {
            self.reports.pop_front();
        }
    }

    /// A receiver left: what it needed is no longer needed.
    pub fn left(&mut self, receiver: ParticipantId) {
        self.reports.retain(|(_, by, _)| *by != receiver);
    }

    /// What even the best of those who hear us lost of late, in 1/1000: what all of them miss was lost on our side. `None`
    /// where nobody has reported lately.
    pub fn least_loss(&self, now: Instant) -> Option<u32> {
        let mut by: BTreeMap<ParticipantId, (u32, u32)> = BTreeMap::new();
        for (at, who, heard) in &self.reports {
            if now.saturating_duration_since(*at) < RECENT {
                let (sum, count) = by.entry(*who).or_default();
                (*sum, *count) = (*sum + heard.loss_permille, *count + 1);
            }
        }
        by.into_values().map(|(sum, count)| sum / count).min()
    }

    /// What to do now; `None` until anybody has reported.
    pub fn plan(&mut self, now: Instant) -> Option<Plan> {
        self.reports.retain(|(at, _, _)| now.saturating_duration_since(*at) < CALM);
        let recent = || self.reports.iter().filter(|(at, _, _)| now.saturating_duration_since(*at) < RECENT);
        let needs = |heard: &Heard| {
            heard.loss_permille >= DOUBLE_FROM || heard.concealed_permille >= HURT && heard.loss_permille >= LOST_AT_ALL
        };
        let begin = recent().any(|(_, _, heard)| needs(heard));
        let go_on = self.reports.iter().any(|(_, _, heard)| heard.loss_permille >= DOUBLE_UNTIL || needs(heard));
        let worst = recent().map(|(_, _, heard)| heard.loss_permille).max();
        self.doubled = begin || self.doubled && go_on;
        let whole = self.whole_since.is_some_and(|since| now.saturating_duration_since(since) >= CALM);
        let least = if whole { 0 } else { LEAST_PERCENT };
        let loss_percent = worst?.div_ceil(10).clamp(least, MOST_PERCENT) as u8;
        Some(Plan { loss_percent, doubled: self.doubled })
    }
}

/// The encoder is told of no less while anything is lost, for 1 and 5 % are the same to it, and of no more, for FEC costs the
/// voice its bits. Where nothing has been lost for long it is told so: without FEC a voice is better by 0.2 of PESQ, with
/// FEC and 1 % of loss by as much.
const LEAST_PERCENT: u32 = 5;
const MOST_PERCENT: u32 = 30;

/// Datagrams of one sender's voice, counted as they came: which are lost, before anything repairs them. Times around a move,
/// when they come by two links, count once.
#[derive(Debug, Clone, Default)]
pub struct Losses {
    /// The newest number, and which of it and those before came: bit 0 is the newest.
    high: Option<FrameNumber>,
    came: u64,
    run: u32,
    expected: u32,
    lost: u32,
    longest: u32,
}

impl Losses {
    /// One that is overtaken by so many others is lost.
    const WAIT: u32 = 16;
    /// A sender that jumps further counts anew.
    const JUMP: u32 = 500;

    /// A datagram came whose own packet has this number.
    pub fn came(&mut self, number: FrameNumber) {
        let Some(high) = self.high else {
            // Those before the first were never expected.
            (self.high, self.came) = (Some(number), u64::MAX);
            return;
        };
        let ahead = number.wrapping_sub(high);
        let behind = high.wrapping_sub(number);
        if (1..Self::JUMP).contains(&ahead) {
            (0..ahead).for_each(|_| self.step());
            self.came |= 1;
            self.high = Some(number);
        } else if behind < u64::BITS {
            self.came |= 1 << behind;
        } else if behind >= Self::JUMP {
            *self = Self { high: Some(number), came: u64::MAX, ..*self };
        }
    }

    /// One more is expected; the one that has been waited for long enough is judged.
    fn step(&mut self) {
        self.came <<= 1;
        let came = self.came >> Self::WAIT & 1 == 1;
        self.expected += 1;
        self.lost += u32::from(!came);
        self.run = if came { 0 } else { self.run + 1 };
        self.longest = self.longest.max(self.run);
    }

    /// Loss in 1/1000 and the longest burst since this was last asked; `None` where nothing was expected.
    pub fn take(&mut self) -> Option<(u32, u32)> {
        let permille = (1000 * self.lost).checked_div(self.expected);
        let longest = self.longest;
        (self.expected, self.lost, self.longest) = (0, 0, 0);
        permille.map(|permille| (permille, longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const ONE: ParticipantId = ParticipantId(1);
    const TWO: ParticipantId = ParticipantId(2);

    fn lossy(loss_permille: u32) -> Heard {
        Heard { loss_permille, ..Heard::default() }
    }

    #[test]
    fn the_worst_receiver_of_the_last_seconds_decides() {
        let start = clock::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut redundancy = Redundancy::default();
        assert_eq!(redundancy.plan(start), None);
        for (second, by, permille, percent, doubled, why) in [
            (1, ONE, 0, 5, false, "nothing is lost"),
            (1, TWO, 20, 5, false, "little is lost"),
            (2, TWO, 120, 12, true, "up at once"),
            (3, TWO, 0, 12, true, "one good second says little"),
            (4, ONE, 400, 30, true, "no more than that"),
            (10, ONE, 0, 5, true, "the encoder gets its bits back first"),
            (18, ONE, 35, 5, true, "some is lost: it stays doubled"),
            (30, ONE, 20, 5, true, "calm for less than 15 s"),
            (34, ONE, 20, 5, false, "calm"),
            (35, ONE, 40, 5, false, "too little to begin anew"),
        ] {
            redundancy.reported(at(second), by, lossy(permille));
            let plan = redundancy.plan(at(second)).unwrap();
            assert_eq!((plan.loss_percent, plan.doubled), (percent, doubled), "second {second}: {why}");
        }
    }

    #[test]
    fn what_is_heard_badly_is_doubled_only_if_it_is_lost_and_not_late() {
        let now = clock::now();
        for (loss, concealed, doubled) in
            [(30, 40, true), (30, 10, false), (0, 300, false), (9, 300, false), (60, 0, true)]
        {
            let mut redundancy = Redundancy::default();
            let heard = Heard { loss_permille: loss, concealed_permille: concealed, longest_burst: 1 };
            redundancy.reported(now, ONE, heard);
            assert_eq!(redundancy.plan(now).unwrap().doubled, doubled, "{heard:?}");
        }
    }

    #[test]
    fn where_nothing_is_lost_for_long_the_voice_has_its_bits_for_itself_until_something_is() {
        let start = clock::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut redundancy = Redundancy::default();
        let mut percent = |second: u64, permille: u32| {
            redundancy.reported(at(second), ONE, lossy(permille));
            redundancy.plan(at(second)).unwrap().loss_percent
        };
        assert!((0..15).all(|second| percent(second, 0) == 5));
        assert!((15..30).all(|second| percent(second, 0) == 0));
        assert_eq!((percent(30, 1), percent(31, 0), percent(45, 0), percent(46, 0)), (5, 5, 5, 0));
    }

    #[test]
    fn a_receiver_that_left_needs_nothing() {
        let now = clock::now();
        let mut redundancy = Redundancy::default();
        redundancy.reported(now, ONE, lossy(200));
        redundancy.reported(now, TWO, lossy(0));
        assert!(redundancy.plan(now).unwrap().doubled);
        redundancy.left(ONE);
        assert_eq!(redundancy.plan(now), Some(Plan { loss_percent: 5, doubled: false }));
    }

    #[test]
    fn old_reports_and_many_of_them_are_forgotten() {
        let now = clock::now();
        let mut redundancy = Redundancy::default();
        (0..5000).for_each(|_| redundancy.reported(now, ONE, lossy(200)));
        assert_eq!(redundancy.reports.len(), REPORTS);
        assert_eq!(redundancy.plan(now + Duration::from_secs(60)), None);
        assert!(redundancy.reports.is_empty() && !redundancy.doubled);
    }

    #[test]
    fn losses_are_counted_once_whatever_the_order_and_however_often_they_come() {
        let mut losses = Losses::default();
        assert_eq!(losses.take(), None);
        let first = u32::MAX - 50;
        for n in 0..216u32 {
            let number = first.wrapping_add(n);
            match n {
                60 | 100..104 => {}
                20 => (losses.came(first.wrapping_add(21)), losses.came(number)).1,
                _ => (losses.came(number), losses.came(number)).1,
            }
        }
        // Of 216 the last 16 still may come.
        assert_eq!(losses.take(), Some((5 * 1000 / 215, 4)));
        assert_eq!(losses.take(), None);
    }

    #[test]
    fn an_outage_is_a_burst_and_a_count_that_begins_anew_is_not() {
        let mut losses = Losses::default();
        (0..100).for_each(|n| losses.came(n));
        (150..250).for_each(|n| losses.came(n));
        assert_eq!(losses.take().unwrap().1, 50);
        for start in [1_000_000, 0, 500_000_000] {
            (start..start + 100).for_each(|n| losses.came(n));
            assert_eq!(losses.take(), Some((0, 0)), "{start}");
        }
    }
}
