//! What does not come, or too late: single packets, dead links and stalls that end in a burst.

use super::*;

#[test]
fn a_missing_packet_is_recovered_from_the_next_one_only_if_that_carries_it() {
    for (fec, recovered, concealed_ms) in [(true, 1, 0), (false, 0, 20)] {
        let mut room = Room::new(5_000);
        for index in (0..100).filter(|index| *index != 50) {
            let mut next = nth(index);
            if !fec {
                next.payload = [&[0x78, 0x80], &next.payload[2..]].concat().into();
            }
            room.send(index * 20_000, next);
        }
        room.run(2_000_000);
        let stats = room.buffer.stats();
        assert_eq!((stats.lost, stats.recovered, stats.concealed_ms), (1, recovered, concealed_ms));
        assert_eq!(stats.longest_gap_ms, concealed_ms);
        let wanted = Pull::Recover(nth(51).payload);
        assert_eq!(room.count(&wanted), recovered as usize);
    }
}

#[test]
fn what_comes_too_late_for_its_turn_is_lost_and_not_missing() {
    for stall_ms in [60, 100, 160, 300, 700, 2000] {
        let mut room = Room::new(4_000);
        let (from, until) = (2_000_000, 2_000_000 + stall_ms * 1000);
        for index in 0..500 {
            let at = index * 20_000;
            room.send(if (from..until).contains(&at) { until } else { at }, nth(index));
        }
        room.run(12_000_000);
        let stats = room.buffer.stats();
        assert_eq!((stats.received, stats.missing), (500, 0), "{stall_ms} ms: {stats:?}");
        assert!(stall_ms < 100 || stats.lost > 0, "{stall_ms} ms: {stats:?}");
    }
}

#[test]
fn a_link_that_dies_costs_the_gap_that_is_measured_and_no_delay_afterwards() {
    for dead_ms in [100, 300, 500, 700, 3000] {
        let mut room = Room::new(4_000);
        let dead = 2_000_000..2_000_000 + dead_ms * 1000;
        (0..500)
            .filter(|index| !dead.contains(&(index * 20_000)))
            .for_each(|index| room.send(index * 20_000, nth(index)));
        room.run(1_900_000);
        let before = room.last_delay_ms();
        assert_eq!(room.buffer.take_longest_gap_ms(), 0);
        room.run(10_000_000);
        let stats = room.buffer.stats();
        assert_eq!(stats.longest_gap_ms, dead_ms - 20, "the last missing packet is recovered: {stats:?}");
        assert_eq!((stats.lost, stats.missing, stats.recovered), (dead_ms / 20, dead_ms / 20, 1));
        assert_eq!(stats.concealed_ms, stats.longest_gap_ms);
        assert_eq!(room.buffer.take_longest_gap_ms(), stats.longest_gap_ms);
        assert_eq!(room.buffer.take_longest_gap_ms(), 0);
        assert!((room.last_delay_ms() - before).abs() <= 20.0, "{before} and then {}", room.last_delay_ms());
        assert!(room.count(&Pull::Conceal) <= 5, "silence follows 100 ms of concealment");
    }
}

#[test]
fn a_stall_that_ends_in_a_burst_leaves_neither_delay_nor_a_raised_target_behind() {
    for stall_ms in [200, 500, 1000, 3000, 8000] {
        let mut room = Room::new(4_000);
        let end = 12_000_000 + stall_ms * 1000;
        for index in 0..1500 {
            let at = index * 20_000;
            let at = if (12_000_000..end).contains(&at) { end + index } else { at };
            room.send(at, nth(index));
        }
        room.run(end + 40_000);
        assert!(room.last_delay_ms() <= 60.0, "{stall_ms}: at once {}", room.last_delay_ms());
        room.run(30_000_000);
        let stats = room.buffer.stats();
        assert!(stats.longest_gap_ms <= stall_ms && stats.longest_gap_ms + 60 >= stall_ms, "{stall_ms}: {stats:?}");
        assert!(stats.target_ms <= 40.0, "{stall_ms}: {stats:?}");
        assert!(ascending(&room.played()));
    }
}

#[test]
fn a_short_stall_is_played_late_and_whole() {
    let mut room = Room::new(4_000);
    for index in 0..500 {
        let at = index * 20_000;
        room.send(if (2_000_000..2_060_000).contains(&at) { 2_060_000 + index } else { at }, nth(index));
    }
    room.run(2_120_000);
    assert_eq!(room.buffer.stats().lost, 0);
    assert!(room.last_delay_ms() >= 60.0, "{}", room.last_delay_ms());
    room.run(3_060_000);
    assert!(room.last_delay_ms() <= 30.0, "a second later {}", room.last_delay_ms());
    assert_eq!(room.played(), (0..room.played().len() as u32).collect::<Vec<_>>());
}
