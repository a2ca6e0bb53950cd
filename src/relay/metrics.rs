//! What the relay tells its operator under `/metrics`, on the admin port alone.
//!
//! `http` prints it. What passes over links is counted in [`crate::net::figures`]; here is what happens more rarely, and the
//! text of all. Every label has a fixed set of values, or a bounded one: no room, no participant, no address.

mod own;
mod page;
mod prefixes;
pub mod process;
mod users;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use super::Core;
use crate::clock;
use crate::proto::control::RefusalCode;

pub use self::page::Format;
use self::page::Page;
pub use self::users::Users;

/// The text of all.
///
/// # Errors
/// None that is known: writing to memory does not fail.
pub fn text(core: &Core, format: Format) -> Result<String, std::fmt::Error> {
    let mut page = Page::default();
    own::write(&mut page, core)?;
    core.metrics.users.write(&mut page.out)?;
    Ok(page.finish(format))
}

/// Which of the two sockets a connection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    Udp,
    Tcp,
}

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handshake {
    Done,
    Failed,
    /// It took too long.
    TimedOut,
    /// It was the oldest of too many that were under way.
    MadeRoom,
    /// There were too many connections for it to begin.
    Full,
}

/// See the module.
#[derive(Debug)]
pub struct Metrics {
    pub users: Users,
    started: Instant,
    started_wall: SystemTime,
    refused: Mutex<BTreeMap<RefusalCode, u64>>,
    handshakes: Mutex<BTreeMap<(Door, Handshake), u64>>,
    bus_lost: AtomicU64,
}

impl Metrics {
    /// `prefixes`: the most networks of users that get figures of their own; 0 for none.
    pub fn new(prefixes: usize) -> Self {
        Self {
            users: Users::new(prefixes),
            started: clock::now(),
            started_wall: clock::wall(),
            refused: Mutex::default(),
            handshakes: Mutex::default(),
            bus_lost: 0.into(),
        }
    }

    pub fn refused(&self, code: RefusalCode) {
        *self.refused.lock().expect("nobody panics while counting").entry(code).or_default() += 1;
    }

    pub fn handshake(&self, door: Door, how: Handshake) {
        *self.handshakes.lock().expect("nobody panics while counting").entry((door, how)).or_default() += 1;
    }

    pub fn bus_lost(&self) {
        self.bus_lost.fetch_add(1, Ordering::Relaxed);
    }
}
