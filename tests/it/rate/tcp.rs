//! A TCP flow with CUBIC (RFC 9438) and selective acknowledgements, without its handshake: what is lost is sent again as new.

use std::collections::BTreeMap;

use nearcall::election::Rng;

use super::world::{Arrived, Cargo, MS, Out, SECOND, Us};

const PACKET: u32 = 1500;
const BETA: f64 = 0.7;
const C: f64 = 0.4;
const RTO: Us = SECOND;
/// Acknowledged that late, a packet counts as lost.
const REORDERING: u64 = 3;

const START: u32 = 0;
const ON_TICK: u32 = 1;
const NEXT: u32 = 2;

pub struct Tcp {
    window: f64,
    threshold: f64,
    most: f64,
    epoch: Option<Us>,
    srtt: f64,
    next: u64,
    recover: u64,
    out: BTreeMap<u64, Us>,
    heard: Us,
    stop: Us,
    short: Option<Short>,
    /// Packets to be sent.
    left: u64,
    resting: bool,
    pub arrived: Arrived,
}

/// Files of so many bytes, one after another with rests of an exponential distribution between them.
#[derive(Debug, Clone, Copy)]
pub struct Short {
    pub bytes: (f64, f64),
    pub rest: Us,
}

impl Tcp {
    /// `None`: one file that never ends.
    pub fn new(stop: Us, short: Option<Short>) -> Self {
        Self {
            window: 10.0,
            threshold: f64::INFINITY,
            most: 0.0,
            epoch: None,
            srtt: 0.1,
            next: 0,
            recover: 0,
            out: BTreeMap::new(),
            heard: 0,
            stop,
            short,
            left: if short.is_some() { 0 } else { u64::MAX },
            resting: false,
            arrived: Arrived::default(),
        }
    }

    pub fn timer(&mut self, now: Us, timer: u32, rng: &mut Rng, out: &mut Out) {
        if now >= self.stop {
            return;
        }
        match timer {
            START | ON_TICK => {
                out.timers.push((now + 100 * MS, ON_TICK));
                self.check(now);
                if let Some(Short { rest, .. }) = self.short.filter(|_| !self.resting)
                    && self.left == 0
                    && self.out.is_empty()
                {
                    self.resting = true;
                    out.timers.push((now + (-(1.0 - rng.unit()).ln() * rest as f64) as Us, NEXT));
                }
            }
            NEXT => {
                let Some(Short { bytes, .. }) = self.short else { return };
                // A new connection each time.
                (self.window, self.threshold, self.epoch, self.resting) = (10.0, f64::INFINITY, None, false);
                self.left = ((bytes.0 + (bytes.1 - bytes.0) * rng.unit()) / f64::from(PACKET)).ceil() as u64;
                self.heard = now;
            }
            other => panic!("no timer {other}"),
        }
        self.send(now, out);
    }

    fn check(&mut self, now: Us) {
        if !self.out.is_empty() && now > self.heard + RTO {
            let lost = std::mem::take(&mut self.out).len() as u64;
            self.left = self.left.saturating_add(lost);
            self.threshold = (self.window / 2.0).max(2.0);
            (self.window, self.epoch, self.heard) = (2.0, None, now);
        }
    }

    fn send(&mut self, now: Us, out: &mut Out) {
        while self.left > 0 && (self.out.len() as f64) < self.window.floor() && now < self.stop {
            self.left -= 1;
            self.out.insert(self.next, now);
            out.send(PACKET, Cargo::Data(self.next));
            self.next += 1;
        }
    }

    pub fn arrives(&mut self, now: Us, cargo: Cargo, out: &mut Out) {
        match cargo {
            Cargo::Data(number) => {
                self.arrived.add(now, PACKET);
                out.answer(52, Cargo::Acks(vec![number]));
            }
            Cargo::Acks(numbers) => {
                numbers.into_iter().for_each(|number| self.acknowledged(now, number));
                self.send(now, out);
            }
            _ => {}
        }
    }

    fn acknowledged(&mut self, now: Us, number: u64) {
        let Some(sent) = self.out.remove(&number) else { return };
        self.heard = now;
        let rtt = (now - sent) as f64 / SECOND as f64;
        self.srtt += (rtt - self.srtt) / 8.0;
        let lost: Vec<u64> = self.out.keys().take_while(|other| **other + REORDERING <= number).copied().collect();
        for gone in &lost {
            self.out.remove(gone);
            self.left = self.left.saturating_add(1);
        }
        if lost.iter().any(|gone| *gone >= self.recover) {
            self.recover = self.next;
            self.most = if self.window < self.most { self.window * (1.0 + BETA) / 2.0 } else { self.window };
            self.window = (self.window * BETA).max(2.0);
            self.threshold = self.window;
            self.epoch = None;
        } else if self.window < self.threshold {
            self.window += 1.0;
        } else {
            self.grow(now);
        }
    }

    fn grow(&mut self, now: Us) {
        let epoch = *self.epoch.get_or_insert(now);
        let t = (now - epoch) as f64 / SECOND as f64;
        let k = (self.most * (1.0 - BETA) / C).cbrt();
        let cubic = C * (t + self.srtt - k).powi(3) + self.most;
        let friendly = self.most * BETA + 3.0 * (1.0 - BETA) / (1.0 + BETA) * t / self.srtt;
        let wanted = cubic.max(friendly).min(self.window * 1.5);
        self.window += (wanted - self.window).max(0.01) / self.window;
    }
}
