//! A sender, a network that delays, drops and repeats, and a listener, in virtual time.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A small seeded generator, so that every run is the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A hybrid Opus packet with LBRR, as far as its first two bytes go, that carries its number.
fn packet(number: u32, capture_us: u64) -> AudioIn {
    let mut payload = vec![0x78, 0xC0];
    payload.extend(number.to_be_bytes());
    AudioIn { number, capture_us, dtx: false, payload: payload.into() }
}

fn number_of(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[2..6].try_into().unwrap())
}

/// The sender's packet of that index: 20 ms each from an arbitrary capture time on.
fn nth(index: u64) -> AudioIn {
    packet(index as u32, 7_000_000 + index * 20_000)
}

/// A listener, as the mixer is one: 20 ms at a time, with what is left of a frame kept for the next.
struct Room {
    buffer: AudioBuffer,
    base: Instant,
    /// Arrival in µs and packet.
    wire: Vec<(u64, AudioIn)>,
    /// Moment of the next tick, µs.
    next_tick: u64,
    /// Decoded and not played, µs.
    ahead: i64,
    /// A splice is a multiple of this, µs; 0 where the sound has no place for one unless it must be.
    period: i64,
    /// When what was pulled begins to be played, µs.
    log: Vec<(u64, Pull)>,
}

impl Room {
    fn new(phase_us: u64) -> Self {
        let buffer = AudioBuffer::new(AudioConfig::default());
        let base = crate::clock::now();
        Self { buffer, base, wire: Vec::new(), next_tick: phase_us, ahead: 0, period: 5_000, log: Vec::new() }
    }

    fn send(&mut self, at_us: u64, packet: AudioIn) {
        self.wire.push((at_us, packet));
    }

    /// Pushes and pulls in order of time until `until_us`.
    fn run(&mut self, until_us: u64) {
        self.wire.sort_by_key(|(at, _)| *at);
        let mut wire = std::mem::take(&mut self.wire).into_iter().peekable();
        while self.next_tick < until_us {
            while let Some((at, packet)) = wire.next_if(|(at, _)| *at <= self.next_tick) {
                self.buffer.push(self.base + Duration::from_micros(at), packet);
            }
            while self.ahead < 20_000 {
                self.pull();
            }
            self.ahead -= 20_000;
            self.next_tick += 20_000;
        }
        self.wire = wire.collect();
    }

    fn pull(&mut self) {
        let pull = self.buffer.pull(self.base + Duration::from_micros(self.next_tick), self.ahead as u64);
        let begins = self.next_tick + self.ahead as u64;
        self.ahead = match &pull {
            Pull::Silence => 20_000,
            Pull::Stretch(_, stretch) => self.ahead + 20_000 + self.spliced(*stretch),
            _ => self.ahead + 20_000,
        };
        self.log.push((begins, pull));
    }

    fn spliced(&mut self, stretch: Stretch) -> i64 {
        let period = match (self.period, stretch.haste) {
            (0, Haste::Now) => 5_000,
            (period, _) => period,
        };
        let periods = stretch.by_us.abs().min(15_000).checked_div(period).unwrap_or(0);
        let by = match stretch.by_us {
            1.. => periods.max(1) * period,
            _ => -periods * period,
        };
        self.buffer.stretched(by);
        by
    }

    /// Every number whose audio was played, in order.
    fn played(&self) -> Vec<u32> {
        let numbers = self.log.iter().filter_map(|(_, pull)| match pull {
            Pull::Packet(payload) | Pull::Stretch(payload, _) => Some(number_of(payload)),
            _ => None,
        });
        numbers.collect()
    }

    fn count(&self, wanted: &Pull) -> usize {
        self.log.iter().filter(|(_, pull)| pull == wanted).count()
    }

    /// Delay of the last packet played, against a sender of [`nth`] without network, ms.
    fn last_delay_ms(&self) -> f64 {
        let last = self.log.iter().rev().find_map(|(at, pull)| match pull {
            Pull::Packet(payload) | Pull::Stretch(payload, _) => {
                Some(*at as f64 / 1000.0 - f64::from(number_of(payload)) * 20.0)
            }
            _ => None,
        });
        last.unwrap()
    }
}

fn ascending(numbers: &[u32]) -> bool {
    numbers.is_sorted_by(|a, b| a < b)
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
