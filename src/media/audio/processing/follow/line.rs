//! Where a speaker is by the microphone's count: a line through what both tell each second. Pure.
//!
//! A callback may be late and is never early: a sample is played after it was taken. So of each second the latest callback
//! counts, and through these points goes a line whose slope is the median of the slopes between all of them (Sen, "Estimates
//! of the regression coefficient based on Kendall's tau", 1968): a hiccup of the machine does not bend it.

use std::collections::VecDeque;

use super::DRIFT;

/// Sound of the microphone for each point, µs.
const POINT_US: f64 = 1e6;
/// Points that are remembered.
const POINTS: usize = 32;
/// Points before a drift is believed.
const ENOUGH: usize = 8;
/// Points before the line is more than a guess.
const YOUNG: usize = 3;
/// A point so far off the line, µs, is a hiccup; a second one like it is a new line.
const ODD_US: f64 = 15_000.0;
/// A drift is believed from so many times its own uncertainty on.
const CERTAIN: f64 = 3.0;
/// And from here on, parts of one: less does no harm.
const LEAST: f64 = 3e-6;

/// See the module. Times are µs of sound that the microphone has given; values are how far the speaker's count is ahead of
/// it, µs.
#[derive(Debug, Default)]
pub struct Line {
    /// The latest callback of this second: the speaker's count less the clock.
    latest: Option<f64>,
    /// The clock less the microphone's count: sum and number over this second.
    clock: (f64, u32),
    /// When this second began.
    since: f64,
    points: VecDeque<(f64, f64)>,
    odd: Option<f64>,
    drift: f64,
    /// The value at time 0.
    offset: f64,
}

impl Line {
    /// A callback: the speaker's count at it, less the clock.
    pub fn speaker(&mut self, ahead_of_clock: f64) {
        self.latest = Some(self.latest.map_or(ahead_of_clock, |latest| latest.min(ahead_of_clock)));
    }

    /// A piece of the microphone's sound: the clock at its start, less the microphone's count.
    pub fn microphone(&mut self, clock_ahead: f64, at: f64) {
        self.clock.0 += clock_ahead;
        self.clock.1 += 1;
        if at - self.since < POINT_US {
            return;
        }
        if let Some(ahead) = self.now() {
            self.add(f64::midpoint(self.since, at), ahead);
        }
        (self.latest, self.clock, self.since) = (None, (0.0, 0), at);
    }

    /// How far the speaker is ahead at a time; `None` while nothing is known.
    pub fn at(&self, at: f64) -> Option<f64> {
        if self.points.is_empty() { self.now() } else { Some(self.offset + self.drift * at) }
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
        self.points.clear();
        (self.latest, self.clock) = (None, (0.0, 0));
    }

    fn now(&self) -> Option<f64> {
        let clock = self.clock.0 / f64::from(self.clock.1);
        self.latest.map(|latest| latest + clock).filter(|ahead| ahead.is_finite())
    }

    fn add(&mut self, at: f64, ahead: f64) {
        let off = ahead - self.at(at).unwrap_or(ahead);
        if !self.points.is_empty() && off.abs() > ODD_US {
            let again = self.odd.replace(ahead).is_some_and(|odd| (odd - ahead).abs() < ODD_US);
            if !again {
                return;
            }
            self.points.clear();
        }
        self.odd = None;
        self.points.push_back((at, ahead));
        if self.points.len() > POINTS {
            self.points.pop_front();
        }
        self.fit();
    }

    fn fit(&mut self) {
        if self.points.len() >= ENOUGH {
            let (slope, sure) = self.slope();
            self.drift = if slope.abs() > (CERTAIN * sure).max(LEAST) { slope.clamp(-DRIFT, DRIFT) } else { 0.0 };
        }
        self.offset = median(self.points.iter().map(|(at, ahead)| ahead - self.drift * at).collect());
    }

    /// The slope of the points, and how uncertain it is.
    fn slope(&self) -> (f64, f64) {
        let pairs =
            self.points.iter().enumerate().flat_map(|(n, one)| self.points.range(n + 1..).map(move |b| (one, b)));
        let slope = median(pairs.map(|((t0, y0), (t1, y1))| (y1 - y0) / (t1 - t0)).collect());
        let rest: Vec<f64> = self.points.iter().map(|(at, ahead)| ahead - slope * at).collect();
        let middle = median(rest.clone());
        let spread = 1.48 * median(rest.iter().map(|rest| (rest - middle).abs()).collect());
        let count = self.points.len() as f64;
        // Of a regression over evenly spaced times.
        (slope, spread * (12.0 / count).sqrt() / (count * POINT_US))
    }
}

/// The middle value; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
