//! Which sizes of each participant's pictures somebody here has a use for: what their senders are told to make.
//!
//! A subscriber has a use for the size that it wishes, not for those below, which it would get only where there is no larger one; one
//! whose link is strained may be given any of them. Nobody has a use for his own.

use std::collections::BTreeMap;

use super::wishes::sizes;
use super::{Router, Subscriber};
use crate::proto::{Layer, ParticipantId, Track};

const SIZES: usize = Layer::MAX_SPATIAL as usize + 1;

/// The sizes of one track that are wanted here.
#[derive(Debug, Default)]
pub struct Demand {
    /// How many subscribers want each size of everybody.
    all: [i32; SIZES],
    /// By how much that is wrong of some.
    of: BTreeMap<ParticipantId, [i32; SIZES]>,
}

impl Demand {
    /// The sizes of a participant that are wanted, as bits.
    pub fn of(&self, participant: ParticipantId) -> u8 {
        let differs = self.of.get(&participant).copied().unwrap_or_default();
        let wanted = self.all.iter().zip(differs).enumerate().filter(|(_, (all, differs))| *all + differs > 0);
        wanted.fold(0, |sum, (size, _)| sum | 1 << size)
    }

    fn take(&mut self, subscriber: &Subscriber, track: Track) {
        let strained = subscriber.budget.bps().is_some();
        let general = subscriber.wishes.of_all(track).map_or(0, |limit| sizes(limit, strained));
        add(&mut self.all, general, 1);
        add(self.of.entry(subscriber.participant).or_default(), general, -1);
        for (participant, limit) in subscriber.wishes.of_each(track).filter(|(of, _)| *of != subscriber.participant) {
            let differs = self.of.entry(participant).or_default();
            add(differs, general, -1);
            add(differs, sizes(limit, strained), 1);
        }
    }
}

fn add(counts: &mut [i32; SIZES], sizes: u8, by: i32) {
    counts.iter_mut().enumerate().filter(|(size, _)| sizes >> size & 1 == 1).for_each(|(_, count)| *count += by);
}

impl Router {
    /// What is wanted here of a track. Costs as much as there are wishes: ask when [`Router::take_demand_changed`] says so.
    pub fn demand(&self, track: Track) -> Demand {
        let mut demand = Demand::default();
        self.subscribers.values().for_each(|subscriber| demand.take(subscriber, track));
        demand
    }

    /// Whether what is wanted may have changed since this was asked last.
    pub fn take_demand_changed(&mut self) -> bool {
        std::mem::take(&mut self.demand_changed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Load, SessionId, Wishes};
    use super::*;
    use crate::clock;
    use crate::proto::MediaHeader;
    use crate::proto::control::Wish;
    use crate::proto::subgroup::VideoFrame;

    const PEOPLE: [ParticipantId; 3] = [ParticipantId(1), ParticipantId(2), ParticipantId(3)];

    /// Participant n subscribes with session n: the largest camera of everybody, but for those named.
    fn subscribe(router: &mut Router, participant: u64, all: Option<u32>, named: &[(u64, u32)]) {
        let wish =
            |participant, max_spatial| Wish { participant, track: Track::Camera as u32, max_spatial, max_temporal: 2 };
        let all = all.map(|spatial| wish(0, spatial));
        let wishes: Vec<Wish> = all.into_iter().chain(named.iter().map(|(of, size)| wish(*of, *size))).collect();
        let (session, participant) = (SessionId(participant), ParticipantId(participant));
        router.subscribe(clock::now(), session, participant, Wishes::new(&wishes), &[]);
    }

    /// A large picture of the second participant.
    fn picture() -> VideoFrame {
        let header = MediaHeader {
            track: Track::Camera,
            layer: Layer { spatial: 2, temporal: 0 },
            key: true,
            discardable: false,
            dtx: false,
            participant: PEOPLE[1],
            frame: 0,
            since_key: 0,
            capture_us: 0,
        };
        VideoFrame::new(header, b"sealed")
    }

    fn demand(router: &Router) -> [u8; 3] {
        let demand = router.demand(Track::Camera);
        PEOPLE.map(|participant| demand.of(participant))
    }

    #[test]
    fn nobody_has_a_use_for_his_own_picture() {
        let mut router = Router::default();
        subscribe(&mut router, 1, Some(2), &[]);
        assert_eq!(demand(&router), [0, 0b100, 0b100]);
        subscribe(&mut router, 2, Some(0), &[]);
        assert_eq!(demand(&router), [0b001, 0b100, 0b101]);
        assert!(router.take_demand_changed() && !router.take_demand_changed());
        router.unsubscribe(SessionId(1));
        assert!(router.take_demand_changed());
        assert_eq!(demand(&router), [0b001, 0, 0b001]);
    }

    #[test]
    fn a_wish_for_one_stands_in_the_place_of_the_wish_for_all() {
        let mut router = Router::default();
        subscribe(&mut router, 1, Some(2), &[(2, 0), (1, 1)]);
        assert_eq!(demand(&router), [0, 0b001, 0b100]);
        subscribe(&mut router, 3, None, &[(1, 1), (2, 1)]);
        assert_eq!(demand(&router), [0b010, 0b011, 0b100]);
        assert_eq!(router.demand(Track::Screen).of(PEOPLE[0]), 0);
    }

    #[test]
    fn of_who_has_a_strained_link_the_smaller_sizes_are_wanted_too() {
        let mut router = Router::default();
        subscribe(&mut router, 1, Some(1), &[(2, 2)]);
        router.take_demand_changed();
        let now = clock::now();
        // Something has to be sent before less of it can be.
        router.video(now, &picture());
        let load = Load { waiting: Duration::from_secs(1), rate_bps: None };
        router.set_link(now, SessionId(1), load);
        assert!(router.take_demand_changed());
        assert_eq!(demand(&router), [0, 0b111, 0b011]);
        assert_eq!(router.interest().demand(Track::Camera), 0b111);
    }
}
