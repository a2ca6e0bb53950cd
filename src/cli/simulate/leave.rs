//! How long each of the others takes to leave a region that died. Models, with their sources.
//!
//! Pure. From the moment of death to the first connection elsewhere. Every one is given a client that notices at once and
//! asks again every [`RETRY_S`], health checks at their fastest published setting, and no further mistake; what is left is
//! what the strategy itself needs. Ours is measured (`ours`).

use super::figures::Spread;
use crate::sim::Rng;

/// Cases that are drawn.
const DRAWS: usize = 20_000;
/// A client without a warm standby tries again so often: our assumption.
pub const RETRY_S: f64 = 5.0;

/// Route 53, "fast" health checks: every 10 s, three failures (AWS News Blog, "Route 53 Health Check Improvements", 2013).
pub const CHECK_S: f64 = 10.0;
pub const FAILURES: f64 = 3.0;
/// What AWS recommends for records with health checks.
pub const TTL_S: f64 = 60.0;
/// Resolvers that keep an answer longer (Bhowmick et al., "TTL Violation of DNS Resolvers in the Wild", PAM 2023: 8.74 %);
/// for how long is our assumption.
pub const KEEP_LONGER: f64 = 0.0874;
pub const KEPT_S: f64 = 300.0;

/// So many networks have converged after so long, with a long tail ("An Empirical Characterization of Anycast Convergence
/// Time", University of Twente, ANRW 2024); three minutes for the tail (Labovitz, Ahuja, Bose, Jahanian, "Delayed Internet
/// Routing Convergence", SIGCOMM 2000).
pub const QUICK: f64 = 0.8;
pub const QUICK_S: f64 = 10.0;
pub const SLOW_S: f64 = 180.0;

/// The edges check each region so often, and give it so long to answer: our assumption, in the range of what providers offer.
pub const EDGE_CHECK_S: f64 = 10.0;
pub const ANSWER_S: f64 = 2.0;

/// A record changes, and then every copy of the old one has to run out. By the map or by latency alike.
pub fn dns(rng: &mut Rng) -> Option<Spread> {
    drawn(rng, |rng| {
        let noticed = between(rng, (FAILURES - 1.0) * CHECK_S, FAILURES * CHECK_S);
        let kept = if rng.unit() < KEEP_LONGER { KEPT_S } else { TTL_S };
        noticed + between(rng, 0.0, kept)
    })
}

/// Routing converges without the region, whose route is withdrawn at once: our assumption.
pub fn anycast(rng: &mut Rng) -> Option<Spread> {
    drawn(rng, |rng| if rng.unit() < QUICK { between(rng, 0.0, QUICK_S) } else { between(rng, QUICK_S, SLOW_S) })
}

/// The edges believe the first failure: our assumption, too.
pub fn front_door(rng: &mut Rng) -> Option<Spread> {
    drawn(rng, |rng| between(rng, 0.0, EDGE_CHECK_S) + ANSWER_S)
}

fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.unit()
}

/// `converged` s after the death the next attempt succeeds.
fn drawn(rng: &mut Rng, converged: impl Fn(&mut Rng) -> f64) -> Option<Spread> {
    Spread::of((0..DRAWS).map(|_| (converged(rng) + between(rng, 0.0, RETRY_S)) * 1e3).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_takes_at_least_what_it_is_made_of_and_the_tail_shows() {
        let (dns, anycast, door) =
            (dns(&mut Rng::new(1)).unwrap(), anycast(&mut Rng::new(1)).unwrap(), front_door(&mut Rng::new(1)).unwrap());
        assert!((40e3..80e3).contains(&dns.p50_ms) && dns.p99_ms > 200e3, "{dns:?}");
        assert!((6e3..14e3).contains(&anycast.p50_ms) && anycast.p99_ms > 150e3, "{anycast:?}");
        assert!((6e3..12e3).contains(&door.p50_ms) && door.p99_ms < 18e3, "{door:?}");
    }
}
