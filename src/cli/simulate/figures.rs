//! What a strategy is judged by, from its single choices.
//!
//! Pure arithmetic.

use serde::Serialize;

/// A choice, and how much it counts. Its regret: the round trip that it got, less the shortest there was, ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    pub regret_ms: f64,
    pub weight: f64,
    /// Level with the best by the election's near-tie rule, whatever the regret.
    pub tie: bool,
}

impl Choice {
    pub fn new(regret_ms: f64, weight: f64) -> Self {
        Self { regret_ms, weight, tie: false }
    }
}

/// How good the choices were. Shares are 0-1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Within 1 ms of the best, or a near tie by the rule.
    pub within_1_ms: f64,
    /// The same without ties.
    pub within_1_ms_strictly: f64,
    pub within_10_ms: f64,
    pub mean_regret_ms: f64,
    pub p95_regret_ms: f64,
    pub p99_regret_ms: f64,
}

impl Accuracy {
    /// `None` of no choices.
    pub fn of(choices: &[Choice]) -> Option<Self> {
        let total: f64 = choices.iter().map(|choice| choice.weight).sum();
        if total <= 0.0 {
            return None;
        }
        let share = |counts: &dyn Fn(&Choice) -> bool| {
            choices.iter().filter(|choice| counts(choice)).map(|choice| choice.weight).sum::<f64>() / total
        };
        let mut sorted: Vec<(f64, f64)> = choices.iter().map(|choice| (choice.regret_ms, choice.weight)).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(Self {
            within_1_ms: share(&|choice| choice.tie || choice.regret_ms <= 1.0),
            within_1_ms_strictly: share(&|choice| choice.regret_ms <= 1.0),
            within_10_ms: share(&|choice| choice.regret_ms <= 10.0),
            mean_regret_ms: choices.iter().map(|choice| choice.regret_ms * choice.weight).sum::<f64>() / total,
            p95_regret_ms: weighted(&sorted, total * 0.95),
            p99_regret_ms: weighted(&sorted, total * 0.99),
        })
    }
}

/// The first value at which the weights so far reach `weight`.
fn weighted(sorted: &[(f64, f64)], weight: f64) -> f64 {
    let mut sum = 0.0;
    // Sums of weights are exact to rounding alone.
    let reached = |&&(_, own): &&(f64, f64)| {
        sum += own;
        sum >= weight * (1.0 - 1e-9)
    };
    sorted.iter().find(reached).or(sorted.last()).map_or(0.0, |(value, _)| *value)
}

/// A time that differs from case to case, ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Spread {
    /// By nearest rank. `None` of nothing.
    pub fn of(mut times_ms: Vec<f64>) -> Option<Self> {
        times_ms.sort_by(f64::total_cmp);
        let rank = |percent: usize| times_ms.get((times_ms.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Self { p50_ms: rank(50)?, p99_ms: rank(99)? })
    }

    pub fn exactly(ms: f64) -> Self {
        Self { p50_ms: ms, p99_ms: ms }
    }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the models' random numbers, seeded.
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to 1, 1 excluded.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Of mean 0 and deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_percentiles_go_by_weight() {
        let mut choices = vec![Choice::new(0.0, 0.8), Choice::new(5.0, 0.1), Choice::new(50.0, 0.1)];
        let accuracy = Accuracy::of(&choices).unwrap();
        assert_eq!((accuracy.within_1_ms, accuracy.p95_regret_ms, accuracy.p99_regret_ms), (0.8, 50.0, 50.0));
        assert!((accuracy.within_10_ms - 0.9).abs() < 1e-9 && (accuracy.mean_regret_ms - 5.5).abs() < 1e-9);
        choices[1].tie = true;
        let accuracy = Accuracy::of(&choices).unwrap();
        assert!((accuracy.within_1_ms - 0.9).abs() < 1e-9 && (accuracy.within_1_ms_strictly - 0.8).abs() < 1e-9);
        assert_eq!(Accuracy::of(&[]), None);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_there() {
        let all = Spread::of((1..=200).map(f64::from).rev().collect());
        assert_eq!(all, Some(Spread { p50_ms: 100.0, p99_ms: 198.0 }));
        assert_eq!(Spread::of(vec![7.0]), Some(Spread::exactly(7.0)));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn normal_numbers_have_mean_0_and_deviation_1() {
        let mut rng = Rng(1);
        let drawn: Vec<f64> = (0..20_000).map(|_| rng.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 2e4;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 2e4;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
