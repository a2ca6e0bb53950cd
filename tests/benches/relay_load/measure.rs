//! What a process and the machine spent.

use std::time::Duration;

use nearcall::clock;
use serde::{Deserialize, Serialize};

/// What this process has used so far; between two of them, what it used meanwhile.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Usage {
    /// On one clock for all processes.
    wall_us: u64,
    cpu_us: u64,
    pub rss_bytes: u64,
    pub allocations: u64,
    /// Times that the kernel switched from one of its threads because it waited.
    pub switches: u64,
}

impl Usage {
    pub fn now() -> Self {
        let (wall, cpu) = clocks();
        Self {
            wall_us: wall.as_micros() as u64,
            cpu_us: cpu.as_micros() as u64,
            rss_bytes: rss(),
            allocations: {
                let stats = super::ALLOCATOR.stats();
                (stats.allocations + stats.reallocations) as u64
            },
            switches: switches(),
        }
    }

    pub fn since(&self, before: &Self) -> Self {
        Self {
            wall_us: self.wall_us - before.wall_us,
            cpu_us: self.cpu_us - before.cpu_us,
            rss_bytes: self.rss_bytes.saturating_sub(before.rss_bytes),
            allocations: self.allocations - before.allocations,
            switches: self.switches - before.switches,
        }
    }

    pub fn core_ms_per_second(&self) -> f64 {
        self.cpu_us as f64 / self.wall_us.max(1) as f64 * 1e3
    }

    pub fn seconds(&self) -> f64 {
        self.wall_us as f64 / 1e6
    }
}

/// The clock that all processes have in common, and this process's time on processors.
#[cfg(unix)]
fn clocks() -> (Duration, Duration) {
    use rustix::time::{ClockId, clock_gettime};
    [ClockId::Monotonic, ClockId::ProcessCPUTime]
        .map(clock_gettime)
        .map(|time| Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32))
        .into()
}

/// Elsewhere nothing is pinned or measured this way.
#[cfg(not(unix))]
fn clocks() -> (Duration, Duration) {
    (Duration::from_micros(now_us()), Duration::ZERO)
}

fn rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn switches() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |task: std::fs::DirEntry| {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    tasks.map(of).sum()
}

/// What the whole machine has done so far, or between two looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine {
    at: Duration,
    /// All cores.
    busy: Duration,
    /// UDP packets for which a socket had no room.
    pub udp_dropped: u64,
}

impl Machine {
    pub fn read() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().next().unwrap_or_default();
        let fields: Vec<u64> = line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
        let idle: u64 = fields.iter().skip(3).take(2).sum();
        let ticks = fields.iter().take(8).sum::<u64>() - idle;
        let snmp = std::fs::read_to_string("/proc/net/snmp").unwrap_or_default();
        let mut udp = snmp.lines().filter_map(|line| line.strip_prefix("Udp:"));
        let (names, values) = (udp.next().unwrap_or_default(), udp.next().unwrap_or_default());
        let place = names.split_whitespace().position(|name| name == "RcvbufErrors");
        let dropped = place.and_then(|place| values.split_whitespace().nth(place)?.parse().ok());
        Self {
            at: clocks().0,
            // A tick is 10 ms in /proc on every Linux.
            busy: Duration::from_millis(ticks * 10),
            udp_dropped: dropped.unwrap_or(0),
        }
    }

    pub fn since(&self, before: &Self) -> Self {
        Self {
            at: self.at - before.at,
            busy: self.busy.saturating_sub(before.busy),
            udp_dropped: self.udp_dropped - before.udp_dropped,
        }
    }

    /// Cores that were busy.
    pub fn cores(&self) -> f64 {
        self.busy.as_secs_f64() / self.at.as_secs_f64().max(1e-3)
    }
}

/// µs since this process began, as media headers carry it.
pub fn now_us() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(clock::now).elapsed().as_micros() as u64
}
