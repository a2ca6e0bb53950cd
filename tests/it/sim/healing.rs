//! What takes every link at once: the local network, a suspended machine, everything lost.

use nearcall::election::{Input, LinkState, Output, Reason};
use nearcall::proto::probe::RelayState;
use nearcall::proto::{RelayInstance, Transport::WebTransport};
use nearcall::sim::{Step, ms};

use super::stage::{END, PAIR, Stage, THREE, during, lobby, scene, talk};

fn outage(from: f64, to: f64) -> [(std::time::Duration, Step); 2] {
    [(ms(from), Step::Outage { client: 0, on: true }), (ms(to), Step::Outage { client: 0, on: false })]
}

#[test]
fn silence_of_all_links_is_the_local_network_and_moves_nobody() {
    for media in [true, false] {
        for length in [500.0, 2000.0, 8000.0] {
            let mut scene = if media { talk(&PAIR) } else { scene(&PAIR) };
            scene.steps.extend(outage(30_000.0, 30_000.0 + length));
            let mut stage = Stage::new(&scene);
            stage.to(60_000.0);
            assert_eq!(stage.elections(10_000.0), [], "{length} ms, media {media}");
            assert_eq!(stage.carrier(), "london-1");
            assert_eq!(stage.doubts(10_000.0).len(), 2, "and the doubt is settled: {length} ms, media {media}");
        }
    }
}

#[test]
fn after_a_silence_of_all_the_link_that_comes_back_is_taken() {
    let mut scene = talk(&PAIR);
    scene.steps.extend(outage(30_000.0, 33_000.0));
    during(&mut scene, "london-1", 30_000.0..END, |condition| condition.down = true);
    let mut stage = Stage::new(&scene);
    stage.to(36_000.0);
    let elections = stage.elections(10_000.0);
    assert_eq!(stage.carrier(), "london-2");
    assert!(elections.len() == 1 && (33_200.0..34_000.0).contains(&elections[0].0), "{elections:?}");
}

#[test]
fn the_way_back_is_told_attempt_by_attempt_and_tried_at_once_when_somebody_asks() {
    let mut scene = scene(&THREE);
    scene.steps.extend(outage(10_000.0, 60_000.0));
    let mut stage = Stage::new(&scene);
    stage.to(10_000.0);
    let redial = |stage: &Stage| stage.client().elector().redial();
    assert_eq!(redial(&stage), None, "the call is carried");
    let dials = |stage: &Stage, from| stage.count(from, |output| matches!(output, Output::Dial { .. }));
    stage.tell(Input::Retry);
    assert_eq!(dials(&stage, 10_000.0), 0, "there is nothing to retry");
    for relay in ["frankfurt", "us-east", "singapore"] {
        stage.reset(relay);
    }
    assert_eq!(redial(&stage).map(|redial| redial.attempt), Some(1));
    let mut attempts = Vec::new();
    for at in 101..590 {
        stage.to(f64::from(at) * 100.0);
        attempts.push(redial(&stage).expect("the call is cut off").attempt);
    }
    assert!(attempts.is_sorted() && attempts[attempts.len() - 1] >= 3, "{attempts:?}");
    stage.to(60_010.0);
    let before = dials(&stage, 0.0);
    stage.tell(Input::Retry);
    stage.to(60_011.0);
    assert!(dials(&stage, 0.0) > before, "at once");
    stage.to(60_900.0);
    assert_eq!((stage.carrier(), redial(&stage)), ("singapore", None));
}

#[test]
fn losing_every_link_says_so_once_and_dials_for_ever() {
    let mut scene = scene(&THREE);
    scene.steps.extend(outage(10_000.0, 310_000.0));
    let mut stage = Stage::new(&scene);
    stage.to(10_000.0);
    let last = stage.client().elector().active();
    for relay in ["frankfurt", "us-east", "singapore"] {
        stage.reset(relay);
    }
    let said: Vec<_> = stage.client().said(ms(10_000.0)).map(|(_, output)| output.clone()).collect();
    let lost = said.iter().position(|output| *output == Output::Reconnecting).unwrap();
    let first = said[lost..].iter().find(|output| matches!(output, Output::Dial { .. })).unwrap();
    assert!(matches!(first, Output::Dial { candidate, .. } if candidate.relay == "singapore"), "the last one first");
    stage.to(310_000.0);
    assert_eq!(stage.count(0.0, |output| matches!(output, Output::Reconnecting)), 1);
    assert!(stage.count(290_000.0, |output| matches!(output, Output::Dial { .. })) > 4, "still dialling");
    stage.to(321_000.0);
    let elections = stage.elections(10_001.0);
    assert_eq!((stage.carrier(), elections[0].1), ("singapore", Reason::Reconnect));
    assert_eq!(stage.count(10_000.0, |output| matches!(output, Output::Elected { from, .. } if *from == last)), 1);
}

#[test]
fn after_a_suspend_every_link_is_discarded_and_redialled() {
    let asleep =
        |scene: nearcall::sim::Scene| scene.at(ms(20_000.0), Step::Suspend { client: 0, length: ms(3_600_000.0) });
    let mut stage = Stage::new(&asleep(scene(&THREE)));
    stage.to(3_620_101.0);
    assert!(stage.client().elector().active().is_none());
    assert_eq!(stage.count(20_000.0, |output| matches!(output, Output::Reconnecting)), 1);
    stage.to(3_620_500.0);
    let elections = stage.elections(20_000.0);
    assert_eq!((stage.carrier(), elections[0].1), ("singapore", Reason::Reconnect));
    // In the lobby it is a new race, and nothing to reconnect.
    let mut stage = Stage::new(&asleep(lobby(&THREE)));
    stage.to(3_621_500.0);
    assert_eq!(stage.count(0.0, |output| matches!(output, Output::Reconnecting)), 0);
    assert!(stage.client().leader().is_some());
}

#[test]
fn a_relay_that_comes_back_is_joined_within_5_s_whatever_it_said_before() {
    let drain = Step::Drain { relay: 0, deadline: ms(18_900.0), spread: ms(6000.0) };
    for (why, steps) in [
        ("killed, and a new process in its place", vec![(3000.0, Step::Kill(0)), (4370.0, Step::Revive(0))]),
        ("refused until it was gone", vec![(1000.0, Step::Kill(0)), (2400.0, Step::Revive(0)), (6000.0, drain)]),
    ] {
        let mut scene = scene(&[("london-1", 8.0)]);
        scene.steps.extend(steps.into_iter().map(|(at, step)| (ms(10_000.0 + at), step)));
        // The drain's end.
        scene = scene.at(ms(34_901.0), Step::Revive(0));
        let mut stage = Stage::new(&scene);
        let back = if why.starts_with("killed") { 14_370.0 } else { 34_901.0 };
        stage.to(back + 5000.0);
        assert_eq!(stage.carrier(), "london-1", "{why}: {:#?}", stage.client().records());
        assert!(!stage.client().elector().is_in_doubt(), "{why}");
    }
}

#[test]
fn late_answers_of_dead_links_are_ignored() {
    let mut stage = Stage::new(&scene(&PAIR));
    stage.to(10_000.0);
    let dead = stage.client().elector().active().unwrap();
    stage.reset("london-1");
    let before = (stage.client().elector().standings(), stage.client().elector().active());
    let (state, instance, rtt) = (RelayState::Ready, RelayInstance(1), ms(1.0));
    for input in [
        Input::Connected { link: dead },
        Input::ProbeReply { link: dead, id: 3, rtt, state, instance },
        Input::Admitted { link: dead },
        Input::Delivered { link: dead },
        Input::Heard { link: dead },
        Input::Closed { link: dead, error: String::new() },
        Input::Drain { link: dead, deadline: ms(0.0), spread: ms(0.0) },
    ] {
        stage.tell(input);
    }
    assert_eq!((stage.client().elector().standings(), stage.client().elector().active()), before);
    assert_eq!(stage.client().link_state("london-1", WebTransport), Some(LinkState::Failed));
}
