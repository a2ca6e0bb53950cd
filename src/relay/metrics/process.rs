//! What this process uses of the machine, by the names that Prometheus' own libraries give. Linux alone: elsewhere nothing is
//! said.

use std::time::Duration;

/// Ticks a second in `/proc`: fixed by the kernel for programs, whatever it runs at (proc(5), `USER_HZ`).
const TICKS: u64 = 100;

/// CPU time of all threads of this process since it began, where the system says so.
pub fn cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    cpu_in(&stat)
}

/// The name, in parentheses, may hold anything: fields are counted behind it. 14 and 15 are user and system time.
fn cpu_in(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map_while(|field| field.parse::<u64>().ok());
    let ticks = fields.next()? + fields.next()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS))
}

/// Resident memory, bytes.
pub fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Open descriptors.
pub fn descriptors() -> Option<usize> {
    // One of them is the folder that is being read.
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}

/// The most that may be open.
pub fn most_descriptors() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 1 1000 200";
        assert_eq!(cpu_in(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu_in("7 (a) S 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_says_all_of_it() {
        assert!(cpu().is_some() && memory() > Some(1 << 20) && descriptors() > Some(2) && most_descriptors().is_some());
    }
}
