//! Our own election among the same relays: the real one, in the library's simulator.
//!
//! Every client races the relays, over both transports, through the weather of its paths; some lose the region that they
//! are in. Runs are independent and seeded, so they share the cores and the result does not depend on how.

use std::thread;
use std::time::{Duration, Instant};

use super::figures::{Choice, Spread};
use super::regions::World;
use super::weather;
use crate::election::{Candidate, rules};
use crate::proto::Transport;
use crate::sim::{self, ClientSpec, Kind, Rng, Scene, Step, ms};

/// How the runs go.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Share of the packets that are lost in each direction, 0-1.
    pub loss: f64,
    /// Races of each client.
    pub races: u32,
    /// Regions that die.
    pub failovers: u32,
    pub seed: u64,
}

/// What came of the races.
#[derive(Debug, Clone, Default)]
pub struct Races {
    /// Whom each would have taken at the first decision, and at the end of the window.
    pub first: Vec<Choice>,
    pub at_3_s: Vec<Choice>,
    /// From the start of the race to the first decision, ms.
    pub decided_ms: Vec<f64>,
}

/// The race's window.
pub const WINDOW_MS: f64 = 3_000.0;

/// Races every client, `plan.races` times.
pub fn races(world: &World, plan: &Plan) -> Races {
    let base = crate::clock::now();
    let relays = weather::relays(world);
    let race = |n: usize| {
        let city = world.clients[n % world.clients.len()];
        let client = weather::client(world, city, plan.loss);
        let scene = Scene { relays: relays.clone(), ..Scene::new(seed(plan.seed, 1, n), [], vec![client]) };
        let mut run = sim::World::new(base, &scene);
        run.run_until(ms(WINDOW_MS), |run| run.clients().any(|(_, client)| client.decided().is_some()));
        let decided = run.client(0).decided();
        let first = choice(world, city, run.client(0));
        run.run_to(ms(WINDOW_MS));
        (decided, first, choice(world, city, run.client(0)))
    };
    let mut races = Races::default();
    for (decided, first, at_3_s) in on_all_cores(world.clients.len() * plan.races as usize, race) {
        races.decided_ms.push(decided.map_or(f64::INFINITY, |after| after.as_secs_f64() * 1e3));
        races.first.push(first);
        races.at_3_s.push(at_3_s);
    }
    races
}

/// Whom a client would take now. Nobody is as bad as the worst.
fn choice(world: &World, city: usize, client: &sim::Client) -> Choice {
    let place = |name: &str| world.regions.iter().position(|&region| world.matrix.cities[region].name == name);
    let regrets = (0..world.regions.len()).map(|region| world.regret_ms(city, region));
    let Some((leader, region)) = client.leader().and_then(|leader| Some((leader, place(&leader.relay)?))) else {
        return Choice::new(regrets.fold(0.0, f64::max), 1.0);
    };
    Choice { tie: is_tie(client, leader), ..Choice::new(world.regret_ms(city, region), 1.0) }
}

/// The rule prefers WebTransport where another relay over WebSocket measures better by no more than the band.
fn is_tie(client: &sim::Client, leader: &Candidate) -> bool {
    let standings = client.elector().standings();
    let scored = standings.iter().filter_map(|row| Some((&row.candidate, row.score_ms?)));
    let own = scored.clone().find(|(candidate, _)| *candidate == leader).map(|(_, score)| score);
    let best = scored.min_by(|a, b| a.1.total_cmp(&b.1));
    own.zip(best).is_some_and(|(own, (best, score))| {
        leader.transport == Transport::WebTransport
            && best.transport == Transport::WebSocket
            && best.relay != leader.relay
            && own <= score + rules::tie_ms(score)
    })
}

/// When two people who are in a call begin to talk, and when the region of one of them dies, ms: after the race, so that
/// there is a standby.
const TALK_MS: f64 = 4_500.0;
const DEATH_MS: f64 = 5_000.0;
/// Deaths are spread over this, so that they meet every phase of the probes, ms.
const PHASE_MS: f64 = 1_000.0;
/// And how long the run goes on.
const AFTER_MS: f64 = 1_500.0;
/// A gap that is still open gets so long.
const PATIENCE_MS: f64 = 30_000.0;

/// The longest silence that either of two people hears when the region of one of them dies: half of the times its process
/// ends, half of the times nothing gets through. `None` without a run.
pub fn failovers(world: &World, plan: &Plan) -> Option<Spread> {
    let base = crate::clock::now();
    Spread::of(on_all_cores(plan.failovers as usize, |n| failover_ms(world, plan, base, n)))
}

fn failover_ms(world: &World, plan: &Plan, base: Instant, n: usize) -> f64 {
    let seed = seed(plan.seed, 2, n);
    let mut rng = Rng::new(seed);
    let mut place = |n: usize| (rng.unit() * n as f64) as usize;
    let cities = [world.clients[n % world.clients.len()], world.clients[place(world.clients.len())]];
    let person = |&city: &usize| ClientSpec { joins: Some(Duration::ZERO), ..weather::client(world, city, plan.loss) };
    let clients = cities.iter().map(person).collect();
    let mut scene = Scene { relays: weather::relays(world), bus: weather::bus(world), ..Scene::new(seed, [], clients) };
    for client in [0, 1] {
        scene = scene.at(ms(TALK_MS), Step::Media { client, voice: true, camera: false });
    }
    let death = ms(DEATH_MS + rng.unit() * PHASE_MS);
    let mut run = sim::World::new(base, &scene);
    run.run_to(death);
    let carrier = run.client(0).carrier().and_then(|(name, _)| scene.relays.iter().position(|relay| relay.id == name));
    let Some(relay) = carrier else { return PATIENCE_MS };
    run.apply(if n.is_multiple_of(2) { Step::Kill(relay) } else { Step::Blackhole(relay, true) });
    run.run_to(death + ms(AFTER_MS));
    let hears = |run: &sim::World, listener: usize, speaker: usize| {
        let stream = run.client(listener).receiver().stream(speaker, Kind::Audio)?;
        let open = stream.last().is_none_or(|last| last + ms(1_000.0) < run.now());
        Some((stream.longest_gap(death, run.now()), open))
    };
    // Both directions died: who of the two heard nothing for longer?
    let worst = |run: &sim::World| Some(hears(run, 0, 1)?.max(hears(run, 1, 0)?));
    if worst(&run).is_none_or(|(_, open)| open) {
        run.run_to(death + ms(PATIENCE_MS));
    }
    worst(&run).map_or(PATIENCE_MS, |(gap, _)| gap.as_secs_f64() * 1e3)
}

/// One for each run, all different.
fn seed(seed: u64, what: u64, n: usize) -> u64 {
    Rng::new(seed ^ (what << 60) ^ (n as u64).wrapping_mul(0x2545_f491_4f6c_dd1d)).bits()
}

/// `job` of 0 to `count`, in order.
fn on_all_cores<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(count.max(1));
    let share = count.div_ceil(cores).max(1);
    let job = &job;
    thread::scope(|scope| {
        let part = |from: usize| scope.spawn(move || (from..(from + share).min(count)).map(job).collect::<Vec<T>>());
        let parts: Vec<_> = (0..count).step_by(share).map(part).collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::matrix::Matrix;
    use super::*;

    #[test]
    fn jobs_come_back_in_order_however_many_cores_there_are() {
        assert_eq!(on_all_cores(7, |n| n * n), [0, 1, 4, 9, 16, 25, 36]);
        assert!(on_all_cores(0, |n| n).is_empty());
    }

    #[test]
    fn the_election_is_the_same_for_the_same_seed_and_chooses_well() {
        let matrix = Matrix::aws();
        let world = World::new(&matrix, 4, 8);
        let plan = |seed| Plan { loss: 0.02, races: 1, failovers: 0, seed };
        let (one, again, other) = (races(&world, &plan(1)), races(&world, &plan(1)), races(&world, &plan(2)));
        assert_eq!((&one.first, &one.decided_ms), (&again.first, &again.decided_ms));
        assert_ne!(one.decided_ms, other.decided_ms);
        assert!(one.first.iter().chain(&one.at_3_s).all(|choice| choice.regret_ms >= 0.0));
        assert!(one.decided_ms.iter().all(|after| (10.0..3_000.0).contains(after)), "{:?}", one.decided_ms);
        let right = one.at_3_s.iter().filter(|choice| choice.regret_ms <= 10.0).count();
        assert!(right >= 7, "{:?}", one.at_3_s);
        assert_eq!(failovers(&world, &plan(1)), None);
    }

    #[test]
    fn a_listener_whose_region_dies_hears_again_within_seconds() {
        let matrix = Matrix::aws();
        let world = World::new(&matrix, 4, 8);
        let gaps = failovers(&world, &Plan { loss: 0.02, races: 0, failovers: 6, seed: 1 }).unwrap();
        assert!(gaps.p50_ms >= 60.0 && gaps.p99_ms < 5_000.0, "{gaps:?}");
    }
}
