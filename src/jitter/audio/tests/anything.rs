//! Whatever a network or a sender may do: what holds in any case.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_network_does_no_number_plays_twice_or_backwards(
        first in prop_oneof![Just(0_u32), Just(u32::MAX - 60), any::<u32>()],
        fates in prop::collection::vec((0_u64..400_000, prop::option::weighted(0.3, 0_u64..600_000), 0_u8..10), 1..250),
        period in prop_oneof![Just(0_i64), Just(2_500), Just(7_000), Just(15_000)],
    ) {
        let mut room = Room::new(1_000);
        room.period = period;
        for (index, (delay, copy, luck)) in fates.iter().enumerate() {
            let sent = index as u64 * 20_000;
            let packet = AudioIn { dtx: *luck == 9, ..packet(first.wrapping_add(index as u32), sent) };
            if *luck > 0 {
                room.send(sent + delay, packet.clone());
            }
            if let Some(copy) = copy {
                room.send(sent + copy, packet);
            }
        }
        room.run(fates.len() as u64 * 20_000 + 2_000_000);
        let played: Vec<u32> = room.played().iter().map(|number| number.wrapping_sub(first)).collect();
        prop_assert!(ascending(&played), "{played:?}");
        let stats = room.buffer.stats();
        prop_assert!(stats.recovered <= stats.lost);
        prop_assert!(played.len() as u64 + stats.lost <= fates.len() as u64);
    }

    #[test]
    fn no_packet_makes_it_panic_or_grow(
        steps in prop::collection::vec((any::<u32>(), any::<u64>(), 0_u64..100_000, any::<bool>(), 0_usize..4), 0..400),
    ) {
        let mut buffer = AudioBuffer::new(AudioConfig::default());
        let mut now = crate::clock::now();
        for (number, capture_us, wait_us, small, pulls) in steps {
            let (number, capture_us) = if small { (number % 300, capture_us % 6_000_000) } else { (number, capture_us) };
            buffer.push(now, packet(number, capture_us));
            now += Duration::from_micros(wait_us);
            (0..pulls).for_each(|_| drop(buffer.pull(now, wait_us)));
            buffer.stretched(wait_us as i64 - 50_000);
            prop_assert!(buffer.packets.len() <= 100);
        }
        buffer.stats();
    }
}
