//! Moves: for the better, away from distress, and those that are not made.

use nearcall::election::{Command, EventKind, Output, Reason};
use nearcall::proto::Transport::WebTransport;
use nearcall::sim::{Condition, Jitter, Kind, Loss, Route, Step, ms};

use super::stage::{END, PAIR, Stage, during, index, rtt_during, scene, talk};

#[test]
fn one_lost_probe_moves_nothing_and_doubles_audio_for_a_moment_only() {
    let lossy = |scene: &mut nearcall::sim::Scene| during(scene, "london-1", 20_000.0..20_200.0, |c| c.down = true);
    let mut quiet = scene(&PAIR);
    lossy(&mut quiet);
    let mut stage = Stage::new(&quiet);
    stage.to(60_000.0);
    assert_eq!(stage.elections(1000.0), []);
    let doubts = stage.doubts(0.0);
    assert!(doubts.len() == 2 && doubts[1] - doubts[0] < 200.0, "{doubts:?}");
    // With media flowing, one lost packet is not even a sign.
    let mut loud = talk(&PAIR);
    during(&mut loud, "london-1", 20_000.0..20_050.0, |c| c.down = true);
    let mut stage = Stage::new(&loud);
    stage.to(60_000.0);
    assert_eq!(stage.doubts(1000.0), [] as [f64; 0]);
}

#[test]
fn a_lossy_path_is_not_left_for_its_losses() {
    for (loss, minutes) in [(0.01, 30), (0.05, 5)] {
        let mut scene = scene(&PAIR[..1]);
        scene.relays[0].transports = vec![WebTransport];
        let loss = Loss::Random(loss);
        scene.clients[0].reach[0] = Route::steady(Condition { loss, ..Condition::half_of_rtt_ms(50.0) }).into();
        let mut stage = Stage::new(&scene);
        stage.to(f64::from(minutes) * 60_000.0);
        assert_eq!(stage.elections(2000.0), [], "{loss:?}");
    }
}

#[test]
fn a_region_that_becomes_better_is_moved_to_and_noise_is_not() {
    for (why, near, span, moves, within_ms) in [
        ("the active path degrades by far", [50.0, 200.0], 60_000.0..END, 1, 72_000.0),
        ("a gain of 25 % is worth a move", [50.0, 78.0], 60_000.0..END, 1, 95_000.0),
        ("a gain of 15 % is not", [50.0, 65.0], 60_000.0..END, 0, 0.0),
        ("nor is anything for two seconds", [50.0, 90.0], 60_000.0..62_000.0, 0, 0.0),
        ("9 ms of 20 are noise", [15.0, 29.0], 60_000.0..END, 0, 0.0),
    ] {
        let other = if near[0] < 20.0 { 20.0 } else { 56.0 };
        let mut scene = scene(&[("london-1", near[0]), ("london-2", other), ("paris-1", other * 1.5)]);
        rtt_during(&mut scene, "london-1", span, near[1]);
        let mut stage = Stage::new(&scene);
        stage.to(180_000.0);
        let elections = stage.elections(10_000.0);
        assert_eq!(elections.len(), moves, "{why}: {elections:?}");
        if let Some((at, reason)) = elections.first() {
            assert_eq!(*reason, Reason::Improve, "{why}");
            assert!(*at <= within_ms, "{why}: {at}");
        }
    }
}

#[test]
fn a_queue_that_comes_and_goes_is_no_reason_for_another_transport_of_the_same_relay() {
    for (why, floor_ms, queue_ms, moves) in [
        ("the call's own queue would come along", 40.0, 40.0, 0),
        ("a way that is longer even without a queue is left", 100.0, 10.0, 1),
    ] {
        let mut scene = scene(&[("london-1", 40.0)]);
        let reach = &mut scene.clients[0].reach[0];
        reach.websocket = Route::rtt_ms(40.0);
        for course in [&mut reach.webtransport.up, &mut reach.webtransport.down] {
            *course = course.clone().during(ms(20_000.0), ms(END), |condition| {
                condition.delay = ms(floor_ms / 2.0);
                condition.jitter = Jitter::Uniform(ms(queue_ms));
            });
        }
        let mut stage = Stage::new(&scene);
        stage.to(180_000.0);
        let elections = stage.elections(10_000.0);
        assert_eq!(elections.len(), moves, "{why}: {elections:?}");
    }
}

#[test]
fn a_move_for_the_better_loses_no_frame_and_delivers_none_twice() {
    let mut scene = talk(&PAIR);
    scene.clients.iter_mut().for_each(|client| client.camera = true);
    rtt_during(&mut scene, "london-1", 20_000.0..END, 200.0);
    let mut stage = Stage::new(&scene);
    stage.to(60_000.0);
    assert_eq!((stage.carrier(), stage.reasons(10_000.0)), ("london-2", vec![Reason::Improve]));
    assert_eq!(stage.world.unexplained(), []);
    for (receiver, sender) in [(0, 1), (1, 0)] {
        for kind in [Kind::Audio, Kind::Video] {
            let stream = stage.world.client(receiver).receiver().stream(sender, kind).unwrap();
            let rate = if kind == Kind::Audio { 50 } else { 30 };
            assert!(stream.received > rate * 59, "{kind:?}: {}", stream.received);
            // The way became longer by 75 ms; nothing else was waited for.
            assert!(stream.longest_gap(ms(10_000.0), stage.world.now()) < ms(150.0), "{:?}", stream.gaps);
        }
    }
}

#[test]
fn a_dead_region_is_left_within_400_ms_of_what_was_last_heard() {
    for killed in [true, false] {
        for start in [30_000.0, 30_050.0, 30_101.0, 30_173.0] {
            let step = if killed { Step::Kill(0) } else { Step::Blackhole(0, true) };
            let mut stage = Stage::new(&talk(&PAIR).at(ms(start), step));
            stage.to(40_000.0);
            let elections = stage.elections(10_000.0);
            assert_eq!((stage.carrier(), elections.len()), ("london-2", 1));
            assert!(elections[0].1 == Reason::FailOver && elections[0].0 - start <= 400.0, "{elections:?}");
            let mut said = stage.client().said(ms(start));
            let doubled = said.find(|(_, output)| matches!(output, Output::Duplicate { on: true, .. })).unwrap();
            assert!(doubled.0 <= ms(start + 160.0), "audio flows on both links long before");
        }
    }
}

#[test]
fn a_closed_link_fails_over_at_once() {
    let mut stage = Stage::new(&scene(&PAIR));
    stage.to(10_000.0);
    let old = stage.client().elector().active();
    stage.reset("london-1");
    assert_eq!(stage.carrier(), "london-2", "without waiting for anything");
    let to = stage.client().elector().active().unwrap();
    let tail: Vec<_> = stage.client().said(ms(10_000.0)).map(|(_, output)| output.clone()).collect();
    assert!(tail.contains(&Output::Move { from: None, to, reason: Reason::FailOver }));
    assert!(tail.contains(&Output::Elected { from: old, to, reason: Reason::FailOver }));
}

#[test]
fn a_quiet_room_is_not_a_sign_and_a_dead_uplink_is() {
    let mut stage = Stage::new(&scene(&PAIR));
    stage.to(600_000.0);
    assert_eq!(stage.doubts(1000.0), [] as [f64; 0]);

    let mut scene = talk(&PAIR);
    let near = index(&scene, "london-1");
    let reach = &mut scene.clients[0].reach[near];
    for route in [&mut reach.webtransport, &mut reach.websocket] {
        route.up = route.up.clone().then(ms(30_000.0), Condition::down());
    }
    let mut stage = Stage::new(&scene);
    stage.to(40_000.0);
    let elections = stage.elections(10_000.0);
    assert!(elections[0].1 == Reason::FailOver && elections[0].0 < 31_200.0, "{elections:?}");
}

#[test]
fn a_failed_move_leaves_the_old_link_as_it_was() {
    for refuses in [true, false] {
        let mut scene = talk(&PAIR);
        for relay in [1, 2] {
            let step = if refuses { Step::Refuse(relay, true) } else { Step::Withhold(relay, true) };
            // Before anybody is their standby.
            scene = scene.at(ms(0.0), step);
        }
        let mut stage = Stage::new(&scene);
        stage.to(40_000.0);
        let link = stage.client().elector().active().unwrap();
        stage.command(Command::Force("paris".into()));
        stage.to(50_000.0);
        assert_eq!(stage.client().elector().active(), Some(link), "refuses: {refuses}");
        assert_eq!(stage.elections(10_000.0), []);
        assert_eq!(stage.count(40_000.0, |output| matches!(output, Output::Abandon { .. })), 1);
        assert_eq!(stage.events(40_000.0, |event| matches!(event, EventKind::MoveFailed { .. })).len(), 1);
    }
}

#[test]
fn the_old_link_dying_during_a_move_hands_over_to_the_new_one() {
    let mut stage = Stage::new(&talk(&PAIR).at(ms(5000.0), Step::Withhold(1, true)));
    stage.to(10_000.0);
    stage.command(Command::Force("london-2".into()));
    stage.to(10_100.0);
    assert_eq!(stage.carrier(), "london-1");
    stage.reset("london-1");
    assert_eq!(stage.carrier(), "london-2");
}

#[test]
fn flapping_doubles_the_dwell() {
    // Each relay in turn is much better for 40 s: worth a move every time, if nothing held it back.
    let mut scene = scene(&[("a", 40.0), ("b", 40.0)]);
    for turn in 0..90 {
        let span = f64::from(turn) * 40_000.0..f64::from(turn + 1) * 40_000.0;
        rtt_during(&mut scene, if turn % 2 == 0 { "b" } else { "a" }, span, 140.0);
    }
    let mut stage = Stage::new(&scene);
    stage.to(3_600_000.0);
    let moves = stage.elections(1000.0).len();
    assert!((3..=14).contains(&moves), "{moves} moves in an hour of ninety turns");
    let kept = stage.events(0.0, |event| matches!(event, EventKind::Kept { .. }));
    assert!(!kept.is_empty(), "and every stay has its reason");
}

#[test]
fn a_new_address_does_not_end_a_call() {
    for blocked in [false, true] {
        let mut scene = talk(&PAIR).at(ms(10_000.0), Step::Rebind { client: 0 });
        scene.clients[0].udp_blocked = blocked;
        let mut stage = Stage::new(&scene);
        stage.to(30_000.0);
        // QUIC goes on; TCP falls silent. All links at once: it reads as the local network, until a new one gets through.
        let stream = stage.client().receiver().stream(1, Kind::Audio).unwrap();
        let gap = stream.longest_gap(ms(9000.0), stage.world.now());
        println!("a new address, UDP blocked: {blocked}: {gap:?} without audio, {:?}", stage.elections(9000.0));
        assert!(gap < ms(if blocked { 5000.0 } else { 100.0 }), "{gap:?}");
        assert!(stream.last().unwrap() > ms(29_900.0));
    }
}
