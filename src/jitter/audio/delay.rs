//! How late packets are, and so how long to hold them: the target delay.
//!
//! The *offset* of a packet is its arrival less its capture time. The two clocks have nothing in common, so an offset
//! means something only against the smallest one of the last seconds: the difference, its *lateness*, is how much later
//! than the fastest packet it came.
//!
//! The target is a quantile of the lateness of late. Which one is a matter of price: delay is borne where it saves enough
//! audio from coming too late, [`AudioConfig::price_us`] for one percent. So jitter that is always there is waited for to
//! its end, a single stall is not, and one that keeps coming back is. What is lost on the way counts too: the packet behind
//! it can give it back, if that is waited for. Two windows are asked, a short one that notices at once and a long one that
//! does not forget at once, and the higher answer is taken: up at once, down slowly.

use std::collections::VecDeque;

use super::{AudioConfig, FRAME_US};

/// Times in µs.
#[derive(Debug)]
pub(super) struct Delay {
    config: AudioConfig,
    long: Window,
    short: Window,
    target: i64,
    /// Wanted beyond that by somebody else.
    longer: i64,
    /// When a packet came last for which no less would do.
    needed_at: i64,
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
    /// Share of missing packets from which on one frame of delay is always worth what FEC gives back: PESQ 3.6 instead of 3.4
    /// at 1 % of loss, 3.5 instead of 3.0 at 2 %.
    const LOSSY: f32 = 0.008;
    /// The target is this much above the lateness it was chosen for.
    const MARGIN_US: i64 = 2_000;

    pub fn new(config: AudioConfig) -> Self {
        Self {
            config,
            long: Window::of(config.window_us),
            short: Window::of(config.short_window_us),
            target: config.initial_us,
            longer: 0,
            needed_at: i64::MIN / 2,
            missing: 0.0,
            arrivals: 0,
        }
    }

    /// The least delay to play with, measured from the fastest packet.
    pub fn target(&self) -> i64 {
        (self.target + self.longer).min(self.config.ceiling_us)
    }

    /// See [`super::AudioBuffer::wait_longer`].
    pub fn wait_longer(&mut self, longer: i64) {
        self.longer = longer.max(0);
    }

    /// How much later than the fastest packet something captured at `capture` is at the moment `at`.
    pub fn since_fastest(&self, at: i64, capture: i64) -> i64 {
        at - capture - self.long.fastest().unwrap_or(at - capture)
    }

    /// A packet's turn came, and it was there or not.
    pub fn turn(&mut self, missing: bool) {
        self.missing += (f32::from(u8::from(missing)) - self.missing) * 0.005;
    }

    /// A packet arrived.
    pub fn arrive(&mut self, at: i64, capture: i64) {
        let offset = at - capture;
        if self.long.fastest().is_some_and(|fastest| offset < fastest - Self::JUMP_US) {
            *self = Self { target: self.target, longer: self.longer, ..Self::new(self.config) };
        }
        self.long.remember(at, offset);
        self.short.remember(at, offset);
        self.arrivals = self.arrivals.wrapping_add(1);
        if self.arrivals.is_multiple_of(8) {
            self.forget_another_path(at);
        }
        let wanted = self.wanted();
        // A little less than it was is as good as the same.
        if wanted >= self.target - self.target / 8 {
            self.target = self.target.max(wanted);
            self.needed_at = at;
        } else if at - self.needed_at > self.config.hold_us {
            self.target -= (self.target - wanted) / 100;
        }
    }

    /// After a move to another path its packets alone count, not those of the path before.
    fn forget_another_path(&mut self, at: i64) {
        let packets = &self.long.packets;
        let recent = packets.iter().rev().take_while(|(arrival, _)| at - arrival <= Self::PATH_US).count();
        let older = packets.len() - recent;
        if recent < Self::PATH_PACKETS || older < Self::PATH_PACKETS {
            return;
        }
        let mut before: Vec<i64> = packets.range(..older).map(|(_, offset)| *offset).collect();
        before.sort_unstable();
        let now = packets.range(older..).map(|(_, offset)| *offset);
        let (low, high) = now.fold((i64::MAX, i64::MIN), |(low, high), offset| (low.min(offset), high.max(offset)));
        // Around the move itself packets of both paths come in turn: a tenth of them may be of the other one.
        let (few, most) = (before[older / 10], before[older * 9 / 10]);
        if high + Self::PATH_MARGIN_US < few || low > most + Self::PATH_MARGIN_US {
            self.long.forget_until(at - Self::PATH_US);
            self.short.forget_until(at - Self::PATH_US);
            self.target = self.wanted();
        }
    }

    fn wanted(&self) -> i64 {
        let Some(fastest) = self.long.fastest() else { return self.target };
        let price = self.config.price_us;
        // A share of what is missing is of the long run.
        let (long, short) =
            (self.long.cheapest(fastest, self.missing, price), self.short.cheapest(fastest, 0.0, price));
        let wanted = long.max(short) + Self::MARGIN_US;
        // In-band FEC needs the packet after the missing one to be there one frame earlier than its turn.
        let repairing = if self.missing > Self::LOSSY { FRAME_US } else { 0 };
        wanted.clamp(self.config.floor_us + repairing, self.config.ceiling_us)
    }
}

/// The packets of some time.
#[derive(Debug)]
struct Window {
    span_us: i64,
    /// Arrival and offset, in order of arrival.
    packets: VecDeque<(i64, i64)>,
    /// The offsets of `packets`, ascending.
    sorted: Vec<i64>,
}

impl Window {
    /// Bounds the memory, whatever the packet rate.
    const CAPACITY: usize = 1000;
    /// Delays that are weighed.
    const CHOICES: usize = 64;

    fn of(span_us: i64) -> Self {
        Self { span_us, packets: VecDeque::new(), sorted: Vec::new() }
    }

    fn fastest(&self) -> Option<i64> {
        self.sorted.first().copied()
    }

    fn remember(&mut self, at: i64, offset: i64) {
        self.packets.push_back((at, offset));
        let place = self.sorted.partition_point(|other| *other < offset);
        self.sorted.insert(place, offset);
        if self.packets.len() > Self::CAPACITY {
            self.forget_oldest();
        }
        self.forget_until(at - self.span_us);
    }

    /// Forgets what came before `at`.
    fn forget_until(&mut self, at: i64) {
        while self.packets.front().is_some_and(|(arrival, _)| *arrival < at) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, offset)) = self.packets.pop_front() else { return };
        let place = self.sorted.partition_point(|other| *other < offset);
        self.sorted.remove(place);
    }

    /// The cheapest delay: itself, and the price of what would come too late for it.
    fn cheapest(&self, fastest: i64, missing: f32, price_us: i64) -> i64 {
        // The slowest, and of the others enough to choose from.
        let some = self.sorted.iter().rev().step_by((self.sorted.len() / Self::CHOICES).max(1));
        let delays = some.map(|offset| offset - fastest);
        let repaired = delays.clone().map(|delay| delay + FRAME_US).filter(|_| missing > 0.002);
        // What is missing is given back by the packet after it, if that is there a frame earlier than its own turn.
        // It is not as good as what was lost.
        let worth = missing * 0.6;
        let lost = |delay| self.later_than(fastest + delay) + worth * self.later_than(fastest + delay - FRAME_US);
        let cost = |delay: &i64| delay + (lost(*delay) * 100.0 * price_us as f32) as i64;
        delays.chain(repaired).chain([0]).min_by_key(cost).unwrap_or(0)
    }

    /// Share of the packets whose offset is above this. Of a window that has hardly begun one packet says little: it is
    /// taken as half full of others that were in time.
    fn later_than(&self, offset: i64) -> f32 {
        let later = self.sorted.len() - self.sorted.partition_point(|other| *other <= offset);
        let half = (self.span_us / FRAME_US / 2) as usize;
        if later == self.sorted.len() { 1.0 } else { later as f32 / self.sorted.len().max(half) as f32 }
    }
}
