//! Who is in a room: members, the sessions here that are theirs, the other relays that hold them. Sans-IO.
//!
//! `forward` calls it under the room's lock and tells the [`Change`]s to whoever is here. Never: a link, the bus, a frame.
//!
//! A participant is one member however many links it has, here or elsewhere. When its last one ends without `Leave` it is
//! *reconnecting* for [`RECONNECT`], then it left.
//!
//! Other relays tell joins and ends as they happen, each with a hash of all that they hold before and after it. Every [`PULSE`]
//! they tell the hash again: who was cut off has another one, asks for the digest, and is healed. What is older than what was
//! heard of a relay is not believed; a relay that is silent for [`SILENT`] holds nobody.
//!
//! A member is one running instance, known by its stamp. Where two relays let different ones in under one number, before they
//! heard of each other, the one with a proof counts, then the one that came first, and the other's sessions end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hasher;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;

use super::bus::message::Step;
use super::moderation::Denied;
use super::router::{Interest, SessionId};
use crate::proto::control::{Member, MemberState};
use crate::proto::{ParticipantId, RelayInstance, limits};

/// How long a member without a link is waited for.
pub const RECONNECT: Duration = Duration::from_secs(30);
/// Between two words of a relay about a room, at most.
pub const PULSE: Duration = Duration::from_secs(1);
/// A relay that was not heard for this long is gone, or cut off: three pulses were lost, and the fourth is late. Everybody is to know
/// within 5 s.
pub const SILENT: Duration = PULSE.saturating_mul(7).checked_div(2).expect("two is not zero");
/// Whoever says "moved" is on another relay, whose word may be behind: no alarm before this.
const MOVING: Duration = Duration::from_secs(2);
/// For this long a digest that was written before a `Leave` does not bring the member back.
const TOMBSTONE: Duration = Duration::from_secs(3);
/// For this long others are told who left: longer than anybody who was cut off would wait for them.
const FAREWELL: Duration = Duration::from_secs(45);
/// Who left, at most, in a digest.
const FAREWELLS: usize = 1024;
/// For this long what a silent relay said last is remembered: what NATS held up so long is dropped for its age.
const WORDS: Duration = Duration::from_secs(300);

/// How a session's membership ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The participant goes on over another link.
    Moved,
    /// It left for good.
    Left,
    /// The link broke.
    Lost,
}

/// What became different.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Tell everybody else here: this member came, changed or left (see its state).
    Member(Member),
    /// Other relays hold the participant now, or none does any more.
    Elsewhere(ParticipantId, bool),
    /// The member left: forget its streams, end the sessions that are still its.
    Gone(ParticipantId, Vec<SessionId>),
    /// These sessions here are not the member's, which another relay let in before: end them.
    Impostors(Vec<SessionId>),
}

/// Why a participant cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("the room is full")]
    Full,
    #[error("this participant belongs to another user")]
    OtherUser,
    #[error("somebody else is in the room under this participant's number")]
    OtherInstance,
    #[error(transparent)]
    Denied(#[from] Denied),
}

/// The members of a room.
#[derive(Debug, Default)]
pub struct Registry {
    members: BTreeMap<ParticipantId, Record>,
    peers: BTreeMap<RelayInstance, Peer>,
    /// When, and the stamp of the instance that it was.
    left: BTreeMap<ParticipantId, (Instant, Bytes)>,
    /// The number of each relay's latest word, and when it came.
    words: BTreeMap<RelayInstance, (u64, Instant)>,
    changes: VecDeque<Change>,
}

#[derive(Debug)]
struct Record {
    member: Member,
    sessions: BTreeSet<SessionId>,
    relays: BTreeSet<RelayInstance>,
    absent: Option<Absence>,
}

#[derive(Debug, Clone, Copy)]
struct Absence {
    since: Instant,
    told_from: Instant,
    told: bool,
}

#[derive(Debug)]
struct Peer {
    heard: Instant,
    interest: Interest,
    /// Of all that it holds, as far as we know.
    hash: Option<u64>,
}

impl Registry {
    /// The next change; drain after every input.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// A session here joins as a member, or says anew what the member is.
    ///
    /// # Errors
    /// The room is full, or the participant is another user's, or another instance's.
    pub fn join(&mut self, session: SessionId, mut member: Member) -> Result<(), JoinError> {
        let participant = ParticipantId(member.participant);
        match self.members.get(&participant) {
            Some(record) if record.member.user != member.user => return Err(JoinError::OtherUser),
            Some(record) if record.member.stamp == member.stamp => {
                member.since_ms = member.since_ms.min(record.member.since_ms);
            }
            Some(record) if !record.member.stamp.is_empty() => return Err(JoinError::OtherInstance),
            None if self.members.len() >= limits::MEMBERS => return Err(JoinError::Full),
            _ => {}
        }
        self.left.remove(&participant);
        self.enter(member).sessions.insert(session);
        Ok(())
    }

    /// A session's membership ends.
    pub fn end(&mut self, now: Instant, session: SessionId, participant: ParticipantId, how: Ended) {
        let Some(record) = self.members.get_mut(&participant) else { return };
        if !record.sessions.remove(&session) {
            return;
        }
        match how {
            Ended::Left => self.leave(now, participant),
            Ended::Moved | Ended::Lost => self.check_absence(now, participant, how),
        }
    }

    /// A relay said something about members. False if that is older than what it said last: it is not to be believed.
    pub fn heard(&mut self, now: Instant, relay: RelayInstance, number: u64) -> bool {
        let word = self.words.entry(relay).or_insert((number, now));
        if number < word.0 {
            return false;
        }
        *word = (number, now);
        self.peer(now, relay).heard = now;
        true
    }

    /// What another relay wants of this room.
    pub fn set_interest(&mut self, now: Instant, relay: RelayInstance, interest: Interest) {
        self.peer(now, relay).interest = interest;
    }

    /// The hash of all that a relay holds. True if what we have of it is something else: ask for its digest.
    pub fn pulse(&mut self, now: Instant, relay: RelayInstance, hash: u64) -> bool {
        self.peer(now, relay).hash != Some(hash)
    }

    /// A relay's members changed, as it just said.
    pub fn step(&mut self, now: Instant, relay: RelayInstance, step: Option<Step>) {
        let peer = self.peer(now, relay);
        peer.hash = step.filter(|step| peer.hash == Some(step.before)).map(|step| step.after);
    }

    /// What other relays said of their members may have been passed over: they are asked again.
    pub fn doubt(&mut self) {
        self.peers.values_mut().for_each(|peer| peer.hash = None);
    }

    fn peer(&mut self, now: Instant, relay: RelayInstance) -> &mut Peer {
        self.peers.entry(relay).or_insert(Peer { heard: now, interest: Interest::NONE, hash: None })
    }

    /// A member joined at another relay, or changed there.
    pub fn joined_elsewhere(&mut self, relay: RelayInstance, member: Member) {
        let Some(member) = self.settle(member) else { return };
        let participant = ParticipantId(member.participant);
        if !self.members.contains_key(&participant) && self.members.len() >= limits::MEMBERS {
            return self.doubt();
        }
        self.left.remove(&participant);
        self.enter(member);
        self.hold(relay, participant);
    }

    /// Its last link to another relay ended.
    pub fn ended_elsewhere(&mut self, now: Instant, relay: RelayInstance, participant: ParticipantId, how: Ended) {
        match how {
            Ended::Left => self.leave(now, participant),
            Ended::Moved | Ended::Lost => self.release(now, relay, participant, how),
        }
    }

    /// All members that another relay holds; `hash` stands for them.
    pub fn digest(&mut self, now: Instant, relay: RelayInstance, members: Vec<Member>, hash: u64) {
        let members: Vec<_> = members.into_iter().filter_map(|member| self.settle(member)).collect();
        let held: BTreeSet<_> = members.iter().map(|member| ParticipantId(member.participant)).collect();
        let mut whole = true;
        for member in members {
            let participant = ParticipantId(member.participant);
            let known = self.members.get(&participant);
            // Who is here, or at several relays, told each of them itself: a digest may be behind.
            let trusted = known
                .is_none_or(|record| record.sessions.is_empty() && record.relays.iter().all(|holder| *holder == relay));
            if self.just_left(now, participant) {
                // If it is there for all that, the next digest says so again.
                whole = false;
                continue;
            }
            if known.is_none() && self.members.len() >= limits::MEMBERS {
                whole = false;
                continue;
            }
            self.left.remove(&participant);
            if trusted {
                self.enter(member);
            } else if let Some(record) = self.members.get(&participant) {
                // Until one relay alone holds it, or all say the same.
                whole &= !record.sessions.is_empty() || shown(&record.member) == shown(&member);
                self.enter(record.member.clone());
            }
            self.hold(relay, participant);
        }
        self.peer(now, relay).hash = whole.then_some(hash);
        let before = self.members.iter().filter(|(_, record)| record.relays.contains(&relay));
        let gone: Vec<_> = before.map(|(participant, _)| *participant).filter(|it| !held.contains(it)).collect();
        for participant in gone {
            self.release(now, relay, participant, Ended::Lost);
        }
    }

    /// Who left for good lately, as another relay knows: nobody need wait for them. Who is held by others has come back.
    pub fn farewell(&mut self, now: Instant, relay: RelayInstance, left: &[u64]) {
        for participant in left.iter().take(FAREWELLS).map(|participant| ParticipantId(*participant)) {
            let gone = self.members.get(&participant).is_some_and(|record| {
                record.sessions.is_empty() && record.relays.iter().all(|holder| *holder == relay)
            });
            if gone {
                self.leave(now, participant);
            }
        }
    }

    /// Time passes: silent relays are dropped, who does not come back has left. Call it every 50 ms or so.
    pub fn handle_timeout(&mut self, now: Instant) {
        let since = |at: Instant| now.saturating_duration_since(at);
        self.left.retain(|_, (at, _)| since(*at) < FAREWELL);
        self.words.retain(|_, (_, at)| since(*at) < WORDS);
        let silent = self.peers.iter().filter(|(_, peer)| since(peer.heard) >= SILENT);
        for relay in silent.map(|(relay, _)| *relay).collect::<Vec<_>>() {
            self.drop_relay(now, relay);
        }
        let mut over = Vec::new();
        for (participant, record) in &mut self.members {
            let Some(absence) = &mut record.absent else { continue };
            if since(absence.since) >= RECONNECT {
                over.push(*participant);
            } else if !absence.told && now >= absence.told_from {
                absence.told = true;
                record.member.state = MemberState::Reconnecting as i32;
                self.changes.push_back(Change::Member(shown(&record.member)));
            }
        }
        for participant in over {
            self.remove(participant);
        }
    }

    /// Everybody but this participant, as its `Joined` lists them.
    pub fn roster(&self, without: ParticipantId) -> Vec<Member> {
        let others = self.members.iter().filter(|(participant, _)| **participant != without);
        others.map(|(_, record)| shown(&record.member)).collect()
    }

    /// Everybody, as other relays know them.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().map(|record| &record.member)
    }

    /// The members with a session here: what our digest lists.
    pub fn held_here(&self) -> Vec<Member> {
        let here = self.members.values().filter(|record| !record.sessions.is_empty());
        here.map(|record| record.member.clone()).collect()
    }

    /// Stands for [`Self::held_here`]: who knows it from us knows our members.
    pub fn hash(&self) -> u64 {
        // Only its own writer compares it with what it means.
        let mut hasher = std::hash::DefaultHasher::new();
        for record in self.members.values().filter(|record| !record.sessions.is_empty()) {
            hasher.write(&record.member.encode_length_delimited_to_vec());
        }
        hasher.finish()
    }

    /// Who left for good lately.
    pub fn farewells(&self) -> Vec<u64> {
        self.left.keys().take(FAREWELLS).map(|participant| participant.0).collect()
    }

    /// Which instance it was that left lately.
    pub fn stamp_of_left(&self, participant: ParticipantId) -> Bytes {
        self.left.get(&participant).map(|(_, stamp)| stamp.clone()).unwrap_or_default()
    }

    pub fn member(&self, participant: ParticipantId) -> Option<&Member> {
        self.members.get(&participant).map(|record| &record.member)
    }

    /// A participant's sessions here.
    pub fn sessions(&self, participant: ParticipantId) -> impl Iterator<Item = SessionId> {
        self.members.get(&participant).into_iter().flat_map(|record| record.sessions.iter().copied())
    }

    /// The other relays that hold a participant.
    pub fn holders(&self, participant: ParticipantId) -> impl Iterator<Item = RelayInstance> {
        self.members.get(&participant).into_iter().flat_map(|record| record.relays.iter().copied())
    }

    /// What all other relays want of this room together.
    pub fn wanted_elsewhere(&self) -> Interest {
        self.peers.values().fold(Interest::NONE, |sum, peer| sum.and(peer.interest))
    }

    /// Nobody is here and nobody is waited for: the room can be forgotten.
    pub fn is_idle(&self) -> bool {
        self.members.values().all(|record| record.sessions.is_empty() && record.absent.is_none())
    }

    /// Puts a member in, present, and says so if that is news. Its record is there afterwards.
    fn enter(&mut self, mut member: Member) -> &mut Record {
        member.state = MemberState::Connected as i32;
        let participant = ParticipantId(member.participant);
        let news = self.members.get(&participant).is_none_or(|record| shown(&record.member) != shown(&member));
        if news {
            self.changes.push_back(Change::Member(shown(&member)));
        }
        let record = self.members.entry(participant).or_insert_with(|| Record {
            member: Member::default(),
            sessions: BTreeSet::new(),
            relays: BTreeSet::new(),
            absent: None,
        });
        record.member = member;
        record.absent = None;
        record
    }

    /// Whether a member that another relay tells of is the one that we know under its number, or is to take its place.
    fn settle(&mut self, mut member: Member) -> Option<Member> {
        let Some(record) = self.members.get_mut(&ParticipantId(member.participant)) else { return Some(member) };
        if record.member.stamp == member.stamp {
            member.since_ms = member.since_ms.min(record.member.since_ms);
            record.member.since_ms = member.since_ms;
            return Some(member);
        }
        let rank = |member: &Member| (member.stamp.is_empty(), member.since_ms, member.stamp.clone());
        if rank(&member) >= rank(&record.member) {
            return None;
        }
        if !record.sessions.is_empty() {
            let sessions = std::mem::take(&mut record.sessions);
            self.changes.push_back(Change::Impostors(sessions.into_iter().collect()));
        }
        Some(member)
    }

    fn hold(&mut self, relay: RelayInstance, participant: ParticipantId) {
        let Some(record) = self.members.get_mut(&participant) else { return };
        let first = record.relays.is_empty();
        record.relays.insert(relay);
        if first {
            self.changes.push_back(Change::Elsewhere(participant, true));
        }
    }

    fn release(&mut self, now: Instant, relay: RelayInstance, participant: ParticipantId, how: Ended) {
        let Some(record) = self.members.get_mut(&participant) else { return };
        if record.relays.remove(&relay) && record.relays.is_empty() {
            self.changes.push_back(Change::Elsewhere(participant, false));
        }
        self.check_absence(now, participant, how);
    }

    fn drop_relay(&mut self, now: Instant, relay: RelayInstance) {
        self.peers.remove(&relay);
        let held = self.members.iter().filter(|(_, record)| record.relays.contains(&relay));
        for participant in held.map(|(participant, _)| *participant).collect::<Vec<_>>() {
            self.release(now, relay, participant, Ended::Lost);
        }
    }

    fn check_absence(&mut self, now: Instant, participant: ParticipantId, how: Ended) {
        let Some(record) = self.members.get_mut(&participant) else { return };
        if !record.sessions.is_empty() || !record.relays.is_empty() || record.absent.is_some() {
            return;
        }
        let told = how == Ended::Lost;
        record.absent = Some(Absence { since: now, told_from: now + MOVING, told });
        if told {
            record.member.state = MemberState::Reconnecting as i32;
            self.changes.push_back(Change::Member(shown(&record.member)));
        }
    }

    fn just_left(&self, now: Instant, participant: ParticipantId) -> bool {
        self.left.get(&participant).is_some_and(|(at, _)| now.saturating_duration_since(*at) < TOMBSTONE)
    }

    /// It said so, or a host did.
    pub fn leave(&mut self, now: Instant, participant: ParticipantId) {
        let stamp = self.members.get(&participant).map(|record| record.member.stamp.clone());
        self.left.insert(participant, (now, stamp.unwrap_or_default()));
        self.remove(participant);
    }

    fn remove(&mut self, participant: ParticipantId) {
        let Some(mut record) = self.members.remove(&participant) else { return };
        record.member.state = MemberState::Left as i32;
        self.changes.push_back(Change::Member(shown(&record.member)));
        self.changes.push_back(Change::Gone(participant, record.sessions.into_iter().collect()));
    }
}

/// A member as clients see it: how relays tell instances apart is theirs alone.
fn shown(member: &Member) -> Member {
    Member { stamp: Bytes::new(), since_ms: 0, ..member.clone() }
}

#[cfg(test)]
mod tests;
