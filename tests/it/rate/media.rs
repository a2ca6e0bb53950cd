//! A sender of sound and pictures as ours: an encoder that follows late, our own queue, QUIC's window and acknowledgements, probes;
//! and its receiver.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use nearcall::election::Rng;
use nearcall::rate::{Estimator, Limits, Window};

use super::world::{Arrived, Cargo, MS, Out, SECOND, Us};

const TICK: Us = 100 * MS;
const FRAME: Us = SECOND / 30;
const AUDIO: Us = 20 * MS;
const PROBE: Us = 200 * MS;
/// A packet of sound with all its heads.
const AUDIO_BYTES: u32 = 170;
const PACKET: u32 = 1200;
/// UDP and IP below what QUIC counts.
const HEADS: u32 = 28;
const ACK_EVERY: usize = 12;
const ACK_DELAY: Us = 25 * MS;
/// The encoder follows so much later.
const LAG: Us = 200 * MS;
const LATE: Us = 500 * MS;
const LOST: Us = 3 * SECOND;
/// A key frame is so much larger.
const KEY: u32 = 6;

const START: u32 = 0;
const ON_FRAME: u32 = 1;
const ON_AUDIO: u32 = 2;
const ON_PROBE: u32 = 3;
const ON_TICK: u32 = 4;
const ON_ACK: u32 = 5;

/// Marks sound among the numbers of frames.
const SOUND: u64 = u64::MAX;

/// A packet that is not acknowledged.
#[derive(Clone, Copy)]
struct OnWay {
    sent: Us,
    bytes: u32,
    /// When the sound in it was made.
    spoken: Option<Us>,
}

pub struct Media {
    epoch: Instant,
    estimator: Estimator,
    window: Window,
    /// Of sound and pictures together, bits a second.
    bounds: (u64, u64),
    stop: Us,
    /// No pictures from, until.
    pub pause: Option<(Us, Us)>,
    /// Probes say nothing of their ways: an old relay.
    pub blind: bool,
    /// A relay's: pictures come as they are, from when on so many bits a second, and nothing is estimated.
    pub relayed: Vec<(Us, u64)>,
    /// A key frame each so often.
    pub keys: Option<Us>,
    targets: VecDeque<(Us, u64)>,
    waiting: VecDeque<(Us, u32, u64)>,
    /// Bytes on their way, and those of pictures among them.
    in_flight: u64,
    pictures: u64,
    next: u64,
    frame: u64,
    key: Us,
    out: BTreeMap<u64, OnWay>,
    /// Of each packet of sound when it arrived, and how long after it was made, ms.
    pub heard_ms: Vec<(Us, f64)>,
    pub unheard: u64,
    /// The receiver's: what is to be acknowledged.
    unanswered: Vec<u64>,
    pub arrived: Arrived,
    /// In the bottleneck's queue, each packet.
    pub queued_ms: Vec<f64>,
    pub lost: u64,
    pub late: u64,
    pub sent: u64,
}

impl Media {
    pub fn new(epoch: Instant, stop: Us) -> Self {
        let bounds = (150_000, 1_500_000);
        let limits = Limits { start_bps: 300_000, most_bps: bounds.1 * 11 / 10, ..Limits::default() };
        Self {
            epoch,
            estimator: Estimator::new(epoch, limits),
            window: Window::new(epoch, PACKET as u16),
            bounds,
            stop,
            pause: None,
            blind: false,
            relayed: Vec::new(),
            keys: None,
            key: 0,
            targets: VecDeque::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            pictures: 0,
            next: 0,
            frame: 0,
            out: BTreeMap::new(),
            heard_ms: Vec::new(),
            unheard: 0,
            unanswered: Vec::new(),
            arrived: Arrived::default(),
            queued_ms: Vec::new(),
            lost: 0,
            late: 0,
            sent: 0,
        }
    }

    fn instant(&self, at: Us) -> Instant {
        self.epoch + Duration::from_micros(at)
    }

    pub fn timer(&mut self, now: Us, timer: u32, rng: &mut Rng, out: &mut Out) {
        if now >= self.stop {
            return;
        }
        match timer {
            START => {
                // Nobody begins in step with another.
                let mut soon = |period: Us| now + (rng.unit() * period as f64) as Us;
                let timers = [(FRAME, ON_FRAME), (AUDIO, ON_AUDIO), (PROBE, ON_PROBE), (TICK, ON_TICK)];
                out.timers.extend(timers.map(|(period, timer)| (soon(period), timer)));
            }
            ON_FRAME => {
                out.timers.push((now + FRAME, ON_FRAME));
                if self.pause.is_none_or(|(from, until)| now < from || now >= until) {
                    self.encode(now, rng);
                }
            }
            ON_AUDIO => {
                out.timers.push((now + AUDIO, ON_AUDIO));
                // Sound goes before pictures, and into the same window.
                self.waiting.push_front((now, AUDIO_BYTES, SOUND));
            }
            ON_PROBE => {
                out.timers.push((now + PROBE, ON_PROBE));
                probe(now, out);
            }
            ON_TICK => {
                out.timers.push((now + TICK, ON_TICK));
                self.tick(now, out);
            }
            ON_ACK => return self.acknowledge(out),
            other => panic!("no timer {other}"),
        }
        self.send(now, out);
    }

    fn encode(&mut self, now: Us, rng: &mut Rng) {
        while self.targets.len() > 1 && self.targets[1].0 + LAG <= now {
            self.targets.pop_front();
        }
        let target = self.targets.front().map_or(300_000, |(_, target)| *target).clamp(self.bounds.0, self.bounds.1);
        let target = self.relayed.iter().rev().find(|(from, _)| *from <= now).map_or(target, |(_, rate)| *rate);
        let audio = u64::from(AUDIO_BYTES) * 8 * SECOND / AUDIO;
        let rate = target.saturating_sub(audio).max(40_000) as f64;
        let mut bytes = (rate / 8.0 / 30.0 * (0.8 + 0.4 * rng.unit())) as u32;
        if self.keys.is_some_and(|period| now >= self.key + period) {
            (self.key, bytes) = (now, bytes * KEY);
        }
        self.frame += 1;
        while bytes > 0 {
            let packet = bytes.min(PACKET);
            bytes -= packet;
            self.waiting.push_back((now, packet.max(60), self.frame));
        }
    }

    fn tick(&mut self, now: Us, out: &mut Out) {
        let at = self.instant(now);
        // What is not acknowledged for so long is lost.
        let gone: Vec<u64> =
            self.out.iter().take_while(|(_, packet)| packet.sent + LOST < now).map(|(n, _)| *n).collect();
        gone.into_iter().for_each(|number| self.lose(now, number));
        let oldest = self.waiting.iter().map(|(since, ..)| *since).min();
        self.estimator.waiting(Duration::from_micros(oldest.map_or(0, |since| now - since)));
        self.estimator.told(self.window.is_ours());
        self.estimator.update(at);
        if self.relayed.is_empty() {
            self.window.set_floor(self.estimator.window_bytes());
        }
        let target = self.estimator.target_bps();
        self.targets.push_back((now, target));
        if self.estimator.wants_probe(at) {
            probe(now, out);
        }
    }

    fn send(&mut self, now: Us, out: &mut Out) {
        while let Some((since, _, frame)) = self.waiting.front().copied() {
            if frame == SOUND || since + LATE > now {
                break;
            }
            // The rest of the frame is worth nothing.
            let bytes: u32 = self.waiting.iter().filter(|(.., of)| *of == frame).map(|(_, bytes, _)| *bytes).sum();
            self.waiting.retain(|(.., of)| *of != frame);
            self.late += 1;
            self.estimator.lost(self.instant(now), bytes.into());
        }
        while let Some((since, bytes, frame)) = self.waiting.front().copied() {
            let spoken = (frame == SOUND).then_some(since);
            let (on_way, most) = match spoken {
                Some(_) => (self.in_flight, self.window.bytes() + self.window.room()),
                None => (self.pictures, self.window.bytes()),
            };
            if on_way + u64::from(bytes) > most {
                break;
            }
            self.waiting.pop_front();
            self.in_flight += u64::from(bytes);
            self.pictures += spoken.map_or(u64::from(bytes), |_| 0);
            self.out.insert(self.next, OnWay { sent: now, bytes, spoken });
            self.estimator.sent(self.instant(now), bytes.into());
            self.window.on_sent(self.instant(now), bytes.into());
            self.sent += 1;
            out.send(bytes + HEADS, Cargo::Data(self.next));
            self.next += 1;
        }
    }

    fn acknowledge(&mut self, out: &mut Out) {
        if !self.unanswered.is_empty() {
            out.answer(40 + HEADS, Cargo::Acks(std::mem::take(&mut self.unanswered)));
        }
    }

    pub fn arrives(&mut self, now: Us, cargo: Cargo, out: &mut Out) {
        match cargo {
            Cargo::Data(number) => {
                let packet = self.out.get(&number);
                self.arrived.add(now, packet.map_or(0, |packet| packet.bytes + HEADS));
                let spoken = packet.and_then(|packet| packet.spoken);
                self.heard_ms.extend(spoken.map(|spoken| (now, (now - spoken) as f64 / 1000.0)));
                if self.unanswered.is_empty() {
                    out.timers.push((now + ACK_DELAY, ON_ACK));
                }
                self.unanswered.push(number);
                if self.unanswered.len() >= ACK_EVERY {
                    self.acknowledge(out);
                }
            }
            Cargo::Probe(sent) => out.answer(60 + HEADS, Cargo::Answer(sent, now)),
            Cargo::Answer(sent, there) => {
                let at = self.instant(now);
                self.estimator.round_trip(at, Duration::from_micros(now - sent));
                if !self.blind {
                    // The other clock is a day ahead.
                    let there = there as i64 + 86_400_000_000;
                    self.estimator.delay().ways(at, there - sent as i64, now as i64 - there);
                }
            }
            Cargo::Acks(numbers) => self.acknowledged(now, &numbers, out),
        }
    }

    fn acknowledged(&mut self, now: Us, numbers: &[u64], out: &mut Out) {
        let at = self.instant(now);
        let limited = !self.waiting.is_empty();
        let mut newest = None;
        for number in numbers {
            let Some(OnWay { sent, bytes, .. }) = self.left(*number) else { continue };
            newest = newest.max(Some(sent));
            self.window.on_ack(at, self.instant(sent), bytes.into(), limited);
            self.estimator.delivered(at, bytes.into());
        }
        if let Some(sent) = newest {
            self.estimator.round_trip(at, Duration::from_micros(now - sent));
        }
        let largest = numbers.iter().max().copied().unwrap_or_default();
        let gone: Vec<u64> = self.out.keys().take_while(|number| **number + 3 <= largest).copied().collect();
        gone.into_iter().for_each(|number| self.lose(now, number));
        self.send(now, out);
    }

    /// A packet is on its way no more.
    fn left(&mut self, number: u64) -> Option<OnWay> {
        let packet = self.out.remove(&number)?;
        self.in_flight -= u64::from(packet.bytes);
        self.pictures -= packet.spoken.map_or(u64::from(packet.bytes), |_| 0);
        Some(packet)
    }

    fn lose(&mut self, now: Us, number: u64) {
        let at = self.instant(now);
        let Some(OnWay { bytes, spoken, .. }) = self.left(number) else { return };
        self.lost += 1;
        self.unheard += u64::from(spoken.is_some());
        self.window.on_loss(at, bytes.into(), false);
        self.estimator.lost(at, bytes.into());
    }

    /// Share of packets, %.
    pub fn loss(&self) -> f64 {
        100.0 * self.lost as f64 / self.sent.max(1) as f64
    }
}

fn probe(now: Us, out: &mut Out) {
    out.send(60 + HEADS, Cargo::Probe(now));
}
