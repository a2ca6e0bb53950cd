//! A sender that moves to another path, make-before-break or all at once.

use super::*;

#[test]
fn make_before_break_plays_each_packet_once_without_a_gap() {
    for (old_ms, new_ms) in [(30, 45), (45, 30), (30, 30)] {
        let mut room = Room::new(4_000);
        for index in 0..1000 {
            if index < 520 {
                room.send(index * 20_000 + old_ms * 1000, nth(index));
            }
            if index >= 500 {
                room.send(index * 20_000 + new_ms * 1000, nth(index));
            }
        }
        room.run(19_000_000);
        let stats = room.buffer.stats();
        assert_eq!((stats.lost, stats.late, stats.duplicates), (0, 0, 20), "{old_ms} to {new_ms}");
        assert!(stats.concealed_ms <= if new_ms > old_ms { 20 } else { 0 }, "{old_ms} to {new_ms}: {stats:?}");
        assert_eq!(room.played(), (0..room.played().len() as u32).collect::<Vec<_>>());
    }
}

#[test]
fn after_a_move_to_a_path_of_another_length_the_delay_is_that_of_the_new_path() {
    for (old_ms, new_ms) in [(20_u64, 220_u64), (220, 20), (10, 70), (70, 10)] {
        let mut room = Room::new(4_000);
        for index in 0..1500 {
            let path_ms = if index < 700 { old_ms } else { new_ms };
            room.send(index * 20_000 + path_ms * 1000, nth(index));
        }
        room.run(29_900_000);
        let beyond = room.last_delay_ms() - new_ms as f64;
        assert!((0.0..=40.0).contains(&beyond), "{old_ms} to {new_ms}: {beyond} ms beyond the path");
        let stats = room.buffer.stats();
        assert!(stats.concealed_ms <= new_ms.saturating_sub(old_ms) + 60, "{old_ms} to {new_ms}: {stats:?}");
        assert!(ascending(&room.played()));
    }
}
