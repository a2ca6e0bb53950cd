//! What is heard late: with jitter, with loss, with clocks that differ, and after a pause of the listener's.

use super::*;

/// A small seeded generator, so that every run is the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn without_jitter_the_delay_is_never_over_30_ms_wherever_the_ticks_fall() {
    for phase_us in (0..20_000).step_by(500) {
        for period in [0, 5_000] {
            let mut room = Room::new(phase_us);
            room.period = period;
            (0..1000).for_each(|index| room.send(index * 20_000, nth(index)));
            room.run(20_000_000);
            assert!(room.last_delay_ms() <= 30.0, "phase {phase_us}: {}", room.last_delay_ms());
            let stats = room.buffer.stats();
            assert!(stats.delay_ms <= 30.0, "phase {phase_us}: {stats:?}");
            assert_eq!((stats.lost, stats.concealed_ms, stats.grown_ms), (0, 0, 0.0), "phase {phase_us}");
            assert!(stats.shrunk_ms <= 20.0, "phase {phase_us}: {stats:?}");
            assert_eq!(room.played(), (0..room.played().len() as u32).collect::<Vec<_>>());
        }
    }
}

/// What jitter and loss cost: jitter ms, loss in thousandths, then the most for mean delay and for concealed audio in thousandths.
#[test]
fn jitter_and_loss_cost_no_more_than_this() {
    for (jitter_ms, loss, most_delay_ms, most_concealed, why) in [
        (0, 0, 40.0, 0, "nothing to pay for"),
        (20, 0, 50.0, 8, "jitter of a frame"),
        (80, 0, 100.0, 12, "jitter of four frames"),
        (0, 50, 50.0, 12, "loss is made good by the next packet, which is waited for"),
        (80, 50, 100.0, 25, "both"),
    ] {
        let mut dice = Dice(7);
        let mut room = Room::new(3_000);
        for index in 0..3000 {
            if dice.below(1000) >= loss {
                room.send(index * 20_000 + dice.below(jitter_ms * 1000 + 1), nth(index));
            }
        }
        room.run(60_000_000);
        let stats = room.buffer.stats();
        println!("jitter {jitter_ms} ms, loss {loss} per mille: {stats:?}");
        assert!(stats.delay_ms <= most_delay_ms, "{why}: {stats:?}");
        assert!(stats.concealed_ms <= 60 * most_concealed, "{why}: {stats:?}");
        assert!(ascending(&room.played()), "{why}");
    }
}

#[test]
fn a_clock_that_drifts_for_half_an_hour_costs_neither_delay_nor_a_frame() {
    for ppm in [-200_i64, -50, 50, 200] {
        let mut room = Room::new(4_000);
        let mut halves = Vec::new();
        for half in 0..2_u64 {
            for index in half * 45_000..(half + 1) * 45_000 {
                let at = (index as i64 * (20_000_000_000 + 20_000 * ppm) / 1_000_000) as u64;
                room.send(at, nth(index));
            }
            let sum_before = room.buffer.stats().delay_ms * (half * 45_000) as f64;
            room.run((half + 1) * 899_000_000);
            halves.push((room.buffer.stats().delay_ms * ((half + 1) * 45_000) as f64 - sum_before) / 45_000.0);
        }
        let stats = room.buffer.stats();
        println!("{ppm} ppm: {halves:.1?} ms, {stats:?}");
        assert!(halves.iter().all(|delay| *delay <= 30.0), "{ppm} ppm: {halves:?}");
        assert!((halves[0] - halves[1]).abs() <= 3.0, "{ppm} ppm: {halves:?}");
        assert_eq!((stats.lost, stats.concealed_ms), (0, 0), "{ppm} ppm: {stats:?}");
        assert_eq!(room.played(), (0..room.played().len() as u32).collect::<Vec<_>>());
        // Not more is stretched than the clocks differ by, and crumbs.
        let drift_ms = 1798.0 * ppm.abs() as f64 / 1000.0;
        assert!(stats.grown_ms + stats.shrunk_ms <= drift_ms * 1.6 + 40.0, "{ppm} ppm: {stats:?}");
    }
}

#[test]
fn a_mixer_that_paused_goes_on_at_the_target() {
    let mut room = Room::new(4_000);
    (0..1000).for_each(|index| room.send(index * 20_000, nth(index)));
    room.run(2_000_000);
    room.next_tick += 5_000_000;
    room.run(10_000_000);
    assert!(room.last_delay_ms() <= 60.0, "{}", room.last_delay_ms());
    assert!(ascending(&room.played()));
}

#[test]
fn jitter_is_that_of_rfc_3550() {
    let mut room = Room::new(4_000);
    (0..500).for_each(|index| room.send(index * 20_000 + index % 2 * 10_000, nth(index)));
    room.run(10_000_000);
    assert!((room.buffer.stats().jitter_ms - 10.0).abs() < 0.1);
}
