//! Between moves: who stands by, who stays connected, and how little a quiet night costs.

use nearcall::election::{EventKind, Output};
use nearcall::proto::Transport::{WebSocket, WebTransport};
use nearcall::proto::probe::RelayState;
use nearcall::sim::{Scene, Step, ms};

use super::stage::{PAIR, Stage, THREE, scene};

#[test]
fn a_standby_is_another_relay_near_by_before_the_same_one() {
    let far = [("singapore", 40.0), ("frankfurt", 170.0)];
    for (map, expected) in [
        (&PAIR[..], ("london-2", WebTransport)),
        (&[PAIR[0], PAIR[2]], ("paris-1", WebTransport)),
        (&far, ("singapore", WebSocket)),
        (&far[..1], ("singapore", WebSocket)),
    ] {
        let mut stage = Stage::new(&scene(map));
        stage.to(10_000.0);
        let elector = stage.client().elector();
        let standby = elector.standby().and_then(|link| elector.candidate_of(link)).unwrap();
        assert_eq!((standby.relay.as_str(), standby.transport), expected, "{map:?}");
    }
}

#[test]
fn after_the_race_four_links_stay_and_the_others_come_in_light_rounds() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let map: Vec<_> = names.iter().enumerate().map(|(n, name)| (*name, 40.0 + 10.0 * n as f64)).collect();
    let mut stage = Stage::new(&scene(&map));
    stage.to(10_000.0);
    let linked = |stage: &Stage| stage.client().elector().standings().iter().filter(|row| row.link.is_some()).count();
    assert_eq!(linked(&stage), 4);
    let before = stage.client().probes();
    stage.to(70_000.0);
    let probes = stage.client().probes() - before;
    assert!((350..480).contains(&probes), "{probes} probes a minute");
    stage.to(610_000.0);
    for relay in ["e", "f", "g", "h"] {
        let dials = stage.dials(10_000.0, relay, WebTransport);
        assert!((2..=5).contains(&dials), "{relay}: {dials}");
    }
    let websocket = names.iter().map(|relay| stage.dials(10_000.0, relay, WebSocket)).sum::<usize>();
    assert_eq!(websocket, 0, "WebSocket only where WebTransport does not answer");
    assert_eq!(linked(&stage), 4);
}

#[test]
fn a_quiet_night_wakes_up_for_its_probes_alone() {
    let mut stage = Stage::new(&scene(&THREE));
    stage.to(60_000.0);
    let count = |stage: &Stage| (stage.client().wake_ups(), stage.client().probes(), stage.world.events().1);
    let before = count(&stage);
    stage.to(3_660_000.0);
    let after = count(&stage);
    let (wake_ups, probes) = (after.0 - before.0, after.1 - before.1);
    assert!(wake_ups < probes + 60 * 70, "{wake_ups} wake-ups for {probes} probes in an hour");
    assert_eq!(stage.elections(1000.0), []);
    assert!(after.2 < 100, "{} events are planned", after.2);
}

#[test]
fn a_region_that_joins_the_manifest_is_raced_within_20_s_and_one_that_leaves_is_left() {
    let mut map: Vec<_> = THREE.iter().map(|(relay, rtt_ms)| (*relay, rtt_ms + 20.0)).collect();
    map.push(("tokyo", 12.0));
    let mut scene = scene(&map);
    scene.relays[3].listed = false;
    let scene = scene.at(ms(100_000.0), Step::List(3, true)).at(ms(151_000.0), Step::List(3, false));
    let mut stage = Stage::new(&scene);
    stage.to(120_000.0);
    let tokyo = stage.client().standing("tokyo", WebTransport).unwrap();
    assert!(tokyo.received >= 10, "{tokyo:?}");
    stage.to(150_000.0);
    assert_eq!(stage.carrier(), "tokyo");
    stage.tell(nearcall::election::Input::Manifest(Vec::new()));
    assert_eq!(stage.client().elector().standings().len(), 8, "an empty report changes nothing");
    stage.to(170_000.0);
    assert_eq!((stage.carrier(), stage.client().elector().standings().len()), ("singapore", 6), "gone is gone");
}

#[test]
fn a_relay_that_is_cut_off_from_the_others_is_left() {
    let state = |state| Step::State(0, state);
    let scene = scene(&PAIR).at(ms(20_000.0), state(RelayState::Isolated)).at(ms(60_000.0), state(RelayState::Ready));
    let mut stage = Stage::new(&scene);
    stage.to(30_000.0);
    assert_eq!(stage.carrier(), "london-2");
    assert_eq!(stage.events(0.0, |event| matches!(event, EventKind::MoveFailed { .. })), []);
}

#[test]
fn a_crowd_moves_spread_out_and_not_as_one() {
    let mut crowd = Scene::rtts(1, &PAIR);
    crowd.clients = vec![crowd.clients[0].clone(); 40];
    let crowd = crowd.at(ms(20_000.0), Step::Drain { relay: 0, deadline: ms(30_000.0), spread: ms(10_000.0) });
    let mut world = nearcall::sim::World::new(nearcall::clock::now(), &crowd);
    world.run_to(ms(40_000.0));
    assert_eq!(world.breaches(), []);
    let mut moves = Vec::new();
    for (index, client) in world.clients() {
        let said = client.said(ms(20_000.0)).find(|(_, output)| matches!(output, Output::Elected { .. }));
        moves.push(said.unwrap_or_else(|| panic!("client {index} stayed")).0.as_millis() as u64 / 1000 - 20);
    }
    for second in 0..10 {
        let count = moves.iter().filter(|at| **at == second).count();
        assert!((1..=10).contains(&count), "{count} of 40 move in second {second}: {moves:?}");
    }
}
