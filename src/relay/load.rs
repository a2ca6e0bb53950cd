//! How near its limit a relay is, and whether it takes newcomers. Pure: `relay` hands it what was counted, with the time.
//!
//! The load is the largest share of anything that can run out. From [`Limits::full_percent`] on newcomers are sent elsewhere;
//! what is left is for those who are here or on their way already: standbys, moves, and whoever comes back.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::limits::Limits;

/// Between two looks at what is a rate.
const LOOK: Duration = Duration::from_secs(1);
/// How fast a rate follows: three quarters of a change are seen after as many looks.
const LOOKS: f64 = 3.0;
/// So far the load must fall again before newcomers are taken, per cent: or they would come and go with every one.
const BACK: f64 = 5.0;

/// What can run out, as shares: 1 is the limit.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Shares {
    pub connections: f64,
    pub sessions: f64,
    /// Of the time of all workers; 0 where it does not count or is not known.
    pub cpu: f64,
    /// Of the configured capacity; 0 where there is none.
    pub egress: f64,
}

impl Shares {
    pub fn most(&self) -> f64 {
        self.parts().into_iter().map(|(_, share)| share).fold(0.0, f64::max)
    }

    pub fn parts(&self) -> [(&'static str, f64); 4] {
        [("connections", self.connections), ("sessions", self.sessions), ("cpu", self.cpu), ("egress", self.egress)]
    }
}

/// What is a rate, counted since the start.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// CPU time of the process, where it is known.
    pub cpu: Option<Duration>,
    /// Handed to links.
    pub bytes_out: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Load {
    limits: Limits,
    /// `None`: CPU time does not count.
    workers: Option<usize>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shares: Shares,
    full: bool,
    looked: Option<(Instant, Spent)>,
}

impl Load {
    /// `workers`: between how many threads the process' CPU time is shared; `None` where it does not count.
    pub fn new(limits: Limits, workers: Option<usize>) -> Self {
        Self { limits, workers, state: Mutex::default() }
    }

    /// Takes in how many there are. Cheap.
    pub fn count(&self, connections: usize, sessions: usize) {
        let mut state = self.lock();
        state.shares.connections = share(connections, self.limits.connections);
        state.shares.sessions = share(sessions, self.limits.sessions);
        self.judge(&mut state);
    }

    /// Whether it is time to look at what is a rate.
    pub fn is_due(&self, now: Instant) -> bool {
        self.lock().looked.is_none_or(|(at, _)| now.saturating_duration_since(at) >= LOOK)
    }

    /// Takes in what is a rate.
    pub fn look(&self, now: Instant, spent: Spent) {
        let mut state = self.lock();
        if let Some((at, before)) = state.looked.replace((now, spent)) {
            self.follow(&mut state.shares, now.saturating_duration_since(at), before, spent);
        }
        self.judge(&mut state);
    }

    fn judge(&self, state: &mut State) {
        let percent = state.shares.most() * 100.0;
        let full = f64::from(self.limits.full_percent);
        state.full = percent >= if state.full { full - BACK } else { full };
    }

    fn follow(&self, shares: &mut Shares, passed: Duration, before: Spent, spent: Spent) {
        if passed.is_zero() {
            return;
        }
        let weight = 1.0 - (-passed.as_secs_f64() / LOOK.as_secs_f64() / LOOKS).exp();
        let follow = |old: f64, new: f64| old + (new - old) * weight;
        if let (Some(workers), Some(cpu), Some(before)) = (self.workers, spent.cpu, before.cpu) {
            let used = cpu.saturating_sub(before).as_secs_f64() / passed.as_secs_f64() / workers.max(1) as f64;
            shares.cpu = follow(shares.cpu, used);
        }
        if let Some(capacity_mbps) = self.limits.capacity_mbps {
            let bits = spent.bytes_out.saturating_sub(before.bytes_out) as f64 * 8.0 / passed.as_secs_f64();
            shares.egress = follow(shares.egress, bits / (f64::from(capacity_mbps.max(1)) * 1e6));
        }
    }

    pub fn shares(&self) -> Shares {
        self.lock().shares
    }

    /// 0-100.
    pub fn percent(&self) -> u8 {
        (self.shares().most() * 100.0).min(100.0) as u8
    }

    /// Whether newcomers should go elsewhere.
    pub fn is_full(&self) -> bool {
        self.lock().full
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the load")
    }
}

fn share(count: usize, limit: usize) -> f64 {
    count as f64 / limit.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn limits() -> Limits {
        Limits { connections: 100, sessions: 50, capacity_mbps: Some(100), ..Limits::default() }
    }

    fn spent(cpu_ms: u64, bytes_out: u64) -> Spent {
        Spent { cpu: Some(Duration::from_millis(cpu_ms)), bytes_out }
    }

    #[test]
    fn the_load_is_the_largest_share() {
        let load = Load::new(limits(), Some(2));
        load.count(50, 10);
        assert_eq!((load.percent(), load.is_full()), (50, false));
        load.count(50, 40);
        assert_eq!((load.percent(), load.is_full()), (80, false));
    }

    #[test]
    fn full_begins_at_ninety_per_cent_and_ends_five_below() {
        let load = Load::new(limits(), Some(2));
        for (connections, full) in [(89, false), (90, true), (86, true), (84, false), (89, false), (200, true)] {
            load.count(connections, 0);
            assert_eq!(load.is_full(), full, "{connections}");
        }
        assert_eq!(load.percent(), 100);
    }

    #[test]
    fn cpu_and_egress_are_followed_over_some_seconds() {
        let load = Load::new(limits(), Some(2));
        let start = clock::now();
        // Both workers busy, 40 Mbit/s of 100.
        let percents: Vec<_> = (0..=10)
            .map(|second| {
                load.look(start + Duration::from_secs(second), spent(second * 2000, second * 5_000_000));
                load.percent()
            })
            .collect();
        assert_eq!((percents[0], load.is_full()), (0, true), "{percents:?}");
        assert!((20..40).contains(&percents[1]) && (60..90).contains(&percents[4]), "{percents:?}");
        assert!((0.35..0.41).contains(&load.shares().egress), "{:?}", load.shares());
    }

    #[test]
    fn what_is_not_configured_does_not_count() {
        let load = Load::new(Limits { capacity_mbps: None, ..limits() }, None);
        let start = clock::now();
        load.count(1, 1);
        for second in 0..20 {
            load.look(start + Duration::from_secs(second), spent(second * 1000, second << 30));
        }
        assert_eq!(load.percent(), 2);
    }
}
