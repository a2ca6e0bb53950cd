//! The file's table `[limits]`: which of [`Limits`] an operator may set, and within what.

use std::time::Duration;

use super::file::{Found, Key};
use crate::relay::limits::Limits;

/// A key for each limit; durations and counts within what can be meant.
pub(super) const KEYS: &[Key<Limits>] = &[
    Key { name: "connections", take: |limits, found| count(&mut limits.connections, found) },
    Key { name: "half_open", take: |limits, found| count(&mut limits.half_open, found) },
    Key { name: "handshake", take: |limits, found| time(&mut limits.handshake, found) },
    Key { name: "first_word", take: |limits, found| time(&mut limits.first_word, found) },
    Key { name: "idle", take: |limits, found| time(&mut limits.idle, found) },
    Key { name: "silent", take: |limits, found| time(&mut limits.silent, found) },
];

fn count(limit: &mut usize, found: &mut Found<'_, '_>) {
    *limit = found.within(&(1..=10_000_000), "a whole number from 1 to 10000000").unwrap_or(*limit);
}

fn time(limit: &mut Duration, found: &mut Found<'_, '_>) {
    let range = Duration::from_millis(100)..=Duration::from_secs(3600);
    *limit = found.within(&range, "from \"100ms\" to \"1h\"").unwrap_or(*limit);
}
