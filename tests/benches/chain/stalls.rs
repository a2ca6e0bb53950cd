//! How long the machine itself stood still: a thread that sleeps 5 ms and looks how long it was. What is heard and seen is
//! worse by that, and no network or buffer is to blame.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nearcall::clock;

const SLEEP: Duration = Duration::from_millis(5);
/// Later than this counts.
const LATE: Duration = Duration::from_millis(20);

/// Watches from its start on.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Stalls>,
}

/// What was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stalls {
    pub longest_ms: f64,
    /// Of all stalls of 20 ms and more together.
    pub sum_ms: f64,
}

impl Watch {
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || {
                let mut stalls = Stalls::default();
                while !stop.load(Ordering::Relaxed) {
                    let begun = clock::now();
                    std::thread::sleep(SLEEP);
                    let late = (clock::now() - begun).saturating_sub(SLEEP);
                    let late_ms = late.as_secs_f64() * 1000.0;
                    stalls.longest_ms = stalls.longest_ms.max(late_ms);
                    stalls.sum_ms += if late >= LATE { late_ms } else { 0.0 };
                }
                stalls
            }
        });
        Self { stop, thread }
    }

    pub fn end(self) -> Stalls {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}
