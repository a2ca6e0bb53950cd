//! The bars that can be shown in virtual time; each test prints its figures.

use std::time::Duration;

use nearcall::clock;
use nearcall::election::Reason;
use nearcall::sim::{Condition, Jitter, Kind, Rng, Route, Scene, Step, Swing, World, ms};

use super::night::workers;
use super::stage::{Stage, scene, to_ms};
use crate::figures::quantile;

#[test]
fn two_regions_that_swing_in_antiphase_are_left_alone_for_an_hour() {
    for seed in 0..2 {
        let mut scene = scene(&[("a", 40.0), ("b", 40.0)]);
        scene.seed = seed;
        for (reach, phase) in scene.clients[0].reach.iter_mut().zip([0.0, 0.5]) {
            // Half of it in each direction.
            let swing = Some(Swing { amplitude: ms(4.0), period: ms(20_000.0), phase });
            let jitter = Jitter::Uniform(ms(1.0));
            *reach = Route::steady(Condition { swing, jitter, ..Condition::half_of_rtt_ms(40.0) }).into();
        }
        let mut stage = Stage::new(&scene);
        stage.to(3_600_000.0);
        let moves = stage.elections(1000.0);
        println!("+-8 ms in antiphase, period 20 s, an hour, seed {seed}: {} moves, 0 ms without media", moves.len());
        assert_eq!(moves, [], "seed {seed}");
    }
}

/// How a run of [`dying_region`] came out.
struct Outcome {
    /// The longer one of the two gaps.
    gap: Duration,
    /// From the death to the last client's move; `None`: nobody was there.
    left: Option<Duration>,
}

/// Two people talk; the relay of the first, or of both, dies in one way or the other.
fn dying_region(seed: u64) -> Outcome {
    let mut rng = Rng::new(seed);
    let mut rtts = |first: f64| [first, 56.0 + 50.0 * rng.unit(), 80.0 + 60.0 * rng.unit()];
    let both = seed.is_multiple_of(2);
    let ways = [rtts(50.0), if both { rtts(50.0) } else { [150.0, 50.0, 90.0] }];
    let mut scene = Scene::rtts(seed, &[("london-1", 0.0), ("london-2", 0.0), ("paris-1", 0.0)]);
    scene.clients[0].voice = true;
    scene.clients.push(scene.clients[0].clone());
    for (client, rtts) in scene.clients.iter_mut().zip(ways) {
        for (reach, rtt_ms) in client.reach.iter_mut().zip(rtts) {
            let jitter = Jitter::Normal(ms(1.0));
            *reach = Route::steady(Condition { jitter, ..Condition::half_of_rtt_ms(rtt_ms) }).into();
        }
    }
    let death = ms(4500.0 + 1000.0 * rng.unit());
    let step = if (seed / 2).is_multiple_of(2) { Step::Blackhole(0, true) } else { Step::Kill(0) };
    let mut world = World::new(clock::now(), &scene.at(death, step));
    world.run_to(death - ms(1.0));
    let carried = |client: usize| world.client(client).carrier().is_some_and(|(relay, _)| relay == "london-1");
    let there = [carried(0), carried(1)];
    world.run_to(death + ms(2500.0));
    assert_eq!(world.breaches(), [], "seed {seed}");
    let gap = |receiver: usize| {
        let stream = world.client(receiver).receiver().stream(1 - receiver, Kind::Audio);
        stream.unwrap_or_else(|| panic!("seed {seed}: nothing heard")).longest_gap(death, world.now())
    };
    let left = |client: usize| {
        let moves = world.client(client).elections(death);
        moves.iter().find(|(_, reason)| *reason == Reason::FailOver).map(|(at, _)| *at - death)
    };
    // Where another relay measured as good, nobody was there to leave.
    let left = (0..2).filter(|client| there[*client]).map(|client| left(client).unwrap_or(Duration::MAX)).max();
    Outcome { gap: gap(0).max(gap(1)), left }
}

#[test]
fn a_dead_region_costs_at_most_700_ms_of_sound() {
    let runs = super::night::seeds(200);
    let outcomes = workers(runs.clone(), dying_region);
    let somebody = |outcome: &&Outcome| outcome.left.is_some();
    let gaps: Vec<f64> = outcomes.iter().filter(somebody).map(|outcome| to_ms(outcome.gap)).collect();
    let left: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.left.map(to_ms)).collect();
    let of = |figures: &[f64], share| quantile(figures.iter().copied(), share).unwrap();
    assert!(left.len() * 10 >= outcomes.len() * 9, "hardly anybody was there");
    println!("{} deaths of the active region, RTT 50 ms, half of them kills, half blackholes", outcomes.len());
    for (name, figures) in [("audio gap, the longer of both", &gaps), ("left after", &left)] {
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| of(figures, share));
        println!("{name:<32} p50 {p50:>6.0} ms   p99 {p99:>6.0} ms   most {most:>6.0} ms");
    }
    assert!(of(&gaps, 0.5) <= 350.0 && of(&gaps, 0.99) <= 700.0);
    assert!(of(&left, 1.0) < 2000.0);
}
