//! A test a rule. Time is virtual; see [`super::sim`].

use std::time::Duration;

use proptest::prelude::*;

use crate::proto::Transport::{self, WebSocket, WebTransport};
use crate::proto::probe::RelayState;
use crate::proto::{RelayInstance, Transport as T};

use super::sim::*;
use super::*;

const THREE: [&str; 3] = ["singapore", "frankfurt", "us-east"];

fn three(relay: &str) -> f64 {
    match relay {
        "singapore" => 40.0,
        "frankfurt" => 170.0,
        _ => 254.0,
    }
}

fn calm(c: &Candidate, _: f64) -> Weather {
    rtt(three(&c.relay))
}

/// Two relays in one region, one in another: a standby that is near.
const PAIR: [&str; 3] = ["london-1", "london-2", "paris-1"];

fn pair(relay: &str) -> f64 {
    match relay {
        "london-1" => 50.0,
        "london-2" => 56.0,
        _ => 80.0,
    }
}

#[test]
fn the_nearest_region_wins_the_race() {
    struct Row {
        why: &'static str,
        weather: fn(&Candidate, f64) -> Weather,
        expected: (&'static str, Transport),
        within_ms: f64,
    }
    let rows = [
        Row {
            why: "singapore at 40 ms, over WebTransport",
            weather: calm,
            expected: ("singapore", WebTransport),
            within_ms: 4.0 * 40.0 + 200.0,
        },
        Row {
            why: "UDP is blocked everywhere: WebSocket to the nearest",
            weather: |c, t| match c.transport {
                WebTransport => Weather { way: Way::Hole, ..calm(c, t) },
                WebSocket => calm(c, t),
            },
            expected: ("singapore", WebSocket),
            within_ms: 4.0 * 40.0 + 500.0,
        },
        Row {
            why: "UDP is blocked near, and a far region over QUIC does not beat it",
            weather: |c, t| match (c.transport, c.relay.as_str()) {
                (WebTransport, "singapore") => Weather { way: Way::Hole, ..calm(c, t) },
                _ => calm(c, t),
            },
            expected: ("singapore", WebSocket),
            within_ms: 4.0 * 40.0 + 500.0,
        },
        Row {
            why: "the nearest drains: the next that is ready",
            weather: |c, t| match c.relay.as_str() {
                "singapore" => Weather { state: RelayState::Draining, ..calm(c, t) },
                _ => calm(c, t),
            },
            expected: ("frankfurt", WebTransport),
            within_ms: 3000.0,
        },
        Row {
            why: "nobody is ready: the nearest anyway",
            weather: |c, t| Weather { state: RelayState::Isolated, ..calm(c, t) },
            expected: ("singapore", WebTransport),
            within_ms: 1200.0,
        },
        Row {
            why: "the only one that answers, far away",
            weather: |c, t| match c.relay.as_str() {
                "us-east" => calm(c, t),
                _ => Weather { way: Way::Hole, ..calm(c, t) },
            },
            expected: ("us-east", WebTransport),
            within_ms: 4.0 * 254.0 + 500.0,
        },
        Row {
            why: "the nearest refuses: the next best at once",
            weather: |c, t| match c.relay.as_str() {
                "singapore" => Weather { refuses: true, ..calm(c, t) },
                _ => calm(c, t),
            },
            expected: ("frankfurt", WebTransport),
            within_ms: 2000.0,
        },
    ];
    for Row { why, weather, expected, within_ms } in rows {
        let mut world = World::new(&THREE, weather).join();
        world.run_to(3000.0);
        let elections = world.elections(0.0);
        assert_eq!(world.carrier(), Some((expected.0.to_owned(), expected.1)), "{why}: {:#?}", world.log);
        assert!(elections[0].0 <= within_ms + 40.0, "{why}: elected after {} ms", elections[0].0);
        assert_eq!(elections[0].1, Reason::First, "{why}");
    }
}

#[test]
fn a_leader_is_there_long_before_the_window_is_over() {
    let mut world = World::new(&THREE, calm);
    world.run_to(5000.0);
    let decided = world.elector.decided().unwrap();
    assert!(decided <= Duration::from_millis(4 * 40 + 200), "{decided:?}");
    assert_eq!(world.elections(0.0), [], "nobody asked to join");
    let outcome = world.elector.outcome().unwrap();
    assert_eq!(world.elector.candidate(outcome.elected).unwrap().relay, "singapore");
    assert!((outcome.margin_ms.unwrap() - 130.0).abs() < 1.0, "{outcome:?}");
    assert_eq!(world.elector.leader(), Some(outcome.elected));
    world.say(Input::Join);
    world.run_to(5100.0);
    assert_eq!(world.carrying_relay(), "singapore", "and Join costs one round trip");
}

#[test]
fn the_last_winner_is_dialled_first() {
    let config = Config { last_winner: Some("us-east".into()), ..Config::default() };
    let world = World::with(config, candidates(&THREE), 1, calm);
    let Some((_, Output::Dial { candidate, .. })) = world.log.first() else { panic!("{:?}", world.log) };
    assert_eq!(candidate.relay, "us-east");
    assert_eq!(world.count(0.0, |output| matches!(output, Output::Dial { .. })), 6, "and everybody else at once");
}

#[test]
fn eight_regions_at_two_percent_loss_elect_the_nearest() {
    const MATRIX: [f64; 8] = [31.0, 38.0, 74.0, 88.0, 142.0, 171.0, 203.0, 254.0];
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let (mut first, mut last, mut times) = (0, 0, Vec::new());
    let seeds = 120;
    for seed in 0..seeds {
        let turn = seed as usize % 8;
        let of = move |relay: &str| MATRIX[(NAMES.iter().position(|name| *name == relay).unwrap() + turn) % 8];
        let weather = move |c: &Candidate, t: f64| {
            let noise = ((t * 7.3 + of(&c.relay) * 3.1).sin() * 43758.5).fract().abs();
            Weather { loss: 0.02, ..rtt(of(&c.relay) + noise * 2.0) }
        };
        let mut world = World::with(Config::default(), candidates(&NAMES), seed, weather);
        let good = |world: &World| {
            let outcome = world.elector.leader().unwrap();
            // A tie by the rule counts.
            of(&world.elector.candidate(outcome).unwrap().relay) <= 31.0 + 10.0
        };
        while world.elector.decided().is_none() {
            let next = world.ms() + 5.0;
            world.run_to(next);
        }
        first += u64::from(good(&world));
        times.push(world.ms());
        world.run_to(3050.0);
        last += u64::from(good(&world));
    }
    times.sort_by(f64::total_cmp);
    let (first, last) = (first as f64 / seeds as f64, last as f64 / seeds as f64);
    println!("right at first {first:.3}, at the end {last:.3}, median {} ms", times[times.len() / 2]);
    assert!(first >= 0.94 && last >= 0.97 && times[times.len() / 2] <= 600.0);
}

#[test]
fn webtransport_of_the_same_relay_replaces_websocket_after_the_race() {
    // The first QUIC packet is lost: its retransmission takes a second, and WebSocket carries the call until then.
    let weather = |c: &Candidate, t: f64| match c.transport {
        WebTransport if t < 1.0 => Weather { rtt_ms: 600.0, ..rtt(0.0) },
        WebTransport => rtt(42.0),
        WebSocket => rtt(40.0),
    };
    let mut world = World::new(&["singapore"], weather).join();
    world.run_to(1000.0);
    assert_eq!(world.carrier().unwrap().1, WebSocket);
    world.run_to(12_000.0);
    assert_eq!(world.carrier().unwrap().1, WebTransport, "{:#?}", world.log);
    assert_eq!(world.elections(1000.0).iter().map(|(_, reason)| *reason).collect::<Vec<_>>(), [Reason::Transport]);
}

#[test]
fn one_lost_probe_moves_nothing_and_doubles_audio_for_a_moment_only() {
    let weather = |c: &Candidate, t: f64| {
        let lost = c.relay == "london-1" && (20_000.0..20_200.0).contains(&t);
        Weather { loss: if lost { 1.0 } else { 0.0 }, ..rtt(pair(&c.relay)) }
    };
    let mut world = World::new(&PAIR, weather).join();
    world.run_to(60_000.0);
    assert_eq!(world.elections(1000.0), []);
    let doubt: Vec<f64> =
        world.events(0.0, |event| matches!(event, EventKind::Suspect { .. })).iter().map(|(at, _)| *at).collect();
    assert!(doubt.len() == 2 && doubt[1] - doubt[0] < 200.0, "{doubt:?}");
    // With media flowing, a lost probe is not even a sign.
    let mut world = World::new(&PAIR, weather).join();
    world.run_to(10_000.0).set_media(true);
    world.run_to(60_000.0);
    assert_eq!(world.events(10_000.0, |event| matches!(event, EventKind::Suspect { .. })), []);
}

#[test]
fn a_lossy_path_is_not_left_for_its_losses() {
    for (loss, minutes) in [(0.02, 30), (0.1, 5)] {
        let weather = move |c: &Candidate, _: f64| {
            let loss = if c.transport == WebTransport { loss } else { 0.0 };
            Weather { loss, ..rtt(pair(&c.relay)) }
        };
        let mut world = World::with(Config::default(), vec![candidate("london-1", WebTransport)], 3, weather).join();
        world.run_to(minutes as f64 * 60_000.0);
        assert_eq!(world.elections(2000.0), [], "{loss}");
    }
}

#[test]
fn two_regions_that_swing_in_antiphase_are_left_alone_for_an_hour() {
    for seed in 0..2 {
        let weather = move |c: &Candidate, t: f64| {
            let phase = if c.relay == "a" { 0.0 } else { std::f64::consts::PI };
            let noise = ((t * 7.3 + phase).sin() * 43758.5).fract() * 2.0;
            let swing = (t / 20_000.0 * std::f64::consts::TAU + phase + seed as f64).sin() * 8.0;
            rtt(40.0 + swing + noise)
        };
        let mut world = World::with(Config::default(), candidates(&["a", "b"]), seed, weather).join();
        world.run_to(3_600_000.0);
        assert_eq!(world.elections(1000.0), [], "seed {seed}");
    }
}

#[test]
fn a_region_that_becomes_better_is_moved_to_without_a_gap() {
    struct Row {
        why: &'static str,
        weather: fn(&Candidate, f64) -> Weather,
        moves: usize,
        within_ms: f64,
    }
    let rows = [
        Row {
            why: "the active path degrades by far",
            weather: |c, t| rtt(if c.relay == "london-1" && t > 60_000.0 { 200.0 } else { pair(&c.relay) }),
            moves: 1,
            within_ms: 72_000.0,
        },
        Row {
            why: "a gain of 25 % is worth a move",
            weather: |c, t| rtt(if c.relay == "london-1" && t > 60_000.0 { 78.0 } else { pair(&c.relay) }),
            moves: 1,
            within_ms: 95_000.0,
        },
        Row {
            why: "a gain of 15 % is not",
            weather: |c, t| rtt(if c.relay == "london-1" && t > 60_000.0 { 65.0 } else { pair(&c.relay) }),
            moves: 0,
            within_ms: 0.0,
        },
        Row {
            why: "nor is anything for two seconds",
            weather: |c, t| {
                rtt(if c.relay == "london-1" && (60_000.0..62_000.0).contains(&t) { 90.0 } else { pair(&c.relay) })
            },
            moves: 0,
            within_ms: 0.0,
        },
        Row {
            why: "9 ms of 20 are noise",
            weather: |c, t| rtt(if c.relay == "london-1" { if t > 60_000.0 { 29.0 } else { 15.0 } } else { 20.0 }),
            moves: 0,
            within_ms: 0.0,
        },
    ];
    for Row { why, weather, moves, within_ms } in rows {
        let mut world = World::new(&PAIR, weather).join();
        world.run_to(180_000.0);
        let elections = world.elections(10_000.0);
        assert_eq!(elections.len(), moves, "{why}: {elections:?}");
        if let Some((at, reason)) = elections.first() {
            assert_eq!(*reason, Reason::Improve, "{why}");
            assert!(*at <= within_ms, "{why}: {at}");
        }
    }
}

#[test]
fn a_dead_region_is_left_within_400_ms_of_what_was_last_heard() {
    for way in [Way::Killed, Way::Hole] {
        for start in [30_000.0, 30_050.0, 30_101.0, 30_173.0] {
            let weather = move |c: &Candidate, t: f64| {
                let dead = c.relay == "london-1" && t >= start;
                Weather { way: if dead { way } else { Way::Open }, ..rtt(pair(&c.relay)) }
            };
            let mut world = World::new(&PAIR, weather).join();
            world.run_to(10_000.0).set_media(true);
            world.run_to(40_000.0);
            let elections = world.elections(10_000.0);
            assert_eq!(world.carrying_relay(), "london-2");
            assert_eq!(elections.len(), 1);
            assert!(elections[0].1 == Reason::FailOver && elections[0].0 - start <= 400.0, "{way:?}: {elections:?}");
            let doubled = world.log.iter().find(|(_, output)| matches!(output, Output::Duplicate { on: true, .. }));
            assert!(doubled.unwrap().0 - start <= 160.0, "audio flows on both links long before");
        }
    }
}

#[test]
fn a_closed_link_fails_over_at_once() {
    let mut world = World::new(&PAIR, |c, _| rtt(pair(&c.relay))).join();
    world.run_to(10_000.0);
    let old = world.elector.active();
    world.close(|c| c.relay == "london-1");
    assert_eq!(world.carrying_relay(), "london-2", "without waiting for anything");
    let tail: Vec<_> = world.log.iter().filter(|(at, _)| *at >= 10_000.0).map(|(_, output)| output.clone()).collect();
    let to = world.elector.active().unwrap();
    assert!(tail.contains(&Output::Move { from: None, to, reason: Reason::FailOver }));
    assert!(tail.contains(&Output::Elected { from: old, to, reason: Reason::FailOver }));
}

#[test]
fn a_quiet_room_is_not_a_sign_and_a_dead_uplink_is() {
    let mut world = World::new(&PAIR, |c, _| rtt(pair(&c.relay))).join();
    world.run_to(600_000.0);
    assert_eq!(world.events(1000.0, |event| matches!(event, EventKind::Suspect { .. })), []);

    let weather = |c: &Candidate, t: f64| {
        let dead = c.relay == "london-1" && t >= 30_000.0;
        Weather { way: if dead { Way::NoUplink } else { Way::Open }, ..rtt(pair(&c.relay)) }
    };
    let mut world = World::new(&PAIR, weather).join();
    world.run_to(10_000.0).set_media(true);
    world.run_to(40_000.0);
    let elections = world.elections(10_000.0);
    assert!(elections[0].1 == Reason::FailOver && elections[0].0 < 31_200.0, "{elections:?}");
}

#[test]
fn silence_of_all_links_is_the_local_network_and_moves_nobody() {
    for media in [true, false] {
        for length in [500.0, 2000.0, 8000.0] {
            let weather = move |c: &Candidate, t: f64| {
                let out = (30_000.0..30_000.0 + length).contains(&t);
                Weather { way: if out { Way::Hole } else { Way::Open }, ..rtt(pair(&c.relay)) }
            };
            let mut world = World::new(&PAIR, weather).join();
            world.run_to(10_000.0).set_media(media);
            world.run_to(60_000.0);
            assert_eq!(world.elections(10_000.0), [], "{length} ms, media {media}");
            assert_eq!(world.carrying_relay(), "london-1");
            let suspects = world.events(10_000.0, |event| matches!(event, EventKind::Suspect { .. }));
            assert_eq!(suspects.len(), 2, "and the doubt is settled");
        }
    }
}

#[test]
fn after_a_silence_of_all_the_link_that_comes_back_is_taken() {
    let weather = |c: &Candidate, t: f64| {
        let out = t >= 30_000.0 && (c.relay == "london-1" || t < 33_000.0);
        Weather { way: if out { Way::Hole } else { Way::Open }, ..rtt(pair(&c.relay)) }
    };
    let mut world = World::new(&PAIR, weather).join();
    world.run_to(10_000.0).set_media(true);
    world.run_to(36_000.0);
    let elections = world.elections(10_000.0);
    assert_eq!(world.carrying_relay(), "london-2");
    assert!(elections.len() == 1 && (33_200.0..34_000.0).contains(&elections[0].0), "{elections:?}");
}

#[test]
fn a_drain_moves_within_its_spread_and_never_to_another_that_drains() {
    let weather = |c: &Candidate, t: f64| {
        let state = if c.relay == "london-2" && t > 5000.0 { RelayState::Draining } else { RelayState::Ready };
        Weather { state, ..rtt(pair(&c.relay)) }
    };
    let mut world = World::new(&PAIR, weather).join();
    world.run_to(10_000.0).set_media(true);
    let link = world.elector.active().unwrap();
    world.say(Input::Drain { link, deadline: Duration::from_secs(9), spread: Duration::from_secs(60) });
    world.run_to(14_000.0);
    assert_eq!(world.carrying_relay(), "paris-1", "{:#?}", world.log);
    let elections = world.elections(10_000.0);
    assert!(elections.len() == 1 && elections[0].1 == Reason::Drain && elections[0].0 <= 13_500.0, "{elections:?}");
    assert!(
        world.log.iter().any(|(_, output)| matches!(output, Output::Move { from: Some(from), .. } if *from == link)),
        "make before break"
    );
}

/// Probe replies say "draining" too, and whoever else is ready is better than that: still it is the drain that moves the
/// call, at its own moment.
#[test]
fn a_drain_is_not_taken_for_a_chance_to_improve() {
    let weather = |c: &Candidate, t: f64| {
        let gone = c.relay == "london-1" && t > 10_000.0;
        Weather { state: if gone { RelayState::Draining } else { RelayState::Ready }, ..rtt(pair(&c.relay)) }
    };
    for seed in 0..8 {
        let mut world = World::with(Config::default(), candidates(&PAIR), seed, weather).join();
        world.run_to(10_000.0).set_media(true);
        let link = world.elector.active().unwrap();
        world.say(Input::Drain { link, deadline: Duration::from_secs(30), spread: Duration::from_secs(10) });
        world.run_to(30_000.0);
        let reasons: Vec<_> = world.elections(10_000.0).iter().map(|election| election.1).collect();
        assert_eq!(reasons, [Reason::Drain], "seed {seed}");
    }
}

#[test]
fn a_drain_without_another_relay_stays_and_says_so() {
    let mut world = World::new(&["london-1"], |c, _| rtt(pair(&c.relay))).join();
    world.run_to(10_000.0);
    let link = world.elector.active().unwrap();
    world.say(Input::Drain { link, deadline: Duration::from_secs(3), spread: Duration::from_secs(1) });
    world.run_to(10_900.0);
    world.run_to(20_000.0);
    assert_eq!(world.elector.active(), Some(link));
    assert_eq!(world.events(10_000.0, |event| matches!(event, EventKind::Kept { .. })).len(), 1);
}

#[test]
fn a_failed_move_leaves_the_old_link_as_it_was() {
    for refuses in [true, false] {
        let weather = move |c: &Candidate, t: f64| {
            let bad = c.relay != "london-1" && t > 5000.0;
            Weather { refuses: bad && refuses, delivers: !bad || refuses, ..rtt(pair(&c.relay)) }
        };
        let mut world = World::new(&PAIR, weather).join();
        world.run_to(10_000.0);
        let link = world.elector.active().unwrap();
        world.say(Input::Command(Command::Force("paris".into())));
        world.run_to(20_000.0);
        assert_eq!(world.elector.active(), Some(link), "refuses: {refuses}");
        assert_eq!(world.elections(10_000.0), []);
        assert_eq!(world.count(10_000.0, |output| matches!(output, Output::Abandon { .. })), 1);
        assert_eq!(world.events(10_000.0, |event| matches!(event, EventKind::MoveFailed { .. })).len(), 1);
    }
}

#[test]
fn the_old_link_dying_during_a_move_hands_over_to_the_new_one() {
    let weather = |c: &Candidate, _: f64| Weather { delivers: c.relay != "london-2", ..rtt(pair(&c.relay)) };
    let mut world = World::new(&PAIR, weather).join();
    world.run_to(10_000.0);
    world.say(Input::Command(Command::Force("london-2".into())));
    world.run_to(10_100.0);
    assert_eq!(world.carrying_relay(), "london-1");
    world.close(|c| c.relay == "london-1");
    assert_eq!(world.carrying_relay(), "london-2");
}

#[test]
fn losing_every_link_says_so_once_and_dials_for_ever() {
    let weather = |c: &Candidate, t: f64| {
        let out = (10_000.0..310_000.0).contains(&t);
        Weather { way: if out { Way::Hole } else { Way::Open }, ..rtt(three(&c.relay)) }
    };
    let mut world = World::new(&THREE, weather).join();
    world.run_to(10_000.0);
    let last = world.elector.active();
    world.close(|c| (c.relay.as_str(), c.transport) != ("singapore", WebTransport));
    world.close(|_| true);
    let first = world.log.iter().rev().find(|(_, output)| matches!(output, Output::Dial { .. })).unwrap().1.clone();
    assert!(matches!(first, Output::Dial { candidate, .. } if candidate.relay == "singapore"), "the last one first");
    world.run_to(310_000.0);
    assert_eq!(world.count(0.0, |output| matches!(output, Output::Reconnecting)), 1);
    assert!(world.count(290_000.0, |output| matches!(output, Output::Dial { .. })) > 4, "still dialling");
    world.run_to(321_000.0);
    let elections = world.elections(10_001.0);
    assert_eq!((world.carrying_relay().as_str(), elections[0].1), ("singapore", Reason::Reconnect));
    assert!(world.log.iter().any(|(_, output)| matches!(
        output,
        Output::Elected { from, reason: Reason::Reconnect, .. } if *from == last
    )));
}

#[test]
fn after_a_suspend_every_link_is_discarded_and_redialled() {
    let mut world = World::new(&THREE, calm).join();
    world.run_to(20_000.0);
    world.say(Input::Suspended);
    assert!(world.elector.active().is_none());
    assert_eq!(world.count(20_000.0, |output| matches!(output, Output::Reconnecting)), 1);
    world.run_to(20_400.0);
    let elections = world.elections(20_000.0);
    assert_eq!((world.carrying_relay().as_str(), elections[0].1), ("singapore", Reason::Reconnect));
    // In the lobby it is a new race, and nothing to reconnect.
    let mut world = World::new(&THREE, calm);
    world.run_to(20_000.0);
    world.say(Input::Suspended);
    world.run_to(21_000.0);
    assert_eq!(world.count(0.0, |output| matches!(output, Output::Reconnecting)), 0);
    assert!(world.elector.leader().is_some());
}

#[test]
fn a_pin_is_followed_falls_back_and_is_returned_to() {
    let weather = |c: &Candidate, t: f64| {
        let out = c.relay == "frankfurt" && (40_000.0..80_000.0).contains(&t);
        Weather { way: if out { Way::Killed } else { Way::Open }, ..calm(c, t) }
    };
    let mut world = World::new(&THREE, weather).join();
    world.run_to(10_000.0);
    world.say(Input::Command(Command::Pin(Some("frankfurt".into()))));
    world.run_to(15_000.0);
    assert_eq!((world.carrying_relay().as_str(), world.elections(10_000.0)[0].1), ("frankfurt", Reason::Pin));
    world.run_to(40_000.0);
    assert_eq!(world.carrying_relay(), "frankfurt", "a better one does not tempt");
    world.close(|c| c.relay == "frankfurt");
    world.run_to(79_000.0);
    assert_eq!(world.carrying_relay(), "singapore");
    assert!(!world.events(40_000.0, |event| matches!(event, EventKind::Unmet { .. })).is_empty());
    world.run_to(160_000.0);
    assert_eq!(world.carrying_relay(), "frankfurt", "back again: {:#?}", world.events(40_000.0, |_| true));
    world.say(Input::Command(Command::Pin(None)));
    world.run_to(260_000.0);
    assert_eq!(world.carrying_relay(), "singapore", "and free");

    let config = Config { pin: Some("us-east".into()), ..Config::default() };
    let mut world = World::with(config, candidates(&THREE), 1, calm).join();
    world.run_to(3000.0);
    assert_eq!(world.carrying_relay(), "us-east", "a pin counts in the race too");
    assert_eq!(world.elections(0.0).len(), 1);
}

#[test]
fn a_force_moves_once_and_rests() {
    let mut world = World::new(&THREE, calm).join();
    world.run_to(10_000.0);
    world.say(Input::Command(Command::Force("us-east".into())));
    world.run_to(39_000.0);
    assert_eq!(world.carrying_relay(), "us-east");
    assert_eq!(world.elections(10_000.0).len(), 1);
    world.run_to(60_000.0);
    assert_eq!(world.carrying_relay(), "singapore", "then the probes decide again");
    world.say(Input::Command(Command::Force("mars".into())));
    assert_eq!(world.events(60_000.0, |event| matches!(event, EventKind::Unmet { .. })).len(), 1);
}

#[test]
fn a_blocked_relay_is_left_and_never_used() {
    let mut world = World::new(&THREE, calm).join();
    world.run_to(10_000.0);
    world.say(Input::Command(Command::Block("singapore".into())));
    world.run_to(20_000.0);
    assert_eq!((world.carrying_relay().as_str(), world.elections(10_000.0)[0].1), ("frankfurt", Reason::Block));
    assert_eq!(world.link("singapore", T::WebTransport), None);
    world.run_to(900_000.0);
    assert_eq!(
        world.count(20_000.0, |o| matches!(o, Output::Dial { candidate, .. } if candidate.relay == "singapore")),
        0
    );
    world.say(Input::Command(Command::Block("us-east".into())));
    world.say(Input::Command(Command::Block("frankfurt".into())));
    world.run_to(960_000.0);
    assert_eq!(world.carrying_relay(), "frankfurt", "blocked, and better than nothing");
    assert!(!world.events(900_000.0, |event| matches!(event, EventKind::Unmet { .. })).is_empty());
    world.say(Input::Command(Command::Unblock("singapore".into())));
    world.run_to(1_000_000.0);
    assert_eq!(world.carrying_relay(), "singapore");
}

#[test]
fn a_region_that_joins_the_manifest_is_raced_within_20_s() {
    let weather = |c: &Candidate, _: f64| rtt(if c.relay == "tokyo" { 12.0 } else { three(&c.relay) + 20.0 });
    let mut world = World::new(&THREE, weather).join();
    world.run_to(100_000.0);
    world.say(Input::Manifest(candidates(&["singapore", "frankfurt", "us-east", "tokyo"])));
    world.run_to(120_000.0);
    let tokyo = world.elector.standings().into_iter().find(|row| row.candidate.relay == "tokyo").unwrap();
    assert!(tokyo.received >= 10, "{tokyo:?}");
    world.run_to(150_000.0);
    assert_eq!(world.carrying_relay(), "tokyo");
    world.say(Input::Manifest(Vec::new()));
    world.run_to(151_000.0);
    assert_eq!(world.elector.standings().len(), 8, "an empty report changes nothing");
    world.say(Input::Manifest(candidates(&THREE)));
    world.run_to(170_000.0);
    assert_eq!((world.carrying_relay().as_str(), world.elector.standings().len()), ("singapore", 6), "gone is gone");
}

#[test]
fn a_standby_is_another_relay_near_by_before_the_same_one() {
    for (relays, of, expected) in [
        (&PAIR[..], pair as fn(&str) -> f64, ("london-2", WebTransport)),
        (&["london-1", "paris-1"], pair, ("paris-1", WebTransport)),
        (&["singapore", "frankfurt"], three, ("singapore", WebSocket)),
        (&["singapore"], three, ("singapore", WebSocket)),
    ] {
        let mut world = World::new(relays, move |c, _| rtt(of(&c.relay))).join();
        world.run_to(10_000.0);
        let standby = world.elector.standby().and_then(|link| world.elector.candidate_of(link)).unwrap();
        assert_eq!((standby.relay.as_str(), standby.transport), expected, "{relays:?}");
    }
}

#[test]
fn after_the_race_four_links_stay_and_the_others_come_in_light_rounds() {
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let of = |relay: &str| 40.0 + 10.0 * f64::from(relay.as_bytes()[0] - b'a');
    let mut world = World::new(&NAMES, move |c, _| rtt(of(&c.relay))).join();
    world.run_to(10_000.0);
    let linked = |world: &World| world.elector.standings().iter().filter(|row| row.link.is_some()).count();
    assert_eq!(linked(&world), 4, "{:#?}", world.elector.standings());
    let before = world.probes;
    world.run_to(70_000.0);
    assert!((350..480).contains(&(world.probes - before)), "{} probes a minute", world.probes - before);
    world.run_to(610_000.0);
    let dials = |relay: &str| {
        world.count(10_000.0, |o| matches!(o, Output::Dial { candidate, .. } if candidate.relay == relay && candidate.transport == WebTransport))
    };
    for relay in ["e", "f", "g", "h"] {
        assert!((2..=5).contains(&dials(relay)), "{relay}: {}", dials(relay));
    }
    let websocket =
        world.count(10_000.0, |o| matches!(o, Output::Dial { candidate, .. } if candidate.transport == WebSocket));
    assert_eq!(websocket, 0, "WebSocket only where WebTransport does not answer");
    assert_eq!(linked(&world), 4);
}

#[test]
fn a_quiet_night_wakes_up_for_its_probes_alone() {
    let mut world = World::new(&THREE, calm).join();
    world.run_to(60_000.0);
    let (wakeups, probes) = (world.wakeups, world.probes);
    world.run_to(3_660_000.0);
    let (wakeups, probes) = (world.wakeups - wakeups, world.probes - probes);
    assert!(wakeups < probes + 60 * 70, "{wakeups} wake-ups for {probes} probes in an hour");
    assert_eq!(world.elections(1000.0), []);
}

#[test]
fn late_answers_of_dead_links_are_ignored() {
    let mut world = World::new(&PAIR, |c, _| rtt(pair(&c.relay))).join();
    world.run_to(10_000.0);
    let dead = world.elector.active().unwrap();
    world.close(|c| c.relay == "london-1");
    let (standings, active) = (world.elector.standings(), world.elector.active());
    let (state, instance, rtt) = (RelayState::Ready, RelayInstance(1), Duration::from_millis(1));
    for input in [
        Input::Connected { link: dead },
        Input::ProbeReply { link: dead, id: 3, rtt, state, instance },
        Input::Admitted { link: dead },
        Input::Delivered { link: dead },
        Input::Heard { link: dead },
        Input::Closed { link: dead, error: String::new() },
        Input::Drain { link: dead, deadline: Duration::ZERO, spread: Duration::ZERO },
    ] {
        world.say(input);
    }
    assert_eq!((world.elector.standings(), world.elector.active()), (standings, active));
}

fn any_input() -> impl Strategy<Value = Input> {
    let link = || (0..40u64).prop_map(LinkId);
    let duration =
        || prop_oneof![Just(Duration::ZERO), (0..100_000u64).prop_map(Duration::from_millis), Just(Duration::MAX)];
    let state = prop_oneof![
        Just(RelayState::Ready),
        Just(RelayState::Draining),
        Just(RelayState::Full),
        Just(RelayState::Isolated)
    ];
    let name = || prop_oneof![Just("london"), Just("paris-1"), Just("nowhere")].prop_map(str::to_owned);
    let command = prop_oneof![
        proptest::option::of(name()).prop_map(Command::Pin),
        name().prop_map(Command::Force),
        name().prop_map(Command::Block),
        name().prop_map(Command::Unblock),
    ];
    let manifest = prop_oneof![Just(&PAIR[..]), Just(&PAIR[..1]), Just(&["rome-1"][..]), Just(&[][..])];
    prop_oneof![
        2 => Just(Input::Join),
        6 => link().prop_map(|link| Input::Connected { link }),
        2 => link().prop_map(|link| Input::DialFailed { link, error: "x".into() }),
        9 => (link(), 0..400u64, duration(), state)
            .prop_map(|(link, id, rtt, state)| Input::ProbeReply { link, id, rtt, state, instance: RelayInstance(1) }),
        3 => link().prop_map(|link| Input::Closed { link, error: "x".into() }),
        5 => link().prop_map(|link| Input::Admitted { link }),
        1 => link().prop_map(|link| Input::Refused { link, error: "x".into() }),
        3 => link().prop_map(|link| Input::Heard { link }),
        2 => proptest::option::of(duration()).prop_map(|period| Input::MediaExpected { period }),
        4 => link().prop_map(|link| Input::Delivered { link }),
        1 => (link(), duration(), duration())
            .prop_map(|(link, deadline, spread)| Input::Drain { link, deadline, spread }),
        2 => command.prop_map(Input::Command),
        1 => manifest.prop_map(|relays| Input::Manifest(candidates(relays))),
        1 => Just(Input::Suspended),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_breaks_it(
        steps in proptest::collection::vec((any_input(), 0..3000u64), 1..200),
        seed: u64,
    ) {
        // Half of the weather comes from the world, half out of the blue.
        let mut world = World::with(Config::default(), candidates(&PAIR), seed, |c, t| {
            let way = if (t / 7000.0) as u64 % 5 == 3 { Way::Hole } else { Way::Open };
            Weather { way, loss: 0.1, ..rtt(pair(&c.relay)) }
        });
        for (input, wait) in steps {
            world.say(input);
            let next = world.ms() + wait as f64;
            world.run_to(next);
        }
        let wakeups = world.wakeups;
        let next = world.ms() + 60_000.0;
        world.run_to(next);
        prop_assert!(world.wakeups - wakeups < 60 * 200, "{} wake-ups in a minute", world.wakeups - wakeups);
    }
}

#[test]
fn a_drained_relay_is_the_last_resort_until_it_says_ready() {
    let weather = |c: &Candidate, t: f64| {
        let drains = c.relay == "london-1" && (10_000.0..60_000.0).contains(&t);
        let state = if drains { RelayState::Draining } else { RelayState::Ready };
        let way = if c.relay == "london-2" && t > 30_000.0 { Way::Killed } else { Way::Open };
        Weather { state, way, ..rtt(pair(&c.relay)) }
    };
    let mut world = World::new(&PAIR[..2], weather).join();
    world.run_to(10_000.0);
    let link = world.elector.active().unwrap();
    world.say(Input::Drain { link, deadline: Duration::from_secs(30), spread: Duration::ZERO });
    world.run_to(11_000.0);
    assert_eq!(world.carrying_relay(), "london-2", "with no spread it moves at once");
    world.run_to(30_000.0);
    assert_eq!(world.carrying_relay(), "london-2", "nearer is no reason to go back");
    world.close(|c| c.relay == "london-2");
    world.run_to(40_000.0);
    assert_eq!(world.carrying_relay(), "london-1", "but it is better than nothing");
}

#[test]
fn flapping_doubles_the_dwell() {
    // Each relay in turn is much better for 40 s: worth a move every time, if nothing held it back.
    let weather = |c: &Candidate, t: f64| {
        let turn = ((t / 40_000.0) as u64).is_multiple_of(2);
        rtt(if turn == (c.relay == "a") { 40.0 } else { 140.0 })
    };
    let mut world = World::new(&["a", "b"], weather).join();
    world.run_to(3_600_000.0);
    let moves = world.elections(1000.0).len();
    assert!((3..=14).contains(&moves), "{moves} moves in an hour of ninety turns");
    let kept = world.events(0.0, |event| matches!(event, EventKind::Kept { .. }));
    assert!(!kept.is_empty(), "and every stay has its reason");
}

#[test]
fn after_any_weather_the_call_comes_back() {
    for seed in 0..12u64 {
        let weather = move |c: &Candidate, t: f64| {
            // A new draw for each relay and transport every few seconds, for five minutes.
            let slot = (t / (1000.0 + 500.0 * (seed % 9) as f64)) as u64;
            let name = c.relay.bytes().fold(slot * 31 + seed * 1009, |h, b| h * 131 % 1_000_003 + u64::from(b));
            let draw = (name * 7919 + c.transport as u64 * 104_729) % 1000;
            let storm = t < 300_000.0;
            let way = match draw % 10 {
                0 if storm => Way::Killed,
                1 | 2 if storm => Way::Hole,
                3 if storm => Way::NoUplink,
                _ => Way::Open,
            };
            let state = if storm && draw.is_multiple_of(17) { RelayState::Draining } else { RelayState::Ready };
            let loss = if storm && draw.is_multiple_of(3) { 0.2 } else { 0.0 };
            let refuses = storm && draw.is_multiple_of(13);
            Weather { way, state, loss, refuses, delivers: !storm || !draw.is_multiple_of(11), ..rtt(pair(&c.relay)) }
        };
        let mut world = World::with(Config::default(), candidates(&PAIR), seed, weather).join();
        for step in 1..=100u32 {
            world.set_media(step % 3 == 0);
            world.run_to(f64::from(step) * 3000.0);
            if step % 20 == seed as u32 % 20 {
                world.close(|c| c.transport == WebSocket || seed % 2 == 0);
            }
        }
        world.set_media(true);
        world.run_to(330_000.0);
        assert!(world.elector.active().is_some(), "seed {seed}: {:#?}", world.log.last());
        assert!(world.elections(325_000.0).len() <= 1, "seed {seed}: restless");
        world.run_to(700_000.0);
        let elections = world.elections(400_000.0);
        assert!(elections.len() <= 1, "seed {seed}: {elections:?}");
        assert_eq!(world.carrier().unwrap().1, WebTransport, "seed {seed}");
        assert!(pair(&world.carrying_relay()) < 60.0, "seed {seed}");
    }
}

#[test]
fn a_race_that_starts_anew_reuses_no_id_and_keeps_what_the_user_said() {
    let now = crate::clock::now();
    let links = |elector: &mut Elector| -> Vec<LinkId> {
        let outputs = std::iter::from_fn(|| elector.poll_output());
        outputs.filter_map(|output| if let Output::Dial { link, .. } = output { Some(link) } else { None }).collect()
    };
    let mut elector = Elector::new(now, Config::default(), candidates(&THREE), 1);
    let first = links(&mut elector);
    elector.handle_input(now, Input::Command(Command::Block("us-east".into())));
    links(&mut elector);
    let later = now + Duration::from_secs(9);
    elector.race_anew(later, candidates(&PAIR));
    let second = links(&mut elector);
    assert_eq!((first.len(), second.len()), (6, 6));
    assert!(first.iter().all(|link| !second.contains(link)));
    assert_eq!(elector.race_window().0, later);
    assert!(elector.blocked().contains("us-east"));
    assert!(elector.standings().iter().all(|row| PAIR.contains(&row.candidate.relay.as_str()) && row.sent == 0));
}
