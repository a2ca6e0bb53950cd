//! How much of everything a relay takes, and a count of what was beyond it.
//!
//! Each limit is far above what a call needs, and below what one stranger could do harm with. `session`, `accept` and `rooms` ask.

mod addresses;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use self::addresses::{Addresses, Knock, Visitor};
pub use crate::rate::Bucket;

/// What a relay takes from whoever comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections with a finished handshake, calls and idle candidates together.
    pub connections: usize,
    /// Sessions that have joined a room, standbys included.
    pub sessions: usize,
    /// From this load on, per cent of any limit, newcomers are sent elsewhere.
    pub full_percent: u8,
    /// What the machine's network carries towards clients, Mbit/s; `None`: it is not what runs out.
    pub capacity_mbps: Option<u32>,
    /// Connections in handshake; beyond it newcomers are turned away at once.
    pub half_open: usize,
    /// Connections from one address (IPv6: one /64), half of all by default: nobody fills a relay alone, and an office of some
    /// hundred people behind one address, each with two connections while it chooses, gets in.
    pub connections_per_address: usize,
    /// New connections a second from one address; [`Limits::BURST`] seconds of them at once, for a lesson begins at the full hour.
    pub new_connections_per_address: u32,
    /// Probes a second from one address that are answered: a few hundred people who choose at the same moment.
    pub probes_per_address: u32,
    /// TLS and HTTP handshakes together.
    pub handshake: Duration,
    /// Until the first probe or Hello.
    pub first_word: Duration,
    /// Between two probes of a connection that has not joined.
    pub idle: Duration,
    /// Without a word, probes included, of a session that has joined over WebSocket: its link is dead. QUIC knows by itself.
    pub silent: Duration,
    /// Rooms with somebody of this relay in them, or waited for.
    pub rooms: usize,
    /// How often a session may join, a minute: a client joins once, and once more when what it shows of itself changes.
    pub joins_per_minute: u32,
    /// Audio packets and video frames a second of one session: three sizes and a screen at 60 frames, and sound twice, are 340.
    pub media_packets: u32,
    /// Bytes a second of audio and video of one session: a call sends a few Mbit/s, a key frame of everything at once some MB.
    pub media_bytes: u32,
    /// Sealed messages to everybody, a second, of one session: each goes to every member.
    pub sealed: u32,
}

impl Limits {
    /// Seconds' worth of new connections that may come at once.
    pub const BURST: u32 = 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            sessions: 4096,
            full_percent: 90,
            capacity_mbps: None,
            half_open: 256,
            connections_per_address: 2048,
            new_connections_per_address: 100,
            probes_per_address: 5000,
            handshake: Duration::from_secs(5),
            first_word: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            silent: Duration::from_secs(30),
            rooms: 4096,
            joins_per_minute: 60,
            media_packets: 1500,
            media_bytes: 6_000_000,
            sealed: 20,
        }
    }
}

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Connections,
    ConnectionsOfAddress,
    NewConnectionsOfAddress,
    Probes,
    Messages,
    Rooms,
    Joins,
    Media,
    Sealed,
}

impl Limit {
    pub const ALL: [Self; 9] = [
        Self::Connections,
        Self::ConnectionsOfAddress,
        Self::NewConnectionsOfAddress,
        Self::Probes,
        Self::Messages,
        Self::Rooms,
        Self::Joins,
        Self::Media,
        Self::Sealed,
    ];

    /// For a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsOfAddress => "connections_of_address",
            Self::NewConnectionsOfAddress => "new_connections_of_address",
            Self::Probes => "probes",
            Self::Messages => "messages",
            Self::Rooms => "rooms",
            Self::Joins => "joins",
            Self::Media => "media",
            Self::Sealed => "sealed",
        }
    }
}

/// How often each limit was met since the start.
#[derive(Debug, Default)]
pub struct Met([AtomicU64; Limit::ALL.len()]);

impl Met {
    pub fn count(&self, limit: Limit) {
        self.0[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn times(&self, limit: Limit) -> u64 {
        self.0[limit as usize].load(Ordering::Relaxed)
    }
}
