//! Who answered at each candidate's address, and what the way there costs by its own account.
//!
//! Kept by the controller and by a race beside the election, for people to look at: nothing is decided here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::controller::round;
use crate::election::{CandidateId, Elector};
use crate::net::Hop;
use crate::proto::RelayInstance;
use crate::proto::probe::ProbeReply;

/// Processes that are remembered for an address.
const REMEMBERED: usize = 64;

/// The answer to "who was that": part of a candidate's row. A figure that was not told is `null`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Answered {
    /// The relay that answered last, by its own name: another one than the row's where the address is shared.
    pub answered_by: Option<String>,
    /// Which run of it, 16 hexadecimal digits.
    pub answered_instance: Option<String>,
    /// Different runs that answered so far: more than one where an address leads to several relays, or a relay started anew.
    pub instances: usize,
    /// What the relay spent on a probe, mean. No part of the RTT: it is taken off.
    pub relay_ms: Option<f64>,
    /// What a proxy on the way says that it waited for the relay.
    pub proxy_ms: Option<f64>,
    /// Its name.
    pub via: Option<String>,
}

impl Answered {
    /// Who answered in the place of this relay.
    pub fn stand_in(&self, relay: &str) -> Option<&str> {
        self.answered_by.as_deref().filter(|by| *by != relay)
    }
}

/// What is known of each candidate's way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hops(BTreeMap<CandidateId, Way>);

#[derive(Debug, Clone, PartialEq, Default)]
struct Way {
    hop: Option<Hop>,
    relay: Option<String>,
    instances: Vec<RelayInstance>,
    last: Option<RelayInstance>,
    spent_us: u64,
    replies: u64,
}

/// Somebody else answers at an address than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub was: String,
    pub now: String,
}

impl Hops {
    /// A link came about, and what its dial was told.
    pub fn connected(&mut self, candidate: CandidateId, hop: Option<Hop>, elector: &Elector) {
        self.0.retain(|id, _| elector.candidate(*id).is_some());
        self.0.entry(candidate).or_default().hop = hop;
    }

    /// The same, for who makes it up.
    pub fn proxied(&mut self, candidate: CandidateId, hop: Hop) {
        self.0.entry(candidate).or_default().hop = Some(hop);
    }

    /// A probe was answered. Says so where another process did than before.
    pub fn answered(&mut self, candidate: CandidateId, reply: &ProbeReply) -> Option<Changed> {
        let way = self.0.entry(candidate).or_default();
        let mut changed = None;
        if way.last != Some(reply.instance) {
            let known = way.last.replace(reply.instance);
            let was = way.relay.replace(reply.relay.clone());
            (way.spent_us, way.replies) = (0, 0);
            if !way.instances.contains(&reply.instance) && way.instances.len() < REMEMBERED {
                way.instances.push(reply.instance);
            }
            changed = known.and(was).map(|was| Changed { was, now: reply.relay.clone() });
        }
        way.spent_us += u64::from(reply.spent_us);
        way.replies += 1;
        changed
    }

    /// The process that answered last at a candidate's address.
    pub fn instance(&self, candidate: CandidateId) -> Option<RelayInstance> {
        self.0.get(&candidate)?.last
    }

    /// What is known of a candidate's way.
    pub fn of(&self, candidate: CandidateId) -> Answered {
        let Some(way) = self.0.get(&candidate) else { return Answered::default() };
        let hop = way.hop.clone().unwrap_or_default();
        Answered {
            answered_by: way.relay.clone(),
            answered_instance: way.last.map(|instance| format!("{:016x}", instance.0)),
            instances: way.instances.len(),
            relay_ms: (way.replies > 0).then(|| thousandth(way.spent_us as f64 / 1e3 / way.replies as f64)),
            proxy_ms: round(hop.proxy_ms),
            via: hop.via,
        }
    }
}

/// To a µs: relays count in them.
fn thousandth(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::probe::RelayState;

    fn reply(instance: u64, relay: &str, spent_us: u32) -> ProbeReply {
        let instance = RelayInstance(instance);
        let (state, relay) = (RelayState::Ready, relay.into());
        ProbeReply { id: 0, instance, state, load_percent: 0, spent_us, relay, at_us: None }
    }

    #[test]
    fn another_process_at_an_address_is_told_once_and_has_its_own_figures() {
        let (mut hops, id) = (Hops::default(), CandidateId(3));
        assert_eq!(hops.of(id), Answered::default());
        assert_eq!(hops.answered(id, &reply(1, "london-1", 100)), None);
        assert_eq!(hops.answered(id, &reply(1, "london-1", 200)), None);
        let first = hops.of(id);
        assert_eq!((first.relay_ms, first.instances, first.stand_in("london-1")), (Some(0.15), 1, None));
        assert_eq!(first.stand_in("anycast"), Some("london-1"));
        let changed = hops.answered(id, &reply(2, "paris-1", 7)).unwrap();
        assert_eq!((changed.was.as_str(), changed.now.as_str()), ("london-1", "paris-1"));
        assert_eq!(hops.answered(id, &reply(2, "paris-1", 9)), None);
        let second = hops.of(id);
        assert_eq!((second.relay_ms, second.instances), (Some(0.008), 2));
        assert_eq!(second.answered_instance.as_deref(), Some("0000000000000002"));
    }
}
