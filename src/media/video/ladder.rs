//! How the bits a second that pictures may have are split between the sizes of one source. Pure.
//!
//! Called by [`super::capture`] for each picture. What is encoded are the sizes that somebody wants, as far as the bits go: the
//! smallest first, so that everybody sees something. In the place of a wanted size that does not fit the largest one below it that does
//! is sent. A size that runs gets between its least and its most; with little it runs at half the pictures a second, before
//! it falls into blocks. A size begins when there is clearly room for it and has been for a while, and ends at once when there is
//! clearly none, so that none flaps.

use std::time::{Duration, Instant};

use super::guard::Cap;
use super::sizes::{MOST, Size};

/// What a size is sent with when there is enough, bits a second, at 180, 360 and 720 lines of 16:9.
const NOMINAL: [f64; MOST] = [150_000.0, 500_000.0, 1_200_000.0];
/// Pixels of these.
const PIXELS: [f64; MOST] = [57_600.0, 230_400.0, 921_600.0];
/// A picture with more pixels needs fewer bits for each.
const GROWTH: f64 = 0.75;
/// Least and most of a size, in percent of that.
const LEAST: u64 = 40;
const MOST_PERCENT: u64 = 200;
/// Below this a size runs at half the rate of its source, and from there on at the whole one again, in percent.
const HALF: (u64, u64) = (60, 75);
/// A source that is slower is not halved.
const SLOW: u32 = 20;
/// A size begins where so much of its least is there, and ends where less than so much is, in percent.
const BEGIN: u64 = 115;
const END: u64 = 85;
/// How long there has to be room before a size begins.
const ROOM: Duration = Duration::from_secs(2);
/// Fewer bits a second give no picture, whatever there is.
const FLOOR: u64 = 30_000;

/// What a size is encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub bps: u32,
    /// Every second picture alone.
    pub half: bool,
}

/// What each size is encoded with, by its number; `None`: not at all.
pub type Plan = [Option<Share>; MOST];

/// What may be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// Bits a second for all sizes together.
    pub total_bps: u32,
    /// The sizes that somebody wants: bit n for size n.
    pub wanted: u8,
    /// What this computer is too slow for.
    pub cap: Cap,
}

/// See the module.
#[derive(Debug)]
pub struct Ladder {
    /// The smallest first.
    steps: Vec<Step>,
    fps: u32,
    /// What the sizes that run were chosen by.
    chosen_by: Option<(u8, Cap)>,
    /// More would fit, since then.
    room_since: Option<Instant>,
    /// There are fewer bits than everything that is wanted takes.
    short: bool,
}

#[derive(Debug)]
struct Step {
    spatial: usize,
    nominal: u64,
    on: bool,
    half: bool,
}

impl Step {
    fn least(&self) -> u64 {
        self.nominal * LEAST / 100
    }

    fn most(&self) -> u64 {
        self.nominal * MOST_PERCENT / 100
    }

    /// What there has to be for it to run.
    fn needs(&self) -> u64 {
        self.least() * if self.on { END } else { BEGIN } / 100
    }
}

impl Ladder {
    /// A ladder for a source with these sizes (at least one) and this many pictures a second.
    pub fn new(sizes: &[Size], fps: u32) -> Self {
        let mut steps: Vec<Step> = sizes.iter().map(step).collect();
        steps.sort_by_key(|step| step.spatial);
        Self { steps, fps, chosen_by: None, room_since: None, short: false }
    }

    /// What to encode from now on.
    pub fn plan(&mut self, now: Instant, wishes: &Wishes) -> Plan {
        let allowed = self.steps.len().saturating_sub(wishes.cap.without).max(1);
        let wanted = self.wanted(wishes.wanted, allowed);
        let total = u64::from(wishes.total_bps).max(FLOOR);
        let fit = self.fit(&wanted, total);
        self.settle(now, fit, (wishes.wanted, wishes.cap));
        self.short = wanted.iter().any(|index| !self.steps[*index].on);
        self.split(total, wishes.cap.half)
    }

    /// Fewer bits are given than what is wanted takes: smaller sizes are sent, or fewer pictures.
    pub fn is_short(&self) -> bool {
        self.short || self.steps.iter().any(|step| step.on && step.half)
    }

    /// What is usual for all that somebody wants, bits a second.
    pub fn usual_bps(&self, wanted: u8) -> u32 {
        let wanted = self.wanted(wanted, self.steps.len());
        u32::try_from(self.sum(&wanted, |step| step.nominal)).unwrap_or(u32::MAX)
    }

    /// What all that somebody wants could use, bits a second.
    pub fn of_use_bps(&self, wanted: u8) -> u32 {
        let wanted = self.wanted(wanted, self.steps.len());
        u32::try_from(self.sum(&wanted, Step::most)).unwrap_or(u32::MAX)
    }

    /// Which of the steps are wanted, the smallest first; in the place of sizes that there are not, the next smaller one, or the
    /// smallest.
    fn wanted(&self, wanted: u8, allowed: usize) -> Vec<usize> {
        let mut steps: Vec<usize> = (0..MOST)
            .filter(|spatial| wanted >> spatial & 1 == 1)
            .map(|spatial| self.steps[..allowed].iter().rposition(|step| step.spatial <= spatial).unwrap_or(0))
            .collect();
        steps.dedup();
        if steps.is_empty() {
            steps.push(0);
        }
        steps
    }

    /// The steps that fit in so many bits a second, for these that are wanted.
    fn fit(&self, wanted: &[usize], total: u64) -> Vec<usize> {
        let (mut left, mut fit) = (total, Vec::new());
        for wanted in wanted {
            let lowest = fit.last().map_or(0, |last| last + 1);
            let found = (lowest..=*wanted).rev().find(|index| self.steps[*index].needs() <= left);
            if let Some(index) = found {
                left -= self.steps[index].least().min(left);
                fit.push(index);
            }
        }
        if fit.is_empty() {
            fit.push(0);
        }
        fit
    }

    /// Takes over what fits: less at once, more after a while.
    fn settle(&mut self, now: Instant, fit: Vec<usize>, by: (u8, Cap)) {
        let on: Vec<usize> = (0..self.steps.len()).filter(|index| self.steps[*index].on).collect();
        let grows = self.sum(&fit, Step::least) > self.sum(&on, Step::least);
        if grows && self.chosen_by == Some(by) {
            let since = *self.room_since.get_or_insert(now);
            if now.saturating_duration_since(since) < ROOM {
                return;
            }
        }
        self.room_since = None;
        self.chosen_by = Some(by);
        for (index, step) in self.steps.iter_mut().enumerate() {
            step.half &= step.on;
            step.on = fit.contains(&index);
        }
    }

    /// Each size that runs gets its least, and the rest goes round by what they could use: up to what is usual, then up to the most.
    fn split(&mut self, total: u64, half: bool) -> Plan {
        let sum = |of: fn(&Step) -> u64| self.steps.iter().filter(|step| step.on).map(of).sum::<u64>();
        let (least, nominal, most) = (sum(Step::least), sum(|step| step.nominal), sum(Step::most));
        let share = |step: &Step| {
            let between = |low: u64, high: u64, from: u64, to: u64| {
                low + (high - low) * (total.min(to) - from) / (to - from).max(1)
            };
            if total < least {
                step.least() * total / least
            } else if total < nominal {
                between(step.least(), step.nominal, least, nominal)
            } else {
                between(step.nominal, step.most(), nominal, most)
            }
        };
        let mut plan = Plan::default();
        let slow = self.fps <= SLOW;
        for step in self.steps.iter_mut().filter(|step| step.on) {
            let bps = share(step);
            let percent = if step.half { HALF.1 } else { HALF.0 };
            step.half = !slow && bps * 100 < step.nominal * percent;
            let bps = u32::try_from(bps).unwrap_or(u32::MAX);
            plan[step.spatial] = Some(Share { bps, half: step.half || half });
        }
        plan
    }

    fn sum(&self, steps: &[usize], of: impl Fn(&Step) -> u64) -> u64 {
        steps.iter().map(|index| of(&self.steps[*index])).sum()
    }
}

fn step(size: &Size) -> Step {
    let spatial = usize::from(size.spatial).min(MOST - 1);
    let pixels = f64::from(size.width) * f64::from(size.height);
    let nominal = NOMINAL[spatial] * (pixels / PIXELS[spatial]).powf(GROWTH);
    Step { spatial, nominal: nominal as u64, on: false, half: false }
}

#[cfg(test)]
mod tests {
    use super::super::sizes;
    use super::*;

    const ALL: u8 = 0b111;

    fn wishes(total_bps: u32, wanted: u8) -> Wishes {
        Wishes { total_bps, wanted, cap: Cap::default() }
    }

    fn ladder(width: u32, height: u32) -> Ladder {
        Ladder::new(&sizes::of(width, height), 30)
    }

    /// What a fresh ladder makes of it: kbit/s of each size, less than nothing where at half the rate.
    fn fresh(height: u32, total: u32, wanted: u8) -> [i64; MOST] {
        let plan = ladder(height * 16 / 9, height).plan(crate::clock::now(), &wishes(total, wanted));
        plan.map(|share| share.map_or(0, |it| i64::from(it.bps / 1000) * if it.half { -1 } else { 1 }))
    }

    #[test]
    fn each_budget_has_its_sizes() {
        for (height, total, wanted, expected) in [
            (720, 2_500_000, ALL, [202, 675, 1621]),
            (720, 1_850_000, ALL, [150, 500, 1200]),
            (720, 1_200_000, ALL, [96, 323, 778]),
            (720, 820_000, ALL, [-66, -221, -531]),
            (720, 790_000, ALL, [182, 607, 0]),
            (720, 700_000, ALL, [161, 538, 0]),
            (720, 300_000, ALL, [-69, -230, 0]),
            (720, 150_000, ALL, [150, 0, 0]),
            (720, 100_000, ALL, [100, 0, 0]),
            (720, 60_000, ALL, [-60, 0, 0]),
            (720, 50_000, ALL, [-50, 0, 0]),
            (720, 0, ALL, [-30, 0, 0]),
            (720, 2_500_000, 0b100, [0, 0, 2400]),
            (720, 1_200_000, 0b100, [0, 0, 1200]),
            (720, 600_000, 0b100, [0, 0, -600]),
            (720, 500_000, 0b100, [0, 500, 0]),
            (720, 100_000, 0b100, [100, 0, 0]),
            (720, 2_000_000, 0b101, [222, 0, 1777]),
            (720, 500_000, 0b101, [115, 384, 0]),
            (720, 2_000_000, 0b001, [300, 0, 0]),
            (720, 2_000_000, 0, [300, 0, 0]),
            (360, 650_000, ALL, [150, 500, 0]),
            (360, 500_000, 0b100, [0, 500, 0]),
            (180, 500_000, ALL, [300, 0, 0]),
        ] {
            let found = fresh(height, total, wanted);
            let near = |(one, other): (&i64, &i64)| (one - other).abs() <= 8 && (*one == 0) == (*other == 0);
            assert!(found.iter().zip(&expected).all(near), "{height} {total} {wanted:b}: {found:?}, not {expected:?}");
        }
    }

    #[test]
    fn with_what_is_usual_each_size_has_its_own() {
        let mut ladder = ladder(1280, 720);
        let plan = ladder.plan(crate::clock::now(), &wishes(ladder.usual_bps(ALL), ALL));
        assert_eq!(plan.map(|share| share.map(|share| share.bps)), [Some(150_000), Some(500_000), Some(1_200_000)]);
    }

    #[test]
    fn no_plan_is_over_its_budget_and_more_bits_never_give_a_smaller_picture() {
        for wanted in 1..=ALL {
            let mut largest = 0;
            for total in (60_000..3_000_000).step_by(10_000) {
                let plan = ladder(1280, 720).plan(crate::clock::now(), &wishes(total, wanted));
                assert!(plan.iter().flatten().map(|share| share.bps).sum::<u32>() <= total, "{wanted:b} {total}");
                let top = plan.iter().rposition(Option::is_some).unwrap();
                assert!(top >= largest, "{wanted:b} {total}");
                largest = top;
            }
        }
    }

    #[test]
    fn a_budget_that_sways_changes_no_size_and_no_rate() {
        for middle in (60_000..2_400_000).step_by(35_000) {
            let (start, mut ladder) = (crate::clock::now(), ladder(1280, 720));
            let mut changes = 0;
            let mut before: Option<Vec<_>> = None;
            for step in 0..600_u32 {
                let total = middle / 100 * if step / 10 % 2 == 0 { 94 } else { 106 };
                let plan = ladder.plan(start + Duration::from_millis(100) * step, &wishes(total, ALL));
                let shape: Vec<_> = plan.iter().map(|share| share.map(|share| share.half)).collect();
                changes += u32::from(before.replace(shape.clone()).is_some_and(|before| before != shape));
            }
            assert!(changes <= 2, "{changes} changes around {middle}");
        }
    }

    #[test]
    fn less_holds_at_once_and_more_after_two_seconds_of_room() {
        let (start, mut ladder) = (crate::clock::now(), ladder(1280, 720));
        let mut top = |ms: u64, total| {
            let plan = ladder.plan(start + Duration::from_millis(ms), &wishes(total, ALL));
            plan.iter().rposition(Option::is_some).unwrap()
        };
        assert_eq!(top(0, 2_000_000), 2);
        assert_eq!(top(100, 300_000), 1);
        assert_eq!(top(200, 100_000), 0);
        assert_eq!([top(300, 2_000_000), top(2_200, 2_000_000)], [0, 0]);
        assert_eq!(top(2_300, 200_000), 0, "the room is gone again");
        assert_eq!([top(2_400, 2_000_000), top(4_300, 2_000_000), top(4_400, 2_000_000)], [0, 0, 2]);
    }

    #[test]
    fn a_size_that_somebody_begins_to_want_begins_at_once() {
        let (now, mut ladder) = (crate::clock::now(), ladder(1280, 720));
        let mut sizes = |wanted| ladder.plan(now, &wishes(1_900_000, wanted)).map(|share| share.is_some());
        assert_eq!(sizes(0b001), [true, false, false]);
        assert_eq!(sizes(0b100), [false, false, true]);
        assert_eq!(sizes(0b111), [true, true, true]);
    }

    #[test]
    fn what_this_computer_is_too_slow_for_is_left_out() {
        let (now, mut ladder) = (crate::clock::now(), ladder(1280, 720));
        let mut plan = |wanted, without, half| {
            let wishes = Wishes { total_bps: 1_850_000, wanted, cap: Cap { without, half } };
            ladder.plan(now, &wishes).map(|share| share.map(|share| share.half))
        };
        assert_eq!(plan(ALL, 0, true), [Some(true), Some(true), Some(true)]);
        assert_eq!(plan(ALL, 1, false), [Some(false), Some(false), None]);
        assert_eq!(plan(0b100, 1, false), [None, Some(false), None]);
        assert_eq!(plan(0b100, 9, true), [Some(true), None, None]);
    }

    #[test]
    fn a_budget_that_is_too_small_is_said_and_a_wish_for_less_is_not() {
        let (now, mut ladder) = (crate::clock::now(), ladder(1280, 720));
        for (total, wanted, short) in
            [(1_850_000, ALL, false), (400_000, ALL, true), (60_000, 0b001, true), (150_000, 0b001, false)]
        {
            ladder.plan(now, &wishes(total, wanted));
            assert_eq!(ladder.is_short(), short, "{total} {wanted:b}");
        }
        assert_eq!(ladder.of_use_bps(ALL), 3_700_000);
        assert_eq!(ladder.of_use_bps(0b100), 2_400_000);
    }
}
