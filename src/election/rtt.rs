//! Figures of a path: the smoothed RTT that timeouts are made of, and the statistics that scores are made of.
//!
//! Pure arithmetic on samples that [`super::probes`] collects. Never: a decision.

use std::time::Duration;

use super::rules::{LOSS_MS, MUCH_SLOWER, NOTICEABLE_MS};

/// SRTT and RTTVAR of RFC 6298, section 2.
#[derive(Debug, Clone, Default)]
pub(super) struct Smoothed {
    srtt: Option<Duration>,
    var: Duration,
}

impl Smoothed {
    pub(super) fn sample(&mut self, rtt: Duration) {
        match self.srtt {
            None => {
                self.srtt = Some(rtt);
                self.var = rtt / 2;
            }
            Some(srtt) => {
                self.var = (self.var * 3 + srtt.abs_diff(rtt)) / 4;
                self.srtt = Some((srtt * 7 + rtt) / 8);
            }
        }
    }

    /// `None` before the first sample.
    pub(super) fn srtt(&self) -> Option<Duration> {
        self.srtt
    }

    /// Mean deviation; half of the RTT after the first sample.
    pub(super) fn var(&self) -> Duration {
        self.var
    }
}

/// Statistics of a window of probes, in ms. A probe that may still be answered is in none of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Summary {
    pub(super) received: usize,
    pub(super) lost: usize,
    /// Over every sample.
    pub(super) mean: f64,
    /// Without outliers: what the score is made of.
    pub(super) trimmed: f64,
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) p95: f64,
    /// Mean difference of neighbouring samples; `None` with fewer than two.
    pub(super) jitter: Option<f64>,
}

impl Summary {
    /// Of samples in the order in which they were sent. `None` without a sample.
    pub(super) fn of(samples: &[f64], lost: usize) -> Option<Self> {
        if samples.is_empty() {
            return None;
        }
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
        let differences: f64 = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        Some(Self {
            received: n,
            lost,
            mean: mean(&sorted),
            trimmed: mean(without_outliers(&sorted, median)),
            median,
            min: sorted[0],
            p95: sorted[(n * 95).div_ceil(100) - 1],
            jitter: (n > 1).then(|| differences / (n - 1) as f64),
        })
    }

    /// Share of lost probes among those whose fate is known, 0-1.
    pub(super) fn loss(&self) -> f64 {
        self.lost as f64 / (self.lost + self.received) as f64
    }

    /// Mean RTT + loss x (mean + 100 ms): what a lost packet costs is a round trip and the time to notice.
    pub(super) fn score(&self) -> f64 {
        self.score_of(self.trimmed)
    }

    /// The score of the path without any queue.
    pub(super) fn empty_score(&self) -> f64 {
        self.score_of(self.min)
    }

    fn score_of(&self, rtt_ms: f64) -> f64 {
        rtt_ms + self.loss() * (rtt_ms + LOSS_MS)
    }
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

/// Leaves out the highest tenth (one of three at least: a stall of the first packets must not decide a race), and of
/// that only what is far above the median.
fn without_outliers(sorted: &[f64], median: f64) -> &[f64] {
    let n = sorted.len();
    if n < 3 {
        return sorted;
    }
    let most = n.div_ceil(10);
    let outliers =
        sorted.iter().rev().take(most).take_while(|&&rtt| rtt > median * MUCH_SLOWER + NOTICEABLE_MS).count();
    &sorted[..n - outliers]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_follows_rfc_6298() {
        let mut smoothed = Smoothed::default();
        assert_eq!(smoothed.srtt(), None);
        smoothed.sample(Duration::from_millis(80));
        assert_eq!((smoothed.srtt(), smoothed.var()), (Some(Duration::from_millis(80)), Duration::from_millis(40)));
        smoothed.sample(Duration::from_millis(96));
        assert_eq!((smoothed.srtt(), smoothed.var()), (Some(Duration::from_millis(82)), Duration::from_millis(34)));
    }

    #[test]
    fn a_window_gives_the_figures_that_a_person_would_compute() {
        for (samples, lost, mean, median, min, p95, jitter, score) in [
            (&[40.0][..], 0, 40.0, 40.0, 40.0, 40.0, None, 40.0),
            (&[40.0, 50.0], 0, 45.0, 45.0, 40.0, 50.0, Some(10.0), 45.0),
            // A lost probe costs its share of mean + 100 ms, and is never trimmed.
            (&[40.0, 40.0, 40.0], 1, 40.0, 40.0, 40.0, 40.0, Some(0.0), 75.0),
            // One stall is trimmed from the score and stays in the mean.
            (&[400.0, 40.0, 40.0], 0, 160.0, 40.0, 40.0, 400.0, Some(180.0), 40.0),
            // Two of three are no outliers: the path is like that.
            (&[400.0, 400.0, 40.0], 0, 280.0, 400.0, 40.0, 400.0, Some(180.0), 280.0),
        ] {
            let summary = Summary::of(samples, lost).unwrap();
            let figures = (summary.mean, summary.median, summary.min, summary.p95, summary.jitter, summary.score());
            assert_eq!(figures, (mean, median, min, p95, jitter, score), "{samples:?}");
        }
        assert_eq!(Summary::of(&[], 3), None);
    }
}
