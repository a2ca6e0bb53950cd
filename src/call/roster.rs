//! Who is in the room, as the links tell it. Outlives every link.
//!
//! Two links of one participant tell of the same room at different moments. The rule: additions are taken from
//! any link, removals from the active one alone; a member that a newly active link does not list is kept for
//! [`UNCONFIRMED`], for its relay may hear of it a moment later.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::proto::ParticipantId;
use crate::proto::control::{Member, MemberState};

/// How long a member that the active link has not confirmed is kept: two digests between relays.
const UNCONFIRMED: Duration = Duration::from_secs(5);

/// A change that somebody may want to see.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Joined(Member),
    /// Another instance under the same id, or another epoch or profile.
    Updated(Member),
    Reconnecting(ParticipantId),
    Back(ParticipantId),
    Left(ParticipantId),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Roster {
    members: BTreeMap<ParticipantId, Entry>,
}

#[derive(Debug)]
struct Entry {
    member: Member,
    /// Since when the active link has not confirmed it.
    unconfirmed: Option<Instant>,
}

impl Roster {
    /// The whole room, as a link sees it.
    pub fn joined(&mut self, now: Instant, active: bool, members: Vec<Member>) -> Vec<Change> {
        if active {
            self.doubt_all(now);
        }
        members.into_iter().flat_map(|member| self.changed(active, member)).collect()
    }

    /// The active link is another one: its roster is what counts from here.
    pub fn doubt_all(&mut self, now: Instant) {
        for entry in self.members.values_mut() {
            entry.unconfirmed.get_or_insert(now);
        }
    }

    /// One member, as a link sees it.
    pub fn changed(&mut self, active: bool, member: Member) -> Option<Change> {
        let id = ParticipantId(member.participant);
        let state = member.state();
        match self.members.get_mut(&id) {
            _ if state == MemberState::Left => {
                let known = active && self.members.remove(&id).is_some();
                known.then_some(Change::Left(id))
            }
            None => {
                let unconfirmed = None;
                self.members.insert(id, Entry { member: member.clone(), unconfirmed });
                Some(Change::Joined(member))
            }
            // A standby's relay may have lost sight of somebody whom the active one sees.
            Some(_) if !active && state == MemberState::Reconnecting => None,
            Some(entry) => {
                if active {
                    entry.unconfirmed = None;
                }
                let before = std::mem::replace(&mut entry.member, member.clone());
                match (before.state(), state) {
                    (MemberState::Connected, MemberState::Reconnecting) => Some(Change::Reconnecting(id)),
                    (MemberState::Reconnecting, MemberState::Connected) => Some(Change::Back(id)),
                    _ if before != member => Some(Change::Updated(member)),
                    _ => None,
                }
            }
        }
    }

    /// Forgets members that the active link has not confirmed in time. While there is no active link, nobody is forgotten.
    pub fn tick(&mut self, now: Instant, active: bool) -> Vec<Change> {
        if !active {
            self.members.values_mut().for_each(|entry| entry.unconfirmed = entry.unconfirmed.map(|_| now));
            return Vec::new();
        }
        let over =
            |entry: &Entry| entry.unconfirmed.is_some_and(|since| now.saturating_duration_since(since) >= UNCONFIRMED);
        let gone: Vec<_> = self.members.iter().filter(|(_, entry)| over(entry)).map(|(id, _)| *id).collect();
        self.members.retain(|_, entry| !over(entry));
        gone.into_iter().map(Change::Left).collect()
    }

    /// How many members there are, ourselves not among them.
    pub fn count(&self) -> usize {
        self.members.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, state: MemberState) -> Member {
        Member { participant: id, state: state.into(), ..Member::default() }
    }

    #[test]
    fn a_member_told_by_two_links_joins_once() {
        let (now, mut roster) = (crate::clock::now(), Roster::default());
        let all = vec![member(1, MemberState::Connected)];
        assert_eq!(roster.joined(now, true, all.clone()).len(), 1);
        assert_eq!(roster.joined(now, false, all), []);
    }

    #[test]
    fn a_standby_removes_nobody() {
        let (now, mut roster) = (crate::clock::now(), Roster::default());
        roster.joined(now, true, vec![member(1, MemberState::Connected)]);
        assert_eq!(roster.changed(false, member(1, MemberState::Left)), None);
        assert_eq!(roster.changed(true, member(1, MemberState::Left)), Some(Change::Left(ParticipantId(1))));
    }

    #[test]
    fn after_a_move_a_missing_member_is_kept_for_a_while() {
        let (now, mut roster) = (crate::clock::now(), Roster::default());
        roster.joined(now, true, vec![member(1, MemberState::Connected), member(2, MemberState::Connected)]);
        assert_eq!(roster.joined(now, true, vec![member(1, MemberState::Connected)]), []);
        assert_eq!(roster.tick(now + Duration::from_secs(4), true), []);
        assert_eq!(roster.tick(now + Duration::from_secs(5), true), [Change::Left(ParticipantId(2))]);
    }

    #[test]
    fn without_any_link_nobody_is_forgotten() {
        let (now, mut roster) = (crate::clock::now(), Roster::default());
        roster.joined(now, true, vec![member(1, MemberState::Connected)]);
        roster.doubt_all(now);
        assert_eq!(roster.tick(now + Duration::from_secs(60), false), []);
        assert_eq!(roster.tick(now + Duration::from_secs(61), true), []);
        assert_eq!(roster.count(), 1);
    }
}
