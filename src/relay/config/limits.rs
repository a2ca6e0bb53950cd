//! The file's table `[limits]`: which of [`Limits`] an operator may set, and within what.

use std::time::Duration;

use super::file::{Found, Key};
use crate::relay::limits::Limits;

/// A key for each limit; durations and counts within what can be meant.
pub(super) const KEYS: &[Key<Limits>] = &[
    Key { name: "connections", take: |limits, found| count(&mut limits.connections, found) },
    Key { name: "sessions", take: |limits, found| count(&mut limits.sessions, found) },
    Key { name: "rooms", take: |limits, found| count(&mut limits.rooms, found) },
    Key { name: "full_percent", take: |limits, found| percent(&mut limits.full_percent, found) },
    Key { name: "capacity_mbps", take: |limits, found| limits.capacity_mbps = capacity(found) },
    Key { name: "half_open", take: |limits, found| count(&mut limits.half_open, found) },
    Key { name: "connections_per_address", take: |limits, found| count(&mut limits.connections_per_address, found) },
    Key {
        name: "new_connections_per_address",
        take: |limits, found| rate(&mut limits.new_connections_per_address, found),
    },
    Key { name: "probes_per_address", take: |limits, found| rate(&mut limits.probes_per_address, found) },
    Key { name: "handshake", take: |limits, found| time(&mut limits.handshake, found) },
    Key { name: "first_word", take: |limits, found| time(&mut limits.first_word, found) },
    Key { name: "idle", take: |limits, found| time(&mut limits.idle, found) },
    Key { name: "silent", take: |limits, found| time(&mut limits.silent, found) },
    Key { name: "joins_per_minute", take: |limits, found| rate(&mut limits.joins_per_minute, found) },
    Key { name: "media_packets", take: |limits, found| rate(&mut limits.media_packets, found) },
    Key { name: "media_bytes", take: |limits, found| rate(&mut limits.media_bytes, found) },
    Key { name: "sealed", take: |limits, found| rate(&mut limits.sealed, found) },
];

fn count(limit: &mut usize, found: &mut Found<'_, '_>) {
    *limit = found.within(&(1..=10_000_000), "a whole number from 1 to 10000000").unwrap_or(*limit);
}

fn rate(limit: &mut u32, found: &mut Found<'_, '_>) {
    *limit = found.within(&(1..=100_000_000), "a whole number from 1 to 100000000").unwrap_or(*limit);
}

fn percent(limit: &mut u8, found: &mut Found<'_, '_>) {
    *limit = found.within(&(1..=100), "from 1 to 100").unwrap_or(*limit);
}

fn capacity(found: &mut Found<'_, '_>) -> Option<u32> {
    found.within(&(1..=10_000_000), "Mbit/s, from 1 to 10000000")
}

fn time(limit: &mut Duration, found: &mut Found<'_, '_>) {
    let range = Duration::from_millis(100)..=Duration::from_secs(3600);
    *limit = found.within(&range, "from \"100ms\" to \"1h\"").unwrap_or(*limit);
}
