//! From a pair's figures to a way that packets take: what the election meets in the simulator.
//!
//! Pure. `ours` builds its scenes with it.

use super::matrix::Path;
use super::regions::World;
use crate::sim::{Bus, ClientSpec, Condition, Jitter, Loss, Reach, RelaySpec, Reorder, Route, ms};

/// Mean of |normal|, and its variance, for a deviation of 1.
const HALF_NORMAL: (f64, f64) = (0.797_884_560_8, 0.363_380_227_6);
/// No packet is late by more, ms: a longer pause is an outage and no jitter.
const MOST_LATE_MS: f64 = 1_000.0;

/// One direction of a path. Round trips over two of them have the measured least, mean and deviation: half of what the
/// mean lies above the least is in a half-normal body, the other half in a few packets that are late, by as much as the
/// deviation asks for. `loss`: of the packets of one direction, 0-1.
pub fn condition(path: Path, loss: f64) -> Condition {
    let above_ms = (path.mean_ms - path.least_ms).max(0.02);
    // Two directions: each holds half of the sums, and of its mean half is in the body.
    let half_ms = above_ms / 4.0;
    let body_ms = half_ms / HALF_NORMAL.0;
    let variance = (path.deviation_ms.powi(2) / 2.0 - HALF_NORMAL.1 * body_ms.powi(2)).max(0.0);
    // A share of the packets is late by anything up to `by_ms`: mean = share x by / 2, mean square = share x by^2 / 3.
    let by_ms = (1.5 * (variance + half_ms.powi(2)) / half_ms).clamp(2.0 * half_ms, MOST_LATE_MS);
    let share = 2.0 * half_ms / by_ms;
    Condition {
        delay: ms(path.least_ms / 2.0),
        jitter: Jitter::Normal(ms(body_ms)),
        reorder: Some(Reorder { share, by: ms(by_ms) }),
        loss: Loss::Random(loss),
        ..Condition::default()
    }
}

/// A relay in each region, reached by both transports.
pub fn relays(world: &World) -> Vec<RelaySpec> {
    let relay = |&city: &usize| {
        let name = &world.matrix.cities[city].name;
        RelaySpec { region: name.clone(), ..RelaySpec::new(name) }
    };
    world.regions.iter().map(relay).collect()
}

/// Somebody in a city, who does not join by himself.
pub fn client(world: &World, city: usize, loss: f64) -> ClientSpec {
    let way = |&region: &usize| {
        let way = |from, to| crate::sim::Course::steady(condition(world.matrix.path(from, to), loss));
        Reach::from(Route { up: way(city, region), down: way(region, city) })
    };
    ClientSpec { joins: None, ..ClientSpec::new(world.regions.iter().map(way).collect()) }
}

/// Half a round trip from each region to each.
pub fn bus(world: &World) -> Bus {
    let count = world.regions.len();
    let pairs = (0..count).flat_map(|a| (0..count).map(move |b| (a, b))).filter(|(a, b)| a != b);
    let others = pairs.map(|(a, b)| (a, b, ms(world.rtt_ms(world.regions[a], b) / 2.0))).collect();
    Bus { others, ..Bus::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Rng;

    /// Draws what the simulator does with a condition; its own tests check that it does.
    fn draw_ms(condition: Condition, rng: &mut Rng) -> f64 {
        let Jitter::Normal(body) = condition.jitter else { panic!("{condition:?}") };
        let Reorder { share, by } = condition.reorder.unwrap();
        let late = if rng.chance(share) { by.as_secs_f64() * rng.unit() } else { 0.0 };
        (condition.delay.as_secs_f64() + body.as_secs_f64() * rng.normal().abs() + late) * 1e3
    }

    #[test]
    fn round_trips_have_the_mean_the_least_and_the_deviation_that_were_measured() {
        for (mean_ms, least_ms, deviation_ms) in
            [(80.0, 78.0, 5.0), (200.0, 170.0, 40.0), (12.0, 11.5, 0.3), (40.0, 30.0, 6.0)]
        {
            let path = Path { mean_ms, deviation_ms, least_ms };
            let condition = condition(path, 0.02);
            let mut rng = Rng::new(3);
            let drawn: Vec<f64> =
                (0..200_000).map(|_| draw_ms(condition, &mut rng) + draw_ms(condition, &mut rng)).collect();
            let mean = drawn.iter().sum::<f64>() / 2e5;
            let deviation = (drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e5).sqrt();
            assert!((mean - mean_ms).abs() < 0.05 * deviation_ms + 0.05, "{path:?}: mean {mean}");
            assert!((deviation / deviation_ms - 1.0).abs() < 0.12, "{path:?}: deviation {deviation}");
            let least = drawn.iter().copied().fold(f64::MAX, f64::min);
            assert!((least - least_ms).abs() < 0.2 * (mean_ms - least_ms), "{path:?}: least {least}");
        }
    }
}
