//! What one step of an elector costs with 8, 64 and 512 candidates: during the race, when all of them are connected and
//! probed five times a second, and afterwards, when four links are left.
//!
//! The ratios are to 8 candidates and to a look at each entry of a map of as many, which is what a step cannot do without.

#[path = "common/figures.rs"]
mod figures;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use nearcall::clock;
use nearcall::election::{Candidate, Config, Elector, Input, Output};
use nearcall::proto::probe::RelayState;
use nearcall::proto::{RelayInstance, Transport};

/// The window of the race, and how long it goes on afterwards.
const RACE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(20);

fn main() {
    // `cargo test --benches` asks for the list only.
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    println!("one step of an elector, median; each row a run of {} s of virtual time", (RACE + AFTER).as_secs());
    println!(
        "{:>10} {:>14} {:>9} {:>10} {:>16} {:>9} {:>14}",
        "candidates", "in the race", "to 8", "to a map", "afterwards", "to 8", "steps"
    );
    let mut eight = None;
    for count in [8, 64, 512] {
        let steps = run(count);
        let (race, after) = (median(&steps.race), median(&steps.after));
        let (first_race, first_after) = *eight.get_or_insert((race, after));
        let map = look_at_each(count);
        println!(
            "{count:>10} {:>11.1} us {:>8.1}x {:>9.1}x {:>13.1} us {:>8.1}x {:>14}",
            race * 1e6,
            race / first_race,
            race / map,
            after * 1e6,
            after / first_after,
            steps.race.len() + steps.after.len(),
        );
    }
    println!("linear is 8x and 64x: a race with n candidates takes n steps in 200 ms, and so n squared of time");
}

#[derive(Default)]
struct Steps {
    race: Vec<f64>,
    after: Vec<f64>,
}

/// Drives an elector among candidates at 20 to 320 ms and takes the time of every step.
fn run(count: usize) -> Steps {
    let start = clock::now();
    let candidates = (0..count).map(|index| Candidate {
        relay: format!("relay-{}", index / 2),
        region: format!("region-{}", index / 4),
        provider: "bench".into(),
        transport: if index % 2 == 0 { Transport::WebTransport } else { Transport::WebSocket },
        url: String::new(),
    });
    let rtt = |candidate: &Candidate| {
        let index: u64 = candidate.relay[6..].parse().expect("a number");
        Duration::from_millis(20 + index * 7919 % 300)
    };
    let mut elector = Elector::new(start, Config { window: RACE, ..Config::default() }, candidates.collect(), 1);
    elector.handle_input(start, Input::Join);
    let (mut now, mut wire, mut order, mut steps) = (start, BTreeMap::new(), 0u64, Steps::default());
    loop {
        while let Some(output) = elector.poll_output() {
            let answer = match output {
                Output::Dial { link, candidate } => Some((rtt(&candidate) * 2, Input::Connected { link })),
                Output::Probe { link, id } => elector.candidate_of(link).map(|candidate| {
                    let (rtt, state, instance) = (rtt(candidate), RelayState::Ready, RelayInstance(1));
                    (rtt, Input::ProbeReply { link, id, rtt, state, instance })
                }),
                Output::Admit { link } | Output::Move { to: link, .. } => {
                    elector.candidate_of(link).map(|candidate| (rtt(candidate), Input::Admitted { link }))
                }
                _ => None,
            };
            if let Some((after, input)) = answer {
                order += 1;
                wire.insert((now + after, order), input);
            }
        }
        let arrives = wire.keys().next().map(|(at, _)| *at);
        let wakes = elector.poll_timeout();
        let Some(next) = [arrives, wakes].into_iter().flatten().min().filter(|next| *next <= start + RACE + AFTER)
        else {
            return steps;
        };
        now = next.max(now);
        let input = (arrives == Some(next)).then(|| wire.pop_first()).flatten();
        let began = clock::now();
        match input {
            Some((_, input)) => elector.handle_input(now, input),
            None => elector.handle_timeout(now),
        }
        let took = clock::now().saturating_duration_since(began).as_secs_f64();
        if now < start + RACE { steps.race.push(took) } else { steps.after.push(took) }
    }
}

/// Seconds for a look at each entry of a map.
fn look_at_each(count: usize) -> f64 {
    let map: BTreeMap<usize, Option<Instant>> = (0..count).map(|index| (index, Some(clock::now()))).collect();
    let mut times = Vec::new();
    for _ in 0..1000 {
        let began = clock::now();
        black_box(map.values().flatten().min());
        times.push(clock::now().saturating_duration_since(began).as_secs_f64());
    }
    median(&times).max(1e-9)
}

fn median(values: &[f64]) -> f64 {
    figures::quantile(values.iter().copied(), 0.5).unwrap_or(f64::NAN)
}
