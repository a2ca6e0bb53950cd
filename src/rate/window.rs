//! The congestion window of a call: bytes that may be unacknowledged.
//!
//! Fed by `net::congestion`, which sits in QUIC. Never: a clock, a packet, a socket.
//!
//! A call sends what its encoder makes, so the window's work is to stay out of the way while the path is well
//! and to give way when it is not. Loss-based control halves at each loss and so starves on a long, lossy
//! path (CUBIC: 0.35 Mbit/s at 254 ms and 2 %, RFC 9438 section 5.2 gives the same order). This window
//! gives way to two signs only, each judged over a whole round trip:
//!
//! * a *standing queue*: the smallest RTT of a round is above the path's base RTT by more than
//!   [`QUEUE_LIMIT`] (delay-based, as in RFC 6817 and RFC 8698; the minimum, because jitter only adds);
//! * *heavy loss*: more than [`LOSS_LIMIT`] of a round's bytes, and of the rounds of the last second, are lost. Isolated
//!   loss, which radio paths have without any queue, stays below it (RFC 8698 section 5.1.1 and BBRv2 tolerate likewise).
//!
//! Then it shrinks to 0.85 of what the path delivers in a base RTT, so that the queue drains. A sender with an estimator
//! ([`super::estimator`]) keeps below the window by itself and knows more: it sets a *floor*, so that the window does not hold back what
//! was found good, beside a download for instance, whose queue stands whatever we do. Sound has room beyond the window. QUIC's *persistent congestion* (RFC 9002
//! section 7.6) starts over from the smallest window.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::coupling::Coupling;
use super::unsteady::Unsteady;

/// Window at the start, packets: one key frame of a 360p picture and its audio. RFC 6928 allows 10 without
/// any knowledge; calls are paced over the round trip, so the burst that 10 guards against does not happen.
const INITIAL_PACKETS: u64 = 32;
/// Smallest window, packets: audio with its redundancy at a second of RTT.
const MIN_PACKETS: u64 = 16;
/// Smallest window where a queue stands, packets: on a slow link the other one is itself the queue.
const MIN_QUEUED: u64 = 2;
/// Largest window: 12 Mbit/s at 600 ms.
const MAX_BYTES: u64 = 1 << 20;
/// A standing queue longer than this is congestion: twice what jitter buffers start with.
const QUEUE_LIMIT: Duration = Duration::from_millis(80);
/// Share of bytes lost that is congestion. Above what radio paths lose by themselves.
const LOSS_LIMIT: f64 = 0.15;
/// How long losses are remembered: enough packets for a share to mean something.
const LOSS_MEMORY: Duration = Duration::from_secs(1);
/// Where the least RTT of a round is off the middle of those beside it by more than this, jitter makes it so, and a queue stands
/// only where it is there, longer than the limit and twice that,
const UNSTEADY: Duration = Duration::from_millis(25);
/// for all of this long.
const STANDS: Duration = Duration::from_millis(300);
/// Jitter loses nothing, and a queue that runs over does, and comes and goes with what is sent: from this share of losses on
/// no delay is taken for jitter,
const RUNS_OVER: f64 = 0.03;
/// for so long.
const RAN_OVER: Duration = Duration::from_secs(5);
/// A path's base RTT is the smallest of this long (RFC 6817 keeps minutes; a route changes faster).
const BASE_MEMORY: Duration = Duration::from_secs(10);
/// Room for sound: 250 ms of a voice, or a share of the window where that is more.
const ROOM: u64 = 4096;
const ROOM_SHARE: u64 = 4;
/// The window grows by a share of itself in a round: two packets are a queue of 64 ms on the slowest path that carries pictures.
const GROWTH_SHARE: u64 = 8;
/// What remains after congestion, of what was delivered in the round.
const BACK_OFF: f64 = 0.85;

/// See the module.
#[derive(Debug, Clone)]
pub struct Window {
    mtu: u64,
    bytes: u64,
    floor: u64,
    slow_start: bool,
    standing: Option<Standing>,
    base: VecDeque<(Instant, Duration)>,
    round: Round,
    /// Rounds of the last [`LOSS_MEMORY`]: end, acknowledged, lost.
    past: VecDeque<(Instant, u64, u64)>,
    /// The least RTT of each round of the last [`STANDS`].
    least: VecDeque<(Instant, Duration)>,
    unsteady: Unsteady,
    coupling: Coupling,
    /// When more than [`RUNS_OVER`] was lost last.
    ran_over: Option<Instant>,
}

/// What the last round trip showed of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub at: Instant,
    /// Its least round trip beyond the path's.
    pub queue: Duration,
    /// What arrived in it, bits a second.
    pub delivered_bps: u64,
}

#[derive(Debug, Clone)]
struct Round {
    start: Instant,
    least_rtt: Option<Duration>,
    acked: u64,
    lost: u64,
    used: bool,
}

impl Round {
    fn new(start: Instant) -> Self {
        Self { start, least_rtt: None, acked: 0, lost: 0, used: false }
    }
}

impl Window {
    /// A window for packets of `mtu` bytes.
    pub fn new(now: Instant, mtu: u16) -> Self {
        Self {
            mtu: mtu.into(),
            bytes: INITIAL_PACKETS * u64::from(mtu),
            floor: 0,
            slow_start: true,
            standing: None,
            base: VecDeque::new(),
            round: Round::new(now),
            past: VecDeque::new(),
            least: VecDeque::new(),
            unsteady: Unsteady::default(),
            coupling: Coupling::default(),
            ran_over: None,
        }
    }

    /// Bytes that may be on their way: of pictures, for sound has [`Self::room`] beyond them.
    pub fn bytes(&self) -> u64 {
        if self.floor > 0 { self.bytes.clamp(self.floor, 2 * self.floor) } else { self.bytes }
    }

    /// Bytes that may be on their way beyond the window: sound does not wait for pictures that are.
    pub fn room(&self) -> u64 {
        (self.bytes() / ROOM_SHARE).max(ROOM)
    }

    /// Whoever paces what is sent has found that so many bytes may be on their way, whatever the queue, and twice as many at
    /// most: 0 for nobody.
    pub fn set_floor(&mut self, bytes: u64) {
        self.floor = bytes.min(MAX_BYTES);
    }

    /// What the last round trip showed.
    pub fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// The window at the start, bytes.
    pub fn initial_bytes(&self) -> u64 {
        INITIAL_PACKETS * self.mtu
    }

    /// Delay that comes and goes does so with what is sent: a queue of ours, and no jitter.
    pub fn is_ours(&self) -> bool {
        self.coupling.is_ours()
    }

    /// So many bytes are on their way, as the transport counts, which knows what is not acknowledged.
    pub fn on_flight(&mut self, bytes: u64) {
        self.coupling.set_in_flight(bytes);
    }

    /// The path takes larger or smaller packets.
    pub fn set_mtu(&mut self, mtu: u16) {
        self.mtu = mtu.into();
        self.bytes = self.bytes.max(MIN_PACKETS * self.mtu);
    }

    /// So many bytes are on their way.
    pub fn on_sent(&mut self, now: Instant, bytes: u64) {
        self.coupling.sent(now, bytes);
    }

    /// `bytes` sent at `sent` have arrived. `limited` says that the window, not the sender, held back, where more is on its way than
    /// the window itself tells.
    pub fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, limited: bool) {
        let rtt = now.saturating_duration_since(sent);
        let limited = limited || self.coupling.in_flight() + self.mtu >= self.bytes();
        self.coupling.left(bytes);
        self.coupling.arrived(now, sent);
        while self.base.back().is_some_and(|(_, least)| *least >= rtt) {
            self.base.pop_back();
        }
        self.base.push_back((now, rtt));
        while self.base.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > BASE_MEMORY) {
            self.base.pop_front();
        }
        self.round.least_rtt = Some(self.round.least_rtt.map_or(rtt, |least| least.min(rtt)));
        self.round.acked += bytes;
        self.round.used |= limited;
        if self.slow_start && limited {
            self.bytes = (self.bytes + bytes).min(MAX_BYTES);
        }
        if now.saturating_duration_since(self.round.start) >= rtt.max(Duration::from_millis(20)) {
            self.end_round(now);
        }
    }

    /// `bytes` were lost; `persistent` as in RFC 9002 section 7.6.
    pub fn on_loss(&mut self, now: Instant, bytes: u64, persistent: bool) {
        self.coupling.left(bytes);
        if persistent {
            self.bytes = MIN_PACKETS * self.mtu;
            self.slow_start = true;
            self.past.clear();
            self.round = Round::new(now);
            return;
        }
        self.round.lost += bytes;
    }

    fn end_round(&mut self, now: Instant) {
        let round = std::mem::replace(&mut self.round, Round::new(now));
        self.past.push_back((now, round.acked, round.lost));
        while self.past.front().is_some_and(|(at, ..)| now.saturating_duration_since(*at) > LOSS_MEMORY) {
            self.past.pop_front();
        }
        let (acked, lost) = self.of_late();
        if share(acked, lost) > RUNS_OVER {
            self.ran_over = Some(now);
        }
        let rtt = round.least_rtt.map(|least| self.steady(now, least));
        self.standing = self.base().zip(rtt).map(|(base, rtt)| {
            let took = now.saturating_duration_since(round.start).as_secs_f64().max(1e-3);
            let delivered_bps = (round.acked as f64 * 8.0 / took) as u64;
            Standing { at: now, queue: rtt.saturating_sub(base), delivered_bps }
        });
        let limit = QUEUE_LIMIT + 2 * self.jitter(now);
        let queued = self.standing.is_some_and(|standing| standing.queue > limit);
        if queued || self.heavy_loss(&round) {
            self.slow_start = false;
            // With a queue the least is what audio needs on a path of this length.
            let seconds = self.base().filter(|_| queued).map_or(1.0, |base| base.as_secs_f64());
            let least = ((MIN_PACKETS as f64 * seconds) as u64).clamp(MIN_QUEUED, MIN_PACKETS) * self.mtu;
            // What the path carries in a round trip without its queue: the queue drains, and the base RTT shows again.
            let base = self.base().zip(rtt).map_or(1.0, |(base, rtt)| base.as_secs_f64() / rtt.as_secs_f64().max(1e-6));
            let kept = (round.acked as f64 * base * BACK_OFF) as u64;
            self.bytes = kept.min(self.bytes).max(self.bytes / 2).max(least);
        } else if !self.slow_start && round.used {
            self.bytes = (self.bytes + (2 * self.mtu).min(self.bytes / GROWTH_SHARE)).min(MAX_BYTES);
        }
    }

    /// The least RTT of this round, or of some more where jitter is large.
    fn steady(&mut self, now: Instant, least: Duration) -> Duration {
        self.unsteady.add(least, QUEUE_LIMIT);
        self.least.push_back((now, least));
        while self.least.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > STANDS) {
            self.least.pop_front();
        }
        let of_late = self.least.iter().map(|(_, least)| *least).min();
        of_late.filter(|_| self.jitter(now) > Duration::ZERO).unwrap_or(least)
    }

    /// What comes and goes, where that is much.
    fn jitter(&self, now: Instant) -> Duration {
        let runs_over = self.ran_over.is_some_and(|at| now.saturating_duration_since(at) < RAN_OVER);
        Some(self.unsteady.off())
            .filter(|off| *off > UNSTEADY && !runs_over && !self.coupling.is_ours())
            .unwrap_or_default()
    }

    /// The smallest RTT of late: the path without a queue.
    pub fn base(&self) -> Option<Duration> {
        self.base.front().map(|(_, least)| *least)
    }

    fn heavy_loss(&self, round: &Round) -> bool {
        let (acked, lost) = self.of_late();
        lost >= 8 * self.mtu && share(acked, lost) > LOSS_LIMIT && share(round.acked, round.lost) > LOSS_LIMIT
    }

    /// What was acknowledged and lost within [`LOSS_MEMORY`].
    fn of_late(&self) -> (u64, u64) {
        self.past.iter().fold((0, 0), |(acked, lost), past| (acked + past.1, lost + past.2))
    }
}

/// The share that was lost.
fn share(acked: u64, lost: u64) -> f64 {
    lost as f64 / (acked + lost).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `seconds` of a sender that fills its window over a path of `rtt` that loses every `lose`-th packet
    /// (0: none) and, with `rate` bytes a second, queues. Returns the window at the end.
    fn play(window: &mut Window, start: Instant, seconds: f64, rtt: f64, lose: u64, rate: f64) -> u64 {
        let (mut at, mut count, mut free) = (0.0, 0u64, 0.0f64);
        while at < seconds {
            // One packet each time the window allows: the window divided over the round trip.
            let queue = (free - at).max(0.0);
            at += 1200.0 / (window.bytes() as f64 / (rtt + queue));
            count += 1;
            free = free.max(at) + 1200.0 / rate;
            let sent = start + Duration::from_secs_f64(at);
            let acked = sent + Duration::from_secs_f64(rtt + (free - at));
            if lose > 0 && count % lose == 0 {
                window.on_loss(acked, 1200, false);
            } else {
                window.on_ack(acked, sent, 1200, true);
            }
        }
        window.bytes()
    }

    #[test]
    fn isolated_loss_does_not_shrink_the_window() {
        let start = crate::clock::now();
        let mut window = Window::new(start, 1200);
        let bytes = play(&mut window, start, 10.0, 0.17, 50, 1e9);
        assert!(bytes as f64 * 8.0 / 0.17 > 3e6, "{bytes} bytes at 170 ms are less than twice a call");
    }

    #[test]
    fn heavy_loss_shrinks_it_to_the_least() {
        let start = crate::clock::now();
        let mut window = Window::new(start, 1200);
        assert_eq!(play(&mut window, start, 10.0, 0.17, 3, 1e9), MIN_PACKETS * 1200);
    }

    /// 80 ms to either side on each way, another figure every 60 ms.
    #[test]
    fn jitter_of_any_size_is_no_standing_queue() {
        let start = crate::clock::now();
        let (mut window, mut random, mut jitter) = (Window::new(start, 1200), 1u64, 0);
        for n in 0..3000u32 {
            if n % 6 == 0 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                jitter = (random >> 33) % 160 + (random >> 40) % 160;
            }
            let sent = start + Duration::from_millis(10) * n;
            window.on_ack(sent + Duration::from_millis(40 + jitter), sent, 1200, true);
        }
        let bps = window.bytes() as f64 * 8.0 / 0.2;
        assert!(bps > 1e6, "{bps} on a path that carries everything");
    }

    /// A queue of pictures that swings between 20 and 280 ms, and runs over or not.
    #[test]
    fn what_comes_and_goes_and_loses_is_a_queue() {
        let kept = |lost_of_ten: u64| {
            let start = crate::clock::now();
            let mut window = Window::new(start, 1200);
            for n in 0..3000u64 {
                let at = start + Duration::from_millis(10) * n as u32;
                let queue = Duration::from_millis(if n % 60 < 30 { 20 } else { 280 });
                if n % 10 < lost_of_ten {
                    window.on_loss(at, 1200, false);
                } else {
                    window.on_ack(at + Duration::from_millis(40) + queue, at, 1200, true);
                }
            }
            window.bytes()
        };
        let (with_loss, without) = (kept(1), kept(0));
        assert!(with_loss * 3 < without, "{with_loss} where it runs over, {without} where it does not");
    }

    #[test]
    fn a_standing_queue_is_kept_short() {
        let start = crate::clock::now();
        let mut window = Window::new(start, 1200);
        let rate = 125_000.0;
        let bytes = play(&mut window, start, 30.0, 0.05, 0, rate);
        let queue_ms = (bytes as f64 / rate - 0.05) * 1000.0;
        assert!(queue_ms < 160.0, "{queue_ms} ms of queue on a megabit");
        assert!(bytes as f64 >= rate * 0.05, "{bytes} bytes leave the path idle");
    }

    #[test]
    fn persistent_congestion_starts_over() {
        let start = crate::clock::now();
        let mut window = Window::new(start, 1200);
        play(&mut window, start, 5.0, 0.17, 0, 1e9);
        window.on_loss(start + Duration::from_secs(6), 1200, true);
        assert_eq!(window.bytes(), MIN_PACKETS * 1200);
        assert!(play(&mut window, start + Duration::from_secs(6), 5.0, 0.17, 0, 1e9) > 100_000);
    }

    #[test]
    fn a_sender_with_little_to_say_keeps_its_window() {
        let start = crate::clock::now();
        let mut window = Window::new(start, 1200);
        for n in 0..500 {
            let sent = start + Duration::from_millis(n * 20);
            window.on_ack(sent + Duration::from_millis(170), sent, 130, false);
        }
        assert_eq!(window.bytes(), window.initial_bytes());
    }
}
