//! Which relays there are: this one, and all that announced themselves over the bus lately, and how far they are from one
//! another. Served as `/regions.json`.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::bus::message::Announcement;
use crate::proto::manifest::{Distance, Manifest, RelayEntry};
use crate::proto::{RelayInstance, limits};

/// Between two announcements of a relay on the bus.
pub const ANNOUNCE: Duration = Duration::from_secs(2);
/// A relay that was not heard for this long is listed no more: three announcements were lost, and the fourth is late.
const SILENT: Duration = ANNOUNCE.saturating_mul(7).checked_div(2).expect("two is not zero");
/// Between two measurements of the way to each other relay.
pub const MEASURE: Duration = Duration::from_secs(3);
/// Measurements that count: those of a minute. The least of them is the way, the rest is queues.
const MEASUREMENTS: usize = 20;

/// The manifest as this relay knows it.
#[derive(Debug)]
pub struct Directory {
    /// As it was at the start.
    own: RelayEntry,
    instance: RelayInstance,
    /// What is listed of its certificates now.
    pins: Mutex<Vec<String>>,
    others: Mutex<BTreeMap<String, Other>>,
}

#[derive(Debug)]
struct Other {
    entry: RelayEntry,
    instance: RelayInstance,
    heard: Instant,
    /// As it measures them.
    distances: Vec<Distance>,
    /// Round trips from here, in the order in which they were measured.
    rtts: VecDeque<Duration>,
}

impl Directory {
    pub fn new(own: RelayEntry, instance: RelayInstance) -> Self {
        Self { pins: Mutex::new(own.pins.clone()), own, instance, others: Mutex::default() }
    }

    /// This relay, with the pins that it has now.
    pub fn entry(&self) -> RelayEntry {
        let pins = self.pins.lock().expect("nobody panics while holding the pins").clone();
        RelayEntry { pins, ..self.own.clone() }
    }

    /// Lists these pins of its own from here on.
    pub fn set_pins(&self, pins: Vec<String>) {
        *self.pins.lock().expect("nobody panics while holding the pins") = pins;
    }

    /// Who this relay is: all but its pins stays.
    pub fn own(&self) -> &RelayEntry {
        &self.own
    }

    /// What this relay says of itself; `gone` when it stops.
    pub fn announcement(&self, gone: bool) -> Announcement {
        let distances = self.lock().values().filter_map(|other| self.distance(other)).collect();
        Announcement { entry: self.entry(), instance: self.instance.0, gone, distances }
    }

    /// Another relay announced itself. True if it is new, and should hear at once who is here.
    pub fn heard(&self, now: Instant, announcement: Announcement) -> bool {
        let Announcement { entry, instance, gone, distances } = announcement;
        let (mut others, instance) = (self.lock(), RelayInstance(instance));
        if gone {
            // One that was started in its place stays.
            others.retain(|id, other| *id != entry.id || other.instance != instance);
            return false;
        }
        let known = others.get_mut(&entry.id);
        if entry.id == self.own.id || (known.is_none() && others.len() + 1 >= limits::RELAYS) {
            return false;
        }
        let before = others.remove(&entry.id).filter(|other| other.instance == instance);
        let new = before.is_none();
        let rtts = before.map(|other| other.rtts).unwrap_or_default();
        others.insert(entry.id.clone(), Other { entry, instance, heard: now, distances, rtts });
        new
    }

    /// The way to another relay and back took this long.
    pub fn measured(&self, to: RelayInstance, rtt: Duration) {
        let mut others = self.lock();
        if let Some(other) = others.values_mut().find(|other| other.instance == to) {
            other.rtts.truncate(MEASUREMENTS - 1);
            other.rtts.push_front(rtt);
        }
    }

    /// The runs of all other relays.
    pub fn others(&self) -> Vec<RelayInstance> {
        self.lock().values().map(|other| other.instance).collect()
    }

    /// Forgets who fell silent.
    pub fn handle_timeout(&self, now: Instant) {
        self.lock().retain(|_, other| now.saturating_duration_since(other.heard) < SILENT);
    }

    /// All of them, this one first, and the ways between those that are listed.
    pub fn manifest(&self) -> Manifest {
        let others = self.lock();
        let entries = others.values().map(|other| other.entry.clone());
        let listed = |way: &&Distance| others.contains_key(&way.to) || way.to == self.own.id;
        let theirs = others.values().flat_map(|other| other.distances.iter().filter(listed).cloned());
        let ways = others.values().filter_map(|other| self.distance(other)).chain(theirs);
        Manifest {
            relays: std::iter::once(self.entry()).chain(entries).collect(),
            distances: ways.take(limits::DISTANCES).collect(),
        }
    }

    /// Writes a manifest of this relay alone. Whoever reads the file finds a whole one, old or new.
    ///
    /// # Errors
    /// The file, or one beside it, cannot be written.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let manifest = Manifest::from(vec![self.entry()]);
        let json = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::other)? + "\n";
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        std::fs::write(&beside, json)?;
        std::fs::rename(&beside, path).inspect_err(|_| drop(std::fs::remove_file(&beside)))
    }

    /// Region and provider of the relay with this id; where there is none, these themselves, if some relay has them both.
    pub fn place(&self, id: &str, region: &str, provider: &str) -> Option<(String, String)> {
        let others = self.lock();
        let all = || std::iter::once(&self.own).chain(others.values().map(|other| &other.entry));
        let called = || all().find(|entry| entry.id == id);
        let alike = || all().find(|entry| entry.region == region && entry.provider == provider);
        called().or_else(alike).map(|entry| (entry.region.clone(), entry.provider.clone()))
    }

    fn distance(&self, to: &Other) -> Option<Distance> {
        let rtt_ms = to.rtts.iter().min()?.as_secs_f64() * 1000.0;
        // Three decimals: a microsecond means something in one building, less means nothing anywhere.
        let rtt_ms = (rtt_ms.min(limits::RTT_MS) * 1000.0).round() / 1000.0;
        Some(Distance { from: self.own.id.clone(), to: to.entry.id.clone(), rtt_ms })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Other>> {
        self.others.lock().expect("nobody panics while holding the directory")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn entry(id: &str) -> RelayEntry {
        RelayEntry {
            id: id.into(),
            region: "oslo".into(),
            provider: String::new(),
            city: String::new(),
            webtransport: Some("https://localhost:1/v1/call".into()),
            websocket: None,
            pins: Vec::new(),
        }
    }

    fn ids(directory: &Directory) -> Vec<String> {
        directory.manifest().relays.into_iter().map(|relay| relay.id).collect()
    }

    fn told(id: &str, instance: u64) -> Announcement {
        Announcement { entry: entry(id), instance, gone: false, distances: Vec::new() }
    }

    fn directory() -> Directory {
        Directory::new(entry("me"), RelayInstance(1))
    }

    #[test]
    fn lists_itself_first_and_others_while_they_are_heard() {
        let start = clock::now();
        let directory = directory();
        assert!(!directory.heard(start, told("me", 1)));
        assert!(directory.heard(start, told("b", 2)));
        assert!(!directory.heard(start, told("b", 2)));
        assert!(directory.heard(start + SILENT / 2, told("a", 3)));
        assert_eq!(ids(&directory), ["me", "a", "b"]);
        directory.handle_timeout(start + SILENT);
        assert_eq!(ids(&directory), ["me", "a"]);
    }

    #[test]
    fn who_stops_is_gone_at_once_and_who_was_started_in_its_place_stays() {
        let now = clock::now();
        let directory = directory();
        directory.heard(now, told("a", 2));
        assert!(directory.heard(now, told("a", 3)), "it starts again, and is to be told who is here");
        directory.heard(now, Announcement { gone: true, ..told("a", 2) });
        assert_eq!(ids(&directory), ["me", "a"]);
        directory.heard(now, Announcement { gone: true, ..told("a", 3) });
        assert_eq!(ids(&directory), ["me"]);
    }

    #[test]
    fn the_way_to_a_relay_is_the_least_that_was_measured_and_rows_of_others_are_listed_with_it() {
        let now = clock::now();
        let directory = directory();
        let way = |from: &str, to: &str, rtt_ms| Distance { from: from.into(), to: to.into(), rtt_ms };
        let distances = vec![way("a", "me", 12.5), way("a", "gone", 1.0)];
        directory.heard(now, Announcement { distances, ..told("a", 2) });
        assert_eq!(directory.manifest().distances, [way("a", "me", 12.5)]);
        [14, 12, 90].into_iter().for_each(|ms| directory.measured(RelayInstance(2), Duration::from_millis(ms)));
        directory.measured(RelayInstance(9), Duration::from_millis(1));
        assert_eq!(directory.manifest().distances, [way("me", "a", 12.0), way("a", "me", 12.5)]);
        (0..20).for_each(|_| directory.measured(RelayInstance(2), Duration::from_millis(40)));
        assert_eq!(directory.announcement(false).distances, [way("me", "a", 40.0)]);
    }
}
