//! How much of everything a relay takes.

use std::time::{Duration, Instant};

/// What a relay takes from whoever comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections with a finished handshake, calls and idle candidates together.
    pub connections: usize,
    /// Sessions that have joined a room, standbys included.
    pub sessions: usize,
    /// Rooms with somebody of this relay.
    pub rooms: usize,
    /// From this load on, per cent of any limit, newcomers are sent elsewhere.
    pub full_percent: u8,
    /// Whether the CPU time of the process counts as load: where the relay is all that the process does.
    pub cpu_counts: bool,
    /// What the machine's network carries towards clients, Mbit/s; `None`: it is not what runs out.
    pub capacity_mbps: Option<u32>,
    /// Connections in handshake; beyond it newcomers are turned away at once.
    pub half_open: usize,
    /// TLS and HTTP handshakes together.
    pub handshake: Duration,
    /// Until the first probe or Hello.
    pub first_word: Duration,
    /// Between two probes of a connection that has not joined.
    pub idle: Duration,
    /// Without a word, probes included, of a session that has joined over WebSocket: its link is dead. QUIC knows by itself.
    pub silent: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            sessions: 4096,
            rooms: 1024,
            full_percent: 90,
            cpu_counts: false,
            capacity_mbps: None,
            half_open: 256,
            handshake: Duration::from_secs(5),
            first_word: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            silent: Duration::from_secs(30),
        }
    }
}

/// A token bucket.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(now: Instant, per_second: impl Into<f64>, burst: u32) -> Self {
        Self { per_second: per_second.into(), burst: burst.into(), left: burst.into(), at: now }
    }

    /// Takes one; false when there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + passed * self.per_second).min(self.burst);
        let has = self.left >= 1.0;
        if has {
            self.left -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = clock::now();
        let mut bucket = Bucket::new(start, 10, 3);
        assert_eq!((0..5).filter(|_| bucket.take(start)).count(), 3);
        assert!(bucket.take(start + Duration::from_millis(100)));
        assert!(!bucket.take(start + Duration::from_millis(150)));
        assert_eq!((0..99).filter(|_| bucket.take(start + Duration::from_secs(60))).count(), 3);
    }
}
