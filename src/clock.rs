//! The only reader of the clock.
//!
//! Everything else takes `now` as an argument or asks here, so that rules can be tested in virtual time and
//! nobody mixes clocks. Never: a wall clock for a duration.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The monotonic clock. It stands still while the machine is suspended; see [`Suspension`].
pub fn now() -> Instant {
    Instant::now()
}

/// The clock on the wall, for what a person reads.
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// Seconds since 1970, for tokens and certificates alone.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Milliseconds since 1970, for putting in order what machines say that share no other clock.
pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds since 1970 at a moment of the monotonic clock, if neither was set since.
pub fn unix_ms_at(at: Instant) -> f64 {
    let (now, wall) = (now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    let before = now.saturating_duration_since(at).as_secs_f64();
    (wall.as_secs_f64() - before + at.saturating_duration_since(now).as_secs_f64()) * 1000.0
}

/// Tells how long the machine slept: the time that passed on the boot-time clock and not on the monotonic one.
#[derive(Debug)]
pub struct Suspension {
    gap: Duration,
}

impl Suspension {
    /// Starts watching.
    pub fn new() -> Self {
        Self { gap: boot_ahead_of_monotonic() }
    }

    /// Time asleep since the last call; under 100 ms reads as none, for the two clocks are not read at one moment.
    pub fn slept(&mut self) -> Option<Duration> {
        let gap = boot_ahead_of_monotonic();
        let slept = gap.saturating_sub(self.gap);
        if slept < Duration::from_millis(100) {
            return None;
        }
        self.gap = gap;
        Some(slept)
    }
}

impl Default for Suspension {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot_ahead_of_monotonic() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| {
        let time = clock_gettime(clock);
        Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
    };
    read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic))
}

/// Elsewhere the wall clock stands in: it goes on during sleep, and a correction of it reads as sleep, which costs
/// a redial and nothing else.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn boot_ahead_of_monotonic() -> Duration {
    use std::sync::OnceLock;
    static START: OnceLock<(Instant, SystemTime)> = OnceLock::new();
    let (monotonic, wall) = START.get_or_init(|| (Instant::now(), SystemTime::now()));
    wall.elapsed().unwrap_or_default().saturating_sub(monotonic.elapsed())
}
