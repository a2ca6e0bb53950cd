//! The rules' figures that people are told: in the panel, in an export. The rules themselves use the same ones.

use std::time::Duration;

use super::{dwell, improve, links, score};

/// From one probe to the next in a race and on the link that carries the call.
pub const PROBE_INTERVAL: Duration = links::RACE_PACE;
/// A gain under this is noise at any RTT, ms.
pub const NOTICEABLE_MS: f64 = score::NOTICEABLE_MS;
/// A near tie, which WebTransport wins, is within this share of the best score.
pub const TIE_SHARE: f64 = score::TIE;
/// A gain that is worth a move is this share of the active score.
pub const GAIN_SHARE: f64 = score::GAIN;
/// A gain must show in so many evaluations in a row.
pub const CHECKS: u8 = improve::EVALUATIONS;
/// The least time between two moves for the better.
pub const DWELL: Duration = dwell::LEAST;

/// What lies between two scores that count as level, ms.
pub fn tie_ms(best_ms: f64) -> f64 {
    score::band_ms(best_ms)
}

/// The gain that is worth a move away from a score of `active_ms`, ms.
pub fn gain_ms(active_ms: f64) -> f64 {
    score::worthwhile_ms(active_ms)
}
