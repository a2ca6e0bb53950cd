//! Two participants on two clocks, in virtual time.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;
const ALICE: ParticipantId = ParticipantId(1);
const BOB: ParticipantId = ParticipantId(2);

/// A network whose two ways may differ, ms.
struct Path {
    up: u64,
    between: u64,
    down: u64,
}

/// Alice speaks for `seconds`; gives what bob finds. Bob's clock was started `apart` later than alice's.
fn talk(path: &Path, apart: Duration, seconds: u64) -> (Delays, MouthToEar) {
    let start = crate::clock::now();
    let (alice_clock, bob_clock) = (MediaClock::starting(start), MediaClock::starting(start + apart));
    let (mut alice, mut bob) = (Delays::new(alice_clock), Delays::new(bob_clock));
    let relay = (path.between == 0).then_some(5);
    let own = |link: u64| OwnSide { link_ms: Some(link as f64), relay, decode_ms: Some(0.5), playout_ms: Some(30.0) };
    let one_way = path.up + path.between + path.down;
    let begin = start + apart + MS(1000);
    let mut transit = Transit::default();
    let mut mail: Vec<(Instant, bool, Timing)> = Vec::new();
    alice.joined();
    bob.joined();
    for tick in 0..seconds * 50 {
        let now = begin + MS(tick * 20);
        // 20 ms are taken, coded in 1 ms, and travel; every second packet is 8 ms late. Then 60 ms in the buffer.
        let capture_us = alice_clock.us_at(now);
        alice.sending.sent(MS(21), MS(1));
        transit.add(capture_us, now + MS(21 + one_way + 8 * (tick % 2)));
        if tick % 5 == 4 {
            let playing = (capture_us, now + MS(21 + one_way + 4 + 60));
            bob.heard(ALICE, &mut transit, Some(playing), own(path.down));
        }
        mail.extend(alice.due(now, own(path.up)).map(|timing| (now + MS(one_way), true, timing)));
        mail.extend(bob.due(now, own(path.down)).map(|timing| (now + MS(one_way), false, timing)));
        for (at, to_bob, timing) in mail.extract_if(.., |(at, ..)| *at <= now) {
            match to_bob {
                true => bob.timing(at, ALICE, BOB, &timing),
                false => alice.timing(at, BOB, ALICE, &timing),
            }
        }
    }
    let parts = bob.of(ALICE);
    (bob, parts)
}

fn assert_near(value: Option<f64>, expected: f64) {
    assert!(value.is_some_and(|value| (value - expected).abs() < 1.0), "{value:?}, not {expected}");
}

#[test]
fn each_part_is_found_whatever_the_clocks_say() {
    for apart in [0, 7_000, 3_600_000] {
        let (bob, parts) = talk(&Path { up: 10, between: 40, down: 15 }, MS(apart), 20);
        assert_near(parts.capture_ms, 20.0);
        assert_near(parts.encode_ms, 1.0);
        assert_near(parts.uplink_ms, 10.0);
        assert_near(parts.between_ms, 44.0);
        assert_near(parts.downlink_ms, 15.0);
        assert_near(parts.jitter_buffer_ms, 60.0);
        assert_near(parts.sum_ms(), 21.0 + 65.0 + 4.0 + 60.0 + 30.5);
        assert_near(bob.mean(ALICE).sum_ms(), 180.5);
    }
}

#[test]
fn of_one_relay_nothing_is_between_and_the_sum_is_what_was_measured() {
    let (_, parts) = talk(&Path { up: 30, between: 0, down: 30 }, MS(500), 20);
    assert_eq!(parts.between_ms.map(f64::round), Some(0.0), "{parts:?}");
    assert_near(parts.uplink_ms, 32.0);
    assert_near(parts.sum_ms(), 21.0 + 60.0 + 4.0 + 60.0 + 30.5);
}

#[test]
fn what_is_not_known_is_null_and_no_sum_is_made_of_it() {
    let clock = MediaClock::start();
    let (mut bob, mut transit, now) = (Delays::new(clock), Transit::default(), crate::clock::now());
    assert_eq!(bob.of(ALICE), MouthToEar::default());
    transit.add(5_000_000, now);
    let own = OwnSide { link_ms: Some(10.0), decode_ms: Some(0.1), ..OwnSide::default() };
    bob.heard(ALICE, &mut transit, Some((5_000_000, now + MS(40))), own);
    let parts = bob.of(ALICE);
    assert_near(parts.jitter_buffer_ms, 40.0);
    assert_eq!((parts.downlink_ms, parts.capture_ms, parts.between_ms, parts.sum_ms()), (Some(10.0), None, None, None));
    // Its sender tells, but has not heard of us yet: nothing is known of the clocks.
    let timing = Timing {
        sent_us: 1,
        capture_us: Some(20_000),
        encode_us: Some(500),
        uplink_us: Some(9_000),
        ..Timing::default()
    };
    bob.timing(now, ALICE, BOB, &timing);
    transit.add(5_020_000, now + MS(20));
    bob.heard(ALICE, &mut transit, None, own);
    assert_eq!((bob.of(ALICE).capture_ms, bob.of(ALICE).sum_ms()), (Some(20.0), None));
    assert_eq!(bob.mean(ALICE).uplink_ms, Some(9.0));
}

#[test]
fn messages_go_out_often_when_somebody_came_and_each_5_s_otherwise() {
    let mut delays = Delays::new(MediaClock::start());
    let start = crate::clock::now();
    let sent = |delays: &mut Delays, seconds: std::ops::Range<u64>| {
        let due = |tenth: &u64| delays.due(start + MS(tenth * 100), OwnSide::default()).is_some();
        (seconds.start * 10..seconds.end * 10).filter(due).count()
    };
    assert_eq!(sent(&mut delays, 0..6), 2);
    delays.joined();
    assert_eq!(sent(&mut delays, 6..10), 4);
    assert_eq!(sent(&mut delays, 10..20), 2);
}

#[test]
fn nonsense_from_a_peer_makes_no_panic() {
    let (mut delays, now) = (Delays::new(MediaClock::start()), crate::clock::now());
    for value in [0, 1, u64::MAX / 2, u64::MAX] {
        let echoes = vec![Echo { participant: BOB.0, sent_us: value, held_us: value }];
        let timing = Timing { sent_us: value, uplink_us: Some(u32::MAX), echoes, ..Timing::default() };
        delays.timing(now, ALICE, BOB, &timing);
        let mut transit = Transit::default();
        transit.add(value, now);
        transit.add(u64::MAX - value, now);
        delays.heard(ALICE, &mut transit, Some((value, now)), OwnSide::default());
        delays.due(now + APART, OwnSide::default());
    }
}
