//! Which relays there are: this one, and all that announced themselves over the bus lately. Served as `/regions.json`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::proto::limits;
use crate::proto::manifest::{Manifest, RelayEntry};

/// A relay that was not heard for this long is listed no more: five announcements.
const SILENT: Duration = Duration::from_secs(10);

/// The manifest as this relay knows it.
#[derive(Debug)]
pub struct Directory {
    /// As it was at the start.
    own: RelayEntry,
    /// What is listed of its certificates now.
    pins: Mutex<Vec<String>>,
    others: Mutex<BTreeMap<String, (RelayEntry, Instant)>>,
}

impl Directory {
    pub fn new(own: RelayEntry) -> Self {
        Self { pins: Mutex::new(own.pins.clone()), own, others: Mutex::default() }
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

    /// Another relay announced itself. True if it is new, and should hear at once who is here.
    pub fn heard(&self, now: Instant, entry: RelayEntry) -> bool {
        let mut others = self.lock();
        let room = others.len() + 1 < limits::RELAYS || others.contains_key(&entry.id);
        room && entry.id != self.own.id && others.insert(entry.id.clone(), (entry, now)).is_none()
    }

    /// Forgets who fell silent.
    pub fn handle_timeout(&self, now: Instant) {
        self.lock().retain(|_, (_, heard)| now.saturating_duration_since(*heard) < SILENT);
    }

    /// All of them, this one first.
    pub fn manifest(&self) -> Manifest {
        let others = self.lock();
        let others = others.values().map(|(entry, _)| entry.clone());
        Manifest { relays: std::iter::once(self.entry()).chain(others).collect() }
    }

    /// Region and provider of the relay with this id; where there is none, these themselves, if some relay has them both.
    pub fn place(&self, id: &str, region: &str, provider: &str) -> Option<(String, String)> {
        let others = self.lock();
        let all = || std::iter::once(&self.own).chain(others.values().map(|(entry, _)| entry));
        let called = || all().find(|entry| entry.id == id);
        let alike = || all().find(|entry| entry.region == region && entry.provider == provider);
        called().or_else(alike).map(|entry| (entry.region.clone(), entry.provider.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (RelayEntry, Instant)>> {
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

    #[test]
    fn lists_itself_first_and_others_while_they_are_heard() {
        let start = clock::now();
        let directory = Directory::new(entry("me"));
        assert!(!directory.heard(start, entry("me")));
        assert!(directory.heard(start, entry("b")));
        assert!(!directory.heard(start, entry("b")));
        assert!(directory.heard(start + SILENT / 2, entry("a")));
        assert_eq!(ids(&directory), ["me", "a", "b"]);
        directory.handle_timeout(start + SILENT);
        assert_eq!(ids(&directory), ["me", "a"]);
    }
}
