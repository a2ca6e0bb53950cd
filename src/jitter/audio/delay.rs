//! How late packets are, and so how long to hold them: the target delay.
//!
//! The *offset* of a packet is its arrival less its capture time. The two clocks have nothing in common, so an offset
//! means something only against the smallest one of the last seconds: the difference, its *lateness*, is how much later
//! than the fastest packet it came.
//!
//! The target is a quantile of the lateness of the last seconds. Which one is a matter of price: delay is borne where it
//! saves enough audio from coming too late, [`AudioConfig::price_us`] for one percent. So jitter that is always there is
//! waited for to its end, a single spike is not, and one that keeps coming back is. What is lost on the way counts too:
//! the packet behind it can give it back, if that is waited for. Up at once, down slowly.

use std::collections::VecDeque;

use super::{AudioConfig, FRAME_US};

/// Times in µs.
#[derive(Debug)]
pub(super) struct Delay {
    config: AudioConfig,
    /// Arrival and offset, in order of arrival.
    window: VecDeque<(i64, i64)>,
    /// The offsets of `window`, ascending.
    sorted: Vec<i64>,
    target: i64,
    /// Share of packets that were missing when their turn came, smoothed over some 200 packets.
    missing: f32,
    arrivals: u32,
}

impl Delay {
    /// The network cannot bring a packet this much earlier than the fastest: the sender's clock has jumped.
    const JUMP_US: i64 = 5_000_000;
    /// A path is another one if all packets of this time differ from all before.
    const PATH_US: i64 = 1_000_000;
    const PATH_MARGIN_US: i64 = 10_000;
    const PATH_PACKETS: usize = 25;
    /// Packets that the shares are taken of at least: of few packets one that is late says little.
    const FEW: usize = 250;
    /// The target is this much above the lateness it was chosen for.
    const MARGIN_US: i64 = 2_000;

    pub fn new(config: AudioConfig) -> Self {
        Self {
            config,
            window: VecDeque::new(),
            sorted: Vec::new(),
            target: config.initial_us,
            missing: 0.0,
            arrivals: 0,
        }
    }

    /// The least delay to play with, measured from the fastest packet.
    pub fn target(&self) -> i64 {
        self.target
    }

    /// How much later than the fastest packet something captured at `capture` is at the moment `at`.
    pub fn since_fastest(&self, at: i64, capture: i64) -> i64 {
        at - capture - self.sorted.first().copied().unwrap_or(at - capture)
    }

    /// A packet's turn came, and it was there or not.
    pub fn turn(&mut self, missing: bool) {
        self.missing += (f32::from(u8::from(missing)) - self.missing) * 0.005;
    }

    /// A packet arrived.
    pub fn arrive(&mut self, at: i64, capture: i64) {
        let offset = at - capture;
        if self.sorted.first().is_some_and(|fastest| offset < fastest - Self::JUMP_US) {
            *self = Self { target: self.target, ..Self::new(self.config) };
        }
        self.remember(at, offset);
        self.arrivals = self.arrivals.wrapping_add(1);
        if self.arrivals.is_multiple_of(8) {
            self.forget_another_path(at);
        }
        self.aim();
    }

    /// Bounds the memory, whatever the packet rate.
    const CAPACITY: usize = 1000;

    fn remember(&mut self, at: i64, offset: i64) {
        self.window.push_back((at, offset));
        let place = self.sorted.partition_point(|other| *other < offset);
        self.sorted.insert(place, offset);
        while self.window.len() > Self::CAPACITY
            || self.window.front().is_some_and(|(arrival, _)| at - arrival > self.config.window_us)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, offset)) = self.window.pop_front() else { return };
        let place = self.sorted.partition_point(|other| *other < offset);
        self.sorted.remove(place);
    }

    /// After a move to another path its packets alone count, not those of the path before.
    fn forget_another_path(&mut self, at: i64) {
        let recent = self.window.iter().rev().take_while(|(arrival, _)| at - arrival <= Self::PATH_US).count();
        let older = self.window.len() - recent;
        if recent < Self::PATH_PACKETS || older < Self::PATH_PACKETS {
            return;
        }
        let mut before: Vec<i64> = self.window.range(..older).map(|(_, offset)| *offset).collect();
        before.sort_unstable();
        let now = self.window.range(older..).map(|(_, offset)| *offset);
        let (low, high) = now.fold((i64::MAX, i64::MIN), |(low, high), offset| (low.min(offset), high.max(offset)));
        // Around the move itself packets of both paths come in turn: a tenth of them may be of the other one.
        let (few, most) = (before[older / 10], before[older * 9 / 10]);
        if high + Self::PATH_MARGIN_US < few || low > most + Self::PATH_MARGIN_US {
            (0..older).for_each(|_| self.forget_oldest());
            self.target = self.wanted();
        }
    }

    fn aim(&mut self) {
        let wanted = self.wanted();
        self.target = if wanted > self.target { wanted } else { self.target - (self.target - wanted) / 100 };
    }

    /// The cheapest delay: itself, and the price of what would come too late for it.
    fn wanted(&self) -> i64 {
        let Some(fastest) = self.sorted.first() else { return self.target };
        // The slowest, and of the others enough to choose from.
        let few = self.sorted.iter().rev().step_by((self.sorted.len() / 64).max(1));
        let delays = few.map(|offset| offset - fastest);
        let repaired = delays.clone().map(|delay| delay + FRAME_US).filter(|_| self.missing > 0.002);
        let candidates = delays.chain(repaired).chain([0]);
        let cheapest = candidates.min_by_key(|delay| self.cost(*delay)).unwrap_or(self.target);
        (cheapest + Self::MARGIN_US).clamp(self.config.floor_us, self.config.ceiling_us)
    }

    fn cost(&self, delay: i64) -> i64 {
        let packets = self.sorted.len().max(Self::FEW) as f32;
        let late = |delay: i64| {
            let Some(fastest) = self.sorted.first().filter(|_| delay >= 0) else { return 1.0 };
            let in_time = self.sorted.partition_point(|offset| offset - fastest <= delay);
            (self.sorted.len() - in_time) as f32 / packets
        };
        // What is missing is given back by the packet after it, if that is there a frame earlier than its own turn.
        let lost = late(delay) + self.missing * late(delay - FRAME_US);
        delay + (lost * 100.0 * self.config.price_us as f32) as i64
    }
}
