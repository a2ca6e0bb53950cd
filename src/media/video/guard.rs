//! Watches whether this computer keeps up with what it encodes, and says how much less to do. Pure.
//!
//! Called by [`super::capture`] with the time that each picture took. Too slow is a 90th percentile of the last two seconds over three
//! quarters of the time between two pictures: what is beyond that is needed for everything else. More is tried again one step at a
//! time, after a wait that doubles with each trial that failed and halves with each that held.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is looked back on.
const WINDOW: Duration = Duration::from_secs(2);
/// Of the time between two pictures.
const TOO_SLOW: f32 = 0.75;
/// Below this more may be tried.
const AT_EASE: f32 = 0.5;
/// Waits before a trial, the shortest and the longest.
const BACK_OFF: std::ops::RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(300);
/// A step that was too much within this time was a trial that failed; one that held is none any more.
const TRIAL: Duration = Duration::from_secs(20);
/// More samples than any camera gives in [`WINDOW`].
const MOST: usize = 300;

/// How much less is encoded than could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cap {
    /// So many of the largest sizes are left out.
    pub without: usize,
    /// Every second picture is.
    pub half: bool,
}

impl Cap {
    /// Something is left out.
    pub fn limits(self) -> bool {
        self != Self::default()
    }
}

/// See the module.
#[derive(Debug)]
pub struct Guard {
    /// Steps down: first the rate is halved, then the largest size goes at the full rate, and so on.
    level: usize,
    /// Since the last change: when a picture was done, and its share of the time that there was.
    shares: VecDeque<(Instant, f32)>,
    since: Option<Instant>,
    back_off: Duration,
    next_trial: Option<Instant>,
    trial: Option<Instant>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            level: 0,
            shares: VecDeque::new(),
            since: None,
            back_off: *BACK_OFF.start(),
            next_trial: None,
            trial: None,
        }
    }
}

impl Guard {
    /// A picture took this long, where the next one that is encoded comes after `interval`; of so many `sizes` (1 and more)
    /// there is something to leave out. True if the cap has changed.
    pub fn note(&mut self, now: Instant, spent: Duration, interval: Duration, sizes: usize) -> bool {
        let share = spent.as_secs_f32() / interval.as_secs_f32().max(0.001);
        let since = *self.since.get_or_insert(now);
        while self.shares.len() >= MOST
            || self.shares.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW)
        {
            self.shares.pop_front();
        }
        self.shares.push_back((now, share));
        if now.saturating_duration_since(since) < WINDOW {
            return false;
        }
        let percentile = self.percentile();
        if percentile > TOO_SLOW && self.level + 1 < 2 * sizes.max(1) {
            self.lower(now);
            return true;
        }
        if self.trial.is_some_and(|at| now.saturating_duration_since(at) >= TRIAL) {
            self.trial = None;
            self.back_off = (self.back_off / 2).max(*BACK_OFF.start());
        }
        let due = self.next_trial.is_none_or(|at| now >= at);
        if self.level > 0 && due && percentile < AT_EASE {
            self.level -= 1;
            self.trial = Some(now);
            self.next_trial = Some(now + self.back_off);
            self.start_over();
            return true;
        }
        false
    }

    /// What is to be left out.
    pub fn cap(&self) -> Cap {
        Cap { without: self.level / 2, half: self.level % 2 == 1 }
    }

    /// What is encoded has changed for another reason: what was measured before says nothing.
    pub fn start_over(&mut self) {
        self.shares.clear();
        self.since = None;
    }

    fn lower(&mut self, now: Instant) {
        self.level += 1;
        if self.trial.take().is_some() {
            self.back_off = (self.back_off * 2).min(*BACK_OFF.end());
        }
        self.next_trial = Some(now + self.back_off);
        self.start_over();
    }

    fn percentile(&self) -> f32 {
        let mut shares: Vec<f32> = self.shares.iter().map(|(_, share)| *share).collect();
        shares.sort_by(f32::total_cmp);
        shares.get(shares.len() * 9 / 10).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a computer that needs `cost` ms for all three sizes (and the shares of a picture that the smaller two take), with a
    /// camera of 30 pictures a second. Returns the changes: second, and cap.
    fn run(guard: &mut Guard, seconds: u64, cost: impl Fn(u64) -> u64) -> Vec<(u64, Cap)> {
        let start = crate::clock::now();
        let mut changes = Vec::new();
        for number in 0..seconds * 30 {
            let Cap { without, half } = guard.cap();
            if half && number % 2 == 1 {
                continue;
            }
            let at = Duration::from_micros(number * 33_333);
            let all = Duration::from_millis(cost(at.as_secs()));
            let spent = all * [100, 28, 7][without] / 100;
            let interval = Duration::from_micros(33_333) * if half { 2 } else { 1 };
            if guard.note(start + at, spent, interval, 3) {
                changes.push((at.as_secs(), guard.cap()));
            }
        }
        changes
    }

    #[test]
    fn a_computer_that_keeps_up_is_left_alone() {
        assert_eq!(run(&mut Guard::default(), 600, |_| 20), []);
    }

    #[test]
    fn one_slow_picture_in_twenty_changes_nothing() {
        let mut guard = Guard::default();
        let start = crate::clock::now();
        for number in 0..900_u64 {
            let spent = Duration::from_millis(if number % 20 == 7 { 80 } else { 10 });
            let at = start + Duration::from_millis(33) * number as u32;
            assert!(!guard.note(at, spent, Duration::from_millis(33), 3));
        }
    }

    #[test]
    fn first_the_rate_goes_then_the_largest_size() {
        let changes = run(&mut Guard::default(), 8, |_| 90);
        let (half, without) = (Cap { without: 0, half: true }, Cap { without: 1, half: false });
        assert!(matches!(changes[..], [(2, one), (4, other), ..] if one == half && other == without), "{changes:?}");
        let changes = run(&mut Guard::default(), 30, |_| 2_000);
        assert_eq!(changes.last().map(|(_, cap)| *cap), Some(Cap { without: 2, half: true }), "and no further");
    }

    #[test]
    fn it_recovers_by_trial_and_trials_that_fail_grow_rare() {
        let mut guard = Guard::default();
        let changes = run(&mut guard, 900, |_| 32);
        assert_eq!(changes[0], (2, Cap { without: 0, half: true }));
        let trials: Vec<u64> = changes.iter().filter(|(_, cap)| !cap.limits()).map(|(at, _)| *at).collect();
        assert!((4..=8).contains(&trials.len()), "{trials:?}");
        let apart: Vec<u64> = trials.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.is_sorted() && *apart.last().unwrap() >= 200, "{apart:?}");
    }

    #[test]
    fn what_was_too_much_for_a_minute_is_sent_again() {
        let mut guard = Guard::default();
        let changes = run(&mut guard, 400, |second| if second < 60 { 90 } else { 12 });
        assert!(!guard.cap().limits(), "{changes:?}");
        let back = changes.iter().rev().find(|(_, cap)| cap.limits()).unwrap().0;
        assert!(back < 200, "{changes:?}");
    }

    #[test]
    fn of_a_single_size_the_rate_is_all_that_can_go() {
        let (mut guard, start) = (Guard::default(), crate::clock::now());
        for number in 0..600 {
            guard.note(
                start + Duration::from_millis(33) * number,
                Duration::from_secs(1),
                Duration::from_millis(33),
                1,
            );
        }
        assert_eq!(guard.cap(), Cap { without: 0, half: true });
    }
}
