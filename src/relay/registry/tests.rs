//! Members come, move, lose their links and leave; other relays tell, and fall silent.

use super::*;
use crate::clock;

const ADA: ParticipantId = ParticipantId(0xada);
const HERE: SessionId = SessionId(1);
const FRANKFURT: RelayInstance = RelayInstance(0xf);
const SINGAPORE: RelayInstance = RelayInstance(0x5);

fn member(participant: ParticipantId) -> Member {
    Member { participant: participant.0, ..Member::default() }
}

/// What was told since the last look: the state that members went into, and whether relays hold them.
fn told(registry: &mut Registry) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(change) = registry.poll_change() {
        told.push(match change {
            Change::Member(member) => format!("{:?}", member.state()),
            Change::Elsewhere(_, held) => format!("elsewhere: {held}"),
            Change::Gone(_, sessions) => format!("gone with {}", sessions.len()),
            Change::Impostors(sessions) => format!("{} impostors", sessions.len()),
        });
    }
    told
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_participant_is_one_member_however_many_links_it_has() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.join(HERE, member(ADA)).unwrap();
    registry.join(SessionId(2), member(ADA)).unwrap();
    registry.joined_elsewhere(FRANKFURT, member(ADA));
    assert_eq!(told(&mut registry), ["Connected", "elsewhere: true"]);
    registry.end(now, HERE, ADA, Ended::Lost);
    registry.end(now, SessionId(2), ADA, Ended::Lost);
    assert_eq!(told(&mut registry), [] as [&str; 0]);
    assert_eq!(registry.roster(ParticipantId(1)).len(), 1);
    assert!(registry.roster(ADA).is_empty());
}

#[test]
fn who_loses_its_last_link_is_reconnecting_for_30_s_and_then_left() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.join(HERE, member(ADA)).unwrap();
    registry.end(now, HERE, ADA, Ended::Lost);
    registry.handle_timeout(now + seconds(29));
    assert_eq!(told(&mut registry), ["Connected", "Reconnecting"]);
    assert!(!registry.is_idle());
    registry.handle_timeout(now + seconds(30));
    assert_eq!(told(&mut registry), ["Left", "gone with 0"]);
    assert!(registry.is_idle());
}

#[test]
fn who_comes_back_in_time_is_connected_again() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.join(HERE, member(ADA)).unwrap();
    registry.end(now, HERE, ADA, Ended::Lost);
    registry.join(SessionId(2), member(ADA)).unwrap();
    registry.handle_timeout(now + seconds(31));
    assert_eq!(told(&mut registry), ["Connected", "Reconnecting", "Connected"]);
}

#[test]
fn who_leaves_is_gone_at_once_with_all_its_links() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.join(HERE, member(ADA)).unwrap();
    registry.join(SessionId(2), member(ADA)).unwrap();
    told(&mut registry);
    registry.end(now, HERE, ADA, Ended::Left);
    assert_eq!(told(&mut registry), ["Left", "gone with 1"]);
}

#[test]
fn who_moved_has_two_seconds_to_turn_up_elsewhere_before_anybody_is_alarmed() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.join(HERE, member(ADA)).unwrap();
    registry.end(now, HERE, ADA, Ended::Moved);
    registry.handle_timeout(now + seconds(1));
    assert_eq!(told(&mut registry), ["Connected"]);
    registry.joined_elsewhere(FRANKFURT, member(ADA));
    registry.handle_timeout(now + seconds(6));
    assert_eq!(told(&mut registry), ["elsewhere: true"]);

    registry.ended_elsewhere(now, FRANKFURT, ADA, Ended::Moved);
    registry.handle_timeout(now + seconds(2));
    assert_eq!(told(&mut registry), ["elsewhere: false", "Reconnecting"]);
}

#[test]
fn a_digest_heals_what_was_lost() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.digest(now, FRANKFURT, vec![member(ADA), member(ParticipantId(2))], 1);
    assert_eq!(told(&mut registry).len(), 4);
    registry.digest(now, FRANKFURT, vec![member(ADA)], 1);
    assert_eq!(told(&mut registry), ["elsewhere: false", "Reconnecting"]);
    registry.digest(now, SINGAPORE, vec![member(ParticipantId(2))], 1);
    assert_eq!(told(&mut registry), ["Connected", "elsewhere: true"]);
}

#[test]
fn a_digest_that_was_written_before_a_leave_does_not_bring_the_member_back_and_a_join_does() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.joined_elsewhere(FRANKFURT, member(ADA));
    registry.ended_elsewhere(now, FRANKFURT, ADA, Ended::Left);
    told(&mut registry);
    registry.digest(now, SINGAPORE, vec![member(ADA)], 1);
    assert_eq!(told(&mut registry), [] as [&str; 0]);
    registry.joined_elsewhere(SINGAPORE, member(ADA));
    assert_eq!(told(&mut registry), ["Connected", "elsewhere: true"]);
}

#[test]
fn a_relay_that_falls_silent_holds_nobody() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.set_interest(now, FRANKFURT, Interest(7));
    registry.digest(now, FRANKFURT, vec![member(ADA), member(ParticipantId(2))], 1);
    registry.heard(now, SINGAPORE, 1);
    registry.joined_elsewhere(SINGAPORE, member(ADA));
    told(&mut registry);
    registry.heard(now + seconds(2), SINGAPORE, 2);
    registry.handle_timeout(now + seconds(3));
    assert_eq!(told(&mut registry), [] as [&str; 0]);
    registry.handle_timeout(now + SILENT);
    assert_eq!(told(&mut registry), ["elsewhere: false", "Reconnecting"], "not the one that Singapore holds too");
    assert_eq!(registry.wanted_elsewhere(), Interest::NONE);
}

#[test]
fn what_is_older_than_what_was_heard_of_a_relay_is_not_believed_and_does_not_keep_it_alive() {
    let (mut registry, now) = (Registry::default(), clock::now());
    assert!(registry.heard(now, FRANKFURT, 7));
    registry.digest(now, FRANKFURT, vec![member(ADA)], 1);
    told(&mut registry);
    assert!(!registry.heard(now + seconds(3), FRANKFURT, 6));
    registry.handle_timeout(now + SILENT);
    assert_eq!(told(&mut registry), ["elsewhere: false", "Reconnecting"]);
    assert!(!registry.heard(now + seconds(5), FRANKFURT, 6), "an old word of a relay that is gone raises nobody");
    assert!(registry.heard(now + seconds(6), FRANKFURT, 8));
}

#[test]
fn a_pulse_asks_for_the_digest_until_what_is_known_of_the_relay_is_what_it_says() {
    let (mut registry, now) = (Registry::default(), clock::now());
    assert!(registry.pulse(now, FRANKFURT, 1));
    registry.digest(now, FRANKFURT, vec![member(ADA)], 1);
    assert!(!registry.pulse(now, FRANKFURT, 1));
    registry.step(now, FRANKFURT, Some(Step { before: 1, after: 2 }));
    assert!(!registry.pulse(now, FRANKFURT, 2), "every step was heard");
    registry.step(now, FRANKFURT, Some(Step { before: 3, after: 4 }));
    assert!(registry.pulse(now, FRANKFURT, 4), "one was missed");
    registry.ended_elsewhere(now, FRANKFURT, ADA, Ended::Left);
    registry.digest(now, FRANKFURT, vec![member(ADA)], 4);
    assert!(registry.pulse(now, FRANKFURT, 4), "she may have come back in this moment");
    registry.digest(now + TOMBSTONE, FRANKFURT, vec![member(ADA)], 4);
    assert!(!registry.pulse(now + TOMBSTONE, FRANKFURT, 4));
}

#[test]
fn the_hash_stands_for_the_members_here() {
    let (mut registry, now) = (Registry::default(), clock::now());
    let nobody = registry.hash();
    registry.joined_elsewhere(FRANKFURT, member(ADA));
    assert_eq!(registry.hash(), nobody);
    registry.join(HERE, member(ADA)).unwrap();
    let ada = registry.hash();
    registry.join(HERE, Member { epoch: 1, ..member(ADA) }).unwrap();
    assert!(registry.hash() != ada && ada != nobody);
    registry.end(now, HERE, ADA, Ended::Lost);
    assert_eq!(registry.hash(), nobody);
}

#[test]
fn who_left_while_we_were_cut_off_is_not_waited_for_unless_somebody_else_has_him() {
    let (mut registry, now) = (Registry::default(), clock::now());
    let bob = ParticipantId(2);
    registry.heard(now, FRANKFURT, 1);
    registry.digest(now, FRANKFURT, vec![member(ADA), member(bob)], 1);
    registry.handle_timeout(now + SILENT);
    registry.joined_elsewhere(SINGAPORE, member(bob));
    told(&mut registry);
    registry.farewell(now + SILENT, FRANKFURT, &[ADA.0, bob.0]);
    registry.digest(now + SILENT, FRANKFURT, Vec::new(), 2);
    assert_eq!(told(&mut registry), ["Left", "gone with 0"]);
    assert_eq!(registry.farewells(), [ADA.0]);
    assert_eq!(registry.holders(bob).collect::<Vec<_>>(), [SINGAPORE]);
}

#[test]
fn what_a_member_says_of_itself_is_told_when_it_changes() {
    let mut registry = Registry::default();
    registry.join(HERE, member(ADA)).unwrap();
    registry.join(HERE, member(ADA)).unwrap();
    registry.join(HERE, Member { epoch: 1, ..member(ADA) }).unwrap();
    assert_eq!(told(&mut registry), ["Connected", "Connected"]);
    registry.digest(clock::now(), FRANKFURT, vec![member(ADA)], 1);
    assert_eq!(registry.member(ADA).unwrap().epoch, 1, "a digest may be behind");
}

#[test]
fn a_room_has_room_for_so_many_and_a_participant_belongs_to_one_user() {
    let mut registry = Registry::default();
    for number in 1..=limits::MEMBERS as u64 {
        registry.join(SessionId(number), member(ParticipantId(number))).unwrap();
    }
    assert_eq!(registry.join(SessionId(999), member(ParticipantId(999))), Err(JoinError::Full));
    let other = Member { user: "mallory".into(), ..member(ParticipantId(1)) };
    assert_eq!(registry.join(SessionId(999), other), Err(JoinError::OtherUser));
    registry.join(SessionId(999), member(ParticipantId(1))).unwrap();
}

fn instance(stamp: u8, since_ms: u64) -> Member {
    Member { stamp: vec![stamp; 16].into(), since_ms, ..member(ADA) }
}

#[test]
fn nobody_enters_under_the_number_of_an_instance_without_its_proof() {
    let mut registry = Registry::default();
    registry.join(HERE, instance(1, 5)).unwrap();
    assert_eq!(registry.join(SessionId(2), instance(2, 6)), Err(JoinError::OtherInstance));
    assert_eq!(registry.join(SessionId(2), member(ADA)), Err(JoinError::OtherInstance));
    registry.join(SessionId(2), instance(1, 9)).unwrap();
    assert_eq!(registry.member(ADA).unwrap().since_ms, 5);
    assert!(registry.roster(ParticipantId(1)).iter().all(|member| member.stamp.is_empty() && member.since_ms == 0));
}

#[test]
fn a_number_that_nobody_proved_is_taken_by_whoever_has_a_proof() {
    let mut registry = Registry::default();
    registry.join(HERE, member(ADA)).unwrap();
    registry.join(SessionId(2), instance(1, 5)).unwrap();
    assert_eq!(registry.join(SessionId(3), member(ADA)), Err(JoinError::OtherInstance));
}

#[test]
fn who_waits_for_its_member_to_come_back_takes_no_other_instance_meanwhile() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.joined_elsewhere(FRANKFURT, instance(1, 5));
    registry.digest(now, FRANKFURT, Vec::new(), 1);
    assert_eq!(registry.join(HERE, instance(2, 6)), Err(JoinError::OtherInstance));
    registry.join(HERE, instance(1, 7)).unwrap();
    registry.end(now, HERE, ADA, Ended::Lost);
    registry.handle_timeout(now + RECONNECT);
    registry.join(HERE, instance(2, 40_000)).unwrap();
}

#[test]
fn of_two_instances_at_two_relays_the_first_stays_whichever_is_told_of_which() {
    for (here, there, ousted) in [(1, 2, false), (2, 1, true)] {
        for digest in [false, true] {
            let (mut registry, now) = (Registry::default(), clock::now());
            registry.join(HERE, instance(here, here.into())).unwrap();
            let other = instance(there, there.into());
            match digest {
                true => registry.digest(now, FRANKFURT, vec![other], 1),
                false => registry.joined_elsewhere(FRANKFURT, other),
            }
            let told = told(&mut registry);
            assert_eq!(told.contains(&"1 impostors".to_owned()), ousted, "{told:?}");
            assert_eq!(registry.member(ADA).unwrap().stamp, vec![1; 16]);
            assert_eq!(registry.sessions(ADA).count(), usize::from(!ousted));
            assert_eq!(registry.holders(ADA).count(), usize::from(ousted));
        }
    }
}

#[test]
fn a_digest_for_which_there_was_no_place_is_asked_for_again() {
    let (mut registry, now) = (Registry::default(), clock::now());
    registry.digest(now, FRANKFURT, (1..=limits::MEMBERS as u64).map(|it| member(ParticipantId(it))).collect(), 1);
    registry.digest(now, SINGAPORE, vec![member(ADA)], 1);
    assert!(registry.pulse(now, SINGAPORE, 1), "there may be a place by now");
    registry.ended_elsewhere(now, FRANKFURT, ParticipantId(1), Ended::Left);
    registry.digest(now, SINGAPORE, vec![member(ADA)], 1);
    assert!(!registry.pulse(now, SINGAPORE, 1) && registry.member(ADA).is_some());
    registry.step(now, SINGAPORE, Some(Step { before: 1, after: 2 }));
    registry.joined_elsewhere(SINGAPORE, member(ParticipantId(0xb0b)));
    assert!(registry.pulse(now, SINGAPORE, 2));
}

#[test]
fn what_a_digest_says_of_a_member_of_two_relays_is_asked_for_again_until_it_is_settled() {
    let (mut registry, now) = (Registry::default(), clock::now());
    let changed = Member { epoch: 1, ..member(ADA) };
    registry.joined_elsewhere(FRANKFURT, member(ADA));
    registry.joined_elsewhere(SINGAPORE, member(ADA));
    registry.digest(now, SINGAPORE, vec![changed.clone()], 1);
    assert!(registry.pulse(now, SINGAPORE, 1), "one of the two is behind");
    registry.ended_elsewhere(now, FRANKFURT, ADA, Ended::Moved);
    registry.digest(now, SINGAPORE, vec![changed], 1);
    assert!(!registry.pulse(now, SINGAPORE, 1));
    assert_eq!(registry.member(ADA).unwrap().epoch, 1);
}
