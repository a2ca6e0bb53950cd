//! What comes from one address: connections, new ones, and probes. IPv6 counts by /64, for whoever has one has all of it.
//!
//! Asked by `accept` before anything is spent on a newcomer. Bounded: a stranger can write any sender on a UDP packet, so one that
//! has not shown that it gets our answers is remembered only while there is room, and never at the expense of those who have.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::{Bucket, Limits};
use crate::net::link::Allowance;

/// Addresses that are remembered at least; at most as many as there may be connections, twice.
const TABLE: usize = 16_384;
/// After this long without a connection an address has its full allowance again, and can be forgotten.
const REST: Duration = Duration::from_secs(Limits::BURST as u64 + 1);

/// The addresses that somebody came from lately.
#[derive(Debug)]
pub struct Addresses {
    limits: Limits,
    table: Mutex<BTreeMap<IpAddr, Entry>>,
}

#[derive(Debug)]
struct Entry {
    open: usize,
    /// New connections: those whose sender may be made up, and those whose sender is real. Made-up ones use up none of the others'.
    unproven: Bucket,
    proven: Bucket,
    probes: Arc<Allowance>,
    seen: Instant,
}

/// What becomes of a newcomer.
#[derive(Debug)]
pub enum Knock {
    In(Visitor),
    /// It is to show first that it gets what is sent to its address.
    Prove,
    /// Too many are open.
    TooMany,
    /// Too many came within a short time.
    TooFast,
}

/// A connection, counted at its address until this is dropped.
#[derive(Debug)]
pub struct Visitor {
    addresses: Arc<Addresses>,
    network: IpAddr,
    /// Probes that are answered, of all connections from there together.
    pub probes: Arc<Allowance>,
}

impl Drop for Visitor {
    fn drop(&mut self) {
        if let Some(entry) = self.addresses.lock().get_mut(&self.network) {
            entry.open -= 1;
        }
    }
}

impl Addresses {
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self { limits: limits.clone(), table: Mutex::default() })
    }

    /// Somebody comes from this address; `proven`: it was seen to get our answers.
    pub fn knock(self: &Arc<Self>, now: Instant, address: IpAddr, proven: bool) -> Knock {
        let network = network(address);
        let max = TABLE.max(2 * self.limits.connections);
        let mut table = self.lock();
        if !table.contains_key(&network) {
            if !proven && table.len() * 2 >= max {
                return Knock::Prove;
            }
            if table.len() >= max {
                make_room(&mut table, now);
            }
        }
        let entry = table.entry(network).or_insert_with(|| Entry::new(now, &self.limits));
        entry.seen = now;
        let bucket = if proven { &mut entry.proven } else { &mut entry.unproven };
        match bucket.take(now) {
            false if proven => return Knock::TooFast,
            false => return Knock::Prove,
            true => {}
        }
        if entry.open >= self.limits.connections_per_address {
            return if proven { Knock::TooMany } else { Knock::Prove };
        }
        entry.open += 1;
        Knock::In(Visitor { addresses: self.clone(), network, probes: entry.probes.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Entry>> {
        self.table.lock().expect("nobody panics while holding the addresses")
    }
}

impl Entry {
    fn new(now: Instant, limits: &Limits) -> Self {
        let new =
            || Bucket::new(now, limits.new_connections_per_address, limits.new_connections_per_address * Limits::BURST);
        let probes = Allowance::new(Bucket::new(now, limits.probes_per_address, limits.probes_per_address * 2));
        Self { open: 0, unproven: new(), proven: new(), probes: Arc::new(probes), seen: now }
    }
}

/// Forgets who has rested, or else the half of those without a connection that came longest ago: rarely, and many at a time.
fn make_room(table: &mut BTreeMap<IpAddr, Entry>, now: Instant) {
    let before = table.len();
    table.retain(|_, entry| entry.open > 0 || now.saturating_duration_since(entry.seen) < REST);
    if table.len() < before {
        return;
    }
    let mut idle: Vec<_> = table.values().filter(|entry| entry.open == 0).map(|entry| entry.seen).collect();
    idle.sort();
    if let Some(middle) = idle.get(idle.len() / 2).copied() {
        table.retain(|_, entry| entry.open > 0 || entry.seen > middle);
    }
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn addresses(connections_per_address: usize, new: u32) -> Arc<Addresses> {
        Addresses::new(&Limits { connections_per_address, new_connections_per_address: new, ..Limits::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_holds_so_many_connections_and_another_is_not_asked() {
        let (now, addresses) = (clock::now(), addresses(3, 100));
        let knock = |address| addresses.knock(now, ip(address), true);
        let mut inside: Vec<_> = (0..3).map(|_| knock("192.0.2.1")).collect();
        assert!(inside.iter().all(|it| matches!(it, Knock::In(_))));
        assert!(matches!(knock("192.0.2.1"), Knock::TooMany));
        assert!(matches!(knock("192.0.2.2"), Knock::In(_)));
        inside.pop();
        assert!(matches!(knock("192.0.2.1"), Knock::In(_)));
    }

    #[test]
    fn ipv6_counts_by_64_bits_and_mapped_ipv4_as_ipv4() {
        let (now, addresses) = (clock::now(), addresses(1, 100));
        let _inside = addresses.knock(now, ip("2001:db8::1"), true);
        assert!(matches!(addresses.knock(now, ip("2001:db8::ffff:2"), true), Knock::TooMany));
        assert!(matches!(addresses.knock(now, ip("2001:db8:0:1::1"), true), Knock::In(_)));
        let _v4 = addresses.knock(now, ip("192.0.2.1"), true);
        assert!(matches!(addresses.knock(now, ip("::ffff:192.0.2.1"), true), Knock::TooMany));
    }

    #[test]
    fn who_comes_too_often_waits_and_made_up_senders_use_up_nothing_of_the_real_one() {
        let (now, addresses) = (clock::now(), addresses(1000, 2));
        let from = ip("192.0.2.1");
        let burst = 2 * Limits::BURST;
        for _ in 0..burst {
            assert!(matches!(addresses.knock(now, from, false), Knock::In(_)));
        }
        assert!(matches!(addresses.knock(now, from, false), Knock::Prove));
        for _ in 0..burst {
            assert!(matches!(addresses.knock(now, from, true), Knock::In(_)));
        }
        assert!(matches!(addresses.knock(now, from, true), Knock::TooFast));
        assert!(matches!(addresses.knock(now + Duration::from_secs(1), from, true), Knock::In(_)));
    }

    #[test]
    fn an_office_of_two_hundred_gets_in_at_once() {
        let addresses = Addresses::new(&Limits::default());
        let now = clock::now();
        let inside: Vec<_> = (0..400).map(|_| addresses.knock(now, ip("192.0.2.1"), false)).collect();
        assert!(inside.iter().all(|it| matches!(it, Knock::In(_))));
    }

    #[test]
    fn a_flood_of_made_up_senders_fills_half_of_the_table_and_forgets_nobody_who_is_connected() {
        let addresses = Addresses::new(&Limits::default());
        let start = clock::now();
        let friend = addresses.knock(start, ip("192.0.2.1"), true);
        let spoofed = |number: u32| IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + number));
        for number in 0..50_000 {
            drop(addresses.knock(start, spoofed(number), false));
        }
        assert!(addresses.lock().len() <= TABLE / 2 + 1);
        for number in 0..100_000 {
            let at = start + Duration::from_micros(number.into());
            assert!(matches!(addresses.knock(at, spoofed(number), true), Knock::In(_)), "{number}");
        }
        assert!(addresses.lock().len() <= TABLE);
        assert_eq!(addresses.lock()[&ip("192.0.2.1")].open, 1);
        drop(friend);
        assert_eq!(addresses.lock()[&ip("192.0.2.1")].open, 0);
    }
}
