//! A relay from outside: in this process, with real sockets, clients that speak by hand, and strangers who do not speak at all.
//!
//! `client` and `raw` are the tools, `beside` is the call that nothing may disturb; the rest are tests.

mod beside;
mod capacity;
#[cfg(feature = "app")]
mod chatted_call;
pub(crate) mod client;
mod crowd;
mod garbage;
mod http;
mod layers;
mod limits;
mod manners;
#[cfg(feature = "app")]
mod moderated_call;
mod moderation;
pub(crate) mod raw;
mod regions;
mod room;
mod slow;
mod strangers;
mod tokens;
mod upkeep;

use nearcall::relay::{Config, Relay};
use tokio::sync::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::const_new(());

/// Tests against the clock take turns: a neighbour's load reads as a fault of theirs.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

async fn relay() -> Relay {
    Relay::start(Config::local("one")).await.unwrap()
}

/// Waits until nobody is connected but the two of the call beside.
async fn only_the_call_beside(relay: &Relay) {
    while relay.load().1 > 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Resident memory of this process, bytes.
fn memory() -> u64 {
    memory_of("/proc/self/status")
}

fn memory_of(status: &str) -> u64 {
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
