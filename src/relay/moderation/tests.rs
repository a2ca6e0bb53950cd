//! Hosts decide at several relays, and all relays come to hold the same, whatever order word arrives in.

use proptest::prelude::*;

use super::*;
use crate::proto::moderation::{Action, Moderate};

const OSLO: RelayInstance = RelayInstance(0x05);
const LIMA: RelayInstance = RelayInstance(0x11);
const NOW: u64 = 1_700_000_000_000;
const MIC: u32 = 0;

/// A relay's part of one room.
struct Relay {
    moderation: Moderation,
    instance: RelayInstance,
    now_ms: u64,
}

fn member(participant: u64, user: &str, host: bool) -> Member {
    Member { participant, user: user.into(), host, ..Member::default() }
}

/// A host, two who are none, and one who is on another device of the second.
fn everybody() -> Vec<Member> {
    vec![member(1, "ada", true), member(2, "bob", false), member(3, "cy", false), member(4, "bob", false)]
}

fn order(action: Action, participant: u64) -> Moderate {
    Moderate { action: action as i32, participant, ..Moderate::default() }
}

impl Relay {
    fn new(instance: RelayInstance) -> Self {
        Self { moderation: Moderation::default(), instance, now_ms: NOW }
    }

    fn take(&mut self, by: u64, order: &Moderate) -> Result<Vec<message::Fact>, OrderError> {
        let members = everybody();
        let by = members.iter().find(|member| member.participant == by).unwrap();
        let order = Order { order, by, open: false, origin: self.instance, now_ms: self.now_ms };
        self.moderation.order(order, &members.iter().collect::<Vec<_>>())
    }

    fn hear(&mut self, facts: Vec<message::Fact>) -> Vec<Ruling> {
        self.moderation.merge(facts, |_| true);
        self.rulings()
    }

    fn rulings(&mut self) -> Vec<Ruling> {
        std::iter::from_fn(|| self.moderation.poll_ruling()).collect()
    }

    fn drops(&self, participant: u64) -> bool {
        self.moderation.drops(ParticipantId(participant), Track::Microphone)
    }
}

#[test]
fn only_a_host_gives_orders_and_who_is_none_is_told_why_not() {
    let mut relay = Relay::new(OSLO);
    let orders = [Action::Mute, Action::Unmute, Action::Remove, Action::Lock, Action::Unlock, Action::Readmit];
    for action in orders {
        assert_eq!(relay.take(2, &order(action, 3)), Err(OrderError::NoHost), "{action:?}");
    }
    let by = member(2, "", false);
    let lock = order(Action::Lock, 0);
    let open = Order { order: &lock, by: &by, open: true, origin: OSLO, now_ms: NOW };
    assert_eq!(relay.moderation.order(open, &[&by]), Err(OrderError::Open));
    let rows = [
        (order(Action::Mute, 9), OrderError::NotHere),
        (order(Action::Remove, 9), OrderError::NotHere),
        (Moderate { track: 7, ..order(Action::Mute, 2) }, OrderError::Track),
        (order(Action::Remove, 1), OrderError::Yourself),
        (Moderate { user: "dan".into(), ..order(Action::Readmit, 0) }, OrderError::NotRemoved),
        (order(Action::Unspecified, 2), OrderError::Unknown),
        (Moderate { action: 99, ..order(Action::Mute, 2) }, OrderError::Unknown),
    ];
    for (order, error) in rows {
        assert_eq!(relay.take(1, &order), Err(error), "{order:?}");
    }
    assert!(relay.rulings().is_empty() && relay.moderation.in_force().is_none());
}

#[test]
fn a_muted_track_is_dropped_until_a_host_lifts_it_or_its_participant_where_it_may() {
    let mut relay = Relay::new(OSLO);
    let told = relay.take(1, &order(Action::Mute, 2)).unwrap();
    assert_eq!(told.len(), 1);
    let rulings = relay.rulings();
    assert!(matches!(&rulings[..], [it] if it.on && !it.firm && (it.participant, it.track, it.by) == (2, MIC, 1)));
    assert!(relay.drops(2) && !relay.drops(3) && !relay.drops(4));
    assert!(!relay.moderation.drops(ParticipantId(2), Track::Camera));
    assert_eq!(relay.take(3, &order(Action::Unmute, 2)), Err(OrderError::NoHost));
    assert_eq!(relay.take(2, &order(Action::Unmute, 2)).unwrap().len(), 1);
    assert!(!relay.drops(2));
    assert_eq!(relay.take(2, &order(Action::Unmute, 2)), Ok(Vec::new()), "nothing to lift");
    relay.take(1, &Moderate { firm: true, ..order(Action::Mute, 2) }).unwrap();
    assert_eq!(relay.take(2, &order(Action::Unmute, 2)), Err(OrderError::Firm));
    assert!(relay.drops(2));
    relay.take(1, &order(Action::Unmute, 2)).unwrap();
    assert!(!relay.drops(2));
}

#[test]
fn a_firm_mute_meets_the_user_again_under_another_number_and_is_lifted_for_both() {
    let mut relay = Relay::new(OSLO);
    relay.take(1, &Moderate { firm: true, ..order(Action::Mute, 2) }).unwrap();
    let again = member(4, "bob", false);
    assert_eq!(relay.moderation.entered(&again, OSLO, NOW).len(), 1);
    assert!(relay.drops(4));
    assert!(relay.moderation.entered(&again, OSLO, NOW).is_empty(), "once is enough");
    assert!(relay.moderation.entered(&member(5, "cy", false), OSLO, NOW).is_empty());
    relay.take(1, &order(Action::Unmute, 4)).unwrap();
    assert!(!relay.drops(2) && !relay.drops(4));
    relay.take(1, &order(Action::Mute, 2)).unwrap();
    assert!(relay.moderation.entered(&member(6, "bob", false), OSLO, NOW).is_empty(), "it was not firm");
}

#[test]
fn a_firm_mute_holds_for_whatever_was_decided_of_the_users_other_numbers_before() {
    let mut relay = Relay::new(OSLO);
    relay.take(1, &order(Action::Mute, 4)).unwrap();
    relay.take(4, &order(Action::Unmute, 4)).unwrap();
    relay.take(1, &Moderate { firm: true, ..order(Action::Mute, 2) }).unwrap();
    assert_eq!(relay.moderation.entered(&member(4, "bob", false), OSLO, NOW).len(), 1);
    assert!(relay.drops(4));
    assert!(relay.moderation.entered(&member(2, "bob", false), OSLO, NOW).is_empty());
}

#[test]
fn who_was_removed_stays_outside_under_any_number_until_readmitted() {
    let mut relay = Relay::new(OSLO);
    relay.take(1, &order(Action::Remove, 2)).unwrap();
    for participant in [2, 4, 77] {
        let denied = relay.moderation.admits(&member(participant, "bob", false), true);
        assert_eq!(denied, Err(Denied::Removed), "{participant}");
    }
    assert_eq!(relay.moderation.admits(&member(3, "cy", false), false), Ok(()));
    relay.take(1, &Moderate { user: "bob".into(), ..order(Action::Readmit, 0) }).unwrap();
    assert_eq!(relay.moderation.admits(&member(2, "bob", false), false), Ok(()));
    let on: Vec<_> =
        relay.rulings().iter().map(|ruling| (ruling.on, ruling.participant, ruling.user.clone())).collect();
    assert_eq!(on, [(true, 2, "bob".into()), (false, 2, "bob".into())]);
}

#[test]
fn who_has_no_user_is_removed_by_number() {
    let mut moderation = Moderation::default();
    let (host, guest) = (member(1, "ada", true), member(2, "", false));
    let remove = order(Action::Remove, 2);
    let order = Order { order: &remove, by: &host, open: false, origin: OSLO, now_ms: NOW };
    moderation.order(order, &[&host, &guest]).unwrap();
    assert_eq!(moderation.admits(&guest, true), Err(Denied::Removed));
    assert_eq!(moderation.admits(&member(3, "", false), false), Ok(()));
}

#[test]
fn a_locked_room_takes_those_who_were_in_and_nobody_else() {
    let mut relay = Relay::new(OSLO);
    relay.take(1, &order(Action::Lock, 0)).unwrap();
    let newcomer = member(9, "dan", false);
    assert_eq!(relay.moderation.admits(&newcomer, false), Err(Denied::Locked));
    assert_eq!(relay.moderation.admits(&newcomer, true), Ok(()), "the registry has it");
    assert_eq!(relay.moderation.admits(&everybody()[1], false), Ok(()), "it was in");
    let somebody_else = [member(2, "dan", false), Member { stamp: vec![1; 16].into(), ..member(2, "bob", false) }];
    for member in somebody_else {
        assert_eq!(relay.moderation.admits(&member, false), Err(Denied::Locked), "{member:?}");
    }
    let at = |member: &Member, since_ms| Member { since_ms, ..member.clone() };
    assert!(relay.moderation.slipped_in(&at(&newcomer, NOW + 1)));
    assert!(!relay.moderation.slipped_in(&at(&newcomer, NOW)), "it came before");
    assert!(!relay.moderation.slipped_in(&at(&everybody()[2], NOW + 1)), "it moved");
    assert_eq!(relay.take(1, &order(Action::Lock, 0)), Ok(Vec::new()), "it is locked already");
    relay.take(1, &order(Action::Unlock, 0)).unwrap();
    assert_eq!(relay.moderation.admits(&newcomer, false), Ok(()));
    assert!(!relay.moderation.slipped_in(&at(&newcomer, NOW + 1)));
    assert_eq!(relay.moderation.in_force(), Some(Vec::new()));
}

#[test]
fn a_relay_that_opens_the_room_later_learns_all_of_it_once() {
    let mut oslo = Relay::new(OSLO);
    for order in [order(Action::Mute, 2), order(Action::Remove, 3), order(Action::Lock, 0)] {
        oslo.take(1, &order).unwrap();
    }
    let mut lima = Relay::new(LIMA);
    assert_eq!(lima.hear(oslo.moderation.facts()).len(), 3);
    assert_eq!(lima.hear(oslo.moderation.facts()), []);
    assert_eq!(lima.moderation.facts(), oslo.moderation.facts());
    assert!(lima.drops(2));
    assert_eq!(lima.moderation.admits(&member(9, "dan", false), false), Err(Denied::Locked));
    assert_eq!(lima.moderation.admits(&everybody()[3], false), Ok(()), "its pass came along");
}

#[test]
fn the_later_order_holds_on_both_sides_of_a_cut_whichever_is_told_first() {
    for later in [OSLO, LIMA] {
        let (mut oslo, mut lima) = (Relay::new(OSLO), Relay::new(LIMA));
        let muted = oslo.take(1, &order(Action::Mute, 2)).unwrap();
        lima.hear(muted);
        // The cut. The one whose clock is behind still builds on all that it has seen.
        oslo.now_ms = NOW - 60_000;
        lima.now_ms = NOW - 90_000;
        oslo.take(1, &order(Action::Unmute, 2)).unwrap();
        lima.take(1, &Moderate { firm: true, ..order(Action::Mute, 2) }).unwrap();
        if later == OSLO {
            oslo.take(1, &order(Action::Mute, 2)).unwrap();
            oslo.take(1, &order(Action::Unmute, 2)).unwrap();
        }
        let (from_oslo, from_lima) = (oslo.moderation.facts(), lima.moderation.facts());
        lima.hear(from_oslo);
        oslo.hear(from_lima);
        assert_eq!(oslo.moderation.facts(), lima.moderation.facts());
        assert_eq!((oslo.drops(2), lima.drops(2)), (later == LIMA, later == LIMA), "{later}");
    }
}

#[test]
fn an_order_in_the_first_second_of_a_relay_is_not_undone_by_what_it_had_not_heard() {
    let (mut oslo, mut lima) = (Relay::new(OSLO), Relay::new(LIMA));
    for _ in 0..20 {
        oslo.take(1, &order(Action::Mute, 2)).unwrap();
        oslo.take(1, &order(Action::Unmute, 2)).unwrap();
    }
    lima.now_ms = NOW + 5_000;
    lima.take(1, &order(Action::Mute, 2)).unwrap();
    lima.hear(oslo.moderation.facts());
    assert!(lima.drops(2));
}

#[test]
fn the_number_of_facts_has_an_end() {
    let mut relay = Relay::new(OSLO);
    let fact = |participant: u64, kind: RulingKind, user: String| message::Fact {
        counter: participant,
        kind: kind as i32,
        participant,
        user,
        on: true,
        ..message::Fact::default()
    };
    relay.hear((1..2_000).map(|it| fact(it, RulingKind::Removal, format!("user {it}"))).collect());
    assert_eq!(relay.moderation.facts.len(), REMOVALS);
    relay.hear((1..2_000).map(|it| fact(it, RulingKind::Mute, String::new())).collect());
    assert_eq!(relay.moderation.facts.len(), FACTS);
    assert_eq!(relay.take(1, &order(Action::Mute, 3)).map(|facts| facts.len()), Ok(1), "the gone make room");
    assert!(relay.moderation.facts.len() < FACTS && relay.drops(3) && !relay.drops(1_000));
    let long = fact(5_000, RulingKind::Removal, "x".repeat(limits::ROOM_BYTES + 1));
    let strange = fact(5_000, RulingKind::Unspecified, String::new());
    assert_eq!(relay.hear(vec![long, strange]), []);
}

proptest! {
    /// Three relays take orders, hear some of the others' words, twice or never; in the end all tell all.
    #[test]
    fn relays_hold_the_same_in_the_end(
        steps in prop::collection::vec((0usize..3, 0usize..3, 1i32..=6, 2u64..=4, any::<bool>(), 0u64..50), 1..40),
    ) {
        let mut relays: Vec<Relay> = (1..4).map(|it| Relay::new(RelayInstance(it))).collect();
        for (at, to, action, participant, firm, passed) in steps {
            relays[at].now_ms += passed;
            let user = everybody()[participant as usize - 1].user.clone();
            let _ = relays[at].take(1, &Moderate { action, participant, firm, user, ..Moderate::default() });
            let facts = relays[at].moderation.facts();
            relays[to].hear(facts);
        }
        for _ in 0..2 {
            for at in 0..3 {
                let facts = relays[at].moderation.facts();
                relays.iter_mut().for_each(|relay| drop(relay.hear(facts.clone())));
            }
        }
        for relay in &relays[1..] {
            prop_assert_eq!(relay.moderation.facts(), relays[0].moderation.facts());
            prop_assert_eq!(&relay.moderation.muted, &relays[0].moderation.muted);
        }
    }
}
