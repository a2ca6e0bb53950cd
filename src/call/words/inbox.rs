//! What was heard of the others, so that nothing is taken twice, and what they are still to be told of it. Pure.

use std::collections::BTreeMap;

use crate::proto::{ParticipantId, limits};

/// Numbers that came, of the last [`Seen::MEMORY`]; older ones count as seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// One above the newest; 0 before the first.
    next: u64,
    /// Bit n for the newest less n.
    bits: u128,
}

impl Seen {
    /// How far a number may be behind the newest and still be taken.
    pub const MEMORY: u64 = u128::BITS as u64;

    /// Notes a number; false where it came before, or is too old to tell.
    pub fn take(&mut self, number: u64) -> bool {
        let Some(above) = number.checked_add(1) else { return false };
        if above > self.next {
            let ahead = above - self.next;
            self.bits = if ahead >= Self::MEMORY { 0 } else { self.bits << ahead };
            (self.next, self.bits) = (above, self.bits | 1);
            return true;
        }
        let behind = self.next - above;
        let fresh = behind < Self::MEMORY && self.bits & 1 << behind == 0;
        if fresh {
            self.bits |= 1 << behind;
        }
        fresh
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Inbox {
    peers: BTreeMap<ParticipantId, Peer>,
}

#[derive(Debug, Default)]
struct Peer {
    seen: Seen,
    /// Numbers that it is to be told were heard, those that came again among them.
    owed: Vec<u64>,
}

impl Inbox {
    /// Words with this number came; whether they are new. Those without a number always are.
    pub fn take(&mut self, from: ParticipantId, number: u64) -> bool {
        if number == 0 {
            return true;
        }
        let peer = self.peers.entry(from).or_default();
        if peer.owed.len() < limits::HEARD && !peer.owed.contains(&number) {
            peer.owed.push(number);
        }
        peer.seen.take(number)
    }

    /// Whom to tell what was heard.
    pub fn owed(&mut self) -> Vec<(ParticipantId, Vec<u64>)> {
        let owing = self.peers.iter_mut().filter(|(_, peer)| !peer.owed.is_empty());
        owing.map(|(id, peer)| (*id, std::mem::take(&mut peer.owed))).collect()
    }

    /// A participant left.
    pub fn left(&mut self, who: ParticipantId) {
        self.peers.remove(&who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEN: ParticipantId = ParticipantId(2);

    #[test]
    fn a_number_is_new_once_in_whatever_order_it_comes() {
        let mut seen = Seen::default();
        for (number, fresh) in [
            (0, true),
            (0, false),
            (5, true),
            (3, true),
            (3, false),
            (5, false),
            (132, true),
            (4, false),
            (6, true),
            (1_000_000, true),
            (132, false),
            (999_873, true),
            (999_872, false),
            (u64::MAX, false),
            (u64::MAX - 1, true),
        ] {
            assert_eq!(seen.take(number), fresh, "{number}");
        }
    }

    #[test]
    fn what_comes_again_is_not_taken_again_and_is_answered_again() {
        let mut inbox = Inbox::default();
        assert!(inbox.take(BEN, 7) && inbox.take(BEN, 8));
        assert_eq!(inbox.owed(), [(BEN, vec![7, 8])]);
        assert_eq!(inbox.owed(), []);
        assert!(!inbox.take(BEN, 7));
        assert_eq!(inbox.owed(), [(BEN, vec![7])]);
        assert!(inbox.take(BEN, 0) && inbox.take(BEN, 0) && inbox.owed().is_empty());
    }

    #[test]
    fn a_flood_of_numbers_owes_no_more_than_fits_an_answer() {
        let mut inbox = Inbox::default();
        assert!((1..=1000).all(|number| inbox.take(BEN, number)));
        assert_eq!(inbox.owed()[0].1.len(), limits::HEARD);
    }
}
