//! How often a client may do what. Used by `session` alone, which says what becomes of a client that does more.

use std::time::Instant;

use crate::rate::Bucket;
use crate::relay::limits::Limits;

/// Control messages a second that a client may send, and at once: far above what a call needs.
const CONTROL_RATE: (u32, u32) = (100, 400);
/// Probes a second: 20 Hz on a link in doubt, and the race.
const PROBE_RATE: (u32, u32) = (100, 200);
/// Reports of an election, one in 5 s, and at once: after a race and some moves. Those beyond it are not read.
const REPORT_RATE: (f64, u32) = (0.2, 6);
/// Media beyond the rate is dropped, and whoever goes on with it for so long, s, is refused.
const OVERDONE: u32 = 5;

/// What one session has left of everything.
#[derive(Debug)]
pub struct Pace {
    pub control: Bucket,
    pub probes: Bucket,
    pub reports: Bucket,
    pub joins: Bucket,
    /// Sealed messages to everybody.
    pub sealed: Bucket,
    packets: Bucket,
    bytes: Bucket,
    dropped: Bucket,
}

/// What becomes of a media packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    Taken,
    /// It is too much.
    Dropped,
    /// It is too much, and has been for long.
    Endless,
}

impl Pace {
    pub fn new(now: Instant, limits: &Limits) -> Self {
        let Limits { media_packets: packets, media_bytes: bytes, joins_per_minute: joins, sealed, .. } = *limits;
        Self {
            control: Bucket::new(now, CONTROL_RATE.0, CONTROL_RATE.1),
            probes: Bucket::new(now, PROBE_RATE.0, PROBE_RATE.1),
            reports: Bucket::new(now, REPORT_RATE.0, REPORT_RATE.1),
            joins: Bucket::new(now, f64::from(joins) / 60.0, joins),
            sealed: Bucket::new(now, sealed, sealed.saturating_mul(5)),
            packets: Bucket::new(now, packets, packets.saturating_mul(2)),
            // A key frame of every layer at once.
            bytes: Bucket::new(now, bytes, bytes.saturating_mul(2)),
            dropped: Bucket::new(now, packets / 10, packets.saturating_mul(OVERDONE)),
        }
    }

    /// A media packet of so many bytes comes.
    pub fn media(&mut self, now: Instant, bytes: usize) -> Media {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.packets.take(now) && self.bytes.take_many(now, bytes) {
            Media::Taken
        } else if self.dropped.take(now) {
            Media::Dropped
        } else {
            Media::Endless
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn media_at_twice_the_rate_is_halved_and_then_too_much() {
        let limits = Limits { media_packets: 100, media_bytes: 1_000_000, ..Limits::default() };
        let start = clock::now();
        let mut pace = Pace::new(start, &limits);
        let mut seen = Vec::new();
        for number in 0..2000 {
            seen.push(pace.media(start + Duration::from_millis(5 * number), 100));
        }
        let endless = seen.iter().position(|it| *it == Media::Endless).expect("it is never too much");
        let dropped = seen[..endless].iter().filter(|it| **it == Media::Dropped).count();
        assert!((500..600).contains(&dropped), "{dropped}");
        // What comes at the rate is never touched.
        let mut pace = Pace::new(start, &limits);
        assert!((0..2000).all(|n| pace.media(start + Duration::from_millis(10 * n), 9_000) == Media::Taken));
    }
}
