//! What a subscriber's link may be given: less at once when it is strained, more slowly and by trial. Pure.
//!
//! A link is strained when frames wait in its queue for long, or are given up. Then it gets what it was seen to
//! carry, or a fifth less than it was sent, and again after a second if that was not enough. Nothing else tells how
//! much a link carries, so more is tried one rung at a time after a quiet while: 4 s, twice as long each
//! time that a rung turned out to be too much, up to a minute, and half as long each time that one has held for
//! half a minute. One that has held for two seconds is followed by the next: a link that recovers is climbed at that pace.

use std::time::{Duration, Instant};

/// Frames that wait so long strain a link at once; it is before the queue gives them up.
const TOO_LONG: Duration = Duration::from_millis(400);
/// Frames that wait so long strain it when that lasts: a key frame alone may take a while.
const LONG: Duration = Duration::from_millis(120);
const LASTING: Duration = Duration::from_millis(400);
/// A link on which frames wait no longer is at ease.
const SHORT: Duration = Duration::from_millis(50);
/// How long it has to be at ease before more is tried.
const EASE: Duration = Duration::from_secs(1);
/// After less was chosen, before its effect is judged.
const SETTLE: Duration = Duration::from_secs(1);
/// The same where the base layer of what was chosen is given up.
const SETTLE_LEAST: Duration = Duration::from_millis(200);
/// The same before what still waits counts, if it is not too long.
const DRAIN: Duration = Duration::from_secs(3);
/// Before the effect is judged while a smaller size waits for its key frame.
const SETTLE_SWITCH: Duration = Duration::from_millis(2500);
/// Between trials.
const BACK_OFF: std::ops::RangeInclusive<Duration> = Duration::from_secs(4)..=Duration::from_secs(60);
/// A rung that held so long may be followed by the next one.
const HOLDS: Duration = Duration::from_secs(2);
/// A rung that held so long is no trial any more.
const HELD: Duration = Duration::from_secs(30);
/// Room for the ups and downs of what is sent, in percent.
const MARGIN: u64 = 110;

/// How a link does, as its queue says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// How long the oldest video frame has waited to be sent.
    pub waiting: Duration,
    /// Bits a second that the link was seen to carry while frames waited.
    pub rate_bps: Option<u64>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Stay,
    Less,
    More,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Budget {
    /// `None`: the link was never strained.
    bps: Option<u64>,
    long_since: Option<Instant>,
    short_since: Option<Instant>,
    /// Frames were given up.
    late: bool,
    /// And the last cut was not enough.
    too_much: bool,
    cut: Option<Instant>,
    /// The last trial, and what was given before it.
    trial: Option<(Instant, Option<u64>)>,
    back_off: Duration,
    next_trial: Option<Instant>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bps: None,
            long_since: None,
            short_since: None,
            late: false,
            too_much: false,
            cut: None,
            trial: None,
            back_off: *BACK_OFF.start(),
            next_trial: None,
        }
    }
}

impl Budget {
    /// Bits a second; `None`: no limit is known.
    pub fn bps(&self) -> Option<u64> {
        self.bps
    }

    /// The link's queue gave frames up. `base`: of the base layer of what was chosen last, not of what was left.
    pub fn late(&mut self, base: bool) {
        self.late = true;
        self.too_much |= base;
    }

    /// The link was never strained, and nothing begins now.
    pub fn is_unconcerned(&self, load: Load) -> bool {
        self.bps.is_none() && self.long_since.is_none() && !self.late && load.waiting < LONG
    }

    /// Judges a link. `switching`: a size that was chosen still waits for its key frame.
    pub fn judge(&mut self, now: Instant, load: Load, switching: bool) -> Verdict {
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        note(&mut self.long_since, now, load.waiting >= LONG);
        note(&mut self.short_since, now, load.waiting < SHORT);
        let settle = if switching { SETTLE_SWITCH } else { SETTLE };
        let too_much = std::mem::take(&mut self.too_much);
        if since(self.cut).is_some_and(|since| since < settle && (!too_much || since < SETTLE_LEAST)) {
            // What is late now was late before.
            (self.late, self.long_since) = (false, None);
            return Verdict::Stay;
        }
        let drained = since(self.cut).is_none_or(|since| since >= DRAIN);
        let lasting = drained && since(self.long_since).is_some_and(|since| since >= LASTING);
        if std::mem::take(&mut self.late) || load.waiting >= TOO_LONG || lasting {
            return Verdict::Less;
        }
        if self.bps.is_none() {
            return Verdict::Stay;
        }
        if since(self.trial.map(|(at, _)| at)).is_some_and(|since| since >= HELD) {
            self.trial = None;
            self.back_off = (self.back_off / 2).max(*BACK_OFF.start());
        }
        let at_ease = since(self.short_since).is_some_and(|since| since >= EASE);
        let holds = since(self.trial.map(|(at, _)| at)).is_some_and(|since| since >= HOLDS);
        let due = holds || self.next_trial.is_none_or(|at| now >= at);
        if at_ease && due && !switching { Verdict::More } else { Verdict::Stay }
    }

    /// [`Verdict::Less`] is obeyed, while this many bits a second were sent.
    pub fn cut(&mut self, now: Instant, spent: u64, load: Load) {
        let mut bps = spent * 4 / 5;
        if let Some(rate) = load.rate_bps {
            bps = bps.min(rate * 9 / 10);
        }
        if let Some((_, before)) = self.trial.take() {
            bps = before.map_or(bps, |before| bps.min(before));
            self.back_off = (self.back_off * 2).min(*BACK_OFF.end());
        }
        self.bps = Some(bps);
        self.cut = Some(now);
        self.next_trial = Some(now + self.back_off);
        (self.long_since, self.short_since) = (None, None);
    }

    /// [`Verdict::More`] is obeyed: with one rung more, this many bits a second are to be sent. `None`: there is no more.
    pub fn stepped(&mut self, now: Instant, spent: Option<u64>) {
        self.next_trial = Some(now + self.back_off);
        if let Some(spent) = spent {
            self.trial = Some((now, self.bps));
            self.bps = Some((spent * MARGIN / 100).max(self.bps.unwrap_or(0)));
        }
    }
}

/// Keeps since when something holds.
fn note(since: &mut Option<Instant>, now: Instant, holds: bool) {
    if holds {
        since.get_or_insert(now);
    } else {
        *since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link that carries so much, asked every 50 ms: what it was given after each change, and when.
    fn drive(budget: &mut Budget, link_bps: impl Fn(u64) -> u64, rungs: &[u64], seconds: u64) -> Vec<(u64, usize)> {
        let start = crate::clock::now();
        let (mut at, mut queue, mut changes) = (rungs.len() - 1, 0.0_f64, Vec::new());
        for ms in (0..seconds * 1000).step_by(50) {
            let now = start + Duration::from_millis(ms);
            let link = link_bps(ms) as f64;
            queue = (queue + (rungs[at] as f64 - link) * 0.05).clamp(0.0, link / 2.0);
            let waiting = Duration::from_secs_f64(queue / link);
            let load = Load { waiting, rate_bps: None };
            let before = at;
            match budget.judge(now, load, false) {
                Verdict::Stay => {}
                Verdict::Less => {
                    budget.cut(now, rungs[at], load);
                    at = rungs.iter().rposition(|rung| Some(*rung) <= budget.bps()).unwrap_or(0);
                }
                Verdict::More => {
                    let next = (at + 1).min(rungs.len() - 1);
                    budget.stepped(now, (next > at).then_some(rungs[next]));
                    at = next;
                }
            }
            if at != before {
                changes.push((ms, at));
            }
        }
        changes
    }

    const RUNGS: [u64; 6] = [75_000, 110_000, 150_000, 380_000, 500_000, 1_200_000];

    #[test]
    fn a_strained_link_gets_less_within_seconds_and_trials_grow_rare() {
        let changes = drive(&mut Budget::default(), |_| 400_000, &RUNGS, 600);
        assert!(changes.iter().any(|(ms, at)| *at <= 3 && *ms < 4_000), "{changes:?}");
        assert!(changes.len() <= 40, "{} changes: {changes:?}", changes.len());
        let late: Vec<_> = changes.iter().filter(|(ms, _)| *ms > 300_000).collect();
        assert!(late.len() <= 18, "{late:?}");
    }

    #[test]
    fn a_link_that_recovers_gets_everything_again() {
        let mut budget = Budget::default();
        let changes = drive(&mut budget, |ms| if ms < 20_000 { 200_000 } else { 5_000_000 }, &RUNGS, 150);
        assert_eq!(changes.last().unwrap().1, RUNGS.len() - 1, "{changes:?}");
    }

    #[test]
    fn a_link_that_is_never_strained_has_no_limit() {
        let mut budget = Budget::default();
        assert_eq!(drive(&mut budget, |_| 3_000_000, &RUNGS, 60), []);
        assert_eq!(budget.bps(), None);
    }

    #[test]
    fn what_the_link_was_seen_to_carry_is_believed() {
        let (mut budget, now) = (Budget::default(), crate::clock::now());
        let load = Load { waiting: TOO_LONG, rate_bps: Some(200_000) };
        assert_eq!(budget.judge(now, load, false), Verdict::Less);
        budget.cut(now, 1_200_000, load);
        assert_eq!(budget.bps(), Some(180_000));
    }

    #[test]
    fn one_key_frame_that_takes_long_is_no_strain() {
        let (mut budget, now) = (Budget::default(), crate::clock::now());
        let at = |ms| now + Duration::from_millis(ms);
        let load = |ms| Load { waiting: Duration::from_millis(ms), rate_bps: None };
        for (ms, waiting) in [(0, 50), (50, 130), (150, 300), (300, 310), (400, 100), (500, 0), (600, 300)] {
            assert_eq!(budget.judge(at(ms), load(waiting), false), Verdict::Stay, "at {ms}");
        }
        assert_eq!(budget.judge(at(1000), load(300), false), Verdict::Less);
    }
}
