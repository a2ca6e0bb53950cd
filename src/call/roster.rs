//! Who is in the room, as the links tell it. Outlives every link.
//!
//! Two links of one participant tell of the same room at different moments. The rule: additions are taken from
//! any link, removals from the active one alone; a member that a newly active link does not list is kept for
//! [`UNCONFIRMED`], for its relay may hear of it a moment later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::election::LinkId;
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
    /// It is back, perhaps with another profile.
    Back(Member),
    Left(ParticipantId),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Roster {
    members: BTreeMap<ParticipantId, Entry>,
    /// The next one to come.
    next: u64,
    /// Whom each link's relay lists.
    views: BTreeMap<LinkId, BTreeSet<ParticipantId>>,
}

#[derive(Debug)]
struct Entry {
    member: Member,
    /// The place in the order in which they came.
    place: u64,
    /// Since when the active link's relay has not listed it.
    missing: Option<Instant>,
}

impl Roster {
    /// The whole room, as a link's relay sees it.
    pub fn joined(&mut self, link: LinkId, active: bool, members: Vec<Member>) -> Vec<Change> {
        self.views.insert(link, BTreeSet::new());
        members.into_iter().filter_map(|member| self.changed(link, active, member)).collect()
    }

    /// One member, as a link's relay sees it.
    pub fn changed(&mut self, link: LinkId, active: bool, member: Member) -> Option<Change> {
        let id = ParticipantId(member.participant);
        let state = member.state();
        let view = self.views.entry(link).or_default();
        if state == MemberState::Left {
            view.remove(&id);
            let known = active && self.members.remove(&id).is_some();
            return known.then_some(Change::Left(id));
        }
        view.insert(id);
        let Some(entry) = self.members.get_mut(&id) else {
            self.members.insert(id, Entry { member: member.clone(), place: self.next, missing: None });
            self.next += 1;
            return Some(Change::Joined(member));
        };
        if !active && state == MemberState::Reconnecting {
            // A standby's relay may have lost sight of somebody whom the active one sees.
            return None;
        }
        let before = std::mem::replace(&mut entry.member, member.clone());
        match (before.state(), state) {
            (MemberState::Connected, MemberState::Reconnecting) => Some(Change::Reconnecting(id)),
            (MemberState::Reconnecting, MemberState::Connected) => Some(Change::Back(member)),
            _ if before != member => Some(Change::Updated(member)),
            _ => None,
        }
    }

    /// A link is gone, and its relay's view with it.
    pub fn forget(&mut self, link: LinkId) {
        self.views.remove(&link);
    }

    /// Removes members that the active link's relay has not listed for too long. While there is no active link, nobody is
    /// removed.
    pub fn tick(&mut self, now: Instant, active: Option<LinkId>) -> Vec<Change> {
        let view = active.and_then(|link| self.views.get(&link));
        let mut gone = Vec::new();
        for (id, entry) in &mut self.members {
            match view {
                Some(view) if !view.contains(id) => {
                    let since = *entry.missing.get_or_insert(now);
                    if now.saturating_duration_since(since) >= UNCONFIRMED {
                        gone.push(*id);
                    }
                }
                _ => entry.missing = None,
            }
        }
        self.members.retain(|id, _| !gone.contains(id));
        gone.into_iter().map(Change::Left).collect()
    }

    /// The members in the order in which they came, ourselves not among them unless a relay lists us.
    pub fn order(&self) -> impl Iterator<Item = ParticipantId> {
        let mut order: Vec<_> = self.members.iter().map(|(id, entry)| (entry.place, *id)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, id)| id)
    }

    /// Whether a member's last link ended a moment ago.
    pub fn is_reconnecting(&self, id: ParticipantId) -> bool {
        self.members.get(&id).is_some_and(|entry| entry.member.state() == MemberState::Reconnecting)
    }

    /// Whether a member may mute, remove and lock.
    pub fn is_host(&self, id: ParticipantId) -> bool {
        self.members.get(&id).is_some_and(|entry| entry.member.host)
    }

    /// How many members there are, ourselves not among them.
    pub fn count(&self) -> usize {
        self.members.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: LinkId = LinkId(1);
    const NEW: LinkId = LinkId(2);

    fn member(id: u64, state: MemberState) -> Member {
        Member { participant: id, state: state.into(), ..Member::default() }
    }

    fn here(id: u64) -> Member {
        member(id, MemberState::Connected)
    }

    #[test]
    fn a_member_told_by_two_links_joins_once() {
        let mut roster = Roster::default();
        assert_eq!(roster.joined(OLD, true, vec![here(1)]).len(), 1);
        assert_eq!(roster.joined(NEW, false, vec![here(1)]), []);
    }

    #[test]
    fn a_standby_removes_nobody() {
        let mut roster = Roster::default();
        roster.joined(OLD, true, vec![here(1)]);
        assert_eq!(roster.changed(NEW, false, member(1, MemberState::Left)), None);
        assert_eq!(roster.changed(OLD, true, member(1, MemberState::Left)), Some(Change::Left(ParticipantId(1))));
    }

    #[test]
    fn after_a_move_to_a_warm_standby_everybody_whom_it_lists_stays() {
        let (now, mut roster) = (crate::clock::now(), Roster::default());
        roster.joined(OLD, true, vec![here(1), here(2)]);
        roster.joined(NEW, false, vec![here(1)]);
        roster.forget(OLD);
        assert_eq!(roster.tick(now, Some(NEW)), []);
        assert_eq!(roster.tick(now + Duration::from_secs(4), Some(NEW)), []);
        assert_eq!(roster.tick(now + Duration::from_secs(5), Some(NEW)), [Change::Left(ParticipantId(2))]);
        assert_eq!(roster.tick(now + Duration::from_secs(60), Some(NEW)), []);
    }

    #[test]
    fn one_whom_the_new_relay_hears_of_a_moment_later_stays() {
        let (now, mut roster) = (crate::clock::now(), Roster::default());
        roster.joined(OLD, true, vec![here(1)]);
        roster.joined(NEW, false, vec![]);
        roster.tick(now, Some(NEW));
        assert_eq!(roster.changed(NEW, true, here(1)), None);
        assert_eq!(roster.tick(now + Duration::from_secs(9), Some(NEW)), []);
    }

    #[test]
    fn one_who_comes_back_changed_is_told_with_the_change() {
        let mut roster = Roster::default();
        roster.joined(OLD, true, vec![here(1)]);
        let gone = member(1, MemberState::Reconnecting);
        assert_eq!(roster.changed(OLD, true, gone), Some(Change::Reconnecting(ParticipantId(1))));
        let muted = Member { profile: vec![7].into(), ..here(1) };
        assert_eq!(roster.changed(OLD, true, muted.clone()), Some(Change::Back(muted)));
    }

    #[test]
    fn without_any_link_nobody_is_forgotten() {
        let (now, mut roster) = (crate::clock::now(), Roster::default());
        roster.joined(OLD, true, vec![here(1)]);
        roster.forget(OLD);
        assert_eq!(roster.tick(now + Duration::from_secs(60), None), []);
        assert_eq!(roster.count(), 1);
    }
}
