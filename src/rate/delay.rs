//! How long packets wait in queues of the path, from round trips. Used by [`super::estimator`]; `call` keeps one for each link that
//! it probes, so that the path without a queue is known before the call goes there.
//!
//! The queue is what a round trip takes beyond the least of the last two minutes. The least of a short while counts, for jitter and
//! acknowledgements that are held back only add. A probe's answer says when the probe arrived, by the other side's clock; so the
//! two directions are told apart without clocks that agree (RFC 6817 section 3.1 measures one way likewise), and a queue on the way
//! back is not blamed on what is sent. An answer may have waited where an acknowledgement does not, with all else that the other
//! side has to send: what a probe says of the way there stands, whatever it says of the way back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::unsteady::Unsteady;

/// The path without a queue is the least of this long. Longer than a competing download keeps its queue, shorter than a route lives.
const BASE_MEMORY: Duration = Duration::from_secs(120);
/// The same one way, where clocks drift apart besides: 100 ppm are 12 ms in this, less than [`JITTER`].
const WAY_MEMORY: Duration = BASE_MEMORY;
/// The least round trip of this long is what the queue is now: some frames of video.
const NOW: Duration = Duration::from_millis(200);
/// Where the least of such a while is off the middle of those beside it by more than the first, once more so long is looked at for
/// each of the second: what comes and goes is no queue that stands. Pictures of our own come and go within the first.
const UNSTEADY: (Duration, Duration) = (Duration::from_millis(18), Duration::from_millis(3));
/// At most so long.
const NOW_MOST: Duration = Duration::from_millis(1200);
/// A probe says something of the way back for so long.
const PROBE: Duration = Duration::from_millis(600);
/// Two probes within this long tell the way there by themselves.
const FRESH: Duration = Duration::from_millis(250);
/// A queue on the way back that is shorter may be jitter.
const JITTER: Duration = Duration::from_millis(15);
/// What jitter leaves of itself is taken to be no more than this.
const NOISE: Duration = Duration::from_millis(20);
/// A while that is off counts for so much at most.
const OFF_MOST: Duration = Duration::from_millis(80);

/// The ways of a probe.
const THERE: usize = 0;
const BACK: usize = 1;

/// The least of a sliding while, to a bin's precision in time.
#[derive(Debug, Clone)]
struct Least<T> {
    memory: Duration,
    bins: VecDeque<(Instant, T)>,
}

impl<T: Copy + PartialOrd> Least<T> {
    fn new(memory: Duration) -> Self {
        Self { memory, bins: VecDeque::new() }
    }

    fn add(&mut self, now: Instant, value: T) {
        let bin = self.memory / 64;
        while self.bins.back().is_some_and(|(_, least)| *least >= value) {
            self.bins.pop_back();
        }
        // What grows within a bin is forgotten with it.
        if self.bins.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= bin) {
            self.bins.push_back((now, value));
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while self.bins.len() > 1
            && self.bins.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > self.memory)
        {
            self.bins.pop_front();
        }
    }

    fn get(&self) -> Option<T> {
        self.bins.front().map(|(_, least)| *least)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Delay {
    base: Least<Duration>,
    recent: VecDeque<(Instant, Duration)>,
    /// The other side's clock less ours: on arrival there, and of our clock on arrival here, µs.
    ways: [Least<i64>; 2],
    /// When, and how much longer than the least each way took.
    probes: VecDeque<(Instant, [Duration; 2])>,
    smoothed: Option<Duration>,
    /// The last [`NOW`] that was looked at and its least, and how much they differ from one to the next.
    last: Option<(Instant, Duration)>,
    noise: Duration,
    unsteady: Unsteady,
    /// What comes and goes is no jitter.
    ours: bool,
}

impl Default for Delay {
    fn default() -> Self {
        Self {
            base: Least::new(BASE_MEMORY),
            recent: VecDeque::new(),
            ways: [Least::new(WAY_MEMORY), Least::new(WAY_MEMORY)],
            probes: VecDeque::new(),
            smoothed: None,
            last: None,
            noise: Duration::ZERO,
            unsteady: Unsteady::default(),
            ours: false,
        }
    }
}

impl Delay {
    /// A round trip that ended now.
    pub fn round_trip(&mut self, now: Instant, rtt: Duration) {
        self.base.add(now, rtt);
        self.recent.push_back((now, rtt));
        while self.recent.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > NOW_MOST) {
            self.recent.pop_front();
        }
        self.smoothed = Some(self.smoothed.map_or(rtt, |smoothed| (smoothed * 7 + rtt) / 8));
        self.measure_noise(now);
    }

    /// A queue comes and goes slowly, jitter from one look to the next.
    fn measure_noise(&mut self, now: Instant) {
        if self.last.is_some_and(|(at, _)| now.saturating_duration_since(at) < NOW) {
            return;
        }
        let Some(least) = self.least(now, NOW) else { return };
        self.unsteady.add(least, OFF_MOST);
        if let Some((_, last)) = self.last.replace((now, least)) {
            self.noise = (self.noise * 15 + least.abs_diff(last).min(NOISE)) / 16;
        }
    }

    /// What the least round trips of an empty path are above the least of all.
    pub fn noise(&self) -> Duration {
        self.noise
    }

    /// The ways of a probe, each by both clocks together, µs: only differences of one way mean anything.
    pub fn ways(&mut self, now: Instant, there_us: i64, back_us: i64) {
        let mut beyond = [Duration::ZERO; 2];
        for ((way, us), beyond) in self.ways.iter_mut().zip([there_us, back_us]).zip(&mut beyond) {
            way.add(now, us);
            let least = way.get().unwrap_or(us);
            *beyond = Duration::from_micros(us.saturating_sub(least).max(0).unsigned_abs());
        }
        self.probes.push_back((now, beyond));
        self.forget_probes(now);
    }

    fn forget_probes(&mut self, now: Instant) {
        while self.probes.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > PROBE) {
            self.probes.pop_front();
        }
    }

    /// The queue on the way back; `None` where no probe said.
    pub fn back(&mut self, now: Instant) -> Option<Duration> {
        self.way(now, BACK)
    }

    /// The queue of one way: the least of the last probes.
    fn way(&mut self, now: Instant, way: usize) -> Option<Duration> {
        self.forget_probes(now);
        self.probes.iter().rev().take(3).map(|(_, ways)| ways[way]).min()
    }

    /// The queue on the way there, where two probes or more tell it.
    fn there(&mut self, now: Instant) -> Option<Duration> {
        self.forget_probes(now);
        let while_ = FRESH.mul_f64(self.longer()).min(PROBE);
        let of_late = self.probes.iter().rev().take_while(|(at, _)| now.saturating_duration_since(*at) <= while_);
        let there: Vec<Duration> = of_late.map(|(_, ways)| ways[THERE]).collect();
        there.iter().min().filter(|_| there.len() > 1).copied()
    }

    /// Whether delay that comes and goes does so with what is sent, and is no jitter.
    pub fn set_ours(&mut self, ours: bool) {
        self.ours = ours;
    }

    /// How many times as long is looked at, for jitter.
    fn longer(&self) -> f64 {
        let (free, each) = UNSTEADY;
        let jitter = if self.ours { Duration::ZERO } else { self.unsteady.off() };
        1.0 + jitter.saturating_sub(free).div_duration_f64(each)
    }

    /// The queues of both ways together; `None` where nothing was measured of late.
    pub fn both(&self, now: Instant) -> Option<Duration> {
        let (newest, _) = *self.recent.back()?;
        let fresh = now.saturating_duration_since(newest) <= NOW * 2;
        let while_ = NOW.mul_f64(self.longer());
        let least = self.least(newest, while_).filter(|_| fresh)?;
        Some(least.saturating_sub(self.base.get()?))
    }

    /// The least round trip of this long before.
    fn least(&self, before: Instant, while_: Duration) -> Option<Duration> {
        let within = |at: &Instant| before.saturating_duration_since(*at) <= while_;
        self.recent.iter().rev().take_while(|(at, _)| within(at)).map(|(_, rtt)| *rtt).min()
    }

    /// The queue on the way there: of acknowledgements, which are many, but where the way back has a queue too.
    pub fn queue(&mut self, now: Instant) -> Option<Duration> {
        let beyond_jitter = |way: Option<Duration>| way.filter(|queue| *queue > JITTER).unwrap_or_default();
        let (there, back) = (beyond_jitter(self.way(now, THERE)), beyond_jitter(self.way(now, BACK)));
        let told = self.there(now).filter(|_| !back.is_zero());
        if told.is_some() {
            return told;
        }
        self.both(now).map(|both| both.saturating_sub(back).max(there.min(both)))
    }

    /// The smoothed round trip.
    pub fn rtt(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The round trip without a queue.
    pub fn base(&self) -> Option<Duration> {
        self.base.get()
    }
}
