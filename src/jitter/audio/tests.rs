//! A sender, a network that delays, drops and repeats, and a listener, in virtual time.

mod anything;
mod delay;
mod loss;
mod path;
mod sender;

use std::time::Duration;

use super::*;

/// A hybrid Opus packet with LBRR, as far as its first two bytes go, that carries its number.
fn packet(number: u32, capture_us: u64) -> AudioIn {
    let mut payload = vec![0x78, 0xC0];
    payload.extend(number.to_be_bytes());
    AudioIn { number, capture_us, dtx: false, payload: payload.into() }
}

fn number_of(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[2..6].try_into().unwrap())
}

/// The sender's packet of that index: 20 ms each from an arbitrary capture time on.
fn nth(index: u64) -> AudioIn {
    packet(index as u32, 7_000_000 + index * 20_000)
}

/// A listener, as the mixer is one: 20 ms at a time, with what is left of a frame kept for the next.
struct Room {
    buffer: AudioBuffer,
    base: Instant,
    /// Arrival in µs and packet.
    wire: Vec<(u64, AudioIn)>,
    /// Moment of the next tick, µs.
    next_tick: u64,
    /// Decoded and not played, µs.
    ahead: i64,
    /// A splice is a multiple of this, µs; 0 where the sound has no place for one unless it must be.
    period: i64,
    /// When what was pulled begins to be played, µs.
    log: Vec<(u64, Pull)>,
}

impl Room {
    fn new(phase_us: u64) -> Self {
        let buffer = AudioBuffer::new(AudioConfig::default());
        let base = crate::clock::now();
        Self { buffer, base, wire: Vec::new(), next_tick: phase_us, ahead: 0, period: 5_000, log: Vec::new() }
    }

    fn send(&mut self, at_us: u64, packet: AudioIn) {
        self.wire.push((at_us, packet));
    }

    /// Pushes and pulls in order of time until `until_us`.
    fn run(&mut self, until_us: u64) {
        self.wire.sort_by_key(|(at, _)| *at);
        let mut wire = std::mem::take(&mut self.wire).into_iter().peekable();
        while self.next_tick < until_us {
            while let Some((at, packet)) = wire.next_if(|(at, _)| *at <= self.next_tick) {
                self.buffer.push(self.base + Duration::from_micros(at), packet);
            }
            while self.ahead < 20_000 {
                self.pull();
            }
            self.ahead -= 20_000;
            self.next_tick += 20_000;
        }
        self.wire = wire.collect();
    }

    fn pull(&mut self) {
        let pull = self.buffer.pull(self.base + Duration::from_micros(self.next_tick), self.ahead as u64);
        let begins = self.next_tick + self.ahead as u64;
        self.ahead = match &pull {
            Pull::Silence => 20_000,
            Pull::Stretch(_, stretch) => self.ahead + 20_000 + self.spliced(*stretch),
            _ => self.ahead + 20_000,
        };
        self.log.push((begins, pull));
    }

    fn spliced(&mut self, stretch: Stretch) -> i64 {
        let period = match (self.period, stretch.haste) {
            (0, Haste::Now) => 5_000,
            (period, _) => period,
        };
        let periods = stretch.by_us.abs().min(15_000).checked_div(period).unwrap_or(0);
        let by = match stretch.by_us {
            1.. => periods.max(1) * period,
            _ => -periods * period,
        };
        self.buffer.stretched(by);
        by
    }

    /// Every number whose audio was played, in order.
    fn played(&self) -> Vec<u32> {
        let numbers = self.log.iter().filter_map(|(_, pull)| match pull {
            Pull::Packet(payload) | Pull::Stretch(payload, _) => Some(number_of(payload)),
            _ => None,
        });
        numbers.collect()
    }

    fn count(&self, wanted: &Pull) -> usize {
        self.log.iter().filter(|(_, pull)| pull == wanted).count()
    }

    /// Delay of the last packet played, against a sender of [`nth`] without network, ms.
    fn last_delay_ms(&self) -> f64 {
        let last = self.log.iter().rev().find_map(|(at, pull)| match pull {
            Pull::Packet(payload) | Pull::Stretch(payload, _) => {
                Some(*at as f64 / 1000.0 - f64::from(number_of(payload)) * 20.0)
            }
            _ => None,
        });
        last.unwrap()
    }
}

fn ascending(numbers: &[u32]) -> bool {
    numbers.is_sorted_by(|a, b| a < b)
}
