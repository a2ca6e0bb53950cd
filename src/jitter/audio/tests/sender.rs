//! A sender that falls silent, is muted, vanishes, or counts past the end or anew.

use super::*;

#[test]
fn announced_silence_is_no_gap_and_the_voice_comes_back_at_the_target() {
    let mut room = Room::new(4_000);
    for index in 0..50 {
        room.send(index * 20_000, AudioIn { dtx: index == 49, ..nth(index) });
    }
    for index in 50..100 {
        let pause = 1_234_567;
        room.send(index * 20_000 + pause, packet(index as u32, nth(index).capture_us + pause));
    }
    room.run(1_500_000);
    assert!(!room.buffer.media_expected());
    assert_eq!(room.log.last().unwrap().1, Pull::Silence);
    room.run(3_000_000);
    let stats = room.buffer.stats();
    assert_eq!((stats.lost, stats.concealed_ms, stats.longest_gap_ms), (0, 0, 0));
    assert!(ascending(&room.played()) && room.played().len() >= 85);
    assert!(room.buffer.media_expected());
    assert!(stats.delay_ms <= 40.0, "{stats:?}");
}

#[test]
fn a_muted_participant_leaves_no_gap_and_one_that_vanishes_leaves_one() {
    for (paused, expected_ms) in [(true, 0), (false, 2000 - 20)] {
        let mut room = Room::new(4_000);
        (0..50).for_each(|index| room.send(index * 20_000, nth(index)));
        room.run(1_004_001);
        if paused {
            room.buffer.pause();
        }
        room.run(3_000_000);
        assert!(room.buffer.stats().concealed_ms.abs_diff(expected_ms) <= 20, "{:?}", room.buffer.stats());
        assert_eq!(room.buffer.media_expected(), !paused);
    }
}

#[test]
fn numbers_go_on_through_their_wrap() {
    let mut room = Room::new(4_000);
    let first = u32::MAX - 20;
    (0..50).for_each(|index| room.send(index * 20_000, packet(first.wrapping_add(index as u32), index * 20_000)));
    room.run(1_000_000);
    let expected: Vec<u32> = (0..room.played().len() as u32).map(|index| first.wrapping_add(index)).collect();
    assert_eq!(room.played(), expected);
    assert!(expected.len() >= 48);
    assert_eq!(room.buffer.stats().lost, 0);
}

#[test]
fn a_sender_that_counts_anew_is_followed() {
    for (number, capture_jump, most_gap_ms, why) in [
        (0_u32, 0_i64, 0, "the count begins again"),
        (100_000, 0, 20, "the count jumps ahead"),
        (2_000, 3_600_000_000, 200, "the clock jumps ahead"),
        (0, -30_000_000, 1500, "count and clock begin again"),
        (2_000, -30_000_000, 1500, "the clock jumps back"),
    ] {
        let mut room = Room::new(14_000);
        for index in 0..2000 {
            room.send(index * 20_000, packet(index as u32, index * 20_000));
        }
        for index in 2000..3000 {
            let capture = (index as i64 * 20_000 + capture_jump) as u64;
            room.send(index * 20_000, packet(number + index as u32 - 2000, capture));
        }
        room.run(60_000_000);
        let stats = room.buffer.stats();
        assert!(stats.longest_gap_ms <= most_gap_ms, "{why}: {stats:?}");
        assert!(room.played().last() >= Some(&(number + 997)), "{why}: {:?}", room.played().last());
        assert!(stats.lost <= 5, "{why}: {stats:?}");
    }
}
