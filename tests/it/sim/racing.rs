//! The race: who wins it, and how soon that is known.

use nearcall::election::{Config, LinkId, Output, Reason};
use nearcall::proto::Transport::{self, WebSocket, WebTransport};
use nearcall::proto::probe::RelayState;
use nearcall::sim::{Condition, Jitter, Loss, Rng, Route, Scene, Step, Time, ms};

use super::stage::{END, Stage, THREE, hole, lobby, rtt_during, scene, to_ms};
use crate::figures::quantile;

/// A row of the race's table: why, what is different from the three regions, who wins, and how soon.
type Row = (&'static str, fn(&mut Scene), (&'static str, Transport), f64);

#[test]
fn the_nearest_region_wins_the_race() {
    let rows: [Row; 7] = [
        ("singapore at 40 ms, over WebTransport", |_| {}, ("singapore", WebTransport), 4.0 * 40.0 + 200.0),
        (
            "UDP is blocked everywhere: WebSocket to the nearest",
            |scene| scene.clients[0].udp_blocked = true,
            ("singapore", WebSocket),
            4.0 * 40.0 + 500.0,
        ),
        (
            "UDP is blocked near, and a far region over QUIC does not beat it",
            |scene| scene.clients[0].reach[0].webtransport = Route::closed(),
            ("singapore", WebSocket),
            4.0 * 40.0 + 500.0,
        ),
        (
            "the nearest drains: the next that is ready",
            |scene| scene.relays[0].state = RelayState::Draining,
            ("frankfurt", WebTransport),
            3000.0,
        ),
        (
            "nobody is ready: the nearest anyway",
            |scene| scene.relays.iter_mut().for_each(|relay| relay.state = RelayState::Isolated),
            ("singapore", WebTransport),
            1300.0,
        ),
        (
            "the only one that answers, far away",
            |scene| {
                for reach in &mut scene.clients[0].reach[..2] {
                    *reach = Route::closed().into();
                }
            },
            ("us-east", WebTransport),
            4.0 * 254.0 + 500.0,
        ),
        (
            "the nearest refuses: the next best at once",
            |scene| scene.steps.push((Time::ZERO, Step::Refuse(0, true))),
            ("frankfurt", WebTransport),
            2000.0,
        ),
    ];
    for (why, change, expected, within_ms) in rows {
        let mut scene = scene(&THREE);
        change(&mut scene);
        let mut stage = Stage::new(&scene);
        stage.to(3000.0);
        let elections = stage.elections(0.0);
        assert_eq!(stage.client().carrier(), Some(expected), "{why}: {:#?}", stage.client().records());
        assert!(elections[0].0 <= within_ms, "{why}: elected after {} ms", elections[0].0);
        assert_eq!(elections[0].1, Reason::First, "{why}");
    }
}

#[test]
fn a_leader_is_there_long_before_the_window_is_over() {
    let mut stage = Stage::new(&lobby(&THREE));
    stage.to(5000.0);
    let decided = stage.client().decided().unwrap();
    assert!(decided <= ms(4.0 * 40.0 + 200.0), "{decided:?}");
    assert_eq!(stage.elections(0.0), [], "nobody asked to join");
    let outcome = stage.client().elector().outcome().unwrap();
    assert_eq!(stage.client().leader().unwrap().relay, "singapore");
    assert!((outcome.margin_ms.unwrap() - 130.0).abs() < 1.0, "{outcome:?}");
    stage.world.apply(Step::Join { client: 0 });
    stage.to(5041.0);
    assert_eq!(stage.carrier(), "singapore", "and Join costs one round trip");
}

#[test]
fn the_last_winner_is_dialled_first_and_everybody_else_at_once() {
    let mut scene = scene(&THREE);
    scene.clients[0].config = Config { last_winner: Some("us-east".into()), ..Config::default() };
    let mut stage = Stage::new(&scene);
    stage.to(0.0);
    let dial = |output: &Output| match output {
        Output::Dial { candidate, .. } => Some(candidate.relay.clone()),
        _ => None,
    };
    let dials: Vec<String> = stage.client().said(Time::ZERO).filter_map(|(_, output)| dial(output)).collect();
    assert_eq!((dials[0].as_str(), dials.len()), ("us-east", 6));
}

#[test]
fn eight_regions_at_two_percent_loss_elect_the_nearest() {
    const MATRIX: [f64; 8] = [31.0, 38.0, 74.0, 88.0, 142.0, 171.0, 203.0, 254.0];
    let (mut first, mut last, mut times) = (0, 0, Vec::new());
    let seeds = 120;
    for seed in 0..seeds {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let mut map: Vec<(&str, f64)> = names.into_iter().zip(MATRIX).collect();
        map.rotate_left(seed as usize % 8);
        let mut scene = Scene::rtts(seed, &map);
        for (reach, (_, rtt_ms)) in scene.clients[0].reach.iter_mut().zip(&map) {
            let loss = Loss::Random(0.01);
            let jitter = Jitter::Uniform(ms(1.0));
            *reach = Route::steady(Condition { loss, jitter, ..Condition::half_of_rtt_ms(*rtt_ms) }).into();
        }
        let mut stage = Stage::new(&scene);
        // A tie by the rule counts.
        let good = |stage: &Stage| ["a", "b"].contains(&stage.client().leader().unwrap().relay.as_str());
        assert!(stage.world.run_until(ms(3000.0), |world| world.client(0).decided().is_some()));
        first += u64::from(good(&stage));
        times.push(stage.ms());
        stage.to(3050.0);
        last += u64::from(good(&stage));
    }
    let (first, last) = (first as f64 / seeds as f64, last as f64 / seeds as f64);
    let median = quantile(times, 0.5).unwrap();
    println!("right at first {first:.3}, at the end {last:.3}, median {median:.0} ms");
    assert!(first >= 0.94 && last >= 0.97 && median <= 600.0);
}

#[test]
fn webtransport_of_the_same_relay_replaces_websocket_after_the_race() {
    // The first QUIC packet is lost: its retransmission takes a second, and WebSocket carries the call until then.
    let mut scene = scene(&[("singapore", 42.0)]);
    scene.clients[0].reach[0].websocket = Route::rtt_ms(40.0);
    hole(&mut scene.clients[0].reach[0].webtransport, 0.0..10.0);
    let mut stage = Stage::new(&scene);
    stage.to(1000.0);
    assert_eq!(stage.transport(), Some(WebSocket));
    stage.to(12_000.0);
    assert_eq!(stage.transport(), Some(WebTransport), "{:#?}", stage.client().records());
    assert_eq!(stage.reasons(1000.0), [Reason::Transport]);
}

#[test]
fn a_pin_counts_in_the_race_too() {
    let mut scene = scene(&THREE);
    scene.clients[0].config.pin = Some("us-east".into());
    let mut stage = Stage::new(&scene);
    stage.to(3000.0);
    assert_eq!((stage.carrier(), stage.elections(0.0).len()), ("us-east", 1));
}

#[test]
fn udp_blocked_costs_at_most_250_ms_more_than_udp_open() {
    let joined = |udp_blocked| {
        let mut scene = scene(&THREE);
        scene.clients[0].udp_blocked = udp_blocked;
        let mut stage = Stage::new(&scene);
        stage.to(3000.0);
        to_ms(stage.client().entered().unwrap())
    };
    let (open, blocked) = (joined(false), joined(true));
    println!("in the room after {open:.0} ms with UDP, after {blocked:.0} ms without");
    assert!(blocked - open <= 250.0);
}

#[test]
fn two_runs_of_a_scene_are_equal_to_the_last_output() {
    let mut rng = Rng::new(9);
    let mut scene = scene(&THREE);
    scene.trace = true;
    scene.clients[0].voice = true;
    for reach in &mut scene.clients[0].reach {
        let loss = Loss::Gilbert { good: 0.01, bad: 0.4, worsens: 0.05, recovers: 0.3 };
        let jitter = Jitter::Normal(ms(8.0));
        *reach = Route::steady(Condition { loss, jitter, ..Condition::half_of_rtt_ms(80.0 * rng.unit()) }).into();
    }
    rtt_during(&mut scene, "singapore", 9000.0..END, 300.0);
    let base = nearcall::clock::now();
    let run = || {
        let mut world = nearcall::sim::World::new(base, &scene);
        world.run_to(ms(30_000.0));
        (world.events(), world.client(0).records().to_vec())
    };
    let (first, second) = (run(), run());
    assert!(first.1.len() > 300);
    assert!(first == second);
}

#[test]
fn a_race_that_starts_anew_reuses_no_id_and_keeps_what_the_user_said() {
    use nearcall::election::{Candidate, Command, Elector, Input};
    let candidates = |map: &[(&str, f64)]| -> Vec<Candidate> {
        let both = |relay: &str| {
            [WebTransport, WebSocket].map(|transport| Candidate {
                relay: relay.into(),
                region: relay.into(),
                provider: "test".into(),
                transport,
                url: String::new(),
            })
        };
        map.iter().flat_map(|(relay, _)| both(relay)).collect()
    };
    let now = nearcall::clock::now();
    let links = |elector: &mut Elector| -> Vec<LinkId> {
        let outputs = std::iter::from_fn(|| elector.poll_output());
        outputs.filter_map(|output| if let Output::Dial { link, .. } = output { Some(link) } else { None }).collect()
    };
    let mut elector = Elector::new(now, Config::default(), candidates(&THREE), 1);
    let first = links(&mut elector);
    elector.handle_input(now, Input::Command(Command::Block("us-east".into())));
    links(&mut elector);
    let later = now + ms(9000.0);
    elector.race_anew(later, candidates(&super::stage::PAIR), None);
    let second = links(&mut elector);
    assert_eq!((first.len(), second.len()), (6, 6));
    assert!(first.iter().all(|link| !second.contains(link)));
    assert_eq!(elector.race_window().0, later);
    assert!(elector.blocked().contains("us-east"));
    let new = |relay: &str| super::stage::PAIR.iter().any(|(known, _)| *known == relay);
    assert!(elector.standings().iter().all(|row| new(&row.candidate.relay) && row.sent == 0));
}
