//! `nearcall simulate`: ways to choose a relay, side by side, over round trips that were really measured.
//!
//! Strategies that others use are models (`models`, `leave`), each with its source; ours is the program's own election in
//! virtual time (`ours`, on the library's simulator). All of them serve the same clients from the same relays
//! (`regions`), over the same matrix (`matrix`). Nothing here opens a socket, and a seed gives the same output again.

mod figures;
mod leave;
mod matrix;
mod models;
mod ours;
mod regions;
mod report;
mod weather;

use self::figures::{Accuracy, Spread};
use self::matrix::Matrix;
use self::ours::Plan;
use self::regions::World;
use self::report::{Bar, Report, Row};
use super::Exit;
use super::args::{SimulateArgs, UsageError};
use crate::sim::Rng;

pub fn run(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let matrix = Matrix::find(&args.matrix).map_err(|error| UsageError(error.to_string()))?;
    let regions = usize::from(args.regions);
    if regions > matrix.len() {
        let cities = matrix.len();
        return Err(UsageError(format!("{regions} regions in {cities} cities; --regions {cities} at most")).into());
    }
    let world = World::new(&matrix, regions, args.clients.map_or(matrix.len(), usize::from));
    let plan = Plan {
        loss: args.loss / 100.0,
        races: u32::from(args.races),
        failovers: u32::from(args.failovers),
        seed: args.seed,
    };
    let report = compare(&world, &plan);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.table());
    }
    Ok(if report.bars.iter().all(|bar| bar.met) { Exit::Done } else { Exit::Failed })
}

/// Every strategy once.
fn compare(world: &World, plan: &Plan) -> Report {
    let mut rng = Rng::new(plan.seed);
    let dns = models::Dns::default();
    let look_up = Spread::of(dns.look_ups_ms(world));
    let by_record = leave::dns(&mut rng);
    let accuracy = |choices: Vec<figures::Choice>| Accuracy::of(&choices);
    let at_once = Some(Spread::exactly(0.0));
    let mut strategies = vec![
        Row::new("geography", models::geography(world).and_then(accuracy), look_up, by_record),
        Row::new("dns", accuracy(dns.choices(world, &mut rng)), look_up, by_record),
        Row::new("anycast", accuracy(models::anycast(world)), at_once, leave::anycast(&mut rng)),
        Row::new("front_door", accuracy(models::front_door(world)), at_once, leave::front_door(&mut rng)),
    ];
    let races = ours::races(world, plan);
    let (decided, left) = (Spread::of(races.decided_ms), ours::failovers(world, plan));
    strategies.push(Row::new("election_first", Accuracy::of(&races.first), decided, left));
    let window = Some(Spread::exactly(ours::WINDOW_MS));
    strategies.push(Row::new("election_3_s", Accuracy::of(&races.at_3_s), window, left));
    let bars = bars(world, plan, &strategies);
    Report::new(world, plan, strategies, bars)
}

/// What the design's section 10 asks of a choice among 8 regions, over 200 cities or more, at 2 % loss; of nothing else.
fn bars(world: &World, plan: &Plan, rows: &[Row]) -> Vec<Bar> {
    let of = |name: &str| rows.iter().find(|row| row.strategy == name);
    let (Some(first), Some(at_3_s)) = (of("election_first"), of("election_3_s")) else { return Vec::new() };
    if world.regions.len() != 8 || world.clients.len() < 200 || plan.loss != 0.02 {
        return Vec::new();
    }
    let share = |row: &Row| row.accuracy.map_or(0.0, |accuracy| accuracy.within_1_ms);
    let median = first.decide.map_or(f64::INFINITY, |decide| decide.p50_ms);
    vec![
        Bar::at_least("within 1 ms of the best at the first decision", "share", 0.94, share(first)),
        Bar::at_most("median time to the first decision", "ms", 600.0, median),
        Bar::at_least("within 1 ms of the best at 3 s", "share", 0.97, share(at_3_s)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_is_there_its_figures_make_sense_and_a_seed_repeats_them() {
        let matrix = Matrix::aws();
        let world = World::new(&matrix, 3, 6);
        let plan = Plan { loss: 0.02, races: 1, failovers: 2, seed: 7 };
        let report = compare(&world, &plan);
        let names: Vec<_> = report.strategies.iter().map(|row| row.strategy).collect();
        assert_eq!(names, ["geography", "dns", "anycast", "front_door", "election_first", "election_3_s"]);
        for row in &report.strategies {
            let accuracy = row.accuracy.unwrap();
            for share in [accuracy.within_1_ms, accuracy.within_1_ms_strictly, accuracy.within_10_ms] {
                assert!((0.0..=1.0).contains(&share), "{row:?}");
            }
            assert!(accuracy.within_1_ms_strictly <= accuracy.within_1_ms.min(accuracy.within_10_ms), "{row:?}");
            assert!(accuracy.p95_regret_ms <= accuracy.p99_regret_ms, "{row:?}");
            assert!(accuracy.mean_regret_ms >= 0.0 || row.strategy == "front_door", "{row:?}");
            assert!(row.decide.unwrap().p50_ms <= row.decide.unwrap().p99_ms && row.leave.is_some(), "{row:?}");
        }
        assert!(report.bars.is_empty(), "six cities prove nothing");
        let text = |report: &Report| serde_json::to_string(report).unwrap();
        assert_eq!(text(&report), text(&compare(&world, &plan)));
        assert_ne!(text(&report), text(&compare(&world, &Plan { seed: 8, ..plan })));
    }

    #[test]
    fn the_bars_are_those_of_the_design_and_a_miss_is_told() {
        let matrix = Matrix::cities();
        let world = World::new(&matrix, 8, 212);
        let plan = Plan { loss: 0.02, races: 1, failovers: 0, seed: 1 };
        let accuracy = Accuracy {
            within_1_ms: 0.95,
            within_1_ms_strictly: 0.9,
            within_10_ms: 1.0,
            mean_regret_ms: 0.1,
            p95_regret_ms: 1.0,
            p99_regret_ms: 2.0,
        };
        let row = |name, decide| Row::new(name, Some(accuracy), Some(Spread::exactly(decide)), None);
        let rows = [row("election_first", 600.0), row("election_3_s", 3_000.0)];
        let met: Vec<_> = bars(&world, &plan, &rows).iter().map(|bar| bar.met).collect();
        assert_eq!(met, [true, true, false]);
        assert!(bars(&world, &Plan { loss: 0.0, ..plan }, &rows).is_empty());
    }
}
