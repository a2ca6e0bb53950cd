//! The one scale on which all bars and sparklines of a list are drawn, so that rows can be compared. Pure.

use crate::election::Standing;

use super::words::known;

/// The least end of the scale, ms: small differences between near relays look small.
const LEAST_MS: f64 = 200.0;
/// The most: one relay behind a satellite must not press all others flat.
const MOST_MS: f64 = 1000.0;
/// Where a scale may end, ms: it does not creep with every answer.
const ENDS_MS: [f64; 6] = [LEAST_MS, 300.0, 400.0, 500.0, 750.0, MOST_MS];

/// Linear from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub end_ms: f64,
}

impl Scale {
    /// The scale that shows every candidate, as far as one scale can.
    pub fn of(candidates: &[Standing]) -> Self {
        let worst = candidates.iter().filter_map(|standing| known(standing.p95_ms.or(standing.mean_ms)));
        let worst_ms = worst.fold(0.0, f64::max);
        let end_ms = ENDS_MS.into_iter().find(|end| worst_ms <= *end).unwrap_or(MOST_MS);
        Self { end_ms }
    }

    /// A scale for one line alone: ends at the next round figure above `most_ms`.
    pub fn to(most_ms: f64) -> Self {
        let ends = [10.0, 20.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0, 750.0];
        Self { end_ms: ends.into_iter().find(|end| most_ms <= *end).unwrap_or(MOST_MS) }
    }

    /// Where `ms` stands, 0..=1.
    pub fn share(self, ms: f64) -> f32 {
        (ms / self.end_ms).clamp(0.0, 1.0) as f32
    }

    /// Whether `ms` lies beyond the end.
    pub fn overflows(self, ms: f64) -> bool {
        ms > self.end_ms
    }

    /// Where the axis has its marks, ms, from 0 up to the end: round figures.
    pub fn ticks(self) -> impl Iterator<Item = f64> {
        let step = match self.end_ms {
            ..=200.0 => 50.0,
            ..=500.0 => 100.0,
            _ => 250.0,
        };
        (0..=10).map(move |n| f64::from(n) * step).take_while(move |ms| *ms <= self.end_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ui::fixtures;

    #[test]
    fn the_scale_ends_at_200_ms_or_where_the_worst_answer_fits_and_never_beyond_a_second() {
        let mut model = fixtures::lobby(Duration::from_secs(5));
        let mut end_with = |p95_ms: Option<f64>| {
            fixtures::change(&mut model, |state, _| {
                state.candidates.truncate(2);
                state.candidates[1].p95_ms = p95_ms;
            });
            Scale::of(&model.call.as_deref().unwrap().candidates).end_ms
        };
        assert_eq!(end_with(Some(42.0)), 200.0);
        assert_eq!(end_with(Some(236.0)), 300.0);
        assert_eq!(end_with(Some(4000.0)), 1000.0);
        assert_eq!(end_with(Some(f64::NAN)), 200.0);
        assert_eq!(Scale::of(&[]).end_ms, 200.0);
        let scale = Scale { end_ms: 200.0 };
        assert_eq!((scale.share(50.0), scale.share(900.0), scale.share(-1.0)), (0.25, 1.0, 0.0));
        assert!(scale.overflows(201.0) && !scale.overflows(200.0));
    }
}
