//! Where a speaker is by the microphone's count: a line through what both tell each second. Pure.
//!
//! Callbacks come as threads are woken, some of them very late: of each quarter of a second the middle one counts. Through these
//! points goes a line whose slope is the median of the slopes between all of them (Sen, "Estimates of the regression coefficient
//! based on Kendall's tau", 1968): a hiccup of the machine does not bend it. What is not steady is no crystal: a sound server
//! settles over seconds, and a reference that follows it wanders off the echo.

use std::collections::VecDeque;

use super::DRIFT;

/// Sound of the microphone for each look, µs.
const LOOK_US: f64 = 250e3;
/// Looks for each point.
const LOOKS: usize = 4;
/// Callbacks that are taken into account for each look.
const CALLBACKS: usize = 1024;
/// Points that are remembered.
const POINTS: usize = 32;
/// Points before a drift is believed.
const ENOUGH: usize = 12;
/// Points before the line is more than a guess.
const YOUNG: usize = 3;
/// A look so far off the line, µs, is a hiccup; a second one like it is a new line: sound was lost or inserted.
const ODD_US: f64 = 5_000.0;
/// A drift is believed from so many times its own uncertainty on.
const CERTAIN: f64 = 3.0;
/// And from here on, parts of one: less does no harm.
const LEAST: f64 = 3e-6;

/// See the module. Times are µs of sound that the microphone has given; values are how far the speaker's count is ahead of
/// it, µs.
#[derive(Debug, Default)]
pub struct Line {
    /// The callbacks of this look: the speaker's count less the clock.
    told: Vec<f64>,
    /// The clock less the microphone's count: sum and number over this look.
    clock: (f64, u32),
    /// When this look began.
    since: f64,
    /// The looks that make no point yet.
    looks: Vec<(f64, f64)>,
    points: VecDeque<(f64, f64)>,
    odd: Option<f64>,
    drift: f64,
    /// The value at time 0, once there was a look.
    offset: Option<f64>,
}

impl Line {
    /// A callback: the speaker's count at it, less the clock.
    pub fn speaker(&mut self, ahead_of_clock: f64) {
        if self.told.len() < CALLBACKS {
            self.told.push(ahead_of_clock);
        }
    }

    /// A piece of the microphone's sound: the clock at its start, less the microphone's count.
    pub fn microphone(&mut self, clock_ahead: f64, at: f64) {
        self.clock.0 += clock_ahead;
        self.clock.1 += 1;
        if at - self.since < LOOK_US {
            return;
        }
        if let Some(ahead) = self.now() {
            self.look(f64::midpoint(self.since, at), ahead);
        }
        self.told.clear();
        (self.clock, self.since) = ((0.0, 0), at);
    }

    /// How far the speaker is ahead at a time; `None` while nothing is known.
    pub fn at(&self, at: f64) -> Option<f64> {
        self.offset.map(|offset| offset + self.drift * at).or_else(|| self.now())
    }

    /// How much faster the speaker runs, parts of one.
    pub fn drift(&self) -> f64 {
        self.drift
    }

    /// Few points make it a guess.
    pub fn is_young(&self) -> bool {
        self.points.len() < YOUNG
    }

    /// It was wrong: from here on only what is told now counts, but for the drift.
    pub fn doubt(&mut self) {
        self.told.clear();
        self.clock = (0.0, 0);
        self.begin_again();
    }

    fn begin_again(&mut self) {
        self.looks.clear();
        self.points.clear();
        self.offset = None;
    }

    fn now(&self) -> Option<f64> {
        let clock = self.clock.0 / f64::from(self.clock.1);
        median(self.told.clone()).map(|told| told + clock).filter(|ahead| ahead.is_finite())
    }

    fn look(&mut self, at: f64, ahead: f64) {
        if self.offset.is_some_and(|offset| (ahead - offset - self.drift * at).abs() > ODD_US) {
            let again = self.odd.replace(ahead).is_some_and(|odd| (odd - ahead).abs() < ODD_US);
            if !again {
                return;
            }
            self.begin_again();
        }
        self.odd = None;
        self.looks.push((at, ahead));
        if self.points.is_empty() {
            self.offset = Some(ahead - self.drift * at);
        }
        if self.looks.len() == LOOKS {
            let middle = |of: fn(&(f64, f64)) -> f64| median(self.looks.iter().map(of).collect());
            self.points.extend(middle(|look| look.0).zip(middle(|look| look.1)));
            self.looks.clear();
            if self.points.len() > POINTS {
                self.points.pop_front();
            }
            self.fit();
        }
    }

    fn fit(&mut self) {
        let count = self.points.len();
        if count >= ENOUGH {
            let (slope, sure) = self.slope(0, count);
            let steady = [(0, count / 2), (count / 2, count)].map(|(from, to)| self.slope(from, to).0 / slope);
            let believed = slope.abs() > (CERTAIN * sure).max(LEAST) && steady.iter().all(|part| *part > 0.5);
            self.drift = if believed { slope.clamp(-DRIFT, DRIFT) } else { 0.0 };
        }
        self.offset = median(self.points.iter().map(|(at, ahead)| ahead - self.drift * at).collect());
    }

    /// The slope of some of the points, and how uncertain it is.
    fn slope(&self, from: usize, to: usize) -> (f64, f64) {
        let points = || self.points.range(from..to);
        let pairs = points().enumerate().flat_map(|(n, one)| points().skip(n + 1).map(move |other| (one, other)));
        let slope = median(pairs.map(|((t0, y0), (t1, y1))| (y1 - y0) / (t1 - t0)).collect()).unwrap_or_default();
        let rest: Vec<f64> = points().map(|(at, ahead)| ahead - slope * at).collect();
        let middle = median(rest.clone()).unwrap_or_default();
        let spread = 1.48 * median(rest.iter().map(|rest| (rest - middle).abs()).collect()).unwrap_or_default();
        let count = rest.len() as f64;
        // Of a regression over evenly spaced times.
        (slope, spread * (12.0 / count).sqrt() / (count * LOOK_US * LOOKS as f64))
    }
}

/// The middle value.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that was told `ahead` of so many quarters of a second; every fifth callback 9 ms late.
    fn told(quarters: usize, ahead: impl Fn(f64) -> f64) -> Line {
        let mut line = Line::default();
        for n in 1..=quarters * 25 {
            let at = n as f64 * 10_000.0;
            line.speaker(ahead(at) - if n % 5 == 0 { 9_000.0 } else { 0.0 });
            line.microphone(0.0, at);
        }
        line
    }

    #[test]
    fn a_step_is_followed_within_half_a_second_and_a_hiccup_is_not() {
        let step = |at| if at < 20e6 { 0.0 } else { -14_000.0 };
        assert_eq!(told(79, step).at(20e6), Some(0.0));
        let after = told(83, step).at(20.75e6).unwrap();
        assert!((after + 14_000.0).abs() < 1.0, "{after}");
        let hiccup = |at| if (20e6..20.2e6).contains(&at) { -14_000.0 } else { 0.0 };
        assert_eq!(told(88, hiccup).at(22e6), Some(0.0));
    }

    #[test]
    fn what_settles_is_no_drift_and_what_is_steady_is() {
        let settles = |at: f64| 5_000.0 * (1.0 - (-at / 2e6).exp());
        for quarters in 1..160 {
            assert_eq!(told(quarters, settles).drift(), 0.0, "{quarters}");
        }
        let at = told(160, settles).at(40e6).unwrap();
        assert!((at - 5_000.0).abs() < 100.0, "{at}");
        let drift = told(80, |at| at * 80e-6).drift();
        assert!((drift - 80e-6).abs() < 1e-6, "{drift}");
    }
}
