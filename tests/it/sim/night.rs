//! Nights: worlds that nobody thought of, drawn from a seed. What breaks an invariant is shrunk to a small case.
//!
//! `NEARCALL_SEEDS=10000` runs so many; `NEARCALL_SEED=17` runs that one again.

use std::ops::Range;

use nearcall::clock;
use nearcall::election::Command;
use nearcall::proto::probe::RelayState;
use nearcall::sim::{
    ClientSpec, Condition, Jitter, Kind, Loss, Rate, RelaySpec, Reorder, Route, Scene, Step, World, ms,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::invariants;

/// The weather is over, and everything works.
const CALM: f64 = 90_000.0;
/// Within this everybody is in the call.
const STUCK: f64 = 5000.0;

/// Events that may be planned when everything works: what is being sent again after the last outage is among them.
const PLANNED: usize = 20_000;

/// Something bad that ends. Relays and clients are counted modulo how many there are.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Killed(usize),
    Blackhole(usize),
    Drains(usize),
    Says(usize, u8),
    Refuses(usize),
    Withholds(usize),
    Unlisted(usize),
    /// Client, relay, and what its way there becomes: loss in percent, more round trip in ms.
    Worse(usize, usize, u8, u16),
    Outage(usize),
    UdpBlocked(usize),
    Rebound(usize),
    Reset(usize, usize),
    Asleep(usize),
    Pinned(usize, usize),
    Blocked(usize, usize),
    Forced(usize, usize),
    Silent(usize),
}

/// A night, as it is drawn, shrunk and printed.
#[derive(Debug, Clone)]
struct Night {
    seed: u64,
    /// Round trips of each client to each relay, ms; as many as there are of both at most.
    rtts: Vec<Vec<u16>>,
    clients: usize,
    relays: usize,
    media: bool,
    /// Jitter in ms, loss in 1/1000, bursts, reordering, a bottleneck: of every way.
    jitter: u8,
    loss: u8,
    bursts: bool,
    reorders: bool,
    narrow: bool,
    /// When, for how long, what.
    troubles: Vec<(u32, u32, Trouble)>,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let (relay, client) = (0..5usize, 0..3usize);
    prop_oneof![
        3 => relay.clone().prop_map(Trouble::Killed),
        3 => relay.clone().prop_map(Trouble::Blackhole),
        3 => relay.clone().prop_map(Trouble::Drains),
        2 => (relay.clone(), 1..4u8).prop_map(|(relay, state)| Trouble::Says(relay, state)),
        1 => relay.clone().prop_map(Trouble::Refuses),
        1 => relay.clone().prop_map(Trouble::Withholds),
        1 => relay.clone().prop_map(Trouble::Unlisted),
        4 => (client.clone(), relay.clone(), 0..60u8, 0..400u16)
            .prop_map(|(client, relay, loss, rtt)| Trouble::Worse(client, relay, loss, rtt)),
        2 => client.clone().prop_map(Trouble::Outage),
        1 => client.clone().prop_map(Trouble::UdpBlocked),
        1 => client.clone().prop_map(Trouble::Rebound),
        1 => (client.clone(), relay.clone()).prop_map(|(client, relay)| Trouble::Reset(client, relay)),
        1 => client.clone().prop_map(Trouble::Asleep),
        1 => (client.clone(), relay.clone()).prop_map(|(client, relay)| Trouble::Pinned(client, relay)),
        1 => (client.clone(), relay.clone()).prop_map(|(client, relay)| Trouble::Blocked(client, relay)),
        1 => (client.clone(), relay).prop_map(|(client, relay)| Trouble::Forced(client, relay)),
        1 => client.prop_map(Trouble::Silent),
    ]
}

fn night() -> impl Strategy<Value = Night> {
    let rtts = proptest::collection::vec(proptest::collection::vec(8..300u16, 5), 3);
    let troubles = proptest::collection::vec((0..80_000u32, 200..20_000u32, trouble()), 0..14);
    let sky = (0..12u8, 0..20u8, any::<bool>(), any::<bool>(), proptest::bool::weighted(0.2));
    let sizes = (1..=3usize, 1..=5usize, proptest::bool::weighted(0.7));
    (any::<u64>(), rtts, sizes, sky, troubles).prop_map(|(seed, rtts, sizes, sky, troubles)| {
        let ((clients, relays, media), (jitter, loss, bursts, reorders, narrow)) = (sizes, sky);
        Night { seed, rtts, clients, relays, media, jitter, loss, bursts, reorders, narrow, troubles }
    })
}

impl Night {
    fn way(&self, client: usize, relay: usize, calm: bool) -> Condition {
        let loss = f64::from(self.loss) / 1000.0;
        let loss = match self.bursts {
            true => Loss::Gilbert { good: loss / 2.0, bad: 0.4, worsens: loss / 10.0, recovers: 0.1 },
            false => Loss::Random(loss),
        };
        let reorder = Reorder { share: 0.02, by: ms(30.0) };
        let rate = Rate { bits_per_second: 3_000_000, queue_bytes: 60_000 };
        Condition {
            jitter: Jitter::Normal(ms(self.jitter.into())),
            loss: if calm { Loss::None } else { loss },
            reorder: self.reorders.then_some(reorder),
            rate: self.narrow.then_some(rate),
            ..Condition::half_of_rtt_ms(self.rtts[client][relay].into())
        }
    }

    fn scene(&self) -> Scene {
        const NAMES: [&str; 5] = ["london-1", "london-2", "paris-1", "paris-2", "tokyo-1"];
        let route = |client, relay| {
            let [stormy, calm] = [false, true].map(|calm| self.way(client, relay, calm));
            let both =
                |route: Route| Route { up: route.up.then(ms(CALM), calm), down: route.down.then(ms(CALM), calm) };
            both(Route::steady(stormy))
        };
        let client = |index: usize| {
            let reach = (0..self.relays).map(|relay| route(index, relay).into()).collect();
            ClientSpec { voice: self.media, camera: self.media && index == 0, ..ClientSpec::new(reach) }
        };
        let mut scene = Scene::new(self.seed, [], (0..self.clients).map(client).collect());
        scene.relays = NAMES[..self.relays].iter().map(|name| RelaySpec::new(name)).collect();
        scene.trace = true;
        for (at, length, trouble) in &self.troubles {
            self.plan(&mut scene, f64::from(*at), f64::from(*length), *trouble);
        }
        scene
    }

    /// Plans a trouble and its end.
    fn plan(&self, scene: &mut Scene, at: f64, length: f64, trouble: Trouble) {
        let end = (at + length).min(CALM);
        let (r, c) = (|relay: usize| relay % self.relays, |client: usize| client % self.clients);
        let name = |relay: usize| scene.relays[r(relay)].id.clone();
        let switch = |on: Step, off: Step| vec![(at, on), (end, off)];
        let steps = match trouble {
            Trouble::Killed(relay) => switch(Step::Kill(r(relay)), Step::Revive(r(relay))),
            Trouble::Blackhole(relay) => switch(Step::Blackhole(r(relay), true), Step::Blackhole(r(relay), false)),
            Trouble::Drains(relay) => {
                let deadline = ms((end - at).min(30_000.0));
                let drain = Step::Drain { relay: r(relay), deadline, spread: deadline / 3 };
                // Once its time is over.
                vec![(at, drain), (end, Step::Kill(r(relay))), (end, Step::Revive(r(relay)))]
            }
            Trouble::Says(relay, state) => {
                let state = RelayState::from(state);
                switch(Step::State(r(relay), state), Step::State(r(relay), RelayState::Ready))
            }
            Trouble::Refuses(relay) => switch(Step::Refuse(r(relay), true), Step::Refuse(r(relay), false)),
            Trouble::Withholds(relay) => switch(Step::Withhold(r(relay), true), Step::Withhold(r(relay), false)),
            Trouble::Unlisted(relay) => switch(Step::List(r(relay), false), Step::List(r(relay), true)),
            Trouble::Worse(client, relay, loss, rtt) => {
                let (client, relay) = (c(client), r(relay));
                let change = |condition: &mut Condition| {
                    condition.loss = Loss::Random(f64::from(loss) / 100.0);
                    condition.delay += ms(f64::from(rtt) / 2.0);
                };
                let reach = &mut scene.clients[client].reach[relay];
                for route in [&mut reach.webtransport, &mut reach.websocket] {
                    route.up = route.up.clone().during(ms(at), ms(end), change);
                    route.down = route.down.clone().during(ms(at), ms(end), change);
                }
                Vec::new()
            }
            Trouble::Outage(client) => {
                let outage = |on| Step::Outage { client: c(client), on };
                switch(outage(true), outage(false))
            }
            Trouble::UdpBlocked(client) => {
                let blocked = |on| Step::UdpBlocked { client: c(client), on };
                switch(blocked(true), blocked(false))
            }
            Trouble::Rebound(client) => vec![(at, Step::Rebind { client: c(client) })],
            Trouble::Reset(client, relay) => vec![(at, Step::Reset { client: c(client), relay: r(relay) })],
            Trouble::Asleep(client) => {
                vec![(at, Step::Suspend { client: c(client), length: ms(end - at) })]
            }
            Trouble::Pinned(client, relay) => {
                let pin = |name| Step::Command { client: c(client), command: Command::Pin(name) };
                switch(pin(Some(name(relay))), pin(None))
            }
            Trouble::Blocked(client, relay) => {
                let command = |command| Step::Command { client: c(client), command };
                switch(command(Command::Block(name(relay))), command(Command::Unblock(name(relay))))
            }
            Trouble::Forced(client, relay) => {
                vec![(at, Step::Command { client: c(client), command: Command::Force(name(relay)) })]
            }
            Trouble::Silent(client) => {
                let media = |voice| Step::Media { client: c(client), voice: voice && self.media, camera: false };
                switch(media(false), media(true))
            }
        };
        scene.steps.extend(steps.into_iter().map(|(at, step)| (ms(at), step)));
    }

    /// Runs it, and says what must not be.
    fn breaches(&self) -> Vec<String> {
        let mut world = World::new(clock::now(), &self.scene());
        world.run_to(ms(CALM + STUCK));
        // What stands in a full queue is late by more than a link is kept that was moved away from.
        let mut breaches = invariants::breaches(&world, !self.narrow);
        for (index, client) in world.clients() {
            if client.carrier().is_none() {
                breaches.push(format!("client {index} is stuck {STUCK} ms after everything works"));
            }
        }
        let talk = world.now();
        world.run_to(talk + ms(2000.0));
        for (index, client) in world.clients() {
            let heard = |of: usize| {
                let stream = client.receiver().stream(of, Kind::Audio);
                stream.and_then(|stream| stream.last()).is_some_and(|last| last > talk)
            };
            // Without a congestion window TCP chokes on a queue that the others' pictures fill.
            let talk = self.media && !self.narrow;
            let deaf = (0..self.clients).filter(|of| talk && *of != index && !heard(*of));
            breaches.extend(deaf.map(|of| format!("client {index} does not hear {of} when everything works again")));
        }
        let (_, planned) = world.events();
        if planned > PLANNED {
            breaches.push(format!("{planned} events are planned"));
        }
        breaches
    }
}

/// As many seeds as `NEARCALL_SEEDS` says, or so many; the one of `NEARCALL_SEED` alone.
pub fn seeds(usual: u64) -> Range<u64> {
    let of = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    match (of("NEARCALL_SEED"), of("NEARCALL_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(usual),
    }
}

/// Runs every seed, on two threads, and gives what came out in order.
pub fn workers<T: Send>(seeds: Range<u64>, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let half = |odd: u64| seeds.clone().filter(|seed| seed % 2 == odd).map(&run).collect::<Vec<T>>();
    let (even, odd) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        (half(0), other.join())
    });
    even.into_iter().chain(odd.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
}

/// A seed's night, and what it broke after shrinking.
fn sleep_through(seed: u64) -> Option<String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: 400,
        max_shrink_time: 10_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let told = std::cell::Cell::new(false);
    let run = |night: Night| match night.breaches() {
        breaches if breaches.is_empty() => Ok(()),
        breaches => {
            // Shrinking takes its time, and may end at another breach.
            if !told.replace(true) {
                eprintln!("NEARCALL_SEED={seed} breaks, and is made smaller now:\n{}", breaches.join("\n"));
            }
            Err(TestCaseError::fail(breaches.join("\n")))
        }
    };
    match TestRunner::new_with_rng(config, rng).run(&night(), run) {
        Ok(()) => None,
        Err(TestError::Fail(why, night)) => {
            Some(format!("NEARCALL_SEED={seed} broke:\n{why}\nthe smallest night that does:\n{night:#?}"))
        }
        Err(error) => Some(format!("NEARCALL_SEED={seed}: {error}")),
    }
}

#[test]
fn no_night_breaks_an_invariant() {
    let failures: Vec<String> = workers(seeds(40), sleep_through).into_iter().flatten().collect();
    let count = failures.len();
    assert!(failures.is_empty(), "{count} nights of {:?}: {}", seeds(40), failures[..count.min(3)].join("\n\n"));
}
