//! How late packets are, and so how long to hold them: the target delay.
//!
//! The *offset* of a packet is its arrival less its capture time. The two clocks have nothing in common, so an offset
//! means something only against the smallest one of the last seconds: the difference is how much later than the
//! fastest packet it came. The target is a high quantile of that, up at once and down slowly.

use std::collections::VecDeque;

use super::AudioConfig;

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
    last: Option<(i64, i64)>,
    arrivals: u32,
}

impl Delay {
    /// Packets that follow one another closer than this came out of one queue.
    const BURST_US: i64 = 4_000;
    /// The network cannot bring a packet this much earlier than the fastest: the sender's clock has jumped.
    const JUMP_US: i64 = 5_000_000;
    /// A path is another one if all packets of this time differ from all before.
    const PATH_US: i64 = 1_000_000;
    const PATH_MARGIN_US: i64 = 10_000;
    const PATH_PACKETS: usize = 25;

    pub fn new(config: AudioConfig) -> Self {
        Self {
            config,
            window: VecDeque::new(),
            sorted: Vec::new(),
            target: config.initial_us,
            missing: 0.0,
            last: None,
            arrivals: 0,
        }
    }

    /// The delay to aim at, measured from the fastest packet.
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
        let follower = self.last.is_some_and(|(last, before)| at - last < Self::BURST_US && offset < before);
        self.last = Some((at, offset));
        // A stall is one event, however many packets waited behind it. Otherwise one second of it would hold the
        // target at a second for as long as the window remembers.
        if follower && self.since_fastest(at, capture) > self.target {
            return;
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

    fn wanted(&self) -> i64 {
        let (Some(fastest), count) = (self.sorted.first(), self.sorted.len()) else { return self.target };
        let high = self.sorted[(count * 97 / 100).min(count - 1)] - fastest;
        // In-band FEC needs the packet after the missing one to be there, one frame earlier than its turn.
        let floor = self.config.floor_us + if self.missing > 0.01 { self.config.margin_us } else { 0 };
        (high + self.config.margin_us).clamp(floor, self.config.ceiling_us)
    }
}
