//! What others want: pins, forces, blocks, drains; and anything at all, in any order.

use std::time::Duration;

use nearcall::election::{Candidate, Command, EventKind, Input, LinkId, Output, Reason};
use nearcall::proto::Transport::{WebSocket, WebTransport};
use nearcall::proto::probe::RelayState;
use nearcall::proto::{RelayInstance, Transport};
use nearcall::sim::{Condition, Loss, Route, Scene, Step, ms};
use proptest::prelude::*;

use super::stage::{PAIR, Stage, THREE, scene, talk};

#[test]
fn a_drain_moves_within_its_spread_and_never_to_another_that_drains() {
    let scene = talk(&PAIR).at(ms(5000.0), Step::State(1, RelayState::Draining));
    let scene = scene.at(ms(10_000.0), Step::Drain { relay: 0, deadline: ms(9000.0), spread: ms(60_000.0) });
    let mut stage = Stage::new(&scene);
    stage.to(10_000.0);
    let link = stage.client().elector().active().unwrap();
    stage.to(14_000.0);
    assert_eq!(stage.carrier(), "paris-1", "{:#?}", stage.client().records());
    let elections = stage.elections(10_000.0);
    assert!(elections.len() == 1 && elections[0].1 == Reason::Drain && elections[0].0 <= 13_500.0, "{elections:?}");
    let kept = |output: &Output| matches!(output, Output::Move { from: Some(from), .. } if *from == link);
    assert_eq!(stage.count(10_000.0, kept), 1, "make before break");
}

/// Probe replies say "draining" too, and whoever else is ready is better than that: still it is the drain that moves the
/// call, at its own moment.
#[test]
fn a_drain_is_not_taken_for_a_chance_to_improve_and_costs_nobody_a_frame() {
    for seed in 0..8 {
        let mut scene = talk(&PAIR);
        scene.seed = seed;
        scene.clients.iter_mut().for_each(|client| client.camera = true);
        let drain = Step::Drain { relay: 0, deadline: ms(30_000.0), spread: ms(10_000.0) };
        let mut stage = Stage::new(&scene.at(ms(10_000.0), drain));
        stage.to(45_000.0);
        assert_eq!(stage.reasons(10_000.0), [Reason::Drain], "seed {seed}");
        assert_eq!(stage.world.unexplained(), [], "seed {seed}");
    }
}

#[test]
fn a_drain_without_another_relay_stays_and_says_so() {
    let mut stage = Stage::new(&scene(&PAIR[..1]));
    stage.to(10_000.0);
    let link = stage.client().elector().active().unwrap();
    stage.tell(Input::Drain { link, deadline: ms(3000.0), spread: ms(1000.0) });
    stage.to(10_900.0).to(20_000.0);
    assert_eq!(stage.client().elector().active(), Some(link));
    assert_eq!(stage.events(10_000.0, |event| matches!(event, EventKind::Kept { .. })).len(), 1);
}

#[test]
fn a_drained_relay_is_the_last_resort_until_it_says_ready() {
    let steps = [(10_000.0, RelayState::Draining), (60_000.0, RelayState::Ready)];
    let mut scene = scene(&PAIR[..2]);
    scene.steps.extend(steps.map(|(at, state)| (ms(at), Step::State(0, state))));
    let mut stage = Stage::new(&scene);
    stage.to(10_000.0);
    let link = stage.client().elector().active().unwrap();
    stage.tell(Input::Drain { link, deadline: Duration::from_secs(30), spread: Duration::ZERO });
    stage.to(11_000.0);
    assert_eq!(stage.carrier(), "london-2", "with no spread it moves at once");
    stage.to(30_000.0);
    assert_eq!(stage.carrier(), "london-2", "nearer is no reason to go back");
    stage.world.apply(Step::Kill(1));
    stage.reset("london-2").to(40_000.0);
    assert_eq!(stage.carrier(), "london-1", "but it is better than nothing");
}

#[test]
fn a_pin_is_followed_falls_back_and_is_returned_to() {
    let scene = scene(&THREE).at(ms(40_000.0), Step::Kill(1)).at(ms(80_000.0), Step::Revive(1));
    let mut stage = Stage::new(&scene);
    stage.to(10_000.0).command(Command::Pin(Some("frankfurt".into())));
    stage.to(15_000.0);
    assert_eq!((stage.carrier(), stage.reasons(10_000.0)), ("frankfurt", vec![Reason::Pin]));
    stage.to(40_000.0);
    assert_eq!(stage.carrier(), "frankfurt", "a better one does not tempt");
    stage.to(79_000.0);
    assert_eq!(stage.carrier(), "singapore");
    assert!(!stage.events(40_000.0, |event| matches!(event, EventKind::Unmet { .. })).is_empty());
    stage.to(160_000.0);
    assert_eq!(stage.carrier(), "frankfurt", "back again: {:#?}", stage.events(40_000.0, |_| true));
    stage.command(Command::Pin(None)).to(260_000.0);
    assert_eq!(stage.carrier(), "singapore", "and free");
}

#[test]
fn a_force_moves_once_and_rests() {
    let mut stage = Stage::new(&scene(&THREE));
    stage.to(10_000.0).command(Command::Force("us-east".into())).to(39_000.0);
    assert_eq!((stage.carrier(), stage.elections(10_000.0).len()), ("us-east", 1));
    stage.to(60_000.0);
    assert_eq!(stage.carrier(), "singapore", "then the probes decide again");
    stage.command(Command::Force("mars".into()));
    assert_eq!(stage.events(60_000.0, |event| matches!(event, EventKind::Unmet { .. })).len(), 1);
}

#[test]
fn a_blocked_relay_is_left_and_never_used() {
    let mut stage = Stage::new(&scene(&THREE));
    stage.to(10_000.0).command(Command::Block("singapore".into())).to(20_000.0);
    assert_eq!((stage.carrier(), stage.reasons(10_000.0)), ("frankfurt", vec![Reason::Block]));
    assert_eq!(stage.client().standing("singapore", WebTransport).unwrap().link, None);
    stage.to(900_000.0);
    let dials = [WebTransport, WebSocket].map(|transport| stage.dials(20_000.0, "singapore", transport));
    assert_eq!(dials, [0, 0]);
    stage.command(Command::Block("us-east".into())).command(Command::Block("frankfurt".into())).to(960_000.0);
    assert_eq!(stage.carrier(), "frankfurt", "blocked, and better than nothing");
    assert!(!stage.events(900_000.0, |event| matches!(event, EventKind::Unmet { .. })).is_empty());
    stage.command(Command::Unblock("singapore".into())).to(1_000_000.0);
    assert_eq!(stage.carrier(), "singapore");
}

fn candidates(relays: &[&str]) -> Vec<Candidate> {
    let both = |relay: &str| {
        [WebTransport, WebSocket].map(|transport: Transport| Candidate {
            relay: relay.into(),
            region: relay.split('-').next().unwrap_or(relay).into(),
            provider: "test".into(),
            transport,
            url: String::new(),
        })
    };
    relays.iter().flat_map(|relay| both(relay)).collect()
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
    let all = &["london-1", "london-2", "paris-1"][..];
    let manifest = prop_oneof![Just(all), Just(&all[..1]), Just(&["rome-1"][..]), Just(&[][..])];
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
        1 => Just(Input::Retry),
    ]
}

/// The pair at 10 % loss, with holes of 7 s.
fn holes(seed: u64) -> Scene {
    let mut scene = Scene::rtts(seed, &PAIR);
    for (reach, (_, rtt_ms)) in scene.clients[0].reach.iter_mut().zip(PAIR) {
        let loss = Loss::Random(0.05);
        *reach = Route::steady(Condition { loss, ..Condition::half_of_rtt_ms(rtt_ms) }).into();
    }
    for hole in 0..20 {
        let at = 21_000.0 + 35_000.0 * f64::from(hole);
        for (at, on) in [(at, true), (at + 7000.0, false)] {
            scene.steps.push((ms(at), Step::Outage { client: 0, on }));
        }
    }
    scene
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Half of the weather comes from the world, half out of the blue.
    #[test]
    fn no_sequence_of_events_breaks_it(
        steps in proptest::collection::vec((any_input(), 0..3000u64), 1..200),
        seed: u64,
    ) {
        let mut stage = Stage::new(&holes(seed));
        stage.to(0.0);
        for (input, wait) in steps {
            stage.tell(input);
            let next = stage.ms() + wait as f64;
            stage.to(next);
        }
        let wake_ups = stage.client().wake_ups();
        let next = stage.ms() + 60_000.0;
        stage.to(next);
        let wake_ups = stage.client().wake_ups() - wake_ups;
        prop_assert!(wake_ups < 60 * 200, "{wake_ups} wake-ups in a minute");
    }
}
