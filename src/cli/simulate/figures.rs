//! What a strategy is judged by, from its single choices.
//!
//! Pure arithmetic.

use serde::Serialize;

use crate::cli::stats::percentile;

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
            choices.iter().filter(|choice| counts(choice)).fold(0.0, |sum, choice| sum + choice.weight) / total
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
    pub fn of(times_ms: Vec<f64>) -> Option<Self> {
        Some(Self { p50_ms: percentile(&times_ms, 0.5)?, p99_ms: percentile(&times_ms, 0.99)? })
    }

    pub fn exactly(ms: f64) -> Self {
        Self { p50_ms: ms, p99_ms: ms }
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
}
