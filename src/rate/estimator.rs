//! How much the link may be given: an estimate of what the path carries, from what it says by delay, loss and deliveries.
//!
//! Fed and asked by `call`; sans-IO. Never: a clock, a packet, what the bits are for.
//!
//! Delay rules, after NADA (RFC 8698). The signal is the standing queue of the path ([`super::delay`]).
//!
//! * *No queue*: more by a share of itself each second, quickly where it is far from what was too much of late, slowly near it
//!   (RFC 8698 section 4.3 calls the first accelerated ramp-up; the memory of the last cut is CUBIC's, RFC 9438).
//! * *Some queue*: towards the rate at which a queue of [`queue_at`] stands, which is longer for a smaller rate: flows that share a
//!   queue meet at equal rates (RFC 8698 section 4.3, gradual update).
//! * *A long queue*: at once to what was delivered, and below it for as long as the queue takes to drain.
//!
//! A queue that stays although we gave way is somebody else's, who fills it until it overflows. Then the estimate goes by losses, as an
//! AIMD flow of TCP's own strength does, but smoother (Yang and Lam, "General AIMD Congestion Control", ICNP 2000), until the
//! queue is short again. Without this a delay-based flow starves beside a download (RFC 8698 section 4.2 bends the delay to the same end).
//!
//! Loss that comes by itself is no sign below [`LOSS_LIMIT`]: radio paths have it. A sender with little to say shows nothing: the
//! estimate does not grow far beyond what was delivered ([`UNTRIED`]), and does not shrink for it (RFC 7661 has the reasons).

mod tuning;

use std::time::{Duration, Instant};

use self::tuning::*;
use super::delay::Delay;
use super::meter::Meter;

/// What an estimate is kept within, bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub least_bps: u64,
    /// Before anything is known.
    pub start_bps: u64,
    pub most_bps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { least_bps: 80_000, start_bps: 600_000, most_bps: 8_000_000 }
    }
}

/// What the estimate goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Delay,
    /// Somebody else keeps the queue long: losses.
    Loss,
}

/// How the path is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// What may be sent, bits a second.
    pub target_bps: u64,
    /// What was sent and what arrived in the last second, bits a second.
    pub sent_bps: u64,
    pub delivered_bps: u64,
    /// The queue on the way there; and back, where probes tell it.
    pub queue: Option<Duration>,
    pub back: Option<Duration>,
    pub rtt: Option<Duration>,
    /// Share of the last second's bytes, 0-1.
    pub loss: f64,
    pub mode: Mode,
}

/// A queue that is long.
#[derive(Debug, Clone, Copy)]
struct Long {
    /// From here on it is judged, by what arrived then, bits a second.
    since: Instant,
    rate: f64,
    /// How often much less arrived than before.
    falls: u32,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Estimator {
    limits: Limits,
    delay: Delay,
    sent: Meter,
    delivered: Meter,
    lost: Meter,
    /// What the path is thought to carry, bits a second; and less while a queue drains.
    reference: f64,
    target: f64,
    /// The same for what may be on its way, whatever waits here.
    paced: f64,
    mode: Mode,
    /// The queue on the way back at the last update, where probes tell it.
    back: Option<Duration>,
    updated: Instant,
    /// The queue at the last update, seconds.
    before: Option<f64>,
    /// Our own queue.
    waiting: Duration,
    /// What arrives is told, so what waits here waits for our own window.
    told: bool,
    /// When it was cut last, and what was too much.
    cut: Option<Instant>,
    too_much: Option<f64>,
    long: Option<Long>,
    short_since: Option<Instant>,
    /// When somebody else's queue was gone.
    gone: Option<Instant>,
    /// The queue, smoothed, seconds; and since when there is none, and a long one.
    smooth: f64,
    empty_since: Option<Instant>,
    long_since: Option<Instant>,
    /// Losses since the last update; and when the last one counted.
    loss: bool,
    loss_at: Option<Instant>,
}

impl Estimator {
    /// An estimate of a path of which nothing is known.
    pub fn new(now: Instant, limits: Limits) -> Self {
        Self {
            limits,
            delay: Delay::default(),
            sent: Meter::default(),
            delivered: Meter::default(),
            lost: Meter::default(),
            reference: limits.start_bps as f64,
            target: limits.start_bps as f64,
            paced: limits.start_bps as f64,
            mode: Mode::Delay,
            back: None,
            updated: now,
            before: None,
            waiting: Duration::ZERO,
            told: false,
            cut: None,
            too_much: None,
            long: None,
            short_since: None,
            gone: None,
            smooth: 0.0,
            empty_since: None,
            long_since: None,
            loss: false,
            loss_at: None,
        }
    }

    /// So many bytes were sent.
    pub fn sent(&mut self, now: Instant, bytes: u64) {
        self.sent.add(now, bytes);
    }

    /// So many bytes arrived, or were taken by a transport that tells no more.
    pub fn delivered(&mut self, now: Instant, bytes: u64) {
        self.delivered.add(now, bytes);
    }

    /// A round trip that ended now: of a probe, or the least of an acknowledgement.
    pub fn round_trip(&mut self, now: Instant, rtt: Duration) {
        self.delay.round_trip(now, rtt);
    }

    /// The transport tells what arrives, and whether delay that comes and goes does so with what is sent ([`super::Window::is_ours`]).
    pub fn told(&mut self, ours: bool) {
        self.told = true;
        self.delay.set_ours(ours);
    }

    /// The path's delay, for what probes say of it.
    pub fn delay(&mut self) -> &mut Delay {
        &mut self.delay
    }

    /// So many bytes are lost, in the path or in our own queue.
    pub fn lost(&mut self, now: Instant, bytes: u64) {
        self.lost.add(now, bytes);
        self.loss |= bytes > 0;
    }

    /// How long the oldest frame has waited for the transport.
    pub fn waiting(&mut self, age: Duration) {
        self.waiting = age;
    }

    /// Brings the estimate up to date; nothing before [`INTERVAL`] has passed. True if it did.
    pub fn update(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.updated);
        if passed < INTERVAL {
            return false;
        }
        let seconds = passed.as_secs_f64().min(0.5);
        self.updated = now;
        let was = self.reference;
        let noise = self.delay.noise().as_secs_f64() * NOISE;
        let queue = self.delay.queue(now).map(|queue| (queue.as_secs_f64() - noise).max(0.0));
        // What waits here waits because the path does not take it, or for a window that follows from what the path says.
        let waiting = Some(self.waiting.as_secs_f64()).filter(|waiting| *waiting > LONG && !self.told);
        let queue = queue.map(|queue| queue + waiting.unwrap_or(0.0)).or(waiting);
        self.back = self.delay.back(now);
        self.look_for_others(now, queue);
        match self.mode {
            Mode::Delay => self.by_delay(now, seconds, queue),
            Mode::Loss => self.by_loss(now, seconds),
        }
        self.loss = false;
        let soon = queue.map(|queue| queue + AHEAD_OF * (queue - self.before.unwrap_or(queue)).max(0.0));
        self.before = queue;
        let (least, most) = (self.limits.least_bps as f64, self.limits.most_bps as f64);
        self.reference = self.reference.min(most.max(was)).max(least);
        let drain = |soon: f64| match self.mode {
            Mode::Delay if soon > FOREIGN => (1.0 - (soon - FOREIGN / 2.0) / DRAIN).max(DRAIN_LEAST),
            _ => 1.0,
        };
        let soon = soon.unwrap_or(0.0);
        self.paced = (self.reference * drain(soon)).max(least);
        self.target = (self.reference * drain(soon.max(self.waiting.as_secs_f64()))).max(least);
        true
    }

    /// What may be sent, bits a second.
    pub fn target_bps(&self) -> u64 {
        self.target as u64
    }

    /// Whether a probe now would tell which way has the queue.
    pub fn wants_probe(&self, now: Instant) -> bool {
        self.delay.both(now).is_some_and(|queue| queue.as_secs_f64() > FOREIGN)
    }

    /// The round trip without any queue.
    pub fn base_rtt(&self) -> Option<Duration> {
        self.delay.base()
    }

    /// Bytes that may be on their way at this rate, and a picture at a time: what a window must let through. A queue that is ours is
    /// not made room for; acknowledgements may wait on the way back, and where somebody else keeps the queue long, everything does.
    pub fn window_bytes(&self) -> u64 {
        let rtt = self.delay.rtt().unwrap_or_default();
        let without = match (self.mode, self.back) {
            (Mode::Delay, Some(back)) => rtt.min(self.delay.base().unwrap_or_default() + back),
            _ => rtt,
        };
        (self.paced / 8.0 * (without + AHEAD).as_secs_f64()) as u64
    }

    /// For who looks at it.
    pub fn figures(&mut self, now: Instant) -> Figures {
        let rate = |meter: &Meter| meter.rate_bps(now, DELIVERED_LONG).unwrap_or(0.0) as u64;
        Figures {
            target_bps: self.target_bps(),
            sent_bps: rate(&self.sent),
            delivered_bps: rate(&self.delivered),
            queue: self.delay.queue(now),
            back: self.delay.back(now),
            rtt: self.delay.rtt(),
            loss: self.loss_share(now, DELIVERED_LONG),
            mode: self.mode,
        }
    }

    /// The estimate need not grow beyond this, bits a second; it does not shrink for it.
    pub fn set_most(&mut self, bps: u64) {
        self.limits.most_bps = bps.max(self.limits.least_bps);
    }

    /// The call goes over to another path, of which probes have told this `delay`: nothing else that was measured holds, and the rate
    /// only within bounds. `known`: what that path was found to carry not long ago. Returns the delay of the path that is left.
    pub fn moved(&mut self, now: Instant, known: Option<u64>, delay: Delay) -> Delay {
        let start = known.map_or(self.reference.min(2.0 * self.limits.start_bps as f64), |known| known as f64);
        let (sent, limits) = (self.sent.clone(), self.limits);
        let before = std::mem::replace(
            self,
            Self { delay, sent, reference: start, target: start, paced: start, ..Self::new(now, limits) },
        );
        before.delay
    }

    fn loss_share(&self, now: Instant, while_: Duration) -> f64 {
        let of = |meter: &Meter| meter.sum(now, while_) as f64;
        let lost = of(&self.lost);
        lost / (lost + of(&self.delivered)).max(1.0)
    }

    /// The loss that says something of the rate as it is: of what was sent since the last cut.
    fn loss_now(&self, now: Instant) -> f64 {
        let shown = |at: Instant| now.saturating_duration_since(at + self.delay.rtt().unwrap_or_default());
        let while_ = self.cut.map_or(DELIVERED_LONG, shown).min(DELIVERED_LONG);
        if self.lost.sum(now, while_) < 8 * 1200 { 0.0 } else { self.loss_share(now, while_) }
    }

    fn by_delay(&mut self, now: Instant, seconds: f64, queue: Option<f64>) {
        let change = queue.zip(self.before).map_or(0.0, |(queue, before)| queue - before);
        let long = queue.is_some_and(|queue| queue > LONG || (change > STEP && queue + AHEAD_OF * change > LONG));
        let lasts = since(now, &mut self.long_since, long);
        if long {
            self.empty_since = None;
            if lasts >= PASSING || queue > Some(FAR_TOO_LONG) {
                self.cut_to_delivered(now);
            }
            return;
        }
        let loss = self.loss_now(now);
        if loss > LOSS_LIMIT && self.may_cut(now) {
            return self.cut(now, self.reference * (1.0 - loss / 2.0));
        }
        if let Some(queue) = queue {
            self.turn(now, seconds, queue, loss);
        }
    }

    fn cut_to_delivered(&mut self, now: Instant) {
        if self.says_little(now) || !self.may_cut(now) {
            return;
        }
        // Acknowledgements may be held back: until the last one is as far as anything is known.
        let known = self.delivered.newest().filter(|at| now.saturating_duration_since(*at) < DELIVERED).unwrap_or(now);
        let delivered = self.delivered.rate_bps(known, DELIVERED).filter(|delivered| *delivered > 0.0);
        if let Some(delivered) = delivered {
            self.cut(now, (delivered * KEPT).max(self.reference * CUT_LEAST));
        }
    }

    /// Without a long queue: a little more, or a little less.
    fn turn(&mut self, now: Instant, seconds: f64, queue: f64, loss: f64) {
        let before = self.smooth;
        self.smooth += SMOOTH * (queue - self.smooth);
        let empty = since(now, &mut self.empty_since, queue < NONE && self.smooth < NONE);
        if loss > LOSS_PAUSE && queue < queue_at(self.reference) {
            return;
        }
        if empty >= EMPTY || (self.cut.is_none() && queue < NONE) {
            return self.grow(now, seconds);
        }
        if self.says_little(now) {
            return;
        }
        let (offset, change) = (self.smooth - queue_at(self.reference), self.smooth - before);
        let turn = KAPPA * (seconds / TAU * offset / TAU + ETA * change / TAU);
        let wanted = self.reference * (1.0 - turn.clamp(-0.05, 0.3));
        self.reference = if turn > 0.0 { wanted } else { wanted.min(self.reference.max(self.tried(now))) };
    }

    /// What is sent is so little that no queue is its doing.
    fn says_little(&self, now: Instant) -> bool {
        let little = |sent: f64| sent < LITTLE * self.reference;
        self.waiting < WAITS && self.sent.rate_bps(now, DELIVERED_LONG).is_some_and(little)
    }

    /// The most that deliveries bear out.
    fn tried(&self, now: Instant) -> f64 {
        let delivered = self.delivered.rate_bps(now, DELIVERED_LONG).unwrap_or(0.0);
        (UNTRIED * delivered).max(delivered + UNTRIED_LEAST)
    }

    fn grow(&mut self, now: Instant, seconds: f64) {
        let near = |limit: f64| self.reference > NEAR.0 * limit && self.reference < NEAR.1 * limit;
        let recent = self.cut.is_some_and(|at| now.saturating_duration_since(at) < REMEMBERED);
        let share = if recent && self.too_much.is_some_and(near) { SLOW } else { FAST };
        let wanted = self.reference * (1.0 + share * seconds);
        self.reference = wanted.min(self.reference.max(self.tried(now)));
    }

    fn may_cut(&self, now: Instant) -> bool {
        self.cut.is_none_or(|at| now.saturating_duration_since(at) >= SETTLE)
    }

    fn cut(&mut self, now: Instant, to: f64) {
        if to < self.reference {
            self.too_much = Some(to / KEPT);
            self.reference = to;
        }
        self.cut = Some(now);
    }

    /// Is the queue somebody else's?
    fn look_for_others(&mut self, now: Instant, queue: Option<f64>) {
        let Some(queue) = queue else { return };
        let since = |at: Instant| now.saturating_duration_since(at);
        match self.mode {
            Mode::Delay if queue < FOREIGN => self.long = None,
            Mode::Delay => {
                let delivered = self.delivered.rate_bps(now, DELIVERED_LONG).unwrap_or(self.reference);
                let rate = self.reference.min(delivered);
                let long = self.long.get_or_insert(Long { since: now, rate, falls: 0 });
                let of = |meter: &Meter| meter.rate_bps(now, DELIVERED).unwrap_or(rate);
                let (sent, of_late) = (of(&self.sent), of(&self.delivered));
                if long.falls < FALLS && of_late < SLOWER * long.rate.min(sent) {
                    // The path may have become slower: whether a queue stays that we do not feed shows from there on.
                    *long = Long { since: now, rate: of_late, falls: long.falls + 1 };
                }
                let Long { since: at, rate, .. } = *long;
                let again = self.gone.is_some_and(|gone| since(gone) < AGAIN);
                let least = self.limits.least_bps as f64 * 1.1;
                let gave_way = self.reference < (rate * GIVEN_WAY).max(least);
                if again || (since(at) >= LASTS && gave_way) {
                    self.mode = Mode::Loss;
                    self.reference = self.reference.max(rate * TAKEN_BACK);
                    (self.long, self.short_since, self.loss_at) = (None, None, Some(now));
                }
            }
            Mode::Loss if queue > FOREIGN_NONE => self.short_since = None,
            Mode::Loss => {
                if since(*self.short_since.get_or_insert(now)) >= GONE {
                    self.mode = Mode::Delay;
                    self.gone = Some(now);
                    self.too_much = None;
                }
            }
        }
    }

    fn by_loss(&mut self, now: Instant, seconds: f64) {
        let rtt = self.delay.rtt().unwrap_or(INTERVAL).max(Duration::from_millis(20));
        let counts = self.loss_at.is_none_or(|at| now.saturating_duration_since(at) >= rtt);
        if self.loss && counts {
            self.loss_at = Some(now);
            self.reference *= AIMD_KEPT;
            return;
        }
        // Strong TCP does not grow more slowly over a long queue (RFC 9438 section 3.3).
        let rtt = rtt.as_secs_f64().min(AIMD_RTT);
        let wanted = self.reference + AIMD_PACKETS * PACKET_BITS / rtt * seconds / rtt;
        self.reference = wanted.min(self.reference.max(self.tried(now)));
    }
}

/// Keeps since when something holds, and tells for how long.
fn since(now: Instant, since: &mut Option<Instant>, holds: bool) -> Duration {
    if !holds {
        *since = None;
        return Duration::ZERO;
    }
    now.saturating_duration_since(*since.get_or_insert(now))
}

/// The queue that a flow of this rate is content with, seconds.
fn queue_at(rate_bps: f64) -> f64 {
    (STANDING * SCALE / rate_bps.max(1.0)).clamp(STANDING_BOUNDS.0, STANDING_BOUNDS.1)
}

#[cfg(test)]
mod tests;
