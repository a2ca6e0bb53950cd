//! Who is in a room, for the figures.

use std::collections::BTreeMap;

use super::Room;
use crate::proto::Transport;

/// How many are in a room.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Crowd {
    /// Participants with a session at this relay.
    pub members: usize,
    /// Their sessions.
    pub sessions: BTreeMap<Transport, usize>,
}

impl Room {
    pub fn crowd(&self) -> Crowd {
        let state = self.lock();
        let mut members: Vec<_> = state.sessions.values().map(|attached| attached.participant).collect();
        members.sort_unstable();
        members.dedup();
        let mut sessions = BTreeMap::new();
        for attached in state.sessions.values() {
            *sessions.entry(attached.sender.transport()).or_default() += 1;
        }
        Crowd { members: members.len(), sessions }
    }
}
