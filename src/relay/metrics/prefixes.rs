//! From which networks users come, where the operator asked for it: IPv4 by 24 bits, IPv6 by 48.
//!
//! Off by default: a prefix of a small network says something about whoever is behind it. An address itself is never kept.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;

/// What the networks beyond the most are called.
const OTHER: &str = "other";

/// The networks that have a label, first come, first served.
#[derive(Debug)]
pub struct Prefixes {
    most: usize,
    seen: Mutex<BTreeSet<String>>,
}

impl Prefixes {
    pub fn new(most: usize) -> Self {
        Self { most, seen: Mutex::default() }
    }

    pub fn is_on(&self) -> bool {
        self.most > 0
    }

    /// The label of a user's network; `None` where none is wanted.
    pub fn label(&self, from: IpAddr) -> Option<String> {
        if !self.is_on() {
            return None;
        }
        let prefix = prefix(from);
        let mut seen = self.seen.lock().expect("nobody panics while holding the labels");
        if seen.len() < self.most || seen.contains(&prefix) {
            seen.insert(prefix.clone());
            return Some(prefix);
        }
        Some(OTHER.to_owned())
    }
}

fn prefix(from: IpAddr) -> String {
    match from.to_canonical() {
        IpAddr::V4(v4) => format!("{}/24", Ipv4Addr::from(u32::from(v4) & !0xff)),
        IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from(u128::from(v6) & (u128::MAX << 80))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_cut_to_its_network() {
        for (from, cut) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ] {
            assert_eq!(prefix(from.parse().unwrap()), cut);
        }
    }

    #[test]
    fn networks_beyond_the_most_share_one_label_and_none_is_kept_by_default() {
        let prefixes = Prefixes::new(2);
        let label = |third: u8| prefixes.label(Ipv4Addr::new(10, 0, third, 9).into()).unwrap();
        assert_eq!([label(1), label(2), label(3), label(1)], ["10.0.1.0/24", "10.0.2.0/24", "other", "10.0.1.0/24"]);
        assert_eq!(Prefixes::new(0).label(Ipv4Addr::LOCALHOST.into()), None);
    }
}
