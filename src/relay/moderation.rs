//! What hosts decided about a room: who is muted, who was removed, whether it is locked. Sans-IO.
//!
//! `forward` calls it under the room's lock and carries out the [`Ruling`]s. Every relay that has the room holds all of it as
//! *facts*, one for each thing that can be decided; a relay tells facts as they arise and all of them again and again, so
//! that one which opens the room later, or was cut off, learns them. Of two facts about one thing the later one holds: the one
//! with the higher counter, then the one of the relay with the higher number. A counter follows the wall clock, in ms, and is
//! higher than all that its relay has seen, so orders that build on one another stay in order whatever the clocks say.
//! What each order means to members is in [`crate::proto::moderation`]. Must never: hold a link, the bus, a clock.

mod facts;
mod order;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::bus::message;
use crate::proto::control::Member;
use crate::proto::moderation::{Ruling, RulingKind};
use crate::proto::{ParticipantId, RelayInstance, Track, limits};

pub use self::order::{Order, OrderError};

/// Facts that a room holds: of a full one every microphone and half of the pictures, and the removals.
const FACTS: usize = 512;
/// Users, or participants, that were removed from a room.
const REMOVALS: usize = 100;

/// Why somebody stays outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("a host removed you")]
    Removed,
    #[error("a host locked the room")]
    Locked,
}

/// One thing that can be decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Mute(ParticipantId, Track),
    /// By user, or by participant where tokens name no user.
    User(String),
    Participant(ParticipantId),
    Lock,
}

/// What was decided last about a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fact {
    /// Counter, and the relay that a host told: the higher one holds.
    version: (u64, RelayInstance),
    on: bool,
    firm: bool,
    by: ParticipantId,
    /// Of a removal: who was there.
    participant: ParticipantId,
    /// Of a mute: whose participant it is; empty where tokens name no user.
    user: String,
    /// Of a lock: who was in.
    passes: BTreeSet<Pass>,
}

/// Stands for one running instance of a member: participant, user and stamp, hashed.
type Pass = [u8; 16];

/// See the module.
#[derive(Debug, Default)]
pub struct Moderation {
    facts: BTreeMap<Subject, Fact>,
    /// Those of the facts by which media is dropped.
    muted: BTreeSet<(ParticipantId, Track)>,
    counter: u64,
    news: VecDeque<Ruling>,
}

impl Moderation {
    /// The next thing that became so, or no longer is; drain after every input.
    pub fn poll_ruling(&mut self) -> Option<Ruling> {
        self.news.pop_front()
    }

    /// All that is so, for who joins; `None` where nothing was ever decided.
    pub fn in_force(&self) -> Option<Vec<Ruling>> {
        let on = self.facts.iter().filter(|(_, fact)| fact.on);
        (!self.facts.is_empty()).then(|| on.map(|(subject, fact)| ruling(subject, fact)).collect())
    }

    /// Whether this track of a participant goes nowhere.
    pub fn drops(&self, participant: ParticipantId, track: Track) -> bool {
        !self.muted.is_empty() && self.muted.contains(&(participant, track))
    }

    /// Whether somebody may come in. `known`: the registry has the participant.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn admits(&self, member: &Member, known: bool) -> Result<(), Denied> {
        if self.is_removed(member) {
            return Err(Denied::Removed);
        }
        match self.facts.get(&Subject::Lock) {
            Some(lock) if lock.on && !known && !lock.passes.contains(&pass(member)) => Err(Denied::Locked),
            _ => Ok(()),
        }
    }

    /// Whether a host removed this member, or its user.
    pub fn is_removed(&self, member: &Member) -> bool {
        let on = |subject: &Subject| self.facts.get(subject).is_some_and(|fact| fact.on);
        let user = &member.user;
        !self.facts.is_empty()
            && (on(&Subject::Participant(ParticipantId(member.participant)))
                || (!user.is_empty() && on(&Subject::User(user.clone()))))
    }

    /// Whether a member came in after the room was locked, at a relay that had not heard of it.
    pub fn slipped_in(&self, member: &Member) -> bool {
        self.facts
            .get(&Subject::Lock)
            .is_some_and(|lock| lock.on && member.since_ms > lock.version.0 && !lock.passes.contains(&pass(member)))
    }

    /// A fact replaces an earlier one of the same thing; true if it did.
    fn put(&mut self, subject: Subject, fact: Fact) -> bool {
        self.counter = self.counter.max(fact.version.0);
        let before = self.facts.get(&subject);
        if before.is_some_and(|before| before.version >= fact.version) {
            return false;
        }
        let same = |before: &Fact| (before.on, before.firm) == (fact.on, fact.firm);
        if !before.is_some_and(same) {
            self.news.push_back(ruling(&subject, &fact));
        }
        if let Subject::Mute(participant, track) = subject {
            match fact.on {
                true => self.muted.insert((participant, track)),
                false => self.muted.remove(&(participant, track)),
            };
        }
        self.facts.insert(subject, fact);
        true
    }

    /// The version of an order that a host gives now.
    fn next_version(&self, now_ms: u64, origin: RelayInstance) -> (u64, RelayInstance) {
        (self.counter.saturating_add(1).max(now_ms), origin)
    }

    /// Makes room: what was decided about the tracks of those who are gone is of no more use.
    fn forget_the_gone(&mut self, is_member: impl Fn(ParticipantId) -> bool) {
        if self.facts.len() >= FACTS {
            let stays = |subject: &Subject| !matches!(subject, Subject::Mute(who, _) if !is_member(*who));
            self.facts.retain(|subject, _| stays(subject));
            self.muted.retain(|(who, _)| is_member(*who));
        }
    }

    fn removals(&self) -> usize {
        self.facts.keys().filter(|subject| matches!(subject, Subject::User(_) | Subject::Participant(_))).count()
    }
}

fn ruling(subject: &Subject, fact: &Fact) -> Ruling {
    let (kind, participant, track, user) = match subject {
        Subject::Mute(participant, track) => (RulingKind::Mute, *participant, *track as u32, ""),
        Subject::User(user) => (RulingKind::Removal, fact.participant, 0, user.as_str()),
        Subject::Participant(participant) => (RulingKind::Removal, *participant, 0, ""),
        Subject::Lock => (RulingKind::Lock, ParticipantId(0), 0, ""),
    };
    Ruling {
        kind: kind as i32,
        participant: participant.0,
        track,
        on: fact.on,
        firm: fact.firm,
        by: fact.by.0,
        user: user.into(),
        version: fact.version.0,
    }
}

fn pass(member: &Member) -> Pass {
    let told =
        [b"nearcall v1 pass", &member.participant.to_be_bytes()[..], member.user.as_bytes(), &[0], &member.stamp]
            .concat();
    let digest = ring::digest::digest(&ring::digest::SHA256, &told);
    *digest.as_ref().first_chunk().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests;
